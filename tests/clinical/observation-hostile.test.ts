import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeAssessment } from '../../src/clinical/assessment.ts'
import { decodeAudit } from '../../src/clinical/audit-event.ts'
import { decodeConsent } from '../../src/clinical/consent.ts'
import { ClinicalError } from '../../src/clinical/errors.ts'
import { decodeDevice } from '../../src/clinical/device.ts'
import { decodeObservation, encodeObservation } from '../../src/clinical/observation.ts'
import { decodePatient } from '../../src/clinical/patient.ts'
import { decodePractitioner } from '../../src/clinical/practitioner.ts'
import { answered, measured } from '../../src/clinical/quantity.ts'
import { decodeReport } from '../../src/clinical/report-record.ts'
import { decodeRetraction } from '../../src/clinical/retraction.ts'
import { checkVitalSign } from '../../src/clinical/vital-sign-rules.ts'
import { anyObservation, observationInput } from '../support/observations.ts'

/** Runs a reader that may refuse, but only in the one way. */
function valueOrError(read: (text: string) => unknown, text: string): unknown {
  try {
    return read(text)
  } catch (error) {
    expect(error).toBeInstanceOf(ClinicalError)
    return error
  }
}

const READERS = [
  decodeObservation,
  decodePatient,
  decodePractitioner,
  decodeDevice,
  decodeConsent,
  decodeAudit,
  decodeRetraction,
  decodeAssessment,
  decodeReport,
  checkVitalSign,
]

/** A value that a test may bend in any way. */
type Loose = ReturnType<typeof JSON.parse>

/** Every place of a JSON value, as a path of keys. */
function placesOf(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([key, item]) => placesOf(item, [...path, key]))]
}

/** A deep copy with one place changed; `undefined` removes it. */
function changed(value: unknown, [key, ...rest]: (string | number)[], put: unknown): unknown {
  if (key === undefined) return put
  const copy: Loose = Array.isArray(value) ? [...value] : { ...(value as object) }
  const next = rest.length === 0 ? put : changed(copy[key], rest, put)
  if (next === undefined) delete copy[key]
  else copy[key] = next
  return copy
}

describe('hostile text', () => {
  it('gives a value or a coded error, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.string()), (text) => {
        for (const read of READERS) valueOrError(read, text)
      }),
      { numRuns: 500 },
    )
  })

  it('gives a value or a coded error when any place of a good text holds anything else', () => {
    const junk = fc.oneof(fc.jsonValue(), fc.constantFrom(null, '', [], {}, [{}], 'x'.repeat(200), -1, 1e300, true))
    fc.assert(
      fc.property(anyObservation, fc.nat(), junk, (input, pick, put) => {
        const resource: unknown = JSON.parse(encodeObservation(input))
        const places = placesOf(resource)
        const text = JSON.stringify(changed(resource, places[pick % places.length]!, put)) ?? 'null'
        valueOrError(decodeObservation, text)
        valueOrError(checkVitalSign, text)
      }),
      { numRuns: 400 },
    )
  })

  it('never says something else: a changed character is refused, or shows in what is read', () => {
    fc.assert(
      fc.property(
        anyObservation,
        fc.nat(),
        fc.constantFrom('0', '1', '9', 'a', '"', ',', '{', '}', ' ', '.'),
        (input, pick, put) => {
          const text = encodeObservation(input)
          const at = pick % text.length
          if (text[at] === put) return
          const altered = text.slice(0, at) + put + text.slice(at + 1)
          const result = valueOrError(decodeObservation, altered)
          if (!(result instanceof ClinicalError)) expect(result).not.toEqual(decodeObservation(text))
        },
      ),
      { numRuns: 400 },
    )
  })
})

describe('every element counts', () => {
  const input = observationInput({
    kind: 'blood-pressure',
    quantities: [measured('systolic', '128'), measured('diastolic', '82'), measured('mean', '97')],
    method: 'device',
    device: { handle: 'c3'.repeat(16), label: 'Cuff 3' },
    gateway: { handle: 'node-7', label: 'Ward 3' },
    site: 'left-upper-arm',
    flags: ['irregular-pulse'],
    deviceTime: '2026-11-20T08:10:00',
    deviceClockOffsetS: -240,
    window: { seconds: 8, min: '70', max: '74' },
    rawBytes: Uint8Array.of(7, 1, 2),
    test: true,
  })
  const resource = JSON.parse(encodeObservation(input))
  const whole = decodeObservation(JSON.stringify(resource))

  it('refuses an element more, at any place', () => {
    const objects = placesOf(resource).filter((path) => {
      const value = path.reduce<Loose>((inner, key) => inner[key], resource)
      return typeof value === 'object' && !Array.isArray(value)
    })
    expect(objects.length).toBeGreaterThan(30)
    for (const path of objects) {
      const text = JSON.stringify(changed(resource, [...path, 'comment'], 'not verified by anybody'))
      expect(() => decodeObservation(text), path.join('.')).toThrow(ClinicalError)
    }
  })

  it('refuses an element less, or shows that it is gone', () => {
    for (const path of placesOf(resource).filter((each) => each.length > 0)) {
      const result = valueOrError(decodeObservation, JSON.stringify(changed(resource, path, undefined)))
      if (!(result instanceof ClinicalError)) expect(result, path.join('.')).not.toEqual(whole)
    }
  })

  const refused: [why: string, path: (string | number)[], put: unknown, code: string][] = [
    ['a unit that disagrees with its code', ['component', 0, 'valueQuantity', 'code'], 'kPa', 'WRONG_UNIT'],
    ['a unit text that disagrees with its unit', ['component', 0, 'valueQuantity', 'unit'], 'kPa', 'WRONG_UNIT'],
    ['another system of units', ['component', 0, 'valueQuantity', 'system'], 'http://example.org', 'WRONG_UNIT'],
    [
      'a display that says something else',
      ['component', 0, 'code', 'coding', 0, 'display'],
      'Diastolic blood pressure',
      'MISSING',
    ],
    ['a second meaning', ['code', 'coding', 2], { system: 'http://loinc.org', code: '8302-2' }, 'WRONG_CODE'],
    ['a value and a reason for none', ['component', 0, 'dataAbsentReason'], { coding: [] }, 'VALUE_AND_REASON'],
    ['neither', ['component', 0, 'valueQuantity'], undefined, 'VALUE_AND_REASON'],
    ['a panel with a value of its own', ['valueQuantity'], { value: 1 }, 'UNKNOWN_PROPERTY'],
    ['another status', ['status'], 'entered-in-error', 'WRONG_CODE'],
    ['another category', ['category', 0, 'coding', 0, 'code'], 'laboratory', 'WRONG_CODE'],
    ['a group as the subject', ['subject', 'reference'], 'Group/a1', 'WRONG_ID'],
    ['a patient on another server', ['subject', 'reference'], `https://x/Patient/${'a1'.repeat(16)}`, 'WRONG_ID'],
    ['a number as text', ['component', 0, 'valueQuantity', 'value'], '128', 'WRONG_TYPE'],
    ['an unknown extension', ['extension', 0, 'url'], 'http://example.org/modifier', 'WRONG_CODE'],
    [
      'a modifier extension',
      ['modifierExtension'],
      [{ url: 'http://example.org', valueBoolean: true }],
      'UNKNOWN_PROPERTY',
    ],
    ['an empty list', ['performer'], [], 'WRONG_CARDINALITY'],
    ['two performers', ['performer', 1], { reference: 'Practitioner/x' }, 'WRONG_CARDINALITY'],
    ['a date without time', ['effectiveDateTime'], '2026-11-20', 'WRONG_TIME'],
    ['another resource', ['resourceType'], 'MedicationRequest', 'WRONG_TYPE'],
  ]
  it.each(refused)('refuses %s', (_why, path, put, code) => {
    expect(() => decodeObservation(JSON.stringify(changed(resource, path, put)))).toThrow(
      expect.objectContaining({ code }),
    )
  })

  it('refuses every extension that is there twice, but a flag', () => {
    const extensions: { url: string }[] = resource.extension
    for (const extension of extensions) {
      const text = JSON.stringify({ ...resource, extension: [...extensions, extension] })
      if (extension.url.endsWith('measurement-flag')) expect(decodeObservation(text).reading.flags).toHaveLength(2)
      else
        expect(() => decodeObservation(text), extension.url).toThrow(
          expect.objectContaining({ code: 'WRONG_CARDINALITY' }),
        )
    }
  })

  it('refuses an interpretation of what is not a number', () => {
    const answer = JSON.parse(
      encodeObservation(observationInput({ kind: 'oxygen', quantities: [answered('oxygen', 'air')] })),
    )
    const interpretation = [{ text: 'normal' }]
    expect(() => decodeObservation(JSON.stringify({ ...answer, interpretation }))).toThrow(ClinicalError)
    expect(() => decodeObservation(JSON.stringify({ ...resource, interpretation }))).toThrow(ClinicalError)
  })

  it('refuses a property that is there twice, wherever it is', () => {
    const text = JSON.stringify(resource)
    for (const [good, twice] of [
      ['"value":128', '"value":128,"value":82'],
      ['"status":"final"', '"status":"final","status":"final"'],
      ['"value":128', '"value":128,"v\\u0061lue":82'],
    ] as const) {
      expect(() => decodeObservation(text.replace(good, twice))).toThrow(expect.objectContaining({ code: 'NOT_JSON' }))
    }
  })

  it('names the place and never the value in its message', () => {
    const text = JSON.stringify(changed(resource, ['performer', 0, 'display'], 'Ada\u0007Quillfeather'))
    expect(() => decodeObservation(text)).toThrow(/^Observation\.performer\[0\]\.display$/)
  })
})
