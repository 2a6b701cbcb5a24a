/**
 * Which sites are there now, whether they make a quorum, and how fresh the word of each node is.
 *
 * @remarks
 * Proven by `tests/main/core/network/two-clinics.test.ts` and `tests/main/core/network/sister-charts.test.ts`.
 *
 * @packageDocumentation
 */
import { electorateOf, isFinal } from '../../../ledger/finality.ts'
import { liarsAllowed } from '../../../ledger/log-finality.ts'
import { splitOrigin } from '../../../ledger/names.ts'
import { leastCosignatures } from '../../../ledger/policy.ts'
import type * as api from '../../../shared/api/schemas.ts'
import type { PeerFacts } from '../../../sync/sync-node.ts'
import type { Clinic } from '../vault/clinic.ts'
import type { Disclosures } from '../vault/disclosures.ts'
import type { SiteContact } from '../vault/foreign-logs.ts'
import type { NetworkLogs } from '../vault/network-logs.ts'

/** What attendance is worked out from. */
export interface AttendanceParts {
  readonly clinic: Clinic
  readonly logs: NetworkLogs
  readonly disclosures: Pick<Disclosures, 'siteOf'>
  /** Of every session. */
  readonly facts: () => readonly PeerFacts[]
}

/** See the module's comment. */
export class Attendance {
  readonly #parts: AttendanceParts
  /** When everything that a node has recorded was judged here last, by our clock and the log it writes. */
  readonly #currentMs = new Map<string, number>()

  constructor(parts: AttendanceParts) {
    this.#parts = parts
  }

  /** Sites of which a node said hello. */
  sites(): ReadonlySet<string> {
    const { facts } = this.#parts
    return new Set(facts().flatMap(({ who, hello }) => (who.kind === 'node' && hello !== null ? [who.site] : [])))
  }

  /** How many of them are not the own one. */
  countOthers(): number {
    const sites = new Set(this.sites())
    sites.delete(this.#parts.clinic.identity.site)
    return sites.size
  }

  /** How many cosignatures a block needs, and whether so many can be had now. */
  quorum(): api.NetworkStatus['quorum'] {
    const { roster } = this.#parts.logs
    const electorate = electorateOf(roster)
    const voting = this.#votingSites()
    const there = electorate.voters.filter(({ site }) => voting.has(site))
    return {
      sites: roster.sites.length,
      faulty: liarsAllowed(electorate),
      needed: leastCosignatures(electorate.policy),
      reachable: there.length,
      isThere: isFinal(electorate, there),
    }
  }

  /** Sites that can cosign now. The own one only where its mirror is this node, or is reached. */
  #votingSites(): ReadonlySet<string> {
    const { identity, standing } = this.#parts.clinic
    const own = standing.isMirror ? [identity.site] : []
    return new Set([...own, ...this.sites()])
  }

  /**
   * How fresh the word of a node is: when all that it had recorded was judged here, or another site cosigned that. A link
   * alone says nothing.
   */
  contactOf(origin: string): SiteContact {
    const { disclosures, logs } = this.#parts
    const site = disclosures.siteOf(origin)
    const isConnected = site !== null && this.sites().has(site)
    const currentMs = this.#currentMs.get(splitOrigin(origin).log) ?? 0
    return { isConnected, heardMs: Math.max(currentMs, logs.newestVoteMs(origin)) }
  }

  /** Notes the nodes of which nothing is missing here: a revocation could be in what is not judged yet. */
  note(): void {
    const { clinic, logs, facts } = this.#parts
    const nowMs = clinic.nowMs()
    for (const { who, hello, known } of facts()) {
      if (who.kind !== 'node' || hello === null) continue
      const origins = [...logs.mirrored].filter(({ log }) => log === who.log).map(({ origin }) => origin)
      const isCurrent = origins.every((origin) => this.#isCurrent(origin, known.get(origin)?.size ?? null))
      if (origins.length > 0 && isCurrent) this.#currentMs.set(who.log, nowMs)
    }
  }

  /** True when a log is judged up to what the node that writes it says. */
  #isCurrent(origin: string, said: number | null): boolean {
    const state = this.#parts.logs.mirror(origin)?.state ?? null
    const judged = state?.mirrored?.size ?? 0
    return (
      said !== null && state !== null && state.refused === null && judged >= Math.max(said, state.pending?.size ?? 0)
    )
  }
}
