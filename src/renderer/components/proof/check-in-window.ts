/**
 * Checks a proof in this window with the independent verifier, and compares what the inspector shows with the bytes
 * that were verified.
 *
 * @remarks
 * `src/verifier` shares no code with the ledger that made the proof. The last step is ours: a core that showed one
 * entry's facts beside another entry's proof would be noticed here. Proven by
 * `tests/renderer/components/proof/check-in-window.test.ts`.
 *
 * @packageDocumentation
 */
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { readEntry } from '../../../verifier/entry-reader.ts'
import { hashLeaf } from '../../../verifier/path.ts'
import { PROOF_STEPS, verifyProof, type ProofStepName } from '../../../verifier/verify-proof.ts'
import type { CountedVotes } from '../../../verifier/vote-count.ts'
import type { Proof } from '../../api/types.ts'

/** Names of the steps, in order: the verifier's, then ours. */
export const CHECK_STEPS = [...PROOF_STEPS, 'shown'] as const

/** How one step ended. `skipped`: an earlier step failed, so that nothing can be said. */
export interface CheckStep {
  readonly name: ProofStepName | 'shown'
  readonly result: 'passed' | 'failed' | 'skipped'
  /** Technical, for support. */
  readonly detail: string
}

/** What this window says of a proof. */
export interface WindowCheck {
  /** `crashed`: our own fault, says nothing about the proof. */
  readonly verdict: 'good' | 'bad' | 'crashed'
  readonly steps: readonly CheckStep[]
  /** How far the checkpoint has come, counted in this window; null unless the proof is good. */
  readonly votes: CountedVotes | null
  readonly ms: number
}

/**
 * Runs every step.
 *
 * @param proof - As the core sent it; its hex was checked against the contract, everything else is untrusted.
 * @param nowMs - A clock that does not jump.
 */
export function checkInWindow(proof: Proof, nowMs: () => number): WindowCheck {
  const startedMs = nowMs()
  try {
    const verdict = verifyProof(inputOf(proof))
    const steps = [...verdict.steps.map(toStep), shownStep(proof, verdict.ok)]
    const isGood = steps.every((step) => step.result === 'passed')
    return { verdict: isGood ? 'good' : 'bad', steps, votes: isGood ? verdict.votes : null, ms: nowMs() - startedMs }
  } catch {
    return { verdict: 'crashed', steps: [], votes: null, ms: nowMs() - startedMs }
  }
}

function inputOf(proof: Proof) {
  return {
    networkId: fromHex(proof.networkId),
    rosters: proof.rosters.map(fromHex),
    opened: proof.opened === null ? null : fromHex(proof.opened),
    origin: proof.origin,
    logKey: fromHex(proof.logKey),
    index: proof.index,
    size: proof.size,
    entry: fromHex(proof.entry),
    path: proof.path.map(fromHex),
    checkpoint: proof.checkpoint,
    seal: fromHex(proof.seal),
    sealPath: proof.sealPath.map(fromHex),
  }
}

function toStep(step: { name: ProofStepName; ok: boolean; reason: string | null; detail: string }): CheckStep {
  const result = step.ok ? 'passed' : step.reason === 'NOT_REACHED' ? 'skipped' : 'failed'
  return { name: step.name, result, detail: step.detail }
}

/** Kind, leaf hash and signatures on screen are those of the verified bytes. */
function shownStep(proof: Proof, isVerified: boolean): CheckStep {
  if (!isVerified) return { name: 'shown', result: 'skipped', detail: '' }
  const bytes = fromHex(proof.entry)
  const entry = readEntry(bytes)
  const shown = proof.signatures.map((one) => `${one.role} ${one.publicKey} ${one.signature}`).sort()
  const real = entry.signers.map((one) => `${one.role} ${toHex(one.publicKey)} ${toHex(one.signature)}`).sort()
  const isSame = entry.type === proof.type && toHex(hashLeaf(bytes)) === proof.leaf && shown.join() === real.join()
  return { name: 'shown', result: isSame ? 'passed' : 'failed', detail: entry.type }
}
