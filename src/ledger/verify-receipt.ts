/**
 * Checks a receipt with nothing but a trust anchor: a network id, a policy, or both.
 *
 * @remarks
 * Step by step, so that whoever holds an invalid one learns which link is broken, and with a list of what a receipt
 * cannot show. Anchored by a network id it goes: id → first roster → every roster up to the one that the seal names, by
 * their approvals → key of the log → checkpoint → seal → cosignatures of that roster's sites → entry. Anchored by a
 * policy: log key of the policy → checkpoint and quorum → entry. Proven by `tests/ledger/verify-receipt.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes, toHex } from '../shared/bytes.ts'
import { sizeAfter } from './block.ts'
import { type Checkpoint, openCheckpoint, parseCheckpoint } from './checkpoint.ts'
import { openCosignatures } from './cosignature.ts'
import { listedKey, siteOfLog } from './directory.ts'
import { disclosureProblem, type DisclosureProblem } from './disclosure.ts'
import { decodeEntry, type Entry, type EntrySignature, signedMessage } from './entry.ts'
import { LedgerError, type LedgerErrorCode } from './errors.ts'
import { checkFields, decodeNodeOpened, decodeSeal } from './fields.ts'
import { type Hasher, leafHash } from './hash.ts'
import { checkInclusion } from './inclusion.ts'
import { splitOrigin } from './names.ts'
import { type CheckedRoster, checkRosterChain } from './next-roster.ts'
import { parseNote } from './note.ts'
import { isSatisfied, leastCosignatures, parsePolicy, type Policy } from './policy.ts'
import { parseReceipt, type Receipt } from './receipt.ts'
import { decodeReceiptExtra, type ReceiptExtra } from './receipt-extra.ts'
import type { Roster } from './roster.ts'
import { type SignatureVerifier, verifies } from './signatures.ts'

/** What the reader trusts beforehand. With neither, every receipt is unanchored. */
export interface ReceiptAnchor {
  /** Network id, 32 bytes. */
  readonly network: Uint8Array | null
  /** Its log lines say which logs count, its quorum must be satisfied. */
  readonly policy: Policy | null
}

/** A receipt with its extra data. Nothing is verified. */
export interface ReceiptParts extends Receipt, ReceiptExtra {}

/** The steps, in order. */
export const RECEIPT_STEPS = [
  'anchor', // the receipt belongs to the network that the reader trusts
  'rosters', // every roster follows the one before, and was approved by who must
  'log-key', // the anchor vouches for the key of the log
  'checkpoint', // the log signed the checkpoint
  'seal', // the checkpoint closes a block that names the last of the rosters
  'cosignatures', // lines of cosigners verify, and a policy's quorum is satisfied
  'inclusion', // the entry hashes into the checkpoint's root
  'entry', // it is a canonical entry of this network and this log
  'signatures', // every signature on it is real, and those of logs and sites are under keys of the rosters
  'content', // what is disclosed is what they committed to; only of receipts that disclose something
] as const

/** One of {@link RECEIPT_STEPS}. */
export type ReceiptStepName = (typeof RECEIPT_STEPS)[number]

/** Why a step failed: the ledger's reasons and two of its own. */
export type ReceiptReason =
  | LedgerErrorCode
  | DisclosureProblem
  | 'UNANCHORED' // nothing that the reader trusts vouches for it
  | 'NOT_REACHED' // it builds on a step that failed

/** What one step found. */
export interface ReceiptStep {
  readonly name: ReceiptStepName
  readonly ok: boolean
  /** Null when the step passed. */
  readonly reason: ReceiptReason | null
  /** For developers. */
  readonly detail: string
}

/** What a receipt that passed still does not show. */
export type ReceiptLimit =
  | 'network' // a policy vouched for the log; nobody vouched for the network that the entry names
  | 'later-rosters' // keys and quorum are those of the roster in force then; what came later is not seen
  | 'enrolment' // whose key a practitioner's, device's or patient's signature is under
  | 'contract' // whether the contract in force asked for these signatures
  | 'content' // the encrypted content: only its commitment is in the entry
  | 'completeness' // whether later entries amend or withdraw it
  | 'split-view' // no quorum vouches that the log shows everybody the same tree
  | 'time' // the time in it is the clock of its authors

/** The verdict. */
export interface ReceiptVerdict {
  readonly ok: boolean
  readonly steps: readonly ReceiptStep[]
  /** Keys of the signatures whose holder is not known, role and hex. */
  readonly unknownHolders: readonly string[]
  readonly notChecked: readonly ReceiptLimit[]
  /** Where the first passed steps found them; null when a step failed before. */
  readonly logKey: Uint8Array | null
  readonly head: Checkpoint | null
  readonly entry: Entry | null
  /** Cosigners that count, of those needed. */
  readonly cosigned: { readonly k: number; readonly q: number; readonly satisfied: boolean } | null
  /** Version of the roster that the seal names: its sites are the ones that count. */
  readonly rosterVersion: number | null
}

/**
 * Takes a receipt apart.
 *
 * @param text - Untrusted.
 * @throws {@link LedgerError} `BAD_RECEIPT`.
 */
export function readReceipt(text: string): ReceiptParts {
  const receipt = parseReceipt(text)
  return { ...receipt, ...decodeReceiptExtra(receipt.extra) }
}

/** What is being checked, and what earlier steps established. */
interface Run {
  readonly h: Hasher
  readonly v: SignatureVerifier
  readonly parts: ReceiptParts
  readonly anchor: ReceiptAnchor
  /** Hash of the first roster: the network that the receipt claims. */
  claimed?: Uint8Array
  rosters?: readonly CheckedRoster[]
  logKey?: Uint8Array
  opened?: OpenedLog
  head?: Checkpoint
  entry?: Entry
  cosigned?: { k: number; q: number; satisfied: boolean }
}

/** What the entry that opened a later incarnation says. */
interface OpenedLog {
  readonly logKey: Uint8Array
  /** Version of the roster in force then. */
  readonly version: number
  /** What that roster listed as the key of the log. */
  readonly then: Uint8Array
}

class StepFailed extends Error {
  readonly reason: ReceiptReason
  constructor(reason: ReceiptReason, message: string) {
    super(message)
    this.reason = reason
  }
}

const CHECKS: Readonly<Record<ReceiptStepName, (run: Run) => string>> = {
  anchor: checkAnchor,
  rosters: checkRosters,
  'log-key': checkLogKey,
  checkpoint: checkCheckpoint,
  seal: checkSealEntry,
  cosignatures: checkCosignatures,
  inclusion: checkPlace,
  entry: checkEntry,
  signatures: checkSignatures,
  content: checkContent,
}

/**
 * Checks a receipt. Never throws on bad data: the verdict says which steps failed.
 *
 * @param h - SHA-256.
 * @param v - The one verifier.
 * @param parts - Untrusted.
 * @param anchor - Trusted.
 */
export function verifyReceipt(
  h: Hasher,
  v: SignatureVerifier,
  parts: ReceiptParts,
  anchor: ReceiptAnchor,
): ReceiptVerdict {
  const run: Run = { h, v, parts, anchor }
  const asked = RECEIPT_STEPS.filter((name) => name !== 'content' || parts.disclosure !== null)
  const steps = asked.map((name) => runStep(name, run))
  return {
    ok: steps.every((step) => step.ok),
    steps,
    unknownHolders: (run.entry?.signatures ?? []).filter(isUnknownHolder).map((s) => `${s.role} ${toHex(s.publicKey)}`),
    notChecked: limitsOf(run),
    logKey: run.logKey ?? null,
    head: run.head ?? null,
    entry: run.entry ?? null,
    cosigned: run.cosigned ?? null,
    rosterVersion: run.cosigned === undefined ? null : (run.rosters?.length ?? null),
  }
}

function runStep(name: ReceiptStepName, run: Run): ReceiptStep {
  try {
    return { name, ok: true, reason: null, detail: CHECKS[name](run) }
  } catch (error) {
    if (error instanceof StepFailed) return { name, ok: false, reason: error.reason, detail: error.message }
    if (error instanceof LedgerError) return { name, ok: false, reason: error.code, detail: error.message }
    throw error
  }
}

/** The first roster is read whatever vouches for the log: an entry names its network, and so that roster, by hash. */
function checkAnchor(run: Run): string {
  const { network, policy } = run.anchor
  const [first] = run.parts.rosters
  if (first === undefined) throw new StepFailed('BAD_FIELD', 'it has no roster')
  const hash = run.h.sha256(first.document)
  if (network !== null && !equalBytes(hash, network)) {
    throw new StepFailed('WRONG_NETWORK', `its first roster is that of network ${toHex(hash)}`)
  }
  run.claimed = hash
  if (network === null && policy === null) throw new StepFailed('UNANCHORED', 'no network id and no policy was given')
  return network === null ? 'the policy' : `network ${toHex(network)}`
}

function checkRosters(run: Run): string {
  run.rosters = checkRosterChain(run.v, reached(run.claimed), run.parts.rosters)
  return `${run.rosters.length} version${run.rosters.length === 1 ? '' : 's'}`
}

/** The roster that the seal names: the last one. */
function rosterOf(run: Run): Roster {
  return reached(reached(run.rosters).at(-1)).roster
}

function checkLogKey(run: Run): string {
  const origin = originOf(run)
  const { policy, network } = run.anchor
  const listed = policy === null ? null : (policy.logs.find((log) => log.name === origin)?.publicKey ?? null)
  if (policy !== null && listed === null) throw new StepFailed('UNANCHORED', `the policy has no log line for ${origin}`)
  const own = keyOfLog(run, origin)
  if (network !== null && listed !== null && !equalBytes(listed, own)) {
    throw new StepFailed('UNKNOWN_SIGNER', 'policy and roster name different keys')
  }
  run.logKey = listed ?? own
  return `${origin} ${toHex(run.logKey)}`
}

/** Origin that the checkpoint claims. */
function originOf({ parts }: Run): string {
  return parseCheckpoint(parseNote(parts.checkpoint).text).origin
}

/** Key of the log in the last roster, or the one that the incarnation brought, until a roster replaced it. */
function keyOfLog(run: Run, origin: string): Uint8Array {
  const { log, incarnation } = splitOrigin(origin)
  const listed = listedKey(rosterOf(run), log)
  if (listed === null) throw new StepFailed('UNKNOWN_SIGNER', `the roster has no log of the name ${log}`)
  if (incarnation > 1 !== (run.parts.opened !== null)) {
    throw new StepFailed('OPENING_NOT_NEXT', 'the entry that opened the incarnation goes with a later one')
  }
  if (run.parts.opened === null) return listed
  run.opened = openedBy(run, run.parts.opened, origin)
  return equalBytes(run.opened.then, listed) ? run.opened.logKey : listed
}

/** What a `node.opened` brought, once its site and its key signed it: the key, and what the roster listed then. */
function openedBy(run: Run, bytes: Uint8Array, origin: string): OpenedLog {
  const entry = decodeEntry(bytes)
  const { log, incarnation } = splitOrigin(origin)
  const { body } = entry
  checkHome(run, entry, log)
  if (body.type !== 'node.opened') throw new StepFailed('OPENING_NOT_NEXT', 'not the entry that opened it')
  const opened = decodeNodeOpened(body.fields)
  const version = opened.rosterVersion ?? 0
  const roster = reached(run.rosters)[version - 1]?.roster
  const then = roster === undefined ? null : listedKey(roster, log)
  if (opened.logKey === null || opened.incarnation !== incarnation || roster === undefined || then === null) {
    throw new StepFailed('OPENING_NOT_NEXT', 'it opened something else')
  }
  checkEntrySignatures(run, entry)
  const governance = siteOfLog(roster, log)?.governanceKey
  const by = (role: string, key: Uint8Array | undefined): boolean =>
    entry.signatures.some((s) => s.role === role && key !== undefined && equalBytes(s.publicKey, key))
  if (!by('log', opened.logKey) || !by('governance', governance)) {
    throw new StepFailed('UNKNOWN_SIGNER', 'not opened by its site and with the new key')
  }
  return { logKey: opened.logKey, version, then }
}

function checkCheckpoint(run: Run): string {
  const key = { name: originOf(run), publicKey: reached(run.logKey) }
  run.head = openCheckpoint(run.parts.checkpoint, key, run.v)
  return `${run.head.size} entries, root ${toHex(run.head.root)}`
}

/** Which roster decides is in the tree: the block that the checkpoint closes names it. */
function checkSealEntry(run: Run): string {
  const { size } = reached(run.head)
  const { seal: bytes, sealPath } = run.parts
  checkInclusion(run.h, reached(run.head), size - 1, leafHash(run.h, bytes), sealPath)
  const entry = decodeEntry(bytes)
  checkHome(run, entry, splitOrigin(originOf(run)).log)
  if (entry.body.type !== 'seal') throw new StepFailed('SEAL_MISMATCH', 'the last entry is no seal')
  const seal = decodeSeal(entry.body.fields)
  if (sizeAfter(seal) !== size) throw new StepFailed('SEAL_MISMATCH', 'the seal closes another block')
  const versions = reached(run.rosters).length
  if (seal.rosterVersion !== versions) {
    throw new StepFailed(
      'SEAL_MISMATCH',
      `sealed under roster ${seal.rosterVersion}, the receipt ends with ${versions}`,
    )
  }
  checkEntrySignatures(run, entry)
  const isOwn = entry.signatures.every((s) => s.role === 'log' && equalBytes(s.publicKey, reached(run.logKey)))
  if (!isOwn) throw new StepFailed('UNKNOWN_SIGNER', 'the seal is not signed by the log')
  return `block ${seal.block}, roster ${seal.rosterVersion}`
}

/** A roster's own policy says how far the entry has come; only a policy that the reader gave must be satisfied. */
function checkCosignatures(run: Run): string {
  reached(run.head)
  const policy = run.anchor.policy ?? parsePolicy(rosterOf(run).policy)
  const names = cosigned(run, policy)
  const [k, q, satisfied] = [names.size, leastCosignatures(policy), isSatisfied(policy, names)]
  if (run.anchor.policy !== null && !satisfied) throw new StepFailed('QUORUM_MISSING', `${k} cosigned, ${q} needed`)
  run.cosigned = { k, q, satisfied }
  return `${k} cosigned, ${q} needed`
}

/** Names inside the policy of the witnesses whose line verifies. None at all is no fault of the receipt. */
function cosigned({ parts, v }: Run, { witnesses }: Policy): Set<string> {
  try {
    const keys = witnesses.map(({ key }) => key)
    const { cosignatures } = openCosignatures(parts.checkpoint, keys, v)
    const signed = witnesses.filter(({ key }) => cosignatures.some((c) => equalBytes(c.publicKey, key.publicKey)))
    return new Set(signed.map(({ name }) => name))
  } catch (error) {
    if (error instanceof LedgerError && error.code === 'NOTE_UNSIGNED') return new Set()
    throw error
  }
}

function checkPlace(run: Run): string {
  const { index, path, entry } = run.parts
  checkInclusion(run.h, reached(run.head), index, leafHash(run.h, entry), path)
  return `entry ${index}, ${path.length} hashes`
}

function checkEntry(run: Run): string {
  const entry = decodeEntry(run.parts.entry)
  checkFields(entry.body)
  checkHome(run, entry, splitOrigin(originOf(run)).log)
  run.entry = entry
  return entry.body.type
}

function checkHome(run: Run, { body }: Entry, log: string): void {
  if (!equalBytes(body.network, reached(run.claimed))) {
    throw new StepFailed('WRONG_NETWORK', 'signed for another network')
  }
  if (body.log !== log) throw new StepFailed('WRONG_LOG', 'signed for another log')
}

function checkSignatures(run: Run): string {
  const entry = reached(run.entry)
  checkEntrySignatures(run, entry)
  for (const signature of entry.signatures) {
    if (!mayBe(run, signature)) throw new StepFailed('UNKNOWN_SIGNER', `no such ${signature.role} key in the rosters`)
  }
  return entry.signatures.map((signature) => signature.role).join(' ')
}

function checkEntrySignatures(run: Run, { signatures, bodyBytes }: Entry): void {
  for (const { role, publicKey, signature } of signatures) {
    if (!verifies(run.v, signature, signedMessage(role, bodyBytes), publicKey)) {
      throw new StepFailed('SIGNATURE_INVALID', `the ${role} signature does not verify`)
    }
  }
}

/**
 * Keys of logs and sites are in the rosters, in whichever was in force where the entry stands; people and devices are
 * enrolled in the log, which a receipt has not.
 */
function mayBe(run: Run, { role, publicKey }: EntrySignature): boolean {
  if (role !== 'log' && role !== 'governance') return true
  const { log } = reached(run.entry).body
  if (role === 'log') return logKeysOf(run, log).some((key) => equalBytes(key, publicKey))
  const sites = reached(run.rosters).map(({ roster }) => siteOfLog(roster, log))
  return sites.some((site) => site !== null && equalBytes(site.governanceKey, publicKey))
}

/** Every key that the log may have had in this incarnation, up to the checkpoint. */
function logKeysOf({ opened, rosters, logKey }: Run, log: string): Uint8Array[] {
  const listed = reached(rosters).flatMap(({ roster }) => {
    const key = listedKey(roster, log)
    const isBefore =
      opened !== undefined && (roster.version <= opened.version || key === null || equalBytes(key, opened.then))
    return key === null || isBefore ? [] : [key]
  })
  return [...listed, ...(opened === undefined ? [] : [opened.logKey]), reached(logKey)]
}

function checkContent({ h, parts, entry }: Run): string {
  const { disclosure } = parts
  if (disclosure === null) return 'nothing'
  const problem = disclosureProblem(h, reached(entry), disclosure)
  if (problem !== null) throw new StepFailed(problem, 'the signers committed to something else')
  return `${disclosure.plaintext.length} bytes`
}

function isUnknownHolder({ role }: EntrySignature): boolean {
  return role !== 'log' && role !== 'governance'
}

function limitsOf({ anchor, entry, cosigned, parts }: Run): ReceiptLimit[] {
  const limits: readonly (readonly [ReceiptLimit, boolean])[] = [
    ['network', anchor.network === null],
    ['later-rosters', true],
    ['enrolment', entry?.signatures.some(isUnknownHolder) ?? true],
    ['contract', true],
    ['content', entry?.body.payload !== null && parts.disclosure === null],
    ['completeness', true],
    ['split-view', cosigned?.satisfied !== true],
    ['time', true],
  ]
  return limits.filter(([, isLimit]) => isLimit).map(([limit]) => limit)
}

function reached<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new StepFailed('NOT_REACHED', 'an earlier step failed')
  return value
}
