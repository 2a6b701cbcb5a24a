/**
 * Whether sites that are down contradict each other, by their files alone: an implementation of RFC 6962 that shares nothing
 * with the ledger.
 */
import Database from 'better-sqlite3'
import { createHash } from 'node:crypto'
import type { Site } from './site.ts'

/** Something that a site called final once. */
export interface FinalHead {
  readonly site: string
  readonly origin: string
  readonly size: number
}

/** What was found. */
export interface Consistency {
  /** Heads that were final somewhere, and compared with every other replica that is as long. */
  readonly compared: number
  /** Those whose tree differs from that of another replica, and signed checkpoints that are not of the entries beside them. */
  readonly conflicts: readonly string[]
}

/** Roots of the first `size` entries of a log, for every size. */
type Roots = readonly string[]

/** Compares what was final anywhere with the replicas of all sites. All must be down. */
export function compareReplicas(sites: readonly Site[], finals: readonly FinalHead[]): Consistency {
  const replicas = new Map(sites.map((site) => [site.name, rootsOf(site)]))
  const conflicts: string[] = []
  let compared = 0
  for (const { site, origin, size } of finals) {
    const own = replicas.get(site)?.get(origin)?.[size]
    if (own === undefined) conflicts.push(`${site} lost entry ${size - 1} of ${origin}, which was final`)
    for (const [other, logs] of replicas) {
      const root = logs.get(origin)?.[size]
      if (other === site || root === undefined) continue
      compared += 1
      if (root !== own) conflicts.push(`${site} and ${other} differ in ${origin} at ${size}`)
    }
  }
  for (const site of sites) {
    conflicts.push(...signedDifferently(site, replicas.get(site.name) ?? new Map<string, Roots>()))
  }
  return { compared, conflicts: [...new Set(conflicts)] }
}

function rootsOf(site: Site): Map<string, Roots> {
  const database = new Database(site.database, { readonly: true })
  try {
    const logs = database.prepare('SELECT id, origin FROM log').all() as { id: number; origin: string }[]
    const entries = database.prepare('SELECT idx, bytes FROM entry WHERE log = ? ORDER BY idx')
    return new Map(
      logs.map(({ id, origin }) => [origin, growing(entries.all(id) as { idx: number; bytes: Uint8Array }[])]),
    )
  } finally {
    database.close()
  }
}

/** The root after each entry: the perfect trees that a tree consists of, folded from the smallest. */
function growing(entries: readonly { readonly idx: number; readonly bytes: Uint8Array }[]): Roots {
  const peaks: { readonly height: number; readonly hash: Buffer }[] = []
  const roots = [createHash('sha256').digest('hex')]
  for (const [place, { idx, bytes }] of entries.entries()) {
    if (idx !== place) break
    let top = { height: 0, hash: hash(0, bytes) }
    for (let last = peaks.at(-1); last?.height === top.height; last = peaks.at(-1)) {
      peaks.pop()
      top = { height: top.height + 1, hash: hash(1, last.hash, top.hash) }
    }
    peaks.push(top)
    roots.push(
      peaks
        .map((peak) => peak.hash)
        .reduceRight((right, left) => hash(1, left, right))
        .toString('hex'),
    )
  }
  return roots
}

function hash(kind: 0 | 1, ...parts: readonly Uint8Array[]): Buffer {
  const digest = createHash('sha256').update(Uint8Array.of(kind))
  for (const part of parts) digest.update(part)
  return digest.digest()
}

/** Checkpoints in a file whose root is not that of the entries in it. */
function signedDifferently(site: Site, replica: ReadonlyMap<string, Roots>): string[] {
  const database = new Database(site.database, { readonly: true })
  try {
    const sql = 'SELECT origin, size, note FROM checkpoint JOIN log ON log.id = checkpoint.log'
    return (database.prepare(sql).all() as { origin: string; size: number; note: string }[]).flatMap(
      ({ origin, size, note }) => {
        const signed = Buffer.from(note.split('\n')[2] ?? '', 'base64').toString('hex')
        return replica.get(origin)?.[size] === signed ? [] : [`${site.name} signed another ${origin} at ${size}`]
      },
    )
  } finally {
    database.close()
  }
}
