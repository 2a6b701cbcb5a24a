/**
 * What the sessions do in networks of many sites: the product's own code on a simulated network and clock.
 *
 *     node bench/simulate.ts [sites ...]
 *
 * Prints a table and writes `out/bench/simulate.json`. What it means is in `docs/scale.md`.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { MAX_SITES } from '../src/ledger/quorum.ts'
import { countedSignatures, realSignatures } from './simulate/keys.ts'
import { type Measured, measure, type Topology } from './simulate/scenario.ts'
import { sessionMemory } from './simulate/session-memory.ts'

/** From this size on signatures are only counted: checking them is known to take 0.1 ms each, and no more is learnt. */
const COUNTED_FROM = 64
const SEED = Number(process.env.CHARTSEAL_SEED ?? 7)

const COLUMNS: readonly (readonly [string, (row: Measured) => string])[] = [
  ['sites', (r) => String(r.sites)],
  ['voting', (r) => String(r.voters)],
  ['links', (r) => r.topology],
  ['links/node', (r) => r.linksPerNode.toFixed(1)],
  ['most', (r) => String(r.mostLinks)],
  ['final s', (r) => `${r.finalS.median.toFixed(2)} / ${r.finalS.p95.toFixed(2)}`],
  ['everywhere s', (r) => `${r.everywhereS.median.toFixed(1)} / ${r.everywhereS.p95.toFixed(1)}`],
  ['msg/entry/node', (r) => r.messagesPerEntryAndNode.toFixed(2)],
  ['B/entry/node', (r) => r.bytesPerEntryAndNode.toFixed(0)],
  ['sig/entry/node', (r) => r.signaturesPerEntryAndNode.toFixed(1)],
  ['stored B/node', (r) => r.storedBytesPerNode.toFixed(0)],
  ['idle B/node/min', (r) => r.idleBytesPerNodeMinute.toFixed(0)],
  ['signatures', (r) => r.signatures],
  ['wall s', (r) => r.wallS.toFixed(1)],
]

function topologiesOf(sites: number): Topology[] {
  return sites <= MAX_SITES ? ['all'] : ['all hubs', 'some hubs']
}

function run(sites: number, topology: Topology): Measured {
  const isSigned = sites < COUNTED_FROM
  const signatures = isSigned ? realSignatures() : countedSignatures()
  return measure({ sites, voters: Math.min(sites, MAX_SITES), topology, signatures, isSigned, seed: SEED })
}

const asked = process.argv.slice(2).map(Number)
const sizes = asked.length > 0 ? asked : [4, 16, 64, 256, 1024]
const rows: Measured[] = []
console.log(`| ${COLUMNS.map(([name]) => name).join(' | ')} |`)
console.log(`|${COLUMNS.map(() => '---').join('|')}|`)
for (const sites of sizes) {
  for (const topology of topologiesOf(sites)) {
    const row = run(sites, topology)
    rows.push(row)
    console.log(`| ${COLUMNS.map(([, show]) => show(row)).join(' | ')} |`)
  }
}
// The first look counts what is made once.
sessionMemory(10)
const memory = [100, 1000].map(sessionMemory)
for (const { peers, perSession, perLogKnown, total } of memory) {
  const parts = `${perSession.toFixed(0)} B each, ${perLogKnown.toFixed(0)} B for each log that each is known to have`
  console.log(`\n${peers} sessions about ${peers + 1} logs: ${(total / 2 ** 20).toFixed(0)} MB (${parts})`)
}
mkdirSync('out/bench', { recursive: true })
const machine = { cpus: cpus().length, model: cpus()[0]?.model ?? '', memory: totalmem(), node: process.version }
writeFileSync('out/bench/simulate.json', `${JSON.stringify({ seed: SEED, machine, rows, memory }, null, 2)}\n`)
console.log('\nfinal and everywhere: median / 95th percentile. Written to out/bench/simulate.json')
