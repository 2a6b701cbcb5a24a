/**
 * Verify before display: the one function that turns a stored record into something a window may show.
 *
 * @remarks
 * The steps run in the order of `VERIFY_STEPS`; the first that fails is named and nothing of the content leaves. The
 * bytes that are decrypted, checked against the commitment and decoded are the very bytes that were verified. What
 * crosses to the window is plain data; its API client restores the `Verified` mark. Proven by
 * `tests/main/core/verify-record.test.ts` and `tests/faults/tamper.test.ts`.
 *
 * @packageDocumentation
 */
import { type Circumstances, decideView, type View } from '../../ledger/contract.ts'
import type { PractitionerRole } from '../../ledger/entry-types.ts'
import { erasedBy, type ErasureEntry } from '../../ledger/erasure.ts'
import type { VerifiedEntry } from '../../ledger/verify-entry.ts'
import { ClinicalError } from '../../clinical/errors.ts'
import type { VerifyStep } from '../../shared/api/codes.ts'
import type { RejectedRow } from '../../shared/api/primitives.ts'
import { equalBytes, fromHex, toHex } from '../../shared/bytes.ts'
import { assert } from '../../shared/errors.ts'
import type { Verified } from '../../shared/verified.ts'
import { type ClassKeys, type KeyClass, likelyClasses, openUnderClasses } from './class-keys.ts'
import { checkCiphertext, checkCommitment, EnvelopeError, type EnvelopeErrorCode } from './envelope.ts'
import type { Link, Place } from './vault/chains.ts'
import { type EndOfKey, signedAfterEnd } from './vault/ended-keys.ts'
import { erasuresOf } from './vault/erasure-entries.ts'
import type { Grades } from './vault/grades.ts'
import { localInstant } from './vault/local-time.ts'
import { unlessDamaged, type Failed } from './vault/log-replica.ts'
import type { Replica } from './vault/replica.ts'
import type { Identity } from './vault/identity.ts'
import type { Row } from './vault-service.ts'

/** The logs that records stand in: those of this node, or those of another. */
export type RecordReplica = Pick<Replica, 'chain' | 'logs' | 'contract' | 'store'> & {
  readonly identity: Pick<Identity, 'origin'>
}

/** Keys of records, as far as they are held. */
export interface RecordKeys {
  /** @throws EnvelopeError `KEY_MISSING`, `NOT_AUTHENTIC`. */
  of(subject: Uint8Array, epoch: number): Promise<ClassKeys>
}

/** What verification reads from. */
export interface RecordSources {
  readonly replica: RecordReplica
  readonly keys: RecordKeys
  readonly grades: Pick<Grades, 'gradeAt'>
  /** What patients decided, for data of patients. Null only where decisions themselves are read. */
  readonly gate: RecordGate | null
  /**
   * Where the records stand in another log than the patient is registered in: the erasure of everything about them that
   * stands there, or null.
   */
  readonly erased?: (subject: string) => ErasureEntry | null
  /** When the key of a practitioner was ended, as any log of the site says whose records these are. */
  readonly endOf?: EndOfKey
}

/** Decides about one patient's records, one by one. */
export interface SubjectGate {
  /**
   * Under which circumstances a record is looked at.
   *
   * @param keyClass - The key that it is sealed under; null while nobody has opened it yet, for the most that may be seen.
   * @param recordedAtMs - When it was recorded.
   */
  circumstances(keyClass: KeyClass | null, recordedAtMs: number): Circumstances
}

/** Says under which circumstances whoever is signed in looks at a patient's records. */
export interface RecordGate {
  gate(subject: string): Promise<SubjectGate>
}

/** The same records for whoever does more than read: an open emergency counts for nothing. */
export function byConsentAlone(sources: RecordSources): RecordSources {
  const { gate } = sources
  if (gate === null) return sources
  const consented: RecordGate = {
    gate: async (subject) => {
      const decided = await gate.gate(subject)
      return { circumstances: (...record) => ({ ...decided.circumstances(...record), emergency: false }) }
    },
  }
  return { ...sources, gate: consented }
}

/** Which record, for whom, and how its content is read. */
export interface RecordRequest<Content> {
  /** Subject handle in hex. */
  readonly subject: string
  readonly link: Link
  /** What kind of data it is, for the contract's `see` rules. */
  readonly view: View
  /** Who looks; null for the installation itself (names on the sign-in screen). */
  readonly viewer: PractitionerRole | null
  /**
   * Decodes the plaintext and checks that it says the same as the entry, and is of the kind of data whose key opened it.
   *
   * @throws ClinicalError or {@link ContentMismatch}.
   */
  readonly read: (plaintext: string, entry: VerifiedEntry, keyClass: KeyClass) => Content
}

/** The content is valid and says something else than its entry: about another patient, by another person. */
export class ContentMismatch extends Error {}

/**
 * Whoever holds the key of one kind of data must not be handed another kind under it.
 *
 * @param keyClass - Whose key opened a record.
 * @param expected - What the record turned out to be.
 * @throws {@link ContentMismatch}.
 */
export function checkKeyClass(keyClass: KeyClass, expected: KeyClass): void {
  if (keyClass !== expected) throw new ContentMismatch('sealed as another kind of data')
}

const STEP_OF_ENVELOPE: Readonly<Record<EnvelopeErrorCode, VerifyStep>> = {
  CIPHERTEXT_MISMATCH: 'ciphertext',
  KEY_MISSING: 'decrypt',
  NOT_AUTHENTIC: 'decrypt',
  COMMITMENT_MISMATCH: 'commitment',
}

/** Reason of a record whose payload is not here. */
export const PAYLOAD_MISSING = 'the payload is missing from the database'

/** A step failed. */
class StepFailed extends Error {
  readonly failed: Failed
  constructor(failed: Failed, options?: ErrorOptions) {
    super(failed.reason, options)
    this.failed = failed
  }
}

/** No consent covers it: whose it is may be said, so that the glass can be broken. */
class ConsentMissing extends StepFailed {}

/**
 * Verifies one record.
 *
 * @returns Its content, verified, or the step that failed.
 */
export async function verifyRecord<Content>(
  sources: RecordSources,
  request: RecordRequest<Content>,
): Promise<Row<Content>> {
  const { replica } = sources
  const { link, subject } = request
  try {
    const entry = passed(link.log.verifiedEntry(link.index))
    const block = passed(link.log.blockOf(link.index))
    checkChain(replica, subject, link)
    const gate = await gateOf(sources, request)
    // Nothing is opened for whoever may see no kind of data; what kind it is shows when it is open.
    checkAccess(replica, request, gate?.circumstances(null, entry.entry.body.time))
    checkNotErased(sources, request)
    const { record, keyClass } = await contentOf(sources, request, entry)
    checkAccess(replica, request, gate?.circumstances(keyClass, entry.entry.body.time))
    const position = {
      origin: link.log.origin,
      index: link.index,
      entryId: toHex(entry.entry.body.id),
      subject,
      seq: link.seq,
      block: block.seal.block,
      grade: sources.grades.gradeAt(link.log, link.index),
      ...lateness(sources.endOf, entry),
    }
    return { status: 'verified', position, record: record as Verified<Content> }
  } catch (error) {
    const row = rejected(replica, { place: link, seq: link.seq }, failureOf(error))
    return error instanceof ConsentMissing ? { ...row, subject } : row
  }
}

/** A statement that stands in an entry itself: who looked, for instance. */
export interface StatementRequest<Content> {
  readonly place: Place
  readonly view: View
  readonly viewer: PractitionerRole
  /** Reads it from the entry, which was verified; null when it is none of its kind. */
  readonly read: (entry: VerifiedEntry) => Promise<Content>
}

/** Whose the position of a statement is that is about nobody in particular. */
export const NOBODY = '0'.repeat(32)

/**
 * Verifies an entry that speaks for itself, without what may be sealed beside it.
 *
 * @returns What it says, verified, or the step that failed.
 */
export async function verifyStatement<Content>(
  sources: Omit<RecordSources, 'keys' | 'gate'>,
  { place, view, viewer, read }: StatementRequest<Content>,
): Promise<Row<Content>> {
  const { replica, grades, endOf } = sources
  const { log, index } = place
  const handleIn = (entry: VerifiedEntry) =>
    entry.entry.body.subject === null ? null : toHex(entry.entry.body.subject)
  let seq: number | null = null
  try {
    const entry = passed(log.verifiedEntry(index))
    const block = passed(log.blockOf(index))
    const subject = handleIn(entry)
    seq = entry.entry.placement?.subjectSeq ?? 0
    const link =
      subject === null ? undefined : replica.chain(subject).links.find((one) => one.log === log && one.index === index)
    if (subject !== null && link !== undefined) checkChain(replica, subject, link)
    checkAccess(replica, { view, viewer }, undefined)
    const position = {
      ...{ origin: log.origin, index, entryId: toHex(entry.entry.body.id), subject: subject ?? NOBODY, seq },
      ...{ block: block.seal.block, grade: grades.gradeAt(log, index), ...lateness(endOf, entry) },
    }
    return { status: 'verified', position, record: (await read(entry)) as Verified<Content> }
  } catch (error) {
    return rejected(replica, { place, seq }, failureOf(error))
  }
}

/**
 * The content of a record that the installation itself relies on, and that shows no patient data: who can sign in, which
 * devices are enrolled. It needs no checkpoint of its block: the newest signed tree holds the entry.
 *
 * @returns Null when a step failed.
 */
export async function reliedOnContent<Content>(
  sources: Omit<RecordSources, 'grades' | 'gate'>,
  request: Omit<RecordRequest<Content>, 'view' | 'viewer'>,
): Promise<Content | null> {
  const { replica } = sources
  try {
    const entry = passed(request.link.log.reliedOnEntry(request.link.index))
    checkChain(replica, request.subject, request.link)
    return (await contentOf(sources, request, entry)).record
  } catch (error) {
    failureOf(error)
    return null
  }
}

/**
 * What a verified row holds, for those who compute with it.
 *
 * @param row - From {@link verifyRecord}; what was added to it is proven elsewhere.
 */
export function verifiedIn<Content>(row: Extract<Row<Content>, { status: 'verified' }>): Verified<Content> {
  return row.record as Verified<Content>
}

/** The row of a record that cannot even be read. */
export function rejected(
  replica: RecordReplica,
  { place, seq }: { place: Place | null; seq: number | null },
  { step, reason }: Failed,
): RejectedRow {
  const origin = place?.log.origin ?? replica.identity.origin
  return {
    status: 'rejected',
    step,
    reason: reason.slice(0, 300),
    origin,
    index: place?.index ?? null,
    entryId: null,
    seq,
  }
}

/** The mark of what somebody signed after their access had been ended; nothing for most. */
export function lateness(endOf: EndOfKey | undefined, entry: VerifiedEntry): { signerEndedAt?: string } {
  const endedMs = signedAfterEnd(entry, endOf)
  return endedMs === null ? {} : { signerEndedAt: localInstant(endedMs) }
}

function passed<Value extends object>(result: Value | Failed): Value {
  if ('step' in result) throw new StepFailed(result)
  return result
}

/** The entry before it in its subject's chain must be the one it names. */
function checkChain(replica: RecordReplica, subject: string, link: Link): void {
  const incomplete = (reason: string) => new StepFailed({ step: 'completeness', reason })
  const { claims, gone } = replica.chain(subject)
  if ((claims.get(link.seq)?.length ?? 0) > 1) throw incomplete('two entries claim its place')
  if (link.seq === 0) {
    if (link.previousLeaf !== null) throw incomplete('it is the first and names one before it')
    return
  }
  const before = claims.get(link.seq - 1)?.[0]
  const lost = gone.find((other) => other.seq === link.seq - 1)
  const leaf =
    before?.leaf ?? (lost === undefined || lost.place === null ? null : lost.place.log.leafAt(lost.place.index))
  // A lost link whose place nobody knows has a row of its own; here the tree only has to hold what is named.
  const found =
    leaf === null ? holdsDamagedLeaf(replica, link) : link.previousLeaf !== null && equalBytes(leaf, link.previousLeaf)
  if (!found) throw incomplete('the entry before it is not the one it names')
}

function holdsDamagedLeaf(replica: RecordReplica, link: Link): boolean {
  const { previousLeaf } = link
  return (
    previousLeaf !== null &&
    replica.logs.some((log) => [...log.damaged.keys()].some((index) => equalBytes(log.leafAt(index), previousLeaf)))
  )
}

/** What is erased has no content any more, and that is as it should be. */
function checkNotErased<Content>({ replica, erased }: RecordSources, { subject, link }: RecordRequest<Content>): void {
  const record = { origin: link.log.origin, index: link.index, subject: fromHex(subject) }
  const by = erasedBy(erasuresOf(replica, subject), record) ?? erased?.(subject) ?? null
  if (by === null) return
  throw new StepFailed({ step: 'erased', reason: `erased by entry ${by.index} of ${by.origin}: ${by.erasure.reason}` })
}

/** Views of patients' data: what a patient decided counts for these. */
const OF_PATIENTS: ReadonlySet<View> = new Set(['clinical', 'demographics'])

async function gateOf<Content>(
  { gate }: RecordSources,
  { subject, view, viewer }: RecordRequest<Content>,
): Promise<SubjectGate | null> {
  if (viewer === null || !OF_PATIENTS.has(view)) return null
  assert(gate !== null, 'whoever shows records of patients asks what they decided')
  return gate.gate(subject)
}

function checkAccess(
  replica: RecordReplica,
  { viewer, view }: { readonly viewer: PractitionerRole | null; readonly view: View },
  circumstances: Circumstances | undefined,
): void {
  if (viewer === null) return
  const contract = replica.contract()
  if (contract === null || !decideView(contract.contract, view, viewer, circumstances).allowed) {
    const failed = { step: 'access', reason: `the contract does not let this role see ${view} data` } as const
    if (circumstances?.consent !== false) throw new StepFailed(failed)
    throw new ConsentMissing({ ...failed, reason: `no consent of the patient covers this ${view} data` })
  }
}

async function contentOf<Content>(
  { replica, keys }: Omit<RecordSources, 'grades' | 'gate'>,
  request: Pick<RecordRequest<Content>, 'subject' | 'link' | 'read'>,
  entry: VerifiedEntry,
): Promise<{ record: Content; keyClass: KeyClass }> {
  const { subject, payload, id } = entry.entry.body
  if (subject === null || payload === null || toHex(subject) !== request.subject) {
    throw new StepFailed({ step: 'decode', reason: 'the entry is not a record of this subject' })
  }
  const stored = unlessDamaged(() => replica.store.payload(request.link.log.origin, request.link.index))
  if (stored === null) throw new StepFailed({ step: 'ciphertext', reason: PAYLOAD_MISSING })
  checkCiphertext(stored.ciphertext, payload)
  const context = { subject, entryId: id, epoch: payload.epoch }
  const classKeys = await keys.of(subject, payload.epoch)
  const { plaintext, salt, keyClass } = openUnderClasses(stored, classKeys, classesOf(request.link, entry), context)
  checkCommitment(plaintext, salt, payload)
  CLASSES.set(request.link, keyClass)
  return {
    record: request.read(new TextDecoder('utf-8', { fatal: true }).decode(plaintext), entry, keyClass),
    keyClass,
  }
}

/** The kind of data that each record turned out to be: it is tried first the next time. */
const CLASSES = new WeakMap<Link, KeyClass>()

function classesOf(link: Link, { entry }: VerifiedEntry): readonly KeyClass[] {
  const known = CLASSES.get(link)
  return known === undefined ? likelyClasses(entry.body) : [known, ...likelyClasses(entry.body)]
}

function failureOf(error: unknown): Failed {
  if (error instanceof StepFailed) return error.failed
  if (error instanceof EnvelopeError) return { step: STEP_OF_ENVELOPE[error.code], reason: error.message }
  if (error instanceof ClinicalError) return { step: 'content', reason: error.code }
  if (error instanceof ContentMismatch) return { step: 'content', reason: error.message }
  // Not UTF-8.
  if (error instanceof TypeError && error.message.includes('encoded data'))
    return { step: 'content', reason: 'not text' }
  throw error
}
