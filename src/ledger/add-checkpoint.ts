/**
 * The body of a request to cosign (C2SP tlog-witness v1.0.0, `add-checkpoint`).
 *
 * @remarks
 * `old <size>`, 0 to 63 lines of a consistency proof, an empty line, the checkpoint with its signatures. Proven by
 * `tests/ledger/add-checkpoint.test.ts`.
 *
 * @packageDocumentation
 */
import { fromBase64, toBase64 } from '../shared/bytes.ts'
import { assert } from '../shared/errors.ts'
import { LedgerError } from './errors.ts'
import { badField } from './fields-reader.ts'
import { HASH_SIZE } from './hash.ts'
import { MAX_NOTE_LENGTH, parseNote } from './note.ts'

/** Most hashes of a consistency proof. */
export const MAX_CONSISTENCY_PROOF = 63

/** Longest request, in UTF-16 units. */
export const MAX_ADD_CHECKPOINT_LENGTH = MAX_NOTE_LENGTH + 4096

/** A request. */
export interface AddCheckpoint {
  /** Size that the client believes the witness cosigned last, a safe integer; 0 when it knows nothing. */
  readonly oldSize: number
  /** From the old size to the checkpoint, at most {@link MAX_CONSISTENCY_PROOF} hashes. */
  readonly proof: readonly Uint8Array[]
  /** Signed note of the checkpoint. */
  readonly note: string
}

/** Body of a request. */
export function encodeAddCheckpoint({ oldSize, proof, note }: AddCheckpoint): string {
  assert(Number.isSafeInteger(oldSize) && oldSize >= 0, 'a tree size')
  assert(proof.length <= MAX_CONSISTENCY_PROOF, 'a proof has at most 63 hashes')
  return `${[`old ${oldSize}`, ...proof.map(toBase64)].join('\n')}\n\n${note}`
}

/**
 * Takes a request apart.
 *
 * @param body - Untrusted.
 * @returns The request, and the text of its note.
 * @throws {@link LedgerError} `TOO_LARGE`, `BAD_FIELD` or `BAD_NOTE`.
 */
export function parseAddCheckpoint(body: string): AddCheckpoint & { readonly text: string } {
  if (body.length > MAX_ADD_CHECKPOINT_LENGTH) throw new LedgerError('TOO_LARGE', `${body.length} characters`)
  const split = body.indexOf('\n\n')
  if (split < 0) throw bad('no empty line')
  const [old = '', ...lines] = body.slice(0, split).split('\n')
  if (lines.length > MAX_CONSISTENCY_PROOF) throw bad(`${lines.length} hashes`)
  const note = body.slice(split + 2)
  return { oldSize: sizeOf(old), proof: lines.map(hashOf), note, text: parseNote(note).text }
}

function sizeOf(line: string): number {
  const digits = /^old (0|[1-9][0-9]{0,15})$/.exec(line)?.[1]
  const size = digits === undefined ? NaN : Number(digits)
  if (!Number.isSafeInteger(size)) throw bad('old line')
  return size
}

function hashOf(line: string): Uint8Array {
  try {
    const bytes = fromBase64(line)
    if (bytes.length === HASH_SIZE) return bytes
  } catch (cause) {
    throw new LedgerError('BAD_FIELD', 'add-checkpoint: not base64', { cause })
  }
  throw bad('a hash of another length')
}

function bad(why: string): LedgerError {
  return badField('add-checkpoint', 'body', why)
}
