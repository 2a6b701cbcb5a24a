import { computed, ref, shallowRef } from 'vue'
import { defineStore } from 'pinia'
import { call } from '../api/call.ts'
import type { Outcome, Practitioner, Problem, Session } from '../api/types.ts'

/** Who is signed in here. The core decides; this follows what it says. */
export const useSessionStore = defineStore('session', () => {
  const session = shallowRef<Session | null>(null)
  /** False until the core has said whether somebody is signed in. */
  const isKnown = ref(false)
  /** Who may sign in, for the sign-in screen. */
  const practitioners = shallowRef<readonly Practitioner[]>([])
  const practitioner = computed(() => session.value?.practitioner ?? null)
  const isLocked = computed(() => session.value?.locked === true)
  /** True when patient data may be on screen. */
  const isOpen = computed(() => session.value !== null && !session.value.locked)

  function replace(next: Session | null): void {
    session.value = next
    isKnown.value = true
  }

  async function loadPractitioners(): Promise<Problem | null> {
    const reply = await call((client) => client.session.practitioners({}))
    if (reply.ok) practitioners.value = reply.value
    return reply.ok ? null : reply
  }

  async function signIn(handle: string, pin: string): Promise<Outcome<Session>> {
    const reply = await call((client) => client.session.signIn({ handle, pin }))
    if (reply.ok) replace(reply.value)
    return reply
  }

  /** Changes the PIN of whoever is signed in. */
  async function changePin(oldPin: string, newPin: string): Promise<Problem | null> {
    const reply = await call((client) => client.session.changePin({ oldPin, newPin }))
    return reply.ok ? null : reply
  }

  /** Hides everything at once; the core is told after that. */
  async function lock(): Promise<void> {
    if (session.value !== null) session.value = { ...session.value, locked: true }
    await call((client) => client.session.lock({}))
  }

  async function signOut(): Promise<void> {
    replace(null)
    await call((client) => client.session.signOut({}))
  }

  /** Tells the core that somebody is here. */
  async function activity(): Promise<void> {
    await call((client) => client.session.activity({}))
  }

  return {
    session,
    isKnown,
    practitioners,
    practitioner,
    isLocked,
    isOpen,
    replace,
    loadPractitioners,
    signIn,
    changePin,
    lock,
    signOut,
    activity,
  }
})
