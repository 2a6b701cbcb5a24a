import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bf480Records, bf480Scale, BF480, decodeBf480Memory } from '../../src/devices/beurer-04d9-8010.ts'
import { createVirtualBf480, encodeBf480Memory, type VirtualWeighing } from '../../src/devices/virtual-bf480.ts'
import { bytes, codeOf, contextOf, fakeClock, watched } from '../support/device-world.ts'
import { line } from '../support/readings-text.ts'

const NOW = '2026-03-04T06:00:00'
const weighing = (day: number, weight = 724): VirtualWeighing => ({
  time: new Date(Date.UTC(2025, 0, day, 8, 30)).toISOString().slice(0, 19),
  weight,
  shares: [213, 551, 402],
})
const days = (from: number, to: number): VirtualWeighing[] =>
  Array.from({ length: to - from }, (_, index) => weighing(from + index))

describe('a place of the memory', () => {
  // Date, time and weight are constructed in the published description.
  it('is read from the words of the description', () => {
    expect(bf480Records([bytes('02 d4 00 d5 02 27 01 92 be f5 08 1e')]).map(line)).toEqual([
      '2015-07-21T08:30:00 72.4 21.3 55.1 40.2',
    ])
  })

  it('without shares is a weight alone', () => {
    expect(bf480Records([bytes('02 d4 00 00 00 00 ff ff be f5 08 1e')]).map(line)).toEqual(['2015-07-21T08:30:00 72.4'])
  })

  it('without a date keeps its weight', () => {
    expect(bf480Records([bytes('02 d4 00 00 00 00 00 00 00 00 08 1e')]).map(line)).toEqual([
      'no-time 72.4 device-time-invalid',
    ])
  })

  it('that is empty is no reading', () => {
    expect(bf480Records([bytes('00 00 00 00 00 00 00 00 00 00 00 00'), new Uint8Array(12).fill(0xff)])).toEqual([])
  })
})

describe('a memory', () => {
  it('that is a full ring is put in order from its oldest place on', () => {
    const { measurements, deviceNow } = decodeBf480Memory(encodeBf480Memory([days(1, 75)], NOW))
    expect(measurements.map(({ deviceTime }) => deviceTime)).toEqual(days(15, 75).map(({ time }) => time))
    expect(measurements.flatMap(({ flags }) => flags)).toEqual([])
    expect(deviceNow).toBe(NOW)
  })

  it('holds users who are set up, and no others', () => {
    const memory = encodeBf480Memory([days(1, 3), days(1, 2)], NOW)
    memory[BF480.userBlocks] = 0
    expect(decodeBf480Memory(memory).measurements.map(({ userSlot }) => userSlot)).toEqual(['2'])
  })

  it('flags weighings that are later than the clock of the scale', () => {
    const { measurements } = decodeBf480Memory(encodeBf480Memory([days(1, 4)], '2025-01-02T12:00:00'))
    expect(measurements.map(({ flags }) => flags)).toEqual([[], [], ['clock-discontinuous']])
  })

  it.each([0, 8, 8184, 8200])('of %d bytes is none', (length) => {
    expect(() => decodeBf480Memory(new Uint8Array(length))).toThrow(expect.objectContaining({ code: 'PROTOCOL' }))
  })

  it('is readings, whatever its bytes, and never more than there are places', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat(255)), (stream) => {
        const memory = Uint8Array.from([...stream.take(BF480.bytes)])
        memory.fill(1, BF480.userBlocks, BF480.userBlocks + 80)
        const { measurements } = decodeBf480Memory(memory)
        expect(measurements.length).toBeLessThanOrEqual(600)
        for (const { deviceTime, flags } of measurements) {
          expect(deviceTime === null).toBe(flags.includes('device-time-invalid'))
        }
      }),
      { numRuns: 5 },
    )
  })
})

describe('a session', () => {
  const world = () => {
    const clock = fakeClock()
    return { clock, device: createVirtualBf480({ clock, users: () => [days(1, 4)], deviceNow: NOW }) }
  }

  it('asks once, by a feature report', async () => {
    const { clock, device } = world()
    const { transport, sent } = watched(device.open())
    const counts: string[] = []
    const progress = (done: number, total: number): void => void counts.push(`${done}/${total}`)
    await bf480Scale.read({ ...contextOf(transport, clock), progress })
    expect(sent).toEqual([])
    expect([counts.length, counts.at(-1)]).toEqual([1024, '8192/8192'])
  })

  it('asks by an output report where that is not answered', async () => {
    const { clock, device } = world()
    device.faults.refusals = 1
    const { transport, sent } = watched(device.open())
    expect((await bf480Scale.read(contextOf(transport, clock))).measurements).toHaveLength(3)
    expect(sent).toEqual(['1000000000000000'])
  })

  it('that loses a report anywhere is asked for again', async () => {
    const { clock, device } = world()
    const whole = await bf480Scale.read(contextOf(device.open(), clock))
    for (const at of [0, 1, 500, 1000, 1023]) {
      const { clock, device } = world()
      device.faults.loseAt = at
      expect(await bf480Scale.read(contextOf(device.open(), clock))).toEqual(whole)
    }
  })

  it('that loses a report twice has no readings, however likely they look', async () => {
    const { clock, device } = world()
    const { transport } = watched(device.open())
    const context = contextOf(transport, clock)
    let report = 0
    const losing = {
      ...transport,
      read: async (ms: number) => {
        const arrived = await transport.read(ms)
        if (arrived !== null && ++report % 700 === 0) return transport.read(ms)
        return arrived
      },
    }
    expect(await codeOf(() => bf480Scale.read({ ...context, transport: losing }))).toBe('PROTOCOL')
  })

  it('has no reading of a session before it, however late that goes on', async () => {
    const { clock, device } = world()
    const whole = await bf480Scale.read(contextOf(device.open(), clock))
    const transport = device.open()
    const late = [Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)]
    let quiet = 0
    const belated = {
      ...transport,
      // The first wait was in vain: the rest of the other session comes after it.
      read: (ms: number) =>
        quiet++ === 0 ? Promise.resolve(null) : Promise.resolve(late.pop()).then((one) => one ?? transport.read(ms)),
      sendFeature: (bytes: Uint8Array) => transport.sendFeature(bytes),
      write: (bytes: Uint8Array) => transport.write(bytes),
    }
    expect(await bf480Scale.read(contextOf(belated, clock))).toEqual(whole)
  })

  it('is cancelled in the middle of the dump', async () => {
    const { clock, device } = world()
    const signal = { aborted: false }
    const context = contextOf(device.open(), clock, signal)
    const progress = (done: number): void => void (signal.aborted = done >= 4096)
    expect(await codeOf(() => bf480Scale.read({ ...context, progress }))).toBe('CANCELLED')
  })
})
