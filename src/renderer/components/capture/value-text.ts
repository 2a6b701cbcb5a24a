/**
 * One measurement as text: `128/82` and its unit. Digits are those of the device or the person, never recomputed.
 *
 * @remarks
 * A limit (`HI`, `LO`) is shown with its sign, because it is no measurement; coded answers stay codes for the caller
 * to put into words. Proven by `tests/renderer/components/capture/value-text.test.ts`.
 *
 * @packageDocumentation
 */
import { offScaleText } from '../../../clinical/format.ts'
import type { Quantity } from '../../api/types.ts'

/** What a cell shows: digits and unit, or a coded answer. */
export type ValueText =
  | { readonly kind: 'digits'; readonly digits: string; readonly unit: string }
  | { readonly kind: 'coded'; readonly code: string }

const digitsOf = (quantity: Quantity | undefined): string => {
  if (quantity === undefined || quantity.value === null) return offScaleText(quantity?.comparator ?? null)
  return quantity.comparator === null ? quantity.value : `${quantity.comparator} ${quantity.value}`
}

/**
 * The text of one reading or draft.
 *
 * @param quantities - Of one kind, at least one; blood pressure has systolic and diastolic and perhaps a mean.
 */
export function valueText(quantities: readonly Quantity[]): ValueText {
  const [first] = quantities
  const find = (name: string) => quantities.find((quantity) => quantity.name === name)
  const systolic = find('systolic')
  if (systolic) {
    const mean = find('mean')
    const pair = `${digitsOf(systolic)}/${digitsOf(find('diastolic'))}`
    return { kind: 'digits', digits: mean ? `${pair} (${digitsOf(mean)})` : pair, unit: systolic.unit }
  }
  if (first !== undefined && first.coded !== null) return { kind: 'coded', code: first.coded }
  return { kind: 'digits', digits: digitsOf(first), unit: first?.ucum === '/min' ? '/min' : (first?.unit ?? '') }
}
