/**
 * In which published range a reading lies: of the reading, never of the patient.
 *
 * @remarks
 * Off until a clinic chooses: which guideline holds is the clinic's decision, and one reading diagnoses nothing. Every
 * threshold stands in every unit in which a value can be recorded, and nothing is converted before it is compared:
 * 70 mg/dL is 3.886 mmol/L, which is low by one table and not by the other. Values are rounded to the digits that are
 * shown first, so that two values that look the same are in the same range. Sources: AHA/ACC 2025
 * (10.1161/HYP.0000000000000249), ESC 2024 (10.1093/eurheartj/ehae178), ADA Standards of Care 2025 section 6, RCP 2017.
 * Proven on both sides of every boundary by `tests/clinical/ranges.test.ts`.
 *
 * @packageDocumentation
 */
import type { Quantity, Reading } from '../shared/api/schemas.ts'
import { unitRow, type QuantityName } from './codes.ts'
import { compareDecimal, isDecimal, roundToDecimals } from './decimal.ts'
import { shownDecimals } from './shown.ts'

/** What a clinic can choose. */
export const RANGE_RULES = [
  'bp-aha-2025',
  'bp-esc-2024',
  'glucose-ada',
  'spo2-94-98',
  'spo2-88-92',
  'fever-adult',
] as const
/** One of {@link RANGE_RULES}. */
export type RangeRule = (typeof RANGE_RULES)[number]

/** What holds until a clinic chooses: nothing. */
export const DEFAULT_RANGE_RULES: readonly RangeRule[] = []
/** The ranges are for adults, in completed years. */
export const RANGES_FROM_AGE = 16

/** The range of a reading by one rule. */
export interface RangeFinding {
  readonly rule: RangeRule
  /** Such as `stage-2`, `level-1`, `below-target`. */
  readonly code: string
  /** In words, with the source. */
  readonly words: string
}

/** What is known apart from the values. */
export interface RangeContext {
  /** Completed years at the time of measurement; null when unknown. */
  readonly ageYears: number | null
  /** Whether the patient breathes oxygen; null when nobody said. */
  readonly onOxygen: boolean | null
}

/** Why nothing is said about a child. */
export const NOT_FOR_CHILDREN = 'Adult ranges not applied.'
/** What an irregular-pulse mark of a device means. It is no electrocardiogram, and names no disease. */
export const IRREGULAR_PULSE_WORDS =
  'Device reported an irregular pulse during this measurement. Oscillometric blood pressure may be less accurate. Consider repeating it and checking the pulse by hand.'

/** From here on a range begins, by unit; the highest that is reached counts. */
type From = Readonly<Partial<Record<string, string>>>
/** One range of blood pressure: one of the two pressures is enough. */
interface PressureRange {
  readonly code: string
  readonly systolic: string
  readonly diastolic: string | null
  readonly words: string
}

const REPEAT = 'Diagnosis needs repeat readings.'
/** Highest first. More than 180 or 120 is at least 181 or 121 in what is shown. */
const AHA: readonly PressureRange[] = [
  {
    code: 'severe',
    systolic: '181',
    diastolic: '121',
    words: 'severe range. Consider repeating it, and local protocol',
  },
  { code: 'stage-2', systolic: '140', diastolic: '90', words: 'stage 2 range' },
  { code: 'stage-1', systolic: '130', diastolic: '80', words: 'stage 1 range' },
  { code: 'elevated', systolic: '120', diastolic: null, words: 'elevated range' },
  { code: 'normal', systolic: '0', diastolic: null, words: 'normal range' },
]
const ESC: readonly PressureRange[] = [
  { code: 'very-high', systolic: '180', diastolic: '110', words: '180/110 or above. Consider local protocol' },
  { code: 'high', systolic: '160', diastolic: '100', words: '160/100 or above. Consider confirming it promptly' },
  { code: 'hypertension', systolic: '140', diastolic: '90', words: '140/90 or above' },
  { code: 'elevated', systolic: '120', diastolic: '70', words: 'elevated range' },
  { code: 'non-elevated', systolic: '0', diastolic: null, words: 'non-elevated range' },
]
/** Lower ends of the ranges of glucose, lowest first. */
const GLUCOSE: readonly { readonly code: string; readonly from: From; readonly words: string }[] = [
  { code: 'level-2', from: { 'mg/dL': '0', 'mmol/L': '0' }, words: 'in the range of level 2 low glucose' },
  { code: 'level-1', from: { 'mg/dL': '54', 'mmol/L': '3.0' }, words: 'in the range of level 1 low glucose' },
  {
    code: 'in-range',
    from: { 'mg/dL': '70', 'mmol/L': '3.9' },
    words: 'between 70 and 180 mg/dL, 3.9 and 10.0 mmol/L',
  },
  { code: 'above', from: { 'mg/dL': '181', 'mmol/L': '10.1' }, words: 'above 180 mg/dL, 10.0 mmol/L' },
  {
    code: 'far-above',
    from: { 'mg/dL': '251', 'mmol/L': '14.0' },
    words: 'above 250 mg/dL, 13.9 mmol/L. Consider ketones by local protocol; a value below excludes nothing',
  },
]
const FEVER: From = { Cel: '38.0', '[degF]': '100.4' }
const TARGETS = { 'spo2-94-98': ['94', '98'], 'spo2-88-92': ['88', '92'] } as const

/**
 * The ranges in which a reading lies.
 *
 * @param reading - Verified.
 * @param rules - What the clinic chose.
 * @param context - What else is known.
 * @returns Nothing without a rule that applies; null when the patient is no adult, or of unknown age.
 */
export function rangesOf(
  reading: Pick<Reading, 'quantities'>,
  rules: readonly RangeRule[],
  context: RangeContext,
): RangeFinding[] | null {
  if (context.ageYears === null || context.ageYears < RANGES_FROM_AGE) return null
  return rules.flatMap((rule) => {
    const finding = findingOf(reading.quantities, rule, context.onOxygen)
    return finding === null ? [] : [{ rule, ...finding }]
  })
}

type Finding = Omit<RangeFinding, 'rule'>

function findingOf(quantities: readonly Quantity[], rule: RangeRule, onOxygen: boolean | null): Finding | null {
  switch (rule) {
    case 'bp-aha-2025':
      return pressureRange(quantities, AHA, 'AHA 2025')
    case 'bp-esc-2024':
      return pressureRange(quantities, ESC, 'ESC 2024')
    case 'glucose-ada':
      return glucoseRange(quantities)
    case 'fever-adult':
      return feverRange(quantities)
    default:
      return targetRange(quantities, TARGETS[rule], onOxygen)
  }
}

/** The highest range that one of the two pressures reaches. */
function pressureRange(
  quantities: readonly Quantity[],
  ranges: readonly PressureRange[],
  source: string,
): Finding | null {
  const [systolic, diastolic] = [shownOf(quantities, 'systolic'), shownOf(quantities, 'diastolic')]
  if (systolic === null || diastolic === null) return null
  const range = ranges.find((each) => {
    const isReached = each.diastolic !== null && compareDecimal(diastolic, each.diastolic) >= 0
    return isReached || compareDecimal(systolic, each.systolic) >= 0
  })
  return range ? { code: range.code, words: `This reading: ${source} ${range.words}. ${REPEAT}` } : null
}

/** Compared in the unit in which it was recorded. HI and LO count only where their limit decides. */
function glucoseRange(quantities: readonly Quantity[]): Finding | null {
  const quantity = quantities.find(({ name }) => name === 'glucose' || name === 'sensor-glucose')
  const shown = quantity ? shownText(quantity) : null
  if (!quantity || shown === null) return null
  const range = glucoseRow(shown, quantity)
  if (!range) return null
  return { code: range.code, words: `This reading: ${range.words} (ADA 2025). A single meter value diagnoses nothing.` }
}

/** The range that a number reaches. HI lies above its limit and LO below: only at the ends of the table is that a range. */
function glucoseRow(shown: string, { comparator, ucum }: Quantity): (typeof GLUCOSE)[number] | undefined {
  const reaches = ({ from }: (typeof GLUCOSE)[number]) => compareDecimal(shown, from[ucum] ?? shown) >= 0
  const [lowest, next] = GLUCOSE
  if (comparator === '<') return compareDecimal(shown, next?.from[ucum] ?? '0') <= 0 ? lowest : undefined
  const reached = GLUCOSE.filter(reaches).at(-1)
  return comparator === null || reached === GLUCOSE.at(-1) ? reached : undefined
}

function feverRange(quantities: readonly Quantity[]): Finding | null {
  const quantity = quantities.find(({ name }) => name === 'temperature')
  const shown = quantity ? shownText(quantity) : null
  const from = FEVER[quantity?.ucum ?? '']
  if (shown === null || from === undefined || quantity?.comparator !== null) return null
  if (compareDecimal(shown, from) < 0) return null
  return {
    code: 'fever',
    words:
      'This reading: 38.0 °C (100.4 °F) or above, the conventional limit in adults. Where it was measured matters.',
  }
}

/** Too much oxygen is a question only for whoever is given some. */
function targetRange(
  quantities: readonly Quantity[],
  [low, high]: readonly [string, string],
  onOxygen: boolean | null,
): Finding | null {
  const shown = shownOf(quantities, 'spo2')
  if (shown === null) return null
  const target = `the target of ${low} to ${high} % set for this clinic (RCP 2017)`
  if (compareDecimal(shown, low) < 0) return { code: 'below-target', words: `This reading: below ${target}.` }
  const isAbove = compareDecimal(shown, high) > 0
  if (isAbove) return onOxygen === true ? { code: 'above-target', words: `This reading: above ${target}.` } : null
  return { code: 'in-target', words: `This reading: within ${target}.` }
}

/** A measured number as it is shown; null without one, or when it was off the scale. */
function shownOf(quantities: readonly Quantity[], name: QuantityName): string | null {
  const quantity = quantities.find((each) => each.name === name)
  return quantity?.comparator === null ? shownText(quantity) : null
}

function shownText({ name, value, ucum }: Quantity): string | null {
  const row = unitRow(name, ucum)
  return value === null || !row || !isDecimal(value) ? null : roundToDecimals(value, shownDecimals(row, value))
}
