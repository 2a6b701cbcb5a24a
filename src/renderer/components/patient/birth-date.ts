/**
 * A birth date as people type it. Accepted: `1957-03-14`, `14-Mar-1957` (also with spaces), `14.03.1957`. Slashes are
 * refused, because `03/04/1957` means two different days. Proven by
 * `tests/renderer/components/patient/birth-date.test.ts`.
 */
import { parseDate } from '../../../clinical/instant.ts'
import { ClinicalError } from '../../../clinical/errors.ts'

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const FORMS = [
  /^(?<year>\d{4})-(?<month>\d{1,2})-(?<day>\d{1,2})$/,
  /^(?<day>\d{1,2})\.(?<month>\d{1,2})\.(?<year>\d{4})$/,
  /^(?<day>\d{1,2})[-\s.]*(?<word>[a-z]{3,9})[-\s.,]*(?<year>\d{4})$/,
]

/**
 * `YYYY-MM-DD` of what was typed, or why not.
 *
 * @param today - `YYYY-MM-DD`; nobody is born later, or more than 130 years before.
 */
export function readBirthDate(text: string, today: string): { date: string } | { wrong: 'empty' | 'form' | 'range' } {
  if (text.trim() === '') return { wrong: 'empty' }
  const date = readDay(text)
  if (date === null) return { wrong: 'form' }
  const isTooOld = Number(date.slice(0, 4)) < Number(today.slice(0, 4)) - 130
  return date > today || isTooOld ? { wrong: 'range' } : { date }
}

/** `YYYY-MM-DD` of any day as people type it; null for anything else. */
export function readDay(text: string): string | null {
  const typed = text.trim().toLowerCase()
  const parts = FORMS.map((form) => form.exec(typed)?.groups).find((groups) => groups !== undefined)
  if (parts === undefined) return null
  const { year = '', day = '' } = parts
  const month = parts.word === undefined ? (parts.month ?? '') : `${monthOf(parts.word)}`
  const date = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`
  return isDate(date) ? date : null
}

function monthOf(word: string): number {
  return MONTHS.findIndex((month) => word.startsWith(month)) + 1
}

function isDate(text: string): boolean {
  try {
    parseDate(text)
    return true
  } catch (cause) {
    if (cause instanceof ClinicalError) return false
    throw cause
  }
}
