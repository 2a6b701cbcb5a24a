/**
 * Which texts may be shown to the evaluator of policies at all.
 *
 * @remarks
 * Its parser, checker and evaluator go as deep as what they read, on a stack of fixed size, and take as long as what
 * they read is large. These limits were chosen so that the worst texts within them stay far from both ends
 * (`tests/main/core/policy-engine.test.ts` tries them); a contract for people is nowhere near. Proven by
 * `tests/ledger/contract.test.ts`.
 *
 * @packageDocumentation
 */
import { LedgerError } from './errors.ts'

/** Largest document, in UTF-16 units. */
export const MAX_CONTRACT_SIZE = 32_768

/** Most policies of a document. */
export const MAX_POLICIES = 128

/** Most tokens of one policy. */
export const MAX_TOKENS = 512

/** Deepest nesting of brackets. */
export const MAX_DEPTH = 16

/** Longest text in quotes, in UTF-16 units. */
export const MAX_QUOTED = 256

/** White space, comments, quoted texts, words and numbers, everything else one by one: as the policy language has them. */
const TOKEN = /[ \t\r\n]+|\/\/[^\n\r]*|"(?:\\.|[^"\\])*"|[A-Za-z0-9_]+|[^]/gy

/** Nothing that prints as nothing or turns text around; only in comments and quotes is anything beyond ASCII. */
const ODD = /[^\t\r\n\u0020-\u007e\u00a1-\u00ac\u00ae-\u024f\u0370-\u052f\u2010-\u2015\u2018-\u201e\u2026]/u

/**
 * Checks a document's size and shape, before it is parsed.
 *
 * @param text - Untrusted.
 * @throws {@link LedgerError} `BAD_CONTRACT`.
 */
export function checkContractText(text: string): void {
  if (text.length > MAX_CONTRACT_SIZE) throw bad('too long')
  if (ODD.test(text)) throw bad('a character that contracts do without')
  let [depth, tokens, policies] = [0, 0, 0]
  for (const [token] of text.matchAll(TOKEN)) {
    if (/^(?:[ \t\r\n]|\/\/)/.test(token)) continue
    if (token === '"') throw bad('a quote left open')
    if (token.length > MAX_QUOTED) throw bad('a word too long')
    if (++tokens > MAX_TOKENS) throw bad('a policy too long')
    if ('([{'.includes(token) && ++depth > MAX_DEPTH) throw bad('nested too deep')
    if (')]}'.includes(token) && --depth < 0) throw bad('a bracket too many')
    if (token !== ';') continue
    if (++policies > MAX_POLICIES) throw bad('too many policies')
    if (depth > 0) throw bad('a bracket left open')
    tokens = 0
  }
}

function bad(why: string): LedgerError {
  return new LedgerError('BAD_CONTRACT', why)
}
