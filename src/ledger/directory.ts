/**
 * Who holds which key, which roster and which contract are in force, at every index of one log.
 *
 * @remarks
 * Reduced from the log's entries in order. A directory is never changed: {@link applyEntry} gives the next one, and
 * the same one when the entry changes nothing. It keeps its history, so the newest can judge every older entry. What
 * an entry establishes holds from the next index on. Proven by `tests/ledger/directory.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes, toHex } from '../shared/bytes.ts'
import { assert } from '../shared/errors.ts'
import { CONTRACT_LANGUAGE, type Contract, parseContract, type Signer } from './contract.ts'
import type { Body, Entry } from './entry.ts'
import type { PractitionerRole, SignatureRole } from './entry-types.ts'
import { LedgerError } from './errors.ts'
import { decodeContractFields, decodeDeviceEnrolled, decodePractitionerEnrolled, decodeRosterFields } from './fields.ts'
import { nobleHasher } from './hash.ts'
import { decodeRoster, type Roster, type RosterSite } from './roster.ts'

/** A roster, and from which index on it is in force. */
export interface RosterInForce {
  readonly from: number
  readonly roster: Roster
  /** SHA-256 of the document. */
  readonly hash: Uint8Array
}

/** A contract, and from which index on it is in force. */
export interface ContractInForce {
  readonly from: number
  readonly version: number
  readonly contract: Contract
  /** SHA-256 of the document. */
  readonly hash: Uint8Array
}

/** A key bound to a practitioner or a device for the indexes `[from, until)`. */
export interface KeyBinding {
  readonly role: 'practitioner' | 'device'
  readonly publicKey: Uint8Array
  /** Of the practitioner or device, 16 bytes. */
  readonly handle: Uint8Array
  /** Null for a device. */
  readonly practitionerRole: PractitionerRole | null
  readonly from: number
  /** `Infinity` until revoked. */
  readonly until: number
}

/** See the module's comment. */
export interface Directory {
  /** Network id, 32 bytes. */
  readonly network: Uint8Array
  /** In ascending order of `from`. */
  readonly rosters: readonly RosterInForce[]
  /** In ascending order of `from`. */
  readonly contracts: readonly ContractInForce[]
  /** By lower-case hex of the key. A key is bound once, for ever. */
  readonly bindings: ReadonlyMap<string, KeyBinding>
}

/** The directory before the first entry. `network` comes from the keystore, never from the database. */
export function emptyDirectory(network: Uint8Array): Directory {
  return { network, rosters: [], contracts: [], bindings: new Map() }
}

/** Roster in force at `index`, or null before the first. */
export function rosterAt(directory: Directory, index: number): RosterInForce | null {
  return directory.rosters.findLast((r) => r.from <= index) ?? null
}

/** Contract in force at `index`, or null before the first. */
export function contractAt(directory: Directory, index: number): ContractInForce | null {
  return directory.contracts.findLast((c) => c.from <= index) ?? null
}

/** The site that owns `log` in `roster`, or null. */
export function siteOfLog(roster: Roster, log: string): RosterSite | null {
  return roster.sites.find((site) => site.nodes.some((node) => node.log === log)) ?? null
}

/** Key that signs the checkpoints of `log` at `index`, or null when the roster has no such log. */
export function logKeyOf(directory: Directory, log: string, index: number): Uint8Array | null {
  const nodes = rosterAt(directory, index)?.roster.sites.flatMap((site) => site.nodes)
  return nodes?.find((node) => node.log === log)?.logKey ?? null
}

/**
 * Who signs with `publicKey` in `role` at `index`, or null when nobody may.
 *
 * @param directory - Of the log that holds the entry.
 * @param role - A key counts in one role only.
 * @param publicKey - Untrusted.
 * @param index - Where the entry stands.
 * @param log - Name of the log: a log key signs in its own log only.
 */
export function signerOf(
  directory: Directory,
  role: SignatureRole,
  publicKey: Uint8Array,
  index: number,
  log: string,
): Signer | null {
  if (role === 'log' || role === 'governance') {
    const roster = rosterAt(directory, index)?.roster
    return roster === undefined ? null : rosterSigner(roster, role, publicKey, log)
  }
  const binding = directory.bindings.get(toHex(publicKey))
  if (binding?.role !== role || index < binding.from || index >= binding.until) return null
  return { role, publicKey, handle: binding.handle, practitionerRole: binding.practitionerRole, site: null }
}

/** The same, for the two roles whose keys a roster lists. */
export function rosterSigner(
  roster: Roster,
  role: 'log' | 'governance',
  publicKey: Uint8Array,
  log: string,
): Signer | null {
  const holds = (site: RosterSite): boolean =>
    role === 'governance'
      ? equalBytes(site.governanceKey, publicKey)
      : site.nodes.some((node) => node.log === log && equalBytes(node.logKey, publicKey))
  const site = roster.sites.find(holds)
  if (site === undefined) return null
  return { role, publicKey, handle: null, practitionerRole: null, site: site.id }
}

/** What a verified entry changes, worked out and checked but not yet applied. */
type Change = (directory: Directory, from: number) => Directory

const NOTHING: Change = (directory) => directory

/**
 * The directory after an entry.
 *
 * @param directory - Of the entries before.
 * @param index - Index of the entry.
 * @param entry - Verified (`verify-entry.ts`).
 * @throws {@link LedgerError} as {@link checkAdmissible}.
 */
export function applyEntry(directory: Directory, index: number, entry: Entry): Directory {
  const newest = Math.max(-1, ...[...directory.rosters, ...directory.contracts].map((x) => x.from - 1))
  assert(index > newest, 'entries are applied in order, each once')
  return changeOf(directory, index, entry.body)(directory, index + 1)
}

/**
 * Checks that what an entry establishes may be established at its place: the next roster, the next contract, a key
 * that is nobody's.
 *
 * @param directory - Of the entries before, or any later one of the same log.
 * @param index - Index of the entry.
 * @param body - Decoded.
 * @throws {@link LedgerError} `WRONG_NETWORK`, `ROSTER_NOT_NEXT`, `CONTRACT_NOT_NEXT`, `BAD_CONTRACT`, `KEY_REUSED`,
 *   or of step `decode`.
 */
export function checkAdmissible(directory: Directory, index: number, body: Body): void {
  changeOf(directory, index, body)
}

function changeOf(directory: Directory, index: number, body: Body): Change {
  switch (body.type) {
    case 'roster':
      return rosterChange(directory, index, decodeRosterFields(body.fields))
    case 'contract':
      return contractChange(directory, index, body)
    case 'practitioner.enrolled': {
      const { publicKey, role } = decodePractitionerEnrolled(body.fields)
      return bindingChange(directory, index, body, 'practitioner', publicKey, role)
    }
    case 'device.enrolled':
      return bindingChange(directory, index, body, 'device', decodeDeviceEnrolled(body.fields).publicKey, null)
    case 'practitioner.revoked':
      return revocationChange('practitioner', body)
    case 'device.revoked':
      return revocationChange('device', body)
    default:
      return NOTHING
  }
}

function rosterChange(directory: Directory, index: number, document: Uint8Array): Change {
  const roster = decodeRoster(document)
  const hash = nobleHasher.sha256(document)
  const current = rosterAt(directory, index)
  if (current === null) {
    if (!equalBytes(hash, directory.network)) throw new LedgerError('WRONG_NETWORK', 'the roster of another network')
  } else if (!isNext(roster, current)) {
    throw new LedgerError('ROSTER_NOT_NEXT', `version ${roster.version} after ${current.roster.version}`)
  }
  return (d, from) => ({ ...d, rosters: [...d.rosters, { from, roster, hash }] })
}

function isNext(roster: Roster, current: RosterInForce): boolean {
  if (roster.version !== current.roster.version + 1 || roster.previous === null) return false
  return equalBytes(roster.previous, current.hash)
}

function contractChange(directory: Directory, index: number, body: Body): Change {
  const { version, language, document } = decodeContractFields(body.fields)
  if (version !== (contractAt(directory, index)?.version ?? 0) + 1) {
    throw new LedgerError('CONTRACT_NOT_NEXT', `version ${version}`)
  }
  if (language !== CONTRACT_LANGUAGE) throw new LedgerError('BAD_CONTRACT', 'a language we do not evaluate')
  const contract = parseContract(document)
  const hash = nobleHasher.sha256(document)
  return (d, from) => ({ ...d, contracts: [...d.contracts, { from, version, contract, hash }] })
}

function bindingChange(
  directory: Directory,
  index: number,
  body: Body,
  role: KeyBinding['role'],
  publicKey: Uint8Array,
  practitionerRole: PractitionerRole | null,
): Change {
  const { subject: handle } = body
  assert(handle !== null, 'the format gives every enrolment a subject')
  const key = toHex(publicKey)
  const bound = directory.bindings.get(key)
  if ((bound !== undefined && bound.from <= index) || isRosterKey(directory, index, publicKey)) {
    throw new LedgerError('KEY_REUSED', 'the key is already bound')
  }
  return (d, from) => {
    const binding = { role, publicKey, handle, practitionerRole, from, until: Infinity }
    return { ...d, bindings: new Map(d.bindings).set(key, binding) }
  }
}

function isRosterKey(directory: Directory, index: number, key: Uint8Array): boolean {
  const sites = rosterAt(directory, index)?.roster.sites ?? []
  return sites.some((site) => {
    const keys = [site.governanceKey, site.mirrorKey, ...site.nodes.flatMap((n) => [n.logKey, n.transportKey])]
    return keys.some((other) => equalBytes(other, key))
  })
}

/** Ends every key of the subject. The revocation itself may still be signed with one of them. */
function revocationChange(role: KeyBinding['role'], body: Body): Change {
  const { subject } = body
  assert(subject !== null, 'the format gives every revocation a subject')
  return (d, from) => {
    const bindings = new Map(d.bindings)
    for (const [key, binding] of d.bindings) {
      const hit = binding.role === role && binding.until === Infinity && equalBytes(binding.handle, subject)
      if (hit) bindings.set(key, { ...binding, until: from })
    }
    return { ...d, bindings }
  }
}
