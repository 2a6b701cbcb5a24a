/**
 * Asks one peer for one package, or for the payload of one entry, that this node had and lost.
 *
 * @remarks
 * What is fetched because it never was here goes through `log-fetch.ts` and `payload-fetch.ts`. This is for rows that a
 * scrub found damaged: whoever asks knows the signed tree, and proves what comes. Nothing is kept here, and no more comes
 * in than was asked for. Proven by `tests/sync/retrieval.test.ts`.
 *
 * @packageDocumentation
 */
import { assert } from '../shared/errors.ts'
import { SyncError } from './errors.ts'
import { MAX_PACKAGE_BYTES } from './limits.ts'
import type { PayloadRow, SealedKeyRow } from './messages.ts'
import { PackageStream } from './package-stream.ts'
import type { AskFailure, Session } from './session.ts'

/** Milliseconds within which an answer must be whole. */
const WHOLE_MS = 60_000
/** Most epoch keys that come with one payload. */
const MAX_KEYS = 64

/** What became of a question. `failed` is null when there was an answer. */
export interface Retrieved<Value> {
  readonly value: Value | null
  readonly failed: AskFailure | null
}

/** A package of the log, as a tree of some size has it. */
export interface WantedPackage {
  readonly origin: string
  /** Size of a tree that the peer holds, and this log has reached. */
  readonly size: number
  /** Entries `[256 * index, …)`. */
  readonly index: number
}

/** The payload of an entry and the keys that come with it; the row is null when the peer does not have it. */
export interface RetrievedPayload {
  readonly row: PayloadRow | null
  readonly keys: readonly SealedKeyRow[]
}

/**
 * Asks for one package.
 *
 * @param done - Called once, with the exact bytes of the entries, at most 256 of them; untrusted.
 */
export function askForPackage(
  session: Session,
  { origin, size, index }: WantedPackage,
  nowMs: number,
  done: (answer: Retrieved<readonly Uint8Array[]>) => void,
): void {
  const want = { origin, size, from: index, to: index + 1, maxBytes: MAX_PACKAGE_BYTES, skip: 0 }
  const stream = new PackageStream(want)
  session.ask(
    { kind: 'want-entries', ...want },
    {
      // Beside the credits: there is one such question at a time, and a scrub must not wait behind a long log.
      isWant: false,
      expects: 'entries',
      wholeMs: WHOLE_MS,
      part: (answer) => {
        assert(answer.kind === 'entries', 'the session passes on what was asked for')
        const whole = stream.take(answer)
        if ((whole === null) === answer.last) throw new SyncError('BAD_ANSWER', 'an answer that ends inside a package')
        if (whole !== null) done({ value: whole.entries, failed: null })
        return answer.last
      },
      failed: (failed) => done({ value: null, failed }),
    },
    nowMs,
  )
}

/**
 * Asks for the payload of one entry.
 *
 * @param done - Called once, with untrusted rows.
 */
export function askForPayload(
  session: Session,
  { origin, index }: { readonly origin: string; readonly index: number },
  nowMs: number,
  done: (answer: Retrieved<RetrievedPayload>) => void,
): void {
  const keys: SealedKeyRow[] = []
  let found: PayloadRow | null = null
  session.ask(
    { kind: 'want-payloads', origin, from: index, to: index + 1 },
    {
      isWant: false,
      expects: 'payloads',
      wholeMs: WHOLE_MS,
      part: (answer) => {
        assert(answer.kind === 'payloads', 'the session passes on what was asked for')
        for (const row of answer.rows) {
          if (found !== null || row.index !== index) throw new SyncError('BAD_ANSWER', 'not the payload asked for')
          found = row
        }
        keys.push(...answer.keys)
        if (keys.length > MAX_KEYS) throw new SyncError('BAD_ANSWER', 'more keys than an entry can have')
        if (answer.last) done({ value: { row: found, keys }, failed: null })
        return answer.last
      },
      failed: (failed) => done({ value: null, failed }),
    },
    nowMs,
  )
}
