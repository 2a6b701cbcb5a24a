/**
 * Signed notes (C2SP signed-note v1.0.0): a text and lines of signatures under it.
 *
 * @remarks
 * Lines of unknown keys are ignored; one line of a known key that does not verify rejects the whole note. Proven by
 * `tests/ledger/note.test.ts` with published notes and a list of notes that must be refused.
 *
 * @packageDocumentation
 */
import { concatBytes, equalBytes, fromBase64, toBase64 } from '../shared/bytes.ts'
import { assert } from '../shared/errors.ts'
import { LedgerError } from './errors.ts'
import { isKeyName } from './vkey.ts'

/** Longest note, in UTF-16 units. */
export const MAX_NOTE_LENGTH = 65_536

/** Most signatures of one note. */
export const MAX_NOTE_SIGNATURES = 100

/** One line under a note. */
export interface NoteSignature {
  readonly name: string
  /** Four bytes. Not an identity: two keys can share it. */
  readonly keyId: Uint8Array
  /** What follows the id, 1 byte or more; its meaning depends on the key's type. */
  readonly signature: Uint8Array
}

/** A note taken apart. Nothing is verified. */
export interface ParsedNote {
  /** With its final newline: exactly what is signed. */
  readonly text: string
  /** In the order of the lines, 1 to {@link MAX_NOTE_SIGNATURES}. */
  readonly signatures: readonly NoteSignature[]
}

/** A key that a reader knows, and how its signatures are checked. */
export interface NoteVerifier {
  readonly name: string
  readonly keyId: Uint8Array
  /** True when `signature`, of any length, is one of this key for a note of `text`. */
  verify(text: string, signature: Uint8Array): boolean
}

// All control characters but the newline are refused, so that a note shows what is signed.
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/
const LINE = /^\u2014 ([^ ]+) ([A-Za-z0-9+/]+={0,2})$/

/** The line under a note. */
export function formatSignature(line: NoteSignature): string {
  return `\u2014 ${line.name} ${toBase64(concatBytes(line.keyId, line.signature))}\n`
}

/** A note: `text`, ending in a newline, and its lines. */
export function formatNote(text: string, signatures: readonly NoteSignature[]): string {
  assert(text.endsWith('\n') && signatures.length > 0, 'a note has a last newline and a signature')
  return `${text}\n${signatures.map(formatSignature).join('')}`
}

/**
 * Takes a note apart.
 *
 * @param note - Untrusted.
 * @throws {@link LedgerError} `BAD_NOTE`.
 */
export function parseNote(note: string): ParsedNote {
  if (note.length > MAX_NOTE_LENGTH || CONTROL.test(note) || !note.isWellFormed()) throw badNote('characters')
  const split = note.lastIndexOf('\n\n')
  if (split < 0) throw badNote('no blank line before the signatures')
  const lines = note.slice(split + 2).split('\n')
  if (lines.pop() !== '' || lines.length === 0) throw badNote('no final newline, or no signature')
  if (lines.length > MAX_NOTE_SIGNATURES) throw badNote(`${lines.length} signatures`)
  return { text: note.slice(0, split + 1), signatures: lines.map(parseSignature) }
}

/**
 * Reads one line under a note, without its newline.
 *
 * @param line - Untrusted.
 * @throws {@link LedgerError} `BAD_NOTE`.
 */
export function parseSignature(line: string): NoteSignature {
  const [, name, base64] = LINE.exec(line) ?? []
  if (name === undefined || base64 === undefined || !isKeyName(name)) throw badNote('signature line')
  const bytes = bytesOf(base64)
  if (bytes.length < 5) throw badNote('signature too short')
  return { name, keyId: bytes.slice(0, 4), signature: bytes.slice(4) }
}

/**
 * Opens a note: gives its text once a known key signed it.
 *
 * @param note - Untrusted.
 * @param known - The keys that count.
 * @returns The text, and for each known key that signed, its first line. One or more.
 * @throws {@link LedgerError} `BAD_NOTE`, `AMBIGUOUS_KEY`, `NOTE_SIGNATURE` or `NOTE_UNSIGNED`.
 */
export function openNote<Known extends NoteVerifier>(
  note: string,
  known: readonly Known[],
): { text: string; signed: { by: Known; signature: Uint8Array }[] } {
  checkUnambiguous(known)
  const { text, signatures } = parseNote(note)
  const signed = new Map<Known, { by: Known; signature: Uint8Array }>()
  for (const line of signatures) {
    const by = known.find((key) => isLineOf(line, key))
    if (by === undefined || signed.has(by)) continue
    if (!by.verify(text, line.signature)) throw new LedgerError('NOTE_SIGNATURE', `line of ${by.name}`)
    signed.set(by, { by, signature: line.signature })
  }
  if (signed.size === 0) throw new LedgerError('NOTE_UNSIGNED', 'no line of a known key')
  return { text, signed: [...signed.values()] }
}

function isLineOf(line: NoteSignature, key: NoteVerifier): boolean {
  return line.name === key.name && equalBytes(line.keyId, key.keyId)
}

function checkUnambiguous(known: readonly NoteVerifier[]): void {
  for (const [i, key] of known.entries()) {
    const twin = known.slice(i + 1).find((other) => isLineOf({ ...other, signature: key.keyId }, key))
    if (twin !== undefined) throw new LedgerError('AMBIGUOUS_KEY', `two known keys named ${key.name} share an id`)
  }
}

function bytesOf(base64: string): Uint8Array {
  try {
    return fromBase64(base64)
  } catch (cause) {
    throw new LedgerError('BAD_NOTE', 'not base64', { cause })
  }
}

function badNote(why: string): LedgerError {
  return new LedgerError('BAD_NOTE', why)
}
