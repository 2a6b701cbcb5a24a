/**
 * A virtual blood pressure monitor that speaks the bytes of the Contec08A.
 *
 * @remarks
 * How the real one sends what the published records do not hold is not known; this one sends seven bits and the
 * mark, as they suggest. Proven by `tests/devices/contec08a-0483-5750.test.ts`.
 *
 * @packageDocumentation
 */
import { REPORT_BYTES } from './contec08a-0483-5750.ts'
import { buildVirtual, refuses } from './virtual-build.ts'
import type { VirtualClock, VirtualDevice } from './virtual-device.ts'
import type { VirtualRecord } from './virtual-patient.ts'

/** Options of {@link createVirtualContec08a}. */
export interface VirtualContec08aOptions {
  clock: VirtualClock
  /** Readings of the users 1, 2 and 3, oldest first. Asked anew when the device is opened. */
  users: () => readonly (readonly VirtualRecord[])[]
}

/** The record of a reading, whose mean pressure is taken two fifths of the way from the lower to the upper. */
export function encodeContec08aRecord({ time, systolic, diastolic, pulse }: VirtualRecord): Uint8Array {
  const [year = 2000, month = 1, day = 1, hour = 0, minute = 0] = time.split(/\D/).map(Number)
  const mean = diastolic + Math.round((systolic - diastolic) * 0.4)
  const fields = [systolic, diastolic, pulse, mean, year - 2000, month, 0, day, hour, minute, 0, 0x11]
  return Uint8Array.of(0x82, 0x80, ...fields.map((field) => (field & 0x7f) | 0x80))
}

/** A virtual monitor. */
export function createVirtualContec08a({ clock, users }: VirtualContec08aOptions): VirtualDevice {
  const description = { vendorId: 0x0483, productId: 0x5750, product: 'Contec08A', manufacturer: 'CONTEC' }
  return buildVirtual(description, clock, (device) => {
    const banks = users()
    const whole = (...bytes: number[]): Uint8Array => {
      const report = new Uint8Array(REPORT_BYTES).fill(device.faults.stalePadding ? 0xa5 : 0)
      report.set(bytes)
      return report
    }
    const download = (user: number): Uint8Array[] => {
      if (refuses(device)) return [whole(0x4a, 0x43, 0x00, 0, 0)]
      const records = banks[user - 1] ?? []
      const head = whole(
        ...[0x46, 0x41, 0x80, 0x80, 0x80 | records.length, 0x82, 0x80],
        ...[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80 | user],
      )
      return [whole(0x4a, 0x43, 0x01, 0, 0), head, ...records.map((record) => whole(...encodeContec08aRecord(record)))]
    }
    return {
      onOutput(report) {
        if (report[0] === 0x43) return download((report[3] ?? 0) - 3)
        if (report[0] === 0x42 && !device.faults.wrongModel) return [whole(0x48, 0x41, 0x02, 0x13, 0x01, 0x02)]
        return [whole(report[0] ?? 0, 0x8f)]
      },
    }
  })
}
