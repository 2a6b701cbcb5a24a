/**
 * Grades of entries: how far each log of this replica has come.
 *
 * @remarks
 * Worked out for a whole log when something about it changes, never entry by entry: a grade is then a few comparisons.
 * Proven by `tests/main/core/vault/cosignatures.test.ts`.
 *
 * @packageDocumentation
 */
import type { EntryGrade } from '../../../ledger/finality.ts'
import {
  type Contest,
  type CosignedSizes,
  type Epoch,
  finalityOf,
  gradeInLog,
  type LogFinality,
  sizesUnder,
} from '../../../ledger/log-finality.ts'
import type { CosignedLog, Cosignatures } from './cosignatures.ts'

/** What grades follow from. */
export interface GradeParts {
  readonly cosignatures: Pick<Cosignatures, 'epochs' | 'sizes' | 'sizeBelow'>
  /** What fork proofs say about a log; null when there are none. */
  readonly contest: (origin: string) => Contest | null
  /** True for an incarnation that does not follow what its log had signed: nothing of it is believed before it is final. */
  readonly isDoubted: (origin: string) => boolean
}

interface Known {
  readonly rosters: unknown
  readonly epochs: readonly Epoch[]
  readonly sizes: CosignedSizes
  readonly finality: LogFinality
  readonly isContested: boolean
}

/** Grades of all logs of a replica. */
export class Grades {
  readonly #parts: GradeParts
  readonly #known = new Map<string, Known>()

  constructor(parts: GradeParts) {
    this.#parts = parts
  }

  /** Must be called when cosignatures of a log were stored or a fork proof about it was kept. */
  changed(origin: string): void {
    this.#known.delete(origin)
  }

  /** Grade of a sealed entry of `log`. */
  gradeAt(log: CosignedLog, index: number): EntryGrade {
    const { epochs, finality, sizes, isContested } = this.#of(log)
    const isForked = isContested || this.#parts.isDoubted(log.origin)
    return gradeInLog(index, epochs, finality, sizes, isForked)
  }

  /** Entries `[0, size)` are final. */
  finalSize(log: CosignedLog): number {
    return this.#of(log).finality.size
  }

  #of(log: CosignedLog): Known {
    const known = this.#known.get(log.origin)
    // A new roster needs no telling: it is another list.
    if (known?.rosters === log.directory.rosters) return known
    const fresh = this.#workOut(log)
    this.#known.set(log.origin, fresh)
    return fresh
  }

  #workOut(log: CosignedLog): Known {
    const { cosignatures, contest } = this.#parts
    const epochs = cosignatures.epochs(log)
    const all = cosignatures.sizes(log.origin)
    const contested = contest(log.origin)
    const below = (key: string, size: number) => cosignatures.sizeBelow(log, key, size)
    const sizes = contested === null ? all : sizesUnder(epochs, all, contested, below)
    const finality = finalityOf(epochs, sizes)
    return { rosters: log.directory.rosters, epochs, sizes, finality, isContested: contested !== null }
  }
}
