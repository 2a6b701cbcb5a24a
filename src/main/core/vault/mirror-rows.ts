/**
 * What the site's mirror remembers of a log, as a row of the database and back. The row is as untrusted as all others: a
 * head that the log did not sign is none.
 *
 * @packageDocumentation
 */
import { LEDGER_ERROR_CODES, LedgerError, type LedgerErrorCode } from '../../../ledger/errors.ts'
import { emptyMirror, type MirrorState } from '../../../ledger/mirror.ts'
import type { WitnessedHead } from '../../../ledger/witness.ts'
import type { MirrorRow } from '../../store/store.ts'

/** The row of a memory. */
export function mirrorRowOf({ pending, stored, mirrored, refused }: MirrorState): MirrorRow {
  return { pending: pending?.note ?? null, stored, mirrored: mirrored?.note ?? null, refused }
}

/** Whether a row says what another does. */
export function isSameMemory(a: MirrorRow | null, b: MirrorRow): boolean {
  if (a === null) return false
  const isSameRefusal = a.refused?.index === b.refused?.index && a.refused?.code === b.refused?.code
  return a.pending === b.pending && a.stored === b.stored && a.mirrored === b.mirrored && isSameRefusal
}

/**
 * The memory of a row; an empty one for none.
 *
 * @param open - Opens a note under the key that the log had there.
 * @throws {@link LedgerError} when `open` does, or the row names no rule that there is.
 */
export function mirrorStateOf(
  origin: string,
  row: MirrorRow | null,
  open: (note: string) => WitnessedHead,
): MirrorState {
  if (row === null) return emptyMirror(origin)
  const pending = row.pending === null ? null : open(row.pending)
  const mirrored = row.mirrored === null ? null : row.mirrored === row.pending ? pending : open(row.mirrored)
  const refused = row.refused === null ? null : { index: row.refused.index, code: codeOf(row.refused.code) }
  return { origin, pending, stored: row.stored, mirrored, refused }
}

function codeOf(code: string): LedgerErrorCode {
  const known = LEDGER_ERROR_CODES.find((other) => other === code)
  if (known === undefined) throw new LedgerError('BAD_FIELD', 'a refusal without a reason')
  return known
}
