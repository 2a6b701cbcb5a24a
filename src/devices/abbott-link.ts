/**
 * Talking to an Abbott FreeStyle device: greeting, and text commands with their replies.
 *
 * @remarks
 * The order of the greeting is that of the vendor's program with an InsuLinx (recorded in xclaesse/OpenGlucose).
 * Keep-alive reports may come before any reply. Proven by `tests/devices/abbott-1a61.test.ts`.
 *
 * @packageDocumentation
 */
import { forgetEarlierSession, retrying } from './conversation.ts'
import { throwIfAborted, type DriverContext } from './driver.ts'
import { DeviceError } from './errors.ts'
import {
  decodeFrame,
  decodeTextReply,
  encodeFrame,
  FRAME,
  fromLatin1,
  isWholeReply,
  toLatin1,
  type FreestyleFrame,
} from './abbott-frames.ts'

const SLICE_MS = 500
/** A meter that says nothing for so many half seconds has nothing to say; each keep-alive begins them anew. */
export const SILENCE_SLICES = 10
const KEEP_ALIVES = 60
const INTRODUCTION_SLICES = 2
const GREETING_FRAMES = 12
const TRIES = 3
const QUIET_MS = 200
/** No memory of these devices makes a longer list. */
const REPLY_LIMIT = 1 << 20

/**
 * The next report that is no keep-alive.
 *
 * @param slices - Half seconds of silence after which there is none.
 * @returns null when the device stays silent.
 * @throws {@link DeviceError} `PROTOCOL`, `CANCELLED`, `UNPLUGGED`.
 */
export async function nextFrame(context: DriverContext, slices = SILENCE_SLICES): Promise<FreestyleFrame | null> {
  for (let left = slices, keepAlives = 0; left > 0; left--) {
    throwIfAborted(context)
    const report = await context.transport.read(SLICE_MS)
    if (report === null) continue
    const frame = decodeFrame(report)
    if (frame.type !== FRAME.keepAlive) return frame
    left = slices + 1
    keepAlives += 1
    if (keepAlives > KEEP_ALIVES) throw new DeviceError('PROTOCOL', 'keep-alives and nothing else')
  }
  return null
}

/** The greeting's acknowledgement, with which other programs start counting frames at 0. */
const START_COUNTING = Uint8Array.of(0, 0, 0, 2)

/**
 * Greets the device.
 *
 * @param numbering - `acknowledged` before a conversation in numbered frames.
 * @returns The serial number that it gave, or null.
 * @throws {@link DeviceError} `SILENT`, also when only the end is missing, `WRONG_MODEL` when what answers is no FreeStyle, else as {@link nextFrame}.
 */
export async function greet(
  context: DriverContext,
  numbering: 'none' | 'acknowledged' = 'none',
): Promise<string | null> {
  await forgetEarlierSession(context)
  await context.transport.write(encodeFrame(FRAME.initA))
  if (numbering === 'acknowledged') await context.transport.write(encodeFrame(FRAME.ack, START_COUNTING))
  for (const type of [FRAME.serial, FRAME.version]) await context.transport.write(encodeFrame(type))
  // Some models may not answer these; all answer the last one.
  const replies = await collect(context, [FRAME.initAReply, FRAME.serialReply, FRAME.versionReply], INTRODUCTION_SLICES)
  await context.transport.write(encodeFrame(FRAME.hello))
  const answers = await collect(context, [FRAME.helloReply], SILENCE_SLICES)
  const hello = answers.get(FRAME.helloReply)
  const isRefused = [replies, answers].some((found) => found.has(FRAME.unknownCommand))
  // Half a greeting is that of a meter that fell asleep over it: it is asked again, not called another product.
  if (hello === undefined && !isRefused) throw new DeviceError('SILENT', 'no answer to the greeting')
  if (hello?.length !== 1 || hello[0] !== 1) throw new DeviceError('WRONG_MODEL', 'greeted as no FreeStyle device')
  return serialOf(replies.get(FRAME.serialReply))
}

/** Payloads by type, until all the wanted ones are there or nothing more comes. */
async function collect(
  context: DriverContext,
  wanted: readonly number[],
  slices: number,
): Promise<Map<number, Uint8Array>> {
  const found = new Map<number, Uint8Array>()
  for (let i = 0; i < GREETING_FRAMES && !wanted.every((type) => found.has(type)); i++) {
    const frame = await nextFrame(context, slices)
    if (frame === null) break
    found.set(frame.type, frame.payload)
  }
  return found
}

/** `JAGT241-U6242`, ended by a zero. `00000000` means that the device has none. */
function serialOf(payload: Uint8Array | undefined): string | null {
  const text =
    fromLatin1(payload ?? new Uint8Array(0))
      .split('\0')[0]
      ?.trim() ?? ''
  return /^[0-9A-Z][0-9A-Z-]{3,30}$/i.test(text) && !/^0+$/.test(text) ? text : null
}

/**
 * Asks a text command.
 *
 * @param command - Such as `$date?`. Only questions.
 * @returns The reply's body, its checksum checked.
 * @throws {@link DeviceError} `SILENT`, `PROTOCOL`, `CHECKSUM`, `UNPLUGGED` or `CANCELLED`.
 */
export async function askText(context: DriverContext, command: string): Promise<string> {
  return retrying(context, TRIES, QUIET_MS, async () => {
    await context.transport.write(encodeFrame(FRAME.text, toLatin1(`${command}\r\n`)))
    return decodeTextReply(await textReply(context, command))
  })
}

async function textReply(context: DriverContext, command: string): Promise<string> {
  let text = ''
  while (!isWholeReply(text)) {
    const frame = await nextFrame(context)
    if (frame === null) {
      throw new DeviceError(text === '' ? 'SILENT' : 'PROTOCOL', `${text.length} bytes of an answer to ${command}`)
    }
    if (frame.type !== FRAME.text) throw new DeviceError('PROTOCOL', `frame of type ${frame.type} after ${command}`)
    text += fromLatin1(frame.payload)
    if (text.length > REPLY_LIMIT) throw new DeviceError('PROTOCOL', `an answer without end to ${command}`)
  }
  return text
}
