/**
 * Says in the own log that what other logs erased is gone here, so that whoever erased it knows.
 *
 * @remarks
 * What was said is read from the own log at each start: what a crash or a lost part of the log left unsaid is said then.
 * Proven by `tests/main/core/network/erasure-confirmed.test.ts`.
 *
 * @packageDocumentation
 */
import {
  type ErasureLeaf,
  erasureConfirmed,
  MAX_CONFIRMED,
  readErasureConfirmed,
} from '../../../ledger/erasure-confirmation.ts'
import { encodeIncident } from '../../../ledger/fields.ts'
import { toHex } from '../../../shared/bytes.ts'
import { orNull } from '../../../sync/attempt.ts'
import type { Clinic } from './clinic.ts'

/** What this node confirmed, and confirms. */
export class ErasureConfirmations {
  readonly #clinic: Pick<Clinic, 'writer' | 'logSigner' | 'nowMs' | 'random' | 'replica'>
  /** Also what is being recorded. Null until somebody asks. */
  #said: Set<string> | null = null

  constructor(clinic: Pick<Clinic, 'writer' | 'logSigner' | 'nowMs' | 'random' | 'replica'>) {
    this.#clinic = clinic
  }

  /** True for an erasure that was confirmed, or is being. */
  isSaid(erasure: ErasureLeaf): boolean {
    return this.#known().has(keyOf(erasure))
  }

  /**
   * Confirms erasures that were not.
   *
   * @param gone - Of each, nothing is left in any file.
   * @throws What {@link Writer.record} throws; then they are confirmed another time.
   */
  async record(gone: readonly ErasureLeaf[]): Promise<void> {
    const { writer, logSigner, nowMs, random } = this.#clinic
    const said = this.#known()
    const fresh = gone.filter((erasure) => !said.has(keyOf(erasure)))
    for (let from = 0; from < fresh.length; from += MAX_CONFIRMED) {
      const some = fresh.slice(from, from + MAX_CONFIRMED)
      for (const erasure of some) said.add(keyOf(erasure))
      const fields = encodeIncident(erasureConfirmed(some))
      const draft = { id: random(16), type: 'incident', subject: null, timeMs: nowMs(), payload: null, fields } as const
      try {
        await writer.record([{ ...draft, signers: [logSigner] }])
      } catch (error) {
        for (const erasure of some) said.delete(keyOf(erasure))
        throw error
      }
    }
  }

  #known(): Set<string> {
    this.#said ??= new Set(this.#recorded().map(keyOf))
    return this.#said
  }

  #recorded(): ErasureLeaf[] {
    return this.#clinic.replica.incidents.flatMap(({ log, index }) => {
      const verified = log.verifiedEntry(index)
      return 'step' in verified ? [] : (orNull(() => readErasureConfirmed(verified.entry)) ?? [])
    })
  }
}

function keyOf({ origin, index, leaf }: ErasureLeaf): string {
  return `${origin} ${index} ${toHex(leaf)}`
}
