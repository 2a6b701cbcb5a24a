import { command, query, type WritableDb } from '../database.ts'
import type { MirrorRow } from '../store.ts'

interface Row {
  readonly pending: string | null
  readonly stored: number
  readonly mirrored: string | null
  readonly refusedIndex: number | null
  readonly refusedCode: string | null
}

/** What the site's mirror remembers of each log. */
export class MirrorTable {
  readonly #get
  readonly #put

  constructor(db: WritableDb) {
    this.#get = query<[string], Row>(
      db,
      `SELECT pending, stored, mirrored, refused_index AS refusedIndex, refused_code AS refusedCode
       FROM mirror WHERE origin = ?`,
    )
    this.#put = command<[string, string | null, number, string | null, number | null, string | null]>(
      db,
      `INSERT INTO mirror (origin, pending, stored, mirrored, refused_index, refused_code) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (origin) DO UPDATE SET pending = excluded.pending, stored = excluded.stored,
       mirrored = excluded.mirrored, refused_index = excluded.refused_index, refused_code = excluded.refused_code`,
    )
  }

  get(origin: string): MirrorRow | null {
    const row = this.#get.get(origin)
    if (row === undefined) return null
    const { pending, stored, mirrored, refusedIndex, refusedCode } = row
    const refused = refusedIndex === null ? null : { index: refusedIndex, code: refusedCode ?? '' }
    return { pending, stored, mirrored, refused }
  }

  /** Stores `next` when the row still says `expected`; otherwise changes nothing. */
  replace(origin: string, expected: MirrorRow | null, next: MirrorRow): boolean {
    if (!isSame(this.get(origin), expected)) return false
    const { pending, stored, mirrored, refused } = next
    this.#put(origin, pending, stored, mirrored, refused?.index ?? null, refused?.code ?? null)
    return true
  }
}

function isSame(a: MirrorRow | null, b: MirrorRow | null): boolean {
  if (a === null || b === null) return a === b
  const isRefusalSame = a.refused?.index === b.refused?.index && a.refused?.code === b.refused?.code
  return a.pending === b.pending && a.stored === b.stored && a.mirrored === b.mirrored && isRefusalSame
}
