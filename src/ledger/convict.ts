/**
 * What is kept of a fork proof: who is guilty, and the document reduced to what convicts them.
 *
 * @remarks
 * A document may carry lines of anybody under its notes, and a log that forked can sign a new pair of heads every day.
 * So only lines of the convicted are kept, which gives one text however the lines were ordered, and a proof is worth
 * keeping only when it convicts somebody new or contradicts a smaller head. Proven by `tests/ledger/convict.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes, toHex } from '../shared/bytes.ts'
import { logVerifier, type LogKey, parseCheckpoint } from './checkpoint.ts'
import { type CosignerKey, cosignerVerifier } from './cosignature.ts'
import { LedgerError } from './errors.ts'
import { checkEvidence, encodeFork, type Fork, parseFork } from './evidence.ts'
import type { Hasher } from './hash.ts'
import type { Contest } from './log-finality.ts'
import { formatNote, type NoteVerifier, openNote, parseNote } from './note.ts'
import type { SignatureVerifier } from './signatures.ts'
import type { TreeHead } from './tree-size.ts'

/** Whose signatures are looked for: every key that ever counted for the log. */
export interface AllSuspects {
  readonly logKeys: readonly LogKey[]
  readonly cosigners: readonly CosignerKey[]
}

/** A fork proof that convicts. */
export interface ConvictedFork {
  readonly origin: string
  readonly older: TreeHead
  readonly newer: TreeHead
  /** Keys of the log that signed both heads. */
  readonly logKeys: readonly LogKey[]
  /** Cosigners that cosigned both heads. */
  readonly cosigners: readonly CosignerKey[]
  /** The document, with the lines of the convicted alone. */
  readonly text: string
}

/**
 * Checks a fork proof against every suspect.
 *
 * @param h - SHA-256.
 * @param v - The one verifier.
 * @param document - Untrusted.
 * @param suspectsOf - Keys for an origin; null for a log that is not known.
 * @throws {@link LedgerError} `NOT_A_FORK`, `BAD_NOTE` or `BAD_CHECKPOINT`.
 */
export function convict(
  h: Hasher,
  v: SignatureVerifier,
  document: string | Fork,
  suspectsOf: (origin: string) => AllSuspects | null,
): ConvictedFork {
  const fork = typeof document === 'string' ? parseFork(document) : document
  const [older, newer] = [headOf(fork.older), headOf(fork.newer)]
  const suspects = suspectsOf(older.origin)
  if (suspects === null) throw new LedgerError('NOT_A_FORK', 'of a log that is not known')
  const guilty = guiltyOf(h, v, fork, suspects)
  const lines = [
    ...guilty.logKeys.map((key) => logVerifier(key, v)),
    ...guilty.cosigners.map((key) => cosignerVerifier(key, v)),
  ]
  const kept = { ...fork, older: withLinesOf(fork.older, lines), newer: withLinesOf(fork.newer, lines) }
  return { ...guilty, origin: older.origin, older, newer, text: encodeFork(kept) }
}

/**
 * Whether a proof adds to those that are known.
 *
 * @param known - About the same log.
 */
export function isWorthKeeping(proof: ConvictedFork, known: readonly ConvictedFork[]): boolean {
  const keys = new Set(known.flatMap(guiltyKeys))
  const smallest = Math.min(...known.map(({ older }) => older.size))
  return proof.older.size < smallest || guiltyKeys(proof).some((key) => !keys.has(key))
}

/**
 * True when the log itself signed both heads. Cosigners can sign heads that no log ever had: such a proof says something
 * about them, and nothing about the log.
 */
export function contestsLog({ logKeys }: Pick<ConvictedFork, 'logKeys'>): boolean {
  return logKeys.length > 0
}

/** What proofs about one log say together; null when none contests it. */
export function contestOf(proofs: readonly ConvictedFork[]): Contest | null {
  const forks = proofs.filter(contestsLog)
  if (forks.length === 0) return null
  const convicted = new Set(forks.flatMap(({ cosigners }) => cosigners.map(({ publicKey }) => toHex(publicKey))))
  return { from: Math.min(...forks.map(({ older }) => older.size)), convicted }
}

function guiltyOf(h: Hasher, v: SignatureVerifier, fork: Fork, suspects: AllSuspects) {
  const logKeys: LogKey[] = []
  let cosigners: readonly CosignerKey[] = []
  // Each key of the log is a suspect of its own. Without any, the cosigners still are.
  for (const log of suspects.logKeys.length === 0 ? [null] : suspects.logKeys) {
    try {
      const found = checkEvidence(h, v, fork, { log, cosigners: suspects.cosigners })
      cosigners = found.cosigners
      if (found.log !== null) logKeys.push(found.log)
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error
    }
  }
  if (logKeys.length + cosigners.length === 0) {
    // Says why, in the words of the check itself.
    checkEvidence(h, v, fork, { log: suspects.logKeys[0] ?? null, cosigners: suspects.cosigners })
  }
  return { logKeys, cosigners }
}

function guiltyKeys({ logKeys, cosigners }: ConvictedFork): string[] {
  return [...logKeys, ...cosigners].map(({ name, publicKey }) => `${name} ${toHex(publicKey)}`)
}

/** The note with one line of each of these keys, in their order. */
function withLinesOf(note: string, keys: readonly NoteVerifier[]): string {
  const { text, signatures } = parseNote(note)
  const lines = keys.flatMap((key) => {
    const own = signatures.filter((line) => line.name === key.name && equalBytes(line.keyId, key.keyId))
    const { signed } = openNote(formatNote(text, own), [key])
    return signed.map(({ by, signature }) => ({ name: by.name, keyId: by.keyId, signature }))
  })
  return formatNote(text, lines)
}

function headOf(note: string): TreeHead & { readonly origin: string } {
  const { origin, size, root } = parseCheckpoint(parseNote(note).text)
  return { origin, size, root }
}
