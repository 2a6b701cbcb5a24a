/**
 * Which kind of data a reading is, as consents name them. Proven by `tests/clinical/data-class.test.ts`.
 *
 * @packageDocumentation
 */
import type { DataClass, Method, ReadingKind } from '../shared/api/schemas.ts'

const CLASSES: Readonly<Record<ReadingKind, DataClass>> = {
  'blood-pressure': 'vital-signs',
  'heart-rate': 'vital-signs',
  spo2: 'vital-signs',
  temperature: 'vital-signs',
  'respiratory-rate': 'vital-signs',
  consciousness: 'vital-signs',
  oxygen: 'vital-signs',
  weight: 'body-measures',
  'body-composition': 'body-measures',
  glucose: 'laboratory',
  'sensor-glucose': 'laboratory',
  ketone: 'laboratory',
  // Of a room; were it ever recorded with a patient, it would be no more private than their vital signs.
  environment: 'vital-signs',
}

/**
 * The kind of data that a reading is.
 *
 * @param reading - What the patient reported is one kind, whatever was measured.
 */
export function dataClassOf({ kind, method }: { readonly kind: ReadingKind; readonly method: Method }): DataClass {
  return method === 'patient-reported' ? 'patient-reported' : CLASSES[kind]
}
