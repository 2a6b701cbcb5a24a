import { ref, shallowRef } from 'vue'
import { useRouter } from 'vue-router'
import { call } from '../../api/call.ts'
import type { Problem } from '../../api/types.ts'
import { useSessionStore } from '../../stores/session.ts'
import { subjectOf, type Subject } from '../capture/subject.ts'
import { useScanner } from '../capture/use-scanner.ts'

/** Roles that work with patients. */
const ROLES: readonly string[] = ['physician', 'nurse', 'it']

/**
 * A wristband or card scanned on any page opens that patient's chart. Pages and dialogs that wait for a scan hear it
 * instead; one that waits for nothing keeps what is typed in it.
 */
export function usePatientScan() {
  const router = useRouter()
  const session = useSessionStore()
  const problem = shallowRef<Problem | null>(null)
  const isUnknown = ref(false)
  let newest = 0

  function clear(): void {
    newest++
    problem.value = null
    isUnknown.value = false
  }

  async function find(code: string): Promise<void> {
    clear()
    const mine = newest
    const reply = await call((client) => client.patients.scan({ code }))
    if (mine !== newest || !session.isOpen) return
    if (!reply.ok) problem.value = reply
    else if (reply.value === null) isUnknown.value = true
    else await open(subjectOf(reply.value))
  }

  /** Also the chart of somebody who keeps it closed: it says so, and what can be done. */
  async function open(subject: Subject | null): Promise<void> {
    if (subject === null) problem.value = { ok: false, code: 'RECORD_NOT_VERIFIED' }
    else await router.push({ name: 'chart', params: { handle: subject.handle } })
  }

  useScanner(
    (code) => void find(code),
    () => ROLES.includes(session.practitioner?.role ?? '') && document.querySelector('[role=dialog]') === null,
  )
  return { problem, isUnknown, clear }
}
