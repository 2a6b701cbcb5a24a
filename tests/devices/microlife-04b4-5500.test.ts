import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeCounted } from '../../src/devices/counted-reports.ts'
import { DeviceError } from '../../src/devices/errors.ts'
import {
  decodeMicrolifeAnswer,
  decodeMicrolifeClock,
  decodeMicrolifeReadings,
  encodeMicrolifeAnswer,
  microlifeMonitor,
  microlifeRecords,
} from '../../src/devices/microlife-04b4-5500.ts'
import { createVirtualMicrolife, encodeMicrolifeRecord } from '../../src/devices/virtual-microlife.ts'
import { createVirtualPatient } from '../../src/devices/virtual-patient.ts'
import { concatBytes } from '../../src/shared/bytes.ts'
import { bytes, contextOf, fakeClock } from '../support/device-world.ts'
import { line } from '../support/readings-text.ts'

// Constructed from joergmlpts/blood-pressure-monitor.
const REPORTS = [
  '07 06 30 30 30 31 30 30',
  '07 30 30 34 31 34 32 34',
  '07 33 33 31 33 32 33 33',
  '07 30 30 30 30 30 30 30',
  '07 30 30 30 30 30 32 33',
  '07 30 37 31 35 31 30 33',
  '07 30 30 30 30 30 30 30',
  '07 30 34 32 31 33 38 37',
  '07 42 30 30 30 30 30 30',
  '04 30 30 36 33 00 00 00',
].map(bytes)

describe('the constructed exchange', () => {
  it('is one reading', () => expect(microlifeRecords(REPORTS).map(line)).toEqual(['2023-07-15T10:30:00 123 78 66']))

  it('shows any single changed byte of its answer', () => {
    const answer = concatBytes(...REPORTS.map((report) => decodeCounted(report)))
    for (let at = 0; at < answer.length; at++) {
      for (let xor = 1; xor < 256; xor++) {
        expect(() => decodeMicrolifeAnswer(answer.with(at, answer[at]! ^ xor))).toThrow(DeviceError)
      }
    }
  })
})

describe('records', () => {
  const head = (count: number): string => count.toString(16).padStart(4, '0').padEnd(32, '0')
  const read = (...digits: string[]): string[] =>
    decodeMicrolifeReadings(head(digits.length) + digits.join(''), null).map(line)

  it('have ten bits for each value', () => {
    const record = { time: '2024-02-29T23:59:00', systolic: 299, diastolic: 260, pulse: 199, flags: 0 }
    expect(read(encodeMicrolifeRecord(record))).toEqual(['2024-02-29T23:59:00 299 260 199'])
  })

  it('keep digits and bits that nobody has explained', () => {
    expect(read('23071510300001008421387b00000002')).toEqual(['2023-07-15T10:30:00 123 78 66 status-0x200010000000002'])
  })

  it('with an impossible time have none, and are kept', () => {
    expect(read('2313151030000000 0421387B 00000000'.replaceAll(' ', ''))).toEqual([
      'no-time 123 78 66 device-time-invalid',
    ])
    expect(read('230715103A000000 0421387B 00000000'.replaceAll(' ', ''))).toEqual([
      'no-time 123 78 66 device-time-invalid',
    ])
  })

  it('fewer than announced are refused', () => {
    expect(() => decodeMicrolifeReadings(head(2) + '0'.repeat(63), null)).toThrow(
      expect.objectContaining({ code: 'PROTOCOL' }),
    )
  })

  it('are readings or a coded error, whatever the text', () => {
    const digits = fc.string({ unit: fc.constantFrom(...Array.from('0123456789ABCDEF')), maxLength: 120 })
    fc.assert(
      fc.property(digits, (text) => {
        try {
          decodeMicrolifeReadings(decodeMicrolifeAnswer(encodeMicrolifeAnswer(text)), null)
        } catch (error) {
          expect(error).toBeInstanceOf(DeviceError)
        }
      }),
    )
  })
})

describe('the clock', () => {
  it('is read', () => expect(decodeMicrolifeClock('03042026060708')).toBe('2026-03-04T06:07:08'))
  it.each(['', '13042026060708', '0304202606070'])('%j is none', (text) =>
    expect(decodeMicrolifeClock(text)).toBeNull(),
  )
})

describe('a session', () => {
  const records = createVirtualPatient(4).pressures('2026-03-04T05:06:00', 3)
  const read = async (deviceNow: string, slot?: number) => {
    const clock = fakeClock()
    const device = createVirtualMicrolife({ clock, records: () => records, deviceNow, ...(slot ? { slot } : {}) })
    return microlifeMonitor.read(contextOf(device.open(), clock))
  }

  it('tells the clock of the monitor', async () => {
    expect((await read('2026-03-04T06:07:08', 1)).deviceNow).toBe('2026-03-04T06:07:08')
  })

  it('flags readings that are later than that', async () => {
    const { measurements } = await read('2026-03-04T01:00:00', 1)
    const flagged = measurements.map(({ flags }) => flags.includes('clock-discontinuous'))
    expect(flagged.at(-1)).toBe(true)
  })

  it('does without the user on models that do not tell, and has the same keys', async () => {
    const [told, untold] = [await read('2026-03-04T06:00:00', 1), await read('2026-03-04T06:00:00')]
    expect(untold.measurements.map(({ userSlot }) => userSlot)).toEqual([null, null, null])
    expect(untold.measurements.map(({ recordKey }) => recordKey)).toEqual(
      told.measurements.map(({ recordKey }) => recordKey),
    )
  })
})
