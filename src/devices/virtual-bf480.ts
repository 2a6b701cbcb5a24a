/**
 * A virtual body scale that sends the memory of a Beurer BF480.
 *
 * @remarks
 * Proven by `tests/devices/beurer-04d9-8010.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes } from '../shared/bytes.ts'
import { BF480, BF480_QUESTION, REPORT_BYTES } from './beurer-04d9-8010.ts'
import { buildVirtual, refuses } from './virtual-build.ts'
import type { VirtualClock, VirtualDevice } from './virtual-device.ts'

/** One weighing. */
export interface VirtualWeighing {
  /** `YYYY-MM-DDTHH:mm:ss`. */
  time: string
  /** Tenths of a kilogram. */
  weight: number
  /** Tenths of a percent: fat, water, muscle; zeros when weighed with shoes on. */
  shares: readonly [number, number, number]
}

/** Options of {@link createVirtualBf480}. */
export interface VirtualBf480Options {
  clock: VirtualClock
  /** Weighings of the users who are set up, oldest first. Asked anew when the device is opened. */
  users: () => readonly (readonly VirtualWeighing[])[]
  /** The scale's clock, `YYYY-MM-DDTHH:mm:ss`. */
  deviceNow: string
}

function clockWords(text: string): { date: number; time: number } {
  const [year = 1920, month = 1, day = 1, hour = 0, minute = 0] = text.split(/\D/).map(Number)
  return { date: ((year - 1920) << 9) | (month << 5) | day, time: (hour << 8) | minute }
}

/** The whole memory. Of more weighings than there are places the oldest have been written over. */
export function encodeBf480Memory(users: readonly (readonly VirtualWeighing[])[], deviceNow: string): Uint8Array {
  const memory = new Uint8Array(BF480.bytes)
  const view = new DataView(memory.buffer)
  users.forEach((weighings, user) => {
    weighings.forEach(({ time: at, weight, shares }, index) => {
      const { date, time } = clockWords(at)
      ;[weight, ...shares, date, time].forEach((word, variable) => {
        const place = (index % BF480.places) * 2
        view.setUint16((user * BF480.variables + variable) * BF480.variableBytes + place, word)
      })
    })
    const count = Math.min(weighings.length, BF480.places)
    memory.set([user + 1, 175, 0x80, 0x21, 0x02, count], BF480.userBlocks + user * BF480.userBlockBytes)
  })
  const { date, time } = clockWords(deviceNow)
  view.setUint16(BF480.date, date)
  view.setUint16(BF480.time, time)
  return memory
}

/** A virtual scale. */
export function createVirtualBf480({ clock, users, deviceNow }: VirtualBf480Options): VirtualDevice {
  const description = { vendorId: 0x04d9, productId: 0x8010, product: 'BF480', manufacturer: 'Beurer' }
  return buildVirtual(description, clock, (device) => {
    const memory = encodeBf480Memory(users(), deviceNow)
    const reports = (report: Uint8Array): Uint8Array[] => {
      if (refuses(device) || !equalBytes(report, BF480_QUESTION)) return []
      return Array.from({ length: BF480.bytes / REPORT_BYTES }, (_, index) =>
        memory.slice(index * REPORT_BYTES, (index + 1) * REPORT_BYTES),
      )
    }
    return { onOutput: reports, onFeature: reports }
  })
}
