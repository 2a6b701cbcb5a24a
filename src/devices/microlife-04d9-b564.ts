/**
 * Microlife GlucoTeq, OkMeter: blood glucose meters on a Holtek bridge.
 *
 * @remarks
 * - Source: HealthHID, the only public program. No session has been published.
 * - Reads: the results with time, meal mark and the number that the meter gives them; mg/dL.
 * - Never sends: anything but the one question.
 * - Unknown: the eighth field (kept as `status-…` when it is not empty or zero), marks other than 0, 1 and 2, how a
 *   result off the scale or a test with control solution is told. The answer has no checksum: every line
 *   must fit, and two answers must agree.
 *
 * The meter starts as a serial device and answers only while it shows `USb`; after five minutes it sleeps until it is
 * plugged in again.
 *
 * @packageDocumentation
 */
import { equalBytes, toHex } from '../shared/bytes.ts'
import { agreed, retrying } from './conversation.ts'
import { answersOf, askCounted } from './counted-reports.ts'
import type { DriverContext, MemoryDriver, MemoryReadout } from './driver.ts'
import { DeviceError } from './errors.ts'
import { measured, offScale, ORDINARY, type Measurement } from './measurement.ts'
import { distinctKeys, oldestFirst } from './stored-order.ts'
import { localTime, TIME_INVALID } from './timeline.ts'

/** The question, and what stands around the lines of the answer: SOH `Glucose` CR LF STX, ETX EOT. */
export const GLUCOTEQ = {
  question: Uint8Array.of(0x05),
  head: Uint8Array.of(0x01, ...bytesOf('Glucose\r\n'), 0x02),
  tail: Uint8Array.of(0x03, 0x04),
} as const

/** 1000 results of at most 40 characters. */
const WAIT = { firstMs: 2000, quietMs: 300, limit: 40_000 }
const TRIES = 3

const MEAL: Readonly<Record<string, readonly string[]>> = { '0': [], '1': ['before-meal'], '2': ['after-meal'] }
const OFF_SCALE: Readonly<Record<string, '<' | '>'>> = { LO: '<', HI: '>' }

function bytesOf(text: string): number[] {
  return [...text].map((character) => character.charCodeAt(0))
}

/**
 * The lines of an answer.
 *
 * @param answer - Untrusted.
 * @throws {@link DeviceError} `PROTOCOL` when it is not whole.
 */
export function decodeGlucoTeqAnswer(answer: Uint8Array): string[] {
  const { head, tail } = GLUCOTEQ
  const body = answer.subarray(head.length, -tail.length)
  const isWhole =
    answer.length >= head.length + tail.length &&
    equalBytes(answer.subarray(0, head.length), head) &&
    equalBytes(answer.subarray(-tail.length), tail)
  if (!isWhole) throw new DeviceError('PROTOCOL', `answer of ${answer.length} bytes ${toHex(answer.subarray(0, 12))}`)
  const lines = String.fromCharCode(...body).split('\n')
  if (lines.pop()?.trim() !== '') throw new DeviceError('PROTOCOL', 'the last line is cut off')
  return lines.map((line) => line.trim())
}

/**
 * One line: number, year, month, day, hour, minute, mg/dL, a field without known meaning, meal mark.
 *
 * @param line - Untrusted.
 * @throws {@link DeviceError} `PROTOCOL`.
 */
export function decodeGlucoTeqLine(line: string): Measurement {
  const found = /^(\d{1,4}),(\d{4}),(\d{1,2}),(\d{1,2}),(\d{1,2}),(\d{1,2}),(\d{1,4}|HI|LO),([^,]{0,8}),(\d)$/i.exec(
    line,
  )
  const [, , year = '', month = '', day = '', hour = '', minute = '', value = '', eighth = '', mark = ''] = found ?? []
  if (found === null) throw new DeviceError('PROTOCOL', 'a line that is no result')
  const comparator = OFF_SCALE[value.toUpperCase()]
  const deviceTime = localTime(Number(year), Number(month), Number(day), Number(hour), Number(minute))
  return {
    kind: 'glucose',
    quantities: [
      comparator === undefined
        ? measured('glucose', String(Number(value)), 'mg/dL')
        : offScale('glucose', null, comparator, 'mg/dL'),
    ],
    deviceTime,
    flags: [
      ...(deviceTime === null ? [TIME_INVALID] : []),
      ...(MEAL[mark] ?? [`status-meal-${mark}`]),
      ...(/^0*$/.test(eighth.trim()) ? [] : [`status-field8-${eighth.toLowerCase().replaceAll(/[^0-9a-z]/g, '-')}`]),
    ],
    ...ORDINARY,
    // Without its number: that counts from the newest, and changes with each new result.
    recordKey: line.slice(line.indexOf(',') + 1).toLowerCase(),
    raw: Uint8Array.from(bytesOf(line)),
  }
}

async function ask(context: DriverContext): Promise<Measurement[]> {
  return retrying(context, TRIES, WAIT.quietMs, async () =>
    decodeGlucoTeqAnswer(await askCounted(context, GLUCOTEQ.question, WAIT)).map((line) => decodeGlucoTeqLine(line)),
  )
}

function isSame(a: readonly Measurement[], b: readonly Measurement[]): boolean {
  return a.length === b.length && a.every(({ recordKey }, index) => recordKey === b[index]?.recordKey)
}

/** The driver. There is nothing that ends a session. */
export const glucoTeqMeter: MemoryDriver = {
  async probe(context) {
    try {
      await ask(context)
      return { model: 'GlucoTeq', serial: null }
    } catch (error) {
      const isOther = error instanceof DeviceError && error.code === 'PROTOCOL'
      throw isOther ? new DeviceError('WRONG_MODEL', 'answers otherwise', { cause: error }) : error
    }
  },
  async read(context): Promise<MemoryReadout> {
    const stored = await agreed(TRIES, () => ask(context), isSame)
    context.progress(stored.length, stored.length)
    return { measurements: distinctKeys(oldestFirst(stored, false)), deviceNow: null, complete: true }
  },
}

/**
 * Reports of an answer, one a line.
 *
 * @param lines - Untrusted.
 * @throws {@link DeviceError} `PROTOCOL`.
 */
export function glucoTeqRecords(lines: readonly Uint8Array[]): Measurement[] {
  const answers = answersOf(lines, GLUCOTEQ.head[0] ?? 0).map((answer) => decodeGlucoTeqAnswer(answer).join('\n'))
  // The same answer twice is one that was asked for twice.
  const results = [...new Set(answers)].flatMap((text) => (text === '' ? [] : text.split('\n')).map(decodeGlucoTeqLine))
  return distinctKeys(oldestFirst(results, false))
}
