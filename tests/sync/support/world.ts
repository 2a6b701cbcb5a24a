import { utf8 } from '../../../src/ledger/hash.ts'
import { realSignatures } from '../../../bench/simulate/keys.ts'
import { Network } from '../../../bench/simulate/network.ts'
import { buildWorld, originOfSite, seededRandom, type WorldPlan } from '../../../bench/simulate/world.ts'

export { originOfSite } from '../../../bench/simulate/world.ts'
export { Network } from '../../../bench/simulate/network.ts'

const NOON_S = 1_767_225_660

/** Sites with one node each and real signatures, not linked yet. */
export function testNetwork(sites: number, seed = 1, plan: Partial<WorldPlan> = {}): Network {
  let nowMs = () => 0
  const { stores } = buildWorld({
    sites,
    voters: sites,
    signatures: realSignatures(),
    nowS: () => NOON_S + Math.floor(nowMs() / 1000),
    ...plan,
  })
  const network = new Network(stores, { latencyMs: 10, windowBytes: 256 * 1024 }, seededRandom(seed))
  nowMs = () => network.nowMs
  return network
}

/** Links every node with every other. */
export function linkAll(network: Network): void {
  for (const a of network.stores.keys()) for (const b of network.stores.keys()) if (a < b) network.link(a, b)
}

/** Writes `count` entries to the log of node `i`, and says so. */
export function write(network: Network, i: number, count: number, what = 'entry', size = 200): void {
  const store = network.stores[i]!
  const origin = originOfSite(i)
  const from = store.standing(origin)?.pending ?? 0
  const entries = Array.from({ length: count }, (_, k) => utf8(`${what} ${i} ${from + k}`.padEnd(size, '.')))
  store.append(entries)
  network.node(i)?.logChanged(origin)
}

/** Size and root that node `i` holds of the log of site `of`. */
export function heldBy(network: Network, i: number, of: number): string {
  return network.stores[i]?.logs.get(originOfSite(of))?.digest() ?? ''
}

/** Size up to which node `i` knows the log of site `of` to be final. */
export function finalAt(network: Network, i: number, of: number): number {
  return network.stores[i]?.standing(originOfSite(of))?.final ?? 0
}
