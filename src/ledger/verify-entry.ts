/**
 * Is this entry one that this log may hold at this place?
 *
 * @remarks
 * Bytes, network, log, keys, signatures, then the contract in force. The answer depends on the entry, its place and
 * the directory of its log, never on a clock or a network: every mirror comes to the same verdict. Inclusion,
 * seals and subject chains are checked elsewhere. Proven by `tests/ledger/verify-entry.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes } from '../shared/bytes.ts'
import { checkRoles, evaluateEntry, type Signer } from './contract.ts'
import {
  checkAdmissible,
  contractAt,
  type Directory,
  rosterAt,
  rosterSigner,
  signerOf,
  siteOfLog,
} from './directory.ts'
import { decodeEntry, type Entry, type EntrySignature, signedMessage } from './entry.ts'
import { LedgerError } from './errors.ts'
import { checkFields, decodeNodeOpened, decodeRosterFields, decodeSeal } from './fields.ts'
import { splitOrigin } from './names.ts'
import { quorumOf } from './quorum.ts'
import { decodeRoster, type Roster } from './roster.ts'
import { type SignatureVerifier, verifies } from './signatures.ts'

/** One entry and where it stands. */
export interface EntryInPlace {
  /** Exact bytes, untrusted. */
  readonly bytes: Uint8Array
  readonly index: number
  /** Of the log's incarnation. */
  readonly origin: string
  /** Network id, 32 bytes, from the keystore. */
  readonly network: Uint8Array
  /** Of the same log, up to this entry or later. */
  readonly directory: Directory
  readonly verifier: SignatureVerifier
}

/** An entry that may stand where it stands, and who signed it. */
export interface VerifiedEntry {
  readonly entry: Entry
  /** In the order of the entry's signatures. */
  readonly signers: readonly Signer[]
}

/**
 * Verifies an entry at its place.
 *
 * @throws {@link LedgerError} of step `decode`, `signatures`, `contract`, or `checkpoint` for a seal that names
 *   another roster or contract than the one in force.
 */
export function verifyEntry(place: EntryInPlace): VerifiedEntry {
  const entry = decodeEntry(place.bytes)
  checkFields(entry.body)
  checkHome(place, entry)
  const signers = entry.signatures.map((signature) => verifySignature(place, entry, signature))
  checkRules(place, entry, signers)
  checkAdmissible(place.directory, place.index, entry.body)
  return { entry, signers }
}

/** The authors named this network and this log. */
function checkHome({ network, origin, directory }: EntryInPlace, { body }: Entry): void {
  if (!equalBytes(body.network, network) || !equalBytes(directory.network, network)) {
    throw new LedgerError('WRONG_NETWORK', 'signed for another network')
  }
  const home = splitOrigin(origin)
  if (body.log !== home.log) throw new LedgerError('WRONG_LOG', 'signed for another log')
  if (body.type === 'node.opened' && decodeNodeOpened(body.fields).incarnation !== home.incarnation) {
    throw new LedgerError('WRONG_LOG', 'opens another incarnation')
  }
}

function verifySignature(place: EntryInPlace, entry: Entry, signature: EntrySignature): Signer {
  const signer = findSigner(place, entry, signature)
  if (signer === null) throw new LedgerError('UNKNOWN_SIGNER', `no such ${signature.role} key at ${place.index}`)
  const message = signedMessage(signature.role, entry.bodyBytes)
  if (!verifies(place.verifier, signature.signature, message, signature.publicKey)) {
    throw new LedgerError('SIGNATURE_INVALID', `the ${signature.role} signature does not verify`)
  }
  return signer
}

function findSigner({ directory, index }: EntryInPlace, { body }: Entry, signature: EntrySignature): Signer | null {
  const { role, publicKey } = signature
  const known = signerOf(directory, role, publicKey, index, body.log)
  const current = rosterAt(directory, index)?.roster ?? NO_SITES
  if (body.type === 'roster' && role === 'governance') return known ?? joiningSigner(current, body.fields, publicKey)
  const own = siteOfLog(current, body.log)
  // Only about the network as a whole does another site's governance key speak in this log.
  if (known?.role === 'governance' && body.type !== 'contract' && known.site !== own?.id) return null
  return known
}

const NO_SITES: Roster = { version: 0, sites: [], policy: '', previous: null }

/**
 * A site that a roster lists for the first time signs it with the key listed there. A site that is in the network
 * already must use the key it has: else whoever writes a roster could give every site a key of their own.
 */
function joiningSigner(current: Roster, fields: Entry['body']['fields'], publicKey: Uint8Array): Signer | null {
  const signer = rosterSigner(decodeRoster(decodeRosterFields(fields)), 'governance', publicKey, '')
  return current.sites.some((site) => site.id === signer?.site) ? null : signer
}

function checkRules({ directory, index }: EntryInPlace, entry: Entry, signers: readonly Signer[]): void {
  const { type, fields } = entry.body
  const roster = rosterAt(directory, index)?.roster ?? null
  const contract = contractAt(directory, index)
  if (roster === null && type !== 'roster') throw new LedgerError('NO_ROSTER', 'nothing comes before the roster')
  if (type === 'roster') checkRosterSigners(roster, decodeRoster(decodeRosterFields(fields)), signers)
  else if (type === 'contract' && roster !== null) checkGovernance(roster, signers)
  else if (type === 'node.opened') checkRoles(['log'], signers)
  else if (contract === null) throw new LedgerError('TYPE_REFUSED', `${type} before the first contract`)
  else evaluateEntry(contract.contract, entry, signers)
  if (type !== 'seal' || contract === null) return
  const seal = decodeSeal(fields)
  if (seal.rosterVersion !== roster?.version) throw new LedgerError('SEAL_MISMATCH', 'another roster version')
  if (!equalBytes(seal.contractHash, contract.hash)) throw new LedgerError('SEAL_MISMATCH', 'another contract')
}

/** A roster is signed by a quorum of the sites before, and by every site that joins; the first by all of its own. */
function checkRosterSigners(current: Roster | null, next: Roster, signers: readonly Signer[]): void {
  const signed = sitesOf(signers)
  const joining = next.sites.filter((site) => current?.sites.every((before) => before.id !== site.id) ?? true)
  for (const { id } of joining) {
    if (!signed.has(id)) throw new LedgerError('SIGNATURE_MISSING', 'a joining site did not sign')
  }
  if (current === null) checkRoles(['governance'], signers)
  else checkGovernance(current, signers)
}

/** A quorum of the sites of `roster` signed, and nobody in another role. */
function checkGovernance(roster: Roster, signers: readonly Signer[]): void {
  checkRoles(['governance'], signers)
  const signed = sitesOf(signers)
  const count = roster.sites.filter((site) => signed.has(site.id)).length
  if (count < quorumOf(roster.sites.length)) throw new LedgerError('QUORUM_MISSING', `${count} sites signed`)
}

function sitesOf(signers: readonly Signer[]): Set<string | null> {
  return new Set(signers.map((signer) => signer.site))
}
