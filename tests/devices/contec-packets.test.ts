import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeLiveReport, encodeNumbers, encodeWave, type LivePacket } from '../../src/devices/contec-packets.ts'
import { DeviceError } from '../../src/devices/errors.ts'
import { bytes } from '../support/device-world.ts'

/** `packets` in one 64-byte report. */
function report(...packets: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(64)
  whole.set(packets.flatMap((packet) => [...packet]))
  return whole
}

const only = (hex: string): LivePacket => {
  const packets = decodeLiveReport(report(bytes(hex)))
  expect(packets).toHaveLength(1)
  return packets[0]!
}

// Bytes published by icefest/pulseoxdl with the vendor's export; the second and third are built from its layout.
describe('published packets', () => {
  it.each([
    ['first row of the vendor export', 'eb 01 04 51 5f 7f 00 1f', 95, 81, 127],
    ['pulse above 127', 'eb 01 06 0c 61 2d 01 0d', 97, 140, 173],
    ['finger out', 'eb 01 04 7f 7f 7f 00 6d', null, null, 127],
  ])('%s', (_, hex, spo2, pulse, perfusion) => {
    expect(only(hex)).toMatchObject({ kind: 'numbers', spo2, pulse, perfusion, raw: bytes(hex) })
  })

  it('reads wave points, and the mark of a missing finger', () => {
    expect(only('eb 00 06 27 04 1c')).toMatchObject({ kind: 'wave', point: 0x27, finger: true })
    expect(only('eb 00 04 40 60 0f')).toMatchObject({ kind: 'wave', point: 0x40, finger: false })
  })

  it('finds the numbers behind other packets of a report', () => {
    const packets = decodeLiveReport(report(bytes('eb0006180 30c'.replace(' ', '')), bytes('eb0104515f7f001f')))
    expect(packets.map(({ kind }) => kind)).toEqual(['wave', 'numbers'])
  })

  it('knows the end of the stream', () => expect(only('eb 7f 6a').kind).toBe('stopped'))
})

const wave = fc.tuple(fc.nat(127), fc.nat(15)).map(([point, bar]) => encodeWave(point, bar))
const numbers = fc
  .tuple(fc.option(fc.integer({ min: 1, max: 100 })), fc.integer({ min: 1, max: 254 }), fc.nat(16383))
  .map(([spo2, pulse, perfusion]) => encodeNumbers(spo2, spo2 === null ? null : pulse, perfusion))
const packet = fc.oneof({ weight: 3, arbitrary: wave }, numbers)
/** Fits into one report in any order. */
const packets = fc.array(packet, { minLength: 1, maxLength: 7 })

describe('any report', () => {
  it('gives the packets that were put in, however they are spread over reports', () => {
    fc.assert(
      fc.property(packets, fc.nat(7), (all, cut) => {
        const split = [all.slice(0, cut), all.slice(cut)].flatMap((part) => decodeLiveReport(report(...part)))
        expect(split.map(({ raw }) => raw)).toEqual(all)
      }),
    )
  })

  it('shows any single changed byte', () => {
    fc.assert(
      fc.property(packets, fc.nat(63), fc.integer({ min: 1, max: 255 }), (all, at, change) => {
        const damaged = report(...all)
        damaged[at] = damaged[at]! ^ change
        expect(() => decodeLiveReport(damaged)).toThrow(DeviceError)
      }),
      { numRuns: 2000 },
    )
  })

  it('is packets or a coded error, whatever the bytes', () => {
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc.uint8Array({ maxLength: 62 }).map((tail) => Uint8Array.of(0xeb, 0x01, ...tail)),
    )
    fc.assert(
      fc.property(hostile, (input) => {
        try {
          for (const found of decodeLiveReport(input)) {
            if (found.kind === 'numbers' && found.spo2 !== null) expect(found.spo2).toBeLessThanOrEqual(100)
          }
        } catch (error) {
          expect(error).toBeInstanceOf(DeviceError)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
