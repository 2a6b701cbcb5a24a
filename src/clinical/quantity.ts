/**
 * Building quantities and sorting them into readings, so that unit texts and kinds come from the table and from
 * nowhere else. Proven by `tests/clinical/quantity.test.ts`.
 *
 * @packageDocumentation
 */
import type { Quantity, ReadingKind } from '../shared/api/schemas.ts'
import {
  KINDS,
  QUANTITIES,
  QUANTITY_NAMES,
  isQuantityName,
  unitRow,
  type QuantityName,
  type Technique,
} from './codes.ts'
import { isDecimal } from './decimal.ts'
import { ClinicalError } from './errors.ts'

/** What was measured at once, as one reading of one kind. */
export interface KindOfReading {
  readonly kind: ReadingKind
  readonly quantities: Quantity[]
  /** Follows from what came together: a pulse that came with pressures was found by the cuff. */
  readonly technique: Technique | null
}

/**
 * A measured quantity.
 *
 * @param value - Digits as measured.
 * @param ucum - The quantity's default unit when left out.
 * @param comparator - `<` or `>` when the device showed LO or HI; the value is then its limit.
 * @throws {@link ClinicalError} `WRONG_NUMBER` or `WRONG_UNIT`.
 */
export function measured(
  name: QuantityName,
  value: string,
  ucum?: string,
  comparator: '<' | '>' | null = null,
): Quantity {
  const row = unitRow(name, ucum ?? QUANTITIES[name].units[0]?.ucum ?? '')
  if (!row) throw new ClinicalError('WRONG_UNIT', name)
  if (!isDecimal(value)) throw new ClinicalError('WRONG_NUMBER', name)
  return { name, value, comparator, ucum: row.ucum, unit: row.unit, coded: null }
}

/**
 * A coded quantity: a level of consciousness, or air.
 *
 * @param answer - Code of one of the quantity's answers.
 * @throws {@link ClinicalError} `WRONG_CODE`.
 */
export function answered(name: QuantityName, answer: string): Quantity {
  const isAnswer = QUANTITIES[name].answers.some((row) => row.code === answer)
  if (!isAnswer) throw new ClinicalError('WRONG_CODE', name)
  return { name, value: null, comparator: null, ucum: '', unit: '', coded: answer }
}

/**
 * The quantity as the table spells it: a unit text that the table does not have is replaced.
 *
 * @param quantity - From a form or a driver; only name, value, comparator, unit code and answer are believed.
 * @throws {@link ClinicalError} `WRONG_CODE`, `WRONG_UNIT` or `WRONG_NUMBER`.
 */
export function fromTable(quantity: Pick<Quantity, 'name' | 'value' | 'ucum' | 'coded'> & Partial<Quantity>): Quantity {
  const { name, value, ucum, coded } = quantity
  if (!isQuantityName(name)) throw new ClinicalError('WRONG_CODE', 'unknown quantity')
  if (coded !== null) return answered(name, coded)
  if (value !== null) return measured(name, value, ucum, quantity.comparator ?? null)
  const comparator = quantity.comparator ?? null
  return { name, value: null, comparator, ucum, unit: unitRow(name, ucum)?.unit ?? '', coded: null }
}

/**
 * Sorts what one measurement gave into readings, one per FHIR Observation: pressures together, everything else alone.
 *
 * @param quantities - In any order; names of the table.
 * @returns In the order of the table.
 * @throws {@link ClinicalError} `WRONG_CODE` for an unknown name.
 */
export function splitMeasurement(quantities: readonly Quantity[]): KindOfReading[] {
  const names = new Set(quantities.map(({ name }) => name))
  const technique = names.has('systolic') ? 'cuff' : names.has('spo2') ? 'pulse-oximeter' : null
  const readings: KindOfReading[] = []
  for (const quantity of inTableOrder(quantities)) {
    const { kind, component, byTechnique } = QUANTITIES[quantity.name]
    const panel = component ? readings.find((reading) => reading.kind === kind) : undefined
    if (panel) panel.quantities.push(quantity)
    else readings.push({ kind, quantities: [quantity], technique: byTechnique ? technique : null })
  }
  return readings
}

/** The quantities in the order of the table, their names checked. */
export function inTableOrder(quantities: readonly Quantity[]): (Quantity & { name: QuantityName })[] {
  const known = quantities.map((quantity) => {
    if (!isQuantityName(quantity.name)) throw new ClinicalError('WRONG_CODE', 'unknown quantity')
    return { ...quantity, name: quantity.name }
  })
  return known.sort((a, b) => QUANTITY_NAMES.indexOf(a.name) - QUANTITY_NAMES.indexOf(b.name))
}

/** Kinds in chart order. */
export const KINDS_IN_CHART_ORDER = Object.keys(KINDS) as ReadingKind[]
