import { expect, it } from 'vitest'
import { isSafeQuorum, MAX_SITES, quorumOf, toleratedFaults } from '../../src/ledger/quorum.ts'
import { MAX_APPROVALS } from '../../src/ledger/governance.ts'

const TABLE = [
  [1, 0, 1],
  [2, 0, 2],
  [3, 0, 2],
  [4, 1, 3],
  [5, 1, 4],
  [6, 1, 4],
  [7, 2, 5],
  [8, 2, 6],
  [9, 2, 6],
  [10, 3, 7],
] as const

it.each(TABLE)('%i sites tolerate %i faulty ones with a quorum of %i', (n, f, q) => {
  expect([toleratedFaults(n), quorumOf(n)]).toEqual([f, q])
})

it('is the smallest safe quorum, and can be reached while the tolerated sites are silent', () => {
  for (let n = 1; n <= 500; n++) {
    const [f, q] = [toleratedFaults(n), quorumOf(n)]
    expect(isSafeQuorum(n, q)).toBe(true)
    expect(isSafeQuorum(n, q - 1)).toBe(false)
    expect(q).toBeLessThanOrEqual(n - f)
    // Quorums of n and n + 1 sites share more than f sites: a roster can change one site at a time.
    expect(q + quorumOf(n + 1) - (n + 1)).toBeGreaterThan(f - 1)
  }
})

it('2f + 1 would not be enough for five sites', () => {
  expect(isSafeQuorum(5, 2 * toleratedFaults(5) + 1)).toBe(false)
})

it('all sites of the largest network, one that joins and both keys of a rotation can approve', () => {
  expect(MAX_SITES + 4).toBeLessThanOrEqual(MAX_APPROVALS)
  expect(() => quorumOf(0)).toThrow('bug')
})
