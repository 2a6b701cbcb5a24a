import { computed, ref, shallowRef, watch } from 'vue'
import { defineStore } from 'pinia'
import { call } from '../api/call.ts'
import type { Problem, Proof } from '../api/types.ts'
import { checkInWindow, type WindowCheck } from '../components/proof/check-in-window.ts'
import { useSessionStore } from './session.ts'

/** The proof inspector: one entry's proof, and what this window's own verifier says of it. */
export const useProofStore = defineStore('proof', () => {
  const session = useSessionStore()
  const index = ref<number | null>(null)
  const proof = shallowRef<Proof | null>(null)
  const problem = shallowRef<Problem | null>(null)
  const check = shallowRef<WindowCheck | null>(null)
  const checking = ref(false)
  const isOpen = computed(() => index.value !== null)

  /** Opens the inspector for the entry at `entryIndex`. A proof of another entry is dropped. */
  async function open(entryIndex: number): Promise<void> {
    close()
    index.value = entryIndex
    const reply = await call((client) => client.ledger.proof({ index: entryIndex }))
    if (index.value !== entryIndex) return
    if (!reply.ok) problem.value = reply
    else if (reply.value.index !== entryIndex) problem.value = { ok: false, code: 'INTERNAL' }
    else proof.value = reply.value
  }

  function close(): void {
    index.value = null
    proof.value = null
    problem.value = null
    check.value = null
    checking.value = false
  }

  /** Runs the independent verifier on the bytes of the proof, in this window. */
  async function verify(): Promise<void> {
    const shown = proof.value
    if (shown === null || checking.value) return
    checking.value = true
    check.value = null
    // One frame for "checking" to show: the check itself holds this thread for a few milliseconds.
    await new Promise((resolve) => setTimeout(resolve))
    if (proof.value !== shown) return
    const result = checkInWindow(shown, () => performance.now())
    check.value = result
    checking.value = false
  }

  watch(
    () => session.isOpen,
    (isSessionOpen) => {
      if (!isSessionOpen) close()
    },
    { flush: 'sync' },
  )

  return { index, proof, problem, check, checking, isOpen, open, close, verify }
})
