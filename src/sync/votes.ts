/**
 * Which cosignatures a note shows, in few bytes: for comparing, never for counting.
 *
 * @remarks
 * Two nodes can know as many cosignatures of a head and not the same ones. The mark tells such sets apart. Proven by
 * `tests/sync/votes.test.ts`.
 *
 * @packageDocumentation
 */

/** Who cosigned a head. */
export interface VoteMark {
  readonly votes: number
  /** FNV-1a over the names of the cosigners in order, 32 bits; 0 for none. */
  readonly mark: number
}

/** Nobody. */
export const NO_VOTES: VoteMark = { votes: 0, mark: 0 }

/**
 * The cosigners that a note shows.
 *
 * @param note - Well formed; its lines need not be verified.
 * @param origin - Of the log: its own line is no cosignature.
 */
export function votesIn(note: string, origin: string): VoteMark {
  const lines = note.slice(note.lastIndexOf('\n\n') + 2).split('\n')
  const names = lines.map((line) => line.split(' ')[1] ?? '').filter((name) => isVoter(name) && name !== origin)
  const distinct = [...new Set(names)].toSorted()
  return { votes: distinct.length, mark: distinct.length === 0 ? 0 : fnv1a(distinct.join(' ')) }
}

/** A witness has no vote: what it saw tells no two sets of votes apart. */
function isVoter(name: string): boolean {
  return name !== '' && !name.endsWith('/witness')
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
