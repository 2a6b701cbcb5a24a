/**
 * What somebody who joins and the node that invited them say to each other.
 *
 * @remarks
 * A site takes three steps: the guest says which keys its site has; it is given the roster that would list them and
 * approves it; and it asks until the roster is in force. A node of the inviting site takes one: it says which keys it has
 * and asks until somebody let it in, and gets the site's secrets sealed to a key of this one request; a witness does the
 * same and gets none. The bodies of
 * `join-request` and `join-answer`; layout: `docs/protocol.md`, "Joining". Proven by `tests/sync/join.test.ts`.
 *
 * @packageDocumentation
 */
import { MAX_ENTRY_SIZE } from '../ledger/body.ts'
import { type CborValue, decodeCbor, encodeCbor, mapOf } from '../ledger/cbor.ts'
import { LedgerError } from '../ledger/errors.ts'
import { nobleHasher, utf8 } from '../ledger/hash.ts'
import { checkAgreementKey } from '../ledger/keys.ts'
import { badField, type FieldReader, readMap } from '../ledger/fields-reader.ts'
import {
  encodeRosterNode,
  encodeRosterSite,
  encodeRosterWitness,
  MAX_ROSTER_SIZE,
  readRosterNode,
  readRosterSite,
  readRosterWitness,
  type RosterNode,
  type RosterSite,
  type RosterWitness,
} from '../ledger/roster.ts'
import { KEY_SIZE, SIGNATURE_SIZE } from '../ledger/signatures.ts'
import { concatBytes } from '../shared/bytes.ts'
import { toBase32 } from './base32.ts'
import { SyncError } from './errors.ts'

/** Longest body of either kind. */
export const MAX_JOIN_BODY = 250_000

/** Most documents that a guest takes in all. */
export const MAX_DOCUMENTS = 512

/** Bytes of documents in one answer, about: a document more fits in its frame. */
const PART_BYTES = 160_000

/** Longest secrets of one answer. */
export const MAX_SEALED_SECRETS = 4096

/** Characters of a {@link joinCode}: 60 bits, which nobody finds a second request for while an invitation is open. */
const CODE_LENGTH = 12
const CODE_DOMAIN = utf8('chartseal/join-code/v1\n')

/** What a guest asks. */
export type JoinRequest =
  | { readonly step: 'ask'; readonly site: RosterSite }
  | {
      readonly step: 'approve'
      readonly site: RosterSite
      /** Exact bytes of the roster that was proposed. */
      readonly document: Uint8Array
      /** By the guest's governance key, 64 bytes. */
      readonly signature: Uint8Array
    }
  | NodeJoinRequest
  | WitnessJoinRequest

/** What a node of the inviting site asks. */
export interface NodeJoinRequest {
  readonly step: 'node'
  readonly node: RosterNode
  /** One-time X25519 key that the site's secrets are to be sealed to, 32 bytes. */
  readonly agreementKey: Uint8Array
}

/** What a witness of the inviting site asks. It is given no secret. */
export interface WitnessJoinRequest {
  readonly step: 'witness'
  readonly witness: RosterWitness
}

/** A governed document as a log records it. */
export interface RecordedDocument {
  readonly type: 'roster' | 'contract'
  /** Exact encoding of the entry's fields. */
  readonly fields: Uint8Array
}

/** What a guest is told. */
export type JoinAnswer =
  | { readonly state: 'propose'; readonly document: Uint8Array }
  | { readonly state: 'waiting' }
  /** In the order in which the log of the inviting node recorded them. */
  | {
      readonly state: 'admitted'
      readonly documents: readonly RecordedDocument[]
      /** For a node of the inviting site: what the site shares, sealed to the key of the request. Null for a site. */
      readonly secrets: Uint8Array | null
      /** How many documents come before these. */
      readonly from: number
      /** More come after them, and are to be asked for. */
      readonly isMore: boolean
    }
  /** Void, used by somebody else, or withdrawn. */
  | { readonly state: 'refused' }

const STEPS = ['ask', 'approve', 'node', 'witness'] as const
const STATES = ['propose', 'waiting', 'admitted', 'refused'] as const
const DOCUMENTS = ['roster', 'contract'] as const

/**
 * The body of a `join-request`.
 *
 * @param from - Documents that the guest has already, when it was taken in.
 */
export function encodeJoinRequest(request: JoinRequest, from = 0): Uint8Array {
  const first = [8, from === 0 ? undefined : from] as const
  if (request.step === 'node')
    return encodeCbor(
      mapOf([[1, STEPS.indexOf('node')], [5, encodeRosterNode(request.node)], [6, request.agreementKey], first]),
    )
  if (request.step === 'witness')
    return encodeCbor(mapOf([[1, STEPS.indexOf('witness')], [7, encodeRosterWitness(request.witness)], first]))
  const isApproval = request.step === 'approve'
  return encodeCbor(
    mapOf([
      [1, STEPS.indexOf(request.step)],
      [2, encodeRosterSite(request.site)],
      [3, isApproval ? request.document : undefined],
      [4, isApproval ? request.signature : undefined],
      first,
    ]),
  )
}

/** Reads {@link encodeJoinRequest}. `body` is untrusted; throws {@link SyncError} `BAD_MESSAGE`. */
export function decodeJoinRequest(body: Uint8Array): { readonly request: JoinRequest; readonly from: number } {
  return coded(body, 'join request', (f) => ({
    request: readRequest(f),
    from: f.optional(8, (key) => f.uint(key, MAX_DOCUMENTS)) ?? 0,
  }))
}

function readRequest(f: FieldReader): JoinRequest {
  const step = STEPS[f.uint(1)]
  if (step === 'node') return { step, node: readRosterNode(f.map(5)), agreementKey: readAgreementKey(f) }
  if (step === 'witness') return { step, witness: readRosterWitness(f.map(7)) }
  const site = readGuest(f.map(2))
  if (step === 'ask') return { step, site }
  if (step !== 'approve') throw badField('join request', 1, 'not a step')
  return { step, site, document: f.blob(3, 1, MAX_ROSTER_SIZE), signature: f.bytes(4, SIGNATURE_SIZE) }
}

/**
 * The answer to somebody who was taken in: all documents of a long history do not fit in one message.
 *
 * @param documents - All of them, in order.
 * @param from - Untrusted: how many the guest has.
 * @returns The next ones; `refused` where there is none.
 */
export function admittedFrom(
  documents: readonly RecordedDocument[],
  secrets: Uint8Array | null,
  from: number,
): JoinAnswer {
  let bytes = 0
  const part = documents.slice(from).filter(({ fields }, i) => (bytes += fields.length) <= PART_BYTES || i === 0)
  if (part.length === 0) return { state: 'refused' }
  return { state: 'admitted', documents: part, secrets, from, isMore: from + part.length < documents.length }
}

/** The body of a `join-answer`. */
export function encodeJoinAnswer(answer: JoinAnswer): Uint8Array {
  const documents = answer.state !== 'admitted' ? undefined : answer.documents.map(documentItem)
  return encodeCbor(
    mapOf([
      [1, STATES.indexOf(answer.state)],
      [2, answer.state === 'propose' ? answer.document : undefined],
      [3, documents],
      [4, answer.state === 'admitted' ? (answer.secrets ?? undefined) : undefined],
      [5, answer.state === 'admitted' && answer.from > 0 ? answer.from : undefined],
      [6, answer.state === 'admitted' && answer.isMore ? 1 : undefined],
    ]),
  )
}

/** Reads {@link encodeJoinAnswer}. `body` is untrusted; throws {@link SyncError} `BAD_MESSAGE`. */
export function decodeJoinAnswer(body: Uint8Array): JoinAnswer {
  return coded(body, 'join answer', (f) => {
    const state = STATES[f.uint(1)]
    if (state === 'propose') return { state, document: f.blob(2, 1, MAX_ROSTER_SIZE) }
    if (state === 'admitted') return { state, ...readAdmission(f) }
    if (state === undefined) throw badField('join answer', 1, 'not a state')
    return { state }
  })
}

/**
 * What two people compare before a node is let in: the one at the new machine reads it out, the other types it. Whoever
 * copied the invitation has other keys, and so another code.
 *
 * @param body - Of a request of step `node` or `witness`, as it was sent.
 * @returns {@link CODE_LENGTH} characters in groups of four.
 */
export function joinCode(network: Uint8Array, body: Uint8Array): string {
  const text = toBase32(nobleHasher.sha256(concatBytes(CODE_DOMAIN, network, body))).slice(0, CODE_LENGTH)
  return text.replace(/(.{4})(?=.)/g, '$1-')
}

function readAdmission(f: FieldReader) {
  const documents = f.array(3, 1, MAX_DOCUMENTS).map(readDocument)
  const secrets = f.optional(4, (key) => f.blob(key, 1, MAX_SEALED_SECRETS))
  const from = f.optional(5, (key) => f.uint(key, MAX_DOCUMENTS)) ?? 0
  return { documents, secrets, from, isMore: f.optional(6, (key) => f.uint(key, 1)) === 1 }
}

function readAgreementKey(f: FieldReader): Uint8Array {
  const key = f.bytes(6, KEY_SIZE)
  checkAgreementKey(key)
  return key
}

/** One node: more come later, each by itself. */
function readGuest(value: CborValue): RosterSite {
  const site = readRosterSite(value)
  if (site.nodes.length !== 1) throw badField('join request', 2, 'one node')
  return site
}

function documentItem({ type, fields }: RecordedDocument): CborValue {
  return mapOf([
    [1, DOCUMENTS.indexOf(type)],
    [2, fields],
  ])
}

function readDocument(value: CborValue): RecordedDocument {
  return readMap(value, 'document', (f) => {
    const type = DOCUMENTS[f.uint(1)]
    if (type === undefined) throw badField('document', 1, 'not a type')
    return { type, fields: f.blob(2, 1, MAX_ENTRY_SIZE) }
  })
}

function coded<Value>(body: Uint8Array, what: string, read: (fields: FieldReader) => Value): Value {
  try {
    return readMap(decodeCbor(body, MAX_JOIN_BODY), what, read)
  } catch (cause) {
    if (cause instanceof LedgerError) throw new SyncError('BAD_MESSAGE', what, { cause })
    throw cause
  }
}
