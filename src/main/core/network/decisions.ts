/**
 * What patients decided in the own log, worked out before others are shown the entry that says it.
 *
 * @remarks
 * A consent that was taken back must not be followed by one more record to the site that lost it: others are shown no
 * more of the own log than what was worked out. Proven by `tests/main/core/network/two-clinics.test.ts`.
 *
 * @packageDocumentation
 */
import { decodeEntry } from '../../../ledger/entry.ts'
import { toHex } from '../../../shared/bytes.ts'
import { orNull } from '../../../sync/attempt.ts'
import type { Clinic } from '../vault/clinic.ts'
import type { Disclosures } from '../vault/disclosures.ts'
import { SHARED_TYPES } from '../vault/foreign-log.ts'
import { unlessDamaged } from '../vault/log-replica.ts'

/** See the module's comment. */
export class Decisions {
  readonly #clinic: Clinic
  readonly #disclosures: Pick<Disclosures, 'load' | 'changed' | 'recorded'>
  readonly #erased: () => void
  #size: number

  /** @param erased - Told when somebody may have been erased in the own log. */
  constructor(clinic: Clinic, disclosures: Pick<Disclosures, 'load' | 'changed' | 'recorded'>, erased: () => void) {
    this.#clinic = clinic
    this.#disclosures = disclosures
    this.#erased = erased
    this.#size = clinic.replica.live.head.size
  }

  /** Size of the own log up to which it is worked out. */
  get size(): number {
    return this.#size
  }

  /** Works out the rest. True when others may get more, or less, than before. */
  async catchUp(): Promise<boolean> {
    const { size } = this.#clinic.replica.live.head
    const decided = this.#decidedUpTo(size)
    // A decision that cannot be read may be one that takes something back.
    if (decided === null) await this.#disclosures.load()
    let isNew = decided === null
    for (const handle of decided ?? []) isNew = (await this.#disclosures.changed(handle)) || isNew
    this.#size = size
    return isNew
  }

  /** Patients about whom a consent was recorded since then; null when nobody can say. */
  #decidedUpTo(size: number): string[] | null {
    const { replica, store } = this.#clinic
    const count = size - this.#size
    const rows = unlessDamaged(() => store.entries(replica.live.origin, this.#size, count)) ?? []
    const bodies = rows.flatMap(({ bytes }) => orNull(() => decodeEntry(bytes).body) ?? [])
    if (bodies.length !== count || bodies.some(({ type }) => type === 'record.erased')) this.#erased()
    if (bodies.length !== count) return null
    for (const { type, subject } of bodies)
      if (SHARED_TYPES.has(type) && subject !== null) this.#disclosures.recorded(toHex(subject))
    const consents = bodies.filter(({ type }) => type.startsWith('consent.'))
    return [...new Set(consents.flatMap(({ subject }) => (subject === null ? [] : toHex(subject))))]
  }
}
