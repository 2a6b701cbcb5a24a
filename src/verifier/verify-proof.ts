/**
 * Checks a proof a second time, with other code and other libraries than the core.
 *
 * @remarks
 * Runs in the window and on the command line, and shares nothing with `src/ledger` but the formats. It trusts the
 * network id alone. It shows that the log signed a tree that holds exactly these bytes, and that the signatures on
 * the entry are real; that a practitioner's or device's key was enrolled is for the core, which holds the log.
 * Proven by `tests/verifier/verify-proof.test.ts`.
 *
 * @packageDocumentation
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { concatBytes, equalBytes } from '../shared/bytes.ts'
import { type EntrySigner, readEntry, type ReadEntry, readRoster, type ReadRoster } from './entry-reader.ts'
import { hashLeaf, impliedRoot } from './path.ts'
import { ProofError, type ProofReason } from './proof-error.ts'
import { isSignedBy, readSignedHead, type SignedHead } from './signed-head.ts'

/** Everything that is checked. All of it is untrusted but {@link ProofInput.networkId}. */
export interface ProofInput {
  /** The trust anchor, 32 bytes. */
  readonly networkId: Uint8Array
  /** Exact bytes of the first roster document. */
  readonly roster: Uint8Array
  readonly origin: string
  /** Ed25519, 32 bytes. */
  readonly logKey: Uint8Array
  readonly index: number
  readonly size: number
  /** Exact bytes. */
  readonly entry: Uint8Array
  /** Sibling hashes from the leaf upward, 32 bytes each. */
  readonly path: readonly Uint8Array[]
  /** The checkpoint as a signed note. */
  readonly checkpoint: string
}

/** The steps, in order. */
export const PROOF_STEPS = ['network', 'log-key', 'checkpoint', 'head', 'inclusion', 'entry', 'signatures'] as const

/** One of {@link PROOF_STEPS}. */
export type ProofStepName = (typeof PROOF_STEPS)[number]

/** What one step found. */
export interface ProofStep {
  readonly name: ProofStepName
  readonly ok: boolean
  /** Null when the step passed. */
  readonly reason: ProofReason | null
  /** For developers: a number, a name, or what was wrong. The window has its own sentence for `name` and `reason`. */
  readonly detail: string
}

/** The verdict: all steps, passed or not. */
export interface ProofVerdict {
  readonly ok: boolean
  readonly steps: readonly ProofStep[]
}

/** What earlier steps established, for later ones. */
interface Found {
  roster?: ReadRoster
  head?: SignedHead
  entry?: ReadEntry
}

/** Each step gives its detail, or throws a {@link ProofError}. */
const CHECKS: Record<ProofStepName, (proof: ProofInput, found: Found) => string> = {
  network: checkNetwork,
  'log-key': checkLogKey,
  checkpoint: checkCheckpoint,
  head: checkHead,
  inclusion: checkPath,
  entry: checkEntry,
  signatures: checkSignatures,
}

/** Checks a proof, step by step. Never throws on bad input: the verdict says which steps failed. */
export function verifyProof(proof: ProofInput): ProofVerdict {
  const found: Found = {}
  const steps = PROOF_STEPS.map((name) => runStep(name, proof, found))
  return { ok: steps.every((step) => step.ok), steps }
}

function runStep(name: ProofStepName, proof: ProofInput, found: Found): ProofStep {
  try {
    return { name, ok: true, reason: null, detail: CHECKS[name](proof, found) }
  } catch (error) {
    if (!(error instanceof ProofError)) throw error
    return { name, ok: false, reason: error.code, detail: error.message }
  }
}

function checkNetwork(proof: ProofInput, found: Found): string {
  if (!equalBytes(sha256(proof.roster), proof.networkId)) {
    throw new ProofError('OTHER_NETWORK', 'the roster does not hash to the network id')
  }
  found.roster = readRoster(proof.roster)
  return `${found.roster.governanceKeys.length} sites`
}

function checkLogKey(proof: ProofInput, found: Found): string {
  const { logs } = reached(found.roster)
  const listed = logs.some(({ log, logKey }) => log === logOf(proof.origin) && equalBytes(logKey, proof.logKey))
  if (!listed) throw new ProofError('LOG_NOT_LISTED', 'the roster does not list this log with this key')
  return proof.origin
}

function checkCheckpoint(proof: ProofInput, found: Found): string {
  found.head = readSignedHead(proof.checkpoint, proof.origin, proof.logKey)
  return `${found.head.size} entries`
}

function checkHead(proof: ProofInput, found: Found): string {
  const { origin, size } = reached(found.head)
  if (origin !== proof.origin) throw new ProofError('OTHER_LOG', 'a checkpoint of another log')
  if (size !== proof.size) throw new ProofError('OTHER_SIZE', `${size} entries, not ${proof.size}`)
  return `${size} entries`
}

function checkPath(proof: ProofInput, found: Found): string {
  const { size, root } = reached(found.head)
  if (!equalBytes(impliedRoot(hashLeaf(proof.entry), proof.index, size, proof.path), root)) {
    throw new ProofError('OTHER_ROOT', 'the path leads to another root')
  }
  return `${proof.path.length} hashes`
}

function checkEntry(proof: ProofInput, found: Found): string {
  const entry = readEntry(proof.entry)
  if (!equalBytes(entry.network, proof.networkId)) throw new ProofError('OTHER_NETWORK', 'signed for another network')
  if (entry.log !== logOf(proof.origin)) throw new ProofError('OTHER_LOG', 'signed for another log')
  found.entry = entry
  return entry.type
}

function checkSignatures(proof: ProofInput, found: Found): string {
  const { bodyBytes, signers } = reached(found.entry)
  for (const signer of signers) {
    const message = concatBytes(utf8ToBytes(`chartseal/entry/v1\n${signer.role}\n`), bodyBytes)
    if (!isSignedBy(signer.signature, message, signer.publicKey)) {
      throw new ProofError('SIGNATURE_INVALID', `the ${signer.role} signature does not verify`)
    }
    if (!mayBe(signer, proof, found.roster)) {
      throw new ProofError('SIGNER_NOT_LISTED', `the ${signer.role} key is not in the roster`)
    }
  }
  return signers.map((signer) => signer.role).join(' ')
}

/** Keys of logs and sites are in the roster; those of people and devices are enrolled in the log. */
function mayBe(signer: EntrySigner, proof: ProofInput, roster: ReadRoster | undefined): boolean {
  if (signer.role === 'log') return equalBytes(signer.publicKey, proof.logKey)
  if (signer.role !== 'governance') return true
  return reached(roster).governanceKeys.some((key) => equalBytes(key, signer.publicKey))
}

function reached<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new ProofError('NOT_REACHED', 'an earlier step failed')
  return value
}

/** Name of the log in an origin: what comes before its incarnation. */
function logOf(origin: string): string {
  return origin.replace(/\/[1-9][0-9]*$/, '')
}
