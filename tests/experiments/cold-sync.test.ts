import { expect, it } from 'vitest'
import { coldSync } from './cold-sync.ts'

it('a long log is taken whole, whoever of the two is killed on the way', { timeout: 300_000 }, async () => {
  const { findings } = await coldSync({ entries: 3000, killsOfTaker: 1, killsOfGiver: 1, seed: 7 })
  expect(findings.entries).toBe(3000)
  expect(findings.kills).toHaveLength(2)
  for (const { before, after } of findings.kills) expect(after.stored).toBeGreaterThanOrEqual(before.stored)
  expect(new Set(findings.digests).size).toBe(1)
  expect(findings.complaints).toEqual([])
})
