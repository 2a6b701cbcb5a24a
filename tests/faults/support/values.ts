/** What the tests of faults and the processes they start agree on. Loads nothing of the test runner. */
import type { ManualValue } from '../../../src/shared/api/schemas.ts'

/** What the operating system would keep. */
export const NODE_SECRET = new Uint8Array(32).fill(7)
/** Everybody's PIN here. */
export const PIN = '2580'

/** One typed weight, in kilograms. */
export function weight(value: string, confirmed = true): ManualValue {
  return { kind: 'weight', quantities: [{ name: 'weight', value, ucum: 'kg', coded: null }], site: null, confirmed }
}
