import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeDevice, encodeDevice, type DeviceFacts } from '../../src/clinical/device.ts'
import { decodePatient, encodePatient } from '../../src/clinical/patient.ts'
import {
  decodePractitioner,
  decodePractitionerEnd,
  encodePractitioner,
  encodePractitionerEnd,
} from '../../src/clinical/practitioner.ts'
import { Patient, Practitioner } from '../../src/shared/api/schemas.ts'
import { READING_KINDS } from '../../src/shared/reading-kinds.ts'

const handle = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('hex'))
const words = (max: number) =>
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: Math.min(max, 20) })
    .map((text) => text.trim())
    .filter((text) => text.length > 0 && text.length <= max && text.isWellFormed() && !/\p{Cc}/u.test(text))
const birthDate = fc
  .date({ min: new Date('1900-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
  .map((day) => day.toISOString().slice(0, 10))

const patient = fc.record({
  handle,
  familyName: words(100),
  givenName: words(100),
  birthDate,
  gender: fc.constantFrom('female', 'male', 'other', 'unknown'),
  identifier: words(40),
})
const practitioner = fc.record({
  handle,
  name: words(120),
  role: fc.constantFrom('physician', 'nurse', 'it', 'auditor'),
})
const device: fc.Arbitrary<DeviceFacts> = fc.record({
  handle,
  label: words(60),
  family: fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,59}$/),
  model: words(100),
  manufacturer: fc.option(words(100)),
  serial: fc.option(words(80)),
  vendorId: fc.nat(0xffff),
  productId: fc.nat(0xffff),
  port: fc.option(words(120)),
  kinds: fc.uniqueArray(fc.constantFrom(...READING_KINDS), { minLength: 1 }),
  test: fc.boolean(),
})

const ADA = {
  handle: 'a1'.repeat(16),
  familyName: 'Quillfeather',
  givenName: 'Ada',
  birthDate: '1969-03-04',
  gender: 'female',
  identifier: '9000017',
} as const
const refused = (code: string) => expect.objectContaining({ name: 'ClinicalError', code })

describe('people and devices', () => {
  it('a patient says what was put into it, and fits the API', () => {
    fc.assert(
      fc.property(patient, fc.boolean(), (given, test) => {
        const parsed = decodePatient(encodePatient(given, test))
        expect(parsed).toEqual({ patient: given, test })
        expect(Patient.parse(parsed.patient)).toEqual(given)
      }),
    )
  })
  it('a practitioner says what was put into it, and fits the API', () => {
    fc.assert(
      fc.property(practitioner, fc.boolean(), (given, test) => {
        const parsed = decodePractitioner(encodePractitioner(given, test))
        expect(parsed).toEqual({ practitioner: given, test })
        expect(Practitioner.parse(parsed.practitioner)).toEqual(given)
      }),
    )
  })
  it('the end of a practitioner says what was put into it, and is no enrolment', () => {
    const end = fc.record({
      ...{ handle, reason: words(200), test: fc.boolean() },
      by: fc.record({ handle, name: words(120) }),
    })
    fc.assert(
      fc.property(end, (given) => {
        const text = encodePractitionerEnd(given)
        expect(decodePractitionerEnd(text)).toEqual(given)
        expect(() => decodePractitioner(text)).toThrow(expect.objectContaining({ name: 'ClinicalError' }))
        expect(() => decodePractitionerEnd(text.replace('"active":false', '"active":true'))).toThrow(
          expect.objectContaining({ name: 'ClinicalError' }),
        )
      }),
    )
  })
  it('a device says what was put into it', () => {
    fc.assert(
      fc.property(device, (given) => {
        expect(decodeDevice(encodeDevice(given))).toEqual(given)
      }),
    )
  })
  it('writes FHIR that others read', () => {
    const resource = JSON.parse(encodePatient(ADA, true))
    expect(resource).toMatchObject({ resourceType: 'Patient', active: true, gender: 'female', birthDate: '1969-03-04' })
    expect(resource.identifier[0].type.coding[0].code).toBe('MR')
    expect(resource.meta.security[0].code).toBe('HTEST')
  })
  it.each([
    ['a birth date that does not exist', { birthDate: '2026-02-29' }, 'WRONG_TIME'],
    ['an empty name', { familyName: '' }, 'WRONG_TEXT'],
    ['a name with a line break', { givenName: 'Ada\nBob' }, 'WRONG_TEXT'],
    ['a name with space around it', { givenName: ' Ada' }, 'WRONG_TEXT'],
    ['a name that is too long', { givenName: 'A'.repeat(101) }, 'WRONG_TEXT'],
    ['no handle', { handle: '1' }, 'WRONG_ID'],
    ['an unknown gender code', { gender: 'F' as 'female' }, 'WRONG_CODE'],
  ])('refuses a patient with %s', (_why, over, code) => {
    expect(() => encodePatient({ ...ADA, ...over }, false)).toThrow(refused(code))
  })
  it('refuses a second name, a second identifier and an unknown element', () => {
    const resource = JSON.parse(encodePatient(ADA, false))
    const read = (over: object) => () => decodePatient(JSON.stringify({ ...resource, ...over }))
    expect(read({ name: [...resource.name, ...resource.name] })).toThrow(refused('WRONG_CARDINALITY'))
    expect(read({ identifier: [...resource.identifier, ...resource.identifier] })).toThrow(refused('WRONG_CARDINALITY'))
    expect(read({ deceasedBoolean: true })).toThrow(refused('UNKNOWN_PROPERTY'))
    expect(read({ active: false })).toThrow(refused('WRONG_CODE'))
    expect(read({ resourceType: 'Person' })).toThrow(refused('WRONG_TYPE'))
  })
  it('refuses a role that there is not', () => {
    const text = encodePractitioner({ handle: 'b2'.repeat(16), name: 'Noor Bellweather', role: 'nurse' }, false)
    expect(() => decodePractitioner(text.replace('"nurse"', '"admin"'))).toThrow(refused('WRONG_CODE'))
  })
  it('refuses a device whose serial number disagrees with its identifier', () => {
    const facts: DeviceFacts = {
      handle: 'c3'.repeat(16),
      label: 'Cuff 3',
      family: 'omron-0590-0028',
      model: 'HEM-790IT',
      manufacturer: null,
      serial: 'A1',
      vendorId: 0x0590,
      productId: 0x0028,
      port: null,
      kinds: ['blood-pressure', 'heart-rate'],
      test: false,
    }
    const text = encodeDevice(facts)
    expect(text).toContain('"0590:0028:A1"')
    expect(() => decodeDevice(text.replace('"serialNumber":"A1"', '"serialNumber":"A2"'))).toThrow(
      refused('WRONG_CODE'),
    )
    expect(() => encodeDevice({ ...facts, vendorId: 0x10000 })).toThrow(refused('WRONG_ID'))
  })
})
