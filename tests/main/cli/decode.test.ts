import { describe, expect, it } from 'vitest'
import { sharedData } from '../../support/shared-data.ts'
import { captureText, hasCapture } from '../../support/device-world.ts'
import { chartseal, jsonLines, WITHOUT_CORE } from './run.ts'

const LIVE = 'contec-28e9-028a/live.first-600-reports.hex'
const CUFF = 'omron-0590-0028/1_2_07_TwoReadings.txt'

const decode = (family: string, file: string, input = '') =>
  chartseal(['decode', family, file], input, [...WITHOUT_CORE])
const pathOf = (file: string) => sharedData(`device-captures/${file}`) ?? ''

const codeOf = (observation: Record<string, unknown>) =>
  (observation as { code: { coding: { code: string }[] } }).code.coding[0]?.code
const numberOf = (observation: Record<string, unknown>) =>
  (observation as { valueQuantity?: { value: number } }).valueQuantity?.value

describe('captured exchanges', () => {
  it.skipIf(!hasCapture(LIVE))('needs ../shared/data: a stream gives one Observation per code and second', () => {
    const { status, stdout, stderr } = decode('contec-28e9-028a', pathOf(LIVE))
    expect([status, stderr]).toEqual([0, ''])
    const all = jsonLines(stdout)
    const rows = captureText(LIVE.replace('.hex', '.expected.csv')).trim().split('\n').slice(1)
    const vendor = rows.map((row) => row.split(',').slice(2).map(Number))
    expect(all.filter((one) => codeOf(one) === '2708-6').map(numberOf)).toEqual(vendor.map(([spo2]) => spo2))
    expect(all.filter((one) => codeOf(one) === '8867-4').map(numberOf)).toEqual(vendor.map(([, pulse]) => pulse))
    expect(all).toHaveLength(60)
  })

  it.skipIf(!hasCapture(CUFF))('needs ../shared/data: a cuff gives pressures and pulse, with its own time', () => {
    const { status, stdout } = decode('omron-0590-0028', '-', captureText(CUFF))
    expect(status).toBe(0)
    const all = jsonLines(stdout)
    expect(all.map(codeOf)).toEqual(['85354-9', '8867-4', '85354-9', '8867-4'])
    expect(all[0]).toMatchObject({
      resourceType: 'Observation',
      effectiveDateTime: expect.stringMatching(/^2007-01-01T00:06:38[+-]/),
      component: [{ valueQuantity: { value: 123, code: 'mm[Hg]' } }, { valueQuantity: { value: 78 } }],
    })
    expect(all[0]).not.toHaveProperty('subject')
  })

  it.skipIf(!hasCapture('contec-28e9-028a/manual-spo2.hex')).each(['auto', 'manual'])(
    'needs ../shared/data: %s memory equals the vendor export; seconds without a value say so',
    (kind) => {
      const file = `contec-28e9-028a/${kind}-spo2.hex`
      const { stdout } = decode('contec-28e9-028a', pathOf(file))
      const rows = captureText(file.replace('.hex', '.expected.csv')).trim().split('\n').slice(1)
      const all = jsonLines(stdout)
      const vendor = rows.map((row) => Number(row.split(',')[2]))
      expect(all.slice(0, vendor.length).map((one) => numberOf(one) ?? 127)).toEqual(vendor)
      // The count stands in a head that these files leave out: what fills the last packet holds no value.
      expect(all.slice(vendor.length).filter((one) => numberOf(one) !== undefined)).toEqual([])
    },
  )
})

describe('what is damaged', () => {
  const REPORT = 'eb 00 06 18 03 0c eb 01 04 51 5f 7f 00 1f eb 00 06 18 03 0c'

  it.each([
    ['a byte of the second report', `${REPORT}\n${REPORT.replace('5f', '5e')}\n`, /CHECKSUM at offset 60 \(line 2\)/],
    ['no hex', 'IN< 0g', /CAPTURE at .*line 1/],
    ['nothing', '', /CAPTURE/],
  ])('%s: exit 1, with place and reason', (_, text, reason) => {
    const { status, stdout, stderr } = decode('contec-28e9-028a', '-', text)
    expect([status, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(reason)
  })

  it('cannot be told without a known family', () => {
    const { status, stderr } = decode('kettle', '-', REPORT)
    expect(status).toBe(2)
    expect(stderr).toMatch(/contec-28e9-028a.*omron-0590-0028/)
  })
})
