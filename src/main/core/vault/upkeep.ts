/**
 * Keeps the open replica whole: scrubs it in the background and on demand, and records what went wrong.
 *
 * @remarks
 * Proven by `tests/main/core/vault/upkeep.test.ts`.
 *
 * @packageDocumentation
 */
import { signCheckpoint } from '../../../ledger/checkpoint.ts'
import { logKeyOf } from '../../../ledger/directory.ts'
import { decodeIncident, type LogHead } from '../../../ledger/fields.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import type { Incident, ScrubEvent } from '../../../shared/api/schemas.ts'
import { instantText } from '../../../clinical/instant.ts'
import { equalBytes, toHex } from '../../../shared/bytes.ts'
import { EnvelopeError } from '../envelope.ts'
import type { Place } from './chains.ts'
import { actorFor, offsetMinAt, viewerFor, type Clinic } from './clinic.ts'
import { decodeClaim, PATIENT_CLAIMED } from './claimed-patients.ts'
import { decodeDamage } from './incidents.ts'
import { recordIncidents } from './record-incidents.ts'
import { unlessDamaged } from './log-replica.ts'
import { openSecondReplica, type RepairSource } from './repair.ts'
import { Scrub } from './scrub.ts'
import type { BudgetParts } from './scrub-budget.ts'
import type { EntrySigner } from './entry-signer.ts'

/** What upkeep needs beside the clinic. */
export interface UpkeepParts {
  readonly clinic: Clinic
  /** Signs as the live log. */
  readonly logSigner: EntrySigner
  /** Path of the open database. */
  readonly databaseFile: string
  /** Places of incident entries, in order. */
  readonly incidents: () => readonly Place[]
  /** Rows were repaired: the replica in memory must look again. */
  readonly reread: () => void
  /** Whether the record of an entry was erased. */
  readonly isErased: (origin: string, index: number) => boolean
  /** Connected nodes that say they hold a log of this one. Aborting `signal` ends all waiting for them. */
  readonly holders: (signal: AbortSignal) => readonly RepairSource[]
}

/** The scrub at the start waits until people have signed in and looked at what they came for. */
const START_DELAY_MS = 30_000
/** A quarter of one core, at a speed that leaves a slow disk to others. */
const BACKGROUND = { sliceMs: 8, pauseMs: 24, bytesPerS: 20_000_000 }
/** Somebody waits: every request in between gets its turn, and nothing more. */
const ON_DEMAND = { sliceMs: 16, pauseMs: 0, bytesPerS: 500_000_000 }
/** Milliseconds, at least, between runs that are made because another node came. */
const AGAIN_MS = 60_000
/** A node that came is seldom the only one. */
const SETTLE_MS = 2000
/** Incidents shown, the newest ones. */
const LISTED = 200
/** Findings told one by one in one run. */
const TOLD = 200

/** Upkeep of an open clinic. */
export class Upkeep {
  readonly #parts: UpkeepParts
  readonly #stops = new Map<number, AbortController>()
  #background: AbortController | null = null
  #timer: NodeJS.Timeout | null = null
  #again: NodeJS.Timeout | null = null
  #startedMs = -Infinity
  /** Nodes that came while a run had begun without them. */
  #isLate = false
  #isClosed = false
  #running: Promise<unknown> = Promise.resolve()
  readonly #scrub: Scrub
  /** Mutable: one scrub serves both, in turn. */
  #budget: typeof BACKGROUND = BACKGROUND

  constructor(parts: UpkeepParts) {
    this.#parts = parts
    this.#scrub = this.#makeScrub()
  }

  /** Scrubs in the background after a while. */
  start(delayMs = START_DELAY_MS): void {
    this.#timer = setTimeout(() => {
      this.#inBackground().catch(() => undefined)
    }, delayMs)
    this.#timer.unref()
  }

  /** A node that holds a log of this one is connected: what is still damaged is asked for again. */
  holderCame(): void {
    this.#isLate = true
    this.#tryAgain()
  }

  #tryAgain(): void {
    const isDamaged = (unlessDamaged(() => this.#parts.clinic.store.openDamage(0, 1)) ?? []).length > 0
    if (!this.#isLate || !isDamaged || this.#again !== null || this.#isClosed) return
    const waitMs = Math.max(SETTLE_MS, this.#startedMs + AGAIN_MS - performance.now())
    this.#again = setTimeout(() => {
      this.#again = null
      this.#inBackground().catch(() => undefined)
    }, waitMs)
    this.#again.unref()
  }

  /** Stops whatever runs, and waits until it has stopped. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#again !== null) clearTimeout(this.#again)
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#background?.abort()
    for (const stop of this.#stops.values()) stop.abort()
    await this.#running.catch(() => undefined)
  }

  /**
   * Checks the whole replica and repairs it, for whoever looks at the ledger.
   *
   * @param file - A second replica to repair from, which only IT may name; null to use what is here.
   * @throws ApiFailure `NOT_SIGNED_IN`, `NOT_ALLOWED`, `BAD_BACKUP`; StoreError.
   */
  async run(run: number, file: string | null, report: (event: ScrubEvent) => void): Promise<void> {
    const { clinic, databaseFile } = this.#parts
    viewerFor(clinic, 'ledger')
    if (file !== null) actorFor(clinic, 'administer.storage')
    const sources = file === null ? [] : [openSecondReplica(file, databaseFile)]
    const stop = new AbortController()
    this.#stops.set(run, stop)
    this.#background?.abort()
    try {
      const work = this.#running
        .catch(() => undefined)
        .then(async () => {
          for (const source of sources) await clinic.standing.compareWith(source)
          await this.#runNow(sources, stop.signal, report)
        })
      this.#running = work
      await work
    } finally {
      this.#stops.delete(run)
      for (const source of sources) await source.close()
    }
  }

  /** Stops a run; the next one goes on where it was. */
  cancel(run: number): void {
    this.#stops.get(run)?.abort()
  }

  /** What went wrong and was noticed, newest first. */
  incidents(): Incident[] {
    viewerFor(this.#parts.clinic, 'ledger')
    return this.#parts
      .incidents()
      .slice(-LISTED)
      .reverse()
      .flatMap((place) => incidentAt(place) ?? [])
  }

  async #runNow(
    sources: readonly RepairSource[],
    signal: AbortSignal,
    report: (event: ScrubEvent) => void,
  ): Promise<void> {
    this.#budget = ON_DEMAND
    const started = performance.now()
    const holders = this.#holders(signal)
    let told = 0
    const result = await this.#scrub.run({
      sources: [...sources, ...holders],
      signal,
      report: (event) => {
        if (event.kind === 'progress' || told++ < TOLD) report(event)
      },
    })
    report({ kind: 'done', ...result, ms: performance.now() - started })
    this.#tryAgain()
  }

  async #inBackground(): Promise<void> {
    const stop = new AbortController()
    this.#background = stop
    const work = this.#running
      .catch(() => undefined)
      .then(async () => {
        if (stop.signal.aborted) return
        this.#budget = BACKGROUND
        const sources = this.#holders(stop.signal)
        await this.#scrub.run({ sources, signal: stop.signal, report: () => undefined })
        this.#tryAgain()
      })
    this.#running = work
    await work
  }

  /** Whoever can be asked as a run begins; for those who come later there is another run. */
  #holders(signal: AbortSignal): readonly RepairSource[] {
    this.#isLate = false
    this.#startedMs = performance.now()
    return this.#parts.holders(signal)
  }

  #makeScrub(): Scrub {
    const { clinic, logSigner, reread, isErased } = this.#parts
    const { ring, store, keys, replica, writer, nowMs, identity } = clinic
    const budget = (): typeof BACKGROUND => this.#budget
    const timing: BudgetParts = {
      get sliceMs() {
        return budget().sliceMs
      },
      get pauseMs() {
        return budget().pauseMs
      },
      get bytesPerS() {
        return budget().bytesPerS
      },
      clockMs: () => performance.now(),
      pause: (ms) => new Promise((resume) => (ms < 1 ? setImmediate(resume) : setTimeout(resume, ms))),
    }
    return new Scrub({
      store,
      logs: () => replica.logs,
      ring,
      recoveryKey: identity.recoveryKey,
      openKey: async (subject, epoch) => {
        const held = await keys.of(subject, epoch).catch(nullIfLost)
        return held?.epochKey ?? null
      },
      isErased,
      signAgain: (head) => this.#signAgain(head),
      standing: clinic.standing,
      repaired: reread,
      reportIncident: (...how) => recordIncidents({ store, writer, logSigner, nowMs }, ...how),
      budget: timing,
      nowMs,
    })
  }

  /** The same text under the same key gives the same note: nothing new is said. */
  #signAgain(head: LogHead): string | null {
    const { clinic, logSigner } = this.#parts
    const { live } = clinic.replica
    const key = logKeyOf(live.directory, live.log, head.size - 1) ?? live.logKey
    if (head.origin !== live.origin || !equalBytes(key, logSigner.publicKey)) return null
    return signCheckpoint(head, { name: head.origin, publicKey: key }, (message) => logSigner.sign(message))
  }
}

/** An incident entry in the words of the API, or null when it cannot be proven. */
function incidentAt({ log, index }: Place): Incident | null {
  try {
    const verified = log.verifiedEntry(index)
    if ('step' in verified) return null
    const { body } = verified.entry
    const { kind, details } = decodeIncident(body.fields)
    const { groups: rows, nodes } = kind.startsWith('rows.') ? decodeDamage(details) : { groups: [], nodes: [] }
    const claimed = kind === PATIENT_CLAIMED ? decodeClaim(details) : null
    const at = instantText(body.time, offsetMinAt(body.time))
    return {
      origin: log.origin,
      index,
      entryId: toHex(body.id),
      at,
      kind,
      claimed,
      nodes,
      rows: rows.map((group) => ({ ...group, ranges: group.ranges.map(([from, to]) => ({ from, to })) })),
    }
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}

function nullIfLost(error: unknown): null {
  if (error instanceof EnvelopeError) return null
  throw error
}
