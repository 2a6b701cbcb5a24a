import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { match } from '../../src/devices/driver-table.ts'
import { DeviceError } from '../../src/devices/errors.ts'
import type { Measurement } from '../../src/devices/measurement.ts'
import { decodeTemperReply, divisorOf, TEMPER, temperRecords, temperStick } from '../../src/devices/pcsensor-temper.ts'
import { createVirtualTemper } from '../../src/devices/virtual-temper.ts'
import { toHex } from '../../src/shared/bytes.ts'
import { bytes, codeOf, contextOf, fakeClock, watched } from '../support/device-world.ts'
import { line } from '../support/readings-text.ts'

// Replies published by urwen/temper and ccwienk/temper, and in their issues.
const PUBLISHED = [
  ['TEMPerGold_V3.1', '80 80 09 21 4e 20 00 00', ['23.37']],
  ['TEMPerGold_V3.5', '80 80 0b 3b 4e 20 00 00', ['28.75']],
  ['TEMPer2_V3.7', '80 80 0d 54 4e 20 00 00 80 01 0a f0 4e 20 00 00', ['34.12', '28.00 probe']],
  ['TEMPer2_V4.1', '80 80 0b 54 4e 20 00 00 80 01 09 ca 4e 20 00 00', ['29.00', '25.06 probe']],
  ['TEMPer2_V4.1', '80 80 09 e9 4e 20 00 00 80 01 09 08 4e 20 00 00', ['25.37', '23.12 probe']],
  ['TEMPerHUM_V3.9', '80 20 09 6d 18 d8 00 00', ['24.13 63.60']],
  ['TEMPerHUM_V4.1', '80 20 09 39 10 36 00 00', ['23.61 41.50']],
  ['TEMPer1F1.1', '80 02 13 50 65 72 31 46', ['19.3125']],
  ['TEMPer1F1.2', '80 02 1a 20 65 72 46 31', ['26.125']],
] as const

const textOf = (found: readonly Measurement[]): string[] => found.map((one) => line(one).replace('no-time ', ''))

describe('published replies', () => {
  it.each(PUBLISHED)('%s: %s', (firmware, reply, expected) => {
    expect(textOf(temperRecords([bytes(reply)]))).toEqual(expected)
    const divisor = divisorOf(firmware)
    expect(decodeTemperReply(bytes(reply), divisor).map(({ celsius }) => celsius)).toEqual(
      expected.map((text) => text.split(' ')[0]),
    )
  })

  it('give the same with a sensor a line, and what the stick says of itself between them', () => {
    const lines = ['54 45 4d 50 65 72 32 5f', '80 80 0d 54 4e 20 00 00', '80 01 0a f0 4e 20 00 00'].map(bytes)
    expect(textOf(temperRecords(lines))).toEqual(['34.12', '28.00 probe'])
  })
})

describe('a reply', () => {
  it('below zero has its sign', () => {
    expect(textOf(temperRecords([bytes('80 80 ff 9c 4e 20 00 00')]))).toEqual(['-1.00'])
    expect(textOf(temperRecords([bytes('80 80 f8 30 4e 20 00 00')]))).toEqual(['-20.00'])
    expect(textOf(temperRecords([bytes('80 02 ff f0 65 72 31 46')]))).toEqual(['-0.0625'])
  })

  it('without a sensor is no temperature, and never 200 degrees', () => {
    expect(textOf(temperRecords([bytes('80 80 4e 20 4e 20 00 00 80 01 09 ca 4e 20 00 00')]))).toEqual(['25.06 probe'])
    expect(() => temperRecords([bytes('80 80 4e 20 4e 20 00 00')])).toThrow(DeviceError)
  })

  it.each([
    ['', 100],
    ['80 80 09', 100],
    ['81 80 09 21 4e 20 00 00', 100],
    ['80 80 7f ff 4e 20 00 00', 100], // 327.67 degrees
    ['80 02 13 50 65 72 31 46', 100], // counts in another unit than the firmware said
    ['80 80 09 21 4e 20 00 00', 256],
  ] as const)('%j of a firmware that counts by %d is refused', (reply, divisor) => {
    expect(() => decodeTemperReply(bytes(reply), divisor)).toThrow(expect.objectContaining({ code: 'PROTOCOL' }))
  })

  it('is a temperature that a sensor can have, or a coded error, whatever the bytes', () => {
    const reply = fc.uint8Array({ minLength: 0, maxLength: 16 })
    const plausible = fc.uint8Array({ minLength: 14, maxLength: 14 }).map((rest) => Uint8Array.of(0x80, 0x80, ...rest))
    fc.assert(
      fc.property(fc.oneof(reply, plausible), fc.constantFrom(100, 256, null), (input, divisor) => {
        try {
          for (const { celsius } of decodeTemperReply(input, divisor)) {
            expect(Number(celsius)).toBeGreaterThanOrEqual(-55)
            expect(Number(celsius)).toBeLessThanOrEqual(125)
            expect(celsius).toMatch(/^-?\d+(\.\d{1,4})?$/)
          }
        } catch (error) {
          expect(error).toBeInstanceOf(DeviceError)
        }
      }),
    )
  })
})

describe('firmware', () => {
  it.each([
    ['TEMPerF1.4', 256],
    ['TEMPerX_V3.3', 100],
    ['TEMPer2_M12_V1.3', null],
    ['TEMPer1F_V3.9', null],
    ['RELAY_V1.0', null],
    ['', null],
  ])('%j counts by %j', (firmware, divisor) => expect(divisorOf(firmware)).toBe(divisor))
})

const world = (options: Partial<Parameters<typeof createVirtualTemper>[0]> = {}) => {
  const clock = fakeClock()
  return { clock, device: createVirtualTemper({ clock, ...options }) }
}

/** The first `count` measurements. */
async function take(found: AsyncGenerator<Measurement> | undefined, count: number): Promise<Measurement[]> {
  const taken: Measurement[] = []
  if (count > 0) for await (const one of found ?? []) if (taken.push(one) === count) break
  return taken
}

describe('a stick', () => {
  it('is recognised on its second interface: the first one is a keyboard', () => {
    const info = { ...world().device, usagePage: 0xff00, usage: 1 }
    expect(match({ ...info, interface: 1 }).map(({ family }) => family)).toEqual(['pcsensor-temper'])
    expect(match({ ...info, interface: 0 })).toEqual([])
    // The BM58 has the same vendor.
    const beurer = { ...info, vendorId: 0x0c45, productId: 0x7406, interface: 0 }
    expect(match(beurer).map(({ family }) => family)).toEqual(['beurer-0c45-7406'])
  })

  it('is asked who it is and what it measures, and nothing else', async () => {
    const { clock, device } = world({ hundredths: () => [2150, 412] })
    const { transport, sent } = watched(device.open())
    const context = contextOf(transport, clock)
    expect(await temperStick.probe(context)).toEqual({ model: 'TEMPer2_V4.1', serial: null })
    const found = await take(temperStick.spot?.(context), 4)
    expect(textOf(found)).toEqual(['21.50', '4.12 probe', '21.50', '4.12 probe'])
    expect(new Set(sent)).toEqual(new Set([toHex(TEMPER.firmware), toHex(TEMPER.read)]))
    expect(new Set(found.map(({ recordKey }) => recordKey)).size).toBe(4)
  })

  it('measures rooms, never patients', async () => {
    const { clock, device } = world()
    for (const { purpose, kind } of await take(temperStick.spot?.(contextOf(device.open(), clock)), 2)) {
      expect([purpose, kind]).toEqual(['room', 'environment'])
    }
  })

  it('without a probe has one reading at a time, ten seconds apart', async () => {
    const { clock, device } = world({ firmware: 'TEMPerGold_V3.1', hundredths: () => [2337, null] })
    const startMs = clock.nowMs()
    expect(textOf(await take(temperStick.spot?.(contextOf(device.open(), clock)), 3))).toEqual(Array(3).fill('23.37'))
    expect(clock.nowMs() - startMs).toBeGreaterThanOrEqual(20_000)
    expect(clock.nowMs() - startMs).toBeLessThan(22_000)
  })

  it.each([
    ['silent', 'SILENT'],
    ['wrongModel', 'WRONG_MODEL'],
  ] as const)('%s: %s, and works afterwards', async (fault, code) => {
    const { clock, device } = world()
    device.faults[fault] = true
    expect(await codeOf(() => temperStick.probe(contextOf(device.open(), clock)))).toBe(code)
    expect(await codeOf(() => take(temperStick.spot?.(contextOf(device.open(), clock)), 1))).toBe(code)
    device.faults[fault] = false
    expect(await take(temperStick.spot?.(contextOf(device.open(), clock)), 2)).toHaveLength(2)
  })

  it('asks again after a lost or damaged reply', async () => {
    for (let at = 2; at < 4; at++) {
      const { clock, device } = world({ hundredths: () => [2150, 412] })
      device.faults.spoil = { byte: 0, xor: 0x40, at }
      expect(textOf(await take(temperStick.spot?.(contextOf(device.open(), clock)), 2))).toEqual([
        '21.50',
        '4.12 probe',
      ])
    }
    const { clock, device } = world()
    device.faults.refusals = 2
    expect(await take(temperStick.spot?.(contextOf(device.open(), clock)), 2)).toHaveLength(2)
  })

  it('is unplugged at any report, and ends quietly when nobody listens any more', async () => {
    for (let at = 0; at < 8; at++) {
      const { clock, device } = world()
      device.faults.unplugAfter = at
      expect(await codeOf(() => take(temperStick.spot?.(contextOf(device.open(), clock)), 20))).toBe('UNPLUGGED')
    }
    const { clock, device } = world()
    const signal = { aborted: false }
    const found: Measurement[] = []
    for await (const one of temperStick.spot?.(contextOf(device.open(), clock, signal)) ?? []) {
      found.push(one)
      signal.aborted = true
    }
    expect(found).toHaveLength(2)
  })
})
