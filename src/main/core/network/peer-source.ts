/**
 * A connected node as a source of repairs: it is asked for just the rows of the own logs that are damaged here.
 *
 * @remarks
 * The scrub proves what comes as it proves what a file gives: entries by their leaf in the signed tree, payloads by what
 * their entry binds and by opening them. Questions are asked one at a time, a number of them in one run, and no more of a
 * node that does not answer. Proven by `tests/main/core/network/peer-source.test.ts` and, with real nodes, by
 * `tests/main/core/network/mended-by-peers.test.ts`.
 *
 * @packageDocumentation
 */
import { leafHash } from '../../../ledger/hash.ts'
import { splitOrigin } from '../../../ledger/names.ts'
import { TILE_WIDTH } from '../../../ledger/tile-layout.ts'
import { concatBytes, equalBytes } from '../../../shared/bytes.ts'
import type { Retrieved, RetrievedPayload } from '../../../sync/retrieval.ts'
import type { SyncNode } from '../../../sync/sync-node.ts'
import type { StoredEpochKey, StoredPayload } from '../../store/store.ts'
import { nodeHasher as h } from '../hasher.ts'
import type { RepairSource } from '../vault/repair.ts'

/** Questions of one node in one run: more is asked in the next. */
const MAX_QUESTIONS = 20_000

/** What a {@link PeerSource} is made of. */
export interface PeerSourceParts {
  readonly sessions: Pick<SyncNode, 'retrievePackage' | 'retrievePayload'>
  readonly link: number
  /** Name of the log that the node writes. */
  readonly node: string
  /** How much of a log the node says it holds, and is there to be proven; 0 for nothing. */
  readonly held: (origin: string) => number
  /** Ends all waiting. */
  readonly signal: AbortSignal
}

/** See the module's comment. */
export class PeerSource implements RepairSource {
  readonly node: string
  readonly #parts: PeerSourceParts
  /** Logs of which the node gives no payload. */
  readonly #closed = new Set<string>()
  #questions = 0
  #isOver = false
  /** The newest answer about a payload: its keys are looked at first, and then itself. */
  #newest: { readonly name: string; readonly answer: RetrievedPayload | null } = { name: '', answer: null }

  constructor(parts: PeerSourceParts) {
    this.#parts = parts
    this.node = parts.node
  }

  async entries(origin: string, from: number, limit: number): Promise<{ index: number; bytes: Uint8Array }[]> {
    const rows: { index: number; bytes: Uint8Array }[] = []
    for (let first = from - (from % TILE_WIDTH); first < from + limit; first += TILE_WIDTH) {
      const entries = await this.#package(origin, first / TILE_WIDTH)
      if (entries === null) break
      rows.push(...entries.map((bytes, i) => ({ index: first + i, bytes })))
    }
    return rows.filter(({ index }) => index >= from && index < from + limit)
  }

  /** The lowest tiles follow from entries, and the others from them. */
  async tile(origin: string, level: number, index: number): Promise<Uint8Array | null> {
    const entries = level === 0 ? await this.#package(origin, index) : null
    return entries === null ? null : concatBytes(...entries.map((bytes) => leafHash(h, bytes)))
  }

  async payload(origin: string, index: number): Promise<StoredPayload | null> {
    const row = (await this.#record(origin, index))?.row ?? null
    return row === null ? null : { ciphertext: row.ciphertext, wrappedKey: row.wrappedKey, salt: row.salt }
  }

  async epochKeys(subject: Uint8Array, origin: string, index: number): Promise<StoredEpochKey[]> {
    const keys = (await this.#record(origin, index))?.keys ?? []
    const { log } = splitOrigin(origin)
    return keys.flatMap((key) => (equalBytes(key.subject, subject) ? [{ ...key, log }] : []))
  }

  /** Checkpoints and cosignatures of the own log come with what every node is told. */
  checkpoint = () => Promise.resolve(null)
  checkpoints = () => Promise.resolve([])
  cosignatures = () => Promise.resolve([])
  close = () => Promise.resolve()

  async #package(origin: string, index: number): Promise<readonly Uint8Array[] | null> {
    const size = this.#parts.held(origin)
    if (index * TILE_WIDTH >= size) return null
    const { sessions, link } = this.#parts
    const { value } = await this.#ask<readonly Uint8Array[]>((done) => {
      sessions.retrievePackage(link, { origin, size, index }, done)
    })
    return value
  }

  async #record(origin: string, index: number): Promise<RetrievedPayload | null> {
    const name = `${origin} ${index}`
    if (this.#newest.name === name) return this.#newest.answer
    if (this.#closed.has(origin) || index >= this.#parts.held(origin)) return null
    const { sessions, link } = this.#parts
    const { value, failed } = await this.#ask<RetrievedPayload>((done) => {
      sessions.retrievePayload(link, { origin, index }, done)
    })
    if (failed === 'NOT_FOR_YOU') this.#closed.add(origin)
    this.#newest = { name, answer: value }
    return value
  }

  #ask<Value>(ask: (done: (answer: Retrieved<Value>) => void) => void): Promise<Retrieved<Value>> {
    const { signal } = this.#parts
    const nothing = { value: null, failed: 'GONE' } as const
    this.#questions += 1
    if (this.#isOver || signal.aborted || this.#questions > MAX_QUESTIONS) return Promise.resolve(nothing)
    return new Promise((resolve) => {
      const stop = (): void => resolve(nothing)
      signal.addEventListener('abort', stop, { once: true })
      ask((answer) => {
        signal.removeEventListener('abort', stop)
        this.#isOver = answer.failed === 'TIMED_OUT' || answer.failed === 'GONE'
        resolve(answer)
      })
    })
  }
}
