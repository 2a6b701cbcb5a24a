import { onBeforeUnmount, ref, shallowRef, watch } from 'vue'
import { call } from '../../api/call.ts'
import type { PatientRow, Problem } from '../../api/types.ts'

/** Pause after the last key before the core is asked, in milliseconds. Every search is recorded as an access. */
const PAUSE_MS = 180

/** Finds patients while somebody types; answers to older texts are dropped. */
export function usePatientSearch() {
  const text = ref('')
  const rows = shallowRef<readonly PatientRow[]>([])
  const problem = shallowRef<Problem | null>(null)
  const searching = ref(true)
  let generation = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  async function search(): Promise<void> {
    clearTimeout(timer)
    const mine = ++generation
    const wanted = text.value.trim().slice(0, 100)
    searching.value = true
    const reply = await call((client) => client.patients.search({ text: wanted, generation: mine }))
    if (mine !== generation || (reply.ok && reply.value.generation !== mine)) return
    searching.value = false
    problem.value = reply.ok ? null : reply
    rows.value = reply.ok ? reply.value.rows : []
  }

  watch(text, () => {
    clearTimeout(timer)
    timer = setTimeout(() => void search(), PAUSE_MS)
  })
  onBeforeUnmount(() => {
    clearTimeout(timer)
    generation++
  })

  return { text, rows, problem, searching, search }
}
