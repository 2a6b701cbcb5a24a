import { ref, shallowRef, watch } from 'vue'
import { defineStore } from 'pinia'
import { call } from '../api/call.ts'
import type { Assessment, AssessmentDraft, DecisionSupport, Problem } from '../api/types.ts'
import { usePresence } from '../composables/use-presence.ts'
import { useSessionStore } from './session.ts'

/** Scores: whether they are switched on, and what the newest set of one patient gives. */
export const useAssessmentsStore = defineStore('assessments', () => {
  const session = useSessionStore()
  const { guarded } = usePresence()
  const settings = shallowRef<DecisionSupport | null>(null)
  const draft = shallowRef<AssessmentDraft | null>(null)
  const problem = shallowRef<Problem | null>(null)
  const isLoading = ref(false)
  let generation = 0

  async function loadSettings(): Promise<void> {
    const reply = await call((client) => client.assessments.settings({}))
    if (reply.ok) settings.value = reply.value
    else problem.value = reply
  }

  /** Switches NEWS2 on or off for the clinic, signed. */
  async function configure(news2: boolean, pin: string): Promise<Problem | null> {
    const reply = await call((client) => client.assessments.configure({ news2, pin }))
    if (reply.ok) settings.value = reply.value
    return reply.ok ? null : reply
  }

  /** What the newest set of a patient gives. An answer about another patient is dropped. */
  async function loadDraft(handle: string): Promise<void> {
    const mine = ++generation
    draft.value = null
    problem.value = null
    isLoading.value = true
    const reply = await call((client) => client.assessments.draft({ handle }))
    if (mine !== generation) return
    isLoading.value = false
    if (reply.ok) draft.value = reply.value
    else problem.value = reply
  }

  /** Signs the score that is on screen; refused when the values are no longer those. */
  async function record(handle: string, shown: Assessment): Promise<Problem | null> {
    const inputs = shown.inputs.map((input) => input.ref)
    const reply = await guarded(() =>
      call((client) => client.assessments.record({ handle, total: shown.total, inputs })),
    )
    return reply.ok ? null : reply
  }

  /** Signs which oxygen scale counts for a patient. */
  async function setScale(handle: string, scale: 1 | 2, reason: string, pin: string): Promise<Problem | null> {
    const reply = await call((client) => client.assessments.setScale({ handle, scale, reason, pin }))
    return reply.ok ? null : reply
  }

  function forget(): void {
    generation++
    draft.value = null
    problem.value = null
    isLoading.value = false
  }

  watch(
    () => session.isOpen,
    (isOpen) => {
      if (!isOpen) forget()
    },
    { flush: 'sync' },
  )

  return { settings, draft, problem, isLoading, loadSettings, configure, loadDraft, record, setScale, forget }
})
