import { describe, expect, it } from 'vitest'
import { valueText } from '../../../../src/renderer/components/capture/value-text.ts'
import type { Quantity } from '../../../../src/shared/api/schemas.ts'

const quantity = (name: string, value: string | null, over: Partial<Quantity> = {}): Quantity => ({
  name,
  value,
  comparator: null,
  ucum: 'mm[Hg]',
  unit: 'mmHg',
  coded: null,
  ...over,
})

describe('valueText', () => {
  it('writes pressures as a pair, with the mean when there is one', () => {
    expect(valueText([quantity('diastolic', '82'), quantity('systolic', '128')])).toEqual({
      kind: 'digits',
      digits: '128/82',
      unit: 'mmHg',
    })
    expect(valueText([quantity('systolic', '128'), quantity('diastolic', '82'), quantity('mean', '97')])).toMatchObject(
      { digits: '128/82 (97)' },
    )
  })

  it('keeps every digit', () => {
    expect(valueText([quantity('temperature', '36.50', { ucum: 'Cel', unit: '°C' })])).toEqual({
      kind: 'digits',
      digits: '36.50',
      unit: '°C',
    })
  })

  it('never shows a limit as a measurement, nor an absent value as a number', () => {
    expect(valueText([quantity('glucose', '600', { comparator: '>', ucum: 'mg/dL', unit: 'mg/dL' })])).toMatchObject({
      digits: '> 600',
    })
    expect(valueText([quantity('systolic', null), quantity('diastolic', '82')])).toMatchObject({ digits: '–/82' })
    expect(valueText([])).toMatchObject({ digits: '–' })
  })

  it('passes coded answers on', () => {
    expect(valueText([quantity('consciousness', null, { coded: 'voice', ucum: '', unit: '' })])).toEqual({
      kind: 'coded',
      code: 'voice',
    })
  })

  it('shortens rates', () => {
    expect(valueText([quantity('pulse', '72', { ucum: '/min', unit: 'beats/minute' })])).toMatchObject({ unit: '/min' })
  })
})
