/**
 * Asking a Contec HID oximeter: its commands, and the answer to one.
 *
 * @remarks
 * Proven by the tests of the driver, `tests/devices/contec-28e9-028a.test.ts`.
 *
 * @packageDocumentation
 */
import { toHex } from '../shared/bytes.ts'
import { MEMORY_ANSWER_BYTES } from './contec-memory.ts'
import { takePacket } from './contec-packets.ts'
import { drain, throwIfAborted, type DeviceIdentity, type DriverContext } from './driver.ts'
import { DeviceError } from './errors.ts'

const ANSWER_MS = 1000

/** Commands, as the vendor's program sends them. */
export const CONTEC = {
  // Two frames of the older serial protocol: stop streaming. The only command without a checksum.
  stopAll: Uint8Array.of(
    0x7d,
    0x81,
    0xa7,
    0x80,
    0x80,
    0x80,
    0x80,
    0x80,
    0x80,
    0x7d,
    0x81,
    0xa2,
    0x80,
    0x80,
    0x80,
    0x80,
    0x80,
    0x80,
  ),
  unknown0: Uint8Array.of(0x82, 0x02),
  unknown1: Uint8Array.of(0x80, 0x00),
  user: Uint8Array.of(0x8e, 0x03, 0x11),
  model: Uint8Array.of(0x81, 0x01),
  startWave: Uint8Array.of(0x9b, 0x00, 0x1b),
  startNumbers: Uint8Array.of(0x9b, 0x01, 0x1c),
  keepAlive: Uint8Array.of(0x9a, 0x1a),
  stop: Uint8Array.of(0x9b, 0x7f, 0x1a),
} as const

/** Length of the answers that begin with this byte, checksum included. */
const ANSWER_BYTES = new Map([
  [0xf0, 2],
  [0xf1, 10],
  [0xf2, 8],
  [0xfe, 10],
  [0xef, MEMORY_ANSWER_BYTES.stored],
  [0xec, MEMORY_ANSWER_BYTES.autoHead],
  [0xd0, MEMORY_ANSWER_BYTES.manualHead],
])

/**
 * Sends a command and waits for the answer that begins with `start`; others, and stream packets, are late and skipped.
 *
 * @returns Null when the device stays silent.
 * @throws {@link DeviceError} `PROTOCOL`, `CHECKSUM`, `UNPLUGGED` or `CANCELLED`.
 */
export async function ask(context: DriverContext, command: Uint8Array, start: number): Promise<Uint8Array | null> {
  throwIfAborted(context)
  await context.transport.write(command)
  for (let i = 0; i < 64; i++) {
    const report = await context.transport.read(ANSWER_MS)
    throwIfAborted(context)
    if (report === null) return null
    if (report[0] === start) return takePacket(report, 0, ANSWER_BYTES.get(start) ?? report.length)
  }
  throw new DeviceError('PROTOCOL', `64 reports, and none answers ${toHex(command)}`)
}

/** Stops what may be streaming and asks for the model. */
export async function identify(context: DriverContext): Promise<DeviceIdentity> {
  await ask(context, CONTEC.stopAll, 0xf0)
  await drain(context.transport, 20, 256)
  const answer = await ask(context, CONTEC.model, 0xf1)
  if (answer === null) throw new DeviceError('SILENT', 'no answer to the model command')
  const model = String.fromCharCode(...answer.subarray(1, -1)).trim()
  if (!/^[ -~]+$/.test(model)) throw new DeviceError('WRONG_MODEL', `model ${toHex(answer)}`)
  return { model, serial: null }
}
