/**
 * Keys of records in the logs of other nodes: what consents handed over, and the whole keys of the own site.
 *
 * @remarks
 * Proven by `tests/main/core/network/two-clinics.test.ts` and `tests/main/core/network/sister-charts.test.ts`.
 *
 * @packageDocumentation
 */
import { sharingKeysOf } from '../../../ledger/directory.ts'
import type { StoredEpochKey } from '../../store/store.ts'
import { type ClassKeys, EpochClassKeys, heldClassKeys, openHandedOver } from '../class-keys.ts'
import { EnvelopeError } from '../envelope.ts'
import type { Clinic } from './clinic.ts'
import { mayBeOf } from './key-rows.ts'
import { unlessDamaged } from './log-replica.ts'
import type { NetworkLogs } from './network-logs.ts'
import { openSealedRow, type SealedRow } from './sharing-ring.ts'

/** See the module's comment. */
export class ForeignKeys {
  readonly #clinic: Pick<Clinic, 'store' | 'ring' | 'identity' | 'replica'>
  readonly #logs: Pick<NetworkLogs, 'roster'>

  constructor(clinic: Pick<Clinic, 'store' | 'ring' | 'identity' | 'replica'>, logs: Pick<NetworkLogs, 'roster'>) {
    this.#clinic = clinic
    this.#logs = logs
  }

  /** Keys for a subject's records in a log, as far as they are here. */
  rows(log: string, subject: Uint8Array): StoredEpochKey[] {
    return this.#stored(subject).filter((row) => mayBeOf(row, log))
  }

  /** Whether one of them is for this site. */
  has(log: string, subject: Uint8Array): boolean {
    return this.rows(log, subject).some(({ recipient }) => this.#clinic.ring.of(recipient) !== null)
  }

  /**
   * Opens the keys of one epoch.
   *
   * @param site - Id of the site whose log it is.
   * @throws EnvelopeError `KEY_MISSING`, `NOT_AUTHENTIC`.
   */
  async of(log: string, site: string, subject: Uint8Array, epoch: number): Promise<ClassKeys> {
    let failure = new EnvelopeError('KEY_MISSING', `no key of epoch ${epoch} was handed over`)
    for (const sealed of this.#clinic.ring.rowsFor(this.#stored(subject), { epoch, log })) {
      try {
        return await this.#opened(sealed, site, subject)
      } catch (error) {
        if (!(error instanceof EnvelopeError)) throw error
        failure = error
      }
    }
    throw failure
  }

  /** A node of the own site seals the whole key to the site; another clinic hands over what a consent names. */
  async #opened(sealed: SealedRow, site: string, subject: Uint8Array): Promise<ClassKeys> {
    const { identity, replica } = this.#clinic
    if (site === identity.site) return new EpochClassKeys(await openSealedRow(sealed, subject))
    const { row, pair } = sealed
    const senders = this.#logs.roster.sites.some(({ id }) => id === site) ? sharingKeysOf(replica.directory, site) : []
    return heldClassKeys(await openHandedOver(row.sealed, pair, { subject, epoch: row.epoch, senders }))
  }

  #stored(subject: Uint8Array): StoredEpochKey[] {
    return unlessDamaged(() => this.#clinic.store.epochKeys(subject)) ?? []
  }
}
