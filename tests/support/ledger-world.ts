import sodium from 'libsodium-wrappers'
import { encodeCbor } from '../../src/ledger/cbor.ts'
import { CONTRACT_LANGUAGE } from '../../src/ledger/contract.ts'
import { type Body, encodeBody, encodeEntry, type EntryParts, signedMessage } from '../../src/ledger/entry.ts'
import { decodeEntry } from '../../src/ledger/entry.ts'
import type { EntryType, PractitionerRole, SignatureRole } from '../../src/ledger/entry-types.ts'
import { applyEntry, type Directory, emptyDirectory } from '../../src/ledger/directory.ts'
import {
  encodeContractFields,
  encodeDeviceEnrolled,
  encodePractitionerEnrolled,
  encodeRosterFields,
  encodeSeal,
} from '../../src/ledger/fields.ts'
import { type Approval, contractMessage, rosterMessage } from '../../src/ledger/governance.ts'
import { nobleHasher, utf8 } from '../../src/ledger/hash.ts'
import { quorumPolicy } from '../../src/ledger/policy.ts'
import {
  encodeRoster,
  mirrorNameOf,
  networkIdOf,
  type Roster,
  type RosterSite,
  type RosterWitness,
} from '../../src/ledger/roster.ts'
import type { SignatureVerifier } from '../../src/ledger/signatures.ts'
import { policyEngine } from '../../src/main/core/policy-engine.ts'
import { readFileSync } from 'node:fs'

await sodium.ready

/** The production verifier's implementation, as a test sees it. */
export const verifier: SignatureVerifier = {
  verify: (signature, message, publicKey) => sodium.crypto_sign_verify_detached(signature, message, publicKey),
}

/** A key pair that is the same in every run. */
export interface TestKey {
  readonly seed: Uint8Array
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
}

/** An Ed25519 key from a seed, or from SHA-256 of a label. */
export function testKey(label: string | Uint8Array): TestKey {
  const seed = typeof label === 'string' ? nobleHasher.sha256(utf8(`test key ${label}`)) : label
  const pair = sodium.crypto_sign_seed_keypair(seed)
  return {
    seed,
    publicKey: pair.publicKey,
    sign: (message) => sodium.crypto_sign_detached(message, pair.privateKey),
  }
}

/** 16 bytes from a label. */
export const handle = (label: string): Uint8Array => nobleHasher.sha256(utf8(`handle ${label}`)).slice(0, 16)

export const contractDocument: Uint8Array = new Uint8Array(
  readFileSync(new URL('../../resources/contracts/default-v1.cedar', import.meta.url)),
)

/** All keys of one site with one node. */
export function testSite(id: string) {
  const keys = {
    governance: testKey(`${id} governance`),
    mirror: testKey(`${id} mirror`),
    log: testKey(`${id} log`),
    transport: testKey(`${id} transport`),
  }
  const agreement = (use: string) => sodium.crypto_scalarmult_base(nobleHasher.sha256(utf8(`${id} ${use}`)))
  const site: RosterSite = {
    id,
    governanceKey: keys.governance.publicKey,
    sharingKey: agreement('sharing'),
    recoveryKey: agreement('recovery'),
    mirrorKey: keys.mirror.publicKey,
    nodes: [{ log: `${id}/n1`, logKey: keys.log.publicKey, transportKey: keys.transport.publicKey }],
    witnesses: [],
  }
  return { ...keys, site }
}

/** All keys of a witness. */
export function testWitness(name: string) {
  const keys = { witness: testKey(`${name} witness`), transport: testKey(`${name} transport`) }
  const listed: RosterWitness = { name, witnessKey: keys.witness.publicKey, transportKey: keys.transport.publicKey }
  return { ...keys, listed }
}

/** The first roster of a network of these sites. */
export function testRoster(sites: readonly RosterSite[]): Roster {
  const policy = quorumPolicy(
    sites.map((s) => ({
      name: s.id.replaceAll('/', '_'),
      key: { name: mirrorNameOf(s.id), type: 4, publicKey: s.mirrorKey },
    })),
  )
  const coordinator = sites[0]?.nodes[0]?.log ?? ''
  return { version: 1, sites, policy, previous: null, coordinator, frozen: [], attempt: 0, votes: [] }
}

/** Approvals of `message` by these keys. */
export function approvalsBy(keys: readonly TestKey[], message: Uint8Array): Approval[] {
  return keys.map((key) => ({ publicKey: key.publicKey, signature: key.sign(message) }))
}

/** A signer of an entry under construction. */
export type Author = readonly [SignatureRole, TestKey]

/** A log of one site, entry by entry, with everything a test wants to bend. */
export class TestLog {
  readonly own = testSite('test.local/riverside')
  readonly physician = testKey('physician')
  readonly nurse = testKey('nurse')
  readonly it = testKey('it')
  readonly device = testKey('device')
  readonly rosterDocument: Uint8Array
  readonly network: Uint8Array
  readonly log = 'test.local/riverside/n1'
  readonly origin = 'test.local/riverside/n1/1'
  directory: Directory
  readonly entries: Uint8Array[] = []
  #ids = 0

  constructor() {
    this.rosterDocument = encodeRoster(testRoster([this.own.site]))
    this.network = networkIdOf(nobleHasher, this.rosterDocument)
    this.directory = emptyDirectory(this.network, policyEngine())
  }

  /** A body of `type` that the format accepts. */
  body(type: EntryType, over: Partial<Body> = {}): Body {
    return {
      type,
      network: this.network,
      log: this.log,
      id: handle(`entry ${this.#ids++}`),
      time: 1_760_000_000_000 + this.#ids,
      subject: null,
      payload: null,
      fields: new Map(),
      ...over,
    }
  }

  /** Bytes of an entry. */
  entry(body: Body, authors: readonly Author[], over: Partial<EntryParts> = {}): Uint8Array {
    const bodyBytes = encodeBody(body)
    return encodeEntry({
      bodyBytes,
      placement: body.subject === null ? null : { subjectSeq: 0, previousLeaf: null },
      signatures: authors.map(([role, key]) => ({
        role,
        publicKey: key.publicKey,
        signature: key.sign(signedMessage(role, bodyBytes)),
      })),
      ...over,
    })
  }

  /** Appends without verifying, so that tests decide what is verified. */
  append(bytes: Uint8Array): number {
    const index = this.entries.push(bytes) - 1
    this.directory = applyEntry(this.directory, index, decodeEntry(bytes))
    return index
  }

  rosterFields(document = this.rosterDocument, approvers: readonly TestKey[] = [this.own.governance]) {
    return encodeRosterFields({ document, approvals: approvalsBy(approvers, rosterMessage(this.network, document)) })
  }

  rosterEntry(document = this.rosterDocument, approvers: readonly TestKey[] = [this.own.governance]) {
    return this.entry(this.body('roster', { fields: this.rosterFields(document, approvers) }), [['log', this.own.log]])
  }

  contractEntry(document = contractDocument, version = 1) {
    const contract = { version, language: CONTRACT_LANGUAGE, document }
    const approvals = approvalsBy([this.own.governance], contractMessage(this.network, contract))
    return this.entry(this.body('contract', { fields: encodeContractFields({ ...contract, approvals }) }), [
      ['log', this.own.log],
    ])
  }

  enrolEntry(key: TestKey, role: PractitionerRole) {
    const fields = encodePractitionerEnrolled({ publicKey: key.publicKey, role })
    const body = this.body('practitioner.enrolled', { subject: handle(`practitioner ${role}`), fields })
    return this.entry(body, [['governance', this.own.governance]])
  }

  deviceEntry(key: TestKey = this.device) {
    const fields = encodeDeviceEnrolled({ publicKey: key.publicKey })
    const body = this.body('device.enrolled', { subject: handle('device'), fields })
    return this.entry(body, [['practitioner', this.it]])
  }

  /** Roster entries of the directory as a proof carries them. */
  rosterProof(): Uint8Array[] {
    return this.directory.rosters.map(({ signed }) => encodeCbor(encodeRosterFields(signed)))
  }

  /** A seal of everything so far since `firstIndex`, or of `size` entries. */
  sealEntry(firstIndex = 0, key: TestKey = this.own.log, size = this.entries.length) {
    const [roster, contract] = [this.directory.rosters.at(-1), this.directory.contracts.at(-1)]
    const fields = encodeSeal({
      block: firstIndex === 0 ? 0 : 1,
      previousBlockHash: firstIndex === 0 ? null : new Uint8Array(32).fill(1),
      firstIndex,
      count: size - firstIndex,
      rosterVersion: roster?.roster.version ?? 1,
      contractHash: contract?.hash ?? new Uint8Array(32),
    })
    return this.entry(this.body('seal', { fields }), [['log', key]])
  }

  /** Roster, contract, three practitioners and a device: what every clinic starts from. */
  found(): this {
    this.append(this.rosterEntry())
    this.append(this.contractEntry())
    this.append(this.enrolEntry(this.physician, 'physician'))
    this.append(this.enrolEntry(this.nurse, 'nurse'))
    this.append(this.enrolEntry(this.it, 'it'))
    this.append(this.deviceEntry())
    return this
  }
}

/** A payload binding of no payload in particular. */
export const somePayload = {
  commitment: new Uint8Array(32).fill(7),
  ciphertextHash: new Uint8Array(32).fill(8),
  epoch: 1,
  media: 1,
}
