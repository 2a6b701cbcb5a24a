import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { encodeObservation, type ObservationInput } from '../../src/clinical/observation.ts'
import { decodePatient, encodePatient } from '../../src/clinical/patient.ts'
import { measured } from '../../src/clinical/quantity.ts'
import { checkVitalSign } from '../../src/clinical/vital-sign-rules.ts'
import { observationInput } from '../support/observations.ts'
import { sharedData } from '../support/shared-data.ts'

const isMissing = sharedData('fhir-samples') === null
const read = (name: string) => readFileSync(sharedData(`fhir-samples/${name}.json`)!, 'utf8')

/** What a sample was made from, as we would record it. */
const COVERED: Record<string, Partial<ObservationInput>> = {
  bp: {
    kind: 'blood-pressure',
    quantities: [measured('systolic', '128'), measured('diastolic', '82'), measured('mean', '97')],
  },
  hr: { kind: 'heart-rate', quantities: [measured('pulse', '72')], technique: 'pulse-oximeter' },
  spo2: { kind: 'spo2', quantities: [measured('spo2', '96')] },
  temp: { kind: 'temperature', quantities: [measured('temperature', '37.2')] },
  rr: { kind: 'respiratory-rate', quantities: [measured('respiratory-rate', '16')] },
  o2flow: { kind: 'oxygen', quantities: [measured('oxygen-flow', '2')] },
  wt: { kind: 'weight', quantities: [measured('weight', '71.4')] },
  glu: { kind: 'glucose', quantities: [measured('glucose', '112', 'mg/dL')] },
}

/** The parts that say what was measured. Context that a sample has and step one does not record is left out. */
function meaningOf(text: string) {
  const { meta, status, category, code, valueQuantity, component } = JSON.parse(text)
  const isMeal = (part: { code: { text?: string } }) => part.code.text === 'Meal context'
  const parts = component?.filter((part: { code: { text?: string } }) => !isMeal(part))
  return {
    profile: meta?.profile,
    status,
    category,
    code,
    valueQuantity,
    component: parts?.length > 0 ? parts : undefined,
  }
}

describe.skipIf(isMissing)('needs ../shared/data/fhir-samples: samples that two engines accept', () => {
  it.each(Object.keys(COVERED))('%s says what we would write', (name) => {
    const ours = encodeObservation(observationInput(COVERED[name]))
    expect(meaningOf(ours)).toEqual(meaningOf(read(name)))
  })

  it.each([...Object.keys(COVERED), 'dar'])('%s passes the rules', (name) => {
    expect(checkVitalSign(read(name))).toBe(name === 'dar' ? 'heart-rate' : COVERED[name]?.kind)
  })

  it.each(['gluctl', 'news2', 'bmi', 'ht', 'patient', 'device', 'doc', 'consent'])(
    '%s is none of our readings',
    (name) => {
      expect(() => checkVitalSign(read(name))).toThrow(expect.objectContaining({ name: 'ClinicalError' }))
    },
  )

  it('writes a patient with the elements of the sample', () => {
    const sample = JSON.parse(read('patient'))
    const text = encodePatient(
      {
        handle: 'a1'.repeat(16),
        identifier: sample.identifier[0].value,
        familyName: sample.name[0].family,
        givenName: sample.name[0].given[0],
        gender: sample.gender,
        birthDate: sample.birthDate,
      },
      false,
    )
    const ours = JSON.parse(text)
    const [identifier] = ours.identifier
    expect(ours).toEqual({
      ...sample,
      id: 'a1'.repeat(16),
      identifier: [{ ...sample.identifier[0], system: identifier.system }],
    })
    expect(decodePatient(text).patient.familyName).toBe('Okafor')
  })
})
