import { expect, it } from 'vitest'
import type { CaptureLine } from '../../src/devices/capture-file.ts'
import { encodeCounted } from '../../src/devices/counted-reports.ts'
import { encodeMicrolifeAnswer, microlifeRecords, MICROLIFE } from '../../src/devices/microlife-04b4-5500.ts'
import { withoutPatientId } from '../../src/devices/microlife-names.ts'
import { encodeMicrolifeRecord } from '../../src/devices/virtual-microlife.ts'
import { bytes, codeOf } from '../support/device-world.ts'
import { line } from '../support/readings-text.ts'

const record = { time: '2024-02-29T07:05:00', systolic: 123, diastolic: 78, pulse: 66, flags: 0 }
/** "SMITH42" in hex, as the monitor stores it. */
const NAME = '534D4954483432'
const answer = encodeMicrolifeAnswer(`00010100${NAME.padEnd(24, '0')}${encodeMicrolifeRecord(record)}`)
const asked = (question: Uint8Array): CaptureLine[] =>
  encodeCounted(question).map((report) => ({ direction: 'out', bytes: report }))
const heard = (reports: readonly Uint8Array[]): CaptureLine[] =>
  reports.map((report) => ({ direction: 'in', bytes: report }))

const capture = [
  ...asked(MICROLIFE.clock),
  ...heard(encodeCounted(encodeMicrolifeAnswer('03042026060708'))),
  ...asked(MICROLIFE.readings),
  ...heard(encodeCounted(answer)),
]
const textOf = (lines: readonly CaptureLine[]): string =>
  lines
    .filter(({ direction }) => direction === 'in')
    .map(({ bytes: report }) => Buffer.from(report.slice(1)).toString('latin1'))
    .join('')
const inputs = (lines: readonly CaptureLine[]): Uint8Array[] =>
  lines.filter(({ direction }) => direction === 'in').map(({ bytes: report }) => report)

it('takes the id out and leaves readings, clock and checksum right', () => {
  expect(textOf(capture)).toContain(NAME.slice(0, 10))
  const blank = withoutPatientId(capture)
  expect(textOf(blank)).not.toContain(NAME.slice(0, 4))
  expect(textOf(blank)).toContain('03042026060708')
  expect(microlifeRecords(inputs(blank)).map(line)).toEqual(['2024-02-29T07:05:00 123 78 66'])
  expect(blank.map(({ direction }) => direction)).toEqual(capture.map(({ direction }) => direction))
})

it('leaves an answer damaged that was', async () => {
  const damaged = heard(encodeCounted(answer.with(40, answer[40]! ^ 1)))
  const blank = withoutPatientId([...asked(MICROLIFE.readings), ...damaged])
  expect(textOf(blank)).not.toContain(NAME.slice(0, 4))
  expect(await codeOf(() => microlifeRecords(inputs(blank)))).toBe('CHECKSUM')
})

it('leaves alone what holds no id', () => {
  const short = [...asked(MICROLIFE.slots), ...heard([bytes('07 06 30 30 30 30 32 31')])]
  expect(withoutPatientId(short)).toEqual(short)
  expect(withoutPatientId([])).toEqual([])
})
