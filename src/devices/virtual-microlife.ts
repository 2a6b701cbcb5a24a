/**
 * Virtual Microlife devices: a blood pressure monitor and a glucose meter, both on bridges with counted reports.
 *
 * @remarks
 * Proven by `tests/devices/microlife-04b4-5500.test.ts` and `tests/devices/microlife-04d9-b564.test.ts`.
 *
 * @packageDocumentation
 */
import { concatBytes, equalBytes } from '../shared/bytes.ts'
import { COUNTED_BYTES, decodeCounted } from './counted-reports.ts'
import { encodeMicrolifeAnswer, MICROLIFE } from './microlife-04b4-5500.ts'
import { GLUCOTEQ } from './microlife-04d9-b564.ts'
import { buildVirtual, refuses } from './virtual-build.ts'
import type { VirtualClock, VirtualDevice } from './virtual-device.ts'
import type { VirtualRecord } from './virtual-patient.ts'

/** Options of {@link createVirtualMicrolife}. */
export interface VirtualMicrolifeOptions {
  clock: VirtualClock
  /** Readings of the user whose memory is switched on, oldest first. Asked anew when the device is opened. */
  records: () => readonly VirtualRecord[]
  /** The monitor's clock, `YYYY-MM-DDTHH:mm:ss`. */
  deviceNow: string
  /** Number of the user; left out by a model that does not tell. */
  slot?: number
}

/** The reports of an answer, as the faults want them. */
function counted(message: Uint8Array, { faults }: VirtualDevice): Uint8Array[] {
  const size = faults.splitFrames ? 2 : COUNTED_BYTES - 1
  return Array.from({ length: Math.ceil(message.length / size) }, (_, index) => {
    const chunk = message.subarray(index * size, (index + 1) * size)
    const report = new Uint8Array(COUNTED_BYTES).fill(faults.stalePadding ? 0xa5 : 0)
    report[0] = chunk.length
    report.set(chunk, 1)
    return report
  })
}

/** The 32 digits of a record. */
export function encodeMicrolifeRecord({ time, systolic, diastolic, pulse }: VirtualRecord): string {
  const word = (systolic | (diastolic << 10) | (pulse << 20)) >>> 0
  const digits = time.replaceAll(/\D/g, '').slice(2, 12)
  return `${digits}000000${word.toString(16).toUpperCase().padStart(8, '0')}00000000`
}

/** A virtual monitor. */
export function createVirtualMicrolife(options: VirtualMicrolifeOptions): VirtualDevice {
  const description = { vendorId: 0x04b4, productId: 0x5500, product: 'USB to Serial', manufacturer: 'Cypress Semi.' }
  return buildVirtual(description, options.clock, (device) => {
    const records = options.records().map((record) => encodeMicrolifeRecord(record))
    const count = records.length.toString(16).toUpperCase().padStart(4, '0')
    const [, year = '', month = '', day = '', rest = ''] =
      /^(\d{4})(\d\d)(\d\d)(\d{6})$/.exec(options.deviceNow.replaceAll(/\D/g, '')) ?? []
    const answerOf = (question: Uint8Array): string | null => {
      if (equalBytes(question, MICROLIFE.clock)) return `${month}${day}${year}${rest}`
      if (equalBytes(question, MICROLIFE.slots)) return options.slot === undefined ? null : `00002${options.slot}`
      return equalBytes(question, MICROLIFE.readings) ? `${count}0100${'0'.repeat(24)}${records.join('')}` : null
    }
    return {
      onOutput(report) {
        if (refuses(device)) return counted(Uint8Array.of(0x15), device)
        if (device.faults.wrongModel) return counted(Uint8Array.of(0x28, 0x32, 0x33, 0x30, 0x0d), device)
        const text = answerOf(decodeCounted(report))
        return text === null ? [] : counted(encodeMicrolifeAnswer(text), device)
      },
    }
  })
}

/** One result of a virtual meter. */
export interface VirtualResult {
  /** `YYYY-MM-DDTHH:mm:ss`. */
  time: string
  mgdl: number
  /** 0 none, 1 before a meal, 2 after it. */
  meal: number
}

/** Options of {@link createVirtualGlucoTeq}. */
export interface VirtualGlucoTeqOptions {
  clock: VirtualClock
  /** Results, newest first. Asked anew when the device is opened. */
  results: () => readonly VirtualResult[]
}

/** A virtual glucose meter. */
export function createVirtualGlucoTeq({ clock, results }: VirtualGlucoTeqOptions): VirtualDevice {
  const description = { vendorId: 0x04d9, productId: 0xb564, product: 'USB-UART', manufacturer: 'Holtek' }
  return buildVirtual(description, clock, (device) => {
    const lines = results().map(({ time, mgdl, meal }, index) =>
      [index + 1, ...time.split(/[-T:]/).slice(0, 5), mgdl, 0, meal].join(','),
    )
    const letters = Uint8Array.from(lines.map((line) => `${line}\r\n`).join(''), (letter) => letter.charCodeAt(0))
    return {
      onOutput(report) {
        if (refuses(device) || !equalBytes(decodeCounted(report), GLUCOTEQ.question)) return []
        if (device.faults.wrongModel) return counted(Uint8Array.of(0x4f, 0x4b), device)
        return counted(concatBytes(GLUCOTEQ.head, letters, GLUCOTEQ.tail), device)
      },
    }
  })
}
