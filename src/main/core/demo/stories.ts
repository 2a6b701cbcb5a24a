/**
 * The people of the demonstration clinic and what happened to them. All of it is invented: the names are not names,
 * the record numbers are in a range that no clinic gives out.
 *
 * @packageDocumentation
 */
import type { Patient, Practitioner } from '../../../shared/api/schemas.ts'
import type { QuantityName } from '../../../clinical/codes.ts'

/** Quantities that a course gives as numbers. */
export type Numeric = Exclude<QuantityName, 'consciousness' | 'oxygen'>

/** The state of a patient at one moment of the story; what is left out stays as it was, or is not measured. */
export interface Keyframe {
  /** `0` is the first set, `1` the last. */
  readonly at: number
  readonly vitals: Readonly<Partial<Record<Numeric, number>>>
  readonly consciousness?: string
  /** Coded; a flow or a concentration among the vitals replaces it. */
  readonly oxygen?: 'air' | 'oxygen'
}

/** Something that happened at one set only. */
export interface Event {
  readonly set: number
  /** The device found no value. */
  readonly lost?: QuantityName
  /** The device showed HI or LO; the value is its limit. */
  readonly offScale?: { readonly name: Numeric; readonly comparator: '<' | '>'; readonly limit: number }
  /** A flag on the readings of one device, or of the values typed by hand. */
  readonly flag?: { readonly device: 'cuff' | 'oximeter' | null; readonly code: string }
  /** The cuff's own pulse, when it is recorded beside the oximeter's. */
  readonly cuffPulse?: number
}

/** One patient's story. */
export interface Story {
  readonly patient: Omit<Patient, 'handle' | 'birthDate'>
  /** A date, or an age in days for those whose age is the story. */
  readonly birth: string | { readonly ageDays: number }
  /** What it shows, for whoever demonstrates it. */
  readonly shows: string
  /** At least two. */
  readonly sets: number
  /** Seen at visits in opening hours rather than on a ward. */
  readonly visits?: boolean
  /** Minutes before now of the first and of the last set. */
  readonly fromMin: number
  readonly toMin: number
  readonly course: readonly Keyframe[]
  /** Scales the noise; 1 when left out. */
  readonly unrest?: number
  readonly units?: Readonly<Partial<Record<Numeric, string>>>
  /** Measured at every n-th set only. */
  readonly every?: Readonly<Partial<Record<Numeric, number>>>
  readonly temperatureSite?: string
  readonly cuffSite?: string
  /** Typed by hand, because no device was used. */
  readonly byHand?: boolean
  readonly physician?: boolean
  readonly events?: readonly Event[]
}

/** The staff. Nurses and the physician record; IT connects devices. */
export const DEMO_STAFF: readonly (Pick<Practitioner, 'name' | 'role'> & { readonly key: string })[] = [
  { key: 'physician', name: 'Dr Mira Lanternwood', role: 'physician' },
  { key: 'nurse-1', name: 'Noor Bellweather', role: 'nurse' },
  { key: 'nurse-2', name: 'Sam Harrowgate-Pym', role: 'nurse' },
  { key: 'it', name: 'Kit Cablethorpe', role: 'it' },
]

const HOUR = 60
const DAY = 24 * HOUR
const person = (
  identifier: string,
  familyName: string,
  givenName: string,
  gender: Patient['gender'],
): Story['patient'] => ({ identifier, familyName, givenName, gender })

/** The stories. */
export const STORIES: readonly Story[] = [
  {
    patient: person('9000017', 'Quillfeather', 'Ada', 'female'),
    birth: '1969-03-04',
    shows: 'Stable hypertension under treatment, seen twice a week',
    sets: 14,
    visits: true,
    fromMin: 46 * DAY,
    toMin: 5 * HOUR,
    course: [
      { at: 0, vitals: { systolic: 152, diastolic: 92, pulse: 78, weight: 78.4 } },
      { at: 1, vitals: { systolic: 132, diastolic: 82, pulse: 70, weight: 76.1 } },
    ],
    every: { weight: 4 },
    cuffSite: 'left-upper-arm',
  },
  {
    patient: person('9000025', 'Larkspur', 'Bruno', 'male'),
    birth: '1951-11-19',
    shows: 'COPD with a saturation target of 88 to 92 %, on 2 L/min',
    sets: 9,
    fromMin: 3 * DAY,
    toMin: 2 * HOUR,
    course: [
      {
        at: 0,
        vitals: {
          'respiratory-rate': 26,
          spo2: 86,
          'oxygen-flow': 2,
          systolic: 138,
          diastolic: 78,
          pulse: 102,
          temperature: 37.4,
        },
        consciousness: 'alert',
      },
      {
        at: 1,
        vitals: {
          'respiratory-rate': 20,
          spo2: 91,
          'oxygen-flow': 1,
          systolic: 134,
          diastolic: 76,
          pulse: 86,
          temperature: 36.8,
        },
      },
    ],
  },
  {
    patient: person('9000033', 'Thistledown', 'Chidi', 'male'),
    birth: '1964-07-22',
    shows: 'Sepsis developing over twelve hours',
    sets: 11,
    fromMin: 12.5 * HOUR,
    toMin: 25,
    course: [
      {
        at: 0,
        vitals: { 'respiratory-rate': 16, spo2: 97, systolic: 128, diastolic: 76, pulse: 82, temperature: 37.2 },
        consciousness: 'alert',
        oxygen: 'air',
      },
      {
        at: 0.5,
        vitals: { 'respiratory-rate': 21, spo2: 95, systolic: 112, diastolic: 66, pulse: 104, temperature: 38.6 },
      },
      {
        at: 0.8,
        vitals: {
          'respiratory-rate': 25,
          spo2: 92,
          systolic: 98,
          diastolic: 56,
          pulse: 118,
          temperature: 39.1,
          'oxygen-flow': 4,
        },
      },
      {
        at: 1,
        vitals: {
          'respiratory-rate': 27,
          spo2: 94,
          systolic: 92,
          diastolic: 52,
          pulse: 124,
          temperature: 39.3,
          'oxygen-flow': 8,
        },
        consciousness: 'confusion',
      },
    ],
  },
  {
    patient: person('9000041', 'Copperkettle', 'Daria', 'female'),
    birth: { ageDays: 6 * 365 + 120 },
    shows: 'A child with a chest infection: adult ranges do not apply',
    sets: 6,
    fromMin: 30 * HOUR,
    toMin: 4 * HOUR,
    course: [
      {
        at: 0,
        vitals: { 'respiratory-rate': 34, spo2: 95, pulse: 132, temperature: 39.2, weight: 21.3 },
        consciousness: 'alert',
        oxygen: 'air',
      },
      { at: 1, vitals: { 'respiratory-rate': 24, spo2: 98, pulse: 104, temperature: 37.3, weight: 21.2 } },
    ],
    every: { weight: 5 },
    temperatureSite: 'tympanic',
  },
  {
    patient: person('9000058', 'Moonwhistle', 'Elif', 'female'),
    birth: '1996-01-30',
    shows: 'Thirty-four weeks pregnant, blood pressure rising between visits',
    sets: 8,
    visits: true,
    fromMin: 40 * DAY,
    toMin: 90,
    course: [
      { at: 0, vitals: { systolic: 112, diastolic: 68, pulse: 84, weight: 68.2 } },
      { at: 0.7, vitals: { systolic: 126, diastolic: 80, pulse: 88, weight: 71.6 } },
      { at: 1, vitals: { systolic: 149, diastolic: 95, pulse: 92, weight: 73.4 } },
    ],
    cuffSite: 'right-upper-arm',
    physician: true,
  },
  {
    patient: person('9000066', 'Tumblebrook', 'Finn', 'male'),
    birth: { ageDays: 3 },
    shows: 'A newborn, weighed in grams, everything counted by hand but the saturation',
    sets: 8,
    fromMin: 66 * HOUR,
    toMin: 3 * HOUR,
    course: [
      { at: 0, vitals: { 'respiratory-rate': 52, spo2: 96, pulse: 142, temperature: 36.6, weight: 3420 } },
      { at: 0.6, vitals: { 'respiratory-rate': 46, spo2: 97, pulse: 134, temperature: 36.9, weight: 3245 } },
      { at: 1, vitals: { 'respiratory-rate': 42, spo2: 98, pulse: 130, temperature: 36.9, weight: 3290 } },
    ],
    units: { weight: 'g' },
    every: { weight: 3 },
    unrest: 0.5,
    temperatureSite: 'axillary',
  },
  {
    patient: person('9000074', 'Windlestraw', 'Greta', 'female'),
    birth: '1943-09-12',
    shows: 'Irregular pulse reported by the cuff; cuff and oximeter disagree about the rate',
    sets: 10,
    fromMin: 9 * DAY,
    toMin: 7 * HOUR,
    course: [
      { at: 0, vitals: { systolic: 142, diastolic: 84, pulse: 96, spo2: 96 } },
      { at: 1, vitals: { systolic: 136, diastolic: 80, pulse: 88, spo2: 96 } },
    ],
    unrest: 1.6,
    events: [
      { set: 1, flag: { device: 'cuff', code: 'irregular-pulse' }, cuffPulse: 84 },
      { set: 2, flag: { device: 'cuff', code: 'movement' } },
      { set: 4, flag: { device: 'cuff', code: 'irregular-pulse' }, cuffPulse: 76 },
      { set: 7, flag: { device: 'cuff', code: 'irregular-pulse' }, cuffPulse: 81 },
      { set: 8, flag: { device: 'cuff', code: 'irregular-pulse' } },
    ],
  },
  {
    patient: person('9000082', 'Pepperwell', 'Hassan', 'male'),
    birth: '1978-05-08',
    shows: 'Insulin-treated diabetes in mg/dL: a low and a meter that showed HI',
    sets: 22,
    fromMin: 6 * DAY,
    toMin: 50,
    course: [
      { at: 0, vitals: { glucose: 168 } },
      { at: 0.3, vitals: { glucose: 236 } },
      { at: 9 / 21, vitals: { glucose: 68 } },
      { at: 10 / 21, vitals: { glucose: 44 } },
      { at: 0.6, vitals: { glucose: 142 } },
      { at: 0.85, vitals: { glucose: 318 } },
      { at: 1, vitals: { glucose: 154 } },
    ],
    units: { glucose: 'mg/dL' },
    byHand: true,
    events: [{ set: 17, offScale: { name: 'glucose', comparator: '>', limit: 600 } }],
  },
  {
    patient: person('9000090', 'Marrowbone', 'Ines', 'female'),
    birth: '1985-12-01',
    shows: 'Diabetes followed in mmol/L: the unit in which it was measured is kept',
    sets: 18,
    fromMin: 8 * DAY,
    toMin: 6 * HOUR,
    course: [
      { at: 0, vitals: { glucose: 9.8, weight: 64.9 } },
      { at: 0.4, vitals: { glucose: 5.0, weight: 64.5 } },
      { at: 10 / 17, vitals: { glucose: 3.4, weight: 64.4 } },
      { at: 1, vitals: { glucose: 6.4, weight: 64.2 } },
    ],
    units: { glucose: 'mmol/L' },
    every: { weight: 6 },
    byHand: true,
  },
  {
    patient: person('9000108', 'Saltmarsh', 'Jun', 'male'),
    birth: '1990-08-17',
    shows: 'After surgery with cold hands: the oximeter found no saturation twice',
    sets: 8,
    fromMin: 10 * HOUR,
    toMin: 40,
    course: [
      {
        at: 0,
        vitals: {
          'respiratory-rate': 13,
          spo2: 97,
          'oxygen-concentration': 28,
          systolic: 104,
          diastolic: 60,
          pulse: 62,
          temperature: 35.4,
        },
        consciousness: 'voice',
      },
      {
        at: 0.4,
        vitals: { 'respiratory-rate': 15, spo2: 98, systolic: 112, diastolic: 66, pulse: 70, temperature: 36.2 },
        consciousness: 'alert',
        oxygen: 'air',
      },
      {
        at: 1,
        vitals: { 'respiratory-rate': 15, spo2: 99, systolic: 118, diastolic: 72, pulse: 72, temperature: 36.9 },
      },
    ],
    events: [
      { set: 0, lost: 'spo2', flag: { device: 'oximeter', code: 'low-perfusion' } },
      { set: 1, lost: 'spo2', flag: { device: 'oximeter', code: 'low-perfusion' } },
    ],
  },
  {
    patient: person('9000116', 'Fernhollow', 'Kalea', 'female'),
    birth: '2001-06-26',
    shows: 'A traveller with influenza, recorded in Fahrenheit and pounds',
    sets: 6,
    fromMin: 50 * HOUR,
    toMin: 9 * HOUR,
    course: [
      {
        at: 0,
        vitals: { 'respiratory-rate': 18, spo2: 97, pulse: 98, temperature: 102.4, weight: 137.5 },
        consciousness: 'alert',
        oxygen: 'air',
      },
      { at: 1, vitals: { 'respiratory-rate': 15, spo2: 99, pulse: 72, temperature: 98.7, weight: 136.4 } },
    ],
    units: { temperature: '[degF]', weight: '[lb_av]' },
    every: { weight: 5 },
    temperatureSite: 'oral',
  },
  {
    patient: person('9000124', 'Inkwell', 'Ludovic', 'male'),
    birth: '1958-02-14',
    shows: 'A very high blood pressure, repeated, confirmed, and brought down within hours',
    sets: 10,
    fromMin: 7 * HOUR,
    toMin: 35,
    course: [
      {
        at: 0,
        vitals: { systolic: 226, diastolic: 132, pulse: 104, spo2: 96, 'respiratory-rate': 20 },
        consciousness: 'alert',
        oxygen: 'air',
      },
      { at: 0.3, vitals: { systolic: 206, diastolic: 118, pulse: 98, spo2: 96, 'respiratory-rate': 19 } },
      { at: 1, vitals: { systolic: 164, diastolic: 96, pulse: 82, spo2: 97, 'respiratory-rate': 16 } },
    ],
    cuffSite: 'right-upper-arm',
    physician: true,
    events: [{ set: 0, flag: { device: 'cuff', code: 'movement' } }],
  },
]
