/**
 * The experiments in full: `npm run experiment [name ...] [-- --entries COUNT]`.
 *
 * Prints tables and writes `out/experiments/results.json`. What they show is in `docs/experiments.md`. `--entries` says how
 * long the log of `cold-sync` is.
 */
import { parseArgs } from 'node:util'
import { backlog } from './backlog.ts'
import { byzantine } from './byzantine.ts'
import { coldSync } from './cold-sync.ts'
import { fourSites } from './four-sites.ts'
import { partitions } from './partitions.ts'
import { markdown, type Report, type Table, writeReports } from './support/report.ts'

const { values, positionals: asked } = parseArgs({
  allowPositionals: true,
  options: { entries: { type: 'string', default: '1000000' } },
})
const entries = Number(values.entries)
if (!Number.isSafeInteger(entries) || entries < 1000) {
  process.stderr.write('--entries is a number from 1000 on\n')
  process.exit(2)
}

/** What is known before the end is worth keeping when there is none. */
const printEarly = (table: Table) => void process.stderr.write(`${markdown(table)}\n`)

const EXPERIMENTS: Readonly<Record<string, () => Promise<Report>>> = {
  backlog: () => backlog({ readings: 6000, group: 40 }),
  byzantine: () => byzantine({ isFull: true, floodMessages: 5000 }),
  'cold-sync': () => coldSync({ entries, killsOfTaker: 3, killsOfGiver: 2, seed: 7 }, printEarly),
  'four-sites': () => fourSites({ writes: 10, isFull: true }),
  partitions: () => partitions({ only: [], badMs: 30_000, runs: 2 }),
}

const unknown = asked.find((name) => !(name in EXPERIMENTS))
if (unknown !== undefined) {
  process.stderr.write(`no experiment ${unknown}; there are: ${Object.keys(EXPERIMENTS).join(' ')}\n`)
  process.exit(2)
}
const reports: Report[] = []
for (const [name, run] of Object.entries(EXPERIMENTS)) {
  if (asked.length > 0 && !asked.includes(name)) continue
  process.stderr.write(`running ${name}\n`)
  const report = await run()
  reports.push(report)
  if (report.skipped !== undefined) process.stdout.write(`${report.name}: not run here: ${report.skipped}\n\n`)
  for (const table of report.tables) process.stdout.write(`${markdown(table)}\n`)
}
writeReports('out/experiments/results.json', reports)
process.stderr.write('written to out/experiments/results.json\n')
