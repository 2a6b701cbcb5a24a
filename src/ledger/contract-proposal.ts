/**
 * Contracts on their way: a text that goes from site to site and collects approvals.
 *
 * @remarks
 * A contract of several sites counts when a quorum of them approved the same version and text. Nothing in such a text is
 * trusted: approvals that do not verify, or are nobody's who has a say, are left out. Layout: `docs/protocol.md`, "Contract
 * proposal". Proven by `tests/ledger/contract-proposal.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes, toHex } from '../shared/bytes.ts'
import { mapOf } from './cbor.ts'
import { MAX_CONTRACT_SIZE } from './contract-text.ts'
import { LedgerError } from './errors.ts'
import { badField, readMap } from './fields-reader.ts'
import {
  type Approval,
  contractMessage,
  type ContractText,
  decodeApprovals,
  encodeApprovals,
  MAX_APPROVALS,
} from './governance.ts'
import { HASH_SIZE } from './hash.ts'
import { decodeText, encodeText } from './proposal-text.ts'
import { quorumOf } from './quorum.ts'
import type { Roster } from './roster.ts'
import { type Signer, type SignatureVerifier, verifies } from './signatures.ts'

/** First line of the text. */
export const CONTRACT_PROPOSAL = 'chartseal/contract-proposal/v1\n'
const MAX_SIZE = MAX_CONTRACT_SIZE + MAX_APPROVALS * 128 + 256

/** A contract as it is carried. */
export interface ContractFile extends ContractText {
  /** Network id, 32 bytes. */
  readonly network: Uint8Array
  /** 0 to 64. */
  readonly approvals: readonly Approval[]
}

/** A contract that was checked against the roster in force. */
export interface OpenContract {
  /** With the approvals that count. */
  readonly file: ContractFile
  /** Ids of the sites that approved, ascending. */
  readonly approvedBy: readonly string[]
  /** More sites that are needed for a quorum. */
  readonly votesMissing: number
}

/** The text of a proposal. */
export function encodeContractProposal({ network, version, language, document, approvals }: ContractFile): string {
  return encodeText(
    CONTRACT_PROPOSAL,
    mapOf([
      [1, network],
      [2, version],
      [3, language],
      [4, document],
      [5, encodeApprovals(approvals)],
    ]),
  )
}

/**
 * Reads {@link encodeContractProposal}. Nothing is verified.
 *
 * @param text - Untrusted.
 * @throws {@link LedgerError} of step `decode`.
 */
export function decodeContractProposal(text: string): ContractFile {
  const file = readMap(decodeText(CONTRACT_PROPOSAL, text, MAX_SIZE), 'contract proposal', (f) => ({
    network: f.bytes(1, HASH_SIZE),
    version: f.uint(2),
    language: f.text(3, 1, 64),
    document: f.blob(4, 1, MAX_CONTRACT_SIZE),
    approvals: decodeApprovals(f.array(5, 0, MAX_APPROVALS)),
  }))
  if (encodeContractProposal(file) !== text) throw badField('contract proposal', 'lines', 'another spelling')
  return file
}

/**
 * Checks a proposal against what is in force, and says who approved it.
 *
 * @param v - The one verifier.
 * @param network - Network id, 32 bytes, trusted.
 * @param current - Roster in force, and version of the contract in force; both trusted.
 * @param file - Untrusted.
 * @throws {@link LedgerError} `WRONG_NETWORK`, `CONTRACT_NOT_NEXT`.
 */
export function openContractProposal(
  v: SignatureVerifier,
  network: Uint8Array,
  current: { readonly roster: Roster; readonly version: number },
  file: ContractFile,
): OpenContract {
  if (!equalBytes(file.network, network)) throw new LedgerError('WRONG_NETWORK', 'a contract of another network')
  if (file.version !== current.version + 1)
    throw new LedgerError('CONTRACT_NOT_NEXT', `version ${file.version} after ${current.version}`)
  const { sites } = current.roster
  const siteOf = new Map(sites.map(({ id, governanceKey }) => [toHex(governanceKey), id]))
  const message = contractMessage(network, file)
  const approvals = file.approvals.filter(
    ({ publicKey, signature }) => siteOf.has(toHex(publicKey)) && verifies(v, signature, message, publicKey),
  )
  const approvedBy = approvals.flatMap(({ publicKey }) => siteOf.get(toHex(publicKey)) ?? []).toSorted()
  const votesMissing = Math.max(0, quorumOf(sites.length) - approvedBy.length)
  return { file: { ...file, approvals }, approvedBy, votesMissing }
}

/** The proposal with an approval more; the same when the key approved already. */
export function addContractApproval(file: ContractFile, publicKey: Uint8Array, sign: Signer): ContractFile {
  if (file.approvals.some((one) => equalBytes(one.publicKey, publicKey))) return file
  const approval: Approval = { publicKey, signature: sign(contractMessage(file.network, file)) }
  return { ...file, approvals: [...file.approvals, approval] }
}
