import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contec08aMonitor, contec08aRecords, decodeContec08aRecord } from '../../src/devices/contec08a-0483-5750.ts'
import { createVirtualContec08a, encodeContec08aRecord } from '../../src/devices/virtual-contec08a.ts'
import { createVirtualPatient } from '../../src/devices/virtual-patient.ts'
import { bytes, codeOf, contextOf, fakeClock, watched } from '../support/device-world.ts'
import { line } from '../support/readings-text.ts'

// MarkMLl/contec08a: bytes of a real instrument and the rows of the vendor's export. Order: systolic, diastolic,
// mean, pulse.
const PUBLISHED = [
  ['82 80 94 d5 c8 e9 97 85 80 81 8d 89 80 91', '2023-05-01T13:09:00 148 85 105 72'],
  ['82 80 92 d6 ba f1 97 85 80 82 8a 85 80 91', '2023-05-02T10:05:00 146 86 113 58'],
  ['82 80 87 d5 c8 e5 97 85 80 82 8d ab 80 91', '2023-05-02T13:43:00 135 85 101 72'],
  ['82 80 8a d4 c2 eb 97 85 80 83 8b 84', '2023-05-03T11:04:00 138 84 107 66'],
  ['82 80 94 db c0 f1 99 81 80 9c 8c 88', '2025-01-28T12:08:00 148 91 113 64'],
  ['82 80 9d d9 c3 fb 99 83 80 94 8c 90', '2025-03-20T12:16:00 157 89 123 67'],
  ['82 80 90 dc c1 f7 99 85 80 8f 8a 96', '2025-05-15T10:22:00 144 92 119 65'],
  ['82 80 80 d0 bd e2 99 87 80 8f 8a 81', '2025-07-15T10:01:00 128 80 98 61'],
] as const

describe('published records', () => {
  it.each(PUBLISHED)('%s: %s', (record, expected) => {
    expect(contec08aRecords([bytes(record)]).map(line)).toEqual([expected])
  })

  it('belong to the user that the head before them names', () => {
    const lines = [
      '4a 43 01 00 00',
      '46 41 80 80 c6 82 80 80 80 80 80 80 80 81',
      ...PUBLISHED.map(([record]) => record),
    ]
    expect(contec08aRecords(lines.map(bytes)).map(line)).toEqual(PUBLISHED.map(([, expected]) => `1 ${expected}`))
  })
})

describe('what has not been published', () => {
  const values = (systolic: number, diastolic: number, mean: number, pulse: number): string => {
    const fields = [diastolic, pulse, mean, 23, 5, 0, 1, 13, 9, 0, 0x11].map((field) => (field & 0x7f) | 0x80)
    const { quantities, flags } = decodeContec08aRecord(Uint8Array.of(0x82, 0x80, systolic, ...fields), null)
    return [...quantities.map(({ value }) => value ?? '-'), ...flags].join(' ')
  }

  it('has no value: a systolic pressure below 128, however it is sent', () => {
    expect(values(115, 75, 88, 70)).toBe('- - - 70 pressure-undocumented')
    expect(values(115 | 0x80, 75, 88, 70)).toBe('- - - 70 pressure-undocumented')
  })

  it('has no value: anything else above 127', () => {
    expect(values(180, 130, 147, 70)).toBe('- - - 70 pressure-undocumented')
    expect(values(200, 110, 140, 70)).toBe('- - - 70 pressure-undocumented')
    expect(values(148, 85, 105, 140)).toBe('148 85 105 - pulse-undocumented')
  })

  it('is never a pressure that is 128 too high, whatever a person has', () => {
    const person = fc
      .tuple(fc.integer({ min: 50, max: 127 }), fc.integer({ min: 30, max: 110 }), fc.double({ min: 0.2, max: 0.62 }))
      .filter(([systolic, diastolic]) => systolic - diastolic >= 10)
    fc.assert(
      fc.property(person, ([systolic, diastolic, part]) => {
        const mean = Math.round(diastolic + part * (systolic - diastolic))
        expect(values(systolic | 0x80, diastolic, mean, 70)).toContain('pressure-undocumented')
      }),
    )
  })

  it('does not stand in the way of what has', () => {
    const person = fc
      .tuple(fc.integer({ min: 128, max: 230 }), fc.integer({ min: 40, max: 120 }), fc.double({ min: 0.32, max: 0.52 }))
      .filter(
        ([systolic, diastolic, part]) => diastolic + part * (systolic - diastolic) < 127 && systolic > diastolic + 30,
      )
    fc.assert(
      fc.property(person, ([systolic, diastolic, part]) => {
        const mean = Math.round(diastolic + part * (systolic - diastolic))
        expect(values(systolic, diastolic, mean, 70)).toBe(`${systolic} ${diastolic} ${mean} 70`)
      }),
    )
  })

  it.each(['', '82 80 94', '82 80 94 55 c8 e9 97 85 80 81 8d 89 80 91', '83 80 94 d5 c8 e9 97 85 80 81 8d 89 80 91'])(
    '%j is no record',
    (hex) =>
      expect(() => decodeContec08aRecord(bytes(hex), null)).toThrow(expect.objectContaining({ code: 'PROTOCOL' })),
  )
})

const high = createVirtualPatient(4)
  .pressures('2026-03-04T05:06:00', 100)
  .map((record) => ({ ...record, systolic: record.systolic + 40 }))
const world = (users: (typeof high)[] = [high]) => {
  const clock = fakeClock()
  return { clock, device: createVirtualContec08a({ clock, users: () => users }) }
}

describe('a session', () => {
  it('reads 100 readings of a user', async () => {
    const { clock, device } = world()
    expect((await contec08aMonitor.read(contextOf(device.open(), clock))).measurements).toHaveLength(100)
  })

  it('that loses a record in the middle of a hundred starts that user again', async () => {
    const { clock, device } = world()
    device.faults.loseAt = 50
    const { transport, sent } = watched(device.open())
    expect((await contec08aMonitor.read(contextOf(transport, clock))).measurements).toHaveLength(100)
    expect(sent.filter((report) => report.startsWith('4341010402'))).toHaveLength(2)
  })

  it('with an instrument that is plugged in and switched off: SILENT', async () => {
    const { clock, device } = world()
    device.faults.refusals = 9
    expect(await codeOf(() => contec08aMonitor.read(contextOf(device.open(), clock)))).toBe('SILENT')
  })

  it('asks as the vendor program does', async () => {
    const { clock, device } = world()
    const { transport, sent } = watched(device.open())
    await contec08aMonitor.read(contextOf(transport, clock))
    // Published by MarkMLl/contec08a as captured, for user 1.
    expect(sent.slice(0, 4)).toEqual(['408ffffefdfc', '408ffffefdfc', '428ffffefdfc', '4341010402'])
  })

  it('that one user does not answer for gives the others, and says that there may be more', async () => {
    const { clock, device } = world([high.slice(0, 2), high.slice(0, 1), high.slice(0, 3)])
    device.faults.refusals = 3
    const { measurements, complete } = await contec08aMonitor.read(contextOf(device.open(), clock))
    expect(measurements.map(({ userSlot }) => userSlot)).toEqual(['2', '3', '3', '3'])
    expect(complete).toBe(false)
  })

  it('never sends what may clear the memory', async () => {
    const { clock, device } = world()
    const { transport, sent } = watched(device.open())
    await contec08aMonitor.probe(contextOf(transport, clock))
    await contec08aMonitor.read(contextOf(transport, clock))
    expect(new Set(sent.map((report) => report.slice(0, 2)))).toEqual(new Set(['40', '42', '43']))
  })

  it('of a clock that was set back flags what was stored before', async () => {
    const records = [high[0]!, high[1]!, { ...high[2]!, time: '2019-01-01T01:00:00' }, high[3]!]
    const { clock, device } = world([records])
    const { measurements } = await contec08aMonitor.read(contextOf(device.open(), clock))
    const flagged = measurements.map(({ flags }) => flags.includes('clock-discontinuous'))
    expect(flagged).toEqual([true, true, false, false])
  })

  it('of two readings alike within a minute keeps both', async () => {
    const { clock, device } = world([[high[0]!, high[0]!]])
    const { measurements } = await contec08aMonitor.read(contextOf(device.open(), clock))
    expect(new Set(measurements.map(({ recordKey }) => recordKey)).size).toBe(2)
  })
})

it('the virtual instrument sends what the real one does', () => {
  const record = { time: '2023-05-02T13:43:00', systolic: 135, diastolic: 85, pulse: 72, flags: 0 }
  const mean = 0x80 | 105
  expect(encodeContec08aRecord(record)).toEqual(bytes('82 80 87 d5 c8 e5 97 85 80 82 8d ab 80 91').with(5, mean))
})
