/**
 * One measurement as a device reports it: its digits, its clock, its status bits, its bytes.
 *
 * @remarks
 * Nothing here is judged or converted; that is the clinical code's work. Proven by
 * `tests/devices/measurement.test.ts` and the driver tests.
 *
 * @packageDocumentation
 */
import { QUANTITIES, unitRow, type QuantityName } from '../clinical/codes.ts'
import { isDecimal } from '../clinical/decimal.ts'
import type { Quantity, ReadingKind } from '../shared/api/schemas.ts'
import { assert } from '../shared/errors.ts'
import { DeviceError } from './errors.ts'

/** One measurement out of a device, not yet assigned to anybody. */
export interface Measurement {
  kind: ReadingKind
  /** The digits of the device, as text. */
  quantities: Quantity[]
  /** `YYYY-MM-DDTHH:mm:ss`, local to the device, no zone; null when it has no clock or shows no valid time. */
  deviceTime: string | null
  /** Every status bit as a code (`irregular-pulse`, `movement`, …); the bits nobody has explained as one mask, `status-0x8004`. */
  flags: string[]
  /** Control solution, not blood: goes to the quality log and never to a patient. */
  control: boolean
  /** What was measured: a `room` (or a fridge) is never assigned to a patient. */
  purpose: 'patient' | 'room'
  /** The user or memory bank of the device that holds it, as the device names it; null when it has no such thing. */
  userSlot: string | null
  /** The stretch of time that the value stands for, with the range of its seconds; left out for a single reading. */
  window?: { seconds: number; min: string; max: string }
  /** Names this record within the device's memory; equal for the same record in a second read-out. */
  recordKey: string
  /** Exact bytes of the record. */
  raw: Uint8Array
}

/** What holds for a measurement when its record says nothing else. */
export const ORDINARY = { control: false, purpose: 'patient', userSlot: null } as const

/**
 * A measured quantity.
 *
 * @param name - Which.
 * @param value - Digits of the device; null when it has a place for them and says that there are none. Untrusted.
 * @param ucum - Unit, one of the quantity's; its first one when left out.
 * @throws {@link DeviceError} `PROTOCOL` when `value` is not a decimal.
 */
export function measured(name: QuantityName, value: string | null, ucum?: string): Quantity {
  return quantityOf(name, value, ucum, null)
}

/**
 * A quantity that the device showed as HI or LO.
 *
 * @param limit - The end of its scale, from the device or its documents; null when that is not known.
 * @param comparator - `>` for HI, `<` for LO.
 * @param ucum - As for {@link measured}.
 */
export function offScale(name: QuantityName, limit: string | null, comparator: '<' | '>', ucum?: string): Quantity {
  return quantityOf(name, limit, ucum, comparator)
}

function quantityOf(
  name: QuantityName,
  value: string | null,
  ucum: string | undefined,
  comparator: '<' | '>' | null,
): Quantity {
  const row = unitRow(name, ucum ?? QUANTITIES[name].units[0]?.ucum ?? '')
  assert(row !== null, `${name} has no unit ${ucum ?? ''}`)
  if (value !== null && !isDecimal(value)) throw new DeviceError('PROTOCOL', `${name} is no number`)
  return { name, value, comparator, ucum: row.ucum, unit: row.unit, coded: null }
}
