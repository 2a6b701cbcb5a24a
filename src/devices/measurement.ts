/**
 * One measurement as a device reports it: its digits, its clock, its status bits, its bytes.
 *
 * @remarks
 * Nothing here is judged or converted; that is the clinical code's work. Proven by the driver tests.
 *
 * @packageDocumentation
 */
import type { Quantity, ReadingKind } from '../shared/api/schemas.ts'

/** One measurement out of a device, not yet assigned to anybody. */
export interface Measurement {
  kind: ReadingKind
  /** The digits of the device, as text. */
  quantities: Quantity[]
  /** `YYYY-MM-DDTHH:mm:ss`, local to the device, no zone; null when it has no clock or shows no valid time. */
  deviceTime: string | null
  /** Every status bit as a code (`irregular-pulse`, `movement`, …); the bits nobody has explained as one mask, `status-0x8004`. */
  flags: string[]
  /** Names this record within the device's memory; equal for the same record in a second read-out. */
  recordKey: string
  /** Exact bytes of the record. */
  raw: Uint8Array
}

const UNITS = {
  systolic: ['mm[Hg]', 'mmHg'],
  diastolic: ['mm[Hg]', 'mmHg'],
  pulse: ['/min', 'beats/minute'],
  spo2: ['%', '%'],
} as const

/**
 * A measured quantity.
 *
 * @param name - Which; unit and UCUM code follow from it.
 * @param value - Digits of the device.
 */
export function measured(name: keyof typeof UNITS, value: string): Quantity {
  const [ucum, unit] = UNITS[name]
  return { name, value, comparator: null, ucum, unit, coded: null }
}
