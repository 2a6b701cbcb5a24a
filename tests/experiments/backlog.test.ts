import { expect, it } from 'vitest'
import { backlog } from './backlog.ts'

it('a site that was away and is killed while it catches up goes on where it was', { timeout: 300_000 }, async () => {
  const { findings } = await backlog({ readings: 400, group: 40 })
  expect(findings.entries).toBeGreaterThan(400)
  expect(findings.heldAfterStart).toBeGreaterThanOrEqual(findings.heldAtKill)
  expect(findings.isComplete).toBe(true)
})
