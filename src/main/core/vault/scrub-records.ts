/**
 * What lies beside the entries: payloads against what their entries bind, and epoch keys against the site's own.
 *
 * @remarks
 * A wrapped key or a salt says nothing by itself: they are sound when they open the payload to the commitment. An epoch
 * key is sound when it opens as sealed by this site. Proven by `tests/main/core/vault/scrub.test.ts`.
 *
 * @packageDocumentation
 */
import type { Body } from '../../../ledger/entry.ts'
import { splitOrigin } from '../../../ledger/names.ts'
import { toHex } from '../../../shared/bytes.ts'
import { epochKeyBytes, payloadBytes } from '../../store/damaged-bytes.ts'
import type { Store, StoredEpochKey, StoredPayload } from '../../store/store.ts'
import { EpochClassKeys, likelyClasses, openUnderClasses } from '../class-keys.ts'
import { checkCiphertext, checkCommitment, EnvelopeError } from '../envelope.ts'
import { sealEpochKey } from '../epoch-keys.ts'
import { keyRow } from './key-rows.ts'
import { unlessDamaged } from './log-replica.ts'
import type { RepairSource } from './repair.ts'
import { openSealedRow, type SealedRow, type SharingRing } from './sharing-ring.ts'
import type { Damage } from './scrub-damage.ts'

/** What records are checked with. */
export interface RecordScrubParts {
  readonly store: Store
  readonly sources: readonly RepairSource[]
  readonly damage: Damage
  /** The site's sharing keys. */
  readonly ring: SharingRing
  /** X25519 key of the printed recovery key. */
  readonly recoveryKey: Uint8Array
  /** An epoch key that this process opened before, or null. */
  readonly openKey: (subject: Uint8Array, epoch: number) => Promise<Uint8Array | null>
  /** Whether the record of an entry was erased. */
  readonly isErased: (origin: string, index: number) => boolean
}

/** `enc` and the sealed key: see `epoch-keys.ts`. */
const SEALED_SIZE = 80
/** Subjects whose opened keys are kept during a scrub. */
const KEPT_KEYS = 20_000

/** One epoch of a subject. */
interface Epoch {
  readonly subject: Uint8Array
  readonly epoch: number
}

/** Checks and repairs the records beside the entries of a log, in any order. */
export class RecordScrub {
  readonly #parts: RecordScrubParts
  /** Opened keys by subject and epoch, null where there is none. */
  readonly #keys = new Map<string, Uint8Array | null>()

  constructor(parts: RecordScrubParts) {
    this.#parts = parts
  }

  /**
   * Checks what lies beside one proven entry.
   *
   * @returns How many bytes were read.
   */
  async check(origin: string, index: number, body: Body): Promise<number> {
    const { store, damage, isErased } = this.#parts
    const stored = unlessDamaged(() => store.payload(origin, index))
    const at = { kind: 'payload', origin, index, bytes: stored === null ? null : payloadBytes(stored) } as const
    if (body.payload === null || body.subject === null) {
      if (stored !== null) damage.planted({ ...at, reason: 'its entry binds no payload' })
      return 0
    }
    if (isErased(origin, index)) return 0
    const key = await this.#key(origin, index, { subject: body.subject, epoch: body.payload.epoch })
    const problem = problemOf(stored, body, key)
    // Meanwhile it may have been erased: quarantine must not keep what was read before.
    if (isErased(origin, index)) return 0
    if (problem === null) return stored?.ciphertext.length ?? 0
    await damage.found({ ...at, reason: problem }, [() => this.#repairPayload(origin, index, body, key)])
    return 0
  }

  /** Without the key nobody can tell a wrapped key from noise: only what opens is taken. */
  async #repairPayload(origin: string, index: number, body: Body, key: Uint8Array | null): Promise<boolean> {
    if (key === null) return false
    const { store, sources, damage, isErased } = this.#parts
    for (const source of sources) {
      const offered = await source.payload(origin, index)
      // It may have been erased while the source was asked.
      if (offered === null || isErased(origin, index) || problemOf(offered, body, key) !== null) continue
      store.replacePayload(origin, index, offered)
      damage.supplied(source)
      return true
    }
    return false
  }

  /** The key of an epoch, checked and repaired when it is first needed. */
  async #key(origin: string, index: number, of: Epoch): Promise<Uint8Array | null> {
    const { subject, epoch } = of
    const name = `${toHex(subject)}/${epoch}`
    const known = this.#keys.get(name)
    if (known !== undefined) return known
    const key = await this.#checkKey(origin, index, of)
    const [oldest] = this.#keys.keys()
    if (oldest !== undefined && this.#keys.size >= KEPT_KEYS) this.#keys.delete(oldest)
    this.#keys.set(name, key)
    return key
  }

  async #checkKey(origin: string, index: number, of: Epoch): Promise<Uint8Array | null> {
    const { subject, epoch } = of
    const { store, ring, recoveryKey } = this.#parts
    const rows = unlessDamaged(() => store.epochKeys(subject)) ?? []
    const { log } = splitOrigin(origin)
    const own = ring.rowsFor(rows, { epoch, log })
    const key = (await this.#openedOf(own, subject)) ?? (await this.#repairKey(origin, index, of, own[0]?.row))
    const copy = keyRow(rows, { epoch, recipient: recoveryKey, log })
    if (key !== null && copy?.sealed.length !== SEALED_SIZE) await this.#repairCopy(origin, subject, epoch, copy, key)
    return key
  }

  /** The key in the first row that was sealed by this site, or null. */
  async #openedOf(rows: readonly SealedRow[], subject: Uint8Array): Promise<Uint8Array | null> {
    for (const sealed of rows) {
      const key = await this.#opened(sealed, subject)
      if (key !== null) return key
    }
    return null
  }

  async #opened(sealed: SealedRow, subject: Uint8Array): Promise<Uint8Array | null> {
    // What lies in a damaged file is of any type.
    if (!(sealed.row.sealed instanceof Uint8Array)) return null
    return openSealedRow(sealed, subject).catch(nullIfSealed)
  }

  async #repairKey(
    origin: string,
    index: number,
    { subject, epoch }: Epoch,
    row: StoredEpochKey | undefined,
  ): Promise<Uint8Array | null> {
    const { store, damage, ring, sources, openKey } = this.#parts
    const kind = 'epoch-key'
    let found: Uint8Array | null = null
    const repairs = [
      async () => {
        found = await openKey(subject, epoch)
        if (found !== null) await this.#seal(origin, kind, { subject, epoch, recipient: ring.now.publicKey }, found)
        return found !== null
      },
      ...damage.from(sources, async (source) => {
        for (const offered of await source.epochKeys(subject, origin, index)) {
          const pair = offered.epoch === epoch ? ring.of(offered.recipient) : null
          if (pair === null) continue
          found = await this.#opened({ row: offered, pair }, subject)
          if (found === null) continue
          store.replaceEpochKey(origin, kind, { subject, ...offered, log: splitOrigin(origin).log })
          return true
        }
        return false
      }),
    ]
    const reason =
      row === undefined ? 'no key of this epoch is sealed to this site' : 'the key of this epoch does not open'
    await damage.found(
      { kind, origin, index: epoch, subject, bytes: row === undefined ? null : epochKeyBytes(row), reason },
      repairs,
    )
    return found
  }

  async #repairCopy(
    origin: string,
    subject: Uint8Array,
    epoch: number,
    row: StoredEpochKey | undefined,
    key: Uint8Array,
  ): Promise<void> {
    const { damage, recoveryKey } = this.#parts
    const kind = 'recovery-copy'
    const reason = 'no key of this epoch is sealed to the recovery key'
    const found = {
      kind,
      origin,
      index: epoch,
      subject,
      bytes: row === undefined ? null : epochKeyBytes(row),
      reason,
    } as const
    await damage.found(found, [
      async () => {
        await this.#seal(origin, kind, { subject, epoch, recipient: recoveryKey }, key)
        return true
      },
    ])
  }

  async #seal(
    origin: string,
    kind: 'epoch-key' | 'recovery-copy',
    { subject, epoch, recipient }: { subject: Uint8Array; epoch: number; recipient: Uint8Array },
    key: Uint8Array,
  ): Promise<void> {
    const { store, ring } = this.#parts
    const sealed = await sealEpochKey(key, recipient, { subject, epoch, sender: ring.now })
    store.replaceEpochKey(origin, kind, { subject, epoch, recipient, log: splitOrigin(origin).log, sealed })
  }
}

/** What is wrong with a payload; null when nothing is, as far as `key` lets one see. */
function problemOf(
  stored: StoredPayload | null,
  { subject, id, payload, type, fields }: Body,
  key: Uint8Array | null,
): string | null {
  if (stored === null) return 'the payload is missing'
  if (subject === null || payload === null) return 'the entry binds no payload'
  const parts = [stored.ciphertext, stored.wrappedKey, stored.salt] as const
  if (!parts.every((part) => part instanceof Uint8Array)) return 'the payload is not bytes'
  try {
    checkCiphertext(stored.ciphertext, payload)
    if (key === null) return null
    const context = { subject, entryId: id, epoch: payload.epoch }
    const { plaintext, salt } = openUnderClasses(
      stored,
      new EpochClassKeys(key),
      likelyClasses({ type, fields }),
      context,
    )
    checkCommitment(plaintext, salt, payload)
    plaintext.fill(0)
    return null
  } catch (error) {
    if (error instanceof EnvelopeError) return `${error.code}: ${error.message}`
    throw error
  }
}

function nullIfSealed(error: unknown): null {
  if (error instanceof EnvelopeError) return null
  throw error
}
