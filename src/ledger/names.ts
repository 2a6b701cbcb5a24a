/**
 * Names of sites and logs, and the origin of an incarnation: `log/incarnation`.
 *
 * @remarks
 * A name is 1 to 120 characters of `a-z 0-9 . - /`, without a slash at either end. The origin adds the incarnation
 * in decimal, 1 or more, and is the name in every checkpoint. Proven by `tests/ledger/names.test.ts`.
 *
 * @packageDocumentation
 */
import { assert } from '../shared/errors.ts'
import { LedgerError } from './errors.ts'

const NAME = /^(?!\/)[a-z0-9.\-/]{1,120}(?<!\/)$/
const ORIGIN = /^(.+)\/([1-9][0-9]{0,8})$/

/** A log, and which life of it. */
export interface OriginParts {
  /** Name of the log, the same in every incarnation. */
  readonly log: string
  /** 1 or more. */
  readonly incarnation: number
}

/** True when `name` may name a site or a log. */
export function isName(name: string): boolean {
  return NAME.test(name)
}

/** Origin of incarnation `incarnation` of `log`. Both are ours: a bad one is a bug. */
export function originOf(log: string, incarnation: number): string {
  assert(isName(log), `a log name: ${log}`)
  assert(Number.isInteger(incarnation) && incarnation >= 1 && incarnation < 1e9, 'an incarnation from 1 on')
  return `${log}/${incarnation}`
}

/**
 * Log and incarnation of an origin.
 *
 * @param origin - Untrusted.
 * @throws {@link LedgerError} `BAD_NAME`.
 */
export function splitOrigin(origin: string): OriginParts {
  const [, log, incarnation] = ORIGIN.exec(origin) ?? []
  if (log === undefined || incarnation === undefined || !isName(log)) {
    throw new LedgerError('BAD_NAME', 'not an origin')
  }
  return { log, incarnation: Number(incarnation) }
}
