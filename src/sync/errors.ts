/**
 * Why a peer is not understood, or not listened to any more.
 *
 * @remarks
 * Everything that bytes of a peer can cause ends in one of these codes: see `tests/sync/codec.test.ts` and `tests/sync/hostile-session.test.ts`.
 *
 * @packageDocumentation
 */
import { CodedError } from '../shared/errors.ts'

/** What went wrong with a peer. */
export type SyncErrorCode =
  | 'FRAME_TOO_LARGE' // a frame that claims more bytes than any message has, or none
  | 'BAD_MESSAGE' // not a message of the protocol
  | 'BAD_INVITATION' // not an invitation, or one that was changed
  | 'OUT_OF_TURN' // a message that may not come now: before hello, a second hello, or an answer nobody asked for
  | 'WRONG_VERSION' // speaks another version of the protocol
  | 'OTHER_NETWORK' // belongs to another network
  | 'NOT_WHO_IT_SAYS' // calls itself another node than its key belongs to
  | 'TOO_MANY_REQUESTS' // more requests at once than the credits allow
  | 'FLOOD' // more messages in a short time than anybody needs
  | 'BAD_ANSWER' // an answer that is not what was asked for, or that proves nothing, too often
  | 'NO_HELLO' // said nothing

/** A peer that does not keep to the protocol. Never holds anything the peer sent. */
export class SyncError extends CodedError<SyncErrorCode> {}
