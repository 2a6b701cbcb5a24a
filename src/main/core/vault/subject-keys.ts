import { assert } from '../../../shared/errors.ts'
import { equalBytes, toHex } from '../../../shared/bytes.ts'
import type { NewEpochKey, StoreReader } from '../../store/store.ts'
import { EnvelopeError, type RandomBytes } from '../envelope.ts'
import { unlessDamaged } from './log-replica.ts'
import { openEpochKey, sealEpochKey, type SharingKeyPair } from '../epoch-keys.ts'

/** The key under which a subject's new records are sealed. */
export interface CurrentEpoch {
  readonly epoch: number
  readonly key: Uint8Array
  /** To be stored with the first record that uses it; empty when it is stored already. */
  readonly toStore: readonly NewEpochKey[]
}

/** What subject keys are made of. */
export interface SubjectKeysParts {
  readonly store: StoreReader
  /** The site's sharing key. */
  readonly pair: SharingKeyPair
  /** Public half of the printed recovery key; every epoch key is sealed to it as well. */
  readonly recoveryKey: Uint8Array
  /** The epoch that the newest proven entry of a subject names, or null. */
  readonly newestEpoch: (subject: string) => number | null
  readonly random: RandomBytes
}

/** Epoch keys of subjects, opened with the site's sharing key and kept in memory only. */
export class SubjectKeys {
  readonly #store: StoreReader
  readonly #pair: SharingKeyPair
  readonly #recoveryKey: Uint8Array
  readonly #newestEpoch: (subject: string) => number | null
  readonly #random: RandomBytes
  readonly #open = new Map<string, Promise<Uint8Array>>()
  readonly #created = new Map<string, Promise<CurrentEpoch>>()

  constructor({ store, pair, recoveryKey, newestEpoch, random }: SubjectKeysParts) {
    this.#store = store
    this.#pair = pair
    this.#recoveryKey = recoveryKey
    this.#newestEpoch = newestEpoch
    this.#random = random
  }

  /**
   * The key of one epoch.
   *
   * @throws EnvelopeError `KEY_MISSING` when none is sealed to this site, `NOT_AUTHENTIC` when it does not open.
   */
  of(subject: Uint8Array, epoch: number): Promise<Uint8Array> {
    const name = `${toHex(subject)}/${epoch}`
    const known = this.#open.get(name)
    if (known !== undefined) return known
    const opening = this.#openStored(subject, epoch)
    this.#open.set(name, opening)
    // A failure is not remembered: the row may have been repaired.
    opening.catch(() => this.#open.delete(name))
    return opening
  }

  /**
   * The key for new records: that of the epoch the ledger names last, or a new one when there is none or it is lost.
   * Rows of the database that the ledger does not name are never used: anyone could have put them there.
   */
  async current(subject: Uint8Array): Promise<CurrentEpoch> {
    const created = this.#created.get(toHex(subject))
    if (created !== undefined) return created
    const epoch = this.#newestEpoch(toHex(subject))
    const key = epoch === null ? null : await this.of(subject, epoch).catch(lost)
    if (epoch !== null && key !== null) return { epoch, key, toStore: [] }
    const taken = this.#store.epochKeys(subject).map((row) => row.epoch)
    const creating = this.#create(subject, Math.max(-1, epoch ?? -1, ...taken) + 1)
    this.#created.set(toHex(subject), creating)
    return creating
  }

  /** The keys of `epoch` were stored: they need not be stored again. */
  stored(subject: Uint8Array): void {
    this.#created.delete(toHex(subject))
  }

  /** Forgets the keys of epochs that were erased, also in memory. */
  forget(subject: Uint8Array, epochs: readonly number[]): void {
    for (const epoch of epochs) {
      const name = `${toHex(subject)}/${epoch}`
      this.#open
        .get(name)
        ?.then((key) => key.fill(0))
        .catch(() => undefined)
      this.#open.delete(name)
    }
  }

  async #openStored(subject: Uint8Array, epoch: number): Promise<Uint8Array> {
    const rows = unlessDamaged(() => this.#store.epochKeys(subject)) ?? []
    const row = rows.find((k) => k.epoch === epoch && equalBytes(k.recipient, this.#pair.publicKey))
    if (row === undefined) throw new EnvelopeError('KEY_MISSING', `no key of epoch ${epoch} sealed to this site`)
    return openEpochKey(row.sealed, this.#pair, { subject, epoch, sender: this.#pair.publicKey })
  }

  async #create(subject: Uint8Array, epoch: number): Promise<CurrentEpoch> {
    const key = this.#random(32)
    assert(key.length === 32, 'epoch keys are 32 bytes')
    this.#open.set(`${toHex(subject)}/${epoch}`, Promise.resolve(key))
    const recipients = [this.#pair.publicKey, this.#recoveryKey]
    const toStore = await Promise.all(
      recipients.map(async (recipient) => ({
        subject,
        epoch,
        recipient,
        sealed: await sealEpochKey(key, recipient, { subject, epoch, sender: this.#pair }),
      })),
    )
    return { epoch, key, toStore }
  }
}

/** A key that is gone, or was sealed by somebody else, is replaced by a new epoch. */
function lost(error: unknown): null {
  if (error instanceof EnvelopeError) return null
  throw error
}
