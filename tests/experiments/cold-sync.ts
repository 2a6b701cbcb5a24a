/**
 * A long log is taken by a node that has nothing of it: once undisturbed, once with both sides killed on the way.
 *
 * Three sites. A's log is made long (`support/log-builder.ts`); then B takes all of it while C is down; then C does while
 * B is down, and SIGKILL comes at random points, to C and to A. Afterwards all three hold the same log, byte by byte, and
 * `chartseal audit` has no complaint about A's. Beside it, in the same run and for as many entries (200,000 at most), what the
 * cheapest honest things cost.
 */
import { statSync } from 'node:fs'
import { auditReplicaFile } from '../../src/main/core/audit/index.ts'
import { seededRandom } from '../../bench/simulate/world.ts'
import { naiveInserts, naiveSignatures, ownSignatures } from './support/baselines.ts'
import { digestOf } from './support/digest.ts'
import { foundNetwork, ownOrigin, withSites } from './support/network.ts'
import { median, type Report, seconds, type Table } from './support/report.ts'
import type { Site } from './support/site.ts'
import { type Sample, Sampler } from './support/sampler.ts'
import { until } from './support/wait.ts'

/** How long the log is, and how often each side is killed. */
export interface ColdSyncPlan {
  readonly entries: number
  readonly killsOfTaker: number
  readonly killsOfGiver: number
  /** Where the kills fall. */
  readonly seed: number
}

/** A kill: what was stored, and what was judged, before it and right after the next start. */
export interface Kill {
  readonly who: 'taker' | 'giver'
  readonly before: Progress
  readonly after: Progress
}

export interface Progress {
  readonly stored: number
  readonly judged: number
}

/** What the test looks at. */
export interface ColdSyncFindings {
  readonly entries: number
  readonly kills: readonly Kill[]
  /** Digests of the log at A, B and C. */
  readonly digests: readonly string[]
  /** What the audit of A's database complained about. */
  readonly complaints: readonly string[]
}

const PATIENTS = 20
/** What the baselines do at most: each entry costs them the same. */
const MOST_COMPARED = 200_000
const HOUR_MS = 3_600_000

/**
 * Runs it.
 *
 * @param tell - Given each table as soon as it is there: all of it may take hours.
 */
export function coldSync(
  plan: ColdSyncPlan,
  tell: (table: Table) => void = () => undefined,
): Promise<Report & { readonly findings: ColdSyncFindings }> {
  return withSites(async (sites) => {
    await foundNetwork(sites, 3)
    const [a, b, c] = [sites.site('A'), sites.site('B'), sites.site('C')]
    const origin = await ownOrigin(a)
    await until('everybody has what there is', () => isTaken([b, c], origin, 10))
    await Promise.all([b.stop(), c.stop()])
    const network = await a.vault.networkId()
    const built = await lengthen(a, plan.entries)
    const opened = await timedStart(a)
    const plain = await takeWhole(a, b, origin, built.size)
    const compared = Math.min(plain.entries, MOST_COMPARED)
    const rows = [
      row(`A makes its log of ${built.size} entries (builder)`, built.size, built.ms),
      row('B: from its start to every entry stored', plain.entries, plain.storedMs),
      row('B: from its start to every entry judged, cosigned', plain.entries, plain.judgedMs),
      row('B: from its start to every entry final', plain.entries, plain.finalMs),
      row('baseline: node:crypto, one signature each', compared, naiveSignatures(compared)),
      row('baseline: libsodium in WebAssembly, one signature each', compared, ownSignatures(compared)),
      row('baseline: better-sqlite3, 256 rows a transaction', compared, naiveInserts(b.folder, compared)),
    ]
    const taken = { title: `A log of ${built.size} entries, taken by a node that has nothing of it`, rows }
    tell(taken)
    const time = { title: 'Over time', rows: overTime(plain.samples) }
    tell(time)
    const again = await reopened(b, origin, built.size)
    const spent = { title: 'What it costs', rows: costs(plain, opened, again) }
    tell(spent)
    await b.stop()
    const killed = (kill: Kill) => {
      tell({ title: 'SIGKILL', rows: [killRow(kill)] })
    }
    const kills = await takeWithKills(a, c, origin, { ...plan, entries: built.size }, killed)
    await until('C has all of it', () => isTaken([c], origin, built.size), HOUR_MS)
    await Promise.all([a.stop(), c.stop()])
    const digests = [a, b, c].map(({ database }) => digestOf(database, origin))
    const complaints = [a, c].flatMap((site) => auditOf(site, network, origin))
    return {
      name: 'cold-sync',
      tables: [taken, spent, time, { title: 'SIGKILL on the way', rows: kills.map(killRow) }],
      details: { plan, built, opened, again, plain, kills, digests, complaints },
      findings: { entries: built.size, kills, digests, complaints },
    }
  })
}

/** Gives A patients and a device, and fills its log. */
async function lengthen(a: Site, entries: number) {
  for (let n = 1; n < PATIENTS; n++) {
    const patient = {
      familyName: `Family${n}`,
      givenName: 'A',
      birthDate: `19${50 + n}-05-06`,
      gender: 'female',
    } as const
    await a.vault.registerPatient({ ...patient, identifier: `MRN-${2000 + n}` }, true)
  }
  const meter = { family: 'scale', name: 'Scale', serial: 'S-1', port: 'usb', manufacturer: null } as const
  const origin = { ...meter, vendorId: 1, productId: 2, kinds: ['weight'] as const, virtual: true }
  const { handle } = await a.asIt(() => a.vault.enrolDevice(origin, 'Scale', null))
  const started = performance.now()
  const size = await a.vault.buildLog(handle, entries)
  const ms = performance.now() - started
  // What is in its memory is not what it wrote.
  await a.kill()
  return { size, ms }
}

async function timedStart(site: Site) {
  const started = performance.now()
  await site.start()
  return { ms: performance.now() - started, ...(await site.vault.memory()) }
}

/** B takes the log, and nobody disturbs it. */
async function takeWhole(a: Site, b: Site, origin: string, size: number) {
  const bytesBefore = diskOf(b)
  const before = (await progressOf(a, origin)).stored
  const started = performance.now()
  await b.start()
  const sampler = new Sampler({ giver: a, taker: b, progress: () => progressOf(b, origin) })
  const from = (await progressOf(b, origin)).stored
  let storedMs = Number.NaN
  await sampler.during(async () => {
    await until('B has every entry', async () => (await progressOf(b, origin)).stored >= size, HOUR_MS, 200)
    storedMs = performance.now() - started
    await until('B has judged every entry', () => isTaken([b], origin, size), HOUR_MS, 200)
  })
  const judgedMs = performance.now() - started
  const wire = await wireBytesOf(b)
  await until('it is final', async () => ((await logAt(b, origin))?.final ?? 0) >= size, HOUR_MS, 200)
  const finalMs = performance.now() - started
  const entries = size - from
  const disk = diskOf(b) - bytesBefore
  return { entries, before, storedMs, judgedMs, finalMs, wire, disk, samples: sampler.samples }
}

/** B starts again with the log that it took. */
async function reopened(b: Site, origin: string, size: number) {
  await b.stop()
  const opened = await timedStart(b)
  const started = performance.now()
  await until('it knows again what it judged', async () => ((await logAt(b, origin))?.final ?? 0) >= size, HOUR_MS)
  return { ...opened, knownMs: performance.now() - started, later: await b.vault.memory() }
}

/** C takes the log; at random points one side is killed and started again. */
async function takeWithKills(
  a: Site,
  c: Site,
  origin: string,
  plan: ColdSyncPlan,
  tell: (kill: Kill) => void,
): Promise<Kill[]> {
  const random = seededRandom(plan.seed)
  const points = [
    ...Array.from({ length: plan.killsOfTaker }, () => ({ who: 'taker' as const, at: random() })),
    ...Array.from({ length: plan.killsOfGiver }, () => ({ who: 'giver' as const, at: random() })),
  ].toSorted((left, right) => left.at - right.at)
  const kills: Kill[] = []
  await c.start()
  for (const { who, at } of points) {
    // Half of the way is storing, the other half judging.
    const isThere = ({ stored, judged }: Progress) => stored + judged >= at * 2 * plan.entries
    await until('it is far enough', async () => isThere(await progressOf(c, origin)), HOUR_MS, 20)
    const before = await progressOf(c, origin)
    const victim = who === 'taker' ? c : a
    await victim.kill()
    await victim.start()
    const kill = { who, before, after: await progressOf(c, origin) }
    kills.push(kill)
    tell(kill)
  }
  return kills
}

async function logAt(site: Site, origin: string) {
  return (await site.status()).logs.find((log) => log.origin === origin)
}

async function progressOf(site: Site, origin: string): Promise<Progress> {
  const log = await logAt(site, origin)
  return { stored: log?.have ?? 0, judged: await site.vault.judged(origin) }
}

async function isTaken(sites: readonly Site[], origin: string, size: number): Promise<boolean> {
  const logs = await Promise.all(sites.map((site) => logAt(site, origin)))
  return logs.every((log) => (log?.verified ?? 0) >= size)
}

/** Bytes of messages that came in over all links. */
async function wireBytesOf(site: Site): Promise<number> {
  const links = (await site.status()).sites.flatMap(({ nodes }) => nodes.flatMap(({ link }) => link ?? []))
  return links.reduce((sum, { bytesIn }) => sum + bytesIn, 0)
}

function diskOf({ database }: Site): number {
  const sizes = [database, `${database}-wal`].map((file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0)
  return sizes.reduce((sum, size) => sum + size, 0)
}

function auditOf(site: Site, network: Uint8Array, origin: string): string[] {
  const complaints: string[] = []
  auditReplicaFile(site.database, network, ({ log, step, code }) => {
    complaints.push(`${site.name} ${log === origin ? 'A' : (log ?? '')} ${step} ${code}`)
  })
  return complaints
}

function row(what: string, entries: number, ms: number) {
  return { what, entries, s: seconds(ms), 'entries/s': Math.round(entries / (ms / 1000)) }
}

type Taken = Awaited<ReturnType<typeof takeWhole>>
type Opened = Awaited<ReturnType<typeof timedStart>>

function costs({ entries, wire, disk, samples }: Taken, giver: Opened, again: Opened & { knownMs: number }) {
  const [first, last] = [samples[0], samples.at(-1)]
  const most = (of: (sample: Sample) => number) => Math.max(...samples.map(of))
  const cpuS = (last?.taker.cpuS ?? 0) - (first?.taker.cpuS ?? 0)
  const giverS = (last?.giver.cpuS ?? 0) - (first?.giver.cpuS ?? 0)
  return [
    cost('bytes of messages, per entry', wire / entries),
    cost('bytes on the disk of B, per entry', disk / entries),
    cost('processor of B, us per entry', (1e6 * cpuS) / entries),
    cost('processor of A, us per entry', (1e6 * giverS) / entries),
    cost('memory of B at first, MB', first?.taker.rssMb ?? 0),
    cost(
      'memory of B at most, MB',
      most(({ taker }) => taker.rssMb),
    ),
    cost(
      'heap of B at most, MB',
      most(({ taker }) => taker.heapMb),
    ),
    cost('load average of the machine meanwhile, median', median(samples.map(({ load }) => load))),
    cost('memory of A before, MB', first?.giver.rssMb ?? 0),
    cost(
      'memory of A at most, MB',
      most(({ giver: { rssMb } }) => rssMb),
    ),
    cost('A opens its log, s', giver.ms / 1000),
    cost('B opens after it took it, s', again.ms / 1000),
    cost('until it knows again what it judged, s', again.knownMs / 1000),
    cost('memory of B then, MB', again.rssMb),
  ]
}

const cost = (what: string, value: number) => ({ what, value: value.toFixed(value < 10 ? 1 : 0) })

/** Ten looks, evenly spread. */
function overTime(samples: readonly Sample[]) {
  const at = Array.from({ length: 10 }, (_, i) => Math.round(((samples.length - 1) * i) / 9))
  return [...new Set(at)].flatMap((i) => {
    const sample = samples[i]
    if (sample === undefined) return []
    const { s, stored, judged, giver, taker } = sample
    const mb = { 'B MB': Math.round(taker.rssMb), 'B heap MB': Math.round(taker.heapMb) }
    return [{ s: s.toFixed(0), stored, judged, ...mb, 'A MB': Math.round(giver.rssMb) }]
  })
}

function killRow({ who, before, after }: Kill) {
  return {
    killed: who === 'taker' ? 'C, which takes' : 'A, which gives',
    ...{ 'stored before': before.stored, 'judged before': before.judged },
    ...{ 'stored after': after.stored, 'judged after': after.judged },
  }
}
