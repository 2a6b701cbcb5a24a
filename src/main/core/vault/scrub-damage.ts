/**
 * What one scrub found: each damaged row goes to quarantine first, then repairs are tried, then the outcome is told.
 *
 * @packageDocumentation
 */
import { StoreError } from '../../store/errors.ts'
import type { DamagedKind, DamagedPlace, Store } from '../../store/store.ts'
import type { RepairSource } from './repair.ts'

/** What became of a row that was found damaged. */
export interface Finding {
  readonly what: DamagedKind
  readonly origin: string
  readonly index: number
  readonly outcome: 'open' | 'repaired' | 'removed'
  /** Technical, without patient data. */
  readonly reason: string
}

/** A damaged row, as it is told to {@link Damage.found}. */
export interface Found {
  readonly kind: DamagedKind
  readonly origin: string
  readonly index: number
  readonly level?: number
  readonly subject?: Uint8Array
  /** As it stood; null when it was gone or could not be read. */
  readonly bytes: Uint8Array | null
  readonly reason: string
}

/** Something that may write a proven row, and replies whether it had one. May throw what the store throws. */
export type Repair = () => Promise<boolean> | boolean

/** Notes damage and what became of it. */
export class Damage {
  readonly #store: Store
  readonly #nowMs: () => number
  readonly #tell: (finding: Finding) => void
  readonly #suppliers = new Set<string>()
  readonly #counts = { open: 0, repaired: 0, removed: 0 }

  /**
   * @param nowMs - Wall clock.
   * @param tell - Told of each finding.
   */
  constructor(store: Store, nowMs: () => number, tell: (finding: Finding) => void) {
    this.#store = store
    this.#nowMs = nowMs
    this.#tell = tell
  }

  /** How many rows have which outcome. */
  get counts(): { readonly open: number; readonly repaired: number; readonly removed: number } {
    return this.#counts
  }

  /** Names of the logs of the nodes from which something proven came. */
  get suppliers(): readonly string[] {
    return [...this.#suppliers]
  }

  /** Something of a source was used. */
  supplied({ node }: Pick<RepairSource, 'node'>): void {
    if (node !== null) this.#suppliers.add(node)
  }

  /** One repair for each source, which is remembered when it had what was needed. */
  from<Source extends Pick<RepairSource, 'node'>>(
    sources: readonly Source[],
    repair: (source: Source, i: number) => Promise<boolean>,
  ): Repair[] {
    return sources.map((source, i) => async () => {
      const isRepaired = await repair(source, i)
      if (isRepaired) this.supplied(source)
      return isRepaired
    })
  }

  /**
   * Sets a damaged row aside, then tries repairs in order until one succeeds.
   *
   * @returns Whether the row is sound now.
   */
  async found(row: Found, repairs: readonly Repair[]): Promise<boolean> {
    this.#store.quarantineRow({ ...this.#place(row), ...this.#seen(row) })
    const isRepaired = await firstThatWrites(repairs)
    this.#settled(row, isRepaired ? 'repaired' : 'open')
    return isRepaired
  }

  /** The same where nothing may happen in between. */
  foundNow(row: Found, repair: () => boolean): void {
    this.#store.quarantineRow({ ...this.#place(row), ...this.#seen(row) })
    this.#settled(row, attempted(repair) ? 'repaired' : 'open')
  }

  /** A row that was made up: it is moved to quarantine, so that it is in nobody's way. */
  planted(row: Found): void {
    this.#store.removeRow({ ...this.#place(row), ...this.#seen(row) })
    this.#settled(row, 'removed')
  }

  /** The same where `remove` moves it. */
  removing(row: Found, remove: () => void): void {
    remove()
    this.#settled(row, 'removed')
  }

  /** Rows that were removed without being looked at one by one. */
  removed(row: Omit<Found, 'bytes'>, count: number): void {
    this.#counts.removed += count - 1
    this.#settled({ ...row, bytes: null }, 'removed')
  }

  #place({ kind, origin, index, level, subject }: Found): DamagedPlace {
    return { kind, origin, index, level: level ?? 0, subject: subject ?? null }
  }

  #seen({ bytes, reason }: Found) {
    return { bytes, reason, foundAtMs: this.#nowMs() }
  }

  #settled({ kind, origin, index, reason }: Found, outcome: Finding['outcome']): void {
    this.#counts[outcome] += 1
    this.#tell({ what: kind, origin, index, outcome, reason: reason.slice(0, 300) })
  }
}

async function firstThatWrites(repairs: readonly Repair[]): Promise<boolean> {
  for (const repair of repairs) {
    try {
      if (await repair()) return true
    } catch (error) {
      requireBadSector(error)
    }
  }
  return false
}

function attempted(repair: () => boolean): boolean {
  try {
    return repair()
  } catch (error) {
    requireBadSector(error)
    return false
  }
}

/** Where the disk does not keep what is written, the row stays damaged; everything else ends the scrub. */
function requireBadSector(error: unknown): void {
  if (!(error instanceof StoreError) || error.code !== 'DATABASE_DAMAGED') throw error
}
