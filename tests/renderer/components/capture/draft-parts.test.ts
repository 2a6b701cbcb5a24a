import { describe, expect, it } from 'vitest'
import { partsOf } from '../../../../src/renderer/components/capture/draft-parts.ts'
import type { Draft } from '../../../../src/shared/api/schemas.ts'

const quantity = (name: string, value: string, ucum: string) => ({
  ...{ name, value, ucum, unit: ucum },
  ...{ comparator: null, coded: null },
})

const DRAFT: Draft = {
  draftId: '0'.repeat(32),
  kind: 'blood-pressure',
  quantities: [
    quantity('pulse', '87', '/min'),
    quantity('systolic', '123', 'mm[Hg]'),
    quantity('diastolic', '78', 'mm[Hg]'),
  ],
  measuredAt: '2007-01-01T00:06:38+00:00',
  method: 'device',
  deviceLabel: 'BP-11',
  flags: ['movement'],
  site: null,
  deviceTime: '2007-01-01T00:06:38',
  deviceClockOffsetS: null,
  window: null,
  alreadyRecorded: false,
}

describe('partsOf', () => {
  it('makes two readings of pressures with a pulse', () => {
    const [pressures, pulse, ...more] = partsOf(DRAFT)
    expect(pressures).toMatchObject({ kind: 'blood-pressure', quantities: [{ value: '123' }, { value: '78' }] })
    expect(pulse).toMatchObject({ kind: 'heart-rate', quantities: [{ value: '87' }] })
    expect(more).toEqual([])
  })

  it('keeps everything else of the draft with each', () => {
    for (const part of partsOf(DRAFT))
      expect({ ...part, kind: DRAFT.kind, quantities: DRAFT.quantities }).toEqual(DRAFT)
  })

  it('leaves one reading alone', () => {
    const alone: Draft = { ...DRAFT, kind: 'spo2', quantities: [quantity('spo2', '95', '%')] }
    expect(partsOf(alone)).toEqual([alone])
  })
})
