/**
 * The `fields` map of each entry type that the first contract knows, as typed values.
 *
 * @remarks
 * `encodeX` gives the map for a body, `decodeX` reads it back and refuses unknown keys. Types without a codec here
 * carry a map that is only checked to be canonical. Layout: `docs/protocol.md`, "Fields". Proven by
 * `tests/ledger/fields.test.ts`.
 *
 * @packageDocumentation
 */
import { type Body, ID_SIZE, MAX_ENTRY_SIZE } from './body.ts'
import { type CborMap, type CborValue, mapOf } from './cbor.ts'
import { isPractitionerRole, type PractitionerRole } from './entry-types.ts'
import { decodeErasure, type EntryRef } from './erasure.ts'
import { badField, type FieldReader, readMap, readTuple } from './fields-reader.ts'
import {
  type Approval,
  type ContractText,
  decodeApprovals,
  encodeApprovals,
  MAX_APPROVALS,
  type SignedRoster,
} from './governance.ts'
import { HASH_SIZE } from './hash.ts'
import { checkPublicKey } from './keys.ts'
import { type LogHead, MAX_HEADS, readHead, readOrigin } from './heads.ts'
import { decodeConsentFields, decodePatientLinked } from './people-fields.ts'
import {
  decodeAssessmentFields,
  decodeEmergencyFields,
  decodeEndorsementFields,
  decodeExportFields,
  decodeTargetFields,
  readRef,
} from './record-fields.ts'
import { KEY_SIZE } from './signatures.ts'

export type { LogHead } from './heads.ts'

/** Most subjects of one access entry about several: a page of a list. */
export const MAX_SUBJECTS = 2000

/** Closes a block; always its last entry. */
export interface Seal {
  /** Number of the block in this log, from 0. */
  readonly block: number
  /** Hash of the checkpoint of the block before, 32 bytes; null exactly for block 0. */
  readonly previousBlockHash: Uint8Array | null
  /** Index of the first entry of the block. */
  readonly firstIndex: number
  /** Entries before the seal, 1 or more: the seal's own index is `firstIndex + count`. */
  readonly count: number
  /** Version of the roster in force. */
  readonly rosterVersion: number
  /** SHA-256 of the contract document in force, 32 bytes. */
  readonly contractHash: Uint8Array
}

/** Opens an incarnation of a log. */
export interface NodeOpened {
  readonly incarnation: number
  /** Random per start of an incarnation, 16 bytes: tells a clone from the original. */
  readonly instance: Uint8Array
  /**
   * How much of an incarnation before is still held, and the newest note it ever signed, as far as is known: never of
   * a smaller tree, and of a larger one when entries are lost. Null exactly for the first.
   */
  readonly previous: (LogHead & { readonly note: string }) | null
  /** Signs the checkpoints of this incarnation, Ed25519; null exactly for the first, whose key the roster lists. */
  readonly logKey: Uint8Array | null
  /** Version of the roster in force; null exactly for the first. */
  readonly rosterVersion: number | null
}

/** Publishes a contract document, with the approvals of the sites. */
export interface ContractPublished extends ContractText {
  /** 1 to {@link MAX_APPROVALS}. */
  readonly approvals: readonly Approval[]
}

/** Binds a key to the practitioner whose handle is the subject. */
export interface PractitionerEnrolled {
  readonly publicKey: Uint8Array
  readonly role: PractitionerRole
}

/** Binds a key to the device whose handle is the subject, for the node that holds the key. */
export interface DeviceEnrolled {
  readonly publicKey: Uint8Array
}

/** How a reading came about. */
export type ReadingMethod = 'device' | 'manual' | 'unauthenticated-device' | 'patient-reported'

/** Wire numbers of {@link ReadingMethod}. */
const METHODS = [
  'device',
  'manual',
  'unauthenticated-device',
  'patient-reported',
] as const satisfies readonly ReadingMethod[]

/** The clear part of a reading. Everything clinical is in the payload. */
export interface ReadingFields {
  readonly method: ReadingMethod
  /** Handle of the enrolled device, 16 bytes; null exactly when no device signed. */
  readonly device: Uint8Array | null
  /** The patient's consent asks for the patient's signature, and the patient cannot sign; absent otherwise. */
  readonly incapable?: true
}

/** The same for a reading that takes the place of another one. */
export interface AmendedFields extends ReadingFields {
  readonly target: EntryRef
}

/** Who saw whose data is the practitioner's signature and the subject; this is why, and on what state. */
export interface AccessFields {
  /** 1 to 64 characters, such as `chart`. */
  readonly purpose: string
  /** Heads of the logs relied on. */
  readonly heads: readonly LogHead[]
  /** Handles of several patients seen at once, 16 bytes each; null when the body has its one subject, or none was seen. */
  readonly subjects: readonly Uint8Array[] | null
  /** The `access.emergency` that it rests on; absent when it rests on none. */
  readonly emergency?: EntryRef
}

/** Something that went wrong and was noticed. */
export interface IncidentFields {
  /** 1 to 64 characters, such as `tile.repaired`. */
  readonly kind: string
  readonly details: CborMap
}

/** Fields of a `seal`. */
export function encodeSeal(seal: Seal): CborMap {
  return mapOf([
    [1, seal.block],
    [2, seal.previousBlockHash ?? undefined],
    [3, seal.firstIndex],
    [4, seal.count],
    [5, seal.rosterVersion],
    [6, seal.contractHash],
  ])
}

/** Reads {@link encodeSeal}. `fields` is untrusted; throws `BAD_FIELD`. */
export function decodeSeal(fields: CborMap): Seal {
  return readMap(fields, 'seal', (f) => {
    const block = f.uint(1)
    const previousBlockHash = f.optional(2, (key) => f.bytes(key, HASH_SIZE))
    if ((block === 0) !== (previousBlockHash === null)) throw badField('seal', 2, 'absent exactly for block 0')
    const count = f.uint(4)
    if (count < 1) throw badField('seal', 4, 'no empty blocks')
    return {
      block,
      previousBlockHash,
      firstIndex: f.uint(3),
      count,
      rosterVersion: f.uint(5),
      contractHash: f.bytes(6, HASH_SIZE),
    }
  })
}

/** Fields of a `node.opened`. */
export function encodeNodeOpened(opened: NodeOpened): CborMap {
  const p = opened.previous
  return mapOf([
    [1, opened.incarnation],
    [2, opened.instance],
    [
      3,
      p === null
        ? undefined
        : mapOf([
            [1, p.origin],
            [2, p.size],
            [3, p.root],
            [4, p.note],
          ]),
    ],
    [4, opened.logKey ?? undefined],
    [5, opened.rosterVersion ?? undefined],
  ])
}

/** Reads {@link encodeNodeOpened}. `fields` is untrusted; throws `BAD_FIELD` or `BAD_NAME`. */
export function decodeNodeOpened(fields: CborMap): NodeOpened {
  return readMap(fields, 'node.opened', (f) => {
    const incarnation = f.uint(1)
    const previous = f.optional(3, (key) => readPrevious(f.map(key)))
    const logKey = f.optional(4, (key) => f.bytes(key, KEY_SIZE))
    if (incarnation < 1) throw badField('node.opened', 1, 'incarnations start at 1')
    if ((incarnation === 1) !== (previous === null)) throw badField('node.opened', 3, 'absent exactly for the first')
    if ((incarnation === 1) !== (logKey === null)) throw badField('node.opened', 4, 'absent exactly for the first')
    if (logKey !== null) checkPublicKey(logKey)
    const rosterVersion = f.optional(5, (key) => f.uint(key))
    const isFirst = rosterVersion === null
    if ((incarnation === 1) !== isFirst || rosterVersion === 0)
      throw badField('node.opened', 5, 'absent exactly for the first')
    return { incarnation, instance: f.bytes(2, ID_SIZE), previous, logKey, rosterVersion }
  })
}

function readPrevious(value: CborMap): LogHead & { note: string } {
  return readMap(value, 'previous incarnation', (f) => {
    const origin = readOrigin(f.text(1, 1, 140))
    return { origin, size: f.uint(2), root: f.bytes(3, HASH_SIZE), note: f.text(4, 1, 16_384) }
  })
}

/** Fields of a `roster`: the document, see `roster.ts`, and its approvals. */
export function encodeRosterFields({ document, approvals }: SignedRoster): CborMap {
  return mapOf([
    [1, document],
    [2, encodeApprovals(approvals)],
  ])
}

/** Reads {@link encodeRosterFields}. Approvals are not checked. `fields` is untrusted; throws `BAD_FIELD`. */
export function decodeRosterFields(fields: CborMap): SignedRoster {
  return readMap(fields, 'roster', (f) => ({
    document: f.blob(1, 1, MAX_ENTRY_SIZE),
    approvals: decodeApprovals(f.array(2, 1, MAX_APPROVALS)),
  }))
}

/** Fields of a `contract`. */
export function encodeContractFields(contract: ContractPublished): CborMap {
  return mapOf([
    [1, contract.version],
    [2, contract.language],
    [3, contract.document],
    [4, encodeApprovals(contract.approvals)],
  ])
}

/** Reads {@link encodeContractFields}. `fields` is untrusted; throws `BAD_FIELD`. */
export function decodeContractFields(fields: CborMap): ContractPublished {
  return readMap(fields, 'contract', (f) => {
    const version = f.uint(1)
    if (version < 1) throw badField('contract', 1, 'versions start at 1')
    const approvals = decodeApprovals(f.array(4, 1, MAX_APPROVALS))
    return { version, language: f.text(2, 1, 64), document: f.blob(3, 1, MAX_ENTRY_SIZE), approvals }
  })
}

/** Fields of a `practitioner.enrolled`. */
export function encodePractitionerEnrolled(enrolled: PractitionerEnrolled): CborMap {
  return mapOf([
    [1, enrolled.publicKey],
    [2, enrolled.role],
  ])
}

/** Reads {@link encodePractitionerEnrolled}. `fields` is untrusted; throws `BAD_FIELD` or `BAD_KEY`. */
export function decodePractitionerEnrolled(fields: CborMap): PractitionerEnrolled {
  return readMap(fields, 'practitioner.enrolled', (f) => {
    const publicKey = f.bytes(1, KEY_SIZE)
    checkPublicKey(publicKey)
    const role = f.text(2, 1, 32)
    if (!isPractitionerRole(role)) throw badField('practitioner.enrolled', 2, 'not a role')
    return { publicKey, role }
  })
}

/** Fields of a `device.enrolled`. */
export function encodeDeviceEnrolled(enrolled: DeviceEnrolled): CborMap {
  return mapOf([[1, enrolled.publicKey]])
}

/** Reads {@link encodeDeviceEnrolled}. `fields` is untrusted; throws `BAD_FIELD` or `BAD_KEY`. */
export function decodeDeviceEnrolled(fields: CborMap): DeviceEnrolled {
  return readMap(fields, 'device.enrolled', (f) => {
    const publicKey = f.bytes(1, KEY_SIZE)
    checkPublicKey(publicKey)
    return { publicKey }
  })
}

/** Fields of a `reading`. */
export function encodeReading(reading: ReadingFields): CborMap {
  return mapOf([
    [1, METHODS.indexOf(reading.method)],
    [2, reading.device ?? undefined],
    [3, reading.incapable === true ? 1 : undefined],
  ])
}

/** Reads {@link encodeReading}. `fields` is untrusted; throws `BAD_FIELD`. */
export function decodeReading(fields: CborMap): ReadingFields {
  return readMap(fields, 'reading', readReadingFields)
}

function readReadingFields(f: FieldReader): ReadingFields {
  const method = METHODS[f.uint(1)]
  if (method === undefined) throw badField('reading', 1, 'not a method')
  const device = f.optional(2, (key) => f.bytes(key, ID_SIZE))
  if ((method === 'device') !== (device !== null)) throw badField('reading', 2, 'goes with method 0')
  const incapable = f.optional(3, (key) => f.uint(key, 1))
  if (incapable === 0) throw badField('reading', 3, 'is 1 or absent')
  return { method, device, ...(incapable === null ? {} : { incapable: true as const }) }
}

/** Fields of a `reading.amended`. */
export function encodeAmendedFields(amended: AmendedFields): CborMap {
  return new Map([...encodeReading(amended), [4, [amended.target.origin, amended.target.index]]])
}

/** Reads {@link encodeAmendedFields}. `fields` is untrusted; throws `BAD_FIELD` or `BAD_NAME`. */
export function decodeAmendedFields(fields: CborMap): AmendedFields {
  return readMap(fields, 'reading.amended', (f) => ({
    ...readReadingFields(f),
    target: readRef(f.array(4, 2, 2)),
  }))
}

/** Fields of an `access`. */
export function encodeAccess(access: AccessFields): CborMap {
  return mapOf([
    [1, access.purpose],
    [2, access.heads.map((head) => [head.origin, head.size, head.root])],
    [3, access.subjects ?? undefined],
    [4, access.emergency === undefined ? undefined : [access.emergency.origin, access.emergency.index]],
  ])
}

/** Reads {@link encodeAccess}. `fields` is untrusted; throws `BAD_FIELD` or `BAD_NAME`. */
export function decodeAccess(fields: CborMap): AccessFields {
  return readMap(fields, 'access', (f) => {
    const emergency = f.optional(4, (key) => readRef(f.array(key, 2, 2)))
    return {
      purpose: f.text(1, 1, 64),
      heads: f.array(2, 0, MAX_HEADS).map(readHead),
      subjects: f.optional(3, (key) => f.array(key, 1, MAX_SUBJECTS).map(readHandle)),
      ...(emergency === null ? {} : { emergency }),
    }
  })
}

function readHandle(value: CborValue): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length !== ID_SIZE) throw badField('access', 3, 'not a handle')
  return value
}

/** Entries that are gone for good, as the incarnation after says: an incident of kind {@link ENTRIES_LOST}. */
export interface EntriesLost {
  /** Of the incarnation that held them. */
  readonly origin: string
  /** Index ranges `[from, to)`, in ascending order, apart from each other. */
  readonly ranges: readonly (readonly [number, number])[]
}

/** Kind of the incident that declares entries lost. */
export const ENTRIES_LOST = 'entries.lost'

/** Most ranges of one declaration. */
export const MAX_LOST_RANGES = 1024

/** The incident that declares entries lost. */
export function entriesLost({ origin, ranges }: EntriesLost): IncidentFields {
  const details = mapOf([
    [1, origin],
    [2, ranges.map(([from, to]) => [from, to])],
  ])
  return { kind: ENTRIES_LOST, details }
}

/** Reads the details of {@link entriesLost}; null for an incident of another kind. Throws `BAD_FIELD` or `BAD_NAME`. */
export function readEntriesLost({ kind, details }: IncidentFields): EntriesLost | null {
  if (kind !== ENTRIES_LOST) return null
  return readMap(details, 'entries lost', (f) => {
    const ranges = f.array(2, 1, MAX_LOST_RANGES).map(readRange)
    for (const [i, [from, to]] of ranges.entries()) {
      const end = ranges[i - 1]?.[1] ?? -1
      if (from >= to || from <= end) throw badField('entries lost', 2, 'not ranges in ascending order, apart')
    }
    return { origin: readOrigin(f.text(1, 1, 140)), ranges }
  })
}

function readRange(value: CborValue): [number, number] {
  return readTuple(value, 'range', (f) => [f.uint(0), f.uint(1)])
}

/** Fields of an `incident`. */
export function encodeIncident(incident: IncidentFields): CborMap {
  return mapOf([
    [1, incident.kind],
    [2, incident.details],
  ])
}

/** Reads {@link encodeIncident}. `fields` is untrusted; throws `BAD_FIELD`. */
export function decodeIncident(fields: CborMap): IncidentFields {
  return readMap(fields, 'incident', (f) => ({ kind: f.text(1, 1, 64), details: f.map(2) }))
}

/**
 * Checks the fields of a decoded body of any type, as far as the format fixes them.
 *
 * @param body - Untrusted.
 * @throws {@link LedgerError} of step `decode`.
 */
export function checkFields(body: Body): void {
  if (body.type === 'access' && body.subject !== null && decodeAccess(body.fields).subjects !== null) {
    throw badField('access', 3, 'not beside a subject')
  }
  if (isConsent(body.type) && body.payload === null) throw badField(body.type, 'payload', 'a consent has terms')
  CHECKS[body.type]?.(body.fields)
}

function isConsent(type: Body['type']): boolean {
  return type === 'consent.granted' || type === 'consent.amended' || type === 'consent.revoked'
}

const CHECKS: Partial<Record<Body['type'], (fields: CborMap) => unknown>> = {
  'record.erased': decodeErasure,
  seal: decodeSeal,
  'node.opened': decodeNodeOpened,
  roster: decodeRosterFields,
  contract: decodeContractFields,
  'practitioner.enrolled': decodePractitionerEnrolled,
  'device.enrolled': decodeDeviceEnrolled,
  'patient.linked': decodePatientLinked,
  'consent.granted': decodeConsentFields,
  'consent.amended': decodeConsentFields,
  'consent.revoked': decodeConsentFields,
  reading: decodeReading,
  'reading.amended': decodeAmendedFields,
  'reading.entered-in-error': decodeTargetFields,
  endorsement: decodeEndorsementFields,
  assessment: decodeAssessmentFields,
  access: decodeAccess,
  'access.emergency': decodeEmergencyFields,
  export: decodeExportFields,
  incident: (fields) => readEntriesLost(decodeIncident(fields)),
}
