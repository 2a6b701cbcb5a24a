import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DeviceError } from '../../src/devices/errors.ts'
import {
  decodeBlock,
  decodeFrame,
  decodeMemoryRecord,
  encodeAnswer,
  encodeRead,
  OMRON_MEMORY,
} from '../../src/devices/omron-memory.ts'
import { omronMemoryRecords } from '../../src/devices/omron-0590-0090.ts'
import { encodeMemoryRecord } from '../../src/devices/virtual-omron-memory.ts'
import { toHex } from '../../src/shared/bytes.ts'
import { bytes } from '../support/device-world.ts'
import { line } from '../support/readings-text.ts'

// LazyT/obpm sends exactly these.
describe('commands', () => {
  it.each([
    ['start', OMRON_MEMORY.start, '020800000000100018'],
    ['read 0x02ac', encodeRead(0x02ac), '0208010002ac28008f'],
    ['end', OMRON_MEMORY.end, '02080f000000000007'],
  ])('%s', (_, command, hex) => expect(toHex(command)).toBe(hex))
})

// A real frame of a sibling over Bluetooth (userx14/omblepy issue 57): a block of settings.
const SETTINGS =
  '2e 81 00 02 60 26 40 1e 80 2d 80 00 80 00 09 4d ff 09 86 5e 09 4d ff 09 86 5e 08 c8 09 19 12 12 2c 1b 85 5d f8 35 68 51 14 e0 02 da 00 ff 00 00'
// Composed from the layout in obpm and omblepy.
const BLOCK =
  '02 30 81 00 02 ac 28 4e 62 12 42 4c ae 01 dd 00 00 00 00 00 00 51 6a 12 48 0c c8 07 bf 00 00 00 00 00 00 ff ff ff ff ff ff ff ff ff ff ff ff 00 68'

describe('frames', () => {
  it('read the real one', () => {
    const { type, address, data } = decodeFrame(bytes(`02 ${SETTINGS}`))
    expect([type, address, data.length]).toEqual([0x8100, 0x0260, 38])
  })

  it('accept one more zero in front, and anything behind', () => {
    const frame = bytes(BLOCK)
    expect(decodeBlock(Uint8Array.of(0, ...frame, 0xa5, 0xa5), 0x02ac)).toEqual(decodeBlock(frame, 0x02ac))
  })

  it('of another address, type or size are not the answer', () => {
    expect(() => decodeBlock(bytes(BLOCK), 0x02d4)).toThrow(expect.objectContaining({ code: 'PROTOCOL' }))
    for (const frame of [encodeAnswer('end', 0x02ac, new Uint8Array(40)), encodeAnswer('read', 0x02ac, bytes('00'))]) {
      expect(() => decodeBlock(frame, 0x02ac)).toThrow(expect.objectContaining({ code: 'PROTOCOL' }))
    }
  })

  it('show any single changed byte', () => {
    const clean = decodeBlock(bytes(BLOCK), 0x02ac)
    for (let at = 0; at < bytes(BLOCK).length; at++) {
      for (let xor = 1; xor < 256; xor++) {
        const frame = bytes(BLOCK)
        frame[at] = frame[at]! ^ xor
        try {
          // A first byte 0 moves the frame by one: then the length is 2 or the id is not there.
          expect(toHex(decodeBlock(frame, 0x02ac))).toBe(`noticed, not ${toHex(clean)}`)
        } catch (error) {
          expect(error).toBeInstanceOf(DeviceError)
        }
      }
    }
  })

  it('are a block or a coded error, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (report, isNumbered) => {
        try {
          decodeFrame(isNumbered ? Uint8Array.of(2, ...report) : report)
        } catch (error) {
          expect(error).toBeInstanceOf(DeviceError)
        }
      }),
    )
  })
})

describe('records', () => {
  it('read the constructed ones, whole answers and single', () => {
    const expected = [
      '1 2018-03-05T14:07:29 123 78 66 irregular-pulse',
      // Its seconds are 63: more than a minute has.
      '1 2018-03-06T08:30:59 131 81 72',
    ]
    expect(omronMemoryRecords([bytes(BLOCK)]).map(line)).toEqual(expected)
    const single = omronMemoryRecords([bytes('4e 62 12 42 4c ae 01 dd 00 00 00 00 00 00')])
    expect(single.map(line)).toEqual([expected[0]!.slice(2)])
    expect(omronMemoryRecords([bytes(`02 ${SETTINGS}`)])).toEqual([])
  })

  it('keep the bits that nobody has explained', () => {
    const raw = bytes('4e 62 12 42 8c ae 51 dd 00 00 00 00 00 07')
    expect(decodeMemoryRecord(raw, '2', '2').flags).toEqual(['movement', 'status-0x50000000000007'])
  })

  it('with an impossible time have none, and are kept', () => {
    const raw = bytes('4e 62 12 42 00 00 01 dd 00 00 00 00 00 00')
    expect(line(decodeMemoryRecord(raw, '1', '1'))).toBe('1 no-time 123 78 66 device-time-invalid')
  })

  it('give back what was written', () => {
    const record = fc.record({
      time: fc
        .integer({ min: Date.UTC(2001, 0, 1), max: Date.UTC(2099, 0, 1) })
        .map((ms) => new Date(ms).toISOString().slice(0, 19)),
      systolic: fc.integer({ min: 25, max: 280 }),
      diastolic: fc.integer({ min: 0, max: 255 }),
      pulse: fc.integer({ min: 0, max: 255 }),
      flags: fc.nat(3),
    })
    fc.assert(
      fc.property(record, (written) => {
        const { time, systolic, diastolic, pulse, flags } = written
        const marks = [...((flags & 1) === 1 ? ['irregular-pulse'] : []), ...(flags > 1 ? ['movement'] : [])]
        const text = ['1', time, systolic, diastolic, pulse, ...marks].join(' ')
        expect(line(decodeMemoryRecord(encodeMemoryRecord(written), '1', '1'))).toBe(text)
      }),
    )
  })
})
