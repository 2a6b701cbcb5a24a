/**
 * Why a peer could not be reached, in the few kinds that somebody who sets up a network can act on.
 *
 * @remarks
 * Proven by `tests/main/peer/dial-failure.test.ts`, and with real sockets by `tests/main/peer/libp2p-link.test.ts`.
 *
 * @packageDocumentation
 */

/** What became of an attempt. */
export type DialFailure =
  | 'REFUSED' // a machine is there, and nothing listens
  | 'TIMEOUT' // nothing came back in time
  | 'UNREACHABLE' // no way there
  | 'UNKNOWN_HOST' // the name does not resolve
  | 'HUNG_UP' // the other side broke off the handshake: it does not know us, or is no node
  | 'OTHER_KEY' // another node answers at that address
  | 'NOT_AT_RELAY' // the relay is there, and the peer is not connected to it
  | 'NO_RELAY' // it is reached through relays only, and none is connected
  | 'OTHER'

/** In this order: when several addresses failed differently, the most telling is named. */
const KINDS: readonly (readonly [DialFailure, RegExp])[] = [
  ['OTHER_KEY', /UnexpectedPeerError|does not match expected|Payload identity key/],
  ['NOT_AT_RELAY', /NO_RESERVATION|failed to connect via relay/],
  ['NO_RELAY', /NOT_CONNECTED/],
  ['HUNG_UP', /UnexpectedEOF|EncryptionFailed|StreamReset|ECONNRESET|StreamClosed|unexpected end|MuxerUnavailable/],
  ['REFUSED', /ECONNREFUSED/],
  ['UNKNOWN_HOST', /ENOTFOUND|EAI_AGAIN/],
  ['UNREACHABLE', /ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL|NoValidAddresses/],
  ['TIMEOUT', /TimeoutError|ETIMEDOUT|AbortError|timed out/],
]

/** The kind of failure that `error` of a dial tells of. */
export function dialFailureOf(error: unknown): DialFailure {
  const words = [...wordsOf(error, 4)].join('\n')
  return KINDS.find(([, pattern]) => pattern.test(words))?.[0] ?? 'OTHER'
}

function* wordsOf(error: unknown, depth: number): Iterable<string> {
  if (!(error instanceof Error) || depth === 0) return
  yield error.name
  yield error.message
  if ('code' in error) yield String(error.code)
  if (error instanceof AggregateError) for (const each of error.errors) yield* wordsOf(each, depth - 1)
  yield* wordsOf(error.cause, depth - 1)
}
