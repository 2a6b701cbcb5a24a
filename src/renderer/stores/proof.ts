import { computed, ref, shallowRef, watch } from 'vue'
import { defineStore } from 'pinia'
import { call } from '../api/call.ts'
import type { Problem, Proof, ReceiptFile } from '../api/types.ts'
import { checkInWindow, type WindowCheck } from '../components/proof/check-in-window.ts'
import { useSessionStore } from './session.ts'

/** Where an entry stands; `origin` null for the log that is being written. */
export interface Place {
  readonly origin: string | null
  readonly index: number
}

/** The proof inspector: one entry's proof, and what this window's own verifier says of it. */
export const useProofStore = defineStore('proof', () => {
  const session = useSessionStore()
  /** What is open, or being opened. */
  const place = shallowRef<Place | null>(null)
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
  const isOpen = computed(() => place.value !== null)

  /** Opens the inspector for the entry at `wanted`. A proof of another entry is dropped. */
  async function open(wanted: Place): Promise<void> {
    close()
    const { origin, index } = wanted
    place.value = wanted
    const reply = await call((client) => client.ledger.proof({ origin, index }))
    if (place.value !== wanted) return
    const isIt = (found: Proof) => found.index === index && (origin ?? found.origin) === found.origin
    if (!reply.ok) problem.value = reply
    else if (!isIt(reply.value)) problem.value = { ok: false, code: 'INTERNAL' }
    else proof.value = reply.value
  }

  function close(): void {
    place.value = null
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
    const reply = await call((client) => client.ledger.receipt({ origin: shown.origin, index: shown.index }))
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
    place,
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
