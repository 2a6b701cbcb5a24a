import type { Outcome } from '../api/types.ts'
import { usePresenceStore } from '../stores/presence.ts'

/**
 * For calls that sign something: asks for the PIN when the core wants presence proven again, then repeats the call.
 * A person who closes the question gets `CANCELLED`.
 */
export function usePresence(): { guarded: <Value>(run: () => Promise<Outcome<Value>>) => Promise<Outcome<Value>> } {
  const presence = usePresenceStore()
  return { guarded: presence.guarded }
}
