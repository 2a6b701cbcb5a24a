/**
 * The word of a node that what another log erased is gone there: an incident of kind {@link ERASURE_CONFIRMED}.
 *
 * @remarks
 * It stands in the node's own log, so that its log key signs it, every site mirrors it, and nobody takes it back. It names
 * the entries that erase, each with its leaf: a confirmation of another version of a log confirms nothing. For whom it speaks
 * is the log that holds it, never something that it says. Layout: `docs/protocol.md`, "Erasure". Proven by
 * `tests/ledger/erasure-confirmation.test.ts`.
 *
 * @packageDocumentation
 */
import { type CborValue, mapOf } from './cbor.ts'
import type { Entry } from './entry.ts'
import type { EntryRef } from './erasure.ts'
import { decodeIncident, type IncidentFields } from './fields.ts'
import { readMap, readTuple } from './fields-reader.ts'
import { HASH_SIZE } from './hash.ts'
import { readOrigin } from './heads.ts'

/** Kind of the incident. */
export const ERASURE_CONFIRMED = 'erasure.confirmed'

/** Most erasures that one entry confirms. */
export const MAX_CONFIRMED = 256

/** The entry of another log that says what is erased. */
export interface ErasureLeaf extends EntryRef {
  /** Leaf hash of that entry, 32 bytes. */
  readonly leaf: Uint8Array
}

/**
 * The incident that confirms erasures.
 *
 * @param erasures - 1 to {@link MAX_CONFIRMED}; of each, nothing that it reaches is left in any file of the node.
 */
export function erasureConfirmed(erasures: readonly ErasureLeaf[]): IncidentFields {
  const details = mapOf([[1, erasures.map(({ origin, index, leaf }) => [origin, index, leaf])]])
  return { kind: ERASURE_CONFIRMED, details }
}

/**
 * What an entry confirms: nothing where it is of another type or kind, or where the log did not sign it itself.
 *
 * @param entry - Proven to be in its log, its signatures verified.
 * @throws {@link LedgerError} `BAD_FIELD` or `BAD_NAME`.
 */
export function readErasureConfirmed({ body, signatures }: Pick<Entry, 'body' | 'signatures'>): ErasureLeaf[] {
  if (body.type !== 'incident' || !signatures.some(({ role }) => role === 'log')) return []
  const { kind, details } = decodeIncident(body.fields)
  if (kind !== ERASURE_CONFIRMED) return []
  return readMap(details, 'confirmed erasures', (f) => f.array(1, 1, MAX_CONFIRMED).map(readLeaf))
}

function readLeaf(value: CborValue): ErasureLeaf {
  return readTuple(value, 'confirmed erasure', (f) => {
    return { origin: readOrigin(f.text(0, 1, 140)), index: f.uint(1), leaf: f.bytes(2, HASH_SIZE) }
  })
}
