/**
 * A virtual blood pressure monitor that speaks the bytes of the Beurer BM58.
 *
 * @remarks
 * Proven by `tests/devices/beurer-0c45-7406.test.ts`.
 *
 * @packageDocumentation
 */
import { BEURER, REPORT_BYTES } from './beurer-0c45-7406.ts'
import { buildVirtual, refuses } from './virtual-build.ts'
import type { VirtualClock, VirtualDevice } from './virtual-device.ts'
import type { VirtualRecord } from './virtual-patient.ts'

/** Options of {@link createVirtualBeurer}. */
export interface VirtualBeurerOptions {
  clock: VirtualClock
  /** Readings of user A and of user B, oldest first. Asked anew when the device is opened. */
  users: () => readonly [readonly VirtualRecord[], readonly VirtualRecord[]]
}

const TEXT = 'Andon Blood Pressure Meter KD001'

/** The 8 bytes of a record. */
export function encodeBeurerRecord(
  { time, systolic, diastolic, pulse, flags }: VirtualRecord,
  user: 0 | 1,
): Uint8Array {
  const [year = 2000, month = 1, day = 1, hour = 0, minute = 0] = time.split(/\D/).map(Number)
  return Uint8Array.of(
    systolic - 25,
    diastolic - 25,
    pulse,
    month | ((flags & 2) << 6),
    day | (user << 7),
    hour,
    minute,
    (year - 2000) | ((flags & 1) << 7),
  )
}

/** A virtual monitor. */
export function createVirtualBeurer({ clock, users }: VirtualBeurerOptions): VirtualDevice {
  const description = { vendorId: 0x0c45, productId: 0x7406, product: 'USB-HID', manufacturer: 'Beurer' }
  return buildVirtual(description, clock, (device) => {
    const [first, second] = users()
    const records = [
      ...first.map((record) => encodeBeurerRecord(record, 0)),
      ...second.map((record) => encodeBeurerRecord(record, 1)),
    ]
    const filled = (...bytes: number[]): Uint8Array[] => {
      const report = new Uint8Array(REPORT_BYTES).fill(device.faults.stalePadding ? 0x5a : 0xf4)
      report.set(bytes)
      return [report]
    }
    return {
      onOutput([command = 0, argument = 0]) {
        if (refuses(device)) return []
        if (command === BEURER.hello) return filled(device.faults.wrongModel ? 0x42 : 0x55)
        const part = (BEURER.text as readonly number[]).indexOf(command)
        if (part >= 0) return filled(...[...TEXT.slice(part * 8, part * 8 + 8)].map((letter) => letter.charCodeAt(0)))
        if (command === BEURER.count) return filled(records.length)
        const record = records[argument - 1]
        if (command === BEURER.record) return record === undefined ? filled(0xa9) : [record]
        return []
      },
    }
  })
}
