/**
 * A virtual blood pressure monitor that speaks the bytes of the Omron HEM-7322U or HEM-7131U.
 *
 * @remarks
 * Its records stand in the memory as in a ring that has been written from the first place on. Proven by
 * `tests/devices/omron-0590-0090.test.ts`.
 *
 * @packageDocumentation
 */
import { concatBytes } from '../shared/bytes.ts'
import { decodeFrame, encodeAnswer, RECORD_BYTES, RECORDS_AT } from './omron-memory.ts'
import { buildVirtual, refuses } from './virtual-build.ts'
import type { VirtualClock, VirtualDevice } from './virtual-device.ts'
import type { VirtualRecord } from './virtual-patient.ts'

/** Options of {@link createVirtualMemoryMonitor}. */
export interface VirtualMemoryMonitorOptions {
  clock: VirtualClock
  /** Readings of user 1 and of user 2, oldest first. Asked anew when the device is opened. */
  users: () => readonly [readonly VirtualRecord[], readonly VirtualRecord[]]
  /** Places for each user: 100 on the HEM-7322U, 60 on the HEM-7131U, which does not answer beyond them. */
  places?: 100 | 60
}

const REPORT_BYTES = 64

/** The 14 bytes of a record. */
export function encodeMemoryRecord({ time, systolic, diastolic, pulse, flags }: VirtualRecord): Uint8Array {
  const [year = 2000, month = 1, day = 1, hour = 0, minute = 0, second = 0] = time.split(/\D/).map(Number)
  const isMoved = (flags & 2) >> 1
  const isIrregular = flags & 1
  const upper = (isMoved << 15) | (isIrregular << 14) | (month << 10) | (day << 5) | hour
  const lower = (minute << 6) | second
  const record = new Uint8Array(RECORD_BYTES)
  record.set([diastolic, systolic - 25, year - 2000, pulse, upper >> 8, upper & 0xff, lower >> 8, lower & 0xff])
  return record
}

/** The memory of both users. Of more records than there are places the oldest have been written over. */
function memoryOf({ users, places = 100 }: VirtualMemoryMonitorOptions): Uint8Array {
  const areas = users().map((records) => {
    const area = new Uint8Array(places * RECORD_BYTES).fill(0xff)
    records.forEach((record, index) => area.set(encodeMemoryRecord(record), (index % places) * RECORD_BYTES))
    return area
  })
  return concatBytes(...areas)
}

/** In a report of 64 bytes; what stands behind the frame is left over, or zero. */
function reportOf(frame: Uint8Array, device: VirtualDevice): Uint8Array[] {
  const report = new Uint8Array(REPORT_BYTES).fill(device.faults.stalePadding ? 0xa5 : 0)
  report.set(frame)
  return [report]
}

/** A virtual monitor. */
export function createVirtualMemoryMonitor(options: VirtualMemoryMonitorOptions): VirtualDevice {
  const description = {
    vendorId: 0x0590,
    productId: 0x0090,
    product: 'OMRON Blood pressure monitor',
    manufacturer: 'OMRON',
    serial: '20180300001V',
  }
  return buildVirtual(description, options.clock, (device) => {
    const memory = memoryOf(options)
    const nothing = new Uint8Array(0)
    return {
      onOutput(report) {
        const { type, address } = decodeFrame(report)
        if (refuses(device)) return []
        if (device.faults.wrongModel) return reportOf(Uint8Array.of(2, 3, 0, 3), device)
        if (type === 0x0000) return reportOf(encodeAnswer('start', 0, new Uint8Array(16)), device)
        if (type !== 0x0100) return reportOf(encodeAnswer('end', 0, nothing), device)
        const at = address - RECORDS_AT
        const size = report[6] ?? 0
        if (at < 0 || at + size > memory.length) return []
        return reportOf(encodeAnswer('read', address, memory.slice(at, at + size)), device)
      },
    }
  })
}
