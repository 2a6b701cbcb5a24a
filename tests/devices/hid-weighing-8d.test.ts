import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { match } from '../../src/devices/driver-table.ts'
import { DeviceError } from '../../src/devices/errors.ts'
import { decodeScaleReport, hidScale, scaleRecords } from '../../src/devices/hid-weighing-8d.ts'
import type { Measurement } from '../../src/devices/measurement.ts'
import { createVirtualScale, type ScaleStep } from '../../src/devices/virtual-scale.ts'
import { bytes, codeOf, contextOf, fakeClock, watched } from '../support/device-world.ts'
import { line } from '../support/readings-text.ts'

const shown = (measurement: Measurement): string =>
  `${line(measurement).replace('no-time ', '')} ${measurement.quantities[0]?.ucum ?? ''}`

// Published: pyusb-scale (a Mettler Toledo PS60), steventsnyder.com and a Rust reader (DYMO), nio's block; the gram
// has its status filled in.
describe('published reports', () => {
  it.each([
    ['03 02 0c fe 00 00', '0.00 stable-at-zero [lb_av]'],
    ['03 04 0c fe fe 01', '5.10 [lb_av]'],
    ['03 02 03 fe 00 00', '0.00 stable-at-zero kg'],
    ['03 04 03 fe c2 00', '1.94 kg'],
    ['03 02 0b ff 00 00', '0.0 stable-at-zero [oz_av]'],
    ['03 04 0b ff 31 00', '4.9 [oz_av]'],
    ['03 04 0b ff 64 01', '35.6 [oz_av]'],
    ['03 04 0b ff 34 19', '645.2 [oz_av]'],
    ['03 04 02 00 14 00', '20 g'],
    // Once more with the leading zero that some systems put there.
    ['00 03 04 0b ff 31 00', '4.9 [oz_av]'],
  ])('%s: %s', (report, expected) => expect(scaleRecords([bytes(report)]).map(shown)).toEqual([expected]))

  it('of the status alone, which the PS60 sends in between, hold no weight', () => {
    expect(decodeScaleReport(bytes('04 04'))).toBeNull()
    const recording = ['03 04 03 fe c2 00', '04 04', '03 04 03 fe c2 00', '04 04', '03 02 03 fe 00 00'].map(bytes)
    expect(scaleRecords(recording).map(shown)).toEqual(['1.94 kg', '0.00 stable-at-zero kg'])
  })
})

describe('a report', () => {
  it('may come with report id 4', () => {
    expect(scaleRecords([bytes('04 04 03 fe c2 00')]).map(shown)).toEqual(['1.94 kg'])
  })

  it('of less than nothing has the sign that its digits lack', () => {
    expect(scaleRecords([bytes('03 05 03 fe c2 00')]).map(shown)).toEqual(['-1.94 under-zero kg'])
  })

  it('has as many digits as the scale', () => {
    const value = (hex: string): string | undefined => decodeScaleReport(bytes(hex))?.value
    expect(value('03 04 03 fd 01 00')).toBe('0.001')
    expect(value('03 04 03 ff 00 00')).toBe('0.0')
    expect(value('03 04 02 01 14 00')).toBe('200')
    expect(value('03 04 03 fe ff ff')).toBe('655.35')
  })

  it.each([1, 3, 6, 7, 8])('with status %d is no weight', (status) => {
    expect(scaleRecords([Uint8Array.of(3, status, 3, 0xfe, 0xc2, 0)])).toEqual([])
  })

  it.each([1, 4, 5, 6, 7, 8, 9, 10])('in unit %d is refused, not converted', (unit) => {
    expect(() => scaleRecords([Uint8Array.of(3, 4, unit, 0xfe, 0xc2, 0)])).toThrow(
      expect.objectContaining({ code: 'PROTOCOL' }),
    )
  })

  it.each(['', '07 04 03 fe c2 00', '03 04 03 fe c2', '03 09 03 fe c2 00', '03 04 0d fe c2 00', '03 04 03 40 c2 00'])(
    '%j is none of a scale',
    (hex) => expect(() => decodeScaleReport(bytes(hex))).toThrow(expect.objectContaining({ code: 'PROTOCOL' })),
  )

  it('is exactly digits times a power of ten, or a coded error, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 8 }), fc.integer({ min: -6, max: 3 }), (input, power) => {
        for (const report of [input, Uint8Array.of(3, 4, 3, power & 0xff, input[0] ?? 0, input[1] ?? 0)]) {
          try {
            const data = decodeScaleReport(report)
            if (data === null || report === input) continue
            const digits = (input[0] ?? 0) + 256 * (input[1] ?? 0)
            expect(Number(data.value)).toBeCloseTo(digits * 10 ** power, 9)
            expect(data.value).toMatch(/^(0|[1-9]\d*)(\.\d+)?$/)
          } catch (error) {
            expect(error).toBeInstanceOf(DeviceError)
          }
        }
      }),
    )
  })
})

const zero = (reports: number): ScaleStep => ({ status: 2, digits: 0, reports })
const moving = (digits: number, reports = 2): ScaleStep => ({ status: 3, digits, reports })
const still = (digits: number, reports: number): ScaleStep => ({ status: 4, digits, reports })

/** What is offered while the steps last; `enough` ends the listening. */
async function offered(steps: ScaleStep[], faults: { keepAlives?: boolean } = {}): Promise<string[]> {
  const clock = fakeClock()
  const { device } = createVirtualScale({ clock, steps })
  Object.assign(device.faults, faults)
  const untilMs = clock.nowMs() + 200 * steps.reduce((sum, { reports }) => sum + reports, 0)
  const signal = {
    get aborted() {
      return clock.nowMs() > untilMs
    },
  }
  const { transport, sent } = watched(device.open())
  const found: string[] = []
  for await (const one of hidScale.spot?.(contextOf(transport, clock, signal)) ?? []) found.push(shown(one))
  expect(sent).toEqual([])
  return found
}

describe('a scale', () => {
  it('is recognised by its class, whoever made it, and by nothing else', () => {
    const { device } = createVirtualScale({ clock: fakeClock() })
    const info = { ...device, usagePage: 0x8d, usage: 0x20, interface: 0 }
    expect(match(info).map(({ family }) => family)).toEqual(['hid-weighing-8d'])
    expect(match({ ...info, usagePage: null })).toEqual([])
    expect(match({ ...info, usage: 0x21 })).toEqual([])
  })

  it('offers each weight once, when it has stood still twice', async () => {
    const steps = [zero(3), moving(3000), still(7240, 6), moving(2000), zero(3), moving(900), still(1230, 4), zero(2)]
    expect(await offered(steps)).toEqual(['72.40 kg', '12.30 kg'])
  })

  it('does not offer what was queued from before, nor what stands still for one report only', async () => {
    expect(await offered([still(7240, 1), zero(3), moving(10), still(6000, 1), moving(6001), zero(2)])).toEqual([])
  })

  it('offers the same weight again for the next one on it', async () => {
    expect(await offered([still(7240, 4), zero(2), moving(70), still(7240, 4), zero(2)])).toEqual([
      '72.40 kg',
      '72.40 kg',
    ])
    expect(await offered([still(7240, 4), moving(7300), still(7240, 4), zero(2)])).toEqual(['72.40 kg'])
  })

  it('says nothing of zero, of less than nothing, and of faults', async () => {
    const steps = [1, 2, 5, 6, 7, 8].map((status) => ({ status, digits: 300, reports: 4 }))
    expect(await offered(steps)).toEqual([])
  })

  it('may send its status in between', async () => {
    expect(await offered([zero(2), moving(100), still(7240, 6), zero(2)], { keepAlives: true })).toEqual(['72.40 kg'])
  })
})

describe('a scale that goes wrong', () => {
  const run = async (prepare: (scale: ReturnType<typeof createVirtualScale>) => void) => {
    const clock = fakeClock()
    const scale = createVirtualScale({ clock, steps: [zero(3), still(7240, 50)] })
    prepare(scale)
    const found: string[] = []
    const code = await codeOf(async () => {
      for await (const one of hidScale.spot?.(contextOf(scale.device.open(), clock)) ?? []) {
        found.push(shown(one))
        if (found.length === 1 && scale.device.faults.unplugAfter === null) break
      }
    })
    return { code, found }
  }

  it('asleep: SILENT', async () => {
    expect(await run(({ device }) => (device.faults.silent = true))).toEqual({ code: 'SILENT', found: [] })
  })

  it('unplugged: UNPLUGGED, at any report', async () => {
    for (let at = 0; at < 10; at++) {
      expect((await run(({ device }) => (device.faults.unplugAfter = at))).code).toBe('UNPLUGGED')
    }
  })

  it('something else behind the usage page: PROTOCOL', async () => {
    expect(await run(({ device }) => (device.faults.spoil = { byte: 0, xor: 0x70 }))).toEqual({
      code: 'PROTOCOL',
      found: [],
    })
  })

  it('a unit in which nobody is weighed: PROTOCOL', async () => {
    const clock = fakeClock()
    const { device } = createVirtualScale({ clock, unit: 4, steps: [still(100, 5)] })
    const listen = async () => {
      for await (const one of hidScale.spot?.(contextOf(device.open(), clock)) ?? []) expect(one).toBeUndefined()
    }
    expect(await codeOf(listen)).toBe('PROTOCOL')
  })

  it('one damaged or lost report: the weight all the same', async () => {
    for (let at = 0; at < 6; at++) {
      const damaged = await run(({ device }) => (device.faults.spoil = { byte: 1, xor: 0x80, at }))
      const lost = await run(({ device }) => (device.faults.loseAt = at))
      for (const result of [damaged, lost]) expect(result).toEqual({ code: 'none', found: ['72.40 kg'] })
    }
  })

  it('is weights or a coded error, whatever the reports', async () => {
    const own = fc.constantFrom('03 04 03 fe c2 00', '03 02 03 fe 00 00', '04 04', '03 03 03 fe 10 00').map(bytes)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(own, fc.uint8Array({ maxLength: 8 })), { maxLength: 60 }), async (reports) => {
        const clock = fakeClock()
        const queue = [...reports]
        const nothing = (): Promise<void> => Promise.resolve()
        const read = (ms: number): Promise<Uint8Array | null> => {
          const next = queue.shift()
          if (next === undefined) clock.advance(ms)
          return Promise.resolve(next ?? null)
        }
        const transport = { write: nothing, sendFeature: nothing, close: nothing, read }
        const listen = async () => {
          for await (const one of hidScale.spot?.(contextOf(transport, clock)) ?? []) {
            expect(Number(one.quantities[0]?.value)).toBeGreaterThanOrEqual(0)
          }
        }
        expect(['SILENT', 'PROTOCOL']).toContain(await codeOf(listen))
      }),
    )
  })
})
