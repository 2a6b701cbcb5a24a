import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { inProject, pinnedNode } from '../../scripts/lib/project.mjs'
import type { StreamHour } from './stream-hours.ts'

const HOURS = 8
const LIMIT_MS = 120_000
/** What an hour may leave behind: a hundredth of what it carries. */
const HEAP_SWAY_BYTES = 512 * 1024

it(
  'a stream of eight hours loses nothing, and its last hour needs what its second needed',
  async () => {
    const args = ['--expose-gc', inProject('tests', 'rig', 'stream-hours.ts'), `${HOURS}`]
    const { stdout } = await promisify(execFile)(pinnedNode(), args, { timeout: LIMIT_MS })
    const hours = JSON.parse(stdout) as StreamHour[]
    expect(hours).toHaveLength(HOURS)
    // Three packets in each of twenty reports a second, one of them with the numbers.
    for (const { measurements, points } of hours.slice(1)) expect([measurements, points]).toEqual([3600, 3600 * 59])
    const [, second] = hours
    const last = hours.at(-1)
    expect(Math.abs(last!.heapBytes - second!.heapBytes)).toBeLessThan(HEAP_SWAY_BYTES)
    // Twice is what a busy machine makes of the same work.
    expect(last!.cpuMs).toBeLessThan(2 * second!.cpuMs)
  },
  LIMIT_MS,
)
