import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeLine, decodeLog } from '../../src/devices/abbott-records.ts'
import { codeOf } from '../support/device-world.ts'

const measurementOf = (line: string) => {
  const entry = decodeLine(line)
  if (entry.kind !== 'reading') throw new Error(entry.kind)
  return entry.measurement
}
const shown = (line: string) => {
  const { kind, quantities, deviceTime, control, flags } = measurementOf(line)
  const [quantity] = quantities
  return [kind, quantity?.comparator, quantity?.value, quantity?.ucum, deviceTime, control, ...flags]
}
const neo = (value: string, notControl = '1', time = '7,18,17,18,33,1') =>
  `7,13,${time},${value},0,${notControl},0,0,0,0,0,0,0,0`

describe('a real InsuLinx record', () => {
  it('is glucose in mg/dL, with the mark of the meal', () => {
    const line = '0,20476,8,27,14,12,47,1,0,0,0,3,0,68,0,0'
    expect(shown(line)).toEqual(['glucose', null, '68', 'mg/dL', '2014-08-27T12:47:00', false, 'meal-mark-3'])
    expect(Buffer.from(measurementOf(line).raw).toString('latin1')).toBe(line)
  })

  it('may be statistics, which are no reading', () => {
    expect(decodeLine('4,20470,8,26,14,11,26,1,0,5,70,160,26,2,0')).toEqual({ kind: 'other' })
  })

  it('may say that the clock was set', () => {
    expect(decodeLine('6,20305,8,6,14,11,11,1,8,6,14,17,10')).toEqual({
      kind: 'clock-set',
      from: '2014-08-06T17:10:00',
      to: '2014-08-06T11:11:00',
    })
  })
})

describe('a real Precision Neo record', () => {
  it.each([
    ['9,13,7,18,17,18,33,1,6,1,0', '0.3', '2017-07-18T18:33:00'],
    ['9,4,7,18,17,14,36,1,1,1,0', '0.1', '2017-07-18T14:36:00'],
  ])('%s is ketone as the meter shows it', (line, value, time) => {
    expect(shown(line)).toEqual(['ketone', null, value, 'mmol/L', time, false])
  })

  it('may say that the clock was set', () => {
    expect(decodeLine('6,2,7,18,17,14,32,1,7,18,17,14,5')).toEqual({
      kind: 'clock-set',
      from: '2017-07-18T14:05:00',
      to: '2017-07-18T14:32:00',
    })
  })
})

describe('a Precision Neo record from the description', () => {
  it.each([
    [neo('104'), ['glucose', null, '104', 'mg/dL', '2017-07-18T18:33:00', false]],
    [neo('HI'), ['glucose', '>', '500', 'mg/dL', '2017-07-18T18:33:00', false, 'off-scale']],
    [neo('LO'), ['glucose', '<', '20', 'mg/dL', '2017-07-18T18:33:00', false, 'off-scale']],
    [neo('104', '0'), ['glucose', null, '104', 'mg/dL', '2017-07-18T18:33:00', true]],
    [neo('104', '1', '7,18,17,18,33,0'), ['glucose', null, '104', 'mg/dL', null, false, 'device-time-invalid']],
    [neo('104', '1', '2,30,17,18,33,1'), ['glucose', null, '104', 'mg/dL', null, false, 'device-time-invalid']],
    ['9,13,7,18,17,18,33,1,HI,1,0', ['ketone', '>', '8.0', 'mmol/L', '2017-07-18T18:33:00', false, 'off-scale']],
    ['9,13,7,18,17,18,33,1,6,0,0', ['ketone', null, '0.3', 'mmol/L', '2017-07-18T18:33:00', true]],
    ['9,13,7,18,17,18,33,1,6,1,5', ['ketone', null, '0.3', 'mmol/L', '2017-07-18T18:33:00', false, 'status-f10-5']],
    [
      '0,1,8,27,14,12,47,1,0,0,0,0,0,HI,0,0',
      ['glucose', '>', null, 'mg/dL', '2014-08-27T12:47:00', false, 'off-scale'],
    ],
  ])('%s', (line, wanted) => {
    expect(shown(line)).toEqual(wanted)
  })

  it('of insulin is no reading', () => {
    expect(decodeLine('10,5,7,18,17,14,40,1,1,4,0,0,0')).toEqual({ kind: 'other' })
  })
})

describe('a log', () => {
  const insulin = (id: number): string => `10,${id},7,18,17,14,40,1,1,4,0,0,0`

  it('is turned around: meters send the newest record first', () => {
    const entries = decodeLog([neo('105').replace('7,13', '7,14'), neo('104')])
    expect(entries.map((entry) => entry.kind === 'reading' && entry.measurement.quantities[0]?.value)).toEqual([
      '104',
      '105',
    ])
  })

  it.each([
    ['goes down', [13, 4, 2], 'none'],
    ['goes around', [1, 0, 65_535, 65_530], 'none'],
    ['stays', [7, 7], 'none'],
    ['goes up', [2, 4], 'PROTOCOL'],
    ['goes up in the middle', [20, 10, 15, 5], 'PROTOCOL'],
  ])('whose numbering %s', async (_, ids, code) => {
    expect(await codeOf(() => decodeLog(ids.map(insulin)))).toBe(code)
  })
})

describe('anything else', () => {
  it.each([
    ['a value that is no number', neo('abc')],
    ['an empty value', neo('')],
    ['a negative value', neo('-5')],
    ['ketone below a scale that has no low end', '9,13,7,18,17,18,33,1,LO,1,0'],
    ['fewer fields than the type has', '7,13,7,18,17,18,33,1,104'],
    ['more fields', `${neo('104')},0`],
    ['no record', 'hello'],
    ['nothing', ''],
  ])('%s is refused', async (_, line) => {
    expect(await codeOf(() => decodeLine(line))).toBe('PROTOCOL')
  })

  it('gives an entry or a DeviceError', async () => {
    const field = fc.oneof(fc.nat(30).map(String), fc.constantFrom('HI', 'LO', '', '1e3', 'x'), fc.string())
    const lines = fc
      .tuple(fc.constantFrom('0', '6', '7', '9', '10'), fc.array(field, { maxLength: 20 }))
      .map(([type, fields]) => [type, ...fields].join(','))
    await fc.assert(
      fc.asyncProperty(lines, async (line) => {
        expect(['none', 'PROTOCOL']).toContain(await codeOf(() => decodeLine(line)))
      }),
    )
  })
})
