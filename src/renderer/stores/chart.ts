import { computed, ref, shallowRef, watch } from 'vue'
import { defineStore } from 'pinia'
import { call } from '../api/call.ts'
import type { Chart, Problem, RejectedRow, Row, VerifiedRow } from '../api/types.ts'
import { useSessionStore } from './session.ts'
import { useSystemStore } from './system.ts'

/**
 * The one open chart. An answer is taken only when it belongs to the patient and to the question asked last; every
 * record in it must belong to that patient, or none is shown.
 */
export const useChartStore = defineStore('chart', () => {
  const session = useSessionStore()
  const system = useSystemStore()
  const handle = ref<string | null>(null)
  const chart = shallowRef<Chart | null>(null)
  const problem = shallowRef<Problem | null>(null)
  const isLoading = ref(false)
  let generation = 0

  const patient = computed(() => (chart.value?.patient.status === 'verified' ? chart.value.patient : null))
  const readings = computed(() => verifiedOf(chart.value?.readings ?? []))
  const assessments = computed(() => verifiedOf(chart.value?.assessments ?? []))
  const reports = computed(() => verifiedOf(chart.value?.reports ?? []))
  const unseen = computed(() => rowsOf(chart.value).filter((row): row is RejectedRow => row.status === 'rejected'))
  /** Records that failed verification: damaged, or erased. */
  const rejected = computed(() => unseen.value.filter(({ step }) => step !== 'access'))
  /** Sound records that nobody without consent may see. */
  const closed = computed(() => unseen.value.filter(({ step }) => step === 'access'))
  const consent = computed(() => chart.value?.consent ?? null)

  /** Opens a patient's chart, or asks for it again. What was shown of another patient is gone at once. */
  async function open(wanted: string): Promise<void> {
    if (handle.value !== wanted) forget()
    handle.value = wanted
    const mine = ++generation
    isLoading.value = true
    const reply = await call((client) => client.patients.chart({ handle: wanted, generation: mine }))
    if (mine !== generation || handle.value !== wanted) return
    isLoading.value = false
    problem.value = reply.ok ? null : reply
    if (!reply.ok) chart.value = null
    else if (isAnswerTo(reply.value, wanted, mine)) chart.value = reply.value
    else refuse()
  }

  function isAnswerTo(answer: Chart, wanted: string, mine: number): boolean {
    const { patient: person } = answer
    const isPerson = person.status === 'rejected' || person.record.handle === wanted
    return (
      answer.handle === wanted &&
      answer.generation === mine &&
      isPerson &&
      rowsOf(answer).every((row) => row.status === 'rejected' || row.position.subject === wanted)
    )
  }

  function refuse(): void {
    chart.value = null
    problem.value = { ok: false, code: 'RECORD_NOT_VERIFIED' }
  }

  /** Closes the chart: nothing of the patient stays in memory, and answers under way are dropped. */
  function forget(): void {
    generation++
    handle.value = null
    chart.value = null
    problem.value = null
    isLoading.value = false
  }

  watch(
    () => system.chartChange,
    (change) => {
      if (handle.value !== null && change.handle === handle.value) void open(handle.value)
    },
  )
  watch(
    () => session.isOpen,
    (isOpen) => {
      if (!isOpen) forget()
    },
    { flush: 'sync' },
  )

  return {
    handle,
    chart,
    patient,
    readings,
    assessments,
    reports,
    rejected,
    closed,
    consent,
    problem,
    isLoading,
    open,
    forget,
  }
})

/** Everything recorded about the patient, of whatever kind. */
function rowsOf(answer: Chart | null): readonly Row<unknown>[] {
  return answer === null ? [] : [...answer.readings, ...answer.assessments, ...answer.reports]
}

function verifiedOf<Content>(rows: readonly Row<Content>[]): VerifiedRow<Content>[] {
  return rows.filter((row): row is VerifiedRow<Content> => row.status === 'verified')
}
