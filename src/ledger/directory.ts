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
import { CONTRACT_LANGUAGE, type Contract, parseContract } from './contract.ts'
import type { Body, Entry } from './entry.ts'
import type { PractitionerRole, SignatureRole } from './entry-types.ts'
import { LedgerError } from './errors.ts'
import type { Signer } from './evaluate-entry.ts'
import {
  type ContractPublished,
  decodeContractFields,
  decodeDeviceEnrolled,
  decodeNodeOpened,
  decodePractitionerEnrolled,
  decodeRosterFields,
} from './fields.ts'
import type { SignedRoster } from './governance.ts'
import { nobleHasher } from './hash.ts'
import { checkProposal } from './next-roster.ts'
import {
  cardAt,
  carriedOver,
  consentChange,
  linkChange,
  NO_PATIENTS,
  type PatientChange,
  type PatientState,
} from './patient-state.ts'
import { decodeConsentFields, decodePatientLinked } from './people-fields.ts'
import type { PolicyEngine } from './policy-engine.ts'
import type { Roster, RosterSite } from './roster.ts'

/** A roster, and from which index on it is in force. */
export interface RosterInForce {
  readonly from: number
  readonly roster: Roster
  /** {@link rosterHash}. */
  readonly hash: Uint8Array
  /** The document with its approvals, as recorded: what other logs and receipts carry. */
  readonly signed: SignedRoster
}

/** A contract, and from which index on it is in force. */
export interface ContractInForce {
  readonly from: number
  readonly version: number
  readonly contract: Contract
  /** SHA-256 of the document. */
  readonly hash: Uint8Array
  /** The document with its approvals, as recorded: what other logs carry. */
  readonly published: ContractPublished
}

/** The key that a new incarnation brought for the log. */
export interface OpenedKey {
  readonly from: number
  /** Ed25519, 32 bytes. */
  readonly logKey: Uint8Array
  /** What the roster in force listed for the log then: once a roster lists another key, that one counts. */
  readonly listed: Uint8Array | null
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
  /** Reads the contracts. */
  readonly policies: PolicyEngine
  /** In ascending order of `from`. */
  readonly rosters: readonly RosterInForce[]
  /** In ascending order of `from`. */
  readonly contracts: readonly ContractInForce[]
  /** By lower-case hex of the key. A key is bound once, for ever. */
  readonly bindings: ReadonlyMap<string, KeyBinding>
  /** In ascending order of `from`. Empty in a first incarnation. */
  readonly opened: readonly OpenedKey[]
  /** Cards and consents of patients. */
  readonly patients: PatientState
  /** Key that signed the first entry: until a roster lists this log, rosters and contracts are recorded under it. */
  readonly founder: Uint8Array | null
}

/** The directory before the first entry. `network` comes from the keystore, never from the database. */
export function emptyDirectory(network: Uint8Array, policies: PolicyEngine): Directory {
  return {
    network,
    policies,
    rosters: [],
    contracts: [],
    bindings: new Map(),
    opened: [],
    patients: NO_PATIENTS,
    founder: null,
  }
}

/**
 * The directory that the next incarnation of a log starts from: what was in force, and what was ever bound, at `size`
 * of the one before, as if from index 0 on.
 *
 * @param directory - Of the incarnation before.
 * @param size - How much of it is still held: field 3 of the `node.opened` that comes next.
 */
export function nextIncarnation(directory: Directory, size: number): Directory {
  const held = <Item extends { readonly from: number }>(items: readonly Item[]): Item[] =>
    items.filter((item) => item.from <= size).map((item) => ({ ...item, from: 0 }))
  const bindings = [...directory.bindings].filter(([, binding]) => binding.from <= size)
  return {
    ...directory,
    rosters: held(directory.rosters),
    contracts: held(directory.contracts),
    opened: held(directory.opened),
    patients: carriedOver(directory.patients, size),
    bindings: new Map(bindings.map(([key, b]) => [key, { ...b, from: 0, until: b.until <= size ? 0 : Infinity }])),
  }
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
export function siteOfLog(roster: Pick<Roster, 'sites'>, log: string): RosterSite | null {
  return roster.sites.find((site) => site.nodes.some((node) => node.log === log)) ?? null
}

/**
 * Key that signs what the log itself says at `index`, or null when the roster has no such log. A checkpoint of size
 * `s` is signed with the key at `s - 1`, the index of its seal.
 */
export function logKeyOf(directory: Directory, log: string, index: number): Uint8Array | null {
  const listed = listedKey(rosterAt(directory, index)?.roster, log)
  const opened = directory.opened.findLast((o) => o.from <= index)
  if (opened === undefined || listed === null) return listed
  return opened.listed !== null && equalBytes(opened.listed, listed) ? opened.logKey : listed
}

/** Every sharing key that rosters list for a site, each once, the newest first. */
export function sharingKeysOf({ rosters }: Pick<Directory, 'rosters'>, site: string): Uint8Array[] {
  const keys = rosters.toReversed().flatMap(({ roster }) => {
    const listed = roster.sites.find(({ id }) => id === site)
    return listed === undefined ? [] : [listed.sharingKey]
  })
  return keys.filter((key, i) => !keys.slice(0, i).some((newer) => equalBytes(newer, key)))
}

/** Key that `roster` lists for `log`, or null. */
export function listedKey(roster: Roster | undefined, log: string): Uint8Array | null {
  const nodes = roster?.sites.flatMap((site) => site.nodes)
  return nodes?.find((node) => node.log === log)?.logKey ?? null
}

/** True when a roster in force at `index`, or before, lists `log`. Until then the log is only being founded. */
export function isListed(directory: Directory, log: string, index: number): boolean {
  return directory.rosters.some(({ from, roster }) => from <= index && listedKey(roster, log) !== null)
}

/** True when `key` is, or was at `index` or before, a key of a site, a log, a person or a device. */
export function isBound(directory: Directory, index: number, key: Uint8Array): boolean {
  const bound = directory.bindings.get(toHex(key))
  if (bound !== undefined && bound.from <= index) return true
  if (directory.opened.some((o) => o.from <= index && equalBytes(o.logKey, key))) return true
  if ((directory.patients.cards.get(toHex(key))?.from ?? Infinity) <= index) return true
  return directory.rosters.some(({ from, roster }) => from <= index && isRosterKey(roster, key))
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
  const roster = rosterAt(directory, index)?.roster
  if (role === 'governance') return roster === undefined ? null : governanceSigner(roster, publicKey)
  if (role === 'log') {
    const key = logKeyOf(directory, log, index)
    return key === null || !equalBytes(key, publicKey) ? null : logSigner(roster, log, publicKey)
  }
  if (role === 'patient') return patientSigner(directory, publicKey, index)
  const binding = directory.bindings.get(toHex(publicKey))
  if (binding?.role !== role || index < binding.from || index >= binding.until) return null
  return { role, publicKey, handle: binding.handle, practitionerRole: binding.practitionerRole, site: null }
}

/** The site whose governance key in `roster` this is, as a signer, or null. */
export function governanceSigner(roster: Roster, publicKey: Uint8Array): Signer | null {
  const site = roster.sites.find(({ governanceKey }) => equalBytes(governanceKey, publicKey))
  if (site === undefined) return null
  return { role: 'governance', publicKey, handle: null, practitionerRole: null, site: site.id }
}

/** The patient whose card this is at `index`, as a signer, or null. */
function patientSigner({ patients }: Directory, publicKey: Uint8Array, index: number): Signer | null {
  const card = cardAt(patients, publicKey, index)
  if (card === null) return null
  const { patient: handle, capacity } = card
  return { role: 'patient', publicKey, handle, practitionerRole: null, site: null, capacity }
}

/** The node of `log` as a signer. */
export function logSigner(roster: Roster | undefined, log: string, publicKey: Uint8Array): Signer {
  const site = roster === undefined ? null : (siteOfLog(roster, log)?.id ?? null)
  return { role: 'log', publicKey, handle: null, practitionerRole: null, site }
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
  const after = changeOf(directory, index, entry.body)(directory, index + 1)
  if (after.founder !== null || index > 0) return after
  return { ...after, founder: entry.signatures.find(({ role }) => role === 'log')?.publicKey ?? null }
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
      return contractChange(directory, index, decodeContractFields(body.fields))
    case 'node.opened':
      return openingChange(directory, index, body)
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
    case 'patient.linked':
      return cardChange(directory, index, body)
    case 'consent.granted':
      return consentVersionChange(directory, index, body, 'granted')
    case 'consent.amended':
      return consentVersionChange(directory, index, body, 'amended')
    case 'consent.revoked':
      return consentVersionChange(directory, index, body, 'revoked')
    default:
      return NOTHING
  }
}

function rosterChange(directory: Directory, index: number, signed: SignedRoster): Change {
  const { roster, hash } = checkProposal(directory.network, rosterAt(directory, index), signed.document)
  return (d, from) => ({ ...d, rosters: [...d.rosters, { from, roster, hash, signed }] })
}

function openingChange(directory: Directory, index: number, body: Body): Change {
  const { logKey } = decodeNodeOpened(body.fields)
  if (logKey === null) return NOTHING
  if (isBound(directory, index, logKey)) throw new LedgerError('KEY_REUSED', 'an incarnation has a new key')
  const listed = listedKey(rosterAt(directory, index)?.roster, body.log)
  return (d, from) => ({ ...d, opened: [...d.opened, { from, logKey, listed }] })
}

function contractChange(directory: Directory, index: number, published: ContractPublished): Change {
  const { version, language, document } = published
  if (version !== (contractAt(directory, index)?.version ?? 0) + 1) {
    throw new LedgerError('CONTRACT_NOT_NEXT', `version ${version}`)
  }
  if (language !== CONTRACT_LANGUAGE) throw new LedgerError('BAD_CONTRACT', 'a language we do not evaluate')
  const contract = parseContract(directory.policies, document)
  const hash = nobleHasher.sha256(document)
  return (d, from) => ({ ...d, contracts: [...d.contracts, { from, version, contract, hash, published }] })
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
  if (isBound(directory, index, publicKey)) {
    throw new LedgerError('KEY_REUSED', 'the key is already bound')
  }
  return (d, from) => {
    const binding = { role, publicKey, handle, practitionerRole, from, until: Infinity }
    return { ...d, bindings: new Map(d.bindings).set(key, binding) }
  }
}

function cardChange(directory: Directory, index: number, body: Body): Change {
  const linked = decodePatientLinked(body.fields)
  if (linked.kind === 'card-issued' && isBound(directory, index, linked.publicKey))
    throw new LedgerError('KEY_REUSED', 'the key is already bound')
  return patientChange(linkChange(directory.patients, index, subjectOf(body), linked))
}

function consentVersionChange(
  directory: Directory,
  index: number,
  body: Body,
  kind: 'granted' | 'amended' | 'revoked',
): Change {
  const fields = decodeConsentFields(body.fields)
  return patientChange(consentChange(directory.patients, index, subjectOf(body), kind, fields))
}

function patientChange(change: PatientChange): Change {
  return (d, from) => ({ ...d, patients: change(d.patients, from) })
}

function subjectOf({ subject }: Body): Uint8Array {
  assert(subject !== null, 'the format gives it a subject')
  return subject
}

function isRosterKey({ sites }: Roster, key: Uint8Array): boolean {
  return sites.some((site) => {
    const nodeKeys = site.nodes.flatMap((node) => [node.logKey, node.transportKey])
    const witnessKeys = site.witnesses.flatMap((witness) => [witness.witnessKey, witness.transportKey])
    const keys = [site.governanceKey, site.mirrorKey, ...nodeKeys, ...witnessKeys]
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
