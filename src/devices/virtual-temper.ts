/**
 * A virtual thermometer that speaks the bytes of the PCsensor TEMPer2, with its wire in a refrigerator.
 *
 * @remarks
 * Proven by `tests/devices/pcsensor-temper.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes } from '../shared/bytes.ts'
import { TEMPER } from './pcsensor-temper.ts'
import { buildVirtual, refuses } from './virtual-build.ts'
import type { VirtualClock, VirtualDevice } from './virtual-device.ts'

/** Options of {@link createVirtualTemper}. */
export interface VirtualTemperOptions {
  clock: VirtualClock
  /** Text of the firmware, at most 16 characters. */
  firmware?: string
  /** Hundredths of a degree of the stick and of the probe at a time of the clock; null without a sensor. */
  hundredths?: (nowMs: number) => readonly [stick: number, probe: number | null]
}

const ABSENT = 0x4e20

/** A room at 21 degrees and a refrigerator at 5, both of which sway a little. */
function roomAndFridge(nowMs: number): [number, number] {
  return [2100 + Math.round(40 * Math.sin(nowMs / 600_000)), 500 + Math.round(120 * Math.sin(nowMs / 240_000))]
}

/** A virtual thermometer. */
export function createVirtualTemper(options: VirtualTemperOptions): VirtualDevice {
  const { clock, firmware = 'TEMPer2_V4.1', hundredths = roomAndFridge } = options
  const description = { vendorId: 0x1a86, productId: 0xe025, product: 'TEMPer2', manufacturer: 'PCsensor' }
  const words = (...values: number[]): Uint8Array =>
    Uint8Array.from(values.flatMap((value) => [(value >> 8) & 0xff, value & 0xff]))
  return buildVirtual({ ...description, usage: { page: 0xff00, id: 1 } }, clock, (device) => ({
    onOutput(report) {
      if (refuses(device)) return []
      if (equalBytes(report, TEMPER.firmware)) {
        const text = (device.faults.wrongModel ? 'RELAY_V1.0' : firmware).padEnd(16)
        const letters = Uint8Array.from(text, (letter) => letter.charCodeAt(0))
        return [letters.slice(0, 8), letters.slice(8, 16)]
      }
      const [stick, probe] = hundredths(clock.nowMs())
      const second = probe === null ? [] : [words(0x8001, probe, ABSENT, 0)]
      return equalBytes(report, TEMPER.read) ? [words(0x8080, stick, ABSENT, 0), ...second] : []
    },
  }))
}
