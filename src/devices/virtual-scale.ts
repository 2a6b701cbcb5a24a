/**
 * A virtual scale of the HID weighing class, on which things are put and taken off.
 *
 * @remarks
 * Proven by `tests/devices/hid-weighing-8d.test.ts`.
 *
 * @packageDocumentation
 */
import { buildVirtual } from './virtual-build.ts'
import type { VirtualClock, VirtualDevice } from './virtual-device.ts'

/** A scale, and what it shows. */
export interface VirtualScale {
  device: VirtualDevice
  /** What happens on it, from now on: each step lasts for some reports, the last one for ever. */
  play(steps: readonly ScaleStep[]): void
}

/** What a scale shows for a while. */
export interface ScaleStep {
  /** Number of the status: 2 stable at zero, 3 in motion, 4 stable, 5 under zero. */
  status: number
  /** Digits without point and sign. */
  digits: number
  /** How many reports long. */
  reports: number
}

/** Reports come this far apart. */
const EVERY_MS = 100

/** Options of {@link createVirtualScale}. */
export interface VirtualScaleOptions {
  clock: VirtualClock
  /** Number of the unit in the HID usage tables; 3 is kg. */
  unit?: number
  /** Power of ten of the last digit. */
  exponent?: number
  steps?: readonly ScaleStep[]
}

/** A virtual scale. */
export function createVirtualScale({ clock, unit = 3, exponent = -2, steps = [] }: VirtualScaleOptions): VirtualScale {
  const script = { steps: [...steps], reportsDone: 0 }
  const step = (): ScaleStep => {
    const [now, next] = script.steps
    if (now === undefined) return { status: 2, digits: 0, reports: 1 }
    if (next !== undefined && script.reportsDone >= now.reports) {
      script.steps.shift()
      script.reportsDone = 0
      return step()
    }
    script.reportsDone += 1
    return now
  }
  const description = {
    ...{ vendorId: 0x0eb8, productId: 0xf000, product: 'PS60', manufacturer: 'Mettler Toledo' },
    usage: { page: 0x8d, id: 0x20 },
  }
  const device = buildVirtual(description, clock, ({ faults }) => {
    let dueMs = clock.nowMs()
    let isStatusNext = false
    return {
      onOutput: () => [],
      nextAtMs: () => dueMs,
      produce() {
        dueMs += EVERY_MS
        isStatusNext = faults.keepAlives && !isStatusNext
        if (isStatusNext) return Uint8Array.of(4, 4)
        const { status, digits } = step()
        return Uint8Array.of(3, status, unit, exponent & 0xff, digits & 0xff, digits >> 8)
      },
    }
  })
  return {
    device,
    play(more) {
      script.steps = [...more]
      script.reportsDone = 0
    },
  }
}
