/**
 * Asking a device, for drivers of links where one question has one answer.
 *
 * @remarks
 * Proven by the fault tables of the drivers that use it.
 *
 * @packageDocumentation
 */
import { drain, throwIfAborted, type DriverContext } from './driver.ts'
import { DeviceError, type DeviceErrorCode } from './errors.ts'

/** Longer than any burst of reports that a device here sends after one question. */
const STALE_LIMIT = 256

/** Long enough for a report that has arrived. */
const AT_ONCE_MS = 1

/** Reads and drops answers that came too late for their questions: they must not be taken for the next one's. */
export async function forgetLateAnswers(context: DriverContext): Promise<void> {
  await drain(context.transport, AT_ONCE_MS, STALE_LIMIT)
}

/** Longer than a device takes for its first report after it was opened, and than its pauses, also on a busy machine. */
const EARLIER_MS = 200
/** The longest answer of all: a memory in reports of 8 bytes. */
const EARLIER_LIMIT = 1100

/**
 * Reads and drops what a device still has to say in a session that was given up in the middle. It comes only now: while
 * nobody has the device open, nobody fetches it.
 *
 * @throws {@link DeviceError} `CANCELLED`, `UNPLUGGED`.
 */
export async function forgetEarlierSession(context: DriverContext): Promise<void> {
  for (let i = 0; i < EARLIER_LIMIT; i++) {
    if ((await context.transport.read(EARLIER_MS)) === null) return
    throwIfAborted(context)
  }
}

/** What asking again can mend: a damaged answer, one that belongs to another question, and none. */
const MENDABLE: ReadonlySet<DeviceErrorCode> = new Set(['PROTOCOL', 'CHECKSUM', 'SILENT'])

/** True when another try may go better. */
export function isMendable({ code }: DeviceError): boolean {
  return MENDABLE.has(code)
}

/**
 * Does `once` until it succeeds. Between two tries what is still on its way is read and dropped.
 *
 * @param tries - At least 1.
 * @param quietMs - The line counts as quiet after this long without a report.
 * @throws {@link DeviceError} The last failure, or at once what asking again cannot mend.
 */
export async function retrying<T>(
  context: DriverContext,
  tries: number,
  quietMs: number,
  once: () => Promise<T>,
): Promise<T> {
  for (let left = tries - 1; ; left--) {
    throwIfAborted(context)
    try {
      return await once()
    } catch (error) {
      if (!(error instanceof DeviceError) || !isMendable(error) || left <= 0) throw error
      await drain(context.transport, quietMs, STALE_LIMIT)
    }
  }
}

/**
 * Reads until two readings in a row are the same, for links whose checksum is a sum or missing: neither notices when
 * parts of an answer have changed places.
 *
 * @param tries - Readings at most, at least 2.
 * @throws {@link DeviceError} `PROTOCOL` when no two agree, and what `read` throws.
 */
export async function agreed<T>(tries: number, read: () => Promise<T>, isSame: (a: T, b: T) => boolean): Promise<T> {
  let last = await read()
  for (let left = tries - 1; left > 0; left--) {
    const next = await read()
    if (isSame(last, next)) return next
    last = next
  }
  throw new DeviceError('PROTOCOL', 'no two answers to the same question agree')
}

/**
 * The next input report.
 *
 * @param waitingFor - For the log, when none comes.
 * @throws {@link DeviceError} `SILENT`, `UNPLUGGED`.
 */
export async function nextReport(context: DriverContext, timeoutMs: number, waitingFor: string): Promise<Uint8Array> {
  const report = await context.transport.read(timeoutMs)
  if (report === null) throw new DeviceError('SILENT', `no answer to ${waitingFor}`)
  return report
}

/**
 * Tells a device that the session is over, and ignores when it is gone: what happened before is the better news.
 *
 * @param goodbye - Sends it.
 */
export async function partFrom(goodbye: () => Promise<void>): Promise<void> {
  try {
    await goodbye()
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error
  }
}
