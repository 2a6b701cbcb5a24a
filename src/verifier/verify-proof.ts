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
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { concatBytes, equalBytes, toHex } from '../shared/bytes.ts'
import { type EntrySigner, readEntry, type ReadEntry } from './entry-reader.ts'
import { hashLeaf, impliedRoot } from './path.ts'
import { ProofError, type ProofReason } from './proof-error.ts'
import { checkRosters, type ReadRoster } from './roster-chain.ts'
import { bytesOf, mapWith, numberOf } from './shapes.ts'
import { isSignedBy, readSignedHead, type SignedHead } from './signed-head.ts'
import { type CountedVotes, countVotes } from './vote-count.ts'

/** Everything that is checked. All of it is untrusted but {@link ProofInput.networkId}. */
export interface ProofInput {
  /** The trust anchor, 32 bytes. */
  readonly networkId: Uint8Array
  /** Fields of the roster entries, exact bytes: versions 1, 2 and so on, to the one that the seal names. */
  readonly rosters: readonly Uint8Array[]
  /** Exact bytes of the entry that opened the incarnation; null exactly for the first. */
  readonly opened: Uint8Array | null
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
  /** Exact bytes of the last entry of that tree. */
  readonly seal: Uint8Array
  /** Its sibling hashes. */
  readonly sealPath: readonly Uint8Array[]
}

/** The steps, in order. */
export const PROOF_STEPS = [
  'network',
  'log-key',
  'checkpoint',
  'head',
  'seal',
  'cosignatures',
  'inclusion',
  'entry',
  'signatures',
] as const

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
  /** How far the checkpoint has come, counted here; null when that was not reached. */
  readonly votes: CountedVotes | null
}

/** What earlier steps established, for later ones. */
interface Found {
  rosters?: readonly ReadRoster[]
  /** What opened a later incarnation: its key, and the number of the roster in force then. */
  opened?: { readonly logKey: Uint8Array; readonly version: number }
  head?: SignedHead
  votes?: CountedVotes
  entry?: ReadEntry
}

/** Each step gives its detail, or throws a {@link ProofError}. */
const CHECKS: Record<ProofStepName, (proof: ProofInput, found: Found) => string> = {
  network: checkNetwork,
  'log-key': checkLogKey,
  checkpoint: checkCheckpoint,
  head: checkHead,
  seal: checkSeal,
  cosignatures: checkVotes,
  inclusion: checkPath,
  entry: checkEntry,
  signatures: checkSignatures,
}

/** Checks a proof, step by step. Never throws on bad input: the verdict says which steps failed. */
export function verifyProof(proof: ProofInput): ProofVerdict {
  const found: Found = {}
  const steps = PROOF_STEPS.map((name) => runStep(name, proof, found))
  return { ok: steps.every((step) => step.ok), steps, votes: found.votes ?? null }
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
  found.rosters = checkRosters(proof.networkId, proof.rosters)
  return `${found.rosters.length} rosters, ${rosterOf(found).sites.size} sites`
}

/** The roster that the seal names: the last one. */
function rosterOf({ rosters }: Found): ReadRoster {
  return reached(reached(rosters).at(-1))
}

function checkLogKey(proof: ProofInput, found: Found): string {
  const { log, incarnation } = splitOrigin(proof.origin)
  const listed = keyIn(rosterOf(found), log)
  if (listed === null) throw new ProofError('LOG_NOT_LISTED', 'the roster does not list this log')
  if (incarnation > 1 !== (proof.opened !== null)) throw new ProofError('NOT_OPENED', 'what opened the incarnation')
  let key = listed
  if (proof.opened !== null) {
    const { logKey, version } = (found.opened = readOpened(proof, found, proof.opened))
    const then = keyIn(reached(reached(found.rosters)[version - 1]), log)
    if (then === listed) key = toHex(logKey)
  }
  if (key !== toHex(proof.logKey)) throw new ProofError('LOG_NOT_LISTED', 'the log has another key')
  return proof.origin
}

/** A later incarnation: its new key and its site's governance key signed the first entry. */
function readOpened(proof: ProofInput, found: Found, bytes: Uint8Array): { logKey: Uint8Array; version: number } {
  const { log, incarnation } = splitOrigin(proof.origin)
  const entry = readEntry(bytes)
  checkHome(proof, entry)
  if (entry.type !== 'node.opened') throw new ProofError('NOT_OPENED', 'another entry')
  const fields = mapWith(entry.fields, [1, 2, 3, 4, 5], [])
  const [logKey, version] = [bytesOf(fields.get(4), 32), numberOf(fields.get(5))]
  const roster = reached(found.rosters)[version - 1]
  if (numberOf(fields.get(1)) !== incarnation || roster === undefined) {
    throw new ProofError('NOT_OPENED', 'it opened something else')
  }
  checkSigned(entry)
  const site = [...roster.sites.values()].find((one) => one.logs.has(log))
  const has = (role: string, key: string | undefined): boolean =>
    entry.signers.some((signer) => signer.role === role && toHex(signer.publicKey) === key)
  if (!has('log', toHex(logKey)) || !has('governance', site?.governance)) {
    throw new ProofError('NOT_OPENED', 'not signed by its site and with the new key')
  }
  return { logKey, version }
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

/** The last entry of the tree closes a block, and names the roster that decides. */
function checkSeal(proof: ProofInput, found: Found): string {
  const { size, root } = reached(found.head)
  if (!equalBytes(impliedRoot(hashLeaf(proof.seal), size - 1, size, proof.sealPath), root)) {
    throw new ProofError('OTHER_ROOT', 'the seal does not lead to the root')
  }
  const entry = readEntry(proof.seal)
  checkHome(proof, entry)
  if (entry.type !== 'seal') throw new ProofError('OTHER_SEAL', 'another entry')
  const fields = mapWith(entry.fields, [1, 3, 4, 5, 6], [2])
  const version = numberOf(fields.get(5))
  if (numberOf(fields.get(3)) + numberOf(fields.get(4)) !== size - 1 || version !== reached(found.rosters).length) {
    throw new ProofError('OTHER_SEAL', 'of another block, or under another roster')
  }
  checkSigned(entry)
  if (!entry.signers.every(({ role, publicKey }) => role === 'log' && equalBytes(publicKey, proof.logKey))) {
    throw new ProofError('SIGNER_NOT_LISTED', 'the seal is not signed by the log')
  }
  return `roster ${version}`
}

function checkVotes(proof: ProofInput, found: Found): string {
  reached(found.head)
  found.votes = countVotes(proof.checkpoint, rosterOf(found))
  return `${found.votes.k} of ${found.votes.q}: ${found.votes.name}`
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
  checkHome(proof, entry)
  found.entry = entry
  return entry.type
}

function checkHome(proof: ProofInput, entry: ReadEntry): void {
  if (!equalBytes(entry.network, proof.networkId)) throw new ProofError('OTHER_NETWORK', 'signed for another network')
  if (entry.log !== splitOrigin(proof.origin).log) throw new ProofError('OTHER_LOG', 'signed for another log')
}

function checkSignatures(proof: ProofInput, found: Found): string {
  const entry = reached(found.entry)
  checkSigned(entry)
  for (const signer of entry.signers) {
    if (!mayBe(signer, proof, found)) {
      throw new ProofError('SIGNER_NOT_LISTED', `the ${signer.role} key is not in the rosters`)
    }
  }
  return entry.signers.map((signer) => signer.role).join(' ')
}

function checkSigned({ bodyBytes, signers }: ReadEntry): void {
  for (const signer of signers) {
    const message = concatBytes(utf8ToBytes(`chartseal/entry/v1\n${signer.role}\n`), bodyBytes)
    if (!isSignedBy(signer.signature, message, signer.publicKey)) {
      throw new ProofError('SIGNATURE_INVALID', `the ${signer.role} signature does not verify`)
    }
  }
}

/**
 * Keys of logs and sites are in the rosters, in whichever was in force then; those of people and devices are enrolled
 * in the log.
 */
function mayBe({ role, publicKey }: EntrySigner, proof: ProofInput, found: Found): boolean {
  if (role !== 'log' && role !== 'governance') return true
  const { log } = splitOrigin(proof.origin)
  const key = toHex(publicKey)
  if (role === 'log' && (equalBytes(publicKey, proof.logKey) || key === opt(found.opened?.logKey))) return true
  const rosters = reached(found.rosters)
  if (role === 'log') return rosters.slice(found.opened?.version ?? 0).some((roster) => keyIn(roster, log) === key)
  return rosters.some(({ sites }) => [...sites.values()].some((site) => site.logs.has(log) && site.governance === key))
}

function opt(bytes: Uint8Array | undefined): string | null {
  return bytes === undefined ? null : toHex(bytes)
}

/** Key that a roster lists for a log, as lower-case hex, or null. */
function keyIn({ sites }: ReadRoster, log: string): string | null {
  return [...sites.values()].flatMap((site) => site.logs.get(log) ?? [])[0] ?? null
}

function reached<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new ProofError('NOT_REACHED', 'an earlier step failed')
  return value
}

/** Name of the log in an origin, and the incarnation that stands behind it. */
function splitOrigin(origin: string): { log: string; incarnation: number } {
  const [, log, digits] = /^(.+)\/([1-9][0-9]{0,8})$/.exec(origin) ?? []
  if (log === undefined) throw new ProofError('OTHER_LOG', 'not an origin')
  return { log, incarnation: Number(digits) }
}
