import { computed, ref, shallowRef, watch } from 'vue'
import { defineStore } from 'pinia'
import { call } from '../api/call.ts'
import type { Outcome, Patient, PatientRow, Problem, VerifiedRow } from '../api/types.ts'
import { useSessionStore } from './session.ts'

/** What is asked to register a patient. */
export type NewPatient = Omit<Patient, 'handle'>

/**
 * The patients of this clinic. The list is asked for once per visit to the page, because each asking is recorded as
 * access; narrowing it down happens in the window.
 */
export const usePatientsStore = defineStore('patients', () => {
  const session = useSessionStore()
  const rows = shallowRef<readonly PatientRow[]>([])
  /** Damaged entries nobody can attribute: a patient may be missing from the rows. */
  const unattributedDamage = ref(0)
  const problem = shallowRef<Problem | null>(null)
  const isLoading = ref(false)
  const wasLoaded = ref(false)
  let generation = 0

  const verified = computed(() => rows.value.filter((row): row is VerifiedRow<Patient> => row.status === 'verified'))

  async function load(): Promise<void> {
    const mine = ++generation
    isLoading.value = true
    const reply = await call((client) => client.patients.search({ text: '', generation: mine }))
    if (mine !== generation) return
    isLoading.value = false
    problem.value = reply.ok ? null : reply
    if (!reply.ok || reply.value.generation !== mine) return
    rows.value = reply.value.rows
    unattributedDamage.value = reply.value.unattributedDamage
    wasLoaded.value = true
  }

  /** Who is on record and might be the same person. The core looks closer than {@link sameAs}, and records the look. */
  function similar(wanted: NewPatient): Promise<Outcome<PatientRow[]>> {
    return call((client) => client.patients.similar(wanted))
  }

  /** Registers somebody; `distinct` says that look-alikes were compared. The list is asked for again, so that the new row is a verified one. */
  async function register(patient: NewPatient, distinct: boolean): Promise<Outcome<Patient>> {
    const reply = await call((client) => client.patients.register({ ...patient, distinct }))
    if (reply.ok) void load()
    return reply
  }

  /** Patients of this clinic who may be the same person: same identifier, or same name and birth date. */
  function sameAs(wanted: NewPatient): readonly VerifiedRow<Patient>[] {
    const name = (one: NewPatient): string => `${one.familyName}|${one.givenName}`.trim().toLowerCase()
    return verified.value.filter(
      ({ record }) =>
        (record.site === undefined || record.workstation !== undefined) &&
        ((wanted.identifier !== '' && record.identifier === wanted.identifier) ||
          (record.birthDate === wanted.birthDate && name(record) === name(wanted))),
    )
  }

  function forget(): void {
    generation++
    rows.value = []
    unattributedDamage.value = 0
    problem.value = null
    isLoading.value = false
    wasLoaded.value = false
  }

  watch(
    () => session.isOpen,
    (isOpen) => {
      if (!isOpen) forget()
    },
    { flush: 'sync' },
  )

  return { rows, verified, unattributedDamage, problem, isLoading, wasLoaded, load, similar, register, sameAs }
})
