/** A set of observations that NEWS2 can be worked out from. */
import type { ManualValue } from '../../src/shared/api/schemas.ts'

/** A typed number. */
export const one = (kind: ManualValue['kind'], name: string, value: string, ucum: string): ManualValue => ({
  ...{ kind, site: null, confirmed: true },
  quantities: [{ name, value, ucum, coded: null }],
})
/** A typed answer. */
const answer = (kind: ManualValue['kind'], coded: string): ManualValue => ({
  ...{ kind, site: null, confirmed: true },
  quantities: [{ name: kind, value: null, ucum: '', coded }],
})

/** RR 26, SpO2 93 on oxygen, 98 systolic, pulse 118, confusion, 39.2: 16 by the published table. */
export const SIXTEEN: readonly ManualValue[] = [
  one('respiratory-rate', 'respiratory-rate', '26', '/min'),
  one('spo2', 'spo2', '93', '%'),
  answer('oxygen', 'oxygen'),
  {
    ...one('blood-pressure', 'systolic', '98', 'mm[Hg]'),
    quantities: [
      { name: 'systolic', value: '98', ucum: 'mm[Hg]', coded: null },
      { name: 'diastolic', value: '60', ucum: 'mm[Hg]', coded: null },
    ],
  },
  one('heart-rate', 'pulse', '118', '/min'),
  answer('consciousness', 'confusion'),
  one('temperature', 'temperature', '39.2', 'Cel'),
]
