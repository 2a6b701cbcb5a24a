/**
 * Later incarnations of other nodes' logs that are known here, kept beside the keystore.
 *
 * @remarks
 * Without the entry that opened it, nobody knows which key signs an incarnation, so they are kept where the database does
 * not reach. Two openings of one number contest it for ever: both are kept, and both are told. Proven by
 * `tests/main/core/network/later-incarnations.test.ts`.
 *
 * @packageDocumentation
 */
import { z } from 'zod'
import { LedgerError } from '../../../ledger/errors.ts'
import { splitOrigin } from '../../../ledger/names.ts'
import { type Opening, type OpeningRules, readOpening } from '../../../ledger/opening.ts'
import { orNull } from '../../../sync/attempt.ts'
import { equalBytes, fromHex, toHex } from '../../../shared/bytes.ts'
import type { Keystore } from '../../keystore/keystore.ts'
import { readJson, writeJson } from './identity.ts'

const OPENINGS_SECRET = 'openings'
const Kept = z.array(z.string().regex(/^(?:[0-9a-f]{2})+$/))

/** Incarnations of one log that are followed: a node that needs more is to be replaced by another. */
export const MAX_INCARNATIONS = 64
/** Openings that name a roster which is not here yet. */
const MAX_WAITING = 64

/** An incarnation that is known, and the second opening of the same number if there is one. */
interface Known {
  readonly opening: Opening
  readonly rival: Uint8Array | null
}

/** See the module's comment. */
export class Openings {
  readonly #secrets: Keystore['secrets']
  readonly #rules: OpeningRules
  readonly #failed: (error: unknown) => void
  readonly #known = new Map<string, Known>()
  #waiting: Uint8Array[] = []

  /** @param failed - Told when they could not be kept: they are learnt again from others. */
  constructor(secrets: Keystore['secrets'], rules: OpeningRules, failed: (error: unknown) => void) {
    this.#secrets = secrets
    this.#rules = rules
    this.#failed = failed
    for (const hex of Kept.parse(readJson(secrets, OPENINGS_SECRET) ?? [])) orNull(() => this.#take(fromHex(hex)))
  }

  /** The opening of an incarnation; null when none is known. */
  of(origin: string): Opening | null {
    return this.#known.get(origin)?.opening ?? null
  }

  /** True when two different entries open this incarnation: its site, or a copy of it, opened it twice. */
  isTwice(origin: string): boolean {
    return (this.#known.get(origin)?.rival ?? null) !== null
  }

  /** Incarnations of a log, in order. */
  ofLog(log: string): Opening[] {
    const all = [...this.#known.values()].map(({ opening }) => opening)
    const numbered = all
      .map((opening) => ({ opening, ...splitOrigin(opening.origin) }))
      .filter((one) => one.log === log)
    return numbered.toSorted((a, b) => a.incarnation - b.incarnation).map(({ opening }) => opening)
  }

  /** The incarnation that follows another; null when none is known. */
  after(origin: string): Opening | null {
    return this.ofLog(splitOrigin(origin).log).find(({ previous }) => previous.origin === origin) ?? null
  }

  /** Exact bytes of every opening, for others. */
  list(): Uint8Array[] {
    return [...this.#known.values()].flatMap(({ opening, rival }) => [
      opening.bytes,
      ...(rival === null ? [] : [rival]),
    ])
  }

  /** Reads an opening without taking it; null for one that names a roster which is not here. Throws as {@link add}. */
  read(bytes: Uint8Array): Opening | null {
    try {
      return readOpening(this.#rules, bytes)
    } catch (error) {
      if (error instanceof LedgerError && error.code === 'NO_ROSTER') return null
      throw error
    }
  }

  /**
   * Takes an opening that somebody tells.
   *
   * @param bytes - Untrusted.
   * @returns Its origin when anything about it is new, else null.
   * @throws {@link LedgerError} when it opens nothing.
   */
  add(bytes: Uint8Array): string | null {
    try {
      const origin = this.#take(bytes)
      if (origin !== null) this.#keep()
      return origin
    } catch (error) {
      if (!(error instanceof LedgerError) || error.code !== 'NO_ROSTER') throw error
      const isWaiting = this.#waiting.some((other) => equalBytes(other, bytes))
      if (!isWaiting) this.#waiting = [...this.#waiting, bytes].slice(-MAX_WAITING)
      return null
    }
  }

  /** Hands out what waits for a roster, to be looked at again. */
  takeWaiting(): Uint8Array[] {
    return this.#waiting.splice(0)
  }

  #take(bytes: Uint8Array): string | null {
    const opening = readOpening(this.#rules, bytes)
    const { origin } = opening
    const known = this.#known.get(origin)
    if (known === undefined) {
      if (this.ofLog(splitOrigin(origin).log).length >= MAX_INCARNATIONS)
        throw new LedgerError('TOO_LARGE', 'more incarnations than are followed')
      this.#known.set(origin, { opening, rival: null })
      return origin
    }
    if (known.rival !== null || equalBytes(known.opening.bytes, bytes)) return null
    this.#known.set(origin, { ...known, rival: bytes })
    return origin
  }

  #keep(): void {
    writeJson(this.#secrets, OPENINGS_SECRET, this.list().map(toHex)).catch(this.#failed)
  }
}
