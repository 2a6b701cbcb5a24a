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
import { openCheckpoint } from './checkpoint.ts'
import {
  checkAdmissible,
  contractAt,
  type Directory,
  isListed,
  listedKey,
  logKeyOf,
  logSigner,
  rosterAt,
  signerOf,
  siteOfLog,
} from './directory.ts'
import { type Body, decodeEntry, type Entry, type EntrySignature, signedMessage } from './entry.ts'
import { LedgerError } from './errors.ts'
import { checkRoles, evaluateEntry, type Signer } from './evaluate-entry.ts'
import { checkFields, decodeContractFields, decodeNodeOpened, decodeRosterFields, decodeSeal } from './fields.ts'
import { checkContractApprovals } from './governance.ts'
import { splitOrigin } from './names.ts'
import { checkNextRoster } from './next-roster.ts'
import { asksPatientAt } from './patient-state.ts'
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
  checkStart(place, entry)
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

/** A later incarnation says first what it continues; a first one, what network it is of. */
function checkStart({ index, origin }: EntryInPlace, { body }: Entry): void {
  const isLater = splitOrigin(origin).incarnation > 1
  if (index === 0 && isLater && body.type !== 'node.opened') {
    throw new LedgerError('OPENING_NOT_NEXT', 'a later incarnation starts with node.opened')
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
  if (role === 'log') {
    const founding = isFounding(body.type) && !isListed(directory, body.log, index)
    if (founding) return foundingSigner(directory, index, body, publicKey)
    if (body.type === 'node.opened') return openingSigner(directory, index, body, publicKey)
  }
  const known = signerOf(directory, role, publicKey, index, body.log)
  const own = siteOfLog(rosterAt(directory, index)?.roster ?? NO_SITES, body.log)
  // The governance key of another site has no say in this log: what sites decide together carries its own approvals.
  return known?.role === 'governance' && known.site !== own?.id ? null : known
}

const NO_SITES: Pick<Roster, 'sites'> = { sites: [] }

function isFounding(type: Entry['body']['type']): boolean {
  return type === 'roster' || type === 'contract'
}

/**
 * A log starts by recording every roster and contract so far. Until one of them lists the log, they are signed with one
 * key, and that must be the key which is listed.
 */
function foundingSigner(directory: Directory, index: number, body: Body, publicKey: Uint8Array): Signer | null {
  const { founder } = directory
  if (index > 0 && (founder === null || !equalBytes(founder, publicKey))) return null
  if (body.type === 'contract') return logSigner(undefined, body.log, publicKey)
  const roster = decodeRoster(decodeRosterFields(body.fields).document)
  const listed = listedKey(roster, body.log)
  return listed !== null && !equalBytes(listed, publicKey) ? null : logSigner(roster, body.log, publicKey)
}

/** The first incarnation is opened with the key that the roster lists, a later one with the key that it brings. */
function openingSigner(directory: Directory, index: number, body: Body, publicKey: Uint8Array): Signer | null {
  const key = decodeNodeOpened(body.fields).logKey ?? logKeyOf(directory, body.log, index)
  if (key === null || !equalBytes(key, publicKey)) return null
  return logSigner(rosterAt(directory, index)?.roster, body.log, publicKey)
}

function checkRules(place: EntryInPlace, entry: Entry, signers: readonly Signer[]): void {
  const { directory, index, verifier, network } = place
  const { type, fields } = entry.body
  const current = rosterAt(directory, index)
  const contract = contractAt(directory, index)
  if (current === null && type !== 'roster') throw new LedgerError('NO_ROSTER', 'nothing comes before the roster')
  if (isFounding(type)) checkRoles(['log'], signers)
  if (type === 'roster') checkNextRoster(verifier, network, current, decodeRosterFields(fields))
  else if (type === 'contract' && current !== null) {
    checkContractApprovals(verifier, network, current.roster, decodeContractFields(fields))
  } else if (type === 'node.opened') checkOpening(place, entry, signers)
  else if (contract === null) throw new LedgerError('TYPE_REFUSED', `${type} before the first contract`)
  else if (type === 'seal') checkRoles(['log'], signers)
  else evaluateEntry(contract.contract, entry, signers, asksPatient(place, entry))
  if (type !== 'seal' || contract === null) return
  const seal = decodeSeal(fields)
  if (seal.rosterVersion !== current?.roster.version) throw new LedgerError('SEAL_MISMATCH', 'another roster version')
  if (!equalBytes(seal.contractHash, contract.hash)) throw new LedgerError('SEAL_MISMATCH', 'another contract')
}

/** Whether the patient's consent asks for a signature on this entry. */
function asksPatient({ directory, index }: EntryInPlace, { body }: Entry): boolean {
  return body.subject !== null && asksPatientAt(directory.patients, body.subject, index)
}

/** A later incarnation starts where the one before ended, by the word of its site. */
function checkOpening(place: EntryInPlace, { body }: Entry, signers: readonly Signer[]): void {
  const { incarnation, previous, rosterVersion } = decodeNodeOpened(body.fields)
  checkRoles(previous === null ? ['log'] : ['governance', 'log'], signers)
  if (previous === null) return
  if (place.index !== 0) throw new LedgerError('OPENING_NOT_NEXT', 'not the first entry')
  const before = splitOrigin(previous.origin)
  if (before.log !== body.log || before.incarnation >= incarnation) {
    throw new LedgerError('OPENING_NOT_NEXT', 'not after an incarnation before')
  }
  if (rosterVersion !== rosterAt(place.directory, 0)?.roster.version) {
    throw new LedgerError('OPENING_NOT_NEXT', 'another roster version')
  }
  const publicKey = logKeyOf(place.directory, body.log, 0)
  if (publicKey === null) throw new LedgerError('UNKNOWN_SIGNER', 'the roster has no such log')
  const newest = openCheckpoint(previous.note, { name: previous.origin, publicKey }, place.verifier)
  const isSame = newest.size === previous.size && equalBytes(newest.root, previous.root)
  if (newest.size <= previous.size && !isSame) throw new LedgerError('OPENING_NOT_NEXT', 'the note says another head')
}
