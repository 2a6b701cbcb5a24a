/**
 * Reports of eight bytes whose first byte counts those that matter, as bridges from USB to a serial line use them.
 *
 * @remarks
 * The upper half of the first byte is the bridge's own and is not looked at. What stands behind the counted bytes is
 * left over from earlier reports. Proven by `tests/devices/counted-reports.test.ts`.
 *
 * @packageDocumentation
 */
import { concatBytes, toHex } from '../shared/bytes.ts'
import { forgetLateAnswers } from './conversation.ts'
import { throwIfAborted, type DriverContext } from './driver.ts'
import { DeviceError } from './errors.ts'

export const COUNTED_BYTES = 8
const CHUNK = COUNTED_BYTES - 1

/** Cuts a message into reports, the last one filled up with zeros. */
export function encodeCounted(message: Uint8Array): Uint8Array[] {
  return Array.from({ length: Math.ceil(message.length / CHUNK) }, (_, index) => {
    const chunk = message.subarray(index * CHUNK, (index + 1) * CHUNK)
    const report = new Uint8Array(COUNTED_BYTES)
    report[0] = chunk.length
    report.set(chunk, 1)
    return report
  })
}

/**
 * The counted bytes of a report.
 *
 * @param report - Untrusted.
 * @throws {@link DeviceError} `PROTOCOL`.
 */
export function decodeCounted(report: Uint8Array): Uint8Array {
  const count = (report[0] ?? 0) & 0x0f
  if (report.length !== COUNTED_BYTES || count > CHUNK) throw new DeviceError('PROTOCOL', `report ${toHex(report)}`)
  return report.slice(1, 1 + count)
}

/** How an answer is waited for. */
export interface CountedWait {
  /** For its first report. */
  firstMs: number
  /** An answer is over after this long without a report. */
  quietMs: number
  /** An answer longer than this is none, in bytes. */
  limit: number
}

/**
 * Sends a message and collects its answer, until the line is quiet.
 *
 * @throws {@link DeviceError} `SILENT`, `PROTOCOL`, `CANCELLED`.
 */
export async function askCounted(context: DriverContext, message: Uint8Array, wait: CountedWait): Promise<Uint8Array> {
  throwIfAborted(context)
  await forgetLateAnswers(context)
  for (const report of encodeCounted(message)) await context.transport.write(report)
  const parts: Uint8Array[] = []
  let length = 0
  for (;;) {
    throwIfAborted(context)
    const report = await context.transport.read(parts.length === 0 ? wait.firstMs : wait.quietMs)
    if (report === null) break
    const part = decodeCounted(report)
    parts.push(part)
    length += part.length
    if (length > wait.limit || parts.length > wait.limit) throw new DeviceError('PROTOCOL', `answer of ${length} bytes`)
  }
  if (length === 0) throw new DeviceError('SILENT', `no answer to ${toHex(message)}`)
  return concatBytes(...parts)
}

/**
 * The answers in a run of reports.
 *
 * @param reports - Untrusted.
 * @param first - The byte with which an answer begins, and which stands nowhere else in it.
 * @throws {@link DeviceError} `PROTOCOL`.
 */
export function answersOf(reports: readonly Uint8Array[], first: number): Uint8Array[] {
  const answers: Uint8Array[] = []
  for (const part of reports.map((report) => decodeCounted(report))) {
    const isFirst = part[0] === first || answers.length === 0
    answers.push(isFirst ? part : concatBytes(answers.pop() ?? new Uint8Array(0), part))
  }
  return answers
}
