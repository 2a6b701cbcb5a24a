import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { beurerMonitor, beurerRecords, decodeBeurerRecord } from '../../src/devices/beurer-0c45-7406.ts'
import { createVirtualBeurer, encodeBeurerRecord } from '../../src/devices/virtual-beurer.ts'
import { createVirtualPatient, type VirtualRecord } from '../../src/devices/virtual-patient.ts'
import { bytes, codeOf, contextOf, fakeClock, watched } from '../support/device-world.ts'
import { line } from '../support/readings-text.ts'

// Constructed from the layout that six programs agree on.
describe('records', () => {
  it.each([
    ['62 35 48 05 0e 0f 1e 12', 'A 2018-05-14T15:30:00 123 78 72'],
    ['69 3c 44 85 8e 07 05 97', 'B 2023-05-14T07:05:00 130 85 68 irregular-pulse movement'],
    // Above 152 a signed byte would be negative.
    ['ff 9b 48 05 0e 0f 1e 12', 'A 2018-05-14T15:30:00 280 180 72'],
    ['62 35 48 75 6e 0f 1e 12', 'A 2018-05-14T15:30:00 123 78 72 status-0x7060'],
    ['62 35 48 00 00 00 00 00', 'A no-time 123 78 72 device-time-invalid'],
    ['62 35 48 02 1e 0f 1e 12', 'A no-time 123 78 72 device-time-invalid'],
  ])('%s: %s', (record, expected) => expect(beurerRecords([bytes(record)]).map(line)).toEqual([expected]))

  it('give back what was written', () => {
    const record = fc.record({
      time: fc
        .integer({ min: Date.UTC(2001, 0, 1), max: Date.UTC(2099, 0, 1) })
        .map((ms) => `${new Date(ms).toISOString().slice(0, 16)}:00`),
      systolic: fc.integer({ min: 26, max: 280 }),
      diastolic: fc.integer({ min: 25, max: 279 }),
      pulse: fc.integer({ min: 0, max: 255 }),
      flags: fc.nat(3),
    })
    fc.assert(
      fc.property(record, fc.constantFrom(0, 1), (any, user) => {
        const written = { ...any, diastolic: Math.min(any.diastolic, any.systolic - 1) }
        const { time, systolic, diastolic, pulse, flags } = written
        const marks = [...((flags & 1) === 1 ? ['irregular-pulse'] : []), ...(flags > 1 ? ['movement'] : [])]
        expect(line(decodeBeurerRecord(encodeBeurerRecord(written, user)))).toBe(
          ['AB'.charAt(user), time, systolic, diastolic, pulse, ...marks].join(' '),
        )
      }),
    )
  })

  it.each([
    '',
    '62 35',
    '62 35 48 05 0e 0f 1e 12 00',
    // The answer to the question for their number, and one with the pressures the other way round.
    '05 f4 f4 f4 f4 f4 f4 f4',
    '35 62 48 05 0e 0f 1e 12',
    '62 35 48 0d 0e 0f 1e 12',
    '62 35 48 05 0e 18 1e 12',
    '62 35 48 05 0e 0f 3c 12',
  ])('%j is none', (hex) => {
    expect(() => decodeBeurerRecord(bytes(hex))).toThrow(expect.objectContaining({ code: 'PROTOCOL' }))
  })
})

const records = createVirtualPatient(4).pressures('2026-03-04T05:06:00', 4)
const world = (first: readonly VirtualRecord[], second: readonly VirtualRecord[] = []) => {
  const clock = fakeClock()
  return { clock, device: createVirtualBeurer({ clock, users: () => [first, second] }) }
}

describe('a session', () => {
  it('reads a systolic pressure of 194, whose byte elsewhere means that there is no record', async () => {
    const { clock, device } = world([{ ...records[0]!, systolic: 194 }])
    const { measurements, complete } = await beurerMonitor.read(contextOf(device.open(), clock))
    expect(measurements.map(({ quantities }) => quantities[0]?.value)).toEqual(['194'])
    expect(complete).toBe(true)
  })

  it('with a place that is empty though counted is not complete', async () => {
    const { clock, device } = world(records)
    const transport = device.open()
    const counting = { ...transport, close: () => transport.close() }
    let isCount = false
    const inner = {
      ...counting,
      write: (report: Uint8Array) => {
        isCount = report[0] === 0xa2
        return transport.write(report)
      },
      sendFeature: (report: Uint8Array) => transport.sendFeature(report),
      read: async (ms: number) => {
        const report = await transport.read(ms)
        return isCount && report !== null ? report.with(0, 5) : report
      },
    }
    const { measurements, complete } = await beurerMonitor.read(contextOf(inner, clock))
    expect([measurements.length, complete]).toEqual([4, false])
  })

  it('of a clock that was set back flags what was stored before', async () => {
    const reset = records.map((record, index) =>
      index < 2 ? record : { ...record, time: `2019-01-0${index}T01:00:00` },
    )
    const { clock, device } = world(reset)
    const { measurements } = await beurerMonitor.read(contextOf(device.open(), clock))
    // The order is not documented: with a jump it is not known at all.
    expect(measurements.every(({ flags }) => flags.includes('clock-discontinuous'))).toBe(true)
  })

  it('ends with its two letters, 50 ms apart, whatever happens', async () => {
    const { clock, device } = world(records)
    for (const silent of [false, true]) {
      device.faults.silent = silent
      const { transport, sent } = watched(device.open())
      const before = clock.nowMs()
      expect(await codeOf(() => beurerMonitor.read(contextOf(transport, clock)))).toBe(silent ? 'SILENT' : 'none')
      expect(sent.slice(-2)).toEqual(['f7f4f4f4f4f4f4f4', 'f6f4f4f4f4f4f4f4'])
      expect(clock.nowMs() - before).toBeGreaterThanOrEqual(100)
    }
  })

  it('takes no late answer for that to the next question', async () => {
    const { clock, device } = world(records)
    const transport = device.open()
    const late: Uint8Array[] = []
    let questions = 0
    let answered = 0
    const slow = {
      close: () => transport.close(),
      sendFeature: (report: Uint8Array) => transport.sendFeature(report),
      write: async (report: Uint8Array) => {
        questions += 1
        await transport.write(report)
      },
      read: async (ms: number) => {
        // The third question is asked again, and its first answer comes after that to the second try.
        if (answered > 2 && late.length > 0) return late.shift() ?? null
        const report = await transport.read(ms)
        if (report !== null && questions === 3) late.push(report)
        else if (report !== null) answered += 1
        return questions === 3 ? null : report
      },
    }
    const { measurements } = await beurerMonitor.read(contextOf(slow, clock))
    expect(measurements.map(({ deviceTime }) => deviceTime)).toEqual(
      records.map(({ time }) => `${time.slice(0, 16)}:00`),
    )
  })

  it('tells the text that the monitor has about itself', async () => {
    const { clock, device } = world(records)
    const identity = await beurerMonitor.probe(contextOf(device.open(), clock))
    expect(identity).toEqual({ model: 'Andon Blood Pressure Meter KD001', serial: null })
  })
})
