import { encodeAssessment } from '../../src/clinical/assessment.ts'
import { dataClassOf } from '../../src/clinical/data-class.ts'
import { encodeDevice } from '../../src/clinical/device.ts'
import type { ExportContents, ExportRecord } from '../../src/clinical/export-bundle.ts'
import { news2 } from '../../src/clinical/news2.ts'
import { decodeObservation, encodeObservation, type ObservationInput } from '../../src/clinical/observation.ts'
import { encodePatient } from '../../src/clinical/patient.ts'
import { encodePractitioner } from '../../src/clinical/practitioner.ts'
import { measured } from '../../src/clinical/quantity.ts'
import { encodeReport } from '../../src/clinical/report-record.ts'
import { observationInput } from './observations.ts'
import { DIARY } from './patient-files.ts'
import { observedSet } from './scored-readings.ts'

export const PATIENT = 'a1'.repeat(16)
export const NURSE = { handle: 'b2'.repeat(16), name: 'Noor Bellweather' }
const RECORDED_AT = '2026-11-20T08:14:09+01:00'

const at = (index: number) => ({
  entryId: index.toString(16).padStart(32, '0'),
  ref: { origin: 'hillside/ward-1/1', index },
  leaf: index.toString(16).padStart(64, 'f'),
  receipt: `receipt-${index}`,
  practitioner: NURSE,
  recordedAt: RECORDED_AT,
})

/** A reading as it leaves. */
export function exportedReading(index: number, over: Partial<ObservationInput>): ExportRecord {
  const id = `6f1f4f3e-0000-4000-8000-${String(index).padStart(12, '0')}`
  const text = encodeObservation(observationInput({ id, ...over }))
  const { reading } = decodeObservation(text)
  return { ...at(index), text, reading, dataClass: dataClassOf(reading) }
}

/** A score and a report as they leave: they have no id of their own. */
function exportedScore(index: number): ExportRecord {
  const question = { birthDate: '1969-03-04', pregnant: false, scale: 1, at: RECORDED_AT, by: NURSE.name } as const
  const draft = news2(observedSet(), question)
  if (draft.state !== 'complete') throw new Error('a complete set')
  const text = encodeAssessment({
    assessment: draft.assessment,
    patient: PATIENT,
    practitioner: NURSE.handle,
    test: false,
  })
  return { ...at(index), text, reading: null, dataClass: 'assessments' }
}
function exportedReport(index: number): ExportRecord {
  const source = JSON.stringify(DIARY)
  const text = encodeReport({ source, patient: PATIENT, practitioner: NURSE, recordedAt: RECORDED_AT, test: false })
  return { ...at(index), text, reading: null, dataClass: 'patient-reported' }
}

const ADA = { handle: PATIENT, familyName: 'Quillfeather', givenName: 'Ada', birthDate: '1969-03-04' } as const

/** An export with one record of each kind. */
export const CONTENTS: ExportContents = {
  id: '9d9d9d9d-0000-4000-8000-000000000001',
  at: '2026-11-21T09:00:00+01:00',
  patient: encodePatient({ ...ADA, gender: 'female', identifier: '9000017' }, false),
  others: [
    encodePractitioner({ ...NURSE, role: 'nurse' }, false),
    encodeDevice({
      handle: 'd4'.repeat(16),
      label: 'Cuff 3',
      family: 'omron-0590-0028',
      model: 'HEM-790IT',
      manufacturer: null,
      serial: 'A1',
      vendorId: 0x0590,
      productId: 0x0028,
      port: null,
      kinds: ['blood-pressure'],
      test: false,
    }),
  ],
  records: [
    exportedReading(1, { quantities: [measured('temperature', '36.50')] }),
    exportedReading(2, {
      kind: 'blood-pressure',
      quantities: [measured('systolic', '128'), measured('diastolic', '82')],
      method: 'device',
      device: { handle: 'd4'.repeat(16), label: 'Cuff 3' },
    }),
    exportedReading(3, { kind: 'glucose', quantities: [measured('glucose', '5.50', 'mmol/L')] }),
    exportedReading(4, { kind: 'glucose', quantities: [measured('glucose', '600', 'mg/dL', '>')] }),
    exportedReading(5, { kind: 'weight', quantities: [measured('weight', '71.4')], method: 'patient-reported' }),
    exportedScore(6),
    exportedReport(7),
  ],
  test: false,
}
