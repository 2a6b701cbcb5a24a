import { computed, ref, shallowRef, watch } from 'vue'
import { defineStore } from 'pinia'
import { call } from '../api/call.ts'
import type { Outcome, Problem } from '../api/types.ts'
import { useSessionStore } from './session.ts'

/**
 * Whoever signs something must have shown within the last minutes that they are still here. The core says when that
 * is too long ago; this asks for the PIN and has the call made again. Several calls may wait for one answer.
 */
export const usePresenceStore = defineStore('presence', () => {
  const session = useSessionStore()
  const waiting = shallowRef<readonly ((isProven: boolean) => void)[]>([])
  const isAsking = computed(() => waiting.value.length > 0)
  const problem = shallowRef<Problem | null>(null)
  const isBusy = ref(false)

  function settle(isProven: boolean): void {
    const all = waiting.value
    waiting.value = []
    problem.value = null
    for (const answer of all) answer(isProven)
  }

  /**
   * Makes a call; when the core asks for presence first, asks the person, and makes it once more.
   *
   * @param run - Makes the call anew each time.
   * @returns Its outcome; `CANCELLED` when the person did not prove presence.
   */
  async function guarded<Value>(run: () => Promise<Outcome<Value>>): Promise<Outcome<Value>> {
    const first = await run()
    if (first.ok || first.code !== 'REAUTH_NEEDED') return first
    const isProven = await new Promise<boolean>((resolve) => (waiting.value = [...waiting.value, resolve]))
    return isProven ? run() : { ok: false, code: 'CANCELLED' }
  }

  /** Tries a PIN. */
  async function prove(pin: string): Promise<void> {
    if (isBusy.value) return
    isBusy.value = true
    const reply = await call((client) => client.session.reauthenticate({ pin }))
    isBusy.value = false
    if (reply.ok) settle(true)
    else problem.value = reply
  }

  function cancel(): void {
    settle(false)
  }

  // Nothing waits for a PIN behind a locked window, where the next PIN may be a colleague's.
  watch(
    () => session.isOpen,
    (isOpen) => {
      if (!isOpen) cancel()
    },
    { flush: 'sync' },
  )

  return { isAsking, problem, isBusy, guarded, prove, cancel }
})
