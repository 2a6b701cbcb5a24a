/**
 * What the network page shows of nodes, links and logs.
 *
 * @remarks
 * Proven by `tests/main/core/network/two-clinics.test.ts` and `tests/main/core/network/two-copies.test.ts`.
 *
 * @packageDocumentation
 */
import { splitOrigin } from '../../../ledger/names.ts'
import type { RosterNode, RosterWitness } from '../../../ledger/roster.ts'
import type * as api from '../../../shared/api/schemas.ts'
import { toHex } from '../../../shared/bytes.ts'
import type { LogStanding } from '../../../sync/ports.ts'
import type { SyncNode } from '../../../sync/sync-node.ts'
import { formatAddress } from '../../peer/addresses.ts'
import type { PeerKey } from '../../peer/peer-link.ts'
import type { NetworkReport } from '../../peer/peer-thread.ts'
import { type Clinic } from '../vault/clinic.ts'
import { localInstant } from '../vault/local-time.ts'
import type { Disclosures } from '../vault/disclosures.ts'
import { fingerprintOf } from '../vault/governance-views.ts'
import type { NetworkLogs } from '../vault/network-logs.ts'
import type { KeptSettings } from './network-settings.ts'
import type { WitnessMarks } from './witness-marks.ts'

/** What is shown, and where it is known. */
export interface NetworkViewParts {
  readonly clinic: Clinic
  readonly logs: NetworkLogs
  readonly disclosures: Pick<Disclosures, 'siteOf'>
  readonly node: SyncNode
  readonly witnessed: WitnessMarks
  readonly settings: () => KeptSettings
}

/** See the module's comment. */
export class NetworkViews {
  readonly #parts: NetworkViewParts
  readonly #lastSeenMs = new Map<PeerKey, number>()
  /** When two installations of a node were seen here last, by the log it writes. */
  readonly #twiceMs = new Map<string, number>()

  constructor(parts: NetworkViewParts) {
    this.#parts = parts
  }

  /** A peer said something. */
  seen(peer: PeerKey): void {
    this.#lastSeenMs.set(peer, this.#parts.clinic.nowMs())
  }

  /** Two installations write this log. */
  seenTwice(log: string): void {
    this.#twiceMs.set(log, this.#parts.clinic.nowMs())
  }

  /**
   * @param reachable - Sites that are there now.
   * @param report - What the sockets know.
   */
  sites(reachable: ReadonlySet<string>, report: NetworkReport): api.NetworkStatus['sites'] {
    const { logs, clinic } = this.#parts
    const own = clinic.identity.site
    return logs.roster.sites.map(({ id, nodes, witnesses }) => ({
      id,
      isOwn: id === own,
      isReachable: id === own || reachable.has(id),
      nodes: [
        ...nodes.map((node) => this.#node(node, report)),
        ...witnesses.map((witness) => this.#witness(witness, report)),
      ],
    }))
  }

  /** A witness as a node that has no log: `seen` says what of the own log it signed to have seen. */
  #witness({ name, transportKey }: RosterWitness, report: NetworkReport): api.NetworkNode {
    const seen = this.#parts.witnessed.newest(name)
    const view = this.#node({ log: name, transportKey }, report)
    return {
      ...view,
      role: 'witness',
      seen: { size: seen?.size ?? 0, at: seen === null ? null : localInstant(seen.timeS * 1000) },
    }
  }

  #node(one: Omit<RosterNode, 'logKey'>, report: NetworkReport): api.NetworkNode {
    const { clinic, node, settings } = this.#parts
    const peer = toHex(one.transportKey)
    const isOwn = one.log === clinic.identity.log
    const known = report.peers.find((other) => other.peer === peer)
    const typed = settings().peers.find(({ log }) => log === one.log)?.addresses ?? []
    const facts = node.facts().find(({ who }) => who.kind !== 'guest' && who.log === one.log)
    const hello = facts?.who.kind === 'node' ? facts.hello : null
    const twiceMs = this.#twiceMs.get(one.log)
    return {
      ...{ log: one.log, isOwn, transportKey: fingerprintOf(one.transportKey) },
      link: isOwn ? null : this.#link(peer, known),
      addresses: [...typed, ...(known?.discovered ?? [])].map(formatAddress).slice(0, 16),
      role: hello?.role ?? null,
      seen: null,
      twiceAt: twiceMs === undefined ? null : localInstant(twiceMs),
      unshown: facts?.unshown.size ?? 0,
    }
  }

  #link(peer: PeerKey, known: NetworkReport['peers'][number] | undefined): api.PeerLinkState {
    const link = known?.link ?? null
    const seenMs = this.#lastSeenMs.get(peer) ?? null
    if (link === null) {
      const state = known?.lastFailure === undefined || known.lastFailure === null ? 'connecting' : 'unreachable'
      return {
        ...{
          state,
          since: seenMs === null ? null : localInstant(seenMs),
          address: null,
          isRelayed: false,
          isInbound: false,
        },
        ...{ problem: known?.lastFailure ?? null, bytesIn: 0, bytesOut: 0 },
      }
    }
    return {
      ...{ state: 'connected', since: localInstant(link.sinceMs), address: formatAddress(link.address).slice(0, 300) },
      ...{ isRelayed: link.isRelayed, isInbound: !link.isOutbound, problem: null },
      ...{ bytesIn: link.bytesIn, bytesOut: link.bytesOut },
    }
  }

  /** Every log of the network that is known here. */
  logs(): api.NetworkLog[] {
    const { node, disclosures, logs } = this.#parts
    return [...node.store.standings()].map((standing) => {
      const { origin, isOwn, stored, mirrored, final, refused } = standing
      // Whoever says that there is more shows a head that the log signed: words alone would hold it back for ever.
      const known = node.knownSize(standing)
      return {
        ...{ origin, isOwn, known, have: stored, verified: mirrored, final, votes: this.#votes(origin) },
        state: this.#logState(standing, known),
        site: disclosures.siteOf(origin) ?? '',
        refused: refused === null ? null : { index: refused.index, code: refused.code },
        doubt: logs.doubtOf(origin),
        patients: this.#parts.clinic.foreign?.registeredAt(splitOrigin(origin).log) ?? null,
      }
    })
  }

  /** Clinics of now that cosigned the newest head that one of them cosigned, under whatever key they had. */
  #votes(origin: string): number {
    const { logs, clinic } = this.#parts
    const log = logs.cosigned(origin)
    const ids = new Set(logs.roster.sites.map(({ id }) => id))
    return log === null ? 0 : clinic.standing.cosignatures.sitesUnderNewest(log, ids)
  }

  #logState({ origin, refused, mirrored, isFrozen }: LogStanding, known: number): api.NetworkLog['state'] {
    const { logs, clinic } = this.#parts
    const { standing, identity, replica } = clinic
    if ([...logs.lost].some((lost) => lost.origin === origin)) return 'lost'
    if (standing.locker.isContested(origin)) return 'frozen'
    if (logs.doubtOf(origin) !== null) return 'contested'
    if (refused !== null) return 'refused'
    const isEnded = replica.log(origin) === null ? standing.openings.after(origin) !== null : origin !== identity.origin
    if (isFrozen && !isEnded) return 'frozen'
    return mirrored < known ? 'behind' : isEnded ? 'closed' : 'current'
  }
}
