/** Scores in the chart. They say what a published table says, and never what to do. */
export const messages = {
  news2: 'NEWS2',
  bandLine: 'NEWS2 {total}: {band} band',
  bands: { low: 'low', 'low-medium': 'low-medium', medium: 'medium', high: 'high' },
  why: {
    none: 'No value scores.',
    low: 'The total is 4 or less, and no single value scores 3.',
    'low-medium': 'One value alone scores 3.',
    medium: 'The total is 5 or 6.',
    high: 'The total is 7 or more.',
  },
  suggests: {
    none: 'RCP 2017 suggests to go on with routine observations. Consider local protocol.',
    low: 'RCP 2017 suggests that a registered nurse assesses the patient and decides how often to observe. Consider local protocol.',
    'low-medium':
      'RCP 2017 suggests that the nurse informs the medical team, who review and decide. Consider local protocol.',
    medium:
      'RCP 2017 suggests an urgent assessment by a clinician competent in acute illness. Consider local protocol.',
    high: 'RCP 2017 suggests an emergency assessment by a team competent in critical care. Consider local protocol.',
  },
  judgement: 'Supports judgement and does not replace it. Not a monitor, no alarms.',
  source: '{version}, scale {scale}. Royal College of Physicians: National Early Warning Score 2.',
  incomplete: 'NEWS2 incomplete: {missing} missing',
  incompleteText:
    'A total needs all seven values of one set, taken within 30 minutes, signed and verified. Without them there is none.',
  of: 'Newest set',
  input: 'Value',
  recorded: 'As signed',
  points: 'Points',
  measured: 'Measured',
  proof: 'Proof',
  inputs: {
    'respiratory-rate': 'Respiratory rate',
    spo2: 'SpO₂',
    oxygen: 'Air or oxygen',
    systolic: 'Systolic pressure',
    pulse: 'Pulse',
    consciousness: 'Consciousness',
    temperature: 'Temperature',
  },
  record: 'Sign and record this score',
  recordedDone: 'The score is signed and recorded, with every value it rests on.',
  again: 'Compute again',
  loading: 'Checking the values of the newest set…',
  off: 'Scores are switched off',
  offText: 'NEWS2 is off until a physician who is responsible for it switches it on under Administration.',
  offUnsure:
    'NEWS2 was switched on, and an entry that may have switched it off later is damaged or lost. So charts show no score until a physician decides anew under Administration.',
  notApplicable: {
    'under-16': 'NEWS2 is not for patients under 16.',
    pregnancy: 'NEWS2 is not for use in pregnancy.',
    'age-unknown': 'The birth date could not be verified, so it is not known whether NEWS2 may be used.',
  },
  notApplicableTitle: 'No score for this patient',
  scale: {
    title: 'Oxygen scale',
    1: 'Scale 1, target 94–98 %',
    2: 'Scale 2, target 88–92 %',
    unset: 'Usual, nobody chose another',
    uncertain:
      'It is not certain which scale holds, or which values: a record that says so does not verify. A physician may choose the scale anew; else measure again.',
    by: '{name}, {at}: “{reason}”',
    change: 'Change the scale…',
    dialog: 'Choose the oxygen scale',
    dialogText:
      'Scale 2 is for patients with a target of 88–92 % because of hypercapnic respiratory failure, usually confirmed by blood gas. Your name and reason stand beside it.',
    choose: 'Scale',
    reasonHint: 'Such as the blood gas it rests on.',
    sign: 'Sign the scale',
    done: 'The scale is signed. The score follows it.',
  },
  history: 'Recorded scores',
  foreign:
    'No score is worked out here for a record of {site}: which oxygen scale holds for the patient is not known here. Below is what {site} recorded.',
  sister:
    'Scores of this patient are worked out and signed at the workstation that registered them. Below is what was recorded there.',
  historyNone: 'No score was recorded yet.',
  rests: 'What it rests on',
  closed:
    '1 recorded score is closed by consent, or could not be verified. | {n} recorded scores are closed by consent, or could not be verified.',
}
