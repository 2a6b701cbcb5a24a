/**
 * A site that was away fetches what was written meanwhile, and is killed in the middle of it.
 *
 * Beside it, in the same run and with the same number of entries, what the cheapest honest thing costs: checking one
 * signature of each with node:crypto, and a durable insert of each with better-sqlite3 in transactions of 256.
 */
import { naiveInserts, naiveSignatures } from './support/baselines.ts'
import { foundNetwork, ownOrigin, withSites } from './support/network.ts'
import { type Report, seconds } from './support/report.ts'
import type { Site } from './support/site.ts'
import { until } from './support/wait.ts'

/** How much was written while the other site was away. */
export interface BacklogPlan {
  readonly readings: number
  /** Readings that are signed at once. */
  readonly group: number
}

/** What the test looks at. */
export interface BacklogFindings {
  readonly entries: number
  /** Entries that were proven when the process was killed. */
  readonly heldAtKill: number
  /** Entries that were proven right after the next start: nothing is fetched twice. */
  readonly heldAfterStart: number
  readonly isComplete: boolean
}

/** Runs it. */
export function backlog({ readings, group }: BacklogPlan): Promise<Report & { readonly findings: BacklogFindings }> {
  return withSites(async (sites) => {
    await foundNetwork(sites, 2)
    const [a, b] = [sites.site('A'), sites.site('B')]
    const origin = await ownOrigin(a)
    await until('B follows', async () => (await verifiedAt(b, origin)) === (await verifiedAt(a, origin)))
    await b.kill()
    const before = await verifiedAt(a, origin)
    const writing = performance.now()
    for (let n = 0; n < readings; n += group) await a.write(Math.min(group, readings - n))
    const wroteMs = performance.now() - writing
    const newest = await verifiedAt(a, origin)
    const entries = newest - before
    const started = performance.now()
    await b.start()
    await until('some of it is there', async () => (await haveAt(b, origin)) > before, 60_000, 5)
    const heldAtKill = await haveAt(b, origin)
    await b.kill()
    await b.start()
    const heldAfterStart = await haveAt(b, origin)
    const firstMb = await b.vault.memoryMb()
    let mostMb = firstMb
    await until(
      'B has all of it',
      async () => {
        mostMb = Math.max(mostMb, await b.vault.memoryMb())
        return (await verifiedAt(b, origin)) >= newest
      },
      600_000,
    )
    const syncMs = performance.now() - started
    const finalMs = syncMs + (await until('all of it is final', () => isFinalAt(b, origin, newest), 60_000))
    const signatures = naiveSignatures(entries)
    const inserts = naiveInserts(b.folder, entries)
    const rows = [
      row('A writes it (two signatures, sealed payload)', entries, wroteMs),
      row('B: from the start, killed once, to everything verified', entries, syncMs),
      row('B: the same, to final', entries, finalMs),
      row('baseline: node:crypto, one signature each', entries, signatures),
      row('baseline: better-sqlite3, 256 rows a transaction', entries, inserts),
    ]
    return {
      name: 'backlog',
      tables: [{ title: `Backlog of ${readings} readings, ${entries} entries`, rows }],
      details: { readings, group, heldAtKill, heldAfterStart, firstMb, mostMb },
      findings: { entries, heldAtKill, heldAfterStart, isComplete: (await verifiedAt(b, origin)) >= newest },
    }
  })
}

function row(what: string, entries: number, ms: number) {
  return { what, s: seconds(ms), 'entries/s': Math.round(entries / (ms / 1000)) }
}

async function logAt(site: Site, origin: string) {
  return (await site.status()).logs.find((log) => log.origin === origin)
}

const verifiedAt = async (site: Site, origin: string) => (await logAt(site, origin))?.verified ?? 0
const haveAt = async (site: Site, origin: string) => (await logAt(site, origin))?.have ?? 0
const isFinalAt = async (site: Site, origin: string, size: number) => ((await logAt(site, origin))?.final ?? 0) >= size
