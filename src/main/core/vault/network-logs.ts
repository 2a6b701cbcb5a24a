/**
 * Every log of the network that this node knows: the ones it writes or wrote, and those that it mirrors.
 *
 * @remarks
 * Which logs there are, and under which keys, is what the newest roster of the own log says; later incarnations of them
 * are told by the entries that open them, and judged by what is held of the incarnation before. Proven by
 * `tests/main/core/vault/sync-store.test.ts` and `tests/main/core/network/later-incarnations.test.ts`.
 *
 * @packageDocumentation
 */
import {
  type Directory,
  emptyDirectory,
  logKeyOf,
  nextIncarnation,
  rosterAt,
  siteOfLog,
} from '../../../ledger/directory.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { MAX_CLOCK_AHEAD_S } from '../../../ledger/finality.ts'
import type { LogHead } from '../../../ledger/fields.ts'
import { keysFrom, keysOfLog } from '../../../ledger/log-keys.ts'
import { originOf, splitOrigin } from '../../../ledger/names.ts'
import { timeOf } from '../../../ledger/cosignature.ts'
import { parseNote, parseSignature } from '../../../ledger/note.ts'
import { parseCheckpoint } from '../../../ledger/checkpoint.ts'
import type { Opening } from '../../../ledger/opening.ts'
import { mirrorNameOf, type Roster, type RosterSite } from '../../../ledger/roster.ts'
import { orNull } from '../../../sync/attempt.ts'
import { equalBytes } from '../../../shared/bytes.ts'
import { verifier } from '../../keystore/sodium.ts'
import { policyEngine } from '../policy-engine.ts'
import type { Clinic } from './clinic.ts'
import type { CosignedLog } from './cosignatures.ts'
import { unlessDamaged } from './log-replica.ts'
import { MirroredLog } from './mirrored-log.ts'

/** A log whose memory is damaged: it is listed, and nothing more is taken of it. */
export interface LostLog {
  readonly origin: string
  readonly reason: string
}

/** Why a later incarnation is not believed, see {@link NetworkLogs.doubtOf}. */
export type OpeningDoubt = 'opened-twice' | 'contradicts' | 'drops-final'

/** See the module's comment. */
export class NetworkLogs {
  readonly #clinic: Clinic
  readonly #mirrored = new Map<string, MirroredLog>()
  readonly #lost = new Map<string, LostLog>()
  /** Whether later incarnations start from what is held here of the one before, where that reaches so far. */
  readonly #fits = new Map<string, boolean>()
  /** Logs whose cosignatures were read since a whole head of them is here. */
  readonly #loaded = new Set<string>()

  constructor(clinic: Clinic) {
    this.#clinic = clinic
    clinic.standing.doubtWith((origin) => this.doubtOf(origin) !== null)
    this.refresh()
  }

  /** The roster in force. */
  get roster(): Roster {
    const { replica } = this.#clinic
    const inForce = rosterAt(replica.directory, replica.head.size)
    if (inForce === null) throw new Error('bug: an open clinic has a roster')
    return inForce.roster
  }

  /** Logs of other nodes. */
  get mirrored(): Iterable<MirroredLog> {
    return this.#mirrored.values()
  }

  get lost(): Iterable<LostLog> {
    return this.#lost.values()
  }

  /** A log of another node, or null. */
  mirror(origin: string): MirroredLog | null {
    return this.#mirrored.get(origin) ?? null
  }

  /** Looks for logs that a new roster lists. */
  refresh(): void {
    const { identity, standing } = this.#clinic
    for (const bytes of standing.openings.takeWaiting()) orNull(() => this.#takeOpening(bytes))
    for (const site of this.roster.sites) for (const { log } of site.nodes) if (log !== identity.log) this.#openAll(log)
    // Who left is gone; what they had recorded until then still proves what others rest on it.
    for (const { origin } of this.roster.frozen) {
      const { log } = splitOrigin(origin)
      if (log !== identity.log) this.#openAll(log)
    }
  }

  /** Every incarnation of a log that is known, in order: each needs the one before. */
  #openAll(log: string): void {
    this.#open(originOf(log, 1))
    for (const { origin } of this.#clinic.standing.openings.ofLog(log)) this.#open(origin)
  }

  /**
   * Takes the entry that opened a later incarnation of another node's log.
   *
   * @param bytes - Untrusted.
   * @returns Its origin when it was not known, else null.
   * @throws {@link LedgerError} when it opens nothing.
   */
  addOpening(bytes: Uint8Array): string | null {
    const origin = this.#takeOpening(bytes)
    if (origin === null) return null
    // A log that was lost because nobody knew its key.
    this.#lost.delete(origin)
    this.refresh()
    return origin
  }

  /** One that is refused keeps no number from the one that its site may open some day. */
  #takeOpening(bytes: Uint8Array): string | null {
    const { openings } = this.#clinic.standing
    const opening = openings.read(bytes)
    if (opening !== null && this.#isOutdated(opening))
      throw new LedgerError('OPENING_NOT_NEXT', 'another roster was in force')
    return openings.add(bytes)
  }

  /**
   * True when another roster was in force where it goes on: whoever found a governance key that the site has replaced could
   * end its log with it. False while that is not known.
   */
  #isOutdated({ previous, rosterVersion }: Opening): boolean {
    const before = this.#mirrored.get(previous.origin)
    if (before === undefined || before.judged < previous.size) return false
    return rosterAt(before.directory, previous.size)?.roster.version !== rosterVersion
  }

  /** Incarnations of a log of another node that are mirrored, in order. */
  incarnations(log: string): MirroredLog[] {
    const later = this.#clinic.standing.openings.ofLog(log).map(({ origin }) => origin)
    return [originOf(log, 1), ...later].flatMap((origin) => this.#mirrored.get(origin) ?? [])
  }

  /**
   * Why a later incarnation is not believed, though its site signed it: it was opened twice, what it says of the incarnation
   * before contradicts what that signed, or it leaves out what is final there. Null for all others.
   */
  doubtOf(origin: string): OpeningDoubt | null {
    const { openings } = this.#clinic.standing
    if (openings.isTwice(origin)) return 'opened-twice'
    const opening = openings.of(origin)
    if (opening === null) return null
    const { previous } = opening
    if (openings.after(previous.origin)?.origin !== origin) return 'opened-twice'
    if (this.#isOutdated(opening)) return 'contradicts'
    const before = this.cosigned(previous.origin)
    if (before === null) return this.doubtOf(previous.origin)
    if (before.head.size >= previous.size && !this.#follows(opening, before)) return 'contradicts'
    if (this.#clinic.standing.grades.finalSize(before) > previous.size) return 'drops-final'
    return this.doubtOf(previous.origin)
  }

  /** Whether an incarnation starts from the very tree that is held here. Asked often, and never another. */
  #follows({ origin, previous }: Opening, before: CosignedLog): boolean {
    const known = this.#fits.get(origin)
    if (known !== undefined) return known
    const fits = orNull(() => equalBytes(before.trusted.tree.rootAt(previous.size), previous.root))
    if (fits !== null) this.#fits.set(origin, fits)
    return fits === true
  }

  /** What is in force before the first entry of a later incarnation; null while that of the one before is not judged. */
  #baseOf(opening: Opening): Directory | null {
    const { previous } = opening
    const before = this.#mirrored.get(previous.origin)
    if (before === undefined || before.isEmpty || before.judged < previous.size) return null
    const isWhole = (before.state.mirrored?.size ?? 0) >= previous.size
    return isWhole && this.#follows(opening, before) ? nextIncarnation(before.directory, previous.size) : null
  }

  /** What is in force before the first entry of any log of the network. */
  emptyDirectory(): Directory {
    return emptyDirectory(this.#clinic.identity.network, policyEngine())
  }

  /** Any log of which something is held here, as what cosignatures are about; null for one without. */
  cosigned(origin: string): CosignedLog | null {
    const own = this.#clinic.replica.log(origin)
    if (own !== null) return own
    const mirrored = this.#mirrored.get(origin) ?? null
    // Before the rosters of a log are known, no vote about it can be.
    if (mirrored === null || mirrored.isEmpty || !mirrored.isPrepared) return null
    if (!this.#loaded.has(origin)) {
      this.#loaded.add(origin)
      this.#clinic.standing.loadVotes(mirrored)
    }
    return mirrored
  }

  /**
   * When another site cosigned the newest head of a log, ms since 1970; 0 for never, and where that head is not judged here.
   * What this site cosigned says nothing new.
   */
  newestVoteMs(origin: string): number {
    const log = this.#mirrored.get(origin) ?? null
    if (log === null || log.isEmpty || !log.isPrepared || log.state.mirrored?.size !== log.head.size) return 0
    const { standing, store, identity } = this.#clinic
    const own = mirrorNameOf(identity.site)
    const rows = (unlessDamaged(() => store.cosignaturesAt(origin, log.head.size)) ?? []).filter(
      (row) => row.name !== own && standing.cosignatures.isVote(log, row),
    )
    const times = rows.map(({ line }) => timeOf(parseSignature(line.trimEnd()).signature) ?? 0)
    // From the future since the clock was put back here.
    const latestS = this.#clinic.nowMs() / 1000 + MAX_CLOCK_AHEAD_S
    return 1000 * Math.max(0, ...times.filter((timeS) => timeS <= latestS))
  }

  /** See {@link keysOfLog}. */
  keysOf(origin: string): Uint8Array[] {
    const rosters = this.#clinic.replica.directory.rosters.map(({ roster }) => roster)
    return keysOfLog(rosters, origin, this.#clinic.standing.openings.of(origin))
  }

  /** Keys under which a head of `size` may be: beyond what was judged of a log, the present one or a later. */
  keysAt(origin: string, size: number): readonly Uint8Array[] {
    const keys = this.keysOf(origin)
    const mirrored = this.#mirrored.get(origin) ?? null
    if (mirrored === null || mirrored.isEmpty || size <= mirrored.judged) return keys
    return keysFrom(keys, logKeyOf(mirrored.directory, mirrored.log, mirrored.judged))
  }

  /**
   * Site that is in force now and whose node writes a log, or wrote it until the node was taken out; null for a log of
   * nobody who is left.
   */
  siteOf(log: string): RosterSite | null {
    const { rosters } = this.#clinic.replica.directory
    const id = rosters.map(({ roster }) => siteOfLog(roster, log)?.id).findLast((one) => one !== undefined)
    return this.roster.sites.find((site) => site.id === id) ?? null
  }

  /** Where a roster froze a log; a later incarnation of it never began. */
  #endOf(origin: string): number {
    const { log, incarnation } = splitOrigin(origin)
    const end = this.roster.frozen.find((frozen) => splitOrigin(frozen.origin).log === log)
    if (end === undefined || splitOrigin(end.origin).incarnation > incarnation) return Infinity
    return end.origin === origin ? end.size : 0
  }

  /**
   * How far a log may be taken at most: a roster froze it there, or its node went on in the next incarnation after what it
   * is known to have signed. `Infinity` for all others.
   */
  frozenAt(origin: string): number {
    const frozen = this.#endOf(origin)
    const next = this.#clinic.standing.openings.after(origin)
    if (next === null || this.doubtOf(next.origin) !== null) return frozen
    const { size, note } = next.previous
    return Math.min(frozen, Math.max(size, parseCheckpoint(parseNote(note).text).size))
  }

  /** True when a head that somebody cites is one of a log as it is held here. */
  knows({ origin, size, root }: LogHead): boolean {
    if (this.#clinic.standing.locker.isContested(origin)) return true
    // Damage here is no fault of whoever cites the head: it is not known yet.
    const held = orNull(() => {
      const log = this.cosigned(origin)
      return log === null || size > log.head.size ? null : log.trusted.tree.rootAt(size)
    })
    return held !== null && equalBytes(held, root)
  }

  #ownLineOf(origin: string): number {
    const { store, identity } = this.#clinic
    const name = mirrorNameOf(identity.site)
    return unlessDamaged(() => store.cosignaturesBy(origin, name, Number.MAX_SAFE_INTEGER, 1))?.[0]?.size ?? 0
  }

  /** The row of the mirror may be anybody's: what this site signed is not. */
  #vouched(log: CosignedLog): number {
    const { standing, replica, identity } = this.#clinic
    if (!standing.isMirror) return Infinity
    const name = mirrorNameOf(identity.site)
    const own = replica.directory.rosters.flatMap(({ roster }) => roster.sites.filter(({ id }) => id === identity.site))
    return standing.cosignatures.vouchedBy(
      log,
      own.map(({ mirrorKey: publicKey }) => ({ name, publicKey })),
    )
  }

  #open(origin: string): void {
    if (this.#mirrored.has(origin) || this.#lost.has(origin)) return
    const { identity, store, standing } = this.#clinic
    const opening = standing.openings.of(origin)
    try {
      const log = MirroredLog.open({
        ...{ store, origin, verifier, network: identity.network },
        empty: this.emptyDirectory(),
        base: () => (opening === null ? this.emptyDirectory() : this.#baseOf(opening)),
        logKeys: () => this.keysOf(origin),
        knows: (head) => this.knows(head),
        // What the mirror of the site cosigned elsewhere is no memory of this node.
        cosigned: () => (standing.isMirror ? this.#ownLineOf(origin) : 0),
        vouched: (mirrored) => this.#vouched(mirrored),
        cosign: (mirrored, head) => (this.doubtOf(origin) === null ? standing.lineUnder(mirrored, head) : null),
      })
      this.#mirrored.set(origin, log)
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error
      this.#lost.set(origin, { origin, reason: error.code })
    }
  }
}
