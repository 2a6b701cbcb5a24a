/**
 * Captured exchanges as text, one report a line.
 *
 * @remarks
 * `OUT> 07 00 …` output report, `IN< 02 4F …` input report, `FEAT> 01 01` feature report, all without report id; a
 * line of plain hex is an input report; empty lines and lines that begin with `#` are skipped, and so are descriptors,
 * `DESC< …`. Hex in either case, with or without spaces. Proven by `tests/devices/capture-file.test.ts`.
 *
 * @packageDocumentation
 */
import { BytesError, fromHex, toHex } from '../shared/bytes.ts'
import { DeviceError } from './errors.ts'

/** One report and its direction. */
export interface CaptureLine {
  direction: 'in' | 'out' | 'feature'
  bytes: Uint8Array
}

/** Where in a capture's text something stands. */
export interface CapturePlace {
  /** From 1. */
  line: number
  /** Characters before the line. */
  offset: number
}

/** A capture's reports, each with its place. */
export type PlacedCapture = readonly (CaptureLine & { place: CapturePlace })[]

/** An exchange, in order. */
export type Capture = readonly CaptureLine[]

const SKIPPED = /^(?:$|#|DESC<)/
const MARKS = { 'IN<': 'in', 'OUT>': 'out', 'FEAT>': 'feature' } as const
/** Longer reports do not exist on full-speed HID, id included; longer captures than this are not of one sitting. */
const REPORT_LIMIT = 64
/** A line without a mark may be a whole record or frame instead. */
const RECORD_LIMIT = 1024
const LINE_LIMIT = 1_000_000

/**
 * Reads a capture.
 *
 * @param text - Untrusted.
 * @throws {@link DeviceError} `CAPTURE`; the message names the line.
 */
export function parseCapture(text: string): CaptureLine[] {
  return parsePlacedCapture(text).map(({ direction, bytes }) => ({ direction, bytes }))
}

/** As {@link parseCapture}, with the place of each report. */
export function parsePlacedCapture(text: string): PlacedCapture {
  const lines = text.split('\n')
  if (lines.length > LINE_LIMIT) throw new DeviceError('CAPTURE', `${lines.length} lines`)
  const capture: (CaptureLine & { place: CapturePlace })[] = []
  let offset = 0
  lines.forEach((line, index) => {
    const trimmed = line.trim()
    if (!SKIPPED.test(trimmed)) {
      capture.push({ ...parseLine(trimmed, index + 1), place: { line: index + 1, offset } })
    }
    offset += line.length + 1
  })
  if (capture.length === 0) throw new DeviceError('CAPTURE', 'no report in it')
  return capture
}

function parseLine(line: string, number: number): CaptureLine {
  const mark = /^(IN<|OUT>|FEAT>)/.exec(line)?.[1] as keyof typeof MARKS | undefined
  const hex = line
    .slice(mark?.length ?? 0)
    .replaceAll(/\s/g, '')
    .toLowerCase()
  try {
    const bytes = fromHex(hex)
    if (bytes.length === 0 || bytes.length > (mark === undefined ? RECORD_LIMIT : REPORT_LIMIT)) {
      throw new DeviceError('CAPTURE', `line ${number}: report of ${bytes.length} bytes`)
    }
    return { direction: mark === undefined ? 'in' : MARKS[mark], bytes }
  } catch (cause) {
    if (!(cause instanceof BytesError)) throw cause
    throw new DeviceError('CAPTURE', `line ${number}: not hex`, { cause })
  }
}

/** The capture as text. {@link parseCapture} gives it back. */
export function encodeCapture(capture: Capture): string {
  const mark = { in: 'IN<', out: 'OUT>', feature: 'FEAT>' } as const
  return capture.map(({ direction, bytes }) => `${mark[direction]} ${spaced(bytes)}\n`).join('')
}

function spaced(bytes: Uint8Array): string {
  return toHex(bytes)
    .toUpperCase()
    .replaceAll(/(..)(?=.)/g, '$1 ')
}
