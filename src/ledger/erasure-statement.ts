/**
 * The statement of a node that it erased what an entry says: a signed note.
 *
 * @remarks
 * ```
 * chartseal/erasure/v1
 * <network id, hex>
 * <origin of the record.erased entry>
 * <its index>
 * <its entry id, hex>
 * <number of records> <SHA-256 over their lines, hex>
 * <seconds since 1970>
 * ```
 * One line for each record, in the order of the log: origin, index, and the hash of the ciphertext that its entry binds.
 * Whoever has the log can make them again. Signed by the log that holds the entry; the first line keeps it apart from
 * checkpoints. Proven by `tests/ledger/erasure-statement.test.ts`.
 *
 * @packageDocumentation
 */
import { toHex } from '../shared/bytes.ts'
import { assert } from '../shared/errors.ts'
import { type LogKey, logVerifier } from './checkpoint.ts'
import type { EntryRef } from './erasure.ts'
import { LedgerError } from './errors.ts'
import { type Hasher, utf8 } from './hash.ts'
import { formatNote, openNote } from './note.ts'
import type { SignatureVerifier, Signer } from './signatures.ts'
import { ED25519, keyIdOf } from './vkey.ts'

/** A record that was erased. */
export interface ErasedRecord extends EntryRef {
  /** SHA-256 of the ciphertext, 32 bytes, from its entry. */
  readonly ciphertextHash: Uint8Array
}

/** What a node states. Hashes and ids in lower-case hex. */
export interface ErasureStatement extends EntryRef {
  readonly network: string
  readonly entryId: string
  /** How many records, 0 or more. */
  readonly count: number
  /** See {@link erasedDigest}. */
  readonly digest: string
  readonly timeS: number
}

const HEADER = 'chartseal/erasure/v1'
const TEXT =
  /^chartseal\/erasure\/v1\n([0-9a-f]{64})\n([^\n]{1,140})\n(0|[1-9][0-9]{0,15})\n([0-9a-f]{32})\n(0|[1-9][0-9]{0,15}) ([0-9a-f]{64})\n(0|[1-9][0-9]{0,15})\n$/

/** SHA-256 over the lines of the records, in hex. */
export function erasedDigest(h: Hasher, records: readonly ErasedRecord[]): string {
  const lines = records.map(({ origin, index, ciphertextHash }) => `${origin} ${index} ${toHex(ciphertextHash)}\n`)
  return toHex(h.sha256(utf8(lines.join(''))))
}

/**
 * Signs a statement.
 *
 * @param statement - True: what it names is gone from every file.
 * @param key - Of the log that holds the entry; its name is the origin.
 * @param sign - Signs with that key.
 */
export function signErasureStatement(statement: ErasureStatement, key: LogKey, sign: Signer): string {
  const { network, origin, index, entryId, count, digest, timeS } = statement
  assert(origin === key.name, 'a log states what its own entries say')
  const text = `${HEADER}\n${network}\n${origin}\n${index}\n${entryId}\n${count} ${digest}\n${timeS}\n`
  return formatNote(text, [{ name: key.name, keyId: keyIdOf({ ...key, type: ED25519 }), signature: sign(utf8(text)) }])
}

/**
 * Reads a statement.
 *
 * @param note - Untrusted.
 * @param key - The key that the roster lists for the log.
 * @param v - The one verifier.
 * @throws {@link LedgerError} `BAD_NOTE` or what {@link openNote} throws.
 */
export function openErasureStatement(note: string, key: LogKey, v: SignatureVerifier): ErasureStatement {
  const { text } = openNote(note, [logVerifier(key, v)])
  const [, network = '', origin = '', index, entryId = '', count, digest = '', timeS] = TEXT.exec(text) ?? []
  if (origin !== key.name) throw new LedgerError('BAD_NOTE', 'not a statement of this log')
  return { network, origin, index: Number(index), entryId, count: Number(count), digest, timeS: Number(timeS) }
}
