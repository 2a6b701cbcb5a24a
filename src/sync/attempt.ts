/**
 * Asking a store that may have damaged rows, or none.
 *
 * @packageDocumentation
 */
import { CodedError } from '../shared/errors.ts'

/**
 * What `read` gives, or null when the store cannot give it: as far as a peer is concerned, that is not held. A bug passes
 * on. Proven by `tests/sync/damaged-store.test.ts`.
 */
export function orNull<Value>(read: () => Value | null): Value | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof CodedError) return null
    throw error
  }
}
