/**
 * What is answered to requests for data: entries, payloads, proofs.
 *
 * @remarks
 * Each answer is a generator: the next message is made when the wire takes it. A peer gets what is stored here, whole
 * packages with their proof; it checks everything itself. Proven by `tests/sync/answers.test.ts`.
 *
 * @packageDocumentation
 */
import { MAX_ENTRY_SIZE } from '../ledger/body.ts'
import type { EntryPackage } from '../ledger/mirror.ts'
import { TILE_WIDTH } from '../ledger/tile-layout.ts'
import { orNull } from './attempt.ts'
import { FRAME_TARGET, MAX_PAYLOAD } from './limits.ts'
import type { Message, PayloadRow, RefusalCode, SealedKeyRow, WantEntries, WantPayloads } from './messages.ts'
import type { PeerIdentity, SyncStore } from './ports.ts'
import type { Request } from './session.ts'

/** A request that is answered from what is stored. */
export type DataRequest = Exclude<Request, { readonly kind: 'want-cosignature' }>

/**
 * The messages that answer a request.
 *
 * @param store - What is stored. A row that cannot be read is not held.
 * @param who - Who asks.
 * @param request - Untrusted.
 */
export function* answersTo(
  store: SyncStore,
  who: PeerIdentity,
  request: DataRequest,
): Generator<Message, void, undefined> {
  switch (request.kind) {
    case 'want-entries':
      return yield* entriesFor(store, request)
    case 'want-payloads':
      return yield* payloadsFor(store, who, request)
    case 'want-monitor':
      return yield { kind: 'monitored', req: request.req, note: orNull(() => store.monitor(request.origin)) }
    case 'want-consistency': {
      const { req, origin, older, newer } = request
      const proof = older < 1 ? null : orNull(() => store.consistency(origin, older, newer))
      return yield proof === null ? refusal(req, 'NOT_HELD') : { kind: 'consistency', req, proof }
    }
    case 'join-request': {
      const body = orNull(() => bodyFor(store, who, request.body))
      const { req } = request
      return yield body === null ? refusal(req, 'NOT_FOR_YOU') : { kind: 'join-answer', req, body }
    }
  }
}

function bodyFor(store: SyncStore, who: PeerIdentity, body: Uint8Array): Uint8Array | null {
  if (who.kind === 'guest') return store.join(who.transportKey, body)
  return who.kind === 'node' ? store.siteRequest(who, body) : null
}

/** Whole packages, as many as fit in what was asked for. */
function* entriesFor(store: SyncStore, want: WantEntries): Generator<Message, void, undefined> {
  let left = want.maxBytes
  let offset = want.skip
  let next = readPackage(store, want, want.from)
  if (next === null || next.entries.length <= offset) return yield refusal(want.req, 'NOT_HELD')
  // What the peer holds is not sent again; the proof is of the whole package.
  next = { ...next, entries: next.entries.slice(offset) }
  if (bytesOf(next) > left) return yield refusal(want.req, 'TOO_LARGE')
  while (next !== null) {
    const current: EntryPackage = next
    left -= bytesOf(current)
    const following = current.index + 1 < want.to ? readPackage(store, want, current.index + 1) : null
    next = following !== null && bytesOf(following) <= left ? following : null
    yield* partsOf(want.req, current, offset, next === null)
    offset = 0
  }
}

function readPackage(store: SyncStore, { origin, size }: WantEntries, index: number): EntryPackage | null {
  return orNull(() => store.entryPackage(origin, size, index))
}

/** A package, or its end from `start` on, in frames of about {@link FRAME_TARGET} bytes. */
function* partsOf(
  req: number,
  { index, entries, proof }: EntryPackage,
  start: number,
  last: boolean,
): Generator<Message, void, undefined> {
  const cuts = cutsOf(entries.map((entry) => entry.length))
  for (const [i, offset] of cuts.entries()) {
    const end = cuts[i + 1]
    const sent = { offset: start + offset, entries: entries.slice(offset, end) }
    const part = { kind: 'entries', req, package: index, ...sent } as const
    yield end === undefined ? { ...part, proof, last } : { ...part, proof: null, last: false }
  }
}

/** Where frames begin, so that each holds at least one item and not much more than the target. */
function cutsOf(lengths: readonly number[]): number[] {
  const cuts = [0]
  let bytes = 0
  for (const [i, length] of lengths.entries()) {
    if (bytes > 0 && bytes + length > FRAME_TARGET) {
      cuts.push(i)
      bytes = 0
    }
    bytes += length
  }
  return cuts
}

function* payloadsFor(store: SyncStore, who: PeerIdentity, want: WantPayloads): Generator<Message, void, undefined> {
  const { req, origin, from, to } = want
  const out = orNull(() => store.payloadsFor(who, origin, from, to))
  if (out === null) return yield refusal(req, 'NOT_FOR_YOU')
  // Keys first: a payload that is here is not asked for again, and nobody would ask for its key.
  const keyCuts = out.keys.length === 0 ? [] : cutsOf(out.keys.map(keyBytes))
  for (const [i, start] of keyCuts.entries())
    yield { kind: 'payloads', req, last: false, rows: [], keys: out.keys.slice(start, keyCuts[i + 1]) }
  const rows = out.rows.filter((row) => row.ciphertext.length <= MAX_PAYLOAD)
  const rowCuts = cutsOf(rows.map(rowBytes))
  for (const [i, start] of rowCuts.entries()) {
    const last = i + 1 === rowCuts.length
    yield { kind: 'payloads', req, last, rows: rows.slice(start, rowCuts[i + 1]), keys: [] }
  }
}

const PER_ROW = 32

function rowBytes({ ciphertext, wrappedKey, salt }: PayloadRow): number {
  return ciphertext.length + wrappedKey.length + salt.length + PER_ROW
}

/** Counts a key as so much that a frame never holds more keys than a message may. */
function keyBytes({ sealed }: SealedKeyRow): number {
  return sealed.length + MAX_ENTRY_SIZE / TILE_WIDTH
}

function bytesOf({ entries }: EntryPackage): number {
  return entries.reduce((sum, entry) => sum + entry.length, 0)
}

function refusal(req: number, code: RefusalCode): Message {
  return { kind: 'error', req, code }
}
