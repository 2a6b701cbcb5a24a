import { ref, shallowRef } from 'vue'
import { defineStore } from 'pinia'
import { call } from '../api/call.ts'
import type { Outcome, Practitioner, PractitionerRow, Problem, Role } from '../api/types.ts'

/** Everybody enrolled at this clinic, each row verified or rejected. */
export const usePeopleStore = defineStore('people', () => {
  const rows = shallowRef<readonly PractitionerRow[]>([])
  const problem = shallowRef<Problem | null>(null)
  const loaded = ref(false)

  async function load(): Promise<void> {
    const reply = await call((client) => client.people.list({}))
    loaded.value = true
    problem.value = reply.ok ? null : reply
    if (reply.ok) rows.value = reply.value
  }

  async function enrol(person: { name: string; role: Role; pin: string }): Promise<Outcome<Practitioner>> {
    const reply = await call((client) => client.people.enrol(person))
    if (reply.ok) await load()
    return reply
  }

  /** From now on this person signs nothing, and whoever is signed in so is signed out. */
  async function revoke(handle: string, reason: string, pin: string): Promise<Problem | null> {
    const reply = await call((client) => client.people.revoke({ handle, reason, pin }))
    if (reply.ok) await load()
    return reply.ok ? null : reply
  }

  /** A new key under a new PIN. `pin` is that of whoever renews. */
  async function renew(handle: string, newPin: string, pin: string): Promise<Problem | null> {
    const reply = await call((client) => client.people.renew({ handle, newPin, pin }))
    if (reply.ok) await load()
    return reply.ok ? null : reply
  }

  return { rows, problem, loaded, load, enrol, revoke, renew }
})
