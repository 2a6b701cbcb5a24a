/**
 * Plays the demonstration stories: sets of readings with their times, the same for the same seed and clock.
 *
 * @remarks
 * Plain objects and nothing else; whoever opens the demonstration clinic signs them through the real path. Proven by
 * `tests/main/core/demo/histories.test.ts`: deterministic, plausible, encodable, and in the past.
 *
 * @packageDocumentation
 */
import { QUANTITIES, unitRow, type QuantityName } from '../../../clinical/codes.ts'
import { instantText } from '../../../clinical/instant.ts'
import { judge } from '../../../clinical/limits.ts'
import { answered, measured, splitMeasurement, type KindOfReading } from '../../../clinical/quantity.ts'
import type { Patient, Quantity } from '../../../shared/api/schemas.ts'
import { driftingNoise, seededRandom, type Random } from './random.ts'
import { STORIES, type Event, type Keyframe, type Numeric, type Story } from './stories.ts'

/** One reading of a set; `device` is null for what was typed by hand. */
export interface DemoReading extends KindOfReading {
  readonly device: 'oximeter' | 'cuff' | null
  readonly flags: readonly string[]
  readonly site: string | null
}

/** What was measured and signed together. */
export interface DemoSet {
  /** ISO 8601 with offset. */
  readonly at: string
  /** Key of a person in `DEMO_STAFF`. */
  readonly performer: 'physician' | 'nurse-1' | 'nurse-2'
  /** In the order of the code table. */
  readonly readings: readonly DemoReading[]
}

/** One patient of the demonstration clinic, sets oldest first. */
export interface DemoHistory {
  readonly patient: Omit<Patient, 'handle'>
  /** What the story shows. */
  readonly shows: string
  readonly sets: readonly DemoSet[]
}

/** When and where the stories are told. */
export interface DemoClock {
  /** Milliseconds since 1970. */
  readonly nowMs: number
  /** Minutes east of UTC of the clinic's clock. */
  readonly offsetMin: number
}

/** Standard deviation of one measurement, in the units of the courses' defaults. */
const SPREAD: Readonly<Record<Numeric, number>> = {
  systolic: 3,
  diastolic: 2,
  mean: 2,
  pulse: 2.5,
  spo2: 0.5,
  temperature: 0.1,
  'respiratory-rate': 0.8,
  'oxygen-flow': 0,
  'oxygen-concentration': 0,
  weight: 0.15,
  'body-fat': 0.3,
  'body-water': 0.3,
  'muscle-mass': 0.3,
  glucose: 3.5,
  'sensor-glucose': 3.5,
  ketone: 0.1,
  'room-temperature': 0.2,
  humidity: 1,
}
/** The same where the unit is not the default. */
const SPREAD_IN: Readonly<Record<string, number>> = { 'mmol/L': 0.25, g: 8, '[lb_av]': 0.3, '[degF]': 0.2 }
const DAY_MS = 86_400_000
/** Visits are between half past eight and half past four. */
const OPENS_MIN = 8 * 60 + 30
const OPEN_MIN = 8 * 60
const BY_CUFF: readonly QuantityName[] = ['systolic', 'diastolic', 'mean']

/**
 * All stories.
 *
 * @param seed - Any integer.
 */
export function demoHistories(seed: number, clock: DemoClock): DemoHistory[] {
  return STORIES.map((story, i) => playStory(story, seededRandom(seed + i * 7919), clock))
}

function playStory(story: Story, random: Random, clock: DemoClock): DemoHistory {
  const noise = new Map(namesOf(SPREAD).map((name) => [name, driftingNoise(random, spreadOf(name, story))]))
  const sets = Array.from({ length: story.sets }, (_, set): DemoSet => {
    const progress = set / (story.sets - 1)
    const at = instantText(timeOf(story, set, random, clock), clock.offsetMin)
    const isPhysician = story.physician === true && set % 4 === 3
    const performer = isPhysician ? 'physician' : random() < 0.6 ? 'nurse-1' : 'nurse-2'
    return { at, performer, readings: playSet(story, set, progress, noise) }
  })
  return { patient: { ...story.patient, birthDate: birthDateOf(story, clock) }, shows: story.shows, sets }
}

/** When a set was taken, in milliseconds since 1970: evenly spread with a little jitter, visits in opening hours. */
function timeOf(story: Story, set: number, random: Random, { nowMs, offsetMin }: DemoClock): number {
  const isLast = set === story.sets - 1
  const spreadMin = ((story.fromMin - story.toMin) * set) / (story.sets - 1)
  const jitterMin = isLast ? 0 : Math.floor(random() * 8)
  const planned = nowMs - (story.fromMin - spreadMin - jitterMin) * 60_000
  if (story.visits !== true || isLast) return planned
  const localMidnight = Math.floor((planned + offsetMin * 60_000) / DAY_MS) * DAY_MS - offsetMin * 60_000
  return localMidnight + (OPENS_MIN + Math.floor(random() * OPEN_MIN)) * 60_000
}

/** Standard deviation of a measurement in the unit of the story. */
function spreadOf(name: Numeric, { units, unrest }: Story): number {
  return (SPREAD_IN[units?.[name] ?? ''] ?? SPREAD[name]) * (unrest ?? 1)
}

/** The names of a table by quantity. */
function namesOf(table: Readonly<Record<Numeric, number>>): Numeric[] {
  return Object.keys(table) as Numeric[]
}

/** One set: the course at this point, plus noise, plus what happened. */
function playSet(
  story: Story,
  set: number,
  progress: number,
  noise: ReadonlyMap<Numeric, () => number>,
): DemoReading[] {
  const events = (story.events ?? []).filter((event) => event.set === set)
  const quantities: Quantity[] = []
  for (const name of measuredNames(story, set, progress)) {
    const wanted = valueAt(story.course, name, progress) + (noise.get(name)?.() ?? 0)
    const happened = events.find((event) => event.lost === name || event.offScale?.name === name)
    quantities.push(
      happened ? unusual(name, story, happened) : measured(name, digitsOf(name, wanted, story), story.units?.[name]),
    )
  }
  quantities.push(...answersAt(story.course, progress))
  const readings = [
    quantities.filter(({ name }) => isBy(name, BY_CUFF)),
    quantities.filter(({ name }) => !isBy(name, BY_CUFF)),
  ].flatMap((group) => splitMeasurement(group))
  const cuffPulse = events.find((event) => event.cuffPulse !== undefined)?.cuffPulse
  const beside =
    cuffPulse === undefined
      ? []
      : [{ kind: 'heart-rate', quantities: [measured('pulse', String(cuffPulse))], technique: 'cuff' } as const]
  return [...readings, ...beside].map((reading) =>
    asDemoReading({ ...reading, quantities: [...reading.quantities] }, story, events, quantities),
  )
}

/** Device, site and flags of a reading. */
function asDemoReading(
  reading: KindOfReading,
  story: Story,
  events: readonly Event[],
  set: readonly Quantity[],
): DemoReading {
  const device = deviceOf(reading, story, set)
  const technique =
    reading.kind !== 'heart-rate' || device === null ? null : device === 'cuff' ? 'cuff' : 'pulse-oximeter'
  const flags = events.flatMap(({ flag }) => (flag?.device === device ? [flag.code] : []))
  if (judge(reading.kind, reading.quantities).level === 'confirm')
    flags.push(device === null ? 'confirmed-unusual' : 'unusual')
  return { ...reading, technique, device, flags, site: siteOf(reading, story) }
}

/** Pressures come from the cuff, and the pulse with them when there is no oximeter; the rest is typed. */
function deviceOf({ kind, technique }: KindOfReading, story: Story, set: readonly Quantity[]): DemoReading['device'] {
  if (story.byHand === true) return null
  if (kind === 'blood-pressure' || technique === 'cuff') return 'cuff'
  if (kind === 'spo2') return 'oximeter'
  if (kind !== 'heart-rate') return null
  if (set.some(({ name, value }) => name === 'spo2' && value !== null)) return 'oximeter'
  return set.some(({ name }) => name === 'systolic') ? 'cuff' : null
}

function siteOf({ kind }: KindOfReading, story: Story): string | null {
  if (kind === 'temperature') return story.temperatureSite ?? 'tympanic'
  return kind === 'blood-pressure' ? (story.cuffSite ?? 'left-upper-arm') : null
}

/** What is measured at a set: what the course has mentioned so far, unless it is not this set's turn. */
function measuredNames(story: Story, set: number, progress: number): Numeric[] {
  const oxygen = reached(story.course, progress).findLast(
    ({ vitals, oxygen: coded }) => coded !== undefined || isOxygenAmount(vitals),
  )
  return namesOf(SPREAD).filter((name) => {
    if (set % (story.every?.[name] ?? 1) !== 0) return false
    if (name === 'oxygen-flow' || name === 'oxygen-concentration') return oxygen?.vitals[name] !== undefined
    return story.course.some(({ vitals }) => vitals[name] !== undefined)
  })
}

/** Level of consciousness, and air or oxygen unless an amount is recorded. */
function answersAt(course: readonly Keyframe[], progress: number): Quantity[] {
  const past = reached(course, progress)
  const consciousness = past.findLast((frame) => frame.consciousness !== undefined)?.consciousness
  const oxygen = past.findLast((frame) => frame.oxygen !== undefined || isOxygenAmount(frame.vitals))?.oxygen
  return [
    ...(consciousness === undefined ? [] : [answered('consciousness', consciousness)]),
    ...(oxygen === undefined ? [] : [answered('oxygen', oxygen)]),
  ]
}

function isOxygenAmount(vitals: Keyframe['vitals']): boolean {
  return vitals['oxygen-flow'] !== undefined || vitals['oxygen-concentration'] !== undefined
}

/** Keyframes at or before a point. */
function reached(course: readonly Keyframe[], progress: number): Keyframe[] {
  return course.filter(({ at }) => at <= progress + 1e-9)
}

/** The course's value at a point, on a straight line between the keyframes around it. */
function valueAt(course: readonly Keyframe[], name: Numeric, progress: number): number {
  const frames = course.flatMap(({ at, vitals }) => (vitals[name] === undefined ? [] : [{ at, value: vitals[name] }]))
  const before = frames.findLast(({ at }) => at <= progress + 1e-9) ?? frames[0]
  const after = frames.find(({ at }) => at > progress) ?? before
  if (!before || !after || before === after || isStepped(name)) return before?.value ?? 0
  return before.value + ((after.value - before.value) * (progress - before.at)) / (after.at - before.at)
}

/** Oxygen is set by somebody's hand and jumps. */
function isStepped(name: Numeric): boolean {
  return name === 'oxygen-flow' || name === 'oxygen-concentration'
}

/** The digits that an instrument would show. */
function digitsOf(name: Numeric, value: number, story: Story): string {
  const unit = unitRow(name, story.units?.[name] ?? QUANTITIES[name].units[0]?.ucum ?? '')
  const possible = name === 'spo2' ? Math.min(value, 100) : value
  return possible.toFixed(unit?.decimals ?? 0)
}

/** A value that the device did not find, or that was off its scale. */
function unusual(name: Numeric, story: Story, { offScale }: Event): Quantity {
  if (offScale) return measured(name, String(offScale.limit), story.units?.[name], offScale.comparator)
  return { ...measured(name, '0', story.units?.[name]), value: null }
}

function birthDateOf({ birth }: Story, { nowMs, offsetMin }: DemoClock): string {
  return typeof birth === 'string' ? birth : instantText(nowMs - birth.ageDays * DAY_MS, offsetMin).slice(0, 10)
}

function isBy(name: string, names: readonly QuantityName[]): boolean {
  return names.some((each) => each === name)
}
