/**
 * Reads the logs of other nodes for display, as far as they are mirrored here.
 *
 * @remarks
 * Proven by `tests/main/core/network/two-clinics.test.ts` and `tests/main/core/network/later-incarnations.test.ts`.
 *
 * @packageDocumentation
 */
import { type Directory, nextIncarnation } from '../../../ledger/directory.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { parseNote } from '../../../ledger/note.ts'
import { assert } from '../../../shared/errors.ts'
import type { RecordReplica, RecordSources } from '../verify-record.ts'
import { Chains } from './chains.ts'
import type { Clinic } from './clinic.ts'
import { endOfKey } from './ended-keys.ts'
import type { ForeignConsents } from './foreign-consents.ts'
import type { ForeignKeys } from './foreign-keys.ts'
import { type ForeignLog, newestOf, takeForeign } from './foreign-log.ts'
import { LogReplica, unlessDamaged, type Head } from './log-replica.ts'
import type { NetworkLogs } from './network-logs.ts'

/** Longest log of another site that is read for display: what is known of each entry is kept in memory. */
const MAX_ENTRIES = 200_000

/** What reads and opens what it reads. */
export interface ForeignReaderParts {
  readonly clinic: Clinic
  readonly logs: NetworkLogs
  readonly keys: ForeignKeys
  readonly consents: ForeignConsents
}

/** See the module's comment. */
export class ForeignReader {
  readonly #parts: ForeignReaderParts
  /** By the name of the log. */
  readonly #open = new Map<string, ForeignLog>()

  constructor(parts: ForeignReaderParts) {
    this.#parts = parts
  }

  /** The logs as far as they were read. */
  get open(): ReadonlyMap<string, ForeignLog> {
    return this.#open
  }

  /** Reads what came since: logs that are mirrored further than they were read. */
  refresh(): void {
    for (const name of new Set([...this.#parts.logs.mirrored].map(({ log }) => log))) {
      const heads = this.#headsOf(name)
      if (heads.length === 0) continue
      if (!this.isSister(name) && heads.reduce((sum, { size }) => sum + size, 0) > MAX_ENTRIES) {
        // What was read of it grows old: a consent in it may have been taken back since.
        this.#open.delete(name)
        continue
      }
      try {
        this.#follow(name, heads)
      } catch (error) {
        // Damage here is fetched again; until then nothing of the log is shown.
        if (!(error instanceof LedgerError)) throw error
        this.#open.delete(name)
      }
    }
  }

  /** What was read of the logs of a site. */
  logsOf(site: string): RecordReplica[] {
    return [...this.#open.values()].filter((one) => one.site === site).map(({ sources }) => sources.replica)
  }

  /** Of a node of the own site: its patients are this clinic's, and are read like those of the own log, however many. */
  isSister(name: string): boolean {
    return this.#parts.logs.siteOf(name)?.id === this.#parts.clinic.identity.site
  }

  /** What was judged of each incarnation of a log, oldest first, up to the first of which nothing was. */
  #headsOf(name: string): Head[] {
    const heads: Head[] = []
    for (const { state, isEmpty } of this.#parts.logs.incarnations(name)) {
      if (state.mirrored === null || isEmpty) break
      heads.push({ ...state.mirrored, text: parseNote(state.mirrored.note).text })
    }
    return heads
  }

  /** Reads on. Entries are taken in by age: when an earlier incarnation grew, or came back, all are read again. */
  #follow(name: string, heads: readonly Head[]): void {
    const known = this.#open.get(name)
    const isSame = known?.logs.slice(0, -1).every(({ head }, i) => head.size === heads[i]?.size) === true
    const newest = known === undefined ? undefined : heads[known.logs.length - 1]
    if (known === undefined || newest === undefined || !isSame) {
      this.#read(name, heads)
      return
    }
    if (newest.size !== newestOf(known).head.size && heads.length > known.logs.length) this.#read(name, heads)
    else {
      if (newest.size !== newestOf(known).head.size) this.#readOn(known, newest)
      this.#readAll(known, heads.slice(known.logs.length))
    }
  }

  #read(name: string, heads: readonly Head[]): void {
    const { store } = this.#parts.clinic
    this.#open.delete(name)
    const site = this.#parts.logs.siteOf(name)?.id
    if (site === undefined) return
    const logs: LogReplica[] = []
    const chains = new Chains(store, () => logs)
    const replica = {
      ...{ store, logs },
      identity: {
        get origin() {
          return logs.at(-1)?.origin ?? ''
        },
      },
      chain: (subject: string) => chains.of(subject),
      contract: () => this.#parts.clinic.replica.contract(),
    }
    const foreign: ForeignLog = {
      ...{
        name,
        logs,
        chains,
        site,
        registered: new Set<string>(),
        measured: new Set<string>(),
        claimed: [],
        confirmed: new Map<string, number>(),
      },
      standings: this.isSister(name) ? this.#parts.consents.standingsOf(name, replica, chains) : null,
      sources: this.#sources(name, replica, site, () => foreign),
    }
    this.#readAll(foreign, heads)
    if (logs.length > 0) this.#open.set(name, foreign)
  }

  /** Reads incarnations that were not read yet, up to one that cannot be read now. */
  #readAll(foreign: ForeignLog, heads: readonly Head[]): void {
    for (const head of heads) if (!this.#readNext(foreign, head)) return
  }

  #readNext(foreign: ForeignLog, head: Head): boolean {
    const { logs } = foreign
    const { identity, store } = this.#parts.clinic
    const { origin } = head
    const keys = this.#parts.logs.keysOf(origin)
    const logKey = keys.at(-1)
    const base = this.#baseOf(origin, logs)
    if (logKey === undefined || base === null) return false
    const parts = {
      ...{ store, network: identity.network, origin, logKey, otherKeys: keys.slice(0, -1), copies: new Map() },
      ...{ base, isMirrored: true as const },
    }
    logs.push(
      LogReplica.open(parts, head, (entry, log) => {
        takeForeign(foreign, this.#parts.clinic.replica, log, entry)
      }),
    )
    foreign.chains.readHints()
    return true
  }

  /** What is in force before an incarnation, from those before it that were read. */
  #baseOf(origin: string, before: readonly LogReplica[]): Directory | null {
    const opening = this.#parts.clinic.standing.openings.of(origin)
    if (opening === null) return this.#parts.logs.emptyDirectory()
    const previous = before.find((log) => log.origin === opening.previous.origin)
    if (previous === undefined || previous.head.size < opening.previous.size) return null
    return nextIncarnation(previous.directory, opening.previous.size)
  }

  #readOn(foreign: ForeignLog, head: Head): void {
    const { store } = this.#parts.clinic
    const log = newestOf(foreign)
    const from = log.head.size
    const rows = unlessDamaged(() => store.entries(log.origin, from, head.size - from)) ?? []
    if (rows.length !== head.size - from) throw new LedgerError('TILE_DAMAGED', 'entries are missing')
    const tree = this.#parts.logs.mirror(log.origin)?.trusted.tree
    assert(tree !== undefined, 'what is read on is mirrored')
    const entries = rows.map(({ index, bytes }) => ({ index, bytes, leaf: tree.leafAt(index) }))
    log.committed(head, store.newestCheckpoint(log.origin)?.block ?? 0, entries, (entry) => {
      takeForeign(foreign, this.#parts.clinic.replica, log, entry)
    })
  }

  #sources(name: string, replica: RecordSources['replica'], site: string, foreign: () => ForeignLog): RecordSources {
    const { clinic, keys, consents } = this.#parts
    return {
      ...{ replica, grades: clinic.grades },
      keys: { of: (subject, epoch) => keys.of(name, site, subject, epoch) },
      gate: { gate: (handle) => consents.gate(foreign(), handle) },
      endOf: (...key) => {
        const own = site === clinic.identity.site ? [clinic.replica] : []
        return endOfKey([...own, ...this.logsOf(site)], ...key)
      },
    }
  }
}
