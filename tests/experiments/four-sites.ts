/**
 * The papers' own experiment: four sites; one fails and a byte of its replica changes meanwhile; it comes back; another fails.
 *
 * Every site is a process with its own data folder, its own keys and its own sockets. A failure is SIGKILL.
 */
import Database from 'better-sqlite3'
import { foundNetwork, isSettled, ownOrigin, type Sites, withSites } from './support/network.ts'
import { median, type Report, seconds } from './support/report.ts'
import type { Site } from './support/site.ts'
import { until } from './support/wait.ts'

/** How much is done. */
export interface FourSitesPlan {
  /** Single readings per site and phase, one after the other. */
  readonly writes: number
  /** Whether the second one that failed comes back as well. */
  readonly isFull: boolean
}

/** One line of the timeline: entries of all logs together that a site has verified, and that are final there. */
interface Sample {
  readonly ms: number
  readonly phase: string
  /** `verified/final` by site; null while it is down. */
  readonly sites: Readonly<Record<string, readonly [number, number] | null>>
}

/** What the test looks at. */
export interface FourSitesFindings {
  /** Grade of what was written while one site was away, as the others saw it: sites that voted, of those needed. */
  readonly votesWithoutD: number
  readonly votesWithoutB: number
  /** The changed entry: it differed on the disk, and it is what it was. */
  readonly wasChanged: boolean
  readonly isRepaired: boolean
  /** Every site that is up holds the same final logs at the end. */
  readonly isSameEverywhere: boolean
  readonly needed: number
}

/** Runs it. */
export function fourSites(plan: FourSitesPlan): Promise<Report & { readonly findings: FourSitesFindings }> {
  return withSites((sites) => fourSitesIn(sites, plan))
}

/** The same with sites that others go on with. */
export function fourSitesIn(sites: Sites, plan: FourSitesPlan): Promise<Report & { findings: FourSitesFindings }> {
  return new FourSites(sites, plan).run()
}

class FourSites {
  readonly #sites: Sites
  readonly #plan: FourSitesPlan
  readonly #rows: Record<string, string | number>[] = []
  readonly #timeline: Sample[] = []
  readonly #started = performance.now()
  #origins: string[] = []

  constructor(sites: Sites, plan: FourSitesPlan) {
    this.#sites = sites
    this.#plan = plan
  }

  async run() {
    const { all } = this.#sites
    await this.#timed('four sites found a network', async () => {
      await foundNetwork(this.#sites, 4)
      for (const site of all) this.#origins.push(await ownOrigin(site))
      await this.#settled('the start')
    })
    const [a, b, d] = [this.#sites.site('A'), this.#sites.site('B'), this.#sites.site('D')]
    await this.#written('all four up')
    await d.kill()
    await this.#written('D down: three are final')
    const votesWithoutD = await this.#votes(a)
    const victim = { origin: this.#origins[0] ?? '', index: 3 }
    const before = entryOf(d, victim)
    flipByte(d, victim)
    const wasChanged = !before.equals(entryOf(d, victim))
    await this.#timed('D back, with a byte of its replica changed: detected, repaired', async () => {
      await d.start()
      await this.#settled('D caught up')
      await until('the entry is repaired', () => before.equals(entryOf(d, victim)))
    })
    const isRepaired = before.equals(entryOf(d, victim))
    await b.kill()
    await this.#written('B down: three are final again')
    const votesWithoutB = await this.#votes(a)
    if (this.#plan.isFull)
      await this.#timed('B back', async () => {
        await b.start()
        await this.#settled('B caught up')
      })
    const needed = (await a.status()).quorum.needed
    const findings = { votesWithoutD, votesWithoutB, wasChanged, isRepaired, needed }
    return {
      name: 'four sites',
      tables: [
        { title: 'Four sites, one fails at a time (entries verified / final, of all logs together)', rows: this.#rows },
      ],
      details: { plan: this.#plan, timeline: this.#timeline },
      findings: { ...findings, isSameEverywhere: await this.#isSame() },
    }
  }

  /** Every site that is up writes one reading after the other, and waits for each to be final where it was written. */
  async #written(phase: string): Promise<void> {
    const latencies: number[] = []
    await this.#timed(
      phase,
      async () => {
        for (let n = 0; n < this.#plan.writes; n++) {
          for (const site of this.#sites.up) {
            await site.write()
            latencies.push(await until(`${site.name} is final`, () => isOwnFinal(site), 60_000, 20))
          }
        }
        await this.#settled(phase)
      },
      () => seconds(median(latencies)),
    )
  }

  async #timed(phase: string, body: () => Promise<void>, latency: () => string = () => ''): Promise<void> {
    const started = performance.now()
    let isOver = false
    const sampler = (async () => {
      while (!isOver) {
        await this.#sample(phase)
        await new Promise((done) => setTimeout(done, 250))
      }
    })()
    try {
      await body()
    } finally {
      isOver = true
      await sampler
    }
    const took = seconds(performance.now() - started)
    const { sites } = await this.#sample(phase)
    const heights = Object.entries(sites).map(([name, seen]) => [name, seen?.join(' / ') ?? 'down'] as const)
    this.#rows.push({ phase, 'phase s': took, 'write to final s, median': latency(), ...Object.fromEntries(heights) })
  }

  async #sample(phase: string): Promise<Sample> {
    const sites: Record<string, readonly [number, number] | null> = {}
    for (const site of this.#sites.all) sites[site.name] = await heightOf(site)
    const sample = { ms: Math.round(performance.now() - this.#started), phase, sites }
    this.#timeline.push(sample)
    return sample
  }

  #settled(what: string): Promise<number> {
    return until(`all is verified and final: ${what}`, () => isSettled(this.#sites.up, this.#origins), 120_000)
  }

  /** Sites that cosigned the newest head of a site's own log. */
  async #votes(site: Site): Promise<number> {
    return (await site.status()).logs.find(({ isOwn }) => isOwn)?.votes ?? 0
  }

  async #isSame(): Promise<boolean> {
    const views = await Promise.all(
      this.#sites.up.map(async (site) => {
        const { logs } = await site.status()
        return logs.map(({ origin, verified, final }) => `${origin} ${verified} ${final}`).toSorted()
      }),
    )
    return new Set(views.map((view) => view.join())).size === 1
  }
}

async function isOwnFinal(site: Site): Promise<boolean> {
  const own = (await site.status()).logs.find(({ isOwn }) => isOwn)
  return own !== undefined && own.final === own.known
}

/** Null while nobody can be asked. */
async function heightOf(site: Site): Promise<readonly [number, number] | null> {
  if (!site.isUp || site.state !== 'ready') return null
  try {
    const { logs } = await site.status()
    const sum = (what: 'verified' | 'final') => logs.reduce((total, log) => total + log[what], 0)
    return [sum('verified'), sum('final')]
  } catch {
    // Between a start and the moment in which somebody has signed in.
    return null
  }
}

interface EntryPlace {
  readonly origin: string
  readonly index: number
}

function entryOf(site: Site, { origin, index }: EntryPlace): Buffer {
  const database = new Database(site.database, { readonly: true })
  try {
    const sql = 'SELECT bytes FROM entry JOIN log ON log.id = entry.log WHERE origin = ? AND idx = ?'
    return (database.prepare(sql).get(origin, index) as { bytes: Buffer }).bytes
  } finally {
    database.close()
  }
}

/** Changes the middle byte of an entry in the file of a site that is down, as a bad disk would. */
function flipByte(site: Site, place: EntryPlace): void {
  const bytes = Buffer.from(entryOf(site, place))
  const middle = bytes.length >> 1
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 0x10, middle)
  const database = new Database(site.database)
  try {
    const sql = 'UPDATE entry SET bytes = ? WHERE idx = ? AND log = (SELECT id FROM log WHERE origin = ?)'
    database.prepare(sql).run(bytes, place.index, place.origin)
  } finally {
    database.close()
  }
}
