import { computed, ref, shallowRef, watch } from 'vue'
import { defineStore } from 'pinia'
import { call } from '../api/call.ts'
import type { Problem, Proof, ReceiptFile } from '../api/types.ts'
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
  const receipt = shallowRef<ReceiptFile | null>(null)
  const receiptProblem = shallowRef<Problem | null>(null)
  const takingReceipt = ref(false)
  /** What whoever has the receipt types to check it. */
  const receiptCommand = computed(
    () => `chartseal verify ${receipt.value?.fileName ?? ''} --network ${proof.value?.networkId ?? ''}`,
  )
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
    receipt.value = null
    receiptProblem.value = null
    takingReceipt.value = false
  }

  /** The shown entry's proof as a file. A receipt that comes after another entry was opened is dropped. */
  async function takeReceipt(): Promise<ReceiptFile | null> {
    const shown = proof.value
    if (shown === null || takingReceipt.value) return null
    takingReceipt.value = true
    receiptProblem.value = null
    const reply = await call((client) => client.ledger.receipt({ index: shown.index }))
    if (proof.value !== shown) return null
    takingReceipt.value = false
    receipt.value = reply.ok ? reply.value : null
    receiptProblem.value = reply.ok ? null : reply
    return receipt.value
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

  return {
    index,
    proof,
    problem,
    check,
    checking,
    receipt,
    receiptProblem,
    takingReceipt,
    receiptCommand,
    isOpen,
    open,
    close,
    verify,
    takeReceipt,
  }
})
