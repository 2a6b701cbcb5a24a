import type { Measurement } from '../../src/devices/measurement.ts'

/** A measurement in one line: user, time, values, flags. */
export function line({ userSlot, deviceTime, quantities, flags }: Measurement): string {
  const values = quantities.map(({ value, comparator }) => `${comparator ?? ''}${value ?? '-'}`)
  return [...(userSlot === null ? [] : [userSlot]), deviceTime ?? 'no-time', ...values, ...flags].join(' ')
}
