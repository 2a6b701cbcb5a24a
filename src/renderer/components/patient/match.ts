/**
 * Which patients fit what was typed: every word must begin a word of the name, or be part of the identifier or of the
 * birth date as stored or as shown. Accents do not matter. Proven by `tests/renderer/components/patient/match.test.ts`.
 */
import { formatDate } from '../../../clinical/format.ts'
import type { Patient } from '../../api/types.ts'

/** Lower case without accents. */
export function plain(text: string): string {
  return text
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '')
    .toLowerCase()
}

/** True when `patient` fits `text`. Empty text fits everybody. */
export function fits(
  patient: Pick<Patient, 'familyName' | 'givenName' | 'birthDate' | 'identifier'>,
  text: string,
): boolean {
  const words = plain(`${patient.familyName} ${patient.givenName}`).split(/\s+/)
  const names = words.flatMap((word) => [word, ...word.split('-')])
  const rest = [patient.identifier, patient.birthDate, formatDate(patient.birthDate)].map(plain)
  return plain(text)
    .split(/[\s,]+/)
    .every((word) => names.some((name) => name.startsWith(word)) || rest.some((one) => one.includes(word)))
}
