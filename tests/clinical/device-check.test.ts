import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeDeviceStatement, encodeDeviceStatement, type DeviceStatement } from '../../src/clinical/device-check.ts'
import { ClinicalError } from '../../src/clinical/errors.ts'
import { measured } from '../../src/clinical/quantity.ts'
import { DEVICE_RECORD_KINDS } from '../../src/shared/api/schemas.ts'

const CONTROL: DeviceStatement = {
  kind: 'control',
  device: 'd1'.repeat(16),
  practitioner: { handle: 'a1'.repeat(16), name: 'Nora Nurse' },
  at: '2026-11-20T08:14:05+01:00',
  result: 'passed',
  due: null,
  quantities: [measured('glucose', '112', 'mg/dL')],
  note: 'Lot 4471',
  test: false,
}

const words = fc
  .string({ minLength: 1, maxLength: 40 })
  .map((text) => text.trim())
  .filter((text) => text.length > 0 && text.isWellFormed() && !/\p{Cc}/u.test(text))
const statement: fc.Arbitrary<DeviceStatement> = fc
  .record({
    kind: fc.constantFrom(...DEVICE_RECORD_KINDS),
    result: fc.constantFrom('passed' as const, 'failed' as const),
    due: fc.option(fc.constantFrom('2026-12-31', '2028-02-29')),
    quantities: fc.subarray([measured('glucose', '6.20', 'mmol/L'), measured('room-temperature', '-4.3')]),
    note: fc.option(words),
    name: words,
    test: fc.boolean(),
  })
  .map(({ kind, result, due, name, ...rest }) => ({
    ...CONTROL,
    ...rest,
    kind,
    practitioner: { ...CONTROL.practitioner, name },
    result: kind === 'calibration' || kind === 'revoked' ? null : result,
    due: kind === 'calibration' ? due : null,
  }))

describe('a statement about a device', () => {
  it('says what was put into it, digits included', () => {
    fc.assert(
      fc.property(statement, (given) => {
        expect(decodeDeviceStatement(encodeDeviceStatement(given))).toEqual(given)
      }),
    )
  })

  it('is about the device and no patient', () => {
    const resource = JSON.parse(encodeDeviceStatement(CONTROL)) as { subject: unknown }
    expect(resource.subject).toEqual({ reference: `Device/${CONTROL.device}` })
  })

  it.each([
    ['a patient', '"Device/d1', '"Patient/d1', 'WRONG_ID'],
    ['another result', '"passed"', '"perfect"', 'WRONG_CODE'],
    ['another kind', '"control"', '"confession"', 'WRONG_CODE'],
    ['no result of a check', /"valueCodeableConcept":\{.*?\]\},/, '', 'VALUE_AND_REASON'],
    ['a due date of something else', '"performer"', '"valueDateTime":"2026-01-01","performer"', 'UNKNOWN_PROPERTY'],
    ['a unit that is not the quantity’s', 'mg/dL', 'mm[Hg]', 'WRONG_UNIT'],
    ['what nobody asked for', '"status"', '"bodySite":{},"status"', 'UNKNOWN_PROPERTY'],
    ['a date that does not exist', '2026-11-20', '2026-11-31', 'WRONG_TIME'],
  ])('is refused with %s', (_, from, to, code) => {
    const text = encodeDeviceStatement(CONTROL)
    const changed = typeof from === 'string' ? text.replaceAll(from, to) : text.replace(from, to)
    expect(changed).not.toBe(text)
    expect(() => decodeDeviceStatement(changed)).toThrow(expect.objectContaining({ name: 'ClinicalError', code }))
  })

  it('is never written with a due date or a result where it has none', () => {
    expect(() => encodeDeviceStatement({ ...CONTROL, due: '2026-12-31' })).toThrow(ClinicalError)
    expect(() => encodeDeviceStatement({ ...CONTROL, kind: 'revoked' })).toThrow(ClinicalError)
  })

  it('gives a value or a coded error for any bytes', () => {
    const text = encodeDeviceStatement(CONTROL)
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 3 }), (at, put) => {
        try {
          decodeDeviceStatement(text.slice(0, at) + put + text.slice(at + 1))
        } catch (error) {
          expect(error).toBeInstanceOf(ClinicalError)
        }
      }),
    )
  })
})
