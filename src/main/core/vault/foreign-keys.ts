/**
 * Keys of records in the logs of other nodes: what consents handed over, and the whole keys of the own site.
 *
 * @remarks
 * Proven by `tests/main/core/network/two-clinics.test.ts` and `tests/main/core/network/sister-charts.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes } from '../../../shared/bytes.ts'
import type { StoredEpochKey } from '../../store/store.ts'
import { type ClassKeys, EpochClassKeys, heldClassKeys, openClassKeys } from '../class-keys.ts'
import { EnvelopeError } from '../envelope.ts'
import { openEpochKey, type SharingKeyPair } from '../epoch-keys.ts'
import type { Clinic } from './clinic.ts'
import { keyRow, mayBeOf } from './key-rows.ts'
import { unlessDamaged } from './log-replica.ts'
import type { NetworkLogs } from './network-logs.ts'

/** See the module's comment. */
export class ForeignKeys {
  readonly #clinic: Pick<Clinic, 'store'>
  readonly #logs: Pick<NetworkLogs, 'roster'>
  readonly #pair: SharingKeyPair

  /** @param pair - The own site's sharing key. */
  constructor(clinic: Pick<Clinic, 'store'>, logs: Pick<NetworkLogs, 'roster'>, pair: SharingKeyPair) {
    this.#clinic = clinic
    this.#logs = logs
    this.#pair = pair
  }

  /** Keys for a subject's records in a log, as far as they are here. */
  rows(log: string, subject: Uint8Array): StoredEpochKey[] {
    return this.#stored(subject).filter((row) => mayBeOf(row, log))
  }

  /** Whether one of them is for this site. */
  has(log: string, subject: Uint8Array): boolean {
    return this.rows(log, subject).some(({ recipient }) => equalBytes(recipient, this.#pair.publicKey))
  }

  /**
   * Opens the keys of one epoch.
   *
   * @param site - Id of the site whose log it is.
   * @throws EnvelopeError `KEY_MISSING`, `NOT_AUTHENTIC`.
   */
  async of(log: string, site: string, subject: Uint8Array, epoch: number): Promise<ClassKeys> {
    const sender = this.#logs.roster.sites.find(({ id }) => id === site)?.sharingKey
    const row = keyRow(this.#stored(subject), { epoch, recipient: this.#pair.publicKey, log })
    if (row === undefined || sender === undefined)
      throw new EnvelopeError('KEY_MISSING', `no key of epoch ${epoch} was handed over`)
    const context = { subject, epoch, sender }
    // A node of the own site seals the whole key to the site; another clinic hands over what a consent names.
    if (equalBytes(sender, this.#pair.publicKey))
      return new EpochClassKeys(await openEpochKey(row.sealed, this.#pair, context))
    return heldClassKeys(await openClassKeys(row.sealed, this.#pair, context))
  }

  #stored(subject: Uint8Array): StoredEpochKey[] {
    return unlessDamaged(() => this.#clinic.store.epochKeys(subject)) ?? []
  }
}
