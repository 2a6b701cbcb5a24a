/**
 * What somebody should know while work goes on: told to every window, and recorded once as an incident.
 *
 * @remarks
 * Incidents `clock.unsafe` `{1: 0 behind the newest seal, 1 jumped ahead, 2 jumped back; 2: seconds}`, `outbox.unreadable`
 * `{1: notes}`, `outbox.key-replaced` `{}` and `peers.unreachable` `{}`. Proven by `tests/main/core/vault/notices.test.ts`.
 *
 * @packageDocumentation
 */
import { instantText } from '../../../clinical/instant.ts'
import { type CborMap, mapOf } from '../../../ledger/cbor.ts'
import { encodeIncident } from '../../../ledger/fields.ts'
import type { SystemNotice } from '../../../shared/api/schemas.ts'
import { type Clinic, offsetMinAt } from './clinic.ts'
import type { ClockProblem } from './clock-watch.ts'
import type { Outbox, OutboxFindings } from './outbox.ts'

/** How often the clock and the line are looked at, in ms: well below what the clock may be off. */
const LOOK_MS = 30_000
/** How long no other site is reached before people are told: a router that restarts takes a few minutes. */
const ALONE_MS = 10 * 60_000

/** Notices of an open clinic. */
export class Notices {
  readonly #clinic: Clinic
  readonly #changed: (notices: SystemNotice[]) => void
  readonly #notices = new Map<SystemNotice['kind'], SystemNotice>()
  readonly #isAlone: () => boolean
  /** Since when no other site is reached, by the clock that nobody sets, and by the other; null while one is. */
  #aloneSince: { readonly steadyMs: number; readonly wallMs: number } | null = null
  #timer: NodeJS.Timeout | null = null

  /**
   * @param changed - Told of all of them, when one came or went.
   * @param isAlone - The network has other sites, and none of them is connected.
   */
  constructor(clinic: Clinic, changed: (notices: SystemNotice[]) => void, isAlone: () => boolean) {
    this.#clinic = clinic
    this.#changed = changed
    this.#isAlone = isAlone
  }

  /** Looks at everything, and goes on looking at the clock and the line. */
  async start(outbox: Outbox): Promise<void> {
    await this.#openOutbox(outbox)
    await this.look()
    this.#timer = setInterval(() => {
      void this.look()
    }, LOOK_MS)
    this.#timer.unref()
  }

  /** Looks at the clock and the line now. */
  async look(): Promise<void> {
    await this.#lookAtClock()
    await this.#lookAtLine()
  }

  async #lookAtLine(): Promise<void> {
    const steadyMs = this.#clinic.monotonicMs()
    if (!this.#isAlone()) {
      this.#aloneSince = null
      if (this.#drop('no-peers')) this.#tell()
      return
    }
    this.#aloneSince ??= { steadyMs, wallMs: this.#clinic.nowMs() }
    if (steadyMs - this.#aloneSince.steadyMs < ALONE_MS || this.#notices.has('no-peers')) return
    this.#add('no-peers', this.#aloneSince.wallMs)
    this.#tell()
    await this.#record('peers.unreachable', new Map())
  }

  async #lookAtClock(): Promise<void> {
    const problem = this.#clinic.clock.look()
    const other = problem?.kind === 'clock-behind' ? 'clock-jumped' : 'clock-behind'
    const isNew = problem !== null && !this.#notices.has(problem.kind)
    const isGone = problem === null ? this.#drop('clock-behind', 'clock-jumped') : this.#drop(other)
    if (isNew) this.#add(problem.kind)
    if (isNew || isGone) this.#tell()
    if (isNew) await this.#record('clock.unsafe', detailsOf(problem))
  }

  /** Ends looking. */
  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  async #openOutbox(outbox: Outbox): Promise<void> {
    const nothing: OutboxFindings = { isReplaced: null, unreadable: 0 }
    // A disk that is full, or may not be written to, is no reason not to open: it is told elsewhere.
    const found = await outbox.open(this.#clinic.ring).catch(() => nothing)
    if (found.isReplaced === 'another') await this.#record('outbox.key-replaced', new Map())
    if (found.unreadable === 0) return
    this.#add('outbox-unreadable')
    this.#tell()
    await this.#record('outbox.unreadable', mapOf([[1, found.unreadable]]))
  }

  #add(kind: SystemNotice['kind'], sinceMs = this.#clinic.nowMs()): void {
    this.#notices.set(kind, { kind, since: instantText(sinceMs, offsetMinAt(sinceMs)) })
  }

  #drop(...kinds: readonly SystemNotice['kind'][]): boolean {
    return kinds.map((kind) => this.#notices.delete(kind)).includes(true)
  }

  #tell(): void {
    this.#changed([...this.#notices.values()])
  }

  /** What cannot be recorded now is told all the same: the writer has said why. */
  async #record(kind: string, details: CborMap): Promise<void> {
    const { writer, logSigner, random, nowMs } = this.#clinic
    const draft = { id: random(16), type: 'incident', subject: null, timeMs: nowMs(), payload: null } as const
    const fields = encodeIncident({ kind, details })
    await writer.record([{ ...draft, fields, signers: [logSigner] }]).catch(() => undefined)
  }
}

function detailsOf({ kind, byMs }: ClockProblem): CborMap {
  const how = kind === 'clock-behind' ? 0 : byMs > 0 ? 1 : 2
  return mapOf([
    [1, how],
    [2, Math.round(Math.abs(byMs) / 1000)],
  ])
}
