/**
 * PCsensor TEMPer, TEMPer2, TEMPerGold, TEMPerHUM, TEMPerF1: thermometers on a USB stick, some with a second probe on
 * a wire or with a hygrometer. For rooms and refrigerators: never for a patient.
 *
 * @remarks
 * - Source: urwen/temper and ccwienk/temper with the issues of both: nine replies of eight models.
 * - Reads: the temperature of the stick, of the probe, and the humidity where there is one.
 * - Never sends: anything but the two questions.
 * - Unknown: the first two bytes of a reply, but for `80 02` of the TEMPerF1, which counts in 256ths of a degree.
 *   A stick warms itself by some degrees; what to subtract depends on where it hangs, and nothing is subtracted.
 *   Firmware that is not in the list is refused, because its scale is not known.
 *
 * @packageDocumentation
 */
import { concatBytes, toHex } from '../shared/bytes.ts'
import { drain, throwIfAborted, type DeviceIdentity, type Driver, type DriverContext } from './driver.ts'
import { DeviceError } from './errors.ts'
import { forgetLateAnswers, nextReport, retrying } from './conversation.ts'
import { measured, ORDINARY, type Measurement } from './measurement.ts'

export const REPORT_BYTES = 8

/** The two questions. */
export const TEMPER = {
  firmware: Uint8Array.of(0x01, 0x86, 0xff, 0x01, 0, 0, 0, 0),
  read: Uint8Array.of(0x01, 0x80, 0x33, 0x01, 0, 0, 0, 0),
} as const

const REPLY_MS = 1000
/** The second report of an answer follows within this. */
const REST_MS = 100
const TRIES = 3
/** The temperature of a room does not change faster. */
const EVERY_MS = 10_000
/** 200.00 °C stands for "no sensor". */
const ABSENT = 0x4e20
/** Colder or warmer than the sensors measure: the wire is broken, or these are no temperatures. */
const RANGE_C = [-55, 125] as const

/** One reading of one sensor. */
export interface TemperReading {
  sensor: 'stick' | 'probe'
  celsius: string
  /** Percent, null without a hygrometer. */
  humidity: string | null
  raw: Uint8Array
}

/** How a firmware counts, by its text; null when it is not known. */
export function divisorOf(firmware: string): 100 | 256 | null {
  if (/^TEMPer1?F1\.|^TEMPer1F_V1\./.test(firmware)) return 256
  return /^TEMPer(?:Gold|2|HUM|X)?_V[34]\./.test(firmware) ? 100 : null
}

/**
 * An answer to the question for a reading.
 *
 * @param reply - Its one or two reports. Untrusted.
 * @param divisor - Of the firmware; null when a reply is all there is, which then has to tell.
 * @throws {@link DeviceError} `PROTOCOL`.
 */
export function decodeTemperReply(reply: Uint8Array, divisor: 100 | 256 | null): TemperReading[] {
  if (reply.length !== REPORT_BYTES && reply.length !== 2 * REPORT_BYTES) {
    throw new DeviceError('PROTOCOL', `reply of ${reply.length} bytes`)
  }
  const isF1 = reply[1] === 0x02
  if ((divisor === 256) !== isF1 && divisor !== null) throw new DeviceError('PROTOCOL', `reply ${toHex(reply)}`)
  const readings = [readingOf(reply.slice(0, REPORT_BYTES), reply[1] === 0x01 ? 'probe' : 'stick', isF1)]
  // Behind the only report of a TEMPerF1 stands what is left of its name.
  if (!isF1) readings.push(readingOf(reply.slice(REPORT_BYTES), 'probe', false))
  const present = readings.filter((reading) => reading !== null)
  if (present.length === 0) throw new DeviceError('PROTOCOL', `no sensor in ${toHex(reply)}`)
  return present
}

function readingOf(raw: Uint8Array, sensor: 'stick' | 'probe', isF1: boolean): TemperReading | null {
  if (raw.length === 0) return null
  if (raw[0] !== 0x80) throw new DeviceError('PROTOCOL', `reply ${toHex(raw)}`)
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength)
  const counted = view.getInt16(2)
  if (counted === ABSENT && !isF1) return null
  const celsius = isF1 ? counted / 256 : counted / 100
  if (celsius < RANGE_C[0] || celsius > RANGE_C[1]) throw new DeviceError('PROTOCOL', `temperature ${celsius}`)
  const humidity = isF1 ? ABSENT : view.getUint16(4)
  return {
    sensor,
    // The sensor resolves sixteenths, which end within four digits.
    celsius: isF1 ? String(Number(celsius.toFixed(4))) : celsius.toFixed(2),
    humidity: humidity === ABSENT || humidity > 10_000 ? null : (humidity / 100).toFixed(2),
    raw,
  }
}

/** Sends a question and puts together the reports of its answer: two, or one. */
async function ask(context: DriverContext, question: Uint8Array): Promise<Uint8Array> {
  await forgetLateAnswers(context)
  await context.transport.write(question)
  const first = await nextReport(context, REPLY_MS, toHex(question))
  const second = await context.transport.read(REST_MS)
  return concatBytes(first, second ?? new Uint8Array(0))
}

async function identify(context: DriverContext): Promise<DeviceIdentity & { divisor: 100 | 256 }> {
  const reply = await retrying(context, TRIES, REST_MS, () => ask(context, TEMPER.firmware))
  const model = String.fromCharCode(...reply)
    .replaceAll(/[^ -~]/g, '')
    .trim()
  const divisor = divisorOf(model)
  if (divisor === null) throw new DeviceError('WRONG_MODEL', `firmware ${toHex(reply)}`)
  return { model, serial: null, divisor }
}

/**
 * The measurement of a reading.
 *
 * @param recordKey - Names it: sticks keep nothing, so that no reading can come twice.
 */
export function roomTemperatureOf({ sensor, celsius, humidity, raw }: TemperReading, recordKey: string): Measurement {
  return {
    kind: 'environment',
    quantities: [measured('room-temperature', celsius), ...(humidity === null ? [] : [measured('humidity', humidity)])],
    deviceTime: null,
    flags: sensor === 'probe' ? ['probe'] : [],
    ...ORDINARY,
    purpose: 'room',
    recordKey,
    raw,
  }
}

/** Waits, looking at the signal meanwhile. What comes unasked is dropped. */
async function pause(context: DriverContext, durationMs: number): Promise<void> {
  const untilMs = context.nowMs() + durationMs
  while (context.nowMs() < untilMs) {
    throwIfAborted(context)
    await drain(context.transport, Math.max(1, Math.min(250, untilMs - context.nowMs())), 1)
  }
}

async function* readings(context: DriverContext): AsyncGenerator<Measurement, void, undefined> {
  const { divisor } = await identify(context)
  for (;;) {
    const readings = await retrying(context, TRIES, REST_MS, async () =>
      decodeTemperReply(await ask(context, TEMPER.read), divisor),
    )
    for (const reading of readings) {
      yield roomTemperatureOf(reading, `${context.nowMs()}:${reading.sensor}:${toHex(reading.raw)}`)
    }
    await pause(context, EVERY_MS)
  }
}

/** The driver. */
export const temperStick: Driver = {
  async probe(context) {
    const { model, serial } = await identify(context)
    return { model, serial }
  },
  async *spot(context) {
    try {
      yield* readings(context)
    } catch (error) {
      if (!(error instanceof DeviceError) || error.code !== 'CANCELLED') throw error
    }
  },
}

/**
 * Replies as published, one a line: a second sensor may stand in the same line, or in one of its own. What the
 * firmware said of itself may stand between them.
 *
 * @param lines - Untrusted.
 * @throws {@link DeviceError} `PROTOCOL`.
 */
export function temperRecords(lines: readonly Uint8Array[]): Measurement[] {
  const replies = lines.filter((line) => !line.every((byte) => byte >= 0x20 && byte < 0x7f))
  return replies.flatMap((reply, index) =>
    decodeTemperReply(reply, null).map((reading) =>
      roomTemperatureOf(reading, `${index}:${reading.sensor}:${toHex(reading.raw)}`),
    ),
  )
}
