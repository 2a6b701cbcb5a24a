/**
 * Takes the patient's id out of a recorded exchange with a Microlife blood pressure monitor.
 *
 * @remarks
 * The id stands in the head of the answer that holds the readings. The answer's checksum is changed with it, by as
 * much: what was damaged stays damaged. Proven by `tests/devices/microlife-names.test.ts`.
 *
 * @packageDocumentation
 */
import type { Capture, CaptureLine } from './capture-file.ts'
import { COUNTED_BYTES } from './counted-reports.ts'

/** Where the id stands among the counted bytes of an answer: 24 hex digits. Shorter answers than these have none. */
const ID = { from: 9, to: 33 } as const
const ZERO = 0x30
const CHECKSUM_DIGITS = 2

/** One counted byte: of which line, at which place in it. */
interface Place {
  line: number
  at: number
}

/**
 * The exchange with zeros for the id.
 *
 * @param capture - One exchange or several.
 */
export function withoutPatientId(capture: Capture): CaptureLine[] {
  const blanked = capture.map((line) => ({ ...line, bytes: line.bytes.slice() }))
  for (const answer of answersIn(blanked)) {
    if (answer.length < ID.to + CHECKSUM_DIGITS) continue
    const read = ({ line, at }: Place): number => blanked[line]?.bytes[at] ?? 0
    const write = ({ line, at }: Place, byte: number): void => blanked[line]?.bytes.set([byte], at)
    const id = answer.slice(ID.from, ID.to)
    const change = id.reduce((sum, place) => sum + ZERO - read(place), 0)
    for (const place of id) write(place, ZERO)
    const digits = answer.slice(-CHECKSUM_DIGITS)
    const checksum = Number.parseInt(String.fromCharCode(...digits.map(read)), 16)
    if (Number.isNaN(checksum)) continue
    const text = ((checksum + change) & 0xff).toString(16).toUpperCase().padStart(CHECKSUM_DIGITS, '0')
    digits.forEach((place, index) => write(place, text.charCodeAt(index)))
  }
  return blanked
}

/** The counted bytes of each answer: of the input reports between two others. */
function answersIn(capture: Capture): Place[][] {
  const answers: Place[][] = [[]]
  capture.forEach(({ direction, bytes }, line) => {
    if (direction !== 'in') {
      answers.push([])
      return
    }
    const count = Math.min((bytes[0] ?? 0) & 0x0f, COUNTED_BYTES - 1, bytes.length - 1)
    answers.at(-1)?.push(...Array.from({ length: count }, (_, index) => ({ line, at: 1 + index })))
  })
  return answers
}
