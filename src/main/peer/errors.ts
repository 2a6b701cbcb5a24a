/**
 * Why something that was asked of the peer network cannot be done.
 *
 * @packageDocumentation
 */
import { CodedError } from '../../shared/errors.ts'

/** What went wrong. */
export type PeerErrorCode =
  | 'BAD_ADDRESS' // not an address that a peer can be dialled at
  | 'NOT_CONNECTED' // no connection to that peer
  | 'CANNOT_LISTEN' // none of the addresses to listen on can be used
  | 'STREAM_CLOSED' // the stream ended before what was asked could be done

/** A failure of the peer network. Holds addresses at most, never what peers say to each other. */
export class PeerError extends CodedError<PeerErrorCode> {}
