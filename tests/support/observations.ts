import fc from 'fast-check'
import { KINDS, QUANTITIES, SITES, unitRow, type QuantityName } from '../../src/clinical/codes.ts'
import type { ObservationInput } from '../../src/clinical/observation.ts'
import { answered, measured } from '../../src/clinical/quantity.ts'
import type { Quantity, ReadingKind } from '../../src/shared/api/schemas.ts'
import { READING_KINDS } from '../../src/shared/reading-kinds.ts'

/** A complete, ordinary input; override what a test is about. */
export function observationInput(over: Partial<ObservationInput> = {}): ObservationInput {
  return {
    id: '6f1f4f3e-0000-4000-8000-000000000001',
    kind: 'temperature',
    quantities: [measured('temperature', '36.50')],
    effective: '2026-11-20T08:14:05+01:00',
    issued: '2026-11-20T08:14:09.120+01:00',
    subject: 'a1'.repeat(16),
    practitioner: { handle: 'b2'.repeat(16), name: 'Noor Bellweather' },
    device: null,
    gateway: null,
    method: 'manual',
    technique: null,
    flags: [],
    site: null,
    setId: 'set-1',
    deviceTime: null,
    deviceClockOffsetS: null,
    window: null,
    rawBytes: null,
    test: false,
    ...over,
  }
}

const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((all) => Buffer.from(all).toString('hex'))
const WORD = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .filter((text) => text === text.trim() && text.length > 0 && !/\p{Cc}/u.test(text) && text.isWellFormed())

/** Decimal text of the API's grammar, with trailing zeros as devices write them. */
export const decimalText = fc
  .tuple(fc.boolean(), fc.nat(999_999_999), fc.option(fc.stringMatching(/^[0-9]{1,6}$/), { nil: null }))
  .map(([isNegative, whole, fraction]) => `${isNegative ? '-' : ''}${whole}${fraction === null ? '' : `.${fraction}`}`)

const anInstant = fc
  .tuple(
    fc.integer({ min: Date.UTC(1990, 0), max: Date.UTC(2090, 0) }),
    fc.constantFrom('Z', '+00:00', '-03:30', '+14:00', '+01:00'),
  )
  .map(([ms, zone]) => new Date(ms).toISOString().replace('Z', zone))

/** Any value that a quantity can have. */
function quantityOf(name: QuantityName): fc.Arbitrary<Quantity> {
  const { units, answers } = QUANTITIES[name]
  if (units.length === 0) return fc.constantFrom(...answers.map(({ code }) => answered(name, code)))
  const numbers = fc
    .tuple(decimalText, fc.constantFrom(...units), fc.constantFrom(null, '<' as const, '>' as const))
    .map(([value, unit, comparator]) => measured(name, value, unit.ucum, comparator))
  // A missing value keeps a unit only where the code tells it.
  const toldByCode = name === 'glucose' || units.length === 1
  const missing = fc.constantFrom(...units).map((unit): Quantity => {
    const ucum = toldByCode ? unit.ucum : ''
    return { name, value: null, comparator: null, ucum, unit: unitRow(name, ucum)?.unit ?? '', coded: null }
  })
  return fc.oneof({ arbitrary: numbers, weight: 5 }, { arbitrary: missing, weight: 1 })
}

function quantitiesOf(kind: ReadingKind): fc.Arbitrary<Quantity[]> {
  const { panel, quantities } = KINDS[kind]
  if (!panel)
    return fc
      .constantFrom(...quantities)
      .chain(quantityOf)
      .map((quantity) => [quantity])
  const parts = quantities.map((name) => {
    const value = quantityOf(name)
    return QUANTITIES[name].required
      ? value.map((quantity) => [quantity])
      : fc.oneof(
          value.map((quantity) => [quantity]),
          fc.constant([]),
        )
  })
  return fc
    .tuple(...parts)
    .map((all) => all.flat())
    .filter((all) => all.length > 0)
}

/** How it was measured, with the device that goes with it. */
const origin = fc.oneof(
  fc.constant({ method: 'manual' as const, device: null }),
  fc.constant({ method: 'patient-reported' as const, device: null }),
  fc.record({ method: fc.constant('device' as const), device: fc.record({ handle: hex(16), label: WORD }) }),
  fc.record({
    method: fc.constant('unauthenticated-device' as const),
    device: fc.record({ handle: fc.constant(null), label: WORD }),
  }),
)

/** Every Observation that can be written. */
export const anyObservation: fc.Arbitrary<ObservationInput> = fc.constantFrom(...READING_KINDS).chain((kind) =>
  fc
    .record({
      id: fc.uuid(),
      kind: fc.constant(kind),
      quantities: quantitiesOf(kind),
      effective: anInstant,
      issued: anInstant,
      subject: hex(16),
      practitioner: fc.record({ handle: hex(16), name: WORD }),
      gateway: fc.option(fc.record({ handle: fc.stringMatching(/^[A-Za-z0-9.-]{1,64}$/), label: WORD })),
      technique:
        kind === 'heart-rate' ? fc.constantFrom(null, 'cuff' as const, 'pulse-oximeter' as const) : fc.constant(null),
      flags: fc.array(fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,39}$/), { maxLength: 16 }),
      site: fc.oneof(fc.constant(null), fc.constantFrom(...Object.keys(SITES)), WORD),
      setId: WORD,
      deviceTime: fc.option(anInstant.map((text) => text.slice(0, 19))),
      deviceClockOffsetS: fc.option(fc.integer({ min: -999_999_999, max: 999_999_999 })),
      window: fc.option(fc.record({ seconds: fc.nat(3600), min: decimalText, max: decimalText })),
      rawBytes: fc.option(fc.uint8Array({ minLength: 1, maxLength: 300 })),
      test: fc.boolean(),
    })
    .chain((input) =>
      fc.option(WORD).map((reason) => ({ ...input, ...(reason === null ? {} : { assignedBecause: reason }) })),
    )
    .chain((input) =>
      fc.option(WORD).map((reason) => ({ ...input, ...(reason === null ? {} : { amendedBecause: reason }) })),
    )
    .chain((input) =>
      fc.option(WORD).map((reason) => ({ ...input, ...(reason === null ? {} : { unsignedBecause: reason }) })),
    )
    .chain((input) => origin.map((from): ObservationInput => ({ ...input, ...from }))),
)
