/**
 * Virtual TaiDoc instruments behind their bridge: any of the models that the driver knows.
 *
 * @remarks
 * Proven by `tests/devices/taidoc-10c4-ea80.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes, fromHex } from '../shared/bytes.ts'
import {
  BRIDGE,
  COMMAND,
  decodeBridgeReport,
  encodeAnswer,
  encodeBridgeReport,
  LISTENING,
  sumOf,
  WEIGHT_REQUEST,
} from './taidoc-packets.ts'
import { buildVirtual, refuses } from './virtual-build.ts'
import type { VirtualClock, VirtualDevice } from './virtual-device.ts'

/** One record as an instrument stores it. */
export interface VirtualTaidocRecord {
  /** `YYYY-MM-DDTHH:mm:00`. */
  time: string
  /** The four bytes of its value. */
  value: readonly number[]
}

/** Options of {@link createVirtualTaidoc}. */
export interface VirtualTaidocOptions {
  clock: VirtualClock
  /** Four digits, such as `4277`. */
  model: string
  /** Oldest first; of an oximeter and of a scale the last one counts. Asked anew when the device is opened. */
  records: () => readonly VirtualTaidocRecord[]
  /** The instrument's clock, `YYYY-MM-DDTHH:mm:00`. */
  deviceNow: string
  /** 16 hex digits. */
  serial?: string
}

const SCALE_BYTES = 32
const PADDED_BYTES = 64

/** A virtual instrument. */
export function createVirtualTaidoc(options: VirtualTaidocOptions): VirtualDevice {
  const description = {
    vendorId: 0x10c4,
    productId: 0xea80,
    product: 'CP2110 HID USB-to-UART Bridge',
    manufacturer: 'Silicon Laboratories',
  }
  return buildVirtual(description, options.clock, (device) => {
    const records = options.records()
    let isOn = false
    return {
      onFeature(report) {
        isOn ||= equalBytes(report, BRIDGE.enable)
        return []
      },
      onOutput(report) {
        if (!isOn) return []
        const request = decodeBridgeReport(report)
        if (refuses(device)) return dressed(encodeAnswer(LISTENING), device)
        const answer = answerTo(request, options, records, device)
        return answer === null ? [] : dressed(answer, device)
      },
    }
  })
}

function answerTo(
  request: Uint8Array,
  { model, deviceNow, serial = '0123456789ABCDEF' }: VirtualTaidocOptions,
  records: readonly VirtualTaidocRecord[],
  device: VirtualDevice,
): Uint8Array | null {
  const [, command = 0, low = 0, high = 0] = request
  const record = records.at(-1 - (low | (high << 8)))
  const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0, sixth = 0, seventh = 0, last = 0] = fromHex(
    serial.toLowerCase(),
  )
  if (equalBytes(request, WEIGHT_REQUEST)) return scaleAnswer(records.at(-1)?.value ?? [0, 0])
  const answers: Readonly<Record<number, readonly number[] | undefined>> = {
    [COMMAND.model]: [...fromHex(device.faults.wrongModel ? '9999' : model)].toReversed(),
    [COMMAND.clock]: encodeTaidocTime(deviceNow),
    [COMMAND.count]: [records.length, records.length >> 8, 0xff, 0xff],
    [COMMAND.recordTime]: record && encodeTaidocTime(record.time),
    [COMMAND.recordValue]: record?.value,
    [COMMAND.oximetry]: records.at(-1)?.value ?? [0, 0, 0, 0],
    [COMMAND.serialHigh]: [fourth, third, second, first],
    [COMMAND.serialLow]: [last, seventh, sixth, fifth],
  }
  const data = answers[command]
  return data === undefined ? null : encodeAnswer(command, ...data)
}

/** The four bytes of a time. */
function encodeTaidocTime(time: string): number[] {
  const [year = 2000, month = 0, day = 0, hour = 0, minute = 0] = time.split(/\D/).map(Number)
  const word = day | (month << 5) | ((year - 2000) << 9)
  return [word & 0xff, word >> 8, minute, hour]
}

function scaleAnswer([high = 0, low = 0]: readonly number[]): Uint8Array {
  const answer = new Uint8Array(SCALE_BYTES)
  answer.set([0x51, 0x71])
  answer.set([high, low], 16)
  answer[SCALE_BYTES - 2] = 0xa5
  answer[SCALE_BYTES - 1] = sumOf(answer.subarray(0, -1))
  return answer
}

/** The reports of an answer, as the faults want them. */
function dressed(answer: Uint8Array, { faults }: VirtualDevice): Uint8Array[] {
  const noise = faults.keepAlives ? [Uint8Array.of(0)] : []
  const pieces = faults.splitFrames ? Array.from(answer, (byte) => Uint8Array.of(byte)) : [answer]
  return [...noise, ...pieces].map((piece) => {
    const report = encodeBridgeReport(piece)
    if (!faults.stalePadding) return report
    const padded = new Uint8Array(PADDED_BYTES).fill(0xa5)
    padded.set(report)
    return padded
  })
}
