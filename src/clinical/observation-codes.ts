/**
 * The coded parts of our Observations, built in one place for writing and for comparing what was read.
 *
 * @packageDocumentation
 */
import type { Method, Quantity } from '../shared/api/schemas.ts'
import {
  KINDS,
  OWN,
  QUANTITIES,
  SITES,
  unitRow,
  type Coding,
  type KindRow,
  type QuantityRow,
  type Technique,
} from './codes.ts'
import type { Writable } from './json.ts'

/** Extensions that an Observation of ours may carry. */
export const EXTENSIONS = {
  gateway: 'http://hl7.org/fhir/StructureDefinition/observation-gatewayDevice',
  set: `${OWN}/StructureDefinition/measurement-set`,
  clock: `${OWN}/StructureDefinition/device-clock`,
  window: `${OWN}/StructureDefinition/stable-window`,
  flag: `${OWN}/StructureDefinition/measurement-flag`,
  assigned: `${OWN}/StructureDefinition/assigned-because`,
  amended: `${OWN}/StructureDefinition/amended-because`,
  unsigned: `${OWN}/StructureDefinition/unsigned-because`,
  record: `${OWN}/StructureDefinition/device-record`,
} as const

/** `meta.security` of everything that is not about a real patient (HL7 v3 ActReason). */
export const TEST_DATA = [
  { system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'HTEST', display: 'test health data' },
] as const

const CATEGORY_SYSTEM = 'http://terminology.hl7.org/CodeSystem/observation-category'
const CATEGORY_DISPLAY = { 'vital-signs': 'Vital Signs', laboratory: 'Laboratory' } as const
const METHOD_TEXT: Readonly<Record<Method, string>> = {
  device: 'Read from an enrolled device',
  manual: 'Entered by hand',
  'unauthenticated-device': 'Read from a device that is not enrolled',
  'patient-reported': 'Reported by the patient',
}

/** Why a device gave no number although it measured. */
export const ABSENT = {
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/data-absent-reason', code: 'error', display: 'Error' }],
} as const

/** `meta`; undefined when it would be empty. */
export function metaOf(profile: string | null, isTest: boolean): Writable | undefined {
  if (profile === null && !isTest) return undefined
  return { profile: profile === null ? undefined : [profile], security: isTest ? TEST_DATA : undefined }
}

/** The profile that a reading of this kind claims, null where none of R4 fits. */
export function profileOf(kind: KindRow, { name, ucum }: Pick<Quantity, 'name' | 'ucum'>): string | null {
  return unitRow(name, ucum)?.outsideProfile === true ? null : kind.profile
}

/** `category` of a kind. */
export function categoryOf({ category }: KindRow): Writable {
  return [{ coding: [{ system: CATEGORY_SYSTEM, code: category, display: CATEGORY_DISPLAY[category] }] }]
}

/** `code` of a panel, or of a quantity that is a reading by itself. */
export function codeOf(row: QuantityRow, ucum: string, technique: Technique | null, site: string | null): Writable {
  const { panel } = KINDS[row.kind]
  if (panel) return { coding: panel.codes.map(asWritable), text: panel.text }
  return { coding: codingsOf(row, ucum, technique, site), text: row.text }
}

/** `component.code` of a quantity. */
export function componentCodeOf(row: QuantityRow): Writable {
  return { coding: codingsOf(row, row.units[0]?.ucum ?? '', null, null) }
}

/** `valueCodeableConcept` of an answer. */
export function answerOf(row: QuantityRow, coded: string): Writable {
  const answer = row.answers.find(({ code }) => code === coded)
  const system = `${OWN}/CodeSystem/${row.code.code}`
  return { coding: [{ system, code: coded }], text: answer?.text }
}

/** `interpretation` of an off-scale value. */
export function interpretationOf(comparator: '<' | '>' | null): Writable | undefined {
  if (comparator === null) return undefined
  const display = comparator === '<' ? 'Off scale low' : 'Off scale high'
  const system = 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation'
  return [{ coding: [{ system, code: comparator, display }] }]
}

/** `bodySite`: coded when it is in the table, else the text as it was typed. */
export function bodySiteOf(site: string): Writable {
  const row = siteRow(site)
  if (!row) return { text: site }
  return { coding: [{ system: `${OWN}/CodeSystem/body-site`, code: site }], text: row.text }
}

/** `method`: how the value came. */
export function methodOf(method: Method): Writable {
  return { coding: [{ system: `${OWN}/CodeSystem/reading-method`, code: method }], text: METHOD_TEXT[method] }
}

/** The quantities' rows of a kind, in the order of the table. */
export function rowsOf(kind: KindRow): QuantityRow[] {
  return kind.quantities.map((name) => QUANTITIES[name])
}

/** The codings with which the code of a quantity can begin. */
export function firstCodingsOf({ code, units }: QuantityRow): Coding[] {
  return [code, ...units.flatMap((unit) => unit.code ?? [])]
}

/** Codings of a value: the fixed one first, then everything that says the same more exactly. */
function codingsOf(row: QuantityRow, ucum: string, technique: Technique | null, site: string | null): Writable[] {
  const fixed = unitRow(row.name, ucum)?.code ?? row.code
  const taken = row.name === 'temperature' && site !== null ? siteRow(site)?.temperature : undefined
  const found = technique === null ? [] : (row.byTechnique?.[technique] ?? [])
  return [fixed, ...(taken ? [taken] : []), ...row.extra, ...found].map(asWritable)
}

/** The row of a site code; typed text such as `constructor` is not one. */
function siteRow(site: string): (typeof SITES)[string] | undefined {
  return Object.hasOwn(SITES, site) ? SITES[site] : undefined
}

/** A coding as an object to write. */
function asWritable({ system, code, display }: Coding): Writable {
  return { system, code, display }
}
