/**
 * What can be wrong with data that claims to come from the ledger, and at which step of verification that shows.
 *
 * @remarks
 * One class, one closed list of codes. {@link stepOf} names the step a rejected row shows. Proven by
 * `tests/ledger/errors.test.ts`.
 *
 * @packageDocumentation
 */
import type { VerifyStep } from '../shared/api/codes.ts'
import { CodedError } from '../shared/errors.ts'
import type { PolicyInfo } from './policy-engine.ts'

/** Every reason the ledger turns data away, under the step that fails. */
const STEP_OF = {
  TOO_LARGE: 'decode', // longer than the format allows
  NOT_CBOR: 'decode', // not one well-formed CBOR item
  NOT_CANONICAL: 'decode', // CBOR, but not its deterministic encoding (RFC 8949 section 4.2.1)
  BAD_VALUE: 'decode', // a kind of value that entries never hold: float, tag, negative, null, unsafe integer
  BAD_FIELD: 'decode', // a field is missing, unknown, of the wrong kind, or out of range
  UNKNOWN_TYPE: 'decode', // an entry type that is not in the closed list
  BAD_NAME: 'decode', // a site, log or origin name outside its grammar
  BAD_KEY: 'decode', // a public key that is not canonical, or has small order or torsion
  BAD_SIGNATURE_LIST: 'decode', // signatures unsorted, repeated, none, or more than 16
  HASH_SIZE: 'inclusion', // a hash is not 32 bytes
  SIZE_OUT_OF_RANGE: 'inclusion', // a tree size that is not a safe integer, or sizes in the wrong order
  INDEX_OUT_OF_TREE: 'inclusion', // not 0 <= index < tree size
  PROOF_SIZE: 'inclusion', // too many or too few hashes for this index and these sizes
  ROOT_MISMATCH: 'inclusion', // the proof is well formed and proves something else
  TILE_MISSING: 'inclusion', // a tile that this tree must have is not there, or too short
  TILE_DAMAGED: 'inclusion', // a tile does not hash into the signed root
  BAD_VKEY: 'checkpoint', // not a C2SP verifier key
  BAD_NOTE: 'checkpoint', // not a C2SP signed note
  BAD_CHECKPOINT: 'checkpoint', // not a C2SP checkpoint
  NOTE_UNSIGNED: 'checkpoint', // no line of a known key
  NOTE_SIGNATURE: 'checkpoint', // a line of a known key does not verify
  AMBIGUOUS_KEY: 'checkpoint', // two known keys share name and key id
  WRONG_ORIGIN: 'checkpoint', // the checkpoint is of another log
  SEAL_MISMATCH: 'checkpoint', // the seal says something else than the tree and the chain
  BAD_RECEIPT: 'checkpoint', // not a C2SP tlog-proof
  BAD_POLICY: 'checkpoint', // not a tlog-policy, or one that does not fit the roster
  NOT_A_FORK: 'checkpoint', // evidence that does not convict
  WRONG_NETWORK: 'signatures', // signed for another network
  WRONG_LOG: 'signatures', // signed for another log
  UNKNOWN_SIGNER: 'signatures', // no such key in that role at that place of the log
  SIGNATURE_INVALID: 'signatures', // a signature does not verify
  NO_ROSTER: 'contract', // nothing but the first roster may come before it
  OPENING_NOT_NEXT: 'contract', // a node.opened that does not continue the incarnation before
  ROSTER_NOT_NEXT: 'contract', // a roster that does not follow the one in force
  CONTRACT_NOT_NEXT: 'contract', // a contract that does not follow the one in force
  BAD_CONTRACT: 'contract', // the contract document is not valid in a language we evaluate
  TYPE_REFUSED: 'contract', // the contract in force has no rule for this type
  SIGNATURE_MISSING: 'contract', // a role that must sign did not
  SIGNATURE_UNEXPECTED: 'contract', // a role signed that must not
  CONTRACT_DENIED: 'contract', // the contract in force does not let these signers record this
  WRONG_DEVICE: 'contract', // signed by another device than the reading names
  KEY_REUSED: 'contract', // an enrolment of a key that is already bound
  WRONG_PATIENT: 'contract', // signed with the card of another patient
  CARD_NOT_NEXT: 'contract', // a card id that was used before, or the end of a card that the patient does not have
  CONSENT_NOT_NEXT: 'contract', // a version that does not follow the newest of its consent
  QUORUM_MISSING: 'contract', // fewer sites signed than the roster in force asks for
  CHAIN_BROKEN: 'completeness', // an entry of a subject is missing, repeated, or out of order
} as const satisfies Record<string, VerifyStep>

/** Code of a {@link LedgerError}. */
export type LedgerErrorCode = keyof typeof STEP_OF

/** Data that claimed to come from the ledger, and does not. */
export class LedgerError extends CodedError<LedgerErrorCode> {}

/** The contract in force does not let somebody do something. */
export class ContractDenied extends LedgerError {
  /** The policy that explains why; null when no policy is about it. */
  readonly policy: PolicyInfo | null

  /** `what` names roles and types, nobody's data. */
  constructor(policy: PolicyInfo | null, what: string) {
    super('CONTRACT_DENIED', `${policy?.id ?? 'no policy'}: ${what}`)
    this.policy = policy
  }
}

/** All codes, for tables that must have a row for each. */
export const LEDGER_ERROR_CODES = Object.keys(STEP_OF) as LedgerErrorCode[]

/** The step of verification that a failure with this code belongs to. */
export function stepOf(code: LedgerErrorCode): VerifyStep {
  return STEP_OF[code]
}
