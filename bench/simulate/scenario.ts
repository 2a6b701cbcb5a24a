/** One size of network: writers write, and it is measured until everybody knows that all of it is final. */
import { utf8 } from '../../src/ledger/hash.ts'
import type { Signatures } from './keys.ts'
import { Network } from './network.ts'
import { buildWorld, originOfSite, seededRandom } from './world.ts'

/** How nodes are linked. */
export type Topology =
  | 'all' // everybody with everybody
  | 'all hubs' // sites that vote with each other, all others with each of them
  | 'some hubs' // sites that vote with each other, all others with four of them

/** What is simulated. */
export interface Scenario {
  readonly sites: number
  readonly voters: number
  readonly topology: Topology
  readonly signatures: Signatures
  readonly isSigned: boolean
  readonly seed: number
}

/** What came of it. */
export interface Measured {
  readonly sites: number
  readonly voters: number
  readonly topology: Topology
  readonly signatures: 'Ed25519' | 'counted'
  readonly linksPerNode: number
  readonly mostLinks: number
  readonly entries: number
  /** Seconds until the writer knows that its block is final. */
  readonly finalS: { readonly median: number; readonly p95: number }
  /** Seconds until every node knows, and holds the entries. */
  readonly everywhereS: { readonly median: number; readonly p95: number }
  readonly messagesPerEntryAndNode: number
  readonly bytesPerEntryAndNode: number
  /** Of an entry that is this long. */
  readonly entryBytes: number
  readonly storedBytesPerNode: number
  readonly signaturesPerEntryAndNode: number
  /** Bytes per node and minute when nothing happens. */
  readonly idleBytesPerNodeMinute: number
  readonly wallS: number
}

const WRITERS = 16
/** Blocks of each writer: fewer in large networks, where one is as good as another. */
const blocksOf = (sites: number): number => (sites > 256 ? 1 : sites > 64 ? 3 : 8)
const BLOCK_EVERY_MS = 2000
const ENTRIES_PER_BLOCK = 2
const ENTRY_BYTES = 600
const LATENCY_MS = 40
const NOON_S = 1_767_225_660

/** A block that is followed. */
interface Block {
  readonly writer: number
  readonly size: number
  readonly atMs: number
  finalMs: number | null
  everywhereMs: number | null
}

/** Runs one scenario. */
export function measure(scenario: Scenario): Measured {
  const startedMs = performance.now()
  const { sites, voters, topology, signatures, isSigned, seed } = scenario
  let nowMs = () => 0
  const nowS = () => NOON_S + Math.floor(nowMs() / 1000)
  const { stores } = buildWorld({ sites, voters, signatures, nowS })
  const random = seededRandom(seed)
  const network = new Network(stores, { latencyMs: LATENCY_MS, windowBytes: 1 << 20 }, random)
  nowMs = () => network.nowMs
  const links = linkUp(network, sites, voters, topology, random)
  const tickMs = sites > 200 ? 1000 : 250
  network.run(2000, tickMs)
  const before = { ...network.traffic, checked: signatures.checked }
  const blocks = write(network, sites, tickMs)
  followUp(network, blocks, tickMs)
  const spent = { messages: network.traffic.messages - before.messages, bytes: network.traffic.bytes - before.bytes }
  const checked = signatures.checked - before.checked
  const idleFrom = network.traffic.bytes
  network.run(60_000, tickMs)
  const entries = blocks.length * ENTRIES_PER_BLOCK
  const stored = stores.map((store) => [...store.logs.values()].reduce((sum, log) => sum + log.bytes, 0))
  return {
    sites,
    voters,
    topology,
    signatures: isSigned ? 'Ed25519' : 'counted',
    linksPerNode: mean(links),
    mostLinks: Math.max(...links),
    entries,
    entryBytes: ENTRY_BYTES,
    finalS: spread(blocks.map(({ finalMs, atMs }) => ((finalMs ?? Infinity) - atMs) / 1000)),
    everywhereS: spread(blocks.map(({ everywhereMs, atMs }) => ((everywhereMs ?? Infinity) - atMs) / 1000)),
    messagesPerEntryAndNode: spent.messages / entries / sites,
    bytesPerEntryAndNode: spent.bytes / entries / sites,
    storedBytesPerNode: mean(stored),
    signaturesPerEntryAndNode: checked / entries / sites,
    idleBytesPerNodeMinute: (network.traffic.bytes - idleFrom) / sites,
    wallS: (performance.now() - startedMs) / 1000,
  }
}

/** Links the nodes. Gives how many links each has. */
function linkUp(network: Network, sites: number, voters: number, topology: Topology, random: () => number): number[] {
  const links = Array.from({ length: sites }, () => 0)
  const link = (a: number, b: number): void => {
    if (a === b || network.isLinked(a, b)) return
    network.link(a, b)
    for (const end of [a, b]) links[end] = (links[end] ?? 0) + 1
  }
  for (let a = 0; a < sites; a++) {
    for (const b of peersOf(a, sites, voters, topology, random)) link(a, b)
  }
  return links
}

function peersOf(a: number, sites: number, voters: number, topology: Topology, random: () => number): number[] {
  if (topology === 'all') return range(sites)
  if (a < voters || topology === 'all hubs') return range(voters)
  const hubs = range(voters)
  return [1, 2, 3, 4].flatMap(() => hubs.splice(Math.floor(random() * hubs.length), 1))
}

/** Writers are spread over the network, and take turns. */
function write(network: Network, sites: number, tickMs: number): Block[] {
  const count = Math.min(WRITERS, sites)
  const writers = range(count).map((k) => Math.floor((k * sites) / count))
  const blocks: Block[] = []
  for (let round = 0; round < blocksOf(sites); round++) {
    for (const [k, writer] of writers.entries()) {
      const atMs = network.nowMs + (k * BLOCK_EVERY_MS) / count
      const size = (round + 1) * ENTRIES_PER_BLOCK
      const block: Block = { writer, size, atMs, finalMs: null, everywhereMs: null }
      blocks.push(block)
      network.after(atMs - network.nowMs, () => {
        appendBlock(network, writer, size)
      })
    }
    watch(network, blocks, BLOCK_EVERY_MS, tickMs)
  }
  return blocks
}

function appendBlock(network: Network, writer: number, size: number): void {
  const origin = originOfSite(writer)
  const texts = range(ENTRIES_PER_BLOCK).map((i) => `entry ${writer} ${size - ENTRIES_PER_BLOCK + i}`)
  network.stores[writer]?.append(texts.map((text) => utf8(text.padEnd(ENTRY_BYTES, '.'))))
  network.node(writer)?.logChanged(origin)
}

/** Most simulated time that a block is waited for. */
const PATIENCE_MS = 300_000

function followUp(network: Network, blocks: readonly Block[], tickMs: number): void {
  const endMs = network.nowMs + PATIENCE_MS
  while (network.nowMs < endMs && blocks.some(({ everywhereMs }) => everywhereMs === null)) {
    watch(network, blocks, 1000, tickMs)
  }
}

const LOOK_EVERY_MS = 20

/** Lets time pass in small steps, and notes when blocks become final. */
function watch(network: Network, blocks: readonly Block[], forMs: number, tickMs: number): void {
  for (let passed = 0; passed < forMs; passed += LOOK_EVERY_MS) {
    network.run(LOOK_EVERY_MS, tickMs)
    for (const block of blocks) {
      if (block.finalMs === null && isFinal(network, block.writer, block)) block.finalMs = network.nowMs
      const isDue = block.finalMs !== null && block.everywhereMs === null && passed % 200 === 0
      if (isDue && network.stores.every((_, i) => isFinal(network, i, block))) block.everywhereMs = network.nowMs
    }
  }
}

function isFinal(network: Network, i: number, { writer, size }: Block): boolean {
  const log = network.stores[i]?.logs.get(originOfSite(writer))
  return log !== undefined && log.final >= size && (log.held?.size ?? 0) >= size
}

function spread(values: readonly number[]): { median: number; p95: number } {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN
  return { median: at(0.5), p95: at(0.95) }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i)
}
