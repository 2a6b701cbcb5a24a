import { describe, expect, it } from 'vitest'
import { encodeDeviceObservations, type DeviceStatement } from '../../src/clinical/device-observation.ts'
import { measured } from '../../src/clinical/quantity.ts'

const statement = (over: Partial<DeviceStatement>): DeviceStatement => ({
  quantities: [],
  effective: null,
  deviceTime: null,
  second: null,
  window: null,
  flags: [],
  control: false,
  recordKey: null,
  raw: null,
  device: { family: 'a-family', name: 'A device' },
  ...over,
})

const written = (over: Partial<DeviceStatement>) =>
  encodeDeviceObservations(statement(over)).map((text) => JSON.parse(text) as Record<string, unknown>)

const codeOf = (resource: unknown) => (resource as { code: { coding: { code: string }[] } }).code.coding[0]?.code

describe('an Observation of nobody', () => {
  it('has neither subject nor profile, and one text for each code', () => {
    const all = written({
      quantities: [measured('pulse', '70'), measured('diastolic', '78'), measured('systolic', '123')],
    })
    expect(all.map(codeOf)).toEqual(['85354-9', '8867-4'])
    for (const one of all) {
      expect(one).not.toHaveProperty('subject')
      expect(one).not.toHaveProperty('meta')
      expect(one).not.toHaveProperty('effectiveDateTime')
      expect(one).not.toHaveProperty('extension')
    }
  })

  it('keeps digits, time, status bits, record and bytes', () => {
    const [text = ''] = encodeDeviceObservations(
      statement({
        quantities: [measured('temperature', '36.50')],
        effective: '2026-11-20T08:14:05+01:00',
        deviceTime: '2026-11-20T08:14:05',
        flags: ['low-battery'],
        recordKey: 'key',
        raw: Uint8Array.of(1, 2),
      }),
    )
    expect(text).toContain('"value":36.50')
    expect(JSON.parse(text)).toMatchObject({
      effectiveDateTime: '2026-11-20T08:14:05+01:00',
      identifier: [{ value: 'key' }],
      extension: [
        { extension: [{ valueString: '2026-11-20T08:14:05' }] },
        { valueCode: 'low-battery' },
        { valueBase64Binary: 'AQI=' },
      ],
    })
  })

  it('of control solution is a test of the meter, not somebody’s glucose', () => {
    const [one] = written({ quantities: [measured('glucose', '112')], control: true })
    expect(codeOf(one)).toBe('160208')
    expect(one).toMatchObject({ meta: { security: [{ code: 'HTEST' }] }, valueQuantity: { value: 112 } })
    expect(one).not.toHaveProperty('category')
  })

  it('of a room is no body temperature', () => {
    const [one] = written({ quantities: [measured('room-temperature', '4.3'), measured('humidity', '41')] })
    expect(JSON.stringify(one)).not.toContain('8310-5')
    expect(one).toMatchObject({ component: [{ valueQuantity: { value: 4.3 } }, { valueQuantity: { value: 41 } }] })
    expect(one).not.toHaveProperty('category')
  })

  it('says why there is no number, and which end of the scale was passed', () => {
    const quantities = [{ ...measured('glucose', '0', 'mg/dL', '>'), value: null }]
    expect(written({ quantities })[0]).toMatchObject({
      dataAbsentReason: { coding: [{ code: 'error' }] },
      interpretation: [{ coding: [{ code: '>' }] }],
    })
  })
})
