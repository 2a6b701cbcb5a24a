/**
 * Every log of the network that this node knows: the ones it writes or wrote, and those that it mirrors.
 *
 * @remarks
 * Which logs there are, and under which keys, is what the newest roster of the own log says. Proven by
 * `tests/main/core/vault/sync-store.test.ts`.
 *
 * @packageDocumentation
 */
import { type Directory, emptyDirectory, rosterAt } from '../../../ledger/directory.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { MAX_CLOCK_AHEAD_S } from '../../../ledger/finality.ts'
import type { LogHead } from '../../../ledger/fields.ts'
import { originOf, splitOrigin } from '../../../ledger/names.ts'
import { timeOf } from '../../../ledger/cosignature.ts'
import { parseSignature } from '../../../ledger/note.ts'
import { mirrorNameOf, type Roster } from '../../../ledger/roster.ts'
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

/** See the module's comment. */
export class NetworkLogs {
  readonly #clinic: Clinic
  readonly #mirrored = new Map<string, MirroredLog>()
  readonly #lost = new Map<string, LostLog>()
  /** Logs whose cosignatures were read since a whole head of them is here. */
  readonly #loaded = new Set<string>()

  constructor(clinic: Clinic) {
    this.#clinic = clinic
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
    const { identity } = this.#clinic
    for (const site of this.roster.sites)
      for (const { log } of site.nodes) if (log !== identity.log) this.#open(originOf(log, 1))
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
      this.#clinic.standing.cosignatures.load(mirrored)
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

  /** Every key that a roster ever listed for the log of an origin, the newest last. */
  keysOf(origin: string): Uint8Array[] {
    const { log } = splitOrigin(origin)
    const { rosters } = this.#clinic.replica.directory
    const nodes = rosters.flatMap(({ roster }) => roster.sites.flatMap((site) => site.nodes))
    const keys = nodes.filter((node) => node.log === log).map(({ logKey }) => logKey)
    return keys.filter((key, i) => !keys.slice(i + 1).some((later) => equalBytes(later, key)))
  }

  /** How far a log may be taken at most: a roster froze it there. `Infinity` for all others. */
  frozenAt(origin: string): number {
    return this.roster.frozen.find((frozen) => frozen.origin === origin)?.size ?? Infinity
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

  #open(origin: string): void {
    if (this.#mirrored.has(origin) || this.#lost.has(origin)) return
    const { identity, store, standing } = this.#clinic
    try {
      const log = MirroredLog.open({
        ...{ store, origin, verifier, network: identity.network },
        base: this.emptyDirectory(),
        logKeys: () => this.keysOf(origin),
        knows: (head) => this.knows(head),
        // What the mirror of the site cosigned elsewhere is no memory of this node.
        cosigned: () => (standing.isMirror ? this.#ownLineOf(origin) : 0),
        cosign: (mirrored, head) => standing.lineUnder(mirrored, head),
      })
      this.#mirrored.set(origin, log)
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error
      this.#lost.set(origin, { origin, reason: error.code })
    }
  }
}
