/**
 * How far a whole log has come, over all roster versions that it passed through.
 *
 * @remarks
 * An entry is judged under the roster version of its block, and a checkpoint under that of its seal. A checkpoint holds
 * everything before it, so what is final under a later version makes the entries of earlier ones final too, also when
 * the sites of that time are gone. A fork proof takes the votes of those whom it convicts only where more are convicted
 * than the quorum allows for: any fewer can make no two contradicting heads final. Proven by
 * `tests/ledger/log-finality.test.ts`.
 *
 * @packageDocumentation
 */
import { toHex } from '../shared/bytes.ts'
import { isCrashOnly } from './policy-safety.ts'
import { toleratedFaults } from './quorum.ts'
import {
  type CosignedHead,
  type Electorate,
  electorateOf,
  type EntryGrade,
  gradeOfEntry,
  isFinal,
  type Voter,
  watermark,
} from './finality.ts'
import type { Roster } from './roster.ts'

/** A roster version as it decides about one log: for the entries `[from, to)`. */
export interface Epoch {
  readonly from: number
  /** `Infinity` for the newest. */
  readonly to: number
  readonly electorate: Electorate
}

/** Largest size that a key is known to have cosigned in the reader's own tree, by lower-case hex of the key. */
export type CosignedSizes = ReadonlyMap<string, number>

/** What fork proofs say about a log. */
export interface Contest {
  /** Size of the smallest head that a proof contradicts. */
  readonly from: number
  /** Keys of cosigners who signed both heads of a proof, in lower-case hex. */
  readonly convicted: ReadonlySet<string>
}

/** How far a log is final, and under which roster version. */
export interface LogFinality {
  /** Entries `[0, size)` are final. */
  readonly size: number
  /** Null exactly when nothing is final. */
  readonly epoch: Epoch | null
}

/**
 * The roster versions of a log.
 *
 * @param rosters - In ascending order of `from`, as a directory has them.
 */
export function epochsOf(rosters: readonly { readonly from: number; readonly roster: Roster }[]): Epoch[] {
  return rosters.map(({ from, roster }, i) => {
    return { from, to: rosters[i + 1]?.from ?? Infinity, electorate: electorateOf(roster) }
  })
}

/** Sites that the policy survives when they lie. */
export function liarsAllowed({ policy, voters }: Electorate): number {
  return isCrashOnly(policy) ? 0 : toleratedFaults(Math.max(1, voters.length))
}

/**
 * How far a log is final.
 *
 * @param epochs - Of the log, oldest first.
 * @param sizes - Verified.
 */
export function finalityOf(epochs: readonly Epoch[], sizes: CosignedSizes): LogFinality {
  for (const epoch of epochs.toReversed()) {
    const size = Math.min(
      epoch.to,
      watermark(epoch.electorate, headsOf(epoch, sizes), () => true),
    )
    // Below its own entries a version decides nothing: the one before does.
    if (size > epoch.from) return { size, epoch }
  }
  return { size: 0, epoch: null }
}

/**
 * Grade of a sealed entry.
 *
 * @param index - Of the entry.
 * @param epochs - Of the log, oldest first; one or more.
 * @param finality - From {@link finalityOf} with the same arguments.
 * @param sizes - Verified.
 * @param isContested - True when a fork proof about the log is known.
 */
export function gradeInLog(
  index: number,
  epochs: readonly Epoch[],
  finality: LogFinality,
  sizes: CosignedSizes,
  isContested: boolean,
): EntryGrade {
  const own = epochs.findLast(({ from }) => from <= index) ?? epochs[0]
  if (own === undefined) return { name: isContested ? 'contested' : 'sealed', k: 0, q: 1 }
  // The first roster itself stands before the entries that it decides about, and goes with them.
  const place = Math.max(index, own.from)
  const grade = gradeOfEntry(place, own.electorate, headsOf(own, sizes), isContested)
  if (grade.name === 'final' || index >= finality.size || finality.epoch === null) return grade
  return gradeOfEntry(finality.size - 1, finality.epoch.electorate, headsOf(finality.epoch, sizes), isContested)
}

/**
 * The sizes that still count once a contest is known.
 *
 * @param epochs - Of the log.
 * @param sizes - Verified.
 * @param contest - From proofs that were checked.
 * @param sizeBelow - Largest size below `size` that `key` cosigned in the reader's own tree; 0 when there is none.
 */
export function sizesUnder(
  epochs: readonly Epoch[],
  sizes: CosignedSizes,
  { from, convicted }: Contest,
  sizeBelow: (key: string, size: number) => number,
): CosignedSizes {
  const isTooMany = ({ electorate }: Epoch): boolean =>
    electorate.voters.filter((voter) => convicted.has(keyOf(voter))).length > liarsAllowed(electorate)
  if (!epochs.some((epoch) => epoch.to >= from && isTooMany(epoch))) return sizes
  return new Map(
    [...sizes].map(([key, size]) => [key, convicted.has(key) && size >= from ? sizeBelow(key, from) : size]),
  )
}

/** True when cosignatures of these voters make a checkpoint of `size` final, under the version of its seal. */
export function isFinalUnder(epochs: readonly Epoch[], size: number, keys: ReadonlySet<string>): boolean {
  const electorate = electorateAt(epochs, size)
  if (electorate === null) return false
  return isFinal(
    electorate,
    electorate.voters.filter((voter) => keys.has(keyOf(voter))),
  )
}

/** Who decides about a checkpoint of `size`; null before the first roster. */
export function electorateAt(epochs: readonly Epoch[], size: number): Electorate | null {
  return epochs.findLast(({ from }) => from < size)?.electorate ?? null
}

/** How a voter is known over all versions: by the key, since a site may get another. */
export function keyOf({ key }: Voter): string {
  return toHex(key.publicKey)
}

function headsOf({ electorate }: Epoch, sizes: CosignedSizes): CosignedHead[] {
  return electorate.voters.flatMap((voter) => {
    const size = sizes.get(keyOf(voter)) ?? 0
    return size === 0 ? [] : [{ voter, size, root: NO_ROOT }]
  })
}

/** Sizes were compared with the reader's tree before they came here. */
const NO_ROOT = new Uint8Array(0)
