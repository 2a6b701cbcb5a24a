/**
 * Erasure: what the ledger says is erased leaves every file of this node.
 *
 * @remarks
 * The entry comes first: after a crash in the middle, the next start finds it and finishes. What an entry erases is
 * worked out from proven entries alone, so that nobody erases by writing to the database. Backups that were made before
 * still hold it; nothing here reaches them. Proven by `tests/main/core/vault/erasure.test.ts`.
 *
 * @packageDocumentation
 */
import {
  encodeErasure,
  erasedBy,
  type EntryRef,
  type Erasure,
  type ErasureEntry,
  MAX_ERASED,
} from '../../../ledger/erasure.ts'
import { decodeAmendedFields } from '../../../ledger/fields.ts'
import { decodeAssessmentFields, decodeTargetFields } from '../../../ledger/record-fields.ts'
import { erasedDigest, signErasureStatement } from '../../../ledger/erasure-statement.ts'
import type { Entry } from '../../../ledger/entry.ts'
import { instantText } from '../../../clinical/instant.ts'
import type { ErasurePreview, ErasureReceipt, ReceiptFile, Erasure as Shown } from '../../../shared/api/schemas.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import type { StoredPayload } from '../../store/store.ts'
import { ApiFailure } from '../failure.ts'
import { nodeHasher as h } from '../hasher.ts'
import { offsetMinAt, viewerFor, type Clinic } from './clinic.ts'
import { type Erased, entryOf, erasedOf, isWhole, placeOf, refOf, type SubjectErasures } from './erased-records.ts'
import { erasureSites, otherSites } from './erasure-sites.ts'
import { unlessDamaged } from './log-replica.ts'
import { otherParts, requireRegisteredHere } from './patient-logs.ts'
import type { EntrySigner } from './entry-signer.ts'

/** An erasure that everybody has signed who must. */
export interface SignedErasure {
  /** Of the entry, 16 bytes. */
  readonly id: Uint8Array
  /** Of the patient. */
  readonly handle: string
  /** Clock of who asked for it, ms since 1970. */
  readonly timeMs: number
  readonly erasure: Erasure
  /** Sign exactly the body that this makes. */
  readonly signers: readonly EntrySigner[]
}

/** The other shares of patients' cards, as far as they are kept here. */
export interface CardShares {
  /** How many cards of a patient have theirs here. */
  count(handle: string): number
  /** Destroys them. Doing it again does nothing. */
  forget(handle: string): void
}

/** What erasures need beside the clinic. */
export interface ErasureParts {
  readonly clinic: Clinic
  /** Signs as the live log. */
  readonly logSigner: EntrySigner
  /** The proof of an entry as a file. */
  readonly receipt: (origin: string, index: number) => ReceiptFile
  readonly cards: CardShares
}

/** Erasures of an open clinic. */
export class Erasures {
  readonly #parts: ErasureParts
  readonly #erased = new Map<string, ErasureEntry>()
  /** What was deleted and may still stand in a file, because somebody was reading. */
  #marks: readonly Uint8Array[] = []
  #isComplete = true

  constructor(parts: ErasureParts) {
    this.#parts = parts
  }

  /** The erasure that the record of an entry fell under, or null. */
  erasedBy(origin: string, index: number): ErasureEntry | null {
    return this.#erased.get(placeOf({ origin, index })) ?? null
  }

  /**
   * Deletes whatever the ledger says is erased and is still here. To be called at the start, after rows were repaired,
   * and again later when it replies false.
   *
   * @returns False while somebody else reads the database.
   */
  finish(): boolean {
    const { store, keys } = this.#parts.clinic
    this.#erased.clear()
    const marks = [...this.#marks]
    const subjects = this.#subjects()
    for (const { subject, erasures, places, epochs } of subjects) {
      if (erasures.some(isWhole)) this.#parts.cards.forget(toHex(subject))
      for (const { by, records } of erasures) for (const record of records) this.#erased.set(placeOf(record), by)
      for (const place of places) if (!this.#erased.has(placeOf(place))) this.#note(subject, erasures, place)
      marks.push(...store.eraseRecords({ records: places, keys: { subject, epochs } }).marks)
      keys.forget(subject, epochs)
    }
    this.#marks = marks
    // Also without anything to delete: a crash may have come between the deletion and this.
    this.#isComplete = subjects.length === 0 || store.forgetErased(marks)
    if (this.#isComplete) this.#marks = []
    return this.#isComplete
  }

  /**
   * Erases records of a patient, or all of them. Whether these signers may is for the contract to say: the writer asks it.
   *
   * @throws ApiFailure `NOT_ALLOWED`, `UNKNOWN_PATIENT`, `OTHER_WORKSTATION`, `UNKNOWN_ENTRY`, `RECORD_NOT_VERIFIED`; StoreError.
   */
  async erase({ id, handle, timeMs, erasure, signers }: SignedErasure): Promise<ErasureReceipt> {
    const { clinic } = this.#parts
    this.#checkPlaces(handle, erasure.records)
    // Before it: what tells who had a key is among what goes.
    clinic.store.putErasureSites(id, [...new Set([...otherSites(clinic), ...this.#sitesWithKeys(handle)])])
    const [subject, fields] = [fromHex(handle), encodeErasure(erasure)]
    await clinic.writer.record([{ id, type: 'record.erased', subject, timeMs, payload: null, fields, signers }])
    this.finish()
    clinic.emit({ kind: 'chart-changed', handle })
    return this.#receiptOf(handle, toHex(id))
  }

  /**
   * What an erasure would take away, and what would stay.
   *
   * @throws ApiFailure `UNKNOWN_PATIENT`, `OTHER_WORKSTATION`, `UNKNOWN_ENTRY`.
   */
  preview(handle: string, named: readonly EntryRef[] | null): ErasurePreview {
    const { replica, store } = this.#parts.clinic
    const records = this.withDependents(handle, named)
    const { links, gone } = replica.chain(handle)
    const chosen = records === null ? null : new Set(records.map(placeOf))
    const held = [...links, ...gone.flatMap(({ place }) => place ?? [])].filter((link) => {
      const { origin, index } = refOf(link)
      const isMeant = chosen?.has(placeOf({ origin, index })) ?? true
      return isMeant && hasPayload(unlessDamaged(() => store.payload(origin, index)))
    })
    const isAll = records === null
    return {
      records: held.length + (isAll ? this.#heldElsewhere(handle) : 0),
      keys: isAll ? new Set(store.epochKeys(fromHex(handle)).map(({ epoch }) => epoch)).size : 0,
      cards: isAll ? this.#parts.cards.count(handle) : 0,
      entriesThatStay: records?.length ?? links.length + gone.length,
      sites: this.#sitesWithKeys(handle),
    }
  }

  /**
   * Records to be erased with everything that repeats or rests on them: what took their place or withdrew them, and
   * scores that they went into. Otherwise an erased value could still be read off another record.
   *
   * @returns Null for null: everything.
   * @throws ApiFailure `UNKNOWN_PATIENT`, `OTHER_WORKSTATION`, `UNKNOWN_ENTRY`, `INVALID_REQUEST` when they are more than one entry can name.
   */
  withDependents(handle: string, records: readonly EntryRef[] | null): EntryRef[] | null {
    this.#checkPlaces(handle, records)
    if (records === null) return null
    const all = new Map(records.map(({ origin, index }) => [placeOf({ origin, index }), { origin, index }]))
    // In the order of the logs: what refers to something stands after it.
    for (const link of this.#parts.clinic.replica.chain(handle).links) {
      const entry = entryOf(link)
      if (entry === null || !refersTo(entry).some((ref) => all.has(placeOf(ref)))) continue
      all.set(placeOf(refOf(link)), refOf(link))
    }
    if (all.size > MAX_ERASED) throw new ApiFailure('INVALID_REQUEST', { detail: 'records' })
    return [...all.values()]
  }

  /** Every erasure of this site, newest first, with the statement where everything is gone. */
  list(): Shown[] {
    viewerFor(this.#parts.clinic, 'ledger')
    if (!this.#isComplete) this.finish()
    return this.#subjects()
      .flatMap(({ erasures }) => erasures)
      .map((erased) => this.#describe(erased))
      .sort((a, b) => (a.at < b.at ? 1 : -1))
  }

  /** Records of other workstations of this clinic about the patient. They go with everything else. */
  #heldElsewhere(handle: string): number {
    const { clinic } = this.#parts
    const links = otherParts(clinic, handle).flatMap(({ sources }) => sources.replica.chain(handle).links)
    return links.filter(({ log, index }) => hasPayload(unlessDamaged(() => clinic.store.payload(log.origin, index))))
      .length
  }

  /** A damaged entry belongs to the subject by the word of its chain alone: what names it, or names everything, holds. */
  #note(subject: Uint8Array, erasures: readonly Erased[], place: EntryRef): void {
    const by = erasedBy(
      erasures.map((each) => each.by),
      { ...place, subject },
    )
    if (by !== null) this.#erased.set(placeOf(place), by)
  }

  #subjects(): SubjectErasures[] {
    const { replica } = this.#parts.clinic
    return replica.subjectsWith('record.erased').map((handle) => this.#subject(handle))
  }

  #subject(handle: string): SubjectErasures {
    return erasedOf(this.#parts.clinic, handle)
  }

  #checkPlaces(handle: string, records: readonly EntryRef[] | null): void {
    requireRegisteredHere(this.#parts.clinic, handle)
    const { links } = this.#parts.clinic.replica.chain(handle)
    const known = new Set(links.map((link) => placeOf(refOf(link))))
    if (records?.some((record) => !known.has(placeOf(record))) === true) throw new ApiFailure('UNKNOWN_ENTRY')
  }

  /** Other sites to which a key of the patient was handed over. */
  #sitesWithKeys(handle: string): string[] {
    const { replica, store, identity } = this.#parts.clinic
    const recipients = new Set(store.epochKeys(fromHex(handle)).map(({ recipient }) => toHex(recipient)))
    const rosters = replica.directory.rosters.flatMap(({ roster }) => roster.sites)
    const sites = rosters.filter(({ id, sharingKey }) => id !== identity.site && recipients.has(toHex(sharingKey)))
    return [...new Set(sites.map(({ id }) => id))].sort()
  }

  #receiptOf(handle: string, entryId: string): ErasureReceipt {
    const erased = this.#subject(handle).erasures.find(({ entry }) => toHex(entry.body.id) === entryId)
    if (erased === undefined) throw new ApiFailure('RECORD_NOT_VERIFIED')
    const { origin, index } = erased.by
    return { ...this.#describe(erased), receipt: this.#parts.receipt(origin, index) }
  }

  #describe(erased: Erased): Shown {
    const { by, entry, records } = erased
    const { time, id } = entry.body
    const { origin, index } = by
    return {
      ...{ origin, index, entryId: toHex(id), at: instantText(time, offsetMinAt(time)), subject: toHex(by.subject) },
      ...{ reason: by.erasure.reason, authority: by.erasure.authority, isWhole: by.erasure.records === null },
      records: records.length,
      statement: this.#statement(erased),
      sites: erasureSites(this.#parts.clinic, erased),
    }
  }

  /** Null while something is left, and for an earlier incarnation, whose key signs nothing any more. */
  #statement({ by, entry, records }: Erased): string | null {
    const { clinic, logSigner } = this.#parts
    const { store, identity, nowMs } = clinic
    const { origin, index } = by
    const isLeft = ({ origin: of, index: at }: EntryRef) => hasPayload(unlessDamaged(() => store.payload(of, at)))
    if (!this.#isComplete || origin !== identity.origin || records.some(isLeft)) return null
    const network = toHex(identity.network)
    const [digest, timeS] = [erasedDigest(h, records), Math.floor(nowMs() / 1000)]
    const statement = { network, origin, index, entryId: toHex(entry.body.id), count: records.length, digest, timeS }
    return signErasureStatement(statement, { name: origin, publicKey: logSigner.publicKey }, (m) => logSigner.sign(m))
  }
}

/** What an entry repeats, withdraws, or was computed from. */
function refersTo({ body }: Entry): readonly EntryRef[] {
  switch (body.type) {
    case 'reading.amended':
      return [decodeAmendedFields(body.fields).target]
    case 'reading.entered-in-error':
      return [decodeTargetFields(body.fields)]
    case 'assessment':
      return decodeAssessmentFields(body.fields).inputs
    default:
      return []
  }
}

function hasPayload(payload: StoredPayload | null): boolean {
  return payload !== null
}
