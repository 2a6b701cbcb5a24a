import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeAnswer, sumOf } from '../../src/devices/taidoc-packets.ts'
import { decodeRecord, decodeWeight, modelOf, timeOf, type TaidocKind } from '../../src/devices/taidoc-records.ts'
import { bytes, codeOf } from '../support/device-world.ts'

const TIME = bytes('21 24 0e 15')
const shown = (kind: TaidocKind, value: string, time = TIME) => {
  const entry = decodeRecord(kind, time, bytes(value))
  if (entry.kind !== 'reading') return entry.kind
  const { measurement } = entry
  const quantities = measurement.quantities.map(({ comparator, value: digits, ucum }) =>
    [comparator ?? '', digits ?? '-', ucum].join(' ').trim(),
  )
  return [measurement.kind, ...quantities, measurement.deviceTime, measurement.control, ...measurement.flags]
}
const at = '2018-01-01T21:14:00'
const EXPERIMENTAL = 'experimental-decoder'

describe('a time', () => {
  // glucometerutils test_td42xx.py
  it.each([
    ['21 24 0e 15', '2018-01-01T21:14:00'],
    ['21 26 0e 15', '2019-01-01T21:14:00'],
    ['04 27 25 0d', '2019-08-04T13:37:00'],
  ])('%s is %s', (hex, time) => {
    expect(timeOf(bytes(hex))).toBe(time)
  })

  it('that does not exist is none', () => {
    expect(timeOf(bytes('00 00 00 00'))).toBeNull()
    expect(timeOf(bytes('21 24 3c 15'))).toBeNull()
  })
})

describe('a model', () => {
  it('is a number in decimals', () => {
    expect(modelOf(bytes('77 42 00 00'))).toEqual({ model: 'TD-4277', kind: 'glucose' })
    expect(modelOf(bytes('61 12 00 00'))).toEqual({ model: 'TD-1261', kind: 'temperature' })
  })

  it('that is not in the table is not guessed', async () => {
    expect(await codeOf(() => modelOf(bytes('34 12 00 00')))).toBe('WRONG_MODEL')
    expect(await codeOf(() => modelOf(bytes('ff ff 00 00')))).toBe('WRONG_MODEL')
  })
})

describe('a record', () => {
  it.each<[TaidocKind, string, unknown]>([
    // Constructed values of the reference.
    ['glucose', '68 00 00 40', ['glucose', '104 mg/dL', at, false, 'before-meal']],
    [
      'blood-pressure',
      '7b 00 4e 42',
      ['blood-pressure', '123 mm[Hg]', '78 mm[Hg]', '66 /min', at, false, EXPERIMENTAL],
    ],
    ['temperature', '70 01 00 00', ['temperature', '36.8 Cel', at, false, EXPERIMENTAL]],
    // From the description.
    ['glucose', '68 00 00 80', ['glucose', '104 mg/dL', at, false, 'after-meal']],
    ['glucose', '68 00 00 c0', ['glucose', '104 mg/dL', at, true]],
    ['glucose', '13 00 00 00', ['glucose', '< 20 mg/dL', at, false, 'off-scale']],
    ['glucose', '59 02 00 00', ['glucose', '> 600 mg/dL', at, false, 'off-scale']],
    ['glucose', '68 00 05 02', ['glucose', '104 mg/dL', at, false, 'status-0x0205']],
    ['glucose', '68 00 00 1c', ['ketone', '- mmol/L', at, false]],
    ['glucose', '68 00 00 18', 'other'],
    [
      'blood-pressure',
      '2c 01 4e 42',
      ['blood-pressure', '300 mm[Hg]', '78 mm[Hg]', '66 /min', at, false, EXPERIMENTAL],
    ],
    ['blood-pressure', '00 00 4e 42', 'other'],
    ['blood-pressure', '7b 00 4e 00', 'other'],
    ['temperature', '64 0e 00 00', ['temperature', '36.84 Cel', at, false, EXPERIMENTAL]],
    ['temperature', 'e8 03 00 00', ['temperature', '10.00 Cel', at, false, EXPERIMENTAL]],
    ['temperature', 'e7 03 00 00', ['temperature', '99.9 Cel', at, false, EXPERIMENTAL]],
    ['temperature', '00 00 00 00', 'other'],
    ['spo2', '61 00 00 48', ['spo2', '97 %', '72 /min', at, false, EXPERIMENTAL]],
    ['spo2', '61 00 00 00', 'other'],
  ])('of %s: %s', (kind, value, wanted) => {
    expect(shown(kind, value)).toEqual(wanted)
  })

  it('keeps the bits of its time that are no time', () => {
    expect(shown('glucose', '68 00 00 00', bytes('21 24 8e 95'))).toEqual([
      'glucose',
      '104 mg/dL',
      at,
      false,
      'time-0x8080',
    ])
  })

  it('has the same key however its meal is marked', () => {
    const key = (value: string): string => {
      const entry = decodeRecord('glucose', TIME, bytes(value))
      return entry.kind === 'reading' ? entry.measurement.recordKey : ''
    }
    expect(key('68 00 00 80')).toBe(key('68 00 00 40'))
    expect(key('69 00 00 40')).not.toBe(key('68 00 00 40'))
  })

  it('without a time says so', () => {
    expect(shown('glucose', '68 00 00 00', bytes('00 00 00 00'))).toContain('device-time-invalid')
  })

  it.each<[TaidocKind, string]>([
    ['blood-pressure', 'ff ff 4e 42'],
    ['spo2', '65 00 00 48'],
  ])('of %s with %s is refused', async (kind, value) => {
    expect(await codeOf(() => decodeRecord(kind, TIME, bytes(value)))).toBe('PROTOCOL')
  })

  it('is an entry or a DeviceError whatever its bytes', async () => {
    const four = fc.uint8Array({ minLength: 4, maxLength: 4 })
    const kinds = fc.constantFrom<TaidocKind>('glucose', 'blood-pressure', 'temperature', 'spo2', 'weight')
    await fc.assert(
      fc.asyncProperty(kinds, four, four, async (kind, time, value) => {
        expect(['none', 'PROTOCOL']).toContain(await codeOf(() => decodeRecord(kind, time, value)))
      }),
    )
  })
})

describe("a scale's answer", () => {
  const answer = (tenths: number, length = 32): Uint8Array => {
    const whole = new Uint8Array(length)
    whole.set([0x51, 0x71])
    whole.set([tenths >> 8, tenths & 0xff], 16)
    whole[length - 2] = 0xa5
    whole[length - 1] = sumOf(whole.subarray(0, -1))
    return whole
  }

  it.each([32, 40])('of %i bytes holds the last weight, but not its time', (length) => {
    expect(decodeWeight(answer(724, length))).toMatchObject({
      kind: 'weight',
      quantities: [{ value: '72.4', ucum: 'kg' }],
      deviceTime: null,
      flags: ['device-time-invalid', EXPERIMENTAL],
    })
  })

  it('of zero holds none', () => {
    expect(decodeWeight(answer(0))).toBeNull()
  })

  it('notices any changed byte', async () => {
    for (let index = 0; index < 32; index++) {
      const changed = answer(724)
      changed[index] = (changed[index] ?? 0) ^ 0x10
      expect(['PROTOCOL', 'CHECKSUM']).toContain(await codeOf(() => decodeWeight(changed)))
    }
  })

  it('of another length is refused', async () => {
    expect(await codeOf(() => decodeWeight(answer(724, 33)))).toBe('PROTOCOL')
    expect(await codeOf(() => decodeWeight(encodeAnswer(0x71)))).toBe('PROTOCOL')
  })
})
