/** A sleep diary as another system writes it. */
export const DIARY = {
  resourceType: 'QuestionnaireResponse',
  id: 'diary-7',
  meta: { versionId: '2' },
  identifier: { system: 'https://diary.example/entries', value: '7' },
  questionnaire: 'https://diary.example/Questionnaire/sleep-diary|1.2',
  status: 'completed',
  subject: { reference: 'Patient/p1' },
  authored: '2026-11-20T07:30:00+01:00',
  author: { reference: 'Patient/p1' },
  item: [
    { linkId: '1', text: 'How long did you sleep?', answer: [{ valueQuantity: { value: 6.5, unit: 'hours' } }] },
    {
      linkId: '2',
      text: 'Did you wake up?',
      answer: [{ valueBoolean: true, item: [{ linkId: '2.1', text: 'How often?', answer: [{ valueInteger: 3 }] }] }],
    },
    { linkId: '3', text: 'Medicine', item: [{ linkId: '3.1', text: 'Any?', answer: [{ valueBoolean: false }] }] },
    { linkId: '4', text: 'How did you feel?', answer: [{ valueCoding: { code: 'T', display: 'Tired' } }] },
    { linkId: '5', answer: [{ valueString: 'Noise\nfrom the street' }] },
  ],
}

/** A blood pressure as another system writes it. */
export const PRESSURE = {
  resourceType: 'Observation',
  id: 'bp-9',
  identifier: [{ system: 'https://cuff.example', value: '9' }],
  status: 'final',
  category: [
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
  ],
  code: { coding: [{ system: 'http://loinc.org', code: '85354-9' }], text: 'BP' },
  subject: { reference: 'Patient/p1' },
  effectiveDateTime: '2026-11-20T08:14:05+01:00',
  component: [
    {
      code: { coding: [{ system: 'http://loinc.org', code: '8480-6' }] },
      valueQuantity: { value: 128, unit: 'mmHg', system: 'http://unitsofmeasure.org', code: 'mm[Hg]' },
    },
    {
      code: { coding: [{ system: 'http://loinc.org', code: '8462-4' }] },
      valueQuantity: { value: 82, unit: 'mmHg', system: 'http://unitsofmeasure.org', code: 'mm[Hg]' },
    },
  ],
}

/** A temperature whose zero matters: written as text, because a number would lose it. */
export const TEMPERATURE_TEXT =
  '{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8310-5"}]},' +
  '"effectiveDateTime":"2026-11-20T08:14:05Z","valueQuantity":{"value":36.50,"unit":"C",' +
  '"system":"http://unitsofmeasure.org","code":"Cel"}}'

/** A Bundle of resources. */
export function bundleOf(resources: readonly unknown[], type = 'collection') {
  return { resourceType: 'Bundle', type, entry: resources.map((resource) => ({ resource })) }
}
