/**
 * Microlife blood pressure monitors with USB: BP A6 PC, BP 3AC1-1 PC and others that speak as the BPA-100 does.
 *
 * @remarks
 * - Source: joergmlpts/blood-pressure-monitor and HealthHID, which agree on what is read here. No session has been
 *   published.
 * - Reads: the readings of the user whose memory is switched on, pressures and pulse, minutes and no seconds; the
 *   monitor's clock; which user's memory it is.
 *   They are asked for twice, because their checksum is a sum.
 * - Never sends: the commands that set the clock and the patient's id (the second one can clear the memory), though
 *   both sources do so.
 * - Unknown: 14 digits of each record and two bits beside its values (kept as `status-0x…` when they are not zero).
 *   The patient's id that the monitor stores is not kept.
 *
 * The ids belong to a bridge that is sold to others too, power supplies among them: the clock's answer must fit.
 *
 * @packageDocumentation
 */
import { toHex } from '../shared/bytes.ts'
import { agreed, isMendable, retrying } from './conversation.ts'
import { answersOf, askCounted } from './counted-reports.ts'
import type { DriverContext, MemoryDriver, MemoryReadout } from './driver.ts'
import { DeviceError } from './errors.ts'
import type { Measurement } from './measurement.ts'
import { pressureOf } from './pressure.ts'
import { distinctKeys, inOneTimeline, oldestFirst } from './stored-order.ts'
import { localTime } from './timeline.ts'

const PREFIX = [0x12, 0x16, 0x18] as const
/** The questions. */
export const MICROLIFE = {
  readings: Uint8Array.of(...PREFIX, 0x22),
  clock: Uint8Array.of(...PREFIX, 0x26),
  slots: Uint8Array.of(...PREFIX, 0x28),
} as const

const ACKNOWLEDGED = 0x06
/** 1000 readings, far more than any model stores. */
const WAIT = { firstMs: 1000, quietMs: 100, limit: 33_000 }
const TRIES = 5

/** Characters before the first record, and of a record. */
const HEAD = 32
const RECORD = 32

/**
 * The text of an answer.
 *
 * @param answer - `06`, the text, two hex digits: the sum of the text's bytes modulo 256. Untrusted.
 * @throws {@link DeviceError} `PROTOCOL` when it is none, `CHECKSUM`.
 */
export function decodeMicrolifeAnswer(answer: Uint8Array): string {
  const body = answer.subarray(1, -2)
  const text = String.fromCharCode(...body)
  const checksum = String.fromCharCode(...answer.subarray(-2))
  if (answer[0] !== ACKNOWLEDGED || answer.length < 4 || !/^[0-9A-F]{2}$/.test(checksum)) {
    throw new DeviceError('PROTOCOL', `answer of ${answer.length} bytes: ${toHex(answer.subarray(0, 8))}`)
  }
  if (sumOf(body) !== Number.parseInt(checksum, 16)) throw new DeviceError('CHECKSUM', `checksum ${checksum}`)
  if (!/^[0-9A-Fa-f]*$/.test(text)) throw new DeviceError('PROTOCOL', 'text is not hex')
  return text.toUpperCase()
}

const sumOf = (bytes: Uint8Array): number => bytes.reduce((sum, byte) => sum + byte, 0) & 0xff

/** An answer around `text`: for virtual devices and tests. */
export function encodeMicrolifeAnswer(text: string): Uint8Array {
  const body = Uint8Array.from(text, (character) => character.charCodeAt(0))
  const checksum = sumOf(body).toString(16).toUpperCase().padStart(2, '0')
  return Uint8Array.of(ACKNOWLEDGED, ...body, checksum.charCodeAt(0), checksum.charCodeAt(1))
}

/** What the clock shows (`MMDDYYYYHHMMSS`), null when that is no time. */
export function decodeMicrolifeClock(text: string): string | null {
  const [, month, day, year, hour, minute, second] = /^(\d\d)(\d\d)(\d{4})(\d\d)(\d\d)(\d\d)/.exec(text) ?? []
  return localTime(Number(year), Number(month), Number(day), Number(hour), Number(minute), Number(second))
}

/**
 * The records of an answer, as stored.
 *
 * @param text - Four hex digits of their number, the rest of the head, 32 digits each. Untrusted.
 * @param userSlot - Whose memory it is; null when the monitor does not tell.
 * @throws {@link DeviceError} `PROTOCOL` when there are fewer digits than that.
 */
export function decodeMicrolifeReadings(text: string, userSlot: string | null): Measurement[] {
  const count = Number.parseInt(text.slice(0, 4), 16)
  if (text.length < HEAD + count * RECORD || Number.isNaN(count)) {
    throw new DeviceError('PROTOCOL', `${text.length} digits for ${count} records`)
  }
  return Array.from({ length: count }, (_, index) =>
    decodeRecord(text.slice(HEAD + index * RECORD, HEAD + (index + 1) * RECORD), userSlot),
  )
}

function decodeRecord(digits: string, userSlot: string | null): Measurement {
  const word = Number.parseInt(digits.slice(16, 24), 16)
  const [year, month, day, hour, minute] = (digits.slice(0, 10).match(/../g) ?? []).map((pair) =>
    /^\d\d$/.test(pair) ? Number(pair) : Number.NaN,
  )
  const unknown = digits.slice(10, 16) + digits.slice(24)
  const top = word >>> 30
  return pressureOf({
    systolic: String(word & 0x3ff),
    diastolic: String((word >>> 10) & 0x3ff),
    pulse: String((word >>> 20) & 0x3ff),
    deviceTime: localTime(2000 + (year ?? Number.NaN), month ?? 0, day ?? 0, hour ?? 0, minute ?? 0),
    flags: top === 0 && /^0*$/.test(unknown) ? [] : [`status-0x${top}${unknown.toLowerCase()}`],
    userSlot,
    recordKey: digits.toLowerCase(),
    raw: Uint8Array.from(digits, (character) => character.charCodeAt(0)),
  })
}

/** Asks until there is an answer that `decode` understands. */
async function ask<Value>(
  context: DriverContext,
  question: Uint8Array,
  decode: (text: string) => Value,
  tries = TRIES,
): Promise<Value> {
  return retrying(context, tries, WAIT.quietMs, async () =>
    decode(decodeMicrolifeAnswer(await askCounted(context, question, WAIT))),
  )
}

/** Whose memory is switched on: not all models tell. */
async function currentSlot(context: DriverContext): Promise<string | null> {
  try {
    return await ask(context, MICROLIFE.slots, (text) => /^.{5}([1-9])/.exec(text)?.[1] ?? null, 2)
  } catch (error) {
    if (error instanceof DeviceError && isMendable(error)) return null
    throw error
  }
}

function mustBeReadings(text: string): string {
  decodeMicrolifeReadings(text, null)
  return text
}

function mustBeClock(text: string): string {
  if (text.length < 14) throw new DeviceError('PROTOCOL', `clock of ${text.length} digits`)
  return text
}

/** The driver. There is nothing that ends a session. */
export const microlifeMonitor: MemoryDriver = {
  async probe(context) {
    try {
      await ask(context, MICROLIFE.clock, mustBeClock)
      return { model: 'Microlife BP', serial: null }
    } catch (error) {
      const isOther = error instanceof DeviceError && error.code === 'PROTOCOL'
      throw isOther ? new DeviceError('WRONG_MODEL', 'answers otherwise', { cause: error }) : error
    }
  },
  async read(context): Promise<MemoryReadout> {
    const deviceNow = await ask(context, MICROLIFE.clock, (text) => decodeMicrolifeClock(mustBeClock(text)))
    const slot = await currentSlot(context)
    const text = await agreed(
      TRIES,
      () => ask(context, MICROLIFE.readings, mustBeReadings),
      (a, b) => a === b,
    )
    const stored = decodeMicrolifeReadings(text, slot)
    context.progress(stored.length, stored.length)
    const measurements = distinctKeys(inOneTimeline(oldestFirst(stored, false), deviceNow))
    return { measurements, deviceNow, complete: true }
  },
}

/**
 * Reports as published, one a line: of one answer or of several.
 *
 * @param lines - Untrusted.
 * @throws {@link DeviceError} `PROTOCOL`, `CHECKSUM`.
 */
export function microlifeRecords(lines: readonly Uint8Array[]): Measurement[] {
  // No text holds this byte: an answer begins with it. The same answer twice is one that was asked for twice.
  const texts = new Set(answersOf(lines, ACKNOWLEDGED).map((answer) => decodeMicrolifeAnswer(answer)))
  // Shorter ones are the clock's and the like.
  return distinctKeys(
    [...texts].filter((text) => text.length >= HEAD).flatMap((text) => decodeMicrolifeReadings(text, null)),
  )
}
