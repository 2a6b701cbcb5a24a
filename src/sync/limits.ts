/**
 * How much a peer may ask for, send, or leave waiting.
 *
 * @remarks
 * Together they bound the memory that one peer can make a node use: {@link MAX_FRAME} being read, its queue of requests,
 * and what was asked of it. Proven by `tests/sync/hostile-session.test.ts`.
 *
 * @packageDocumentation
 */

/** Version of the protocol that is spoken here. */
export const PROTOCOL_VERSION = 1

/** Longest frame, in bytes, without its length. */
export const MAX_FRAME = 256 * 1024

/** Answers are cut into frames of about this many bytes: one frame of the lower layer each. */
export const FRAME_TARGET = 60 * 1024

/** Requests for data that are open at one peer. What was asked for is the credit: nothing else may come. */
export const MAX_WANTS = 4

/** Bytes of entries that one request asks for. */
export const MAX_WANT_BYTES = 1024 * 1024

/** Bytes of the largest package: 256 entries of 65,535 bytes. Asked for one at a time, from one peer. */
export const MAX_PACKAGE_BYTES = 256 * 65_536

/** Packages that one request asks for. */
export const MAX_WANT_PACKAGES = 32

/** Bytes of entries asked for, or waiting for an entry before them, over all peers and logs. */
export const MAX_ASKED_BYTES = 16 * MAX_WANT_BYTES

/** Requests of one peer that wait to be answered. */
export const MAX_QUEUED = 16

/** Requests for cosignatures of one peer that wait for entries. */
export const MAX_WAITING_COSIGN = 4

/** Notes in one message. */
export const MAX_NOTES = 64

/** Logs in one message that says how far each is known. */
export const MAX_HAVE = 1024

/** Longest answer to a request for governance, in documents of one kind. */
export const MAX_DOCUMENTS = 64

/** Entries whose payloads one request asks for. */
export const MAX_PAYLOAD_RANGE = 256

/** Longest sealed payload, and longest wrapped or sealed key, in bytes: they fit in one frame together. */
export const MAX_PAYLOAD = 240 * 1024

/** Milliseconds without any part of the answer after which a request is asked of somebody else. */
export const ANSWER_TIMEOUT_MS = 20_000

/** Milliseconds within which a peer must say hello. */
export const HELLO_TIMEOUT_MS = 10_000

/** Milliseconds that a peer which gave a bad answer about a log is not asked about it. */
export const DISTRUST_MS = 60_000

/** Bad answers of one peer until it is hung up on. */
export const MAX_BAD_ANSWERS = 8

/** Milliseconds during which new heads and cosignatures are collected before they are passed on. */
export const GOSSIP_DELAY_MS = 250

/** Milliseconds between rounds in which each peer is told what it does not know yet. */
export const ROUND_MS = 30_000

/** Milliseconds, at least, that a peer which lacks something is given to hear it from somebody else. */
export const GRACE_MS = 1500

/** Milliseconds between messages that say how far logs are known here. */
export const HAVE_INTERVAL_MS = 1000

/** Milliseconds after which a peer that was asked to cosign is told that it will not be now. */
export const COSIGN_TIMEOUT_MS = 60_000

/** Milliseconds until a store that could not store is tried again. */
export const STORE_RETRY_MS = 5000
