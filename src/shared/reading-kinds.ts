/** What a reading can be of. Grows at its end: records name kinds, not places in this list. */
export const READING_KINDS = [
  'blood-pressure',
  'heart-rate',
  'spo2',
  'temperature',
  'respiratory-rate',
  'consciousness',
  'oxygen',
  'weight',
  'body-composition',
  'glucose',
  'sensor-glucose',
  'ketone',
  'environment',
] as const
