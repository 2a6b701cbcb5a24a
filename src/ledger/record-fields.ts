/**
 * The `fields` maps of corrections, assessments, endorsements, emergencies and exports, as typed values.
 *
 * @remarks
 * Layout: `docs/protocol.md`, "Fields". Proven by `tests/ledger/record-fields.test.ts`.
 *
 * @packageDocumentation
 */
import type { EntryRef } from './erasure.ts'
import { type CborMap, type CborValue, mapOf } from './cbor.ts'
import { badField, readMap, readTuple } from './fields-reader.ts'
import { readHead, type LogHead, MAX_HEADS } from './heads.ts'
import { splitOrigin } from './names.ts'

/** Most entries that one assessment rests on. */
export const MAX_INPUTS = 64

/** Longest emergency, in minutes: a day. */
export const MAX_EMERGENCY_MIN = 1440

/** Why the glass is broken. */
export type EmergencyReason = 'life-threat' | 'unconscious' | 'consent-unavailable' | 'safety-of-others' | 'other'

const REASONS = [
  'life-threat',
  'unconscious',
  'consent-unavailable',
  'safety-of-others',
  'other',
] as const satisfies readonly EmergencyReason[]

/** Emergency access to one patient, who is the subject. The words are in the payload. */
export interface EmergencyFields {
  readonly reason: EmergencyReason
  /** How long it lasts, 1 to {@link MAX_EMERGENCY_MIN}. */
  readonly minutes: number
  /** Heads of the logs relied on. */
  readonly heads: readonly LogHead[]
}

/** Fields of an `access.emergency`. */
export function encodeEmergencyFields({ reason, minutes, heads }: EmergencyFields): CborMap {
  return mapOf([
    [1, REASONS.indexOf(reason)],
    [2, minutes],
    [3, heads.map((head) => [head.origin, head.size, head.root])],
  ])
}

/** Reads {@link encodeEmergencyFields}. `fields` is untrusted; throws `BAD_FIELD` or `BAD_NAME`. */
export function decodeEmergencyFields(fields: CborMap): EmergencyFields {
  return readMap(fields, 'access.emergency', (f) => {
    const reason = REASONS[f.uint(1)]
    if (reason === undefined) throw badField('access.emergency', 1, 'not a reason')
    const minutes = f.uint(2, MAX_EMERGENCY_MIN)
    if (minutes < 1) throw badField('access.emergency', 2, 'at least a minute')
    return { reason, minutes, heads: f.array(3, 0, MAX_HEADS).map(readHead) }
  })
}

/** Fields of a `reading.entered-in-error`: the entry that should not be there. */
export function encodeTargetFields(target: EntryRef): CborMap {
  return mapOf([[1, [target.origin, target.index]]])
}

/** Reads {@link encodeTargetFields}. `fields` is untrusted; throws `BAD_FIELD` or `BAD_NAME`. */
export function decodeTargetFields(fields: CborMap): EntryRef {
  return readMap(fields, 'reading.entered-in-error', (f) => readRef(f.array(1, 2, 2)))
}

/** The clear part of a score. */
export interface AssessmentFields {
  /** Name of the rule, 1 to 32 characters. */
  readonly rule: string
  /** Entries that it was computed from, 1 to {@link MAX_INPUTS}. */
  readonly inputs: readonly EntryRef[]
}

/** Fields of an `assessment`. */
export function encodeAssessmentFields({ rule, inputs }: AssessmentFields): CborMap {
  return mapOf([
    [1, rule],
    [2, inputs.map(({ origin, index }) => [origin, index])],
  ])
}

/** Reads {@link encodeAssessmentFields}. `fields` is untrusted; throws `BAD_FIELD` or `BAD_NAME`. */
export function decodeAssessmentFields(fields: CborMap): AssessmentFields {
  return readMap(fields, 'assessment', (f) => ({
    rule: f.text(1, 1, 32),
    inputs: f.array(2, 1, MAX_INPUTS).map(readRef),
  }))
}

/** What an endorsement is about. */
export type EndorsementKind = 'review' | 'decision-support' | 'oxygen-scale'

const ENDORSEMENTS = ['review', 'decision-support', 'oxygen-scale'] as const satisfies readonly EndorsementKind[]

/** Somebody answers for something: for the outcome of a review, for a module, for a patient's oxygen scale. */
export interface EndorsementFields {
  readonly kind: EndorsementKind
  /** The emergency that was reviewed; null for the other kinds. */
  readonly target: EntryRef | null
  /** A word of the kind, 1 to 64 characters, such as `justified`, `news2:on` or `2`. */
  readonly value: string
}

/** Fields of an `endorsement`. */
export function encodeEndorsementFields({ kind, target, value }: EndorsementFields): CborMap {
  return mapOf([
    [1, ENDORSEMENTS.indexOf(kind)],
    [2, target === null ? undefined : [target.origin, target.index]],
    [3, value],
  ])
}

/** Reads {@link encodeEndorsementFields}. `fields` is untrusted; throws `BAD_FIELD` or `BAD_NAME`. */
export function decodeEndorsementFields(fields: CborMap): EndorsementFields {
  return readMap(fields, 'endorsement', (f) => {
    const kind = ENDORSEMENTS[f.uint(1)]
    if (kind === undefined) throw badField('endorsement', 1, 'not a kind')
    const target = f.optional(2, (key) => readRef(f.array(key, 2, 2)))
    if ((kind === 'review') !== (target !== null)) throw badField('endorsement', 2, 'goes with a review')
    return { kind, target, value: f.text(3, 1, 64) }
  })
}

/** What left, and what for. Who got it is in the payload. */
export interface ExportFields {
  /** 1 to 64 characters, such as `insurer`. */
  readonly purpose: string
  /** 1 to 64 characters, such as `bundle`. */
  readonly format: string
  /** Heads of the logs relied on. */
  readonly heads: readonly LogHead[]
  /** How many records. */
  readonly count: number
}

/** Fields of an `export`. */
export function encodeExportFields({ purpose, format, heads, count }: ExportFields): CborMap {
  return mapOf([
    [1, purpose],
    [2, format],
    [3, heads.map((head) => [head.origin, head.size, head.root])],
    [4, count],
  ])
}

/** Reads {@link encodeExportFields}. `fields` is untrusted; throws `BAD_FIELD` or `BAD_NAME`. */
export function decodeExportFields(fields: CborMap): ExportFields {
  return readMap(fields, 'export', (f) => ({
    purpose: f.text(1, 1, 64),
    format: f.text(2, 1, 64),
    heads: f.array(3, 0, MAX_HEADS).map(readHead),
    count: f.uint(4),
  }))
}

/** Reads a place `[origin, index]`. Throws `BAD_FIELD` or `BAD_NAME`. */
export function readRef(value: CborValue): EntryRef {
  return readTuple(value, 'place', (f) => {
    const origin = f.text(0, 1, 140)
    splitOrigin(origin)
    return { origin, index: f.uint(1) }
  })
}
