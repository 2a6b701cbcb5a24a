import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Electorate, isFinal } from '../../src/ledger/finality.ts'
import {
  type CosignedSizes,
  electorateAt,
  type Epoch,
  epochsOf,
  finalityOf,
  gradeInLog,
  isFinalUnder,
  keyOf,
  liarsAllowed,
  sizesUnder,
} from '../../src/ledger/log-finality.ts'
import { parsePolicy, quorumPolicy } from '../../src/ledger/policy.ts'
import { crashMajorityPolicy } from '../../src/ledger/policy-safety.ts'
import { nobleHasher, utf8 } from '../../src/ledger/hash.ts'
import { toHex } from '../../src/shared/bytes.ts'
import { rosterOf } from '../support/cosigned-log.ts'
import { runs } from '../support/budget.ts'

/** No curve is asked here: any 32 bytes are a key. */
const publicKeyOf = (site: number) => nobleHasher.sha256(utf8(`site ${site}`))
const hexOf = (site: number) => toHex(publicKeyOf(site))

function electorate(sites: readonly number[], policyOf = quorumPolicy): Electorate {
  const named = sites.map((n) => ({
    name: `s${n}`,
    key: { name: `s${n}/mirror`, type: 4 as const, publicKey: publicKeyOf(n) },
  }))
  const voters = named.map(({ name, key }) => ({ site: name, witness: name, key }))
  return { policy: parsePolicy(policyOf(named)), voters }
}

const epochsFrom = (...parts: (readonly [from: number, electorate: Electorate])[]): Epoch[] =>
  parts.map(([from, e], i) => ({ from, to: parts[i + 1]?.[0] ?? Infinity, electorate: e }))
const sizesFrom = (...sizes: (readonly [site: number, size: number])[]): CosignedSizes =>
  new Map(sizes.map(([site, size]) => [hexOf(site), size]))

/** The definition: some version decides about a head of its own that holds the entry, and enough of its sites cosigned that head or one beyond. */
function isFinalEntry(index: number, epochs: readonly Epoch[], sizes: CosignedSizes, limit: number): boolean {
  return epochs.some(({ from, to, electorate: e }) => {
    for (let size = Math.max(index, from) + 1; size <= Math.min(to, limit); size++) {
      if (
        isFinal(
          e,
          e.voters.filter((voter) => (sizes.get(keyOf(voter)) ?? 0) >= size),
        )
      )
        return true
    }
    return false
  })
}

describe('finality of a log', () => {
  it('is that of the definition, for random rosters and votes', () => {
    const someSites = fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 7 })
    const parts = fc.array(fc.tuple(fc.integer({ min: 1, max: 10 }), someSites), { minLength: 1, maxLength: 4 })
    const votes = fc.array(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 30 })), { maxLength: 7 })
    fc.assert(
      fc.property(parts, votes, (drawn, cosigned) => {
        let from = 0
        const epochs = epochsFrom(...drawn.map(([gap, sites]) => [(from += gap), electorate(sites)] as const))
        const sizes = sizesFrom(...cosigned)
        const finality = finalityOf(epochs, sizes)
        for (let index = 0; index < 31; index++) {
          const expected = isFinalEntry(index, epochs, sizes, 31)
          expect(index < finality.size).toBe(expected)
          expect(gradeInLog(index, epochs, finality, sizes, false).name === 'final').toBe(expected)
        }
      }),
      { numRuns: runs(300, 5000) },
    )
  })

  it('never goes back while votes are added', () => {
    const epochs = epochsFrom([1, electorate([0, 1, 2, 3])], [9, electorate([0, 1, 2, 3, 4])])
    const vote = fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 1, max: 20 }))
    fc.assert(
      fc.property(fc.array(vote, { maxLength: 20 }), (votes) => {
        const sizes = new Map<string, number>()
        let before = 0
        for (const [site, size] of votes) {
          sizes.set(hexOf(site), Math.max(size, sizes.get(hexOf(site)) ?? 0))
          const { size: now } = finalityOf(epochs, sizes)
          expect(now).toBeGreaterThanOrEqual(before)
          before = now
        }
      }),
      { numRuns: runs(200, 2000) },
    )
  })

  it('is nothing before the first vote, and needs a roster', () => {
    const epochs = epochsFrom([1, electorate([0])])
    expect(finalityOf(epochs, new Map())).toEqual({ size: 0, epoch: null })
    expect(finalityOf([], sizesFrom([0, 5]))).toEqual({ size: 0, epoch: null })
    expect(gradeInLog(3, [], { size: 0, epoch: null }, new Map(), false)).toEqual({ name: 'sealed', k: 0, q: 1 })
    expect(gradeInLog(3, [], { size: 0, epoch: null }, new Map(), true)).toEqual({ name: 'contested', k: 0, q: 1 })
  })

  it('of a carried roster that decided about no entry here is not asked', () => {
    // What an incarnation takes over starts at 0; only the newest of it decides.
    const epochs = epochsFrom([0, electorate([0])], [0, electorate([1])])
    expect(finalityOf(epochs, sizesFrom([0, 5])).size).toBe(0)
    expect(finalityOf(epochs, sizesFrom([1, 5])).size).toBe(5)
  })
})

describe('a checkpoint', () => {
  const epochs = epochsFrom([1, electorate([0])], [5, electorate([1, 2])])

  it('is judged under the roster version of its seal', () => {
    expect(electorateAt(epochs, 1)).toBeNull()
    expect(electorateAt(epochs, 5)).toBe(epochs[0]?.electorate)
    expect(electorateAt(epochs, 6)).toBe(epochs[1]?.electorate)
    expect(isFinalUnder(epochs, 5, new Set([hexOf(0)]))).toBe(true)
    expect(isFinalUnder(epochs, 6, new Set([hexOf(0)]))).toBe(false)
    expect(isFinalUnder(epochs, 6, new Set([hexOf(1)]))).toBe(false)
    expect(isFinalUnder(epochs, 6, new Set([hexOf(1), hexOf(2)]))).toBe(true)
    expect(isFinalUnder(epochs, 1, new Set([hexOf(0)]))).toBe(false)
  })
})

describe('liars', () => {
  it('are allowed for as the policy says', () => {
    const of = (n: number, policyOf = quorumPolicy) => liarsAllowed(electorate([...Array(n).keys()], policyOf))
    expect([1, 2, 3, 4, 5, 6, 7, 10].map((n) => of(n))).toEqual([0, 0, 0, 1, 1, 1, 2, 3])
    expect([3, 4, 7].map((n) => of(n, crashMajorityPolicy))).toEqual([0, 0, 0])
  })

  it('lose votes only where there are more of them than that, and only what they contradicted', () => {
    const epochs = epochsFrom([1, electorate([0, 1, 2, 3])])
    const sizes = sizesFrom([0, 9], [1, 9], [2, 9], [3, 4])
    const below = (key: string, size: number) => (key === hexOf(0) ? size - 1 : 0)
    const under = (...sites: number[]) =>
      sizesUnder(epochs, sizes, { from: 6, convicted: new Set(sites.map(hexOf)) }, below)
    expect(under(0)).toEqual(sizes)
    expect(under(0, 1)).toEqual(sizesFrom([0, 5], [1, 0], [2, 9], [3, 4]))
    expect(under(0, 3)).toEqual(sizesFrom([0, 5], [1, 9], [2, 9], [3, 4]))
    expect(under(7, 8, 9)).toEqual(sizes)
  })

  it('of a time when the log was not forked yet change nothing', () => {
    const epochs = epochsFrom([1, electorate([0])], [5, electorate([1, 2, 3, 4])])
    const sizes = sizesFrom([0, 4], [1, 9])
    const contest = { from: 7, convicted: new Set([hexOf(0)]) }
    expect(sizesUnder(epochs, sizes, contest, () => 0)).toEqual(sizes)
  })
})

it('reads the roster versions of a directory', () => {
  const [first, second] = [rosterOf(0), rosterOf(0, 1)]
  const epochs = epochsOf([
    { from: 1, roster: first },
    { from: 7, roster: second },
  ])
  expect(epochs.map(({ from, to, electorate: e }) => [from, to, e.voters.length])).toEqual([
    [1, 7, 1],
    [7, Infinity, 2],
  ])
})
