/**
 * Whom the roster lets a node talk to, and whom it calls where.
 *
 * @remarks
 * Proven by `tests/main/core/network/roster-peers.test.ts`.
 *
 * @packageDocumentation
 */
import type { Roster } from '../../../ledger/roster.ts'
import type { PeerIdentity } from '../../../sync/ports.ts'
import { toHex } from '../../../shared/bytes.ts'
import { parseAddress } from '../../peer/addresses.ts'
import { PeerError } from '../../peer/errors.ts'
import type { PeerKey } from '../../peer/peer-link.ts'
import type { WantedPeer } from '../../peer/peer-thread.ts'
import { ApiFailure } from '../failure.ts'
import type { KeptSettings } from './network-settings.ts'

/** Somebody whom the roster lists, and who is therefore no guest. */
export interface RosterPeer {
  readonly key: PeerKey
  readonly who: Exclude<PeerIdentity, { readonly kind: 'guest' }>
}

/** Every node of a roster, and then every witness. */
export function peersIn({ sites }: Roster): RosterPeer[] {
  const nodes = sites.flatMap((site) =>
    site.nodes.map(({ log, transportKey }): RosterPeer => {
      return { key: toHex(transportKey), who: { kind: 'node', site: site.id, log } }
    }),
  )
  const witnesses = sites.flatMap((site) =>
    site.witnesses.map(({ name, transportKey }): RosterPeer => {
      return { key: toHex(transportKey), who: { kind: 'witness', site: site.id, log: name } }
    }),
  )
  return [...nodes, ...witnesses]
}

/**
 * Whom to call, and where.
 *
 * @throws ApiFailure `BAD_ADDRESS` with the address.
 */
export function wantedOf(peers: readonly RosterPeer[], settings: KeptSettings): WantedPeer[] {
  return peers.map(({ key, who }) => {
    const typed = settings.peers.find(({ log }) => log === who.log)?.addresses ?? []
    return {
      ...{ peer: key, addresses: typed.map(multiaddr) },
      via: peers.flatMap((other) => (other.key === key ? [] : [other.key])),
      // A node that cannot be dialled is reached through those that it dials.
      isOurRelay: settings.port === null && typed.length > 0,
    }
  })
}

/**
 * An address as people write it, as the sockets take it.
 *
 * @throws ApiFailure `BAD_ADDRESS` with the address.
 */
export function multiaddr(address: string): string {
  try {
    return parseAddress(address)
  } catch (cause) {
    if (cause instanceof PeerError) throw new ApiFailure('BAD_ADDRESS', { cause, detail: address.slice(0, 200) })
    throw cause
  }
}
