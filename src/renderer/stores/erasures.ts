import { ref, shallowRef, watch } from 'vue'
import { defineStore } from 'pinia'
import { call } from '../api/call.ts'
import type {
  EntryRef,
  Erasure,
  ErasurePreview,
  ErasureProposal,
  ErasureReceipt,
  Outcome,
  Problem,
} from '../api/types.ts'
import { useSessionStore } from './session.ts'

/** Erasures: what waits for a second person, and what was erased. */
export const useErasuresStore = defineStore('erasures', () => {
  const session = useSessionStore()
  const erased = shallowRef<readonly Erasure[]>([])
  const proposals = shallowRef<readonly ErasureProposal[]>([])
  const problem = shallowRef<Problem | null>(null)
  const loaded = ref(false)

  async function load(): Promise<void> {
    const [done, waiting] = await Promise.all([
      call((client) => client.erasures.list({})),
      call((client) => client.erasures.proposals({})),
    ])
    loaded.value = true
    problem.value = done.ok ? (waiting.ok ? null : waiting) : done
    if (done.ok) erased.value = done.value
    if (waiting.ok) proposals.value = waiting.value
  }

  /** What erasing would take away, and what stays. `records` null for everything about the patient. */
  async function preview(handle: string, records: EntryRef[] | null): Promise<Outcome<ErasurePreview>> {
    return call((client) => client.erasures.preview({ handle, records }))
  }

  /** The first signature. */
  async function request(
    handle: string,
    records: EntryRef[] | null,
    reason: string,
    authority: string,
    pin: string,
  ): Promise<Problem | null> {
    const reply = await call((client) => client.erasures.request({ handle, records, reason, authority, pin }))
    if (reply.ok && loaded.value) await load()
    return reply.ok ? null : reply
  }

  /** The second signature: erases. */
  async function approve(id: string, pin: string): Promise<Outcome<ErasureReceipt>> {
    const reply = await call((client) => client.erasures.approve({ id, pin }))
    if (reply.ok) await load()
    return reply
  }

  async function withdraw(id: string): Promise<Problem | null> {
    const reply = await call((client) => client.erasures.withdraw({ id }))
    await load()
    return reply.ok ? null : reply
  }

  watch(
    () => session.isOpen,
    (isOpen) => {
      if (isOpen) return
      erased.value = []
      proposals.value = []
      loaded.value = false
      problem.value = null
    },
    { flush: 'sync' },
  )

  return { erased, proposals, problem, loaded, load, preview, request, approve, withdraw }
})
