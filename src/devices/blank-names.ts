/**
 * Takes out of a recorded exchange what names or describes the people who use a device, so that it can be sent to
 * somebody for help. Values and times stay: without them nobody could help.
 *
 * @remarks
 * No driver asks a device for a patient's name; these are the answers that hold something of the kind all the same.
 * Lengths and checksums stay right, so that the exchange still decodes. Proven by `tests/devices/blank-names.test.ts`.
 *
 * @packageDocumentation
 */
import { BF480 } from './beurer-04d9-8010.ts'
import type { Capture, CaptureLine } from './capture-file.ts'
import { withChecksum7 } from './contec-packets.ts'
import { withoutPatientId } from './microlife-names.ts'

/** Contec: the user's name in the answer to `8E 03`, and in the head of an Auto record. */
const CONTEC_NAMES = [
  { start: 0xfe, at: 2, bytes: 10 },
  { start: 0xec, at: 13, bytes: 21 },
] as const
const SPACE = 0x20

/** Beurer BF480: in the one dump, height, birth date, sex and activity stand in bytes 1 to 4 of each user's report. */
const BF480_PERSON = { from: 1, to: 5 } as const

/**
 * The exchange without names of persons.
 *
 * @param family - A family of the driver table.
 * @param capture - One exchange, from its start.
 */
export function withoutNames(family: string, capture: Capture): Capture {
  if (family === 'contec-28e9-028a') return capture.map((line) => withoutContecName(line))
  if (family === 'beurer-bf480-04d9-8010') return withoutBf480Users(capture)
  if (family === 'microlife-04b4-5500') return withoutPatientId(capture)
  return capture
}

function withoutContecName(line: CaptureLine): CaptureLine {
  const name = CONTEC_NAMES.find(({ start }) => line.direction === 'in' && line.bytes[0] === start)
  if (name === undefined || line.bytes.length < name.bytes) return line
  const blank = line.bytes.slice(0, name.bytes - 1).fill(SPACE, name.at)
  const bytes = line.bytes.slice()
  bytes.set(withChecksum7(blank))
  return { ...line, bytes }
}

function withoutBf480Users(capture: Capture): Capture {
  const first = BF480.userBlocks / BF480.userBlockBytes
  let inputs = 0
  return capture.map((line) => {
    if (line.direction !== 'in') {
      inputs = 0
      return line
    }
    const number = inputs++
    if (number < first || number >= first + BF480.users) return line
    return { ...line, bytes: line.bytes.slice().fill(0, BF480_PERSON.from, BF480_PERSON.to) }
  })
}
