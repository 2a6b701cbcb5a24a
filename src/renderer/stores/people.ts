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

  return { rows, problem, loaded, load, enrol }
})
