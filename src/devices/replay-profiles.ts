/**
 * How the recordings of each family are read: where commands end, what short recordings leave out.
 *
 * @remarks
 * Proven by the replays of real recordings in `tests/devices/`.
 *
 * @packageDocumentation
 */
import { fromHex, toHex } from '../shared/bytes.ts'
import { encodeFrame, encodeTextReply, FRAME, toLatin1 } from './abbott-frames.ts'
import { CONTEC } from './contec-link.ts'
import { decodeLiveReport } from './contec-packets.ts'
import { DeviceError } from './errors.ts'
import type { ReplayProfile } from './replay.ts'

/** `hex` as the only packet of a 64-byte report. */
function report64(hex: string): Uint8Array {
  const report = new Uint8Array(64)
  report.set(fromHex(hex))
  return report
}

const contec: ReplayProfile = {
  commandPart: (report) => ({ bytes: trimZeros(report), last: true }),
  validBytes: (report) => decodeLiveReport(report).reduce((sum, { raw }) => sum + raw.length, 0),
  // The start conversation as published with the recording (icefest/pulseoxdl): the recording begins after it.
  answers: new Map(
    (
      [
        [CONTEC.stopAll, 'f070'],
        [CONTEC.unknown0, 'f200000202000b01'],
        [CONTEC.unknown1, 'f070'],
        [CONTEC.user, 'fe032020207573657220'],
        [CONTEC.model, 'f135304520202020203b'],
        [CONTEC.stop, 'eb7f6a'],
      ] as const
    ).map(([command, answer]) => [toHex(trimZeros(command)), [report64(answer)]]),
  ),
  streamFrom: toHex(CONTEC.startNumbers),
  streamUntil: toHex(CONTEC.stop),
}

/** Commands end in bytes that are not zero, except `80 00`: padding and command cannot be told apart, and need not. */
function trimZeros(report: Uint8Array): Uint8Array {
  return report.subarray(0, report.findLastIndex((byte) => byte !== 0) + 1)
}

const omron: ReplayProfile = {
  commandPart(report) {
    const count = Math.min(report[0] ?? 0, 7)
    return { bytes: report.slice(1, 1 + count), last: count < 7 }
  },
  validBytes: (report) => 1 + Math.min(report[0] ?? 0, 7),
  answers: new Map(),
  streamFrom: null,
  streamUntil: null,
}

/** One command a report, all of it counting, and nothing left out of the recordings. */
const plain: ReplayProfile = {
  commandPart: (report) => ({ bytes: trimZeros(report), last: true }),
  validBytes: (report) => report.length,
  answers: new Map(),
  streamFrom: null,
  streamUntil: null,
}

/** Behind the report id stands how long the frame is, itself included. */
const omronMemory: ReplayProfile = { ...plain, validBytes: (report) => 1 + (report[1] ?? 0) }

/** The first half byte counts. */
const microlife: ReplayProfile = { ...omron, validBytes: (report) => 1 + Math.min((report[0] ?? 0) & 0x0f, 7) }

/** `type` with the text of a FreeStyle command behind it, as {@link freestyleCommand} gives it. */
const freestyleText = (text: string): string => toHex(freestyleCommand(encodeFrame(FRAME.text, toLatin1(text))))

/** A report cut by its count; a text command without the line end, which programs send or leave out. */
function freestyleCommand(report: Uint8Array): Uint8Array {
  const counted = report.slice(0, 2 + (report[1] ?? 0))
  if (counted[0] !== FRAME.text || counted.at(-1) !== 0x0a) return counted
  return counted.slice(0, -2).with(1, counted.length - 4)
}

/** Recordings of a log alone leave out the greeting, and the clock: what a meter says that has lost it. */
const freestyle: ReplayProfile = {
  ...plain,
  commandPart: (report) => ({ bytes: freestyleCommand(report), last: true }),
  validBytes: (report) => 2 + (report[1] ?? 0),
  answers: new Map([
    [toHex(Uint8Array.of(FRAME.hello, 0)), [encodeFrame(FRAME.helloReply, Uint8Array.of(1))]],
    ...(
      [
        ['$date?', '255,255,255\r\n'],
        ['$time?', '255,255\r\n'],
      ] as const
    ).map(([command, body]): [string, Uint8Array[]] => [
      freestyleText(command),
      [encodeFrame(FRAME.text, toLatin1(encodeTextReply(body)))],
    ]),
  ]),
}

/** The mark is `ABC` or zeros, as programs like. */
const contour: ReplayProfile = {
  ...plain,
  commandPart: (report) => ({ bytes: report.slice(3, 4 + (report[3] ?? 0)), last: true }),
  validBytes: (report) => 4 + (report[3] ?? 0),
}

/** The report's id counts. */
const taidoc: ReplayProfile = {
  ...plain,
  commandPart: (report) => ({ bytes: report.slice(1, 1 + (report[0] ?? 0)), last: true }),
  validBytes: (report) => 1 + (report[0] ?? 0),
}

const PROFILES: ReadonlyMap<string, ReplayProfile> = new Map([
  ['contec-28e9-028a', contec],
  ['omron-0590-0028', omron],
  ['omron-0590-0090', omronMemory],
  ['hid-weighing-8d', { ...plain, streamsAtOnce: true }],
  ['pcsensor-temper', plain],
  ['beurer-0c45-7406', plain],
  ['contec08a-0483-5750', plain],
  ['microlife-04b4-5500', microlife],
  ['microlife-04d9-b564', microlife],
  ['beurer-bf480-04d9-8010', plain],
  ['abbott-1a61', freestyle],
  ['abbott-1a61-libre', freestyle],
  ['ascensia-1a79', contour],
  ['taidoc-10c4-ea80', taidoc],
])

/**
 * The profile of a family.
 *
 * @param family - A family's name. Untrusted.
 * @throws {@link DeviceError} `CAPTURE` when there is no such family.
 */
export function replayProfile(family: string): ReplayProfile {
  const profile = PROFILES.get(family)
  if (profile === undefined) throw new DeviceError('CAPTURE', 'no such family')
  return profile
}
