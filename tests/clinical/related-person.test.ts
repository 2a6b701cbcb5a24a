import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ClinicalError } from '../../src/clinical/errors.ts'
import { decodeCardStatement, encodeCardStatement, type CardStatement } from '../../src/clinical/related-person.ts'

const handle = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('hex'))
const words = fc.stringMatching(/^[A-Za-zÀ-ž]{1,10}( [A-Za-zÀ-ž]{1,10})?$/)
const shared = { cardId: handle, patient: handle, practitioner: fc.record({ handle, name: words }), test: fc.boolean() }
const statement: fc.Arbitrary<CardStatement> = fc.oneof(
  fc.record({
    ...shared,
    capacity: fc.constant('patient' as const),
    holder: fc.constant(null),
    revokedBecause: fc.option(words),
  }),
  fc.record({
    ...shared,
    capacity: fc.constant('guardian' as const),
    holder: words,
    revokedBecause: fc.constant(null),
  }),
  fc.record({ ...shared, capacity: fc.constant('guardian' as const), holder: fc.option(words), revokedBecause: words }),
)

const ISSUED: CardStatement = {
  cardId: 'c1'.repeat(16),
  patient: 'a1'.repeat(16),
  capacity: 'guardian',
  holder: 'Grace Guardian',
  practitioner: { handle: 'b2'.repeat(16), name: 'Nora Nurse' },
  revokedBecause: null,
  test: false,
}
const codeOf = (body: () => unknown) => {
  try {
    return body()
  } catch (error) {
    if (error instanceof ClinicalError) return error.code
    throw error
  }
}

it('says what was put into it', () => {
  fc.assert(
    fc.property(statement, (given) => {
      expect(decodeCardStatement(encodeCardStatement(given))).toEqual(given)
    }),
  )
})

it('is a RelatedPerson of R4', () => {
  expect(JSON.parse(encodeCardStatement(ISSUED))).toMatchObject({
    resourceType: 'RelatedPerson',
    active: true,
    patient: { reference: `Patient/${ISSUED.patient}` },
    relationship: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-RoleCode', code: 'GUARD' }] }],
    name: [{ text: 'Grace Guardian' }],
  })
})

it('refuses a guardian without a name, and a patient with one', () => {
  expect(codeOf(() => encodeCardStatement({ ...ISSUED, holder: null }))).toBe('MISSING')
  expect(codeOf(() => encodeCardStatement({ ...ISSUED, capacity: 'patient' }))).toBe('UNKNOWN_PROPERTY')
})

it('refuses whatever else somebody wrote', () => {
  const text = encodeCardStatement({ ...ISSUED, revokedBecause: 'lost' })
  const wrong: [string, string][] = [
    ['"active":false', '"active":true'],
    ['GUARD', 'MTH'],
    [ISSUED.patient, 'a1'],
    ['"valueString":"lost"', '"valueString":""'],
    ['"active":false', '"active":false,"gender":"male"'],
    ['recorded-by', 'recorded-for'],
  ]
  for (const [from, to] of wrong) {
    expect(text).toContain(from)
    expect(codeOf(() => decodeCardStatement(text.replace(from, to)))).toMatch(/^[A-Z_]+$/)
  }
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, letter) => {
      const changed = text.slice(0, at) + letter + text.slice(at + 1)
      const read = codeOf(() => decodeCardStatement(changed))
      // Whatever is accepted reads back to the very text that was accepted.
      if (typeof read === 'object') expect(encodeCardStatement(read as CardStatement)).toBe(changed)
    }),
    { numRuns: 500 },
  )
})
