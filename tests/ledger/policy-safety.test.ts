import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSatisfied, leastCosignatures, parsePolicy, type Policy, quorumPolicy } from '../../src/ledger/policy.ts'
import {
  checkSafe,
  crashMajorityPolicy,
  isCrashOnly,
  leastOverlap,
  policyMode,
  unanimousPolicy,
} from '../../src/ledger/policy-safety.ts'
import { isSafeQuorum, quorumOf, toleratedFaults } from '../../src/ledger/quorum.ts'
import { encodeRoster } from '../../src/ledger/roster.ts'
import { encodeVkey } from '../../src/ledger/vkey.ts'
import { codeOf } from '../support/expect-code.ts'
import { testKey, testRoster, testSite } from '../support/ledger-world.ts'

const sites = Array.from({ length: 10 }, (_, i) => ({
  name: `s${i}`,
  key: { name: `s${i}/mirror`, type: 4 as const, publicKey: testKey(`s${i}`).publicKey },
}))
const lines = (n: number) =>
  sites
    .slice(0, n)
    .map((site) => `witness ${site.name} ${encodeVkey(site.key)}\n`)
    .join('')
const isSafe = (text: string) => codeOf(() => checkSafe(parsePolicy(text))) === null

/** Sets of sites, as bits, that satisfy a policy of `n`. */
function satisfying(policy: Policy, n: number): number[] {
  const namesOf = (bits: number) =>
    new Set(sites.slice(0, n).flatMap((site, i) => (bits & (1 << i) ? [site.name] : [])))
  return Array.from({ length: 2 ** n }, (_, bits) => bits).filter((bits) => isSatisfied(policy, namesOf(bits)))
}

const countOf = (bits: number) => bits.toString(2).replaceAll('0', '').length

/** Smallest overlap of any two satisfying sets, by trying all of them. */
function slowOverlap(policy: Policy, n: number): number {
  const sets = satisfying(policy, n)
  return Math.min(...sets.flatMap((a) => sets.map((b) => countOf(a & b))))
}

/** A policy of `n` sites: groups of random thresholds over whatever is in no group yet. */
const policies = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.array(fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 9 })), { maxLength: 3 }))
  .map(([n, shape]) => {
    const free = sites.slice(0, n).map((site) => site.name)
    const groups = shape.map(([size, k], i) => {
      const members = free.splice(0, 1 + (size % free.length))
      free.push(`g${i}`)
      return `group g${i} ${1 + (k % members.length)} ${members.join(' ')}\n`
    })
    return { n, text: `${lines(n)}${groups.join('')}quorum ${free.at(-1) ?? 's0'}\n` }
  })

describe('the smallest overlap of two quorums', () => {
  it('is what trying all pairs of sets finds', () => {
    fc.assert(
      fc.property(policies, ({ n, text }) => {
        expect(leastOverlap(parsePolicy(text))).toBe(slowOverlap(parsePolicy(text), n))
      }),
    )
  })

  it('of k of n sites decides as the rule for quorums does', () => {
    for (let n = 1; n <= 10; n++) {
      for (let k = 1; k <= n; k++) {
        const names = sites.slice(0, n).map((site) => site.name)
        const text = `${lines(n)}group g ${k} ${names.join(' ')}\nquorum g\n`
        expect(isSafe(text)).toBe(isSafeQuorum(n, k))
        expect(isSafe(text.replaceAll(/ g( |\n)/g, ' crash-only$1'))).toBe(2 * k > n)
      }
    }
  })
})

describe('of the policies to choose from', () => {
  it.each(Array.from({ length: 10 }, (_, i) => i + 1))('all are safe for %i sites, or say what they are', (n) => {
    const chosen = sites.slice(0, n)
    expect(isSafe(quorumPolicy(chosen))).toBe(true)
    expect(isSafe(unanimousPolicy(chosen))).toBe(true)
    const majority = parsePolicy(crashMajorityPolicy(chosen))
    checkSafe(majority)
    expect([isCrashOnly(majority), leastCosignatures(majority)]).toEqual([true, Math.floor(n / 2) + 1])
    expect(isCrashOnly(parsePolicy(quorumPolicy(chosen)))).toBe(false)
    // By any other name, a majority is refused where the quorum is larger.
    const renamed = crashMajorityPolicy(chosen).replaceAll('crash-only', 'majority')
    expect(isSafe(renamed)).toBe(Math.floor(n / 2) + 1 >= quorumOf(n))
  })

  it.each<[string, boolean]>([
    [`${lines(3)}quorum none\n`, false],
    [`${lines(1)}quorum s0\n`, true],
    [`${lines(3)}quorum s0\n`, true],
    [`${lines(4)}quorum s0\n`, false],
    [`${lines(2)}group g any s0 s1\nquorum g\n`, false],
    [`${lines(2)}group crash-only any s0 s1\nquorum crash-only\n`, false],
    [`${lines(4)}group crash-only 3 s0 s1 s2 s3\ngroup g any crash-only\nquorum g\n`, true],
    [`${lines(5)}group crash-only 3 s0 s1 s2 s3 s4\ngroup g any crash-only\nquorum g\n`, false],
    // A site that must always sign, beside a majority of the others: a weight.
    [`${lines(4)}group o 2 s1 s2 s3\ngroup g all s0 o\nquorum g\n`, true],
    [`${lines(4)}group o any s1 s2 s3\ngroup g all s0 o\nquorum g\n`, false],
  ])('custom ones are judged by their groups: %#', (text, safe) => {
    expect(isSafe(text)).toBe(safe)
  })
})

it('two quorums of a safe policy share an honest site, whichever sites are faulty', () => {
  fc.assert(
    fc.property(policies, ({ n, text }) => {
      const policy = parsePolicy(text)
      fc.pre(isSafe(text))
      const sets = satisfying(policy, n)
      for (let faulty = 0; faulty < 2 ** n; faulty++) {
        if (countOf(faulty) > toleratedFaults(n)) continue
        for (const a of sets) for (const b of sets) expect(a & b & ~faulty).not.toBe(0)
      }
    }),
    { numRuns: 30 },
  )
})

it('a roster with an unsafe policy is refused', () => {
  const four = ['a', 'b', 'c', 'd'].map((id) => testSite(`test.local/${id}`).site)
  const roster = testRoster(four)
  const crashOnly = roster.policy.replaceAll(/ sites( |\n)/g, ' crash-only$1')
  expect(codeOf(() => encodeRoster(roster))).toBeNull()
  const twoOf = (policy: string) => ({ ...roster, policy: policy.replace(' 3 ', ' 2 ') })
  expect(codeOf(() => encodeRoster(twoOf(roster.policy)))).toBe('BAD_POLICY')
  expect(codeOf(() => encodeRoster(twoOf(crashOnly)))).toBe('BAD_POLICY')
  expect(codeOf(() => encodeRoster({ ...roster, policy: crashOnly }))).toBeNull()
})

it.each([
  [`${lines(1)}quorum s0\n`, 'solo'],
  [`${lines(1)}group g all s0\nquorum g\n`, 'solo'],
  [`${lines(4)}group sites 3 s0 s1 s2 s3\nquorum sites\n`, 'quorum'],
  [`${lines(3)}group sites all s0 s1 s2\nquorum sites\n`, 'unanimous'],
  [`${lines(3)}group crash-only 2 s0 s1 s2\nquorum crash-only\n`, 'crash-only'],
  [`${lines(4)}group o 2 s1 s2 s3\ngroup g all s0 o\nquorum g\n`, 'groups'],
  [`${lines(4)}group g 3 s0 s1 s2\nquorum g\n`, 'groups'],
  [`${lines(3)}quorum s0\n`, 'groups'],
])('says what kind of policy it is: %#', (text, mode) => {
  expect(policyMode(parsePolicy(text))).toBe(mode)
})
