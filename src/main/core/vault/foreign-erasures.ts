/**
 * Deletes what other logs erased, and knows who confirmed what this one did.
 *
 * @remarks
 * Proven by `tests/main/core/network/erasure.test.ts` and `tests/main/core/network/erasure-confirmed.test.ts`.
 *
 * @packageDocumentation
 */
import type { EntryRef } from '../../../ledger/erasure.ts'
import type { ErasureLeaf } from '../../../ledger/erasure-confirmation.ts'
import { orNull } from '../../../sync/attempt.ts'
import type { StoredEpochKey } from '../../store/store.ts'
import type { Clinic } from './clinic.ts'
import { erasedOf } from './erased-records.ts'
import { type ForeignLog } from './foreign-log.ts'
import type { ErasedTold } from './foreign-shares.ts'
import { UNPLACED } from './key-rows.ts'
import { unlessDamaged, type LogReplica } from './log-replica.ts'
import { FOREIGN_FROM } from './subject-keys.ts'

/** What a log erased of one patient. */
interface Told {
  readonly handle: string
  /** Records that may be held here. */
  readonly places: readonly EntryRef[]
  readonly keys: { readonly subject: Uint8Array; readonly epochs: readonly number[]; readonly logs: readonly string[] }
  /** The entries that say so. */
  readonly erasures: readonly ErasureLeaf[]
  /** Nothing of the log is damaged here: there may be no record of the patient that is not known. */
  readonly isWhole: boolean
}

/** See the module's comment. */
export class ForeignErasures {
  readonly #clinic: Pick<Clinic, 'store'>
  readonly #open: ReadonlyMap<string, ForeignLog>
  /** What was deleted and may still stand in a file. */
  #marks: Uint8Array[] = []

  /** @param open - Logs as far as they were read. */
  constructor(clinic: Pick<Clinic, 'store'>, open: ReadonlyMap<string, ForeignLog>) {
    this.#clinic = clinic
    this.#open = open
  }

  /** See `ForeignShares.eraseTold`. */
  eraseTold(isSaid: (erasure: ErasureLeaf) => boolean): ErasedTold {
    const { store } = this.#clinic
    const changed: string[] = []
    const unsaid: Told[] = []
    for (const told of this.#told()) {
      const isNew = told.erasures.some((erasure) => !isSaid(erasure))
      const isGone = this.#isLeft(told) !== true
      // Confirmed is only what was also deleted from quarantine, in which nobody looks.
      if (isGone && !isNew) continue
      const { handle, places, keys } = told
      this.#marks.push(...store.eraseRecords({ records: places, keys }).marks)
      if (!isGone) changed.push(handle)
      if (isNew) unsaid.push(told)
    }
    // Also without marks: a crash may have come between the deletion and this.
    const isComplete = (this.#marks.length === 0 && unsaid.length === 0) || store.forgetErased(this.#marks)
    if (!isComplete) return { changed, isComplete, gone: [] }
    this.#marks = []
    // What cannot be read is not known to be gone.
    const gone = unsaid.filter((told) => told.isWhole && this.#isLeft(told) === false)
    return { changed, isComplete, gone: gone.flatMap(({ erasures }) => erasures) }
  }

  /** What the logs of others erase of the patients that they registered. */
  *#told(): Generator<Told> {
    const { store } = this.#clinic
    for (const foreign of this.#open.values()) {
      for (const handle of foreign.chains.subjectsWith('record.erased')) {
        // Of a patient whom another log registered, a log may erase nothing. Neither what this site wrote about theirs.
        if (!foreign.registered.has(handle)) continue
        const { name, logs, chains } = foreign
        const replica = { chain: (of: string) => chains.of(of) }
        const { subject, places, epochs: named, erasures } = erasedOf({ replica, store }, handle, FOREIGN_FROM - 1)
        // What this site wrote itself has later epochs: whatever the log says of those, it does not speak for them.
        const epochs = named.filter((epoch) => epoch < FOREIGN_FROM)
        yield {
          ...{ handle, places, keys: { subject, epochs, logs: [name, UNPLACED] } },
          erasures: erasures.flatMap(({ by }) => leafOf(logs, by)),
          isWhole: logs.every(({ damaged }) => damaged.size === 0),
        }
      }
    }
  }

  /** Whether anything that was erased is held; null where that cannot be read. */
  #isLeft({ places, keys: { subject, epochs, logs } }: Told): boolean | null {
    const { store } = this.#clinic
    const isErased = ({ epoch, log }: StoredEpochKey) => epochs.includes(epoch) && logs.includes(log)
    return unlessDamaged(
      () =>
        store.epochKeys(subject).some(isErased) ||
        places.some(({ origin, index }) => store.payload(origin, index) !== null),
    )
  }
}

/** The entry with its leaf; none where that cannot be read. */
function leafOf(logs: readonly LogReplica[], { origin, index }: EntryRef): ErasureLeaf[] {
  const leaf = orNull(() => logs.find((log) => log.origin === origin)?.leafAt(index) ?? null)
  return leaf === null ? [] : [{ origin, index, leaf }]
}
