/**
 * What sessions keep in memory, by measurement: one node with many peers, each of which says how far it has every log.
 *
 * The node's own session code; its peers are nothing but the bytes that they say.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { encodeMessage } from '../../src/sync/codec.ts'
import { MAX_HAVE, PROTOCOL_VERSION } from '../../src/sync/limits.ts'
import { SyncNode } from '../../src/sync/sync-node.ts'
import { countedSignatures } from './keys.ts'
import { buildWorld, originOfSite, seededRandom } from './world.ts'

/** Bytes of heap and of what it points to. */
export interface SessionMemory {
  readonly peers: number
  /** Of one session after the greeting. */
  readonly perSession: number
  /** Of one log that one peer says it has, more. */
  readonly perLogKnown: number
  /** Of all of it together. */
  readonly total: number
}

/** Measures with as many logs as peers. */
export function sessionMemory(peers: number): SessionMemory {
  const { stores } = buildWorld({ sites: peers + 1, voters: 4, signatures: countedSignatures(), nowS: () => 0 })
  const [store] = stores
  if (store === undefined) throw new Error('bug: a world without sites')
  const node = new SyncNode({
    store,
    clock: { nowMs: () => 1000 },
    random: { next: seededRandom(1) },
    ended: (_link, why) => {
      throw new Error(`a peer was hung up on: ${why}`)
    },
  })
  const before = used()
  for (const [link, other] of stores.entries()) {
    if (link === 0) continue
    const { site, log } = other.identity
    node.connected(link, { kind: 'node', site, log }, { send: () => true, close: () => undefined })
    node.received(link, encodeMessage({ kind: 'hello', version: PROTOCOL_VERSION, ...other.self() }))
    node.received(link, encodeMessage({ kind: 'have', logs: [] }))
  }
  const greeted = used()
  const logs = stores.map((_, i) => {
    return { origin: originOfSite(i), size: 100_000 + i, final: 100_000, cosigned: 100_000, votes: 3, mark: i }
  })
  for (let link = 1; link < stores.length; link++)
    for (let from = 0; from < logs.length; from += MAX_HAVE)
      node.received(link, encodeMessage({ kind: 'have', logs: logs.slice(from, from + MAX_HAVE) }))
  const told = used()
  if (node.facts().some(({ known }) => known.size < peers)) throw new Error('bug: what peers said is not known')
  return {
    peers,
    perSession: (greeted - before) / peers,
    perLogKnown: (told - greeted) / (peers * logs.length),
    total: told - before,
  }
}

/** Bytes in use once all that nobody holds is gone. */
function used(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
