import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc16 } from '../../src/devices/libre-frames.ts'
import { decodeLibreRecord, readerTimeOf } from '../../src/devices/libre-records.ts'
import { bytes, codeOf } from '../support/device-world.ts'

/** 2020-01-01T00:00:00 minus the time of the newest of the real records: makes their dates easy to read. */
const EPOCH_S = Date.parse('2020-01-01T00:00:00Z') / 1000 - (84_958_035 - 12_836)

const measurementOf = (record: Uint8Array, epochS: number | null = EPOCH_S) => {
  const entry = decodeLibreRecord(record, epochS)
  if (entry.kind !== 'reading') throw new Error(entry.kind)
  return entry.measurement
}
const shown = (record: Uint8Array, epochS: number | null = EPOCH_S) => {
  const { kind, quantities, deviceTime, flags } = measurementOf(record, epochS)
  return [kind, quantities[0]?.comparator, quantities[0]?.value, quantities[0]?.ucum, deviceTime, ...flags]
}

/** A record with its CRC, from the head and data after the table's number. */
const record = (table: number, hex: string): Uint8Array => {
  const body = bytes(hex)
  const crc = crc16(body)
  return Uint8Array.of(table, ...body, crc & 0xff, crc >> 8)
}
const history = (value: string, quality = '00 00', valid = '80') =>
  record(6, `a4 90 0c ${valid} 53 5b 10 05 dc cd ff ff ${value} e0 1f ${quality}`)
const result = (value: string, quality = '00 00', type = '02') =>
  record(0, `a4 90 ${type} 80 53 5b 10 05 dc cd ff ff ${value} 00 00 00 00 00 00 00 00 ${quality}`)

describe('records of a real sensor', () => {
  // tidepool-org/uploader, test/lib/abbott/testFreeStyleLibreData.js
  it.each([
    ['06 a4 90 0c 80 53 5b 10 05 dc cd ff ff 4b 00 e0 1f 00 00 45 f8', '75', '2020-01-01T00:00:00'],
    ['06 a3 90 0c 80 cf 57 10 05 dc cd ff ff 50 00 d1 1f 00 00 08 da', '80', '2019-12-31T23:45:00'],
    ['06 a2 90 0c 80 4b 54 10 05 dc cd ff ff 5e 00 c2 1f 00 00 32 47', '94', '2019-12-31T23:30:00'],
    ['06 a1 90 0c 80 c7 50 10 05 dc cd ff ff 72 00 b3 1f 00 00 cc 00', '114', '2019-12-31T23:15:00'],
  ])('%s', (hex, value, time) => {
    expect(shown(bytes(hex))).toEqual(['sensor-glucose', null, value, 'mg/dL', time])
    expect(shown(bytes(hex), null)).toEqual(['sensor-glucose', null, value, 'mg/dL', null, 'device-time-invalid'])
    expect(measurementOf(bytes(hex)).raw).toEqual(bytes(hex))
  })

  it('tell the reader clock', () => {
    expect(readerTimeOf(bytes('06 a4 90 0c 80 53 5b 10 05 dc cd ff ff 4b 00 e0 1f 00 00 45 f8'))).toBe(84_958_035)
  })

  it('notice any changed byte but that of the table', async () => {
    const whole = bytes('06 a4 90 0c 80 53 5b 10 05 dc cd ff ff 4b 00 e0 1f 00 00 45 f8')
    for (let at = 1; at < whole.length; at++) {
      for (let xor = 1; xor < 256; xor++) {
        const changed = whole.slice()
        changed[at] = (changed[at] ?? 0) ^ xor
        // Another type has another shape, or none that is read.
        const isType = at === 3
        const ending = await codeOf(() => {
          if (decodeLibreRecord(changed, EPOCH_S).kind === 'reading') return
          if (!isType) throw new Error('not a reading')
        })
        expect(isType ? ['none', 'PROTOCOL', 'CHECKSUM'] : ['CHECKSUM']).toContain(ending)
        if (ending === 'none') expect(decodeLibreRecord(changed, EPOCH_S)).toEqual({ kind: 'other' })
      }
    }
  })
})

describe('records from the description', () => {
  const at = '2020-01-01T00:00:00'
  it.each([
    ['the low end of the scale', history('28 00'), ['sensor-glucose', '<', '40', 'mg/dL', at, 'off-scale']],
    ['the high end of the scale', history('f4 01'), ['sensor-glucose', '>', '500', 'mg/dL', at, 'off-scale']],
    [
      'a meal and the first of a sensor',
      history('4b 50'),
      ['sensor-glucose', null, '75', 'mg/dL', at, 'sensor-first', 'food'],
    ],
    [
      'bits that nobody has explained',
      history('4b 0c'),
      ['sensor-glucose', null, '75', 'mg/dL', at, 'status-0x0400', 'status-0x0800'],
    ],
    [
      'an error of the sensor',
      history('4b 00', '00 80'),
      ['sensor-glucose', null, null, 'mg/dL', at, 'quality-0x8000'],
    ],
    [
      'a time that is not valid',
      history('4b 00', '00 00', '00'),
      ['sensor-glucose', null, '75', 'mg/dL', null, 'device-time-invalid'],
    ],
    ['a strip', result('4b 00'), ['glucose', null, '75', 'mg/dL', at]],
    ['a ketone strip', result('06 40'), ['ketone', null, '0.3', 'mmol/L', at]],
    ['ketone off the scale', result('91 40'), ['ketone', '>', '8.0', 'mmol/L', at, 'off-scale']],
    ['a scan', result('4b 80'), ['sensor-glucose', null, '75', 'mg/dL', at]],
    ['a strip that failed', result('4b 00', '01 00'), ['glucose', null, null, 'mg/dL', at, 'quality-0x0001']],
  ])('%s', (_, bytesOfRecord, wanted) => {
    expect(shown(bytesOfRecord)).toEqual(wanted)
  })

  it('may say that the clock was set', () => {
    const changed = record(0, 'a4 90 05 80 53 5b 10 05 dc cd ff ff 53 5b 10 05 ec db ff ff 01 00')
    expect(decodeLibreRecord(changed, EPOCH_S)).toEqual({ kind: 'clock-set', from: '2020-01-01T01:00:00', to: at })
  })

  it('may be control solution, whose layout nobody knows', () => {
    expect(decodeLibreRecord(result('4b 00', '00 00', '04'), EPOCH_S)).toEqual({ kind: 'other' })
  })
})

describe('anything else', () => {
  it('of a fourth kind of result is refused', async () => {
    expect(await codeOf(() => decodeLibreRecord(result('4b c0'), EPOCH_S))).toBe('PROTOCOL')
  })

  it('of another length is refused', async () => {
    expect(await codeOf(() => decodeLibreRecord(history('4b 00').slice(0, -1), EPOCH_S))).toBe('PROTOCOL')
    expect(await codeOf(() => decodeLibreRecord(Uint8Array.of(...history('4b 00'), 1), EPOCH_S))).toBe('PROTOCOL')
  })

  it('gives an entry or a DeviceError', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), fc.option(fc.integer()), async (data, epochS) => {
        expect(['none', 'PROTOCOL', 'CHECKSUM']).toContain(await codeOf(() => decodeLibreRecord(data, epochS)))
      }),
    )
  })
})
