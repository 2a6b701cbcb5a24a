/**
 * Checks a receipt with nothing but a trust anchor: a network id, a policy, or both.
 *
 * @remarks
 * Step by step, so that whoever holds an invalid one learns which link is broken, and with a list of what a receipt
 * cannot show. Anchored by a network id it goes: id → first roster → key of the log → checkpoint → entry. Anchored by
 * a policy: log key of the policy → checkpoint and quorum → entry. Proven by `tests/ledger/verify-receipt.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes, toHex } from '../shared/bytes.ts'
import { type Checkpoint, openCheckpoint, parseCheckpoint } from './checkpoint.ts'
import { openCosignatures } from './cosignature.ts'
import { governanceSigner, siteOfLog } from './directory.ts'
import { decodeEntry, type Entry, type EntrySignature, signedMessage } from './entry.ts'
import { LedgerError, type LedgerErrorCode } from './errors.ts'
import { checkFields } from './fields.ts'
import { type Hasher, leafHash } from './hash.ts'
import { checkInclusion } from './inclusion.ts'
import { splitOrigin } from './names.ts'
import { parseNote } from './note.ts'
import { isSatisfied, leastCosignatures, parsePolicy, type Policy } from './policy.ts'
import { parseReceipt, type Receipt } from './receipt.ts'
import { decodeReceiptExtra, type ReceiptExtra } from './receipt-extra.ts'
import { decodeRoster, type Roster } from './roster.ts'
import { type SignatureVerifier, verifies } from './signatures.ts'

/** What the reader trusts beforehand. With neither, every receipt is unanchored. */
export interface ReceiptAnchor {
  /** Network id, 32 bytes. */
  readonly network: Uint8Array | null
  /** Its log lines say which logs count, its quorum must be satisfied. */
  readonly policy: Policy | null
}

/** A receipt with its extra data. Nothing is verified. */
export interface ReceiptParts extends Receipt {
  readonly entry: Uint8Array
  readonly roster: Uint8Array
}

/** The steps, in order. */
export const RECEIPT_STEPS = [
  'anchor', // the receipt belongs to the network that the reader trusts
  'log-key', // the anchor vouches for the key of the log
  'checkpoint', // the log signed the checkpoint
  'cosignatures', // lines of cosigners verify, and a policy's quorum is satisfied
  'inclusion', // the entry hashes into the checkpoint's root
  'entry', // it is a canonical entry of this network and this log
  'signatures', // every signature on it is real, and those of logs and sites are under keys of the roster
] as const

/** One of {@link RECEIPT_STEPS}. */
export type ReceiptStepName = (typeof RECEIPT_STEPS)[number]

/** Why a step failed: the ledger's reasons and two of its own. */
export type ReceiptReason =
  | LedgerErrorCode
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
  | 'later-rosters' // the key of the log is that of the first roster; whether it was changed since is not seen
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
}

/**
 * Takes a receipt apart.
 *
 * @param text - Untrusted.
 * @throws {@link LedgerError} `BAD_RECEIPT`.
 */
export function readReceipt(text: string): ReceiptParts {
  const receipt = parseReceipt(text)
  const extra: ReceiptExtra = decodeReceiptExtra(receipt.extra)
  return { ...receipt, ...extra }
}

/** What is being checked, and what earlier steps established. */
interface Run {
  readonly h: Hasher
  readonly v: SignatureVerifier
  readonly parts: ReceiptParts
  readonly anchor: ReceiptAnchor
  roster?: Roster
  logKey?: Uint8Array
  head?: Checkpoint
  entry?: Entry
  cosigned?: { k: number; q: number; satisfied: boolean }
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
  'log-key': checkLogKey,
  checkpoint: checkCheckpoint,
  cosignatures: checkCosignatures,
  inclusion: checkPlace,
  entry: checkEntry,
  signatures: checkSignatures,
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
  const steps = RECEIPT_STEPS.map((name) => runStep(name, run))
  return {
    ok: steps.every((step) => step.ok),
    steps,
    unknownHolders: (run.entry?.signatures ?? []).filter(isUnknownHolder).map((s) => `${s.role} ${toHex(s.publicKey)}`),
    notChecked: limitsOf(run),
    logKey: run.logKey ?? null,
    head: run.head ?? null,
    entry: run.entry ?? null,
    cosigned: run.cosigned ?? null,
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

/** The roster is read whatever vouches for it: an entry names its network, and so its first roster, by hash. */
function checkAnchor(run: Run): string {
  const { network, policy } = run.anchor
  const hash = run.h.sha256(run.parts.roster)
  const roster = decodeRoster(run.parts.roster)
  if (roster.version !== 1) throw new StepFailed('BAD_FIELD', 'its roster is not the first version')
  if (network !== null && !equalBytes(hash, network)) {
    throw new StepFailed('WRONG_NETWORK', `its roster is that of network ${toHex(hash)}`)
  }
  run.roster = roster
  if (network === null && policy === null) throw new StepFailed('UNANCHORED', 'no network id and no policy was given')
  return network === null ? 'the policy' : `network ${toHex(network)}`
}

function checkLogKey(run: Run): string {
  const origin = originOf(run)
  const { policy, network } = run.anchor
  const listed = policy === null ? null : (policy.logs.find((log) => log.name === origin)?.publicKey ?? null)
  if (policy !== null && listed === null) throw new StepFailed('UNANCHORED', `the policy has no log line for ${origin}`)
  const founding = foundingKey(run, origin)
  if (network !== null && founding === null) {
    throw new StepFailed('UNKNOWN_SIGNER', `the first roster has no log of the name ${origin}`)
  }
  if (network !== null && listed !== null && founding !== null && !equalBytes(listed, founding)) {
    throw new StepFailed('UNKNOWN_SIGNER', 'policy and roster name different keys')
  }
  run.logKey = reached(listed ?? founding ?? undefined)
  return `${origin} ${toHex(run.logKey)}`
}

/** Origin that the checkpoint claims. */
function originOf({ parts }: Run): string {
  return parseCheckpoint(parseNote(parts.checkpoint).text).origin
}

/** Key of the log in the first roster, or null. */
function foundingKey({ roster }: Run, origin: string): Uint8Array | null {
  const { log } = splitOrigin(origin)
  return (
    reached(roster)
      .sites.flatMap((site) => site.nodes)
      .find((node) => node.log === log)?.logKey ?? null
  )
}

function checkCheckpoint(run: Run): string {
  const key = { name: originOf(run), publicKey: reached(run.logKey) }
  run.head = openCheckpoint(run.parts.checkpoint, key, run.v)
  return `${run.head.size} entries, root ${toHex(run.head.root)}`
}

/** A roster's own policy says how far the entry has come; only a policy that the reader gave must be satisfied. */
function checkCosignatures(run: Run): string {
  reached(run.head)
  const policy = run.anchor.policy ?? parsePolicy(reached(run.roster).policy)
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
  if (!equalBytes(entry.body.network, run.h.sha256(run.parts.roster))) {
    throw new StepFailed('WRONG_NETWORK', 'signed for another network')
  }
  const { log } = splitOrigin(originOf(run))
  if (entry.body.log !== log) throw new StepFailed('WRONG_LOG', 'signed for another log')
  run.entry = entry
  return entry.body.type
}

function checkSignatures(run: Run): string {
  const { signatures, bodyBytes } = reached(run.entry)
  for (const signature of signatures) {
    const message = signedMessage(signature.role, bodyBytes)
    if (!verifies(run.v, signature.signature, message, signature.publicKey)) {
      throw new StepFailed('SIGNATURE_INVALID', `the ${signature.role} signature does not verify`)
    }
    if (!mayBe(run, signature)) throw new StepFailed('UNKNOWN_SIGNER', `no such ${signature.role} key in the roster`)
  }
  return signatures.map((signature) => signature.role).join(' ')
}

/** Keys of logs and sites are in the roster; people and devices are enrolled in the log, which a receipt has not. */
function mayBe(run: Run, { role, publicKey }: EntrySignature): boolean {
  const { body } = reached(run.entry)
  const roster = reached(run.roster)
  if (role === 'log') return equalBytes(publicKey, reached(run.logKey))
  if (role !== 'governance') return true
  const signer = governanceSigner(roster, publicKey)
  return signer !== null && signer.site === siteOfLog(roster, body.log)?.id
}

function isUnknownHolder({ role }: EntrySignature): boolean {
  return role !== 'log' && role !== 'governance'
}

function limitsOf({ anchor, entry, cosigned }: Run): ReceiptLimit[] {
  const limits: readonly (readonly [ReceiptLimit, boolean])[] = [
    ['network', anchor.network === null],
    ['later-rosters', anchor.policy === null],
    ['enrolment', entry?.signatures.some(isUnknownHolder) ?? true],
    ['contract', true],
    ['content', entry?.body.payload !== null],
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
