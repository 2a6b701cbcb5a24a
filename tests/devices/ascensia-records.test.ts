import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeHeader, decodeResults } from '../../src/devices/ascensia-records.ts'
import { codeOf } from '../support/device-world.ts'

const SCALE = { low: 10, high: 600 }
const shown = (texts: readonly string[], scale: typeof SCALE | null = SCALE) =>
  decodeResults(texts, scale).map((entry) => {
    if (entry.kind !== 'reading') return entry.kind
    const { quantities, deviceTime, control, flags } = entry.measurement
    const [quantity] = quantities
    return [quantity?.comparator, quantity?.value, quantity?.ucum, deviceTime, control, ...flags].join(' ')
  })

describe('a real header', () => {
  it('of a Contour USB', () => {
    const text =
      'H|\\^&||uvmjq4|Bayer7390^01.20\\01.04\\04.02.19^7390-1163170^7396-|A=1^C=63^G=1^I=0200^R=0^S=1^U=1^V=10600' +
      '^X=070070070099180135180248^Y=360126090050099050300089^Z=1|209||||||1|201102142249'
    expect(decodeHeader(text)).toEqual({
      identity: { model: 'Bayer7390', serial: '7390-1163170' },
      deviceNow: '2011-02-14T22:49:00',
      results: 209,
      scale: { low: 10, high: 600 },
    })
  })

  it('of a Contour Next USB, with seconds', () => {
    const text =
      'H|\\^&||7EyQm2|Bayer7410^01.10\\01.05\\10.03^7428-4293200^00000|A=1^C=03^G=en,en\\de^I=0200^R=0^S=01^U=303' +
      '^V=20600^X=054070054054180154154254054154^Y=360126099054120054252099^Z=1|226|||||P|1|20190621125555'
    expect(decodeHeader(text)).toMatchObject({ deviceNow: '2019-06-21T12:55:55', results: 226, scale: { low: 20 } })
  })

  it('of a serial meter, without limits and count', () => {
    const text = 'H|\\^&||-7880|Bayer7150^1.05\\0.00^7150-SAM2193|||||||P|1|200305121635'
    expect(decodeHeader(text)).toMatchObject({ identity: { serial: '7150-SAM2193' }, results: null, scale: null })
  })
})

describe('a header', () => {
  const header = (product: string, info: string): string => `H|\\^&||pw|${product}|${info}|1|||||P|1|202001010000`

  it('of another maker is another device', async () => {
    expect(await codeOf(() => decodeHeader(header('Cobas123^1^2', '')))).toBe('WRONG_MODEL')
  })

  it.each(['V=99600', 'V=10200', 'V=abcde', 'W=10600'])('with %s tells no scale', (info) => {
    expect(decodeHeader(header('Contour7800^1^7830H5001733', info))).toMatchObject({
      scale: null,
      identity: { serial: '7830H5001733' },
    })
  })

  it.each(['', 'H|', 'R|1', 'H|\\^&||a|b'])('%j is none', async (text) => {
    expect(await codeOf(() => decodeHeader(text))).toBe('PROTOCOL')
  })
})

describe('real results', () => {
  it.each([
    ['R|2|^^^Glucose|102|mg/dL^P||M0/T1||201402052135', ' 102 mg/dL 2014-02-05T21:35:00 false mark-m0 mark-t1'],
    [
      'R|234|^^^Glucose|106|mg/dL^P||F/M0/T1||201907111026',
      ' 106 mg/dL 2019-07-11T10:26:00 false fasting mark-m0 mark-t1',
    ],
    [
      'R|3|^^^Glucose|93|mg/dL^P||A/M0/T1||201505261150',
      ' 93 mg/dL 2015-05-26T11:50:00 false after-meal mark-m0 mark-t1',
    ],
    ['R|67|^^^Glucose|7.9|mmol/L^P||B||201011281949', ' 7.9 mmol/L 2010-11-28T19:49:00 false before-meal'],
    ['R|81|^^^Glucose|11.5|mmol/L^P||A/Z1||201012272001', ' 11.5 mmol/L 2010-12-27T20:01:00 false after-meal mark-z1'],
    [
      'R|8|^^^Glucose|133|mg/dL^B||B/X||201202052034',
      ' 133 mg/dL 2012-02-05T20:34:00 false reference-b before-meal mark-x',
    ],
  ])('%s', (text, wanted) => {
    expect(shown([text])).toEqual([wanted])
  })
})

describe('a result', () => {
  const result = (value: string, unit: string, marks: string, name = 'Glucose'): string =>
    `R|1|^^^${name}|${value}|${unit}^P||${marks}||202001020304`
  const at = '2020-01-02T03:04:00'

  it('off the scale is its limit, in the unit of the value, or none', () => {
    expect(shown([result('600', 'mg/dL', '>')])).toEqual([`> 600 mg/dL ${at} false off-scale`])
    expect(shown([result('10', 'mg/dL', '</B')])).toEqual([`< 10 mg/dL ${at} false off-scale before-meal`])
    expect(shown([result('33.3', 'mmol/L', '>')])).toEqual([`> 33.3 mmol/L ${at} false off-scale`])
    expect(shown([result('0.6', 'mmol/L', '<')])).toEqual([`< 0.6 mmol/L ${at} false off-scale`])
    expect(shown([result('600', 'mg/dL', '>')], null)).toEqual([`>  mg/dL ${at} false off-scale`])
  })

  it('of control solution is marked by itself or by the order before it', () => {
    const control = `O|1${'|'.repeat(10)}Q`
    expect(shown([result('100', 'mg/dL', 'C')])).toEqual([` 100 mg/dL ${at} true`])
    expect(shown([control, result('100', 'mg/dL', ''), 'O|2', result('101', 'mg/dL', '')])).toEqual([
      ` 100 mg/dL ${at} true`,
      ` 101 mg/dL ${at} false`,
    ])
    expect(shown([control, 'P|2', result('101', 'mg/dL', '')])).toEqual([` 101 mg/dL ${at} false`])
  })

  it('of another name is no reading', () => {
    expect(shown([result('20', '1^', '', 'Carb'), result('100', 'mg/dL', '')])).toEqual([
      'other',
      ` 100 mg/dL ${at} false`,
    ])
  })

  it('has the same key wherever it stands and however it is marked', () => {
    const key = (sequence: number, marks = 'A', value = 93) => {
      const [entry] = decodeResults([`R|${sequence}|^^^Glucose|${value}|mg/dL^P||${marks}||201505261150`], SCALE)
      return entry?.kind === 'reading' ? entry.measurement.recordKey : ''
    }
    expect(key(3)).toBe(key(2))
    expect(key(3, 'F/M0')).toBe(key(3))
    expect(key(3, 'A', 94)).not.toBe(key(3))
  })

  it.each([
    ['of another unit', result('100', 'mg', '')],
    ['without a unit', result('100', '', '')],
    ['that is no number', result('HI', 'mg/dL', '')],
    ['that is empty', result('', 'mg/dL', '')],
    ['with too few fields', 'R|1|^^^Glucose|100|mg/dL'],
  ])('%s is refused', async (_, text) => {
    expect(await codeOf(() => decodeResults([text], SCALE))).toBe('PROTOCOL')
  })
})

describe('anything else', () => {
  it('gives results, a header, or a DeviceError', async () => {
    const field = fc.oneof(fc.string(), fc.constantFrom('^^^Glucose', 'mg/dL^P', '100', 'C', '202001020304', '\\^&'))
    const texts = fc.array(
      fc
        .tuple(fc.constantFrom('H', 'P', 'O', 'R', 'L'), fc.array(field, { maxLength: 15 }))
        .map(([type, fields]) => [type, ...fields].join('|')),
    )
    await fc.assert(
      fc.asyncProperty(texts, async (all) => {
        expect(['none', 'PROTOCOL']).toContain(await codeOf(() => decodeResults(all, SCALE)))
        for (const text of all) {
          expect(['none', 'PROTOCOL', 'WRONG_MODEL']).toContain(await codeOf(() => decodeHeader(text)))
        }
      }),
    )
  })
})
