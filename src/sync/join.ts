/**
 * What somebody who joins and the node that invited them say to each other.
 *
 * @remarks
 * Three steps: the guest says which keys its site has; it is given the roster that would list them and approves it; and
 * it asks until the roster is in force. The bodies of `join-request` and `join-answer`; layout: `docs/protocol.md`,
 * "Joining". Proven by `tests/sync/join.test.ts`.
 *
 * @packageDocumentation
 */
import { MAX_ENTRY_SIZE } from '../ledger/body.ts'
import { type CborValue, decodeCbor, encodeCbor, mapOf } from '../ledger/cbor.ts'
import { LedgerError } from '../ledger/errors.ts'
import { badField, type FieldReader, readMap } from '../ledger/fields-reader.ts'
import { encodeRosterSite, MAX_ROSTER_SIZE, readRosterSite, type RosterSite } from '../ledger/roster.ts'
import { SIGNATURE_SIZE } from '../ledger/signatures.ts'
import { SyncError } from './errors.ts'

/** Longest body of either kind. */
export const MAX_JOIN_BODY = 250_000

/** Most documents of one answer. */
const MAX_DOCUMENTS = 512

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
  | { readonly state: 'admitted'; readonly documents: readonly RecordedDocument[] }
  /** Void, used by somebody else, or withdrawn. */
  | { readonly state: 'refused' }

const STEPS = ['ask', 'approve'] as const
const STATES = ['propose', 'waiting', 'admitted', 'refused'] as const
const DOCUMENTS = ['roster', 'contract'] as const

/** The body of a `join-request`. */
export function encodeJoinRequest(request: JoinRequest): Uint8Array {
  const isApproval = request.step === 'approve'
  return encodeCbor(
    mapOf([
      [1, STEPS.indexOf(request.step)],
      [2, encodeRosterSite(request.site)],
      [3, isApproval ? request.document : undefined],
      [4, isApproval ? request.signature : undefined],
    ]),
  )
}

/** Reads {@link encodeJoinRequest}. `body` is untrusted; throws {@link SyncError} `BAD_MESSAGE`. */
export function decodeJoinRequest(body: Uint8Array): JoinRequest {
  return coded(body, 'join request', (f) => {
    const step = STEPS[f.uint(1)]
    const site = readGuest(f.map(2))
    if (step === 'ask') return { step, site }
    if (step !== 'approve') throw badField('join request', 1, 'not a step')
    return { step, site, document: f.blob(3, 1, MAX_ROSTER_SIZE), signature: f.bytes(4, SIGNATURE_SIZE) }
  })
}

/** The body of a `join-answer`. */
export function encodeJoinAnswer(answer: JoinAnswer): Uint8Array {
  const documents = answer.state !== 'admitted' ? undefined : answer.documents.map(documentItem)
  return encodeCbor(
    mapOf([
      [1, STATES.indexOf(answer.state)],
      [2, answer.state === 'propose' ? answer.document : undefined],
      [3, documents],
    ]),
  )
}

/** Reads {@link encodeJoinAnswer}. `body` is untrusted; throws {@link SyncError} `BAD_MESSAGE`. */
export function decodeJoinAnswer(body: Uint8Array): JoinAnswer {
  return coded(body, 'join answer', (f) => {
    const state = STATES[f.uint(1)]
    if (state === 'propose') return { state, document: f.blob(2, 1, MAX_ROSTER_SIZE) }
    if (state === 'admitted') return { state, documents: f.array(3, 1, MAX_DOCUMENTS).map(readDocument) }
    if (state === undefined) throw badField('join answer', 1, 'not a state')
    return { state }
  })
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
