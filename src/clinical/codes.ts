/**
 * The code table: for every quantity its LOINC and other codings, its units and how it is shown. Labels, validation,
 * limits and encoding all start here.
 *
 * @remarks
 * FHIR R4 vital signs fix the LOINC codes and, for each, the UCUM codes (HL7 FHIR R4, "Vital Signs"). 11073-10101
 * codes follow the HL7 Personal Health Device guide. The code of a glucose value depends on its unit: mass and
 * substance concentration are different LOINC terms. What has no code that says exactly what we mean carries one of
 * our own systems. Proven by `tests/clinical/codes.test.ts` and by the samples in `observation-samples.test.ts`.
 *
 * @packageDocumentation
 */
import type { ReadingKind } from '../shared/api/schemas.ts'

/** LOINC, UCUM, ISO/IEEE 11073-10101, and the base of everything we define ourselves. */
export const LOINC = 'http://loinc.org'
export const UCUM = 'http://unitsofmeasure.org'
export const MDC = 'urn:iso:std:iso:11073:10101'
export const OWN = 'https://chartseal.org/fhir'

/** Names of measured quantities, in the order in which they are written and shown. */
export const QUANTITY_NAMES = [
  'systolic',
  'diastolic',
  'mean',
  'pulse',
  'spo2',
  'temperature',
  'respiratory-rate',
  'consciousness',
  'oxygen',
  'oxygen-flow',
  'oxygen-concentration',
  'weight',
  'body-fat',
  'body-water',
  'muscle-mass',
  'glucose',
  'sensor-glucose',
  'ketone',
  'room-temperature',
  'humidity',
] as const
/** A name of {@link QUANTITY_NAMES}. */
export type QuantityName = (typeof QUANTITY_NAMES)[number]

/** How a pulse or a saturation was found, where the codes differ. */
export const TECHNIQUES = ['pulse-oximeter', 'cuff'] as const
/** A technique of {@link TECHNIQUES}. */
export type Technique = (typeof TECHNIQUES)[number]

/** One FHIR Coding. */
export interface Coding {
  readonly system: string
  readonly code: string
  readonly display?: string
}

/** A unit in which a quantity may be recorded. */
export interface UnitRow {
  /** UCUM code. */
  readonly ucum: string
  /** Unit as recorded beside the number. */
  readonly unit: string
  /** Unit as shown where space is short. */
  readonly short: string
  /** Digits after the point that are shown. */
  readonly decimals: number
  /** More digits than this cannot come from a measurement. */
  readonly maxDecimals: number
  /** Below this value one more digit is shown: the weight of an infant. */
  readonly finerBelow?: string
  /** The term for a value in this unit, where it differs from the quantity's. */
  readonly code?: Coding
  /** Not a unit of the kind's profile: a value in it claims none. */
  readonly outsideProfile?: true
}

/** A coded answer of a quantity. */
export interface AnswerRow {
  readonly code: string
  readonly text: string
}

/** One quantity. */
export interface QuantityRow {
  readonly name: QuantityName
  readonly kind: ReadingKind
  /** Key of the label in the window's messages. */
  readonly labelKey: string
  /** FHIR `code.text`. */
  readonly text: string
  /** The coding that must be there, and those that are added to it. */
  readonly code: Coding
  readonly extra: readonly Coding[]
  /** Codings that only a certain technique adds. */
  readonly byTechnique?: Readonly<Record<Technique, readonly Coding[]>>
  /** The first is the one offered by default. Empty for purely coded quantities. */
  readonly units: readonly UnitRow[]
  /** Answers in words, for quantities without units. Their code system is named after the quantity's code. */
  readonly answers: readonly AnswerRow[]
  /** Part of a panel, and whether the panel needs it. */
  readonly component: boolean
  readonly required: boolean
}

/** What the readings of one kind have in common. */
export interface KindRow {
  readonly kind: ReadingKind
  readonly labelKey: string
  /** Profile that a reading claims; null when none in R4 fits. */
  readonly profile: string | null
  readonly category: 'vital-signs' | 'laboratory'
  /** The panel's code when the quantities are components; null when the one quantity is the reading. */
  readonly panel: { readonly codes: readonly Coding[]; readonly text: string } | null
  readonly quantities: readonly QuantityName[]
  /** Whether a person may type it, and which sites may be named. */
  readonly manual: boolean
  readonly sites: readonly string[]
}

const PROFILE = 'http://hl7.org/fhir/StructureDefinition'
const loinc = (code: string, display: string): Coding => ({ system: LOINC, code, display })
const mdc = (code: string, display?: string): Coding =>
  display === undefined ? { system: MDC, code } : { system: MDC, code, display }
const own = (system: string, code: string): Coding => ({ system: `${OWN}/CodeSystem/${system}`, code })
const MMHG: UnitRow = { ucum: 'mm[Hg]', unit: 'mmHg', short: 'mmHg', decimals: 0, maxDecimals: 1 }
const single = { component: false, required: true, answers: [], extra: [] } as const
const surroundings = { kind: 'environment', component: true, answers: [], extra: [] } as const
const share = {
  kind: 'body-composition',
  component: true,
  required: false,
  answers: [],
  extra: [],
  units: [{ ucum: '%', unit: '%', short: '%', decimals: 1, maxDecimals: 2 }],
} as const
const part = { kind: 'blood-pressure', component: true, answers: [], units: [MMHG] } as const

const ACVPU: readonly AnswerRow[] = [
  { code: 'alert', text: 'Alert' },
  { code: 'confusion', text: 'New confusion' },
  { code: 'voice', text: 'Responds to voice' },
  { code: 'pain', text: 'Responds to pain' },
  { code: 'unresponsive', text: 'Unresponsive' },
]
const OXYGEN_ANSWERS: readonly AnswerRow[] = [
  { code: 'air', text: 'Breathing air' },
  { code: 'oxygen', text: 'Breathing oxygen, amount not recorded' },
]

const ROWS: readonly QuantityRow[] = [
  {
    ...part,
    name: 'systolic',
    labelKey: 'quantity.systolic',
    text: 'Systolic blood pressure',
    code: loinc('8480-6', 'Systolic blood pressure'),
    extra: [mdc('150021')],
    required: true,
  },
  {
    ...part,
    name: 'diastolic',
    labelKey: 'quantity.diastolic',
    text: 'Diastolic blood pressure',
    code: loinc('8462-4', 'Diastolic blood pressure'),
    extra: [mdc('150022')],
    required: true,
  },
  {
    ...part,
    name: 'mean',
    labelKey: 'quantity.mean',
    text: 'Mean blood pressure',
    code: loinc('8478-0', 'Mean blood pressure'),
    extra: [mdc('150023')],
    required: false,
  },
  {
    ...single,
    name: 'pulse',
    kind: 'heart-rate',
    labelKey: 'quantity.pulse',
    text: 'Pulse',
    code: loinc('8867-4', 'Heart rate'),
    byTechnique: {
      'pulse-oximeter': [loinc('8889-8', 'Heart rate by Pulse oximetry'), mdc('149530', 'MDC_PULS_OXIM_PULS_RATE')],
      cuff: [mdc('149546', 'MDC_PULS_RATE_NON_INV')],
    },
    units: [{ ucum: '/min', unit: 'beats/minute', short: '/min', decimals: 0, maxDecimals: 1 }],
  },
  {
    ...single,
    name: 'spo2',
    kind: 'spo2',
    labelKey: 'quantity.spo2',
    text: 'SpO2',
    code: loinc('2708-6', 'Oxygen saturation in Arterial blood'),
    extra: [
      loinc('59408-5', 'Oxygen saturation in Arterial blood by Pulse oximetry'),
      mdc('150456', 'MDC_PULS_OXIM_SAT_O2'),
    ],
    units: [{ ucum: '%', unit: '%', short: '%', decimals: 0, maxDecimals: 1 }],
  },
  {
    ...single,
    name: 'temperature',
    kind: 'temperature',
    labelKey: 'quantity.temperature',
    text: 'Temperature',
    code: loinc('8310-5', 'Body temperature'),
    extra: [mdc('150364', 'MDC_TEMP_BODY')],
    units: [
      { ucum: 'Cel', unit: '°C', short: '°C', decimals: 1, maxDecimals: 2 },
      { ucum: '[degF]', unit: '°F', short: '°F', decimals: 1, maxDecimals: 2 },
    ],
  },
  {
    ...single,
    name: 'respiratory-rate',
    kind: 'respiratory-rate',
    labelKey: 'quantity.respiratoryRate',
    text: 'Respiratory rate',
    code: loinc('9279-1', 'Respiratory rate'),
    units: [{ ucum: '/min', unit: 'breaths/minute', short: '/min', decimals: 0, maxDecimals: 1 }],
  },
  {
    ...single,
    name: 'consciousness',
    kind: 'consciousness',
    labelKey: 'quantity.consciousness',
    text: 'Level of consciousness (ACVPU)',
    code: own('vital-sign', 'consciousness-acvpu'),
    units: [],
    answers: ACVPU,
  },
  {
    ...single,
    name: 'oxygen',
    kind: 'oxygen',
    labelKey: 'quantity.oxygen',
    text: 'Air or oxygen',
    code: own('vital-sign', 'air-or-oxygen'),
    units: [],
    answers: OXYGEN_ANSWERS,
  },
  {
    ...single,
    name: 'oxygen-flow',
    kind: 'oxygen',
    labelKey: 'quantity.oxygenFlow',
    text: 'Oxygen flow',
    code: loinc('3151-8', 'Inhaled oxygen flow rate'),
    units: [{ ucum: 'L/min', unit: 'L/min', short: 'L/min', decimals: 1, maxDecimals: 2 }],
  },
  {
    ...single,
    name: 'oxygen-concentration',
    kind: 'oxygen',
    labelKey: 'quantity.oxygenConcentration',
    text: 'Oxygen concentration',
    code: loinc('3150-0', 'Inhaled oxygen concentration'),
    units: [{ ucum: '%', unit: '%', short: '%', decimals: 0, maxDecimals: 1 }],
  },
  {
    ...single,
    name: 'weight',
    kind: 'weight',
    labelKey: 'quantity.weight',
    text: 'Weight',
    code: loinc('29463-7', 'Body weight'),
    extra: [mdc('188736', 'MDC_MASS_BODY_ACTUAL')],
    units: [
      { ucum: 'kg', unit: 'kg', short: 'kg', decimals: 1, maxDecimals: 3, finerBelow: '10' },
      { ucum: 'g', unit: 'g', short: 'g', decimals: 0, maxDecimals: 1 },
      { ucum: '[lb_av]', unit: 'lb', short: 'lb', decimals: 1, maxDecimals: 3 },
      {
        // Scales of the standard class can show ounces; R4 has them for no body weight, and nothing is converted.
        ucum: '[oz_av]',
        unit: 'oz',
        short: 'oz',
        decimals: 1,
        maxDecimals: 3,
        code: loinc('3141-9', 'Body weight Measured'),
        outsideProfile: true,
      },
    ],
  },
  {
    ...share,
    name: 'body-fat',
    labelKey: 'quantity.bodyFat',
    text: 'Body fat',
    code: loinc('41982-0', 'Percentage of body fat Measured'),
  },
  {
    ...share,
    name: 'body-water',
    labelKey: 'quantity.bodyWater',
    text: 'Body water',
    code: own('vital-sign', 'body-water-percentage'),
  },
  {
    ...share,
    name: 'muscle-mass',
    labelKey: 'quantity.muscleMass',
    text: 'Muscle, share of the body mass',
    code: own('vital-sign', 'muscle-percentage'),
  },
  {
    ...single,
    name: 'glucose',
    kind: 'glucose',
    labelKey: 'quantity.glucose',
    text: 'Blood glucose (meter)',
    code: loinc('41653-7', 'Glucose [Mass/volume] in Capillary blood by Glucometer'),
    extra: [mdc('160184', 'MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD')],
    units: [
      { ucum: 'mg/dL', unit: 'mg/dL', short: 'mg/dL', decimals: 0, maxDecimals: 1 },
      {
        ucum: 'mmol/L',
        unit: 'mmol/L',
        short: 'mmol/L',
        decimals: 1,
        maxDecimals: 2,
        code: loinc('14743-9', 'Glucose [Moles/volume] in Capillary blood by Glucometer'),
      },
    ],
  },
  {
    // Another fluid, some minutes behind the blood: never in one row with a value from a finger.
    ...single,
    name: 'sensor-glucose',
    kind: 'sensor-glucose',
    labelKey: 'quantity.sensorGlucose',
    text: 'Sensor glucose (interstitial)',
    code: loinc('99504-3', 'Glucose [Mass/volume] in Interstitial fluid'),
    units: [{ ucum: 'mg/dL', unit: 'mg/dL', short: 'mg/dL', decimals: 0, maxDecimals: 1 }],
  },
  {
    ...single,
    name: 'ketone',
    kind: 'ketone',
    labelKey: 'quantity.ketone',
    text: 'Blood ketone (meter)',
    code: loinc('66441-7', 'Beta hydroxybutyrate [Moles/volume] in Blood by Test strip'),
    units: [{ ucum: 'mmol/L', unit: 'mmol/L', short: 'mmol/L', decimals: 1, maxDecimals: 2 }],
  },
  {
    ...surroundings,
    name: 'room-temperature',
    labelKey: 'quantity.roomTemperature',
    text: 'Temperature of a room or refrigerator',
    code: loinc('60832-3', 'Room temperature'),
    required: true,
    units: [{ ucum: 'Cel', unit: '°C', short: '°C', decimals: 1, maxDecimals: 4 }],
  },
  {
    ...surroundings,
    name: 'humidity',
    labelKey: 'quantity.humidity',
    text: 'Relative humidity of a room or refrigerator',
    code: own('environment', 'relative-humidity'),
    required: false,
    units: [{ ucum: '%', unit: '%', short: '%', decimals: 0, maxDecimals: 2 }],
  },
]

/** Sites a person may name. */
const TEMPERATURE_SITES = ['tympanic', 'oral', 'axillary', 'rectal', 'temporal-artery']
const LIMBS = ['left-upper-arm', 'right-upper-arm', 'left-wrist', 'right-wrist', 'left-thigh', 'right-thigh']
const FINGERS = ['left-finger', 'right-finger', 'earlobe', 'left-foot', 'right-foot']

const vital = (
  kind: ReadingKind,
  profile: string,
  quantities: readonly QuantityName[],
  sites: readonly string[] = [],
): KindRow => ({
  kind,
  labelKey: `kind.${kind}`,
  profile: `${PROFILE}/${profile}`,
  category: 'vital-signs',
  panel: null,
  quantities,
  manual: true,
  sites,
})

/** What only devices measure, and no profile of R4 describes. */
const fromDevice = (kind: ReadingKind, quantities: readonly QuantityName[]): KindRow => ({
  ...vital(kind, 'vitalsigns', quantities),
  profile: null,
  category: 'laboratory',
  manual: false,
})

/** The kinds of readings, in the order in which a chart lists them. */
export const KINDS: Readonly<Record<ReadingKind, KindRow>> = {
  'respiratory-rate': vital('respiratory-rate', 'resprate', ['respiratory-rate']),
  spo2: vital('spo2', 'oxygensat', ['spo2'], FINGERS),
  oxygen: vital('oxygen', 'vitalsigns', ['oxygen', 'oxygen-flow', 'oxygen-concentration']),
  'blood-pressure': {
    ...vital('blood-pressure', 'bp', ['systolic', 'diastolic', 'mean'], LIMBS),
    panel: {
      codes: [
        loinc('85354-9', 'Blood pressure panel with all children optional'),
        mdc('150020', 'MDC_PRESS_BLD_NONINV'),
      ],
      text: 'Blood pressure',
    },
  },
  'heart-rate': vital('heart-rate', 'heartrate', ['pulse']),
  consciousness: vital('consciousness', 'vitalsigns', ['consciousness']),
  temperature: vital('temperature', 'bodytemp', ['temperature'], TEMPERATURE_SITES),
  glucose: { ...vital('glucose', 'glucose', ['glucose']), profile: null, category: 'laboratory' },
  'sensor-glucose': fromDevice('sensor-glucose', ['sensor-glucose']),
  ketone: fromDevice('ketone', ['ketone']),
  weight: vital('weight', 'bodyweight', ['weight']),
  'body-composition': {
    ...vital('body-composition', 'vitalsigns', ['body-fat', 'body-water', 'muscle-mass']),
    manual: false,
    panel: { codes: [own('vital-sign', 'body-composition')], text: 'Body composition' },
  },
  environment: {
    ...fromDevice('environment', ['room-temperature', 'humidity']),
    panel: { codes: [own('environment', 'room')], text: 'Room or refrigerator' },
  },
}

/** Every quantity by name. */
export const QUANTITIES = Object.fromEntries(ROWS.map((row) => [row.name, row])) as Readonly<
  Record<QuantityName, QuantityRow>
>

/** FHIR `bodySite.text` of a site code, and the LOINC term for a temperature taken there. */
export const SITES: Readonly<Record<string, { readonly text: string; readonly temperature?: Coding }>> = {
  tympanic: { text: 'Ear (tympanic)', temperature: loinc('8333-7', 'Tympanic membrane temperature') },
  oral: { text: 'Mouth', temperature: loinc('8331-1', 'Oral temperature') },
  axillary: { text: 'Armpit', temperature: loinc('8328-7', 'Axillary temperature') },
  rectal: { text: 'Rectum', temperature: loinc('8332-9', 'Rectal temperature') },
  'temporal-artery': {
    text: 'Forehead (temporal artery)',
    temperature: loinc('75539-7', 'Body temperature - Temporal artery'),
  },
  'left-upper-arm': { text: 'Left upper arm' },
  'right-upper-arm': { text: 'Right upper arm' },
  'left-wrist': { text: 'Left wrist' },
  'right-wrist': { text: 'Right wrist' },
  'left-thigh': { text: 'Left thigh' },
  'right-thigh': { text: 'Right thigh' },
  'left-finger': { text: 'Finger of the left hand' },
  'right-finger': { text: 'Finger of the right hand' },
  earlobe: { text: 'Earlobe' },
  'left-foot': { text: 'Left foot' },
  'right-foot': { text: 'Right foot' },
}

/** True when `name` is in the table. */
export function isQuantityName(name: string): name is QuantityName {
  return Object.hasOwn(QUANTITIES, name)
}

/** The row of a quantity's unit, or null when it cannot have that unit. */
export function unitRow(name: string, ucum: string): UnitRow | null {
  if (!isQuantityName(name)) return null
  return QUANTITIES[name].units.find((row) => row.ucum === ucum) ?? null
}
