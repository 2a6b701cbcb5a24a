/**
 * Epoch keys of subjects: which one new records are sealed under, and whom it is handed over to.
 *
 * @remarks
 * The own site and the printed recovery key hold the epoch key itself; a site that a consent names gets the keys of the
 * kinds of data that it names (`class-keys.ts`). What is shared with whom is worked out from proven entries by whoever
 * opens these keys; rows of the database are never asked who may. An epoch that is sealed to a sharing key that was replaced
 * since, of this site or of another one, ends with the next record. Proven by `tests/main/core/vault/subject-keys.test.ts`.
 *
 * @packageDocumentation
 */
import { assert } from '../../../shared/errors.ts'
import { equalBytes, toHex } from '../../../shared/bytes.ts'
import type { NewEpochKey, StoredEpochKey, StoreReader } from '../../store/store.ts'
import { EpochClassKeys, type KeyClass, sealClassKeys } from '../class-keys.ts'
import { EnvelopeError, type RandomBytes } from '../envelope.ts'
import { ApiFailure } from '../failure.ts'
import { keyRow, mayBeOf } from './key-rows.ts'
import { openSealedRow, type SharingRing } from './sharing-ring.ts'
import { unlessDamaged } from './log-replica.ts'
import { sealEpochKey } from '../epoch-keys.ts'

/** The keys under which a subject's new records are sealed. */
export interface CurrentEpoch {
  readonly epoch: number
  readonly keys: EpochClassKeys
  /** To be stored with the first record that uses it; empty when it is stored already. */
  readonly toStore: readonly NewEpochKey[]
  /** To be stored with it, in place of what the same recipients got before. */
  readonly handedOver: readonly NewEpochKey[]
}

/** What one other site gets of one epoch. */
export interface Handover {
  /** The site's sharing key, from the roster. */
  readonly recipient: Uint8Array
  readonly classes: readonly KeyClass[]
}

/** With whom a subject's keys are shared, by the consents in force. */
export interface Sharing {
  /** Who gets which keys of an epoch. */
  of(epoch: number): readonly Handover[]
  /** True when somebody holds keys of this epoch who may no longer have those of new records. */
  isSpent(epoch: number): boolean
  /**
   * First epoch that may begin now, for a patient of another log of the site: a multiple of {@link FOREIGN_FROM}. Left out
   * for all others.
   */
  readonly from?: number
}

/** Nobody else. */
export const UNSHARED: Sharing = { of: () => [], isSpent: () => false }

/** What subject keys are made of. */
export interface SubjectKeysParts {
  readonly store: StoreReader
  /** The own log, without incarnation. */
  readonly log: string
  /** The site's sharing keys. */
  readonly ring: SharingRing
  /** Public half of the printed recovery key; every epoch key is sealed to it as well. */
  readonly recoveryKey: Uint8Array
  /** The epoch that the newest proven entry of a subject names, or null. */
  readonly newestEpoch: (subject: string) => number | null
  /** With whom a subject's keys are shared now; with nobody when it is left out. */
  readonly sharing?: (subject: string) => Promise<Sharing>
  readonly random: RandomBytes
}

/** An epoch whose key is here. */
interface OpenEpoch {
  readonly keys: EpochClassKeys
  /** The site's key that it is sealed to: the public half, 32 bytes. */
  readonly recipient: Uint8Array
}

/**
 * First epoch of what a site records about patients of others, such as emergencies. Nobody changes their mind that often.
 * About a patient of another log of the same site, epochs of a log begin at `FOREIGN_FROM * (1 + e)`, where `e` is the
 * newest of the log that registered them: what began there since is known by the number.
 */
export const FOREIGN_FROM = 4096

/** Epoch keys of subjects, opened with the site's sharing keys and kept in memory only. */
export class SubjectKeys {
  readonly #parts: SubjectKeysParts
  readonly #open = new Map<string, Promise<OpenEpoch>>()
  readonly #created = new Map<string, Promise<CurrentEpoch>>()

  constructor(parts: SubjectKeysParts) {
    this.#parts = parts
  }

  /**
   * The keys of one epoch.
   *
   * @throws EnvelopeError `KEY_MISSING` when none is sealed to this site, `NOT_AUTHENTIC` when it does not open.
   */
  async of(subject: Uint8Array, epoch: number): Promise<EpochClassKeys> {
    return (await this.#opened(subject, epoch)).keys
  }

  #opened(subject: Uint8Array, epoch: number): Promise<OpenEpoch> {
    const name = nameOf(subject, epoch)
    const known = this.#open.get(name)
    if (known !== undefined) return known
    const opening = this.#openStored(subject, epoch)
    this.#open.set(name, opening)
    // A failure is not remembered: the row may have been repaired.
    opening.catch(() => this.#open.delete(name))
    return opening
  }

  /**
   * The keys for new records: those of the epoch the ledger names last, or of a new one when there is none, it is lost, or
   * somebody holds it who may no longer. Rows of the database that the ledger does not name are never used: anyone could
   * have put them there. That one is left over can end an epoch, and do no more.
   */
  async current(subject: Uint8Array): Promise<CurrentEpoch> {
    const handle = toHex(subject)
    const sharing = (await this.#parts.sharing?.(handle)) ?? UNSHARED
    const created = this.#created.get(handle)
    if (created !== undefined) {
      if (equalBytes(recipientOf(await created), this.#parts.ring.now.publicKey)) return created
      // The site got another key before it was recorded.
      if (this.#created.get(handle) === created) this.#created.delete(handle)
    }
    const epoch = this.#parts.newestEpoch(handle)
    const keys = epoch === null || sharing.isSpent(epoch) ? null : await this.#present(subject, epoch, sharing)
    if (epoch !== null && keys !== null) {
      return { epoch, keys, toStore: [], handedOver: await this.#missing(subject, epoch, sharing) }
    }
    const again = this.#created.get(handle)
    if (again !== undefined) return again
    const creating = this.next(subject, sharing)
    this.#created.set(handle, creating)
    return creating
  }

  /** A new epoch, shared as `sharing` says: with every record after it, and of earlier ones what `sharing` hands over. */
  async next(subject: Uint8Array, sharing: Sharing): Promise<CurrentEpoch> {
    const { newestEpoch, random, ring, recoveryKey, log } = this.#parts
    const pair = ring.now
    const newest = newestEpoch(toHex(subject)) ?? -1
    const epoch = this.#nextAfter(newest, this.#rows(subject), sharing)
    const key = random(32)
    assert(key.length === 32, 'epoch keys are 32 bytes')
    const keys = new EpochClassKeys(key)
    const toStore = await Promise.all(
      [pair.publicKey, recoveryKey].map(async (recipient) => ({
        subject,
        epoch,
        recipient,
        log,
        sealed: await sealEpochKey(key, recipient, { subject, epoch, sender: pair }),
      })),
    )
    const own = await this.#handover(subject, epoch, keys, sharing)
    return { epoch, keys, toStore, handedOver: [...(await this.#earlier(subject, newest, sharing)), ...own] }
  }

  /** Number of a new epoch. */
  #nextAfter(newest: number, rows: readonly StoredEpochKey[], { from }: Sharing): number {
    // Epochs that another log names say nothing about those of this one: it could name the last there is.
    const taken = rows.filter((row) => mayBeOf(row, this.#parts.log)).map((row) => row.epoch)
    if (from === undefined) {
      // Somebody else's patient: epochs of that site, which go on there, must never meet those of the records made here.
      const isForeign = newest < 0 && rows.length > 0
      return Math.max(newest, isForeign ? FOREIGN_FROM - 1 : -1, ...taken) + 1
    }
    // Rows that no entry names lead nowhere else: the number says what was known of the other log.
    let epoch = Math.max(newest + 1, from)
    while (taken.includes(epoch)) epoch++
    if (newest < from && epoch >= from + FOREIGN_FROM) throw new ApiFailure('DATABASE_DAMAGED')
    return epoch
  }

  /** The present epoch, with everything that `sharing` hands over sealed anew. */
  async shared(subject: Uint8Array, sharing: Sharing): Promise<CurrentEpoch> {
    const epoch = this.#parts.newestEpoch(toHex(subject))
    const keys = epoch === null ? null : await this.of(subject, epoch).catch(lost)
    if (epoch === null || keys === null) return this.next(subject, sharing)
    return { epoch, keys, toStore: [], handedOver: await this.#earlier(subject, epoch, sharing) }
  }

  /** True when the present epoch is not one for what is recorded from now on. */
  async isOver(subject: Uint8Array, sharing: Sharing): Promise<boolean> {
    const epoch = this.#parts.newestEpoch(toHex(subject))
    if (epoch === null) return false
    return sharing.isSpent(epoch) || (await this.#present(subject, epoch, sharing)) === null
  }

  /** The keys of an epoch, as long as nobody holds them who may not have those of new records. */
  async #present(subject: Uint8Array, epoch: number, sharing: Sharing): Promise<EpochClassKeys | null> {
    const { ring, recoveryKey, log } = this.#parts
    const opened = await this.#opened(subject, epoch).catch(lost)
    // A machine that left the clinic holds the key before.
    if (opened === null || !equalBytes(opened.recipient, ring.now.publicKey)) return null
    const may = [...ring.all.map(({ publicKey }) => publicKey), recoveryKey]
    const others = sharing.of(epoch).map(({ recipient }) => recipient)
    const isLeft = this.#rows(subject).some(
      (row) =>
        row.epoch === epoch && row.log === log && ![...may, ...others].some((key) => equalBytes(key, row.recipient)),
    )
    return isLeft ? null : opened.keys
  }

  /**
   * An entry was recorded: what was made for the subject is stored, or will never be.
   *
   * @param current - That it is sealed under, of all that were made for the same epoch; null without a payload.
   */
  stored(subject: Uint8Array, current: CurrentEpoch | null): void {
    this.#created.delete(toHex(subject))
    if (current !== null && current.toStore.length > 0)
      this.#open.set(
        nameOf(subject, current.epoch),
        Promise.resolve({ keys: current.keys, recipient: recipientOf(current) }),
      )
  }

  /** Forgets the keys of epochs that were erased, also in memory. */
  forget(subject: Uint8Array, epochs: readonly number[]): void {
    for (const epoch of epochs) {
      const name = nameOf(subject, epoch)
      this.#open
        .get(name)
        ?.then(({ keys }) => {
          keys.wipe()
        })
        .catch(() => undefined)
      this.#open.delete(name)
    }
  }

  #rows(subject: Uint8Array) {
    return unlessDamaged(() => this.#parts.store.epochKeys(subject)) ?? []
  }

  async #openStored(subject: Uint8Array, epoch: number): Promise<OpenEpoch> {
    const { ring, log } = this.#parts
    let failure = new EnvelopeError('KEY_MISSING', `no key of epoch ${epoch} sealed to this site`)
    for (const sealed of ring.rowsFor(this.#rows(subject), { epoch, log })) {
      try {
        return { keys: new EpochClassKeys(await openSealedRow(sealed, subject)), recipient: sealed.pair.publicKey }
      } catch (error) {
        if (!(error instanceof EnvelopeError)) throw error
        failure = error
      }
    }
    throw failure
  }

  /** What is to be handed over of epochs up to `newest` and has no row: a consent that began meanwhile, or a lost row. */
  async #missing(subject: Uint8Array, newest: number, sharing: Sharing): Promise<NewEpochKey[]> {
    const epochs = this.#epochs(subject, newest, sharing).filter((epoch) => sharing.of(epoch).length > 0)
    if (epochs.length === 0) return []
    const rows = this.#rows(subject)
    const { log } = this.#parts
    const isThere = (epoch: number, recipient: Uint8Array) => keyRow(rows, { epoch, recipient, log }) !== undefined
    return this.#earlier(subject, newest, {
      ...sharing,
      of: (epoch) => sharing.of(epoch).filter(({ recipient }) => !isThere(epoch, recipient)),
    })
  }

  /** What `sharing` hands over of every epoch up to `newest` whose key is here. */
  async #earlier(subject: Uint8Array, newest: number, sharing: Sharing): Promise<NewEpochKey[]> {
    const rows: NewEpochKey[] = []
    for (const epoch of this.#epochs(subject, newest, sharing)) {
      if (sharing.of(epoch).length === 0) continue
      const keys = await this.of(subject, epoch).catch(lost)
      if (keys !== null) rows.push(...(await this.#handover(subject, epoch, keys, sharing)))
    }
    return rows
  }

  /** Epochs up to `newest`. Those of a patient of another log are far apart. */
  #epochs(subject: Uint8Array, newest: number, { from }: Sharing): number[] {
    if (from === undefined) return upTo(newest)
    const rows = this.#rows(subject).filter((row) => mayBeOf(row, this.#parts.log))
    return [...new Set(rows.map(({ epoch }) => epoch))].filter((epoch) => epoch >= FOREIGN_FROM && epoch <= newest)
  }

  #handover(subject: Uint8Array, epoch: number, keys: EpochClassKeys, sharing: Sharing): Promise<NewEpochKey[]> {
    const { ring, log } = this.#parts
    const pair = ring.now
    return Promise.all(
      sharing.of(epoch).map(async ({ recipient, classes }) => {
        const bundle = new Map(classes.map((keyClass) => [keyClass, keys.keyOf(keyClass)]))
        return {
          subject,
          epoch,
          recipient,
          log,
          sealed: await sealClassKeys(bundle, recipient, { subject, epoch, sender: pair }),
        }
      }),
    )
  }
}

/** A new epoch is stored for the site first, then for the recovery key. */
function recipientOf({ toStore }: CurrentEpoch): Uint8Array {
  const [own] = toStore
  assert(own !== undefined, 'a new epoch is sealed to the site')
  return own.recipient
}

function nameOf(subject: Uint8Array, epoch: number): string {
  return `${toHex(subject)}/${epoch}`
}

function upTo(epoch: number): number[] {
  return Array.from({ length: epoch + 1 }, (_, i) => i)
}

/** A key that is gone, or was sealed by somebody else, is replaced by a new epoch. */
function lost(error: unknown): null {
  if (error instanceof EnvelopeError) return null
  throw error
}
