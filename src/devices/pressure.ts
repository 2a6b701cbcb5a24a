/**
 * A blood pressure reading out of the fields of a device's record.
 *
 * @remarks
 * Proven by the tests of the drivers that use it.
 *
 * @packageDocumentation
 */
import { measured, ORDINARY, type Measurement } from './measurement.ts'
import { TIME_INVALID } from './timeline.ts'

/** What the monitors here store. */
export interface PressureRecord {
  /** mmHg, digits of the device; null when the record does not tell. */
  systolic: string | null
  diastolic: string | null
  /** mmHg; left out by monitors that do not store it. */
  mean?: string | null
  /** Beats per minute. */
  pulse: string | null
  /** `YYYY-MM-DDTHH:mm:ss`, null when the record's time is none. */
  deviceTime: string | null
  flags: readonly string[]
  /** The user's name on the device; null when it has one user, or does not tell. */
  userSlot: string | null
  recordKey: string
  raw: Uint8Array
}

/** The measurement of a record. */
export function pressureOf(record: PressureRecord): Measurement {
  const { systolic, diastolic, mean, pulse, deviceTime, flags, userSlot, recordKey, raw } = record
  return {
    kind: 'blood-pressure',
    quantities: [
      measured('systolic', systolic),
      measured('diastolic', diastolic),
      ...(mean === undefined ? [] : [measured('mean', mean)]),
      measured('pulse', pulse),
    ],
    deviceTime,
    flags: [...(deviceTime === null ? [TIME_INVALID] : []), ...flags],
    ...ORDINARY,
    userSlot,
    recordKey,
    raw,
  }
}
