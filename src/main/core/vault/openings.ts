/**
 * Later incarnations of other nodes' logs that are known here.
 *
 * @remarks
 * Without the entry that opened it, nobody knows which key signs an incarnation, so a node keeps them
 * where its database does not reach, and a witness in the one that it marks. Two openings of one number contest it for ever: both are kept, and both are told. Proven by
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

/** Where openings are kept. */
export interface OpeningKeeper {
  /** As they were kept: checked again. */
  readonly kept: readonly Uint8Array[]
  /** Keeps all of them, each before those that follow it. */
  keep(all: readonly Uint8Array[]): void
}

/** See the module's comment. */
export class Openings {
  readonly #rules: OpeningRules
  readonly #keeper: OpeningKeeper
  #known = new Map<string, Known>()
  #waiting: Uint8Array[] = []

  constructor(rules: OpeningRules, keeper: OpeningKeeper) {
    this.#rules = rules
    this.#keeper = keeper
    for (const bytes of keeper.kept) orNull(() => this.#take(bytes))
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

  /** Origins of all that are known. */
  get origins(): readonly string[] {
    return [...this.#known.keys()]
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
    const before = new Map(this.#known)
    try {
      const origin = this.#take(bytes)
      if (origin !== null) this.#keeper.keep(this.list())
      return origin
    } catch (error) {
      // What is not kept is not known: nobody could check what rests on it after the next start.
      this.#known = before
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
}

/**
 * Keeps openings beside the keystore.
 *
 * @param failed - Told when they could not be kept: they are learnt again from others.
 */
export function besideKeystore(secrets: Keystore['secrets'], failed: (error: unknown) => void): OpeningKeeper {
  return {
    kept: Kept.parse(readJson(secrets, OPENINGS_SECRET) ?? []).map(fromHex),
    keep: (all) => {
      writeJson(secrets, OPENINGS_SECRET, all.map(toHex)).catch(failed)
    },
  }
}
