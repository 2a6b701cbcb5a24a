import { defineStore } from 'pinia'
import { call } from '../api/call.ts'
import type { Authorisation, EntryRef, ManualValue, Outcome, Problem } from '../api/types.ts'
import { usePresence } from '../composables/use-presence.ts'

/** Amending and retracting values. The chart hears of it from the core. */
export const useCorrectionsStore = defineStore('corrections', () => {
  const { guarded } = usePresence()
  const problemOf = (reply: Outcome<unknown>): Problem | null => (reply.ok ? null : reply)

  /** Signs a value that takes the place of the one at `ref`; with the patient's side where consent asks for it. */
  async function amend(
    handle: string,
    ref: EntryRef,
    value: ManualValue,
    reason: string,
    authorisation: Authorisation | null,
  ): Promise<Problem | null> {
    const request = { handle, ref, value, reason, authorisation }
    return problemOf(await guarded(() => call((client) => client.records.amend(request))))
  }

  /** Signs that the value at `ref` should not be there. */
  async function retract(handle: string, ref: EntryRef, reason: string): Promise<Problem | null> {
    return problemOf(await guarded(() => call((client) => client.records.retract({ handle, ref, reason }))))
  }

  return { amend, retract }
})
