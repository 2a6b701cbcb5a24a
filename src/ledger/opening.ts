/**
 * Which key signs a later incarnation of a log, before anything else of that incarnation is here?
 *
 * @remarks
 * A log that was recovered goes on under a key that no roster lists. The entry that opens it says which, and is signed by
 * the site and by that very key, so that it can be told on its own to everybody who knows the rosters. What it says about
 * the incarnation before is judged later, against what is held of that. Layout: `docs/protocol.md`, "Incarnations".
 * Proven by `tests/ledger/opening.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes } from '../shared/bytes.ts'
import { parseCheckpoint } from './checkpoint.ts'
import { listedKey, siteOfLog } from './directory.ts'
import { decodeEntry, type Entry, type EntrySignature, signedMessage } from './entry.ts'
import { LedgerError } from './errors.ts'
import { decodeNodeOpened, type NodeOpened } from './fields.ts'
import { originOf, splitOrigin } from './names.ts'
import { parseNote } from './note.ts'
import type { Roster } from './roster.ts'
import { type SignatureVerifier, verifies } from './signatures.ts'

/** A later incarnation, by the word of its site. */
export interface Opening {
  /** Of the new incarnation. */
  readonly origin: string
  /** Exact bytes of the entry: the first of the incarnation. */
  readonly bytes: Uint8Array
  /** Signs the new incarnation, Ed25519, 32 bytes. */
  readonly logKey: Uint8Array
  /** Of its site, under which it was opened, Ed25519, 32 bytes. */
  readonly governanceKey: Uint8Array
  /** Version of the roster that was in force. */
  readonly rosterVersion: number
  /** Key that this roster lists for the log: once another is listed, that one signs. */
  readonly listed: Uint8Array
  /** What of the incarnation before is still held there, and the newest note that it is known to have signed. */
  readonly previous: NonNullable<NodeOpened['previous']>
}

/** What an opening is checked against. */
export interface OpeningRules {
  /** Network id, 32 bytes, from the keystore. */
  readonly network: Uint8Array
  readonly verifier: SignatureVerifier
  /** The roster of a version as it was approved, or null when that version is not known. */
  readonly roster: (version: number) => Roster | null
}

/**
 * Reads an entry that opens a later incarnation, and checks who says so.
 *
 * @param bytes - Untrusted.
 * @throws {@link LedgerError} `NO_ROSTER` when the roster it names is not known: it may be once that has come. Any other
 * code says that it opens nothing.
 */
export function readOpening(rules: OpeningRules, bytes: Uint8Array): Opening {
  const entry = decodeEntry(bytes)
  const { body } = entry
  if (!equalBytes(body.network, rules.network)) throw new LedgerError('WRONG_NETWORK', 'signed for another network')
  if (body.type !== 'node.opened') throw new LedgerError('OPENING_NOT_NEXT', 'opens nothing')
  const { logKey, previous, rosterVersion, incarnation } = decodeNodeOpened(body.fields)
  if (logKey === null || previous === null || rosterVersion === null)
    throw new LedgerError('OPENING_NOT_NEXT', 'a first incarnation is listed by a roster')
  const before = splitOrigin(previous.origin)
  if (before.log !== body.log || before.incarnation >= incarnation)
    throw new LedgerError('OPENING_NOT_NEXT', 'not after an incarnation before')
  checkNote(previous)
  const roster = rules.roster(rosterVersion)
  if (roster === null) throw new LedgerError('NO_ROSTER', `version ${rosterVersion} is not known`)
  const listed = listedKey(roster, body.log)
  if (listed === null) throw new LedgerError('UNKNOWN_SIGNER', 'the roster has no such log')
  const governanceKey = siteOfLog(roster, body.log)?.governanceKey ?? new Uint8Array()
  checkSigners(rules, entry, logKey, governanceKey)
  const origin = originOf(body.log, incarnation)
  return { origin, bytes, logKey, governanceKey, rosterVersion, listed, previous }
}

/** Where the incarnation before ends is read from its note by everybody who hears of it, so it must be one. */
function checkNote({ origin, size, root, note }: Opening['previous']): void {
  const signed = parseCheckpoint(parseNote(note).text)
  if (signed.origin !== origin || signed.size < size || (signed.size === size && !equalBytes(signed.root, root)))
    throw new LedgerError('OPENING_NOT_NEXT', 'the note says another head')
}

/** The new key and the site's governance key, and nobody else. */
function checkSigners(
  { verifier }: OpeningRules,
  { signatures, bodyBytes }: Entry,
  logKey: Uint8Array,
  governanceKey: Uint8Array,
): void {
  const isTheirs = ({ role, publicKey }: EntrySignature): boolean =>
    (role === 'log' && equalBytes(publicKey, logKey)) || (role === 'governance' && equalBytes(publicKey, governanceKey))
  const roles = new Set(signatures.map(({ role }) => role))
  const areTheirs = signatures.every(isTheirs)
  if (signatures.length !== 2 || roles.size !== 2 || !areTheirs)
    throw new LedgerError('UNKNOWN_SIGNER', 'not opened by its site and with the new key')
  for (const { role, publicKey, signature } of signatures) {
    if (!verifies(verifier, signature, signedMessage(role, bodyBytes), publicKey))
      throw new LedgerError('SIGNATURE_INVALID', `the ${role} signature does not verify`)
  }
}
