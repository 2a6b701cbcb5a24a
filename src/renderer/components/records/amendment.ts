/**
 * What may be typed in the place of a recorded value: the same quantities in the same units, or one of the same
 * answers.
 *
 * @remarks
 * Pure. What a device derives from several measurements (body composition, a sensor's series) cannot be typed: it is
 * retracted and measured again. Proven by `tests/renderer/components/records/amendment.test.ts`.
 *
 * @packageDocumentation
 */
import { unitRow } from '../../../clinical/codes.ts'
import { judge } from '../../../clinical/limits.ts'
import type { ManualValue, Quantity, Reading, ReadingKind } from '../../api/types.ts'
import { CONSCIOUSNESS, decimalOf } from '../capture/manual-form.ts'

const TYPED: Partial<Record<ReadingKind, readonly string[]>> = {
  'blood-pressure': ['systolic', 'diastolic'],
  'heart-rate': ['pulse'],
  spo2: ['spo2'],
  temperature: ['temperature'],
  'respiratory-rate': ['respiratory-rate'],
  oxygen: ['oxygen-flow'],
  weight: ['weight'],
  glucose: ['glucose'],
}

/** One number that may be typed. */
export interface AmendedPart {
  readonly name: string
  readonly ucum: string
  readonly unit: string
  /** Digits as recorded; empty when the record holds an answer instead. */
  readonly recorded: string
}

/** Answers that may be chosen instead; none for numbers. */
export function answersFor({ kind }: Reading): readonly string[] {
  if (kind === 'consciousness') return CONSCIOUSNESS
  return kind === 'oxygen' ? ['air', 'oxygen'] : []
}

/** True when a value like this can be typed by hand. */
export function mayAmend(reading: Reading): boolean {
  return answersFor(reading).length > 0 || partsFor(reading).length > 0
}

/** Numbers that may be typed in the place of a record. Oxygen is a flow whatever was recorded. */
export function partsFor({ kind, quantities }: Reading): readonly AmendedPart[] {
  return (TYPED[kind] ?? []).flatMap((name): AmendedPart[] => {
    const found = quantities.find((one) => one.name === name)
    const ucum = found?.ucum ?? (kind === 'oxygen' ? 'L/min' : null)
    if (ucum === null) return []
    return [{ name, ucum, unit: unitRow(name, ucum)?.short ?? found?.unit ?? ucum, recorded: found?.value ?? '' }]
  })
}

/** What was typed, judged. */
export type Amended =
  | { readonly state: 'ready' | 'unusual'; readonly value: ManualValue }
  | { readonly state: 'incomplete' | 'not-a-number' | 'rejected' | 'same' }

/**
 * Judges what was typed in the place of `reading`.
 *
 * @param typed - Texts of {@link partsFor} in their order; untrusted.
 * @param answer - Of {@link answersFor}; null for none.
 * @param confirmed - The person looked again and means an unusual value.
 */
export function amendmentOf(
  reading: Reading,
  typed: readonly string[],
  answer: string | null,
  confirmed: boolean,
): Amended {
  const quantities = answer === null || answer === 'oxygen' ? numbersOf(reading, typed) : answerOf(reading.kind, answer)
  if (typeof quantities === 'string') return { state: quantities }
  if (isSame(reading.quantities, quantities)) return { state: 'same' }
  const value = { kind: reading.kind, quantities, site: reading.site, confirmed }
  const { level } = judge(reading.kind, quantities.map(shown))
  if (level === 'reject') return { state: 'rejected' }
  return { state: level === 'confirm' && !confirmed ? 'unusual' : 'ready', value }
}

type Quantities = ManualValue['quantities']

function numbersOf(reading: Reading, typed: readonly string[]): Quantities | 'incomplete' | 'not-a-number' {
  const parts = partsFor(reading)
  if (parts.length === 0 || parts.some((_, n) => (typed[n] ?? '').trim() === '')) return 'incomplete'
  const numbers = parts.map(({ name, ucum }, n) => ({ name, value: decimalOf(typed[n] ?? ''), ucum, coded: null }))
  return numbers.some(({ value }) => value === null) ? 'not-a-number' : numbers
}

function answerOf(kind: ReadingKind, coded: string): Quantities {
  return [{ name: kind === 'oxygen' ? 'oxygen' : kind, value: null, ucum: '', coded }]
}

function isSame(recorded: readonly Quantity[], typed: Quantities): boolean {
  return typed.every(({ name, value, coded }) =>
    recorded.some((one) => one.name === name && one.value === value && one.coded === coded),
  )
}

function shown(quantity: Quantities[number]): Quantity {
  return { ...quantity, comparator: null, unit: unitRow(quantity.name, quantity.ucum)?.short ?? '' }
}
