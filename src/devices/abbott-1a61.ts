/**
 * Abbott FreeStyle Precision Neo / Optium Neo / Neo H, and FreeStyle InsuLinx: glucose and ketone meters.
 *
 * @remarks
 * - Source: glucometers-tech/glucometer-protocols (reverse engineered), tidepool-org/uploader; a complete session of
 *   the vendor's program with an InsuLinx (xclaesse/OpenGlucose) and the vendor's own export of its 237 records; the
 *   Neo's ketone and clock records as published in an issue of glucometerutils, its glucose record from descriptions.
 * - Reads: glucose and ketone, control solution, HI and LO, meal mark, clock changes; serial number; the clock.
 * - Never sends: date, time, clock format, anything that sets. Does not ask for the patient's name and id, which are in
 *   the meter, nor for settings.
 * - Unknown: most fields of a record (kept as `status-f…`), what the meal marks mean, which record of an InsuLinx is a
 *   control test. Records of other types (statistics, insulin) are left out. Libre readers: `abbott-libre.ts`.
 *   Libre 2 encrypts and is not supported.
 *
 * @packageDocumentation
 */
import {
  decodeFrame,
  decodeList,
  decodeTextReply,
  FRAME,
  FREESTYLE_REPORT_BYTES,
  fromLatin1,
  isList,
  isWholeReply,
} from './abbott-frames.ts'
import { askText, greet } from './abbott-link.ts'
import { decodeLog } from './abbott-records.ts'
import { readingsOf, type LogEntry } from './device-log.ts'
import type { Driver, DriverContext, MemoryReadout } from './driver.ts'
import { DeviceError } from './errors.ts'
import { decodeLibreRecord, readerTimeOf } from './libre-records.ts'
import type { Measurement } from './measurement.ts'
import { localTime } from './timeline.ts'

async function readAll(context: DriverContext): Promise<MemoryReadout> {
  await greet(context)
  const deviceNow = await clockOf(context)
  const lines = decodeList(await askText(context, '$result?'))
  const measurements = readingsOf(decodeLog(lines))
  context.progress(measurements.length, measurements.length)
  return { measurements, deviceNow, complete: true }
}

/** The meter's clock; `255,255,255` means that it lost it. */
async function clockOf(context: DriverContext): Promise<string | null> {
  const date = await askText(context, '$date?')
  const time = await askText(context, '$time?')
  // Between the two questions the day may have ended.
  const sameDate = time === '0,0\r\n' ? await askText(context, '$date?') : date
  const [month = NaN, day = NaN, year = NaN] = numbersOf(sameDate, 3)
  const [hour = NaN, minute = NaN] = numbersOf(time, 2)
  return localTime(2000 + year, month, day, hour, minute)
}

function numbersOf(body: string, count: number): number[] {
  const parts = body.replace(/\r\n$/, '').split(',')
  if (parts.length !== count || !parts.every((part) => /^\d{1,3}$/.test(part))) {
    throw new DeviceError('PROTOCOL', `clock ${JSON.stringify(body)}`)
  }
  return parts.map(Number)
}

/**
 * Readings in plain records: reports with the lists of a meter, and records of a Libre reader's database.
 *
 * @param lines - Reports of 64 bytes, or shorter records. Untrusted.
 * @throws {@link DeviceError} `PROTOCOL`, `CHECKSUM`.
 */
export function freestyleRecords(lines: readonly Uint8Array[]): Measurement[] {
  const isReport = (line: Uint8Array): boolean => line.length === FREESTYLE_REPORT_BYTES
  const logs = repliesOf(lines.filter(isReport)).map(logOf)
  // Without the reader's factory setting its times are no times.
  const libre = lines.filter((line) => !isReport(line)).toSorted((a, b) => readerTimeOf(a) - readerTimeOf(b))
  return [...logs, libre.map((record) => decodeLibreRecord(record, null))].flatMap(readingsOf)
}

function repliesOf(reports: readonly Uint8Array[]): string[] {
  const replies = ['']
  for (const { type, payload } of reports.map(decodeFrame)) {
    if (type !== FRAME.text) continue
    if (isWholeReply(replies.at(-1) ?? '')) replies.push('')
    replies.push(`${replies.pop() ?? ''}${fromLatin1(payload)}`)
  }
  return replies.filter((reply) => reply !== '').map(decodeTextReply)
}

/** A list's records, oldest first. Replies that are no lists hold no readings. */
function logOf(body: string): LogEntry[] {
  return isList(body) ? decodeLog(decodeList(body)) : []
}

/**
 * The driver.
 *
 * @param model - As printed on the device: the text protocol does not tell.
 */
export function freestyleMeter(model: string): Driver {
  return {
    async probe(context) {
      return { model, serial: await greet(context) }
    },
    read: readAll,
  }
}
