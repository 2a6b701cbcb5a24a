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
import { encodeErasure, erasedBy, type EntryRef, type ErasureEntry } from '../../../ledger/erasure.ts'
import { erasedDigest, signErasureStatement, type ErasedRecord } from '../../../ledger/erasure-statement.ts'
import type { Entry } from '../../../ledger/entry.ts'
import { instantText } from '../../../clinical/instant.ts'
import type { Erasure, ErasureReceipt, ReceiptFile } from '../../../shared/api/schemas.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { keyPairFromSeed, sign, wipe } from '../../keystore/sodium.ts'
import type { StoredPayload } from '../../store/store.ts'
import { ApiFailure } from '../failure.ts'
import { nodeHasher as h } from '../hasher.ts'
import type { Link, Place } from './chains.ts'
import { offsetMinAt, viewerFor, viewerOf, type Clinic, type Viewer } from './clinic.ts'
import { erasuresOf } from './erasure-entries.ts'
import { unlessDamaged } from './log-replica.ts'
import type { EntrySigner } from './entry-signer.ts'

/** What is to be erased, and who says so beside the one who is signed in. */
export interface ErasureRequest {
  readonly handle: string
  /** Null for everything about the patient. */
  readonly records: readonly EntryRef[] | null
  readonly reason: string
  readonly authority: string
  readonly second: { readonly handle: string; readonly pin: string } | null
}

/** What erasures need beside the clinic. */
export interface ErasureParts {
  readonly clinic: Clinic
  /** Signs as the live log. */
  readonly logSigner: EntrySigner
  /** The proof of an entry as a file. */
  readonly receipt: (origin: string, index: number) => ReceiptFile
}

/** One erasure, with the records that fell under it. */
interface Erased {
  readonly by: ErasureEntry
  readonly entry: Entry
  /** Proven ones that had a payload, in the order of the logs. */
  readonly records: ErasedRecord[]
}

/** What of one subject is erased. */
interface SubjectErasures {
  readonly subject: Uint8Array
  readonly erasures: readonly Erased[]
  /** Every place, also of entries that are damaged. */
  readonly places: readonly EntryRef[]
  /** Epochs that no record needs any more. */
  readonly epochs: readonly number[]
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
   * Erases records of a patient, or all of them.
   *
   * @throws ApiFailure `NOT_SIGNED_IN`, `NOT_ALLOWED`, `UNKNOWN_PATIENT`, `UNKNOWN_ENTRY`, `RECORD_NOT_VERIFIED`;
   * KeystoreError `WRONG_PIN` or `PIN_LOCKED` for the second person; StoreError.
   */
  async erase(request: ErasureRequest): Promise<ErasureReceipt> {
    const { clinic } = this.#parts
    // Who may is for the contract to say, about everybody who signs: the writer asks it.
    const viewer = viewerOf(clinic)
    const { handle, reason, authority, records } = request
    this.#checkPlaces(handle, records)
    const second = request.second === null ? null : await this.#secondSigner(viewer, request.second)
    const id = clinic.random(16)
    try {
      await clinic.writer.record([
        {
          id,
          type: 'record.erased',
          subject: fromHex(handle),
          timeMs: clinic.nowMs(),
          payload: null,
          fields: encodeErasure({ reason, authority, records }),
          signers: second === null ? [viewer.signer] : [viewer.signer, second.signer],
        },
      ])
    } finally {
      second?.wipe()
    }
    this.finish()
    clinic.emit({ kind: 'chart-changed', handle })
    return this.#receiptOf(handle, toHex(id))
  }

  /** Every erasure of this site, newest first, with the statement where everything is gone. */
  list(): Erasure[] {
    viewerFor(this.#parts.clinic, 'ledger')
    if (!this.#isComplete) this.finish()
    return this.#subjects()
      .flatMap(({ erasures }) => erasures)
      .map((erased) => this.#describe(erased))
      .sort((a, b) => (a.at < b.at ? 1 : -1))
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
    const subject = fromHex(handle)
    const { links, gone } = this.#parts.clinic.replica.chain(handle)
    const entries = links.map((link) => ({ link, entry: entryOf(link) }))
    const all = erasuresOf(this.#parts.clinic.replica, handle)
    const erasures = all.flatMap((by): Erased[] => {
      const entry = entries.find(({ link }) => placeOf(refOf(link)) === placeOf(by))?.entry ?? null
      return entry === null ? [] : [{ by, entry, records: [] }]
    })
    const places: EntryRef[] = []
    const epochs = { erased: new Set<number>(), kept: new Set<number>() }
    for (const { link, entry } of entries) {
      const by = erasedBy(all, { ...refOf(link), subject })
      const payload = entry?.body.payload ?? null
      if (payload === null) continue
      epochs[by !== null && by.erasure.records === null ? 'erased' : 'kept'].add(payload.epoch)
      if (by === null) continue
      places.push(refOf(link))
      const record = { ...refOf(link), ciphertextHash: payload.ciphertextHash }
      erasures.find((erased) => erased.by === by)?.records.push(record)
    }
    for (const { place } of gone)
      if (place !== null && erasedBy(all, { ...refOf(place), subject }) !== null) places.push(refOf(place))
    return { subject, erasures, places, epochs: [...epochs.erased].filter((epoch) => !epochs.kept.has(epoch)) }
  }

  #checkPlaces(handle: string, records: readonly EntryRef[] | null): void {
    const { links } = this.#parts.clinic.replica.chain(handle)
    if (!links.some(({ type }) => type === 'patient.registered')) throw new ApiFailure('UNKNOWN_PATIENT')
    const known = new Set(links.map((link) => placeOf(refOf(link))))
    if (records?.some((record) => !known.has(placeOf(record))) === true) throw new ApiFailure('UNKNOWN_ENTRY')
  }

  /** The key of somebody else who is asked for their PIN, for this one entry. */
  async #secondSigner(viewer: Viewer, { handle, pin }: { handle: string; pin: string }) {
    const { keystore, replica } = this.#parts.clinic
    if (handle === viewer.handle) throw new ApiFailure('NOT_ALLOWED')
    if (!keystore.practitioners.has(handle)) throw new ApiFailure('WRONG_PIN')
    const seed = await keystore.practitioners.unlock(handle, pin)
    const { publicKey } = keyPairFromSeed(seed)
    const binding = replica.directory.bindings.get(toHex(publicKey))
    if (binding === undefined || toHex(binding.handle) !== handle) {
      wipe(seed)
      throw new ApiFailure('RECORD_NOT_VERIFIED')
    }
    const signer: EntrySigner = { role: 'practitioner', publicKey, sign: (message) => sign(seed, message) }
    return {
      signer,
      wipe: () => {
        wipe(seed)
      },
    }
  }

  #receiptOf(handle: string, entryId: string): ErasureReceipt {
    const erased = this.#subject(handle).erasures.find(({ entry }) => toHex(entry.body.id) === entryId)
    if (erased === undefined) throw new ApiFailure('RECORD_NOT_VERIFIED')
    const { origin, index } = erased.by
    return { ...this.#describe(erased), receipt: this.#parts.receipt(origin, index) }
  }

  #describe(erased: Erased): Erasure {
    const { by, entry, records } = erased
    const { time, id } = entry.body
    const { origin, index } = by
    return {
      ...{ origin, index, entryId: toHex(id), at: instantText(time, offsetMinAt(time)), subject: toHex(by.subject) },
      ...{ reason: by.erasure.reason, authority: by.erasure.authority, isWhole: by.erasure.records === null },
      records: records.length,
      statement: this.#statement(erased),
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

function entryOf({ log, index }: Link): Entry | null {
  const verified = log.verifiedEntry(index)
  return 'step' in verified ? null : verified.entry
}

function refOf({ log, index }: Place): EntryRef {
  return { origin: log.origin, index }
}

function placeOf({ origin, index }: EntryRef): string {
  return `${origin} ${index}`
}

function hasPayload(payload: StoredPayload | null): boolean {
  return payload !== null
}
