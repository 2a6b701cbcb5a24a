import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeObservation } from '../../src/clinical/observation.ts'
import { answered, measured } from '../../src/clinical/quantity.ts'
import { checkVitalSign } from '../../src/clinical/vital-sign-rules.ts'
import { anyObservation, observationInput } from '../support/observations.ts'

/** A resource that a test may bend in any way. */
type Loose = ReturnType<typeof JSON.parse>

const parsed = (over: Parameters<typeof observationInput>[0]) => JSON.parse(encodeObservation(observationInput(over)))
const temperature = () => parsed({})
const pressure = () =>
  parsed({ kind: 'blood-pressure', quantities: [measured('systolic', '120'), measured('diastolic', '80')] })
const glucose = () => parsed({ kind: 'glucose', quantities: [measured('glucose', '99')] })

describe('the rules of R4', () => {
  it('hold for everything that we write', () => {
    fc.assert(
      fc.property(anyObservation, (input) => {
        expect(checkVitalSign(encodeObservation(input))).toBe(input.kind)
      }),
    )
  })

  const broken: [rule: string, make: () => Loose, change: (o: Loose) => void][] = [
    ['resourceType', temperature, (o) => (o.resourceType = 'Patient')],
    ['code', temperature, (o) => (o.code.coding[0].code = '8302-2')],
    ['code', temperature, (o) => (o.code.coding[0].system = 'http://example.org')],
    ['status', temperature, (o) => (o.status = 'banana')],
    ['status', temperature, (o) => delete o.status],
    ['category', temperature, (o) => (o.category[0].coding[0].code = 'laboratory')],
    ['category', glucose, (o) => (o.category[0].coding[0].code = 'vital-signs')],
    ['coding-system', temperature, (o) => delete o.code.coding[1].system],
    ['subject', temperature, (o) => (o.subject.reference = 'Device/x')],
    ['subject', temperature, (o) => delete o.subject],
    ['vs-1', temperature, (o) => (o.effectiveDateTime = '2026-11')],
    ['vs-1', temperature, (o) => (o.effectiveDateTime = '2026')],
    ['vs-1', temperature, (o) => (o.effectiveDateTime = '2026-11-31')],
    ['vs-1', temperature, (o) => delete o.effectiveDateTime],
    ['issued', temperature, (o) => (o.issued = '2026-11-20')],
    ['obs-6', temperature, (o) => (o.dataAbsentReason = { coding: [] })],
    ['obs-6', pressure, (o) => (o.component[0].dataAbsentReason = { coding: [] })],
    ['vs-2', temperature, (o) => delete o.valueQuantity],
    ['vs-3', pressure, (o) => delete o.component[1].valueQuantity],
    ['obs-7', temperature, (o) => (o.component = [{ code: o.code, valueQuantity: o.valueQuantity }])],
    [
      'data-absent-reason',
      temperature,
      (o) => {
        delete o.valueQuantity
        o.dataAbsentReason = { text: 'forgot' }
      },
    ],
    ['panel-value', pressure, (o) => (o.valueQuantity = o.component[0].valueQuantity)],
    ['panel-components', pressure, (o) => o.component.pop()],
    ['panel-components', pressure, (o) => o.component.push(o.component[0])],
    [
      'panel-components',
      () =>
        parsed({
          kind: 'blood-pressure',
          quantities: [measured('systolic', '120'), measured('diastolic', '80'), measured('mean', '93')],
        }),
      (o) => o.component.push(o.component[2]),
    ],
    ['quantity', pressure, (o) => (o.component[0].valueQuantity.code = 'kPa')],
    ['quantity', temperature, (o) => (o.valueQuantity.code = 'K')],
    ['quantity', temperature, (o) => (o.valueQuantity.system = 'http://example.org')],
    ['quantity', temperature, (o) => delete o.valueQuantity.unit],
    ['quantity', temperature, (o) => (o.valueQuantity.value = '36.5')],
    [
      'quantity',
      temperature,
      (o) => {
        delete o.valueQuantity
        o.valueString = '36.5'
      },
    ],
    ['quantity', glucose, (o) => (o.valueQuantity.code = 'mmol/L')],
    [
      'quantity',
      () => parsed({ kind: 'consciousness', quantities: [answered('consciousness', 'alert')] }),
      (o) => {
        delete o.valueCodeableConcept
        o.valueString = 'A'
      },
    ],
  ]
  it.each(broken)('%s is what refuses it (%#)', (rule, make, change) => {
    const resource = make()
    expect(() => checkVitalSign(JSON.stringify(resource))).not.toThrow()
    change(resource)
    expect(() => checkVitalSign(JSON.stringify(resource))).toThrow(new RegExp(`^${rule}$`))
  })

  it('take a day, further codings and a panel of others', () => {
    const resource = temperature()
    resource.effectiveDateTime = '2026-11-20'
    resource.code.coding.unshift({ system: 'http://snomed.info/sct', code: '386725007' })
    resource.note = [{ text: 'after exercise' }]
    expect(checkVitalSign(JSON.stringify(resource))).toBe('temperature')
  })
})
