/**
 * Why a step of the second verifier fails.
 *
 * @remarks
 * The second verifier shares no code with the ledger, so it has its own short list. Proven by
 * `tests/verifier/verify-proof.test.ts`, which makes each of them happen.
 *
 * @packageDocumentation
 */
import { CodedError } from '../shared/errors.ts'

/** Reason of a failed step. */
export type ProofReason =
  | 'NOT_REACHED' // an earlier step that this one builds on failed
  | 'BAD_CBOR' // not strict deterministic CBOR of the kinds we use
  | 'BAD_SHAPE' // a field is missing, unknown, or of the wrong kind
  | 'OTHER_NETWORK' // the roster, or the entry, belongs to another network
  | 'ROSTER_NOT_NEXT' // a roster that does not follow the one before, or changes more than one thing
  | 'NOT_APPROVED' // a roster that too few, or not the right ones, approved
  | 'BAD_POLICY' // the policy of the roster cannot be counted by
  | 'NOT_OPENED' // a later incarnation that its site did not open with this key
  | 'OTHER_SEAL' // the last entry of the tree is not the seal of this block under this roster
  | 'LOG_NOT_LISTED' // the roster does not list this log with this key
  | 'BAD_NOTE' // not a signed checkpoint
  | 'NOT_SIGNED' // no line of the log's key
  | 'SIGNATURE_INVALID' // a signature does not verify
  | 'OTHER_LOG' // of another log
  | 'OTHER_SIZE' // of another tree size
  | 'BAD_PATH' // not as many hashes as this place in this tree needs
  | 'OTHER_ROOT' // the entry does not hash into the signed root
  | 'SIGNER_NOT_LISTED' // signed as the log or a site, with a key that is not theirs

/** Ends one step. Never leaves `src/verifier`. */
export class ProofError extends CodedError<ProofReason> {}
