/**
 * Erasures that one person asked for and that wait for another: two people at two moments, one entry.
 *
 * @remarks
 * The first signs the body of the entry. Body and signature are kept in the database, which needs no secrecy for them:
 * a handle and two codes. The second signs the same bytes in a session of their own, and only then is there an entry, and
 * does anything go. A row is judged anew at each look: its signature, whether its signer still may sign, whether the
 * contract in force lets these two erase. Proven by `tests/main/core/vault/erasure-proposals.test.ts`.
 *
 * @packageDocumentation
 */
import { instantText } from '../../../clinical/instant.ts'
import { type Body, decodeBody, encodeBody, signedMessage } from '../../../ledger/body.ts'
import { decodeErasure, encodeErasure, type Erasure } from '../../../ledger/erasure.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { evaluateEntry, type Signer } from '../../../ledger/evaluate-entry.ts'
import { signerOf } from '../../../ledger/directory.ts'
import { verifies } from '../../../ledger/signatures.ts'
import type { ErasurePreview, ErasureProposal, ErasureReceipt } from '../../../shared/api/schemas.ts'
import { equalBytes, fromHex, toHex } from '../../../shared/bytes.ts'
import { verifier } from '../../keystore/sodium.ts'
import type { ErasureProposalRow } from '../../store/store.ts'
import { ApiFailure } from '../failure.ts'
import type { Asked } from '../vault-service.ts'
import { authorFor, offsetMinAt, viewerFor, viewerOf, type Clinic, type Viewer } from './clinic.ts'
import type { EntrySigner } from './entry-signer.ts'
import type { Erasures } from './erasure.ts'
import { practitionerName } from './names.ts'
import { presence } from './presence.ts'

/** A request that nobody approves lapses. */
export const PROPOSAL_DAYS = 30
/** Nobody reads more, and nobody asks for as many by mistake. */
const MAX_PROPOSALS = 200
const DAY_MS = 86_400_000
/** Nobody, and nothing. */
const SOMEBODY = new Uint8Array(16)

/** A request whose signature was checked. */
interface Proposal {
  readonly row: ErasureProposalRow
  readonly body: Body
  readonly subject: string
  readonly erasure: Erasure
  readonly signer: Signer
}

/** Erasures that wait for a second signature. */
export class ErasureProposals {
  readonly #clinic: Clinic
  readonly #erasures: Erasures

  constructor(clinic: Clinic, erasures: Erasures) {
    this.#clinic = clinic
    this.#erasures = erasures
  }

  /**
   * What an erasure would take away, and what would stay.
   *
   * @throws ApiFailure `NOT_SIGNED_IN`, `NOT_ALLOWED` for whoever can sign no erasure, `UNKNOWN_PATIENT`, `UNKNOWN_ENTRY`.
   */
  preview({ handle, records }: Asked['erasures']['preview']): ErasurePreview {
    authorFor(this.#clinic, 'record.erased')
    return this.#erasures.preview(handle, records)
  }

  /**
   * The first signature. Nothing is erased yet.
   *
   * @throws ApiFailure as {@link preview}; KeystoreError `WRONG_PIN`, `PIN_LOCKED`.
   */
  async request({ handle, records, reason, authority, pin }: Asked['erasures']['request']): Promise<ErasureProposal> {
    const { store, random } = this.#clinic
    const viewer = await presence(this.#clinic, pin)
    authorFor(this.#clinic, 'record.erased')
    const all = this.#erasures.withDependents(handle, records)
    const body = this.#bodyOf(handle, { reason, authority, records: all }, random(16))
    if (this.#standing().length >= MAX_PROPOSALS) throw new ApiFailure('NOT_ALLOWED', { detail: 'too-many-requests' })
    const bytes = encodeBody(body)
    const signature = viewer.signer.sign(signedMessage('practitioner', bytes))
    const row = { id: body.id, body: bytes, publicKey: viewer.signer.publicKey, signature }
    store.putErasureProposal(row)
    return this.#describe(this.#read(row) ?? unreadable(), viewer)
  }

  /** Every request that waits, newest first. */
  async list(): Promise<ErasureProposal[]> {
    const viewer = viewerFor(this.#clinic, 'ledger')
    const standing = this.#standing().toSorted((a, b) => b.body.time - a.body.time)
    return Promise.all(standing.map((proposal) => this.#describe(proposal, viewer)))
  }

  /**
   * The second signature, by somebody else: erases.
   *
   * @throws ApiFailure `UNKNOWN_PROPOSAL`, `NOT_ALLOWED` also for whoever asked for it, `UNKNOWN_PATIENT`,
   * `UNKNOWN_ENTRY`; KeystoreError `WRONG_PIN`, `PIN_LOCKED`; StoreError.
   */
  async approve({ id, pin }: Asked['erasures']['approve']): Promise<ErasureReceipt> {
    const viewer = await presence(this.#clinic, pin)
    const { row, body, subject, erasure, signer } = this.#find(id)
    if (equalBytes(signer.handle ?? SOMEBODY, fromHex(viewer.handle))) throw new ApiFailure('NOT_ALLOWED')
    const first: EntrySigner = { role: 'practitioner', publicKey: row.publicKey, sign: () => row.signature }
    const receipt = await this.#erasures.erase({
      ...{ id: body.id, handle: subject, timeMs: body.time, erasure },
      signers: [first, viewer.signer],
    })
    this.#clinic.store.deleteErasureProposal(row.id)
    return receipt
  }

  /**
   * Takes a request back, by whoever signed it or could have completed it.
   *
   * @throws ApiFailure `UNKNOWN_PROPOSAL`, `NOT_ALLOWED`.
   */
  withdraw(id: string): void {
    const viewer = viewerOf(this.#clinic)
    const proposal = this.#find(id)
    if (!isOf(proposal, viewer) && !this.#mayApprove(proposal, viewer)) throw new ApiFailure('NOT_ALLOWED')
    this.#clinic.store.deleteErasureProposal(proposal.row.id)
  }

  #find(id: string): Proposal {
    const proposal = this.#standing().find(({ row }) => toHex(row.id) === id)
    if (proposal === undefined) throw new ApiFailure('UNKNOWN_PROPOSAL')
    return proposal
  }

  /** Requests that hold. What was carried out, lapsed, no longer names all, or never was one, leaves the table. */
  #standing(): Proposal[] {
    const { store } = this.#clinic
    return store.erasureProposals().flatMap((row) => {
      const proposal = this.#read(row)
      const holds = proposal !== null && this.#namesAll(proposal)
      if (!holds) store.deleteErasureProposal(row.id)
      return holds ? proposal : []
    })
  }

  /**
   * Whether the request still names everything that repeats or rests on its records. What was recorded since would go on
   * telling what is erased, and nobody signed for that: it has to be asked for anew.
   */
  #namesAll({ subject, erasure: { records } }: Proposal): boolean {
    if (records === null) return true
    try {
      return this.#erasures.withDependents(subject, records)?.length === records.length
    } catch (error) {
      if (error instanceof ApiFailure) return error.code !== 'INVALID_REQUEST'
      throw error
    }
  }

  /** Null for a row that is no request, or no longer one. */
  #read(row: ErasureProposalRow): Proposal | null {
    const { replica, nowMs } = this.#clinic
    try {
      const body = decodeBody(row.body)
      const { network, log } = replica.identity
      const isOurs = equalBytes(body.network, network) && body.log === log && equalBytes(body.id, row.id)
      if (!isOurs || body.type !== 'record.erased' || body.payload !== null || body.subject === null) return null
      if (nowMs() - body.time > PROPOSAL_DAYS * DAY_MS || replica.holdsId(body.id)) return null
      const signer = signerOf(replica.directory, 'practitioner', row.publicKey, replica.head.size, log)
      if (signer === null) return null
      if (!verifies(verifier, row.signature, signedMessage('practitioner', row.body), row.publicKey)) return null
      return { row, body, subject: toHex(body.subject), erasure: decodeErasure(body.fields), signer }
    } catch (error) {
      if (error instanceof LedgerError) return null
      throw error
    }
  }

  async #describe(proposal: Proposal, viewer: Viewer): Promise<ErasureProposal> {
    const { body, subject, erasure, signer } = proposal
    return {
      id: toHex(body.id),
      at: instantText(body.time, offsetMinAt(body.time)),
      handle: subject,
      records: erasure.records === null ? null : erasure.records.map(({ origin, index }) => ({ origin, index })),
      reason: erasure.reason,
      authority: erasure.authority,
      requestedBy: await practitionerName(this.#clinic, toHex(signer.handle ?? SOMEBODY)),
      mayApprove: !isOf(proposal, viewer) && this.#mayApprove(proposal, viewer),
    }
  }

  #bodyOf(handle: string, erasure: Erasure, id: Uint8Array): Body {
    const { replica, nowMs } = this.#clinic
    const { network, log } = replica.identity
    const fields = encodeErasure(erasure)
    return { type: 'record.erased', network, log, id, time: nowMs(), subject: fromHex(handle), payload: null, fields }
  }

  #mayApprove({ body, signer }: Proposal, viewer: Viewer): boolean {
    const inForce = this.#clinic.replica.contract()
    if (inForce === null) return false
    const entry = { body, bodyBytes: SOMEBODY, placement: { subjectSeq: 0, previousLeaf: null }, signatures: [] }
    try {
      evaluateEntry(inForce.contract, entry, [signer, practitioner(viewer)])
      return true
    } catch (error) {
      if (error instanceof LedgerError) return false
      throw error
    }
  }
}

function isOf({ signer }: Proposal, { handle }: Viewer): boolean {
  return signer.handle !== null && toHex(signer.handle) === handle
}

function practitioner({ role, handle, signer: { publicKey } }: Viewer): Signer {
  return { role: 'practitioner', practitionerRole: role, handle: fromHex(handle), publicKey, site: null }
}

function unreadable(): never {
  throw new Error('bug: a request that was just signed does not hold')
}
