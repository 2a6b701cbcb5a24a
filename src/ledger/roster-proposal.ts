/**
 * A roster that is being approved: a file that goes from site to site.
 *
 * @remarks
 * The document and the approvals so far, as text that can be mailed, printed or carried. Whoever gets one checks it
 * against the roster in force, sees what it changes, and adds an approval. Layout: `docs/protocol.md`, "Roster
 * proposal". Proven by `tests/ledger/roster-proposal.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes, toHex } from '../shared/bytes.ts'
import { mapOf } from './cbor.ts'
import { LedgerError } from './errors.ts'
import { badField, readMap } from './fields-reader.ts'
import {
  type Approval,
  checkKnown,
  decodeApprovals,
  encodeApprovals,
  MAX_APPROVALS,
  rosterMessage,
  type SignedRoster,
} from './governance.ts'
import { HASH_SIZE } from './hash.ts'
import { type CheckedRoster, checkProposal, neededApprovals, type RosterProposal } from './next-roster.ts'
import { decodeText, encodeText } from './proposal-text.ts'
import { quorumOf } from './quorum.ts'
import { MAX_ROSTER_SIZE } from './roster.ts'
import { type Signer, type SignatureVerifier, verifies } from './signatures.ts'

/** First line of the file. */
const HEADER = 'chartseal/roster-proposal/v1\n'

/** Longest content of a file, in bytes. */
const MAX_SIZE = MAX_ROSTER_SIZE + MAX_APPROVALS * 128 + 256

/** A proposal as a file holds it. */
export interface ProposalFile extends SignedRoster {
  /** Network id, 32 bytes. */
  readonly network: Uint8Array
}

/** A file that was checked against the roster in force. */
export interface OpenProposal extends RosterProposal {
  /** With approvals that verify alone. */
  readonly file: ProposalFile
  /** Keys that must approve and did not, lower-case hex. */
  readonly missing: readonly string[]
  /** More sites that are needed for a quorum; 0 in a ceremony. */
  readonly votesMissing: number
}

/** The text of a file: a header and lines of base64. */
export function encodeProposal({ network, document, approvals }: ProposalFile): string {
  const content = mapOf([
    [1, network],
    [2, document],
    [3, encodeApprovals(approvals)],
  ])
  return encodeText(HEADER, content)
}

/**
 * Reads {@link encodeProposal}. Nothing is verified.
 *
 * @param text - Untrusted.
 * @throws {@link LedgerError} of step `decode`.
 */
export function decodeProposal(text: string): ProposalFile {
  const file = readMap(decodeText(HEADER, text, MAX_SIZE), 'proposal', (f) => ({
    network: f.bytes(1, HASH_SIZE),
    document: f.blob(2, 1, MAX_ROSTER_SIZE),
    approvals: decodeApprovals(f.array(3, 0, MAX_APPROVALS)),
  }))
  if (encodeProposal(file) !== text) throw badField('proposal', 'lines', 'another spelling')
  return file
}

/**
 * Checks a file against the roster in force, and says who is still to approve.
 *
 * @param v - The one verifier.
 * @param network - Network id, 32 bytes, trusted.
 * @param current - In force.
 * @param file - Untrusted. Approvals that do not verify are left out of what comes back.
 * @throws {@link LedgerError} `WRONG_NETWORK`, `ROSTER_NOT_NEXT`, `UNKNOWN_SIGNER`, `BAD_POLICY`, or of step `decode`.
 */
export function openProposal(
  v: SignatureVerifier,
  network: Uint8Array,
  current: CheckedRoster,
  file: ProposalFile,
): OpenProposal {
  if (!equalBytes(file.network, network)) throw new LedgerError('WRONG_NETWORK', 'a proposal of another network')
  const proposal = checkProposal(network, current, file.document)
  const message = rosterMessage(network, file.document)
  const approvals = file.approvals.filter((one) => verifies(v, one.signature, message, one.publicKey))
  const keys = new Set(approvals.map(({ publicKey }) => toHex(publicKey)))
  const { required, voters, waived } = neededApprovals(current.roster, proposal.roster, proposal.change)
  checkKnown(keys, new Set([...required, ...voters, ...waived]))
  const votes = [...voters].filter((key) => keys.has(key)).length
  const isCeremony = proposal.roster.attempt > 0
  return {
    ...proposal,
    file: { ...file, approvals },
    missing: [...required].filter((key) => !keys.has(key)),
    votesMissing: isCeremony ? 0 : Math.max(0, quorumOf(voters.size) - votes),
  }
}

/**
 * The file with one approval more; the same when the key approved already.
 *
 * @param file - Checked by {@link openProposal}, and allowed by `mayApprove`, which is remembered first.
 * @param publicKey - Ed25519, 32 bytes.
 * @param sign - Signs with that key.
 */
export function addApproval(file: ProposalFile, publicKey: Uint8Array, sign: Signer): ProposalFile {
  if (file.approvals.some((one) => equalBytes(one.publicKey, publicKey))) return file
  const approval: Approval = { publicKey, signature: sign(rosterMessage(file.network, file.document)) }
  return { ...file, approvals: [...file.approvals, approval] }
}
