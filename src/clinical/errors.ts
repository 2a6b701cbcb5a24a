/**
 * Why a clinical resource or value from outside is refused.
 *
 * @packageDocumentation
 */
import { CodedError } from '../shared/errors.ts'

/** Codes of {@link ClinicalError}. */
export type ClinicalErrorCode =
  | 'NOT_JSON' // not one JSON value, or one with a repeated property, a lone surrogate or too much nesting
  | 'TOO_LONG' // longer than any resource of ours
  | 'WRONG_TYPE' // another resource type, or a JSON type that the element does not have
  | 'UNKNOWN_PROPERTY' // an element, extension or coding that this resource may not carry
  | 'MISSING' // a required element is absent
  | 'WRONG_CARDINALITY' // too few or too many repetitions
  | 'WRONG_CODE' // a code outside its table, or one that disagrees with another element
  | 'WRONG_UNIT' // a unit that the quantity cannot have, or that disagrees with the code
  | 'WRONG_TEXT' // empty, untrimmed, too long, or with control characters
  | 'WRONG_TIME' // not a date or time that exists, or without offset
  | 'WRONG_NUMBER' // not a plain decimal of at most 9 and 6 digits
  | 'WRONG_BYTES' // not canonical base64, or too many bytes
  | 'WRONG_ID' // not an identifier of its kind
  | 'VALUE_AND_REASON' // obs-6: a value and a reason for its absence (or neither: vs-2, vs-3)

/** Clinical data from outside that is not what it claims. The message names a path and never a value. */
export class ClinicalError extends CodedError<ClinicalErrorCode> {}
