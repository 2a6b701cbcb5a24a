/**
 * Lines between four sites are cut, slowed and spoiled, while everybody goes on writing.
 *
 * Every site is a process in a network namespace of its own. Whatever the lines do, writing must not stop anywhere, nothing
 * that was final anywhere may be contradicted anywhere, and once the lines are good again everything must become final.
 */
import type { NetworkLog } from '../../src/shared/api/schemas.ts'
import { compareReplicas, type Consistency, type FinalHead } from './support/consistency.ts'
import type { Carried, Line } from './support/lines.ts'
import { Namespaces, whyNoNamespaces } from './support/namespaces.ts'
import { foundNetwork, isSettled, ownOrigin, type Sites, withSites } from './support/network.ts'
import { median, type Report, seconds } from './support/report.ts'
import type { Site } from './support/site.ts'
import { until } from './support/wait.ts'

/** How much is done. */
export interface PartitionsPlan {
  /** Names of cases; all when there is none. */
  readonly only: readonly string[]
  /** How long the lines are bad in each case. */
  readonly badMs: number
  /** How often all of it is done: verdicts must be the same each time. */
  readonly runs: number
}

/** What a case came to. Two runs must give the same. */
export interface Verdict {
  /** Sites at which something of their own that was written while the lines were bad became final before they were good. */
  readonly finalMeanwhile: string
  readonly didWritingStop: boolean
  /** All that was written is final everywhere. */
  readonly isHealed: boolean
  readonly conflicts: number
}

/** One case of one run. */
export interface CaseResult {
  readonly name: string
  readonly verdict: Verdict
  readonly row: Readonly<Record<string, string | number>>
}

/** Lines between sites, by their numbers from 1, until they are good again. */
interface Case {
  readonly name: string
  /** Makes the lines bad. */
  readonly spoil: (network: Namespaces) => void
  /** Called again and again while they are bad. */
  readonly worsen?: (network: Namespaces, atMs: number) => void
}

const ALL = [1, 2, 3, 4] as const
const CUT: Partial<Line> = { isCut: true }
const FLAP_MS = 5000
const HALVES = [
  [1, 2],
  [3, 4],
]

const CASES: readonly Case[] = [
  { name: '2-2', spoil: (network) => network.setBetween(HALVES, CUT) },
  { name: '3-1', spoil: (network) => network.setBetween([[1, 2, 3], [4]], CUT) },
  {
    name: '3-1, B and C only over A',
    spoil: (network) => {
      network.setBetween([[1, 2, 3], [4]], CUT)
      network.setBetween([[2], [3]], CUT)
    },
  },
  { name: '1-1-2', spoil: (network) => network.setBetween([[1], [2], [3, 4]], CUT) },
  {
    name: '2-2, flapping every 5 s',
    spoil: (network) => network.setBetween(HALVES, CUT),
    worsen: (network, atMs) => network.setBetween(HALVES, Math.floor(atMs / FLAP_MS) % 2 === 0 ? CUT : {}),
  },
  { name: 'one way: A to D is lost', spoil: (network) => network.set(1, 4, CUT) },
  {
    name: 'one way: D is heard by nobody',
    spoil: (network) => {
      for (const site of [1, 2, 3]) network.set(4, site, CUT)
    },
  },
  {
    name: 'slow: D at 64 kbit/s',
    spoil: (network) => network.setBetween([[1, 2, 3], [4]], { bytesPerSecond: 8000, delayMs: 20 }),
  },
  {
    name: '200 ms there and back, 1 % lost',
    spoil: (network) =>
      network.setBetween(
        ALL.map((site) => [site]),
        { delayMs: 100, loss: 0.01 },
      ),
  },
]

/** Each site signs one reading so often. */
const WRITE_MS = 1000
/** Longer without an acknowledged reading, and writing has stopped. */
const STOPPED_MS = 8000
const LOOK_MS = 250
const HEAL_MS = 180_000

/** Runs it. */
export async function partitions(plan: PartitionsPlan): Promise<Report & { readonly results: readonly CaseResult[] }> {
  const skipped = whyNoNamespaces()
  const name = 'partitions'
  if (skipped !== null) return { name, tables: [], skipped, results: [] }
  const runs: (readonly CaseResult[])[] = []
  const consistencies: Consistency[] = []
  for (let run = 0; run < plan.runs; run++) {
    const network = await Namespaces.make(ALL.length, run + 1)
    try {
      const places = ALL.map((site) => network.place(site))
      const { results, consistency } = await withSites((sites) => new Partitions(sites, network, plan).run(), places)
      runs.push(results)
      consistencies.push(consistency)
    } finally {
      await network.end()
    }
  }
  const [first = []] = runs
  const isSame = (result: CaseResult, n: number) =>
    runs.every((run) => JSON.stringify(run[n]?.verdict) === JSON.stringify(result.verdict))
  const rows = first.map((result, n) => ({
    ...result.row,
    [`same in ${plan.runs} runs`]: isSame(result, n) ? 'yes' : 'NO',
  }))
  const title = `Lines are bad for ${plan.badMs / 1000} s, and good again`
  return { name, tables: [{ title, rows }], details: { plan, runs, consistencies }, results: runs.flat() }
}

class Partitions {
  readonly #sites: Sites
  readonly #network: Namespaces
  readonly #plan: PartitionsPlan
  #origins: string[] = []

  constructor(sites: Sites, network: Namespaces, plan: PartitionsPlan) {
    this.#sites = sites
    this.#network = network
    this.#plan = plan
  }

  async run(): Promise<{ results: CaseResult[]; consistency: Consistency }> {
    await foundNetwork(this.#sites, ALL.length)
    for (const site of this.#sites.all) this.#origins.push(await ownOrigin(site))
    const measured: Measured[] = []
    for (const one of CASES) {
      const isAsked = this.#plan.only.length === 0 || this.#plan.only.includes(one.name)
      if (isAsked) measured.push(await this.#case(one))
    }
    for (const site of this.#sites.all) await site.stop()
    const finals = measured.flatMap(({ watch }) => watch.finals)
    const consistency = compareReplicas(this.#sites.all, finals)
    return { results: measured.map((each) => resultOf(each, consistency)), consistency }
  }

  async #case({ name, spoil, worsen }: Case): Promise<Measured> {
    for (const site of this.#sites.all) {
      // Whoever signed in some minutes ago has to show that it is still them.
      await site.signIn()
      await site.write()
    }
    await until('all is final before', () => isSettled(this.#sites.all, this.#origins), 120_000)
    const watch = new Watch(this.#sites.all, this.#origins)
    const before = await this.#network.count()
    spoil(this.#network)
    const badAtMs = performance.now()
    watch.begin()
    while (performance.now() - badAtMs < this.#plan.badMs) {
      worsen?.(this.#network, performance.now() - badAtMs)
      await pause(LOOK_MS)
    }
    const healAtMs = performance.now()
    const written = await watch.sizes()
    this.#network.setBetween([ALL], {})
    const healedMs = await until('all of it is final', () => watch.isFinal(written), HEAL_MS, LOOK_MS).catch(() => null)
    const carried = subtract(await this.#network.count(), before)
    await watch.end()
    return { name, watch, badAtMs, healAtMs, healedMs, carried }
  }
}

interface Measured {
  readonly name: string
  readonly watch: Watch
  readonly badAtMs: number
  readonly healAtMs: number
  /** Null when it did not happen in time. */
  readonly healedMs: number | null
  readonly carried: Carried
}

function resultOf(
  { name, watch, badAtMs, healAtMs, healedMs, carried }: Measured,
  { conflicts }: Consistency,
): CaseResult {
  const finalMeanwhile = watch.finalBetween(badAtMs, healAtMs)
  const didWritingStop = watch.longestGapMs > STOPPED_MS || watch.refused > 0
  const verdict = { finalMeanwhile, didWritingStop, isHealed: healedMs !== null, conflicts: conflicts.length }
  const row = {
    lines: name,
    'readings A B C D': watch.acknowledged.join(' '),
    'longest gap s': seconds(watch.longestGapMs),
    'final meanwhile at': finalMeanwhile,
    'write to final s then': watch.mediansFinalMs(badAtMs, healAtMs).map(secondsOrNone).join(' '),
    'all final after good s': healedMs === null ? 'NOT' : seconds(healedMs),
    'kB carried': Math.round(carried.bytes / 1024),
    'packets lost': carried.lost,
    conflicts: conflicts.length,
  }
  return { name, verdict, row }
}

/** One look at a log at the site that writes it. */
interface Look {
  readonly atMs: number
  readonly have: number
  readonly final: number
}

/** Writes at all sites, one reading a second each, and looks at every log at every site. */
class Watch {
  /** Everything that was final anywhere. */
  readonly finals: FinalHead[] = []
  refused = 0
  readonly #sites: readonly Site[]
  readonly #origins: readonly string[]
  /** Times of acknowledged readings, by site. */
  readonly #acks: number[][]
  readonly #looks: Look[][]
  #longestGapMs = 0
  #isOver = false
  #work: Promise<unknown> = Promise.resolve()

  constructor(sites: readonly Site[], origins: readonly string[]) {
    this.#sites = sites
    this.#origins = origins
    this.#acks = sites.map(() => [])
    this.#looks = sites.map(() => [])
  }

  begin(): void {
    const work = this.#sites.map((site, n) => Promise.all([this.#write(site, n), this.#look(site, n)]))
    this.#work = Promise.all(work)
  }

  async end(): Promise<void> {
    this.#isOver = true
    await this.#work
  }

  get acknowledged(): number[] {
    return this.#acks.map(({ length }) => length)
  }

  get longestGapMs(): number {
    return this.#longestGapMs
  }

  /** Size of each site's own log, there. */
  sizes(): Promise<number[]> {
    return Promise.all(
      this.#sites.map(async (site) => (await site.status()).logs.find(({ isOwn }) => isOwn)?.have ?? 0),
    )
  }

  /** True when all logs are final up to these sizes, everywhere. */
  async isFinal(sizes: readonly number[]): Promise<boolean> {
    const views = await Promise.all(this.#sites.map(async (site) => (await site.status()).logs))
    return views.every((logs) => this.#origins.every((origin, n) => finalOf(logs, origin) >= (sizes[n] ?? 0)))
  }

  /** Names of sites whose own writing of a time became final, there, within that time. */
  finalBetween(fromMs: number, toMs: number): string {
    const names = this.#sites.flatMap(({ name }, n) => {
      const looks = (this.#looks[n] ?? []).filter(({ atMs }) => atMs > fromMs && atMs < toMs)
      const start = looks[0]?.have ?? Infinity
      return looks.some(({ final }) => final > start) ? [name] : []
    })
    return names.length === 0 ? 'nobody' : names.join(' ')
  }

  /** Median of how long it took, by site, what it wrote in a time to become final there, as far as it did within it. */
  mediansFinalMs(fromMs: number, toMs: number): number[] {
    return this.#looks.map((all) => {
      const looks = all.filter(({ atMs }) => atMs > fromMs && atMs < toMs)
      const took = looks.flatMap(({ atMs, have }, n) => {
        const isNew = n > 0 && have > (looks[n - 1]?.have ?? have)
        const found = isNew ? looks.find((later) => later.final >= have) : undefined
        return found === undefined ? [] : [found.atMs - atMs]
      })
      return median(took)
    })
  }

  async #write(site: Site, n: number): Promise<void> {
    let lastMs = performance.now()
    while (!this.#isOver) {
      const startedMs = performance.now()
      await site.write().then(
        () => this.#acks[n]?.push(performance.now()),
        () => (this.refused += 1),
      )
      const nowMs = performance.now()
      this.#longestGapMs = Math.max(this.#longestGapMs, nowMs - lastMs)
      lastMs = nowMs
      await pause(Math.max(0, WRITE_MS - (nowMs - startedMs)))
    }
  }

  async #look(site: Site, n: number): Promise<void> {
    while (!this.#isOver) {
      const { logs } = await site.status()
      const atMs = performance.now()
      for (const { origin, isOwn, have, final } of logs) {
        if (isOwn) this.#looks[n]?.push({ atMs, have, final })
        this.#note({ site: site.name, origin, size: final })
      }
      await pause(LOOK_MS)
    }
  }

  #note(head: FinalHead): void {
    const isKnown = this.finals.some(
      ({ site, origin, size }) => site === head.site && origin === head.origin && size === head.size,
    )
    if (!isKnown && head.size > 0) this.finals.push(head)
  }
}

function finalOf(logs: readonly NetworkLog[], origin: string): number {
  return logs.find((log) => log.origin === origin)?.final ?? 0
}

function subtract(after: Carried, before: Carried): Carried {
  return {
    packets: after.packets - before.packets,
    bytes: after.bytes - before.bytes,
    lost: after.lost - before.lost,
  }
}

const secondsOrNone = (ms: number) => (Number.isNaN(ms) ? '-' : seconds(ms))
const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms))
