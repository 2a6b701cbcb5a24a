/**
 * What witnesses signed to have seen of the own log.
 *
 * @remarks
 * No votes: a witness holds no entry, and nothing becomes final by it. It says that somebody outside has this head, and
 * would sign no other. Kept in memory: a witness that is there says it again. Proven by
 * `tests/main/core/network/witness-marks.test.ts`.
 *
 * @packageDocumentation
 */
import { openCosignatures } from '../../../ledger/cosignature.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { MAX_CLOCK_AHEAD_S } from '../../../ledger/finality.ts'
import { formatNote, parseNote } from '../../../ledger/note.ts'
import { type Roster, type RosterWitness, witnessNameOf } from '../../../ledger/roster.ts'
import type { SignedHead } from '../../../sync/ports.ts'
import { verifier } from '../../keystore/sodium.ts'

/** A head that a witness signed. */
export interface WitnessMark {
  readonly size: number
  /** By its clock, seconds since 1970. */
  readonly timeS: number
}

/** What marks are read with. */
export interface WitnessMarkParts {
  /** Of the own log. */
  readonly origin: () => string
  readonly roster: () => Roster
  readonly nowMs: () => number
}

/** See the module's comment. */
export class WitnessMarks {
  readonly #parts: WitnessMarkParts
  /** By name of the witness and origin. */
  readonly #marks = new Map<string, WitnessMark>()

  constructor(parts: WitnessMarkParts) {
    this.#parts = parts
  }

  /** Looks for lines of witnesses under a head of the own tree. Others are left out. */
  learn({ origin, size, note }: SignedHead): void {
    if (origin !== this.#parts.origin()) return
    for (const witness of this.#parts.roster().sites.flatMap((site) => site.witnesses)) {
      const timeS = this.#timeUnder(note, witness)
      const known = this.newest(witness.name)
      if (timeS !== null && size >= (known?.size ?? 0)) this.#marks.set(`${witness.name} ${origin}`, { size, timeS })
    }
  }

  /** The newest head of the own log that a witness signed; null when none is known since the start. */
  newest(name: string): WitnessMark | null {
    return this.#marks.get(`${name} ${this.#parts.origin()}`) ?? null
  }

  /** When the witness signed the head of `note`; null when it did not, or in the future. */
  #timeUnder(note: string, { name, witnessKey }: RosterWitness): number | null {
    const key = { name: witnessNameOf(name), publicKey: witnessKey }
    const { text, signatures } = parseNote(note)
    const lines = signatures.filter((line) => line.name === key.name)
    if (lines.length === 0) return null
    try {
      const [newest] = openCosignatures(formatNote(text, lines), [key], verifier).cosignatures
      const latestS = this.#parts.nowMs() / 1000 + MAX_CLOCK_AHEAD_S
      return newest === undefined || newest.timeS > latestS ? null : newest.timeS
    } catch (error) {
      if (error instanceof LedgerError) return null
      throw error
    }
  }
}
