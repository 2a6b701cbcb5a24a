/**
 * Streams a virtual oximeter through the hub for hours of its own time, as fast as this machine can, and prints what
 * each hour has cost. A process of its own, so that the memory is the stream's. Needs --expose-gc.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { createHub } from '../../src/main/devices/hub.ts'
import { virtualSource } from '../../src/main/devices/made-up-sources.ts'
import { createVirtualOximeter } from '../../src/devices/virtual-contec.ts'

/** What one hour has cost. */
export interface StreamHour {
  measurements: number
  points: number
  cpuMs: number
  /** In use at the end of the hour, garbage collected. */
  heapBytes: number
}

const HOUR_MS = 3_600_000
const LONGEST_TIMER_MS = 2 ** 31 - 1
/** Others get their turn this often. */
const SLEEPS_A_TURN = 50

function ownTime(): { nowMs(): number; sleep(durationMs: number): Promise<void> } {
  let now = 0
  let sleeps = 0
  return {
    nowMs: () => now,
    async sleep(durationMs) {
      now += durationMs
      sleeps += 1
      if (sleeps % SLEEPS_A_TURN === 0) await turn()
    },
  }
}

async function streamHours(count: number): Promise<StreamHour[]> {
  const clock = ownTime()
  const source = virtualSource([createVirtualOximeter({ clock, seed: 5, fingerMs: [0, Infinity] })])
  const nowMs = (): number => clock.nowMs()
  // No polls: one that comes late by the device's time is taken for the end of a sleep.
  const hub = createHub({ sources: [source], nowMs, monotonicMs: nowMs, pollMs: LONGEST_TIMER_MS })
  await hub.start()
  const [device] = hub.devices()
  const hours: StreamHour[] = []
  let hour = { measurements: 0, points: 0 }
  let cpu = process.cpuUsage()
  for await (const sample of hub.live(device?.connectionId ?? '', { signal: { aborted: false } })) {
    hour.points += sample.wave.length
    hour.measurements += Number(sample.measured)
    if (sample.atMs < (hours.length + 1) * HOUR_MS) continue
    const used = process.cpuUsage(cpu)
    globalThis.gc?.()
    hours.push({ ...hour, cpuMs: (used.user + used.system) / 1000, heapBytes: process.memoryUsage().heapUsed })
    hour = { measurements: 0, points: 0 }
    cpu = process.cpuUsage()
    if (hours.length >= count) break
  }
  await hub.close()
  return hours
}

process.stdout.write(`${JSON.stringify(await streamHours(Number(process.argv[2])))}\n`)
