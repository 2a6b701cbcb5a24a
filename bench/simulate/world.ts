/** A simulated network of sites with one node each, from nothing. */
import { utf8 } from '../../src/ledger/hash.ts'
import { electorateOf } from '../../src/ledger/finality.ts'
import { quorumPolicy } from '../../src/ledger/policy.ts'
import { mirrorNameOf, type Roster } from '../../src/ledger/roster.ts'
import type { NodeRole } from '../../src/sync/messages.ts'
import { hasher, type Signatures } from './keys.ts'
import { MemoryStore, type SimulatedIdentity, type SimulatedNetwork } from './memory-store.ts'

/** What a world is made of. */
export interface WorldPlan {
  readonly sites: number
  /** The first of them vote. */
  readonly voters: number
  readonly signatures: Signatures
  /** Role of each node; by default a mirror when its site votes, else a node. */
  readonly roleOf?: (site: number) => NodeRole
  readonly nowS: () => number
}

/** Name of site `i`. */
export function siteName(i: number): string {
  return `sim.local/s${String(i).padStart(4, '0')}`
}

/** Origin of the log of site `i`. */
export function originOfSite(i: number): string {
  return `${siteName(i)}/n1/1`
}

/** The stores of all nodes. */
export function buildWorld({ sites, voters, signatures, roleOf, nowS }: WorldPlan): {
  stores: MemoryStore[]
  net: SimulatedNetwork
} {
  const identities = Array.from({ length: sites }, (_, i) => {
    const role = roleOf?.(i) ?? (i < voters ? 'mirror' : 'node')
    return identityOf(i, role, signatures)
  })
  const voting = identities.slice(0, voters)
  const policy = quorumPolicy(
    voting.map((one, i) => ({
      name: `s${i}`,
      key: { name: mirrorNameOf(one.site), type: 4, publicKey: one.mirrorKey.publicKey },
    })),
  )
  // Sites and policy are all that decides about finality.
  const roster = { policy, sites: voting.map((one) => ({ id: one.site, mirrorKey: one.mirrorKey.publicKey })) }
  const net: SimulatedNetwork = {
    network: hasher.sha256(utf8('simulated network')),
    electorate: electorateOf(roster as unknown as Roster),
    logKeys: new Map(identities.map((one) => [one.origin, one.logKey.publicKey])),
    hasher,
    signatures,
    nowS,
  }
  return { net, stores: identities.map((identity) => new MemoryStore(identity, net)) }
}

/** Who the node of site `i` is. */
export function identityOf(i: number, role: NodeRole, signatures: Signatures): SimulatedIdentity {
  const site = siteName(i)
  return {
    site,
    log: `${site}/n1`,
    origin: originOfSite(i),
    instance: hasher.sha256(utf8(`instance ${i}`)).slice(0, 16),
    role,
    logKey: signatures.key(`${site} log`),
    mirrorKey: signatures.key(`${site} mirror`),
  }
}

/** A generator of numbers that is the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
