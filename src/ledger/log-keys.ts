/**
 * Which keys sign, or signed, an incarnation of a log?
 *
 * @remarks
 * Of the first one those that rosters list for the log. Of a later one the key that it was opened with, and what rosters
 * listed after that: a key that was left behind with an earlier incarnation says nothing about it. Proven by
 * `tests/ledger/log-keys.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes } from '../shared/bytes.ts'
import { splitOrigin } from './names.ts'
import type { Roster } from './roster.ts'

/** What opened a later incarnation, as `readOpening` tells it. */
export interface OpenedWith {
  /** Brought by it, Ed25519, 32 bytes. */
  readonly logKey: Uint8Array
  /** That the roster in force listed for the log; null for none. */
  readonly listed: Uint8Array | null
  /** Version of that roster. */
  readonly rosterVersion: number
}

/**
 * The keys of an incarnation, the newest last, each once.
 *
 * @param rosters - Checked, oldest first.
 * @param origin - Of the incarnation.
 * @param opening - Null for a first incarnation, and where nobody knows what opened this one.
 * @returns None when they are not known.
 * @throws {@link LedgerError} `BAD_NAME` for what is no origin.
 */
export function keysOfLog(rosters: readonly Roster[], origin: string, opening: OpenedWith | null): Uint8Array[] {
  const { log, incarnation } = splitOrigin(origin)
  if (incarnation > 1 && opening === null) return []
  const since = opening?.rosterVersion ?? 0
  const later = rosters.filter(({ version }) => version > since)
  const nodes = later.flatMap(({ sites }) => sites.flatMap((site) => site.nodes)).filter((node) => node.log === log)
  const before = opening?.listed ?? null
  const news = nodes.map(({ logKey }) => logKey).filter((key) => before === null || !equalBytes(key, before))
  const keys = [...(opening === null ? [] : [opening.logKey]), ...news]
  return keys.filter((key, i) => !keys.slice(i + 1).some((other) => equalBytes(other, key)))
}

/**
 * Those of them that can sign what comes after what a key signed: those before it sign nothing any more.
 *
 * @param keys - Of {@link keysOfLog}.
 * @param present - The newest that is known to have signed; null when none is.
 */
export function keysFrom(keys: readonly Uint8Array[], present: Uint8Array | null): readonly Uint8Array[] {
  const from = present === null ? -1 : keys.findLastIndex((key) => equalBytes(key, present))
  return from < 0 ? keys : keys.slice(from)
}
