/** What an experiment gives: rows for a table, everything else for a file. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { dirname } from 'node:path'

/** One table. Every row has the same columns. */
export interface Table {
  readonly title: string
  readonly rows: readonly Readonly<Record<string, string | number>>[]
}

/** An experiment that was run. */
export interface Report {
  readonly name: string
  readonly tables: readonly Table[]
  /** Anything else that was measured. */
  readonly details?: unknown
  /** Why it did not run here; absent when it did. */
  readonly skipped?: string
}

/** A table as Markdown. */
export function markdown({ title, rows }: Table): string {
  const [first] = rows
  if (first === undefined) return `${title}: nothing`
  const names = Object.keys(first)
  const lines = [names, names.map(() => '---'), ...rows.map((row) => names.map((name) => String(row[name] ?? '')))]
  return [title, '', ...lines.map((cells) => `| ${cells.join(' | ')} |`), ''].join('\n')
}

/** Writes reports with the conditions of the machine. */
export function writeReports(file: string, reports: readonly Report[]): void {
  const machine = { cpus: cpus().length, model: cpus()[0]?.model ?? '', memoryBytes: totalmem(), node: process.version }
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify({ machine, load: loadavg(), reports }, null, 2)}\n`)
}

export const seconds = (ms: number): string => (ms / 1000).toFixed(2)

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
