import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCapture } from '../../src/devices/capture-file.ts'
import {
  decodeAutoHead,
  decodeManualHead,
  decodeStored,
  downloadCommand,
  SeriesDecoder,
} from '../../src/devices/contec-memory.ts'
import { takePacket, withChecksum7 } from '../../src/devices/contec-packets.ts'
import { DeviceError } from '../../src/devices/errors.ts'
import { encodeAutoHead, encodeAutoSeries } from '../../src/devices/virtual-contec-memory.ts'
import { captureText, codeOf, hasCapture } from '../support/device-world.ts'

const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'))

describe('the published records', () => {
  it.skipIf(!hasCapture('contec-28e9-028a/auto-spo2.hex')).each([
    ['auto', 10_425],
    ['manual', 2050],
  ] as const)('needs ../shared/data: %s equals the vendor export, value for value', (kind, count) => {
    const file = `contec-28e9-028a/${kind}-spo2.hex`
    const decoder = new SeriesDecoder(kind, 'spo2', count)
    for (const { bytes } of parseCapture(captureText(file))) if (!decoder.isComplete) decoder.add(bytes)
    const rows = captureText(file.replace('.hex', '.expected.csv')).trim().split('\n').slice(1)
    const vendor = rows.map((row) => Number(row.split(',')[2]))
    expect(decoder.values.map((value) => value ?? 127)).toEqual(vendor)
    expect(vendor).toHaveLength(count)
  })

  it('the first packets of the pulse half, as published', () => {
    const decoder = new SeriesDecoder('auto', 'pulse', null)
    decoder.add(bytesOf('ED 04 02 00 00 7F 7F 07 74 7F 08 19 19 19 1A 2B 3B 4C 4C 3B 3B 3B 3B 18 07 77 77 76 65 2A'))
    expect(decoder.values.slice(0, 4)).toEqual([71, 71, 70, 70])
  })

  it('heads, as published; the checksum of the Auto head is computed, the printed one is wrong', () => {
    const auto = bytesOf('EC 40 01 01 15 05 0F 0C 06 2A 39 51 00 00 75 73 65 72 00 00 5C')
    expect(decodeAutoHead(takePacket(auto, 0, 21))).toMatchObject({
      start: '2021-05-15T12:06:42',
      count: 10_425,
      user: 1,
      index: 1,
      isLast: true,
    })
    const manual = bytesOf('D0 00 19 07 05 10 3B 17 00 00 02 10 00 69')
    expect(decodeManualHead(takePacket(manual, 0, 14))).toMatchObject({ start: '2025-07-05T16:59:23', count: 2050 })
    expect(decodeStored(bytesOf('EF 00 01 40 00 00 00 30'))).toBe('auto')
    expect(decodeStored(bytesOf('EF 00 01 00 00 00 00 70'))).toBe('manual')
    expect(decodeStored(bytesOf('EF 00 00 00 00 00 00 6F'))).toBeNull()
  })

  it('requests, as published', () => {
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
    expect(hex(downloadCommand({ kind: 'auto', index: 1 }, 'spo2'))).toBe('9d0401010100000024')
    expect(hex(downloadCommand({ kind: 'auto', index: 1 }, 'pulse'))).toBe('9d0402010100000025')
    expect(hex(downloadCommand({ kind: 'manual', index: 0 }, 'spo2'))).toBe('a300000023')
    expect(hex(downloadCommand({ kind: 'manual', index: 0 }, 'pulse'))).toBe('a200000022')
  })
})

/** A Manual packet, for what the recording does not hold. */
const manualPacket = (flags: number, ...data: number[]) =>
  withChecksum7(
    Uint8Array.of(0xd2, 0, 0, flags & 0x7f, flags >> 7, ...Array.from({ length: 14 }, (_, k) => data[k] ?? 0)),
  )

describe('values', () => {
  it('Manual: absolute above 127, differences both ways, artifacts', () => {
    const decoder = new SeriesDecoder('manual', 'pulse', 8)
    // 128 + 12 = 140; +2 and -1; -1 (flag) and nothing more; artifact in the second place.
    decoder.add(manualPacket(0b101, 12, 0x29, 0x10, 0x1f, 0))
    expect(decoder.values).toEqual([140, 142, 141, 140, 140, 141, null, 141])
  })

  const seconds = (low: number, high: number) =>
    fc.array(
      fc.oneof(
        { arbitrary: fc.integer({ min: low, max: high }), weight: 9 },
        { arbitrary: fc.constant(null), weight: 1 },
      ),
      {
        maxLength: 600,
      },
    )
  const cuts = fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 8 })

  it('come back as they were packed, however the packets are cut into reports', () => {
    const half = fc.oneof(
      fc.record({ name: fc.constant('spo2' as const), values: seconds(0, 100) }),
      fc.record({ name: fc.constant('pulse' as const), values: seconds(0, 254) }),
    )
    fc.assert(
      fc.property(half, cuts, ({ name, values }, lengths) => {
        const bytes = Uint8Array.from(encodeAutoSeries(name, values).flatMap((packet) => [...packet]))
        const decoder = new SeriesDecoder('auto', name, values.length)
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const length = lengths[turn % lengths.length] ?? 1
          decoder.add(bytes.slice(at, at + length))
          at += length
        }
        expect(decoder.values).toEqual(values)
      }),
    )
  })

  it('heads come back too', () => {
    const head = encodeAutoHead({ start: '2026-02-28T23:59:58', user: 2, spo2: [1, 2, 3], pulse: [] }, 7, false)
    expect(decodeAutoHead(takePacket(head, 0, 21))).toMatchObject({
      start: '2026-02-28T23:59:58',
      user: 2,
      count: 3,
      index: 7,
      isLast: false,
    })
  })
})

describe('damage', () => {
  const values = Array.from({ length: 100 }, (_, second) => 92 + (second % 7))
  const packets = encodeAutoSeries('spo2', values)

  it('of any one byte is noticed', () => {
    fc.assert(
      fc.property(fc.nat(packets.length - 1), fc.nat(29), fc.integer({ min: 1, max: 255 }), (which, byte, xor) => {
        const decoder = new SeriesDecoder('auto', 'spo2', values.length)
        const all = packets.map((packet) => packet.slice())
        all[which]![byte]! ^= xor
        expect(() => all.forEach((packet) => decoder.add(packet))).toThrow(DeviceError)
      }),
    )
  })

  it.each([
    ['left out', [0, 2, 3]],
    ['twice', [0, 1, 1, 2]],
    ['in another order', [1, 0]],
  ])('a packet %s is noticed', async (_, order) => {
    const decoder = new SeriesDecoder('auto', 'spo2', values.length)
    expect(await codeOf(() => order.forEach((which) => decoder.add(packets[which]!)))).toBe('PROTOCOL')
  })

  it('any bytes give values of the quantity or a coded error, and never more than the count', () => {
    const head = fc.constantFrom(...([[0xed, 4, 1], [0xed, 4, 2], [0xd3], [0xd2], []] as const))
    const packet = fc
      .tuple(head, fc.array(fc.nat(127), { minLength: 26, maxLength: 26 }), fc.boolean())
      .map(([start, rest, isAuto]) => {
        const body = [...start, 0, 0, ...rest].slice(0, isAuto ? 29 : 19)
        return withChecksum7(Uint8Array.from(body))
      })
    const report = fc.oneof(packet, fc.uint8Array({ maxLength: 64 }))
    const kinds = fc.constantFrom('auto' as const, 'manual' as const)
    const names = fc.constantFrom('spo2' as const, 'pulse' as const)
    fc.assert(
      fc.property(kinds, names, fc.nat(200), fc.array(report, { maxLength: 20 }), (kind, name, count, reports) => {
        const decoder = new SeriesDecoder(kind, name, count)
        try {
          for (const bytes of reports) decoder.add(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(DeviceError)
        }
        expect(decoder.values.length).toBeLessThanOrEqual(count)
        for (const value of decoder.values) {
          if (value === null) continue
          expect(value).toBeGreaterThanOrEqual(0)
          expect(value).toBeLessThanOrEqual(name === 'spo2' ? 100 : 254)
        }
      }),
    )
  })

  it('a count beyond a day is refused', async () => {
    const head = encodeAutoHead({ start: '2026-01-01T00:00:00', user: 1, spo2: [], pulse: [] }, 1, true)
    head.set([0x7f, 0x7f, 0x7f], 10)
    expect(await codeOf(() => decodeAutoHead(head))).toBe('PROTOCOL')
  })
})
