/**
 * How far a sealed entry has come.
 *
 * @remarks
 * Counts sites, never their machines. In a network of one site the quorum is one, and the site's own mirror
 * cosignature makes an entry final; without it the entry is sealed. `pending`, `contested` and `rejected` are not
 * counted but found elsewhere. Proven by `tests/ledger/grade.test.ts`.
 *
 * @packageDocumentation
 */
import { assert } from '../shared/errors.ts'

/** A grade that follows from counting cosignatures. */
export interface CountedGrade {
  readonly name: 'sealed' | 'cosigned' | 'final'
  /** Sites that cosigned a checkpoint covering the entry. */
  readonly k: number
  /** Sites that must. */
  readonly q: number
}

/**
 * The grade of an entry under a signed checkpoint.
 *
 * @param counted - `cosigners`: sites of the roster whose cosignature verified, each once. `quorum`: 1 or more.
 */
export function gradeOf({ cosigners, quorum }: { cosigners: number; quorum: number }): CountedGrade {
  assert(Number.isSafeInteger(cosigners) && cosigners >= 0, 'a count of sites')
  assert(Number.isSafeInteger(quorum) && quorum >= 1, 'a quorum of at least one')
  const name = cosigners >= quorum ? 'final' : cosigners > 0 ? 'cosigned' : 'sealed'
  return { name, k: cosigners, q: quorum }
}
