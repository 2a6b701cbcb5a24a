import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeObservation,
  encodeObservation,
  MAX_RAW_BYTES,
  type ObservationInput,
  type ParsedObservation,
} from '../../src/clinical/observation.ts'
import { answered, measured } from '../../src/clinical/quantity.ts'
import { Reading } from '../../src/shared/api/schemas.ts'
import { anyObservation, decimalText, observationInput } from '../support/observations.ts'

/** What was written, put together again from what was read. */
function asInput({ reading, ...rest }: ParsedObservation): ObservationInput {
  const { measuredAt: effective, recordedAt: issued, performer, deviceLabel, ...context } = reading
  return {
    ...context,
    effective,
    issued,
    id: rest.id,
    subject: rest.subject,
    practitioner: { handle: rest.practitioner, name: performer },
    device: deviceLabel === null ? null : { handle: rest.device, label: deviceLabel },
    gateway: rest.gateway,
    rawBytes: rest.rawBytes,
    technique: rest.technique,
    ...(rest.amendedBecause === null ? {} : { amendedBecause: rest.amendedBecause }),
  }
}

describe('an Observation', () => {
  it('says exactly what was put into it, for everything that can be written', () => {
    fc.assert(
      fc.property(anyObservation, (input) => {
        const parsed = decodeObservation(encodeObservation(input))
        expect(asInput(parsed)).toEqual(input)
        expect(Reading.parse(parsed.reading)).toEqual(parsed.reading)
      }),
      { numRuns: 500 },
    )
  })

  it('has one text: what was read is written as the same bytes again', () => {
    fc.assert(
      fc.property(anyObservation, (input) => {
        const text = encodeObservation(input)
        expect(encodeObservation(asInput(decodeObservation(text)))).toBe(text)
      }),
    )
  })

  it.each(['36.50', '36.5', '36', '1.0', '5.0', '0.10', '37.000000'])('keeps the digits of %s', (value) => {
    const text = encodeObservation(observationInput({ quantities: [measured('temperature', value)] }))
    expect(text).toContain(`"value":${value},`)
    expect(decodeObservation(text).reading.quantities[0]?.value).toBe(value)
  })

  it('keeps any digits, those of its window too', () => {
    fc.assert(
      fc.property(decimalText, decimalText, (value, min) => {
        const input = observationInput({
          quantities: [measured('temperature', value)],
          window: { seconds: 8, min, max: '99.90' },
        })
        const { reading } = decodeObservation(encodeObservation(input))
        expect([reading.quantities[0]?.value, reading.window?.min, reading.window?.max]).toEqual([value, min, '99.90'])
      }),
    )
  })

  it('writes pressures as components of one panel, in the order of the table', () => {
    const quantities = [measured('mean', '97'), measured('diastolic', '82'), measured('systolic', '128')]
    const text = encodeObservation(observationInput({ kind: 'blood-pressure', quantities }))
    const resource = JSON.parse(text)
    expect(resource.valueQuantity).toBeUndefined()
    expect(
      resource.component.map((part: { code: { coding: { code: string }[] } }) => part.code.coding[0]?.code),
    ).toEqual(['8480-6', '8462-4', '8478-0'])
    expect(decodeObservation(text).reading.quantities.map(({ name }) => name)).toEqual([
      'systolic',
      'diastolic',
      'mean',
    ])
  })

  it('takes the LOINC term of a glucose from its unit', () => {
    const codeOf = (ucum: string) =>
      JSON.parse(
        encodeObservation(observationInput({ kind: 'glucose', quantities: [measured('glucose', '5.0', ucum)] })),
      ).code.coding[0].code
    expect(codeOf('mg/dL')).toBe('41653-7')
    expect(codeOf('mmol/L')).toBe('14743-9')
  })

  it('is a laboratory observation for glucose and a vital sign for the rest', () => {
    const categoryOf = (input: ObservationInput) => JSON.parse(encodeObservation(input)).category[0].coding[0].code
    expect(categoryOf(observationInput({ kind: 'glucose', quantities: [measured('glucose', '99')] }))).toBe(
      'laboratory',
    )
    expect(categoryOf(observationInput())).toBe('vital-signs')
  })

  it('never writes a number for HI: the limit with a comparator', () => {
    const quantities = [measured('glucose', '600', 'mg/dL', '>')]
    const resource = JSON.parse(encodeObservation(observationInput({ kind: 'glucose', quantities })))
    expect(resource.valueQuantity).toMatchObject({ value: 600, comparator: '>' })
    expect(resource.interpretation[0].coding[0].code).toBe('>')
  })

  it('writes HI without a known limit as an absence that says which end of the scale', () => {
    const quantities = [{ ...measured('glucose', '0', 'mg/dL', '<'), value: null }]
    const text = encodeObservation(observationInput({ kind: 'glucose', quantities }))
    const resource = JSON.parse(text)
    expect(resource).toMatchObject({ dataAbsentReason: {}, interpretation: [{ coding: [{ code: '<' }] }] })
    expect(resource).not.toHaveProperty('valueQuantity')
    expect(decodeObservation(text).reading.quantities).toEqual(quantities)
  })

  it('claims no profile for a weight in a unit that R4 does not have', () => {
    const of = (ucum: string) =>
      JSON.parse(
        encodeObservation(observationInput({ kind: 'weight', quantities: [measured('weight', '71.4', ucum)] })),
      )
    expect(of('[lb_av]')).toMatchObject({ meta: { profile: [expect.stringMatching(/bodyweight$/)] } })
    expect(of('[oz_av]')).not.toHaveProperty('meta')
    expect(of('[oz_av]').code.coding[0].code).toBe('3141-9')
  })

  it('tells the oximeter pulse from the cuff pulse and from one that was counted', () => {
    const codes = (technique: ObservationInput['technique']) =>
      JSON.parse(
        encodeObservation(observationInput({ kind: 'heart-rate', quantities: [measured('pulse', '72')], technique })),
      ).code.coding.map(({ code }: { code: string }) => code)
    expect(codes('pulse-oximeter')).toEqual(['8867-4', '8889-8', '149530'])
    expect(codes('cuff')).toEqual(['8867-4', '149546'])
    expect(codes(null)).toEqual(['8867-4'])
  })

  it('adds the term of the site to a temperature and converts nothing', () => {
    const resource = JSON.parse(encodeObservation(observationInput({ site: 'tympanic' })))
    expect(resource.code.coding.map(({ code }: { code: string }) => code)).toEqual(['8310-5', '8333-7', '150364'])
    expect(resource.valueQuantity.code).toBe('Cel')
  })

  it('labels test data, and only test data', () => {
    expect(JSON.parse(encodeObservation(observationInput({ test: true }))).meta.security[0].code).toBe('HTEST')
    expect(JSON.parse(encodeObservation(observationInput())).meta.security).toBeUndefined()
  })

  it('replaces a unit text that the table does not have', () => {
    const [quantity] = [{ ...measured('temperature', '36.5'), unit: 'Grad' }]
    expect(
      decodeObservation(encodeObservation(observationInput({ quantities: [quantity] }))).reading.quantities[0]?.unit,
    ).toBe('°C')
  })

  it('holds the longest device record', () => {
    const rawBytes = new Uint8Array(MAX_RAW_BYTES).fill(7)
    expect(decodeObservation(encodeObservation(observationInput({ rawBytes }))).rawBytes).toEqual(rawBytes)
  })
})

describe('what cannot be written', () => {
  const refused: [why: string, over: Partial<ObservationInput>, code: string][] = [
    ['nothing measured', { quantities: [] }, 'WRONG_CARDINALITY'],
    [
      'two values in one reading',
      { kind: 'oxygen', quantities: [measured('oxygen-flow', '2'), measured('oxygen-concentration', '28')] },
      'WRONG_CARDINALITY',
    ],
    ['a quantity of another kind', { quantities: [measured('weight', '70')] }, 'WRONG_CODE'],
    ['an unknown quantity', { quantities: [{ ...measured('weight', '70'), name: 'constructor' }] }, 'WRONG_CODE'],
    ['a unit that it cannot have', { quantities: [{ ...measured('temperature', '36.5'), ucum: 'K' }] }, 'WRONG_UNIT'],
    [
      'a number with an exponent',
      { quantities: [{ ...measured('temperature', '36.5'), value: '3e1' }] },
      'WRONG_NUMBER',
    ],
    ['text for a number', { quantities: [{ ...measured('temperature', '36.5'), value: '1,"x":1' }] }, 'WRONG_NUMBER'],
    [
      'an answer that it cannot have',
      { kind: 'consciousness', quantities: [{ ...answered('consciousness', 'alert'), coded: 'asleep' }] },
      'WRONG_CODE',
    ],
    ['only the upper pressure', { kind: 'blood-pressure', quantities: [measured('systolic', '120')] }, 'MISSING'],
    [
      'the same pressure twice',
      { kind: 'blood-pressure', quantities: [measured('systolic', '120'), measured('systolic', '121')] },
      'MISSING',
    ],
    ['a day that does not exist', { effective: '2026-02-30T10:00:00Z' }, 'WRONG_TIME'],
    ['a time without offset', { issued: '2026-02-20T10:00:00' }, 'WRONG_TIME'],
    ['a handle that is none', { subject: 'p1' }, 'WRONG_ID'],
    ['an id that is no UUID', { id: 'bp-1' }, 'WRONG_ID'],
    ['a device that typed by hand', { device: { handle: 'c3'.repeat(16), label: 'Cuff' } }, 'WRONG_CODE'],
    ['a device reading without device', { method: 'device' }, 'WRONG_CODE'],
    ['an enrolled device without handle', { method: 'device', device: { handle: null, label: 'Cuff' } }, 'MISSING'],
    [
      'a handle for a device that is not enrolled',
      { method: 'unauthenticated-device', device: { handle: 'c3'.repeat(16), label: 'Cuff' } },
      'UNKNOWN_PROPERTY',
    ],
    ['a performer without name', { practitioner: { handle: 'b2'.repeat(16), name: ' ' } }, 'WRONG_TEXT'],
    ['a flag that is no code', { flags: ['Irregular pulse'] }, 'WRONG_CODE'],
    ['too many flags', { flags: Array.from({ length: 17 }, (_, i) => `flag-${i}`) }, 'WRONG_CARDINALITY'],
    ['a record of no bytes', { rawBytes: new Uint8Array() }, 'WRONG_BYTES'],
    ['a record that is too long', { rawBytes: new Uint8Array(MAX_RAW_BYTES + 1) }, 'WRONG_BYTES'],
    ['a device clock with an offset', { deviceTime: '2026-02-20T10:00:00Z' }, 'WRONG_TIME'],
    ['a lone surrogate', { site: '\ud800' }, 'NOT_JSON'],
  ]
  it.each(refused)('%s', (_why, over, code) => {
    expect(() => encodeObservation(observationInput(over))).toThrow(
      expect.objectContaining({ name: 'ClinicalError', code }),
    )
  })
})
