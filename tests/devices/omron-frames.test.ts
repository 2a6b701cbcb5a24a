import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../src/shared/bytes.ts'
import { DeviceError } from '../../src/devices/errors.ts'
import {
  decodeRecord,
  decodeReply,
  decodeReport,
  encodeCount,
  encodeReading,
  encodeReply,
  encodeReports,
  OMRON,
} from '../../src/devices/omron-frames.ts'
import { bytes } from '../support/device-world.ts'

/** A record as published: its 13 bytes and their XOR. */
const bodyOf = (hex: string): Uint8Array => decodeReply(concatBytes(OMRON.ok, Uint8Array.of(0), bytes(hex)))

const valuesOf = (hex: string): unknown[] => {
  const { deviceTime, quantities } = decodeRecord(bodyOf(hex), 0)
  return [deviceTime, ...quantities.map(({ name, value, ucum }) => `${name} ${value} ${ucum}`)]
}

// Records published by openyou/libomron with sessions of an HEM-790IT; the first two are in the vendor's own export.
describe('published records', () => {
  it.each([
    ['07 01 01 00 06 26 00 00 7b 4e 57 00 00 45', '2007-01-01T00:06:38', 123, 78, 87],
    ['07 01 02 00 08 26 00 00 78 49 43 00 00 58', '2007-01-02T00:08:38', 120, 73, 67],
    ['08 04 15 10 12 26 00 00 77 4f 4f 00 00 4a', '2008-04-21T16:18:38', 119, 79, 79],
    ['08 04 15 10 0a 2e 00 00 81 4e 4d 00 00 af', '2008-04-21T16:10:46', 129, 78, 77],
    ['07 01 03 00 06 33 00 00 70 4b 47 00 00 4c', '2007-01-03T00:06:51', 112, 75, 71],
  ])('%s', (hex, time, systolic, diastolic, pulse) => {
    const expected = [time, `systolic ${systolic} mm[Hg]`, `diastolic ${diastolic} mm[Hg]`, `pulse ${pulse} /min`]
    expect(valuesOf(hex)).toEqual(expected)
  })
})

/** The first published record with some bytes changed. */
const record = (changes: Record<number, number>): Uint8Array => {
  const body = Uint8Array.of(0, ...bytes('07 01 01 00 06 26 00 00 7b 4e 57 00 00'))
  for (const [at, value] of Object.entries(changes)) body[Number(at) + 1] = value
  return body
}

describe('a record', () => {
  it('keeps every status bit as a code', () => {
    expect(decodeRecord(record({ 12: 0x03 }), 0).flags).toEqual(['irregular-pulse', 'movement'])
    expect(decodeRecord(record({ 12: 0x20 }), 0).flags).toEqual(['series-2'])
    expect(decodeRecord(record({ 11: 0x80, 12: 0x04 }), 0).flags).toEqual(['status-0x8004'])
  })

  it('has few flags even when all bits are set', () => {
    const { flags } = decodeRecord(record({ 1: 0, 11: 0xff, 12: 0xff }), 1)
    const expected = ['device-time-invalid', 'irregular-pulse', 'movement', 'series-3', 'status-0xffcc', 'user-b']
    expect(flags).toEqual(expected)
  })

  it('takes pressures above 255 from both bytes', () => {
    expect(decodeRecord(record({ 7: 1, 8: 4 }), 0).quantities[0]?.value).toBe('260')
  })

  it.each([{ 1: 13 }, { 1: 0 }, { 2: 32 }, { 1: 2, 2: 29 }, { 3: 24 }, { 4: 60 }, { 5: 60 }])(
    'with the impossible time %j has none, says so, and is kept',
    (changes) => {
      const { deviceTime, flags, quantities } = decodeRecord(record(changes), 0)
      expect([deviceTime, flags]).toEqual([null, ['device-time-invalid']])
      expect(quantities[0]?.value).toBe('123')
    },
  )

  it('knows leap years', () =>
    expect(decodeRecord(record({ 0: 8, 1: 2, 2: 29 }), 0).deviceTime).toContain('2008-02-29'))

  it('in an unknown unit is refused, not guessed', () => {
    expect(() => decodeRecord(record({ 6: 1 }), 0)).toThrow(expect.objectContaining({ code: 'PROTOCOL' }))
  })

  it('has a key of its own bytes and user', () => {
    const keys = [decodeRecord(record({}), 0), decodeRecord(record({}), 1), decodeRecord(record({ 8: 1 }), 0)]
    expect(new Set(keys.map(({ recordKey }) => recordKey)).size).toBe(3)
    expect(decodeRecord(record({}), 0)).toEqual(decodeRecord(record({}), 0))
    expect(decodeRecord(record({}), 1).flags).toEqual(['user-b'])
  })
})

// From the captured sessions of the vendor's program.
describe('commands', () => {
  it.each([
    ['version', OMRON.version, ['0556455230300000']],
    ['end', OMRON.end, ['05454e44ffff0000']],
    ['count of user A', encodeCount(0), ['0747444300000000', '0100000000000000']],
    ['reading 1 of user A', encodeReading(0, 1), ['07474d4500000001', '0101000000000000']],
  ])('%s', (_, message, hex) => {
    expect(encodeReports(message).map((report) => Buffer.from(report).toString('hex'))).toEqual(hex)
  })

  it('wakes with four full reports and a short one', () => {
    expect(encodeReports(OMRON.wake).map(([count]) => count)).toEqual([7, 7, 7, 7, 2])
  })
})

describe('reports and replies', () => {
  it('cut by the count, whatever is left over behind it', () => {
    expect(decodeReport(bytes('03 00 00 45 00 7b 4e 57'))).toEqual({ kind: 'data', bytes: bytes('000045') })
    expect(decodeReport(bytes('08 60 00 00 00 00 00 00'))).toEqual({ kind: 'not-ready' })
    expect(decodeReport(bytes('00 00 00 00 00 00 00 00'))).toEqual({ kind: 'empty' })
  })

  it('put together again what was cut', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), (message) => {
        const parts = encodeReports(message).map((report) => decodeReport(report))
        expect(concatBytes(...parts.map((part) => (part.kind === 'data' ? part.bytes : bytes(''))))).toEqual(message)
      }),
    )
  })

  it('show any single changed byte of a reply', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 20 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (body, where, change) => {
          const reply = encodeReply(body)
          expect(decodeReply(reply)).toEqual(body)
          const at = where % reply.length
          reply[at] = reply[at]! ^ change
          expect(() => decodeReply(reply)).toThrow(DeviceError)
        },
      ),
    )
  })

  it('are a value or a coded error, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (input) => {
        for (const decode of [decodeReport, decodeReply, (body: Uint8Array) => decodeRecord(body, 0)]) {
          try {
            decode(input)
          } catch (error) {
            expect(error).toBeInstanceOf(DeviceError)
          }
        }
      }),
    )
  })
})
