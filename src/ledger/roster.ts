/**
 * The roster: which sites form the network, with which nodes and keys, and when a checkpoint is final.
 *
 * @remarks
 * A document in deterministic CBOR, published by a `roster` entry. SHA-256 of version 1 is the id of the network.
 * Layout: `docs/protocol.md`, "Roster". Proven by `tests/ledger/roster.test.ts`.
 *
 * @packageDocumentation
 */
import { toHex } from '../shared/bytes.ts'
import { type CborValue, decodeCbor, encodeCbor, mapOf } from './cbor.ts'
import { LedgerError } from './errors.ts'
import { badField, type FieldReader, readMap, readTuple } from './fields-reader.ts'
import { HASH_SIZE, type Hasher } from './hash.ts'
import { checkAgreementKey, checkPublicKey } from './keys.ts'
import { isName, splitOrigin } from './names.ts'
import { parsePolicy } from './policy.ts'
import { checkSafe } from './policy-safety.ts'
import { MAX_SITES } from './quorum.ts'
import { KEY_SIZE } from './signatures.ts'
import type { TreeHead } from './tree-size.ts'

/** Longest roster document, in bytes: it must fit in an entry beside 64 approvals. */
export const MAX_ROSTER_SIZE = 58_000

/** Most nodes of one site. */
export const MAX_NODES = 64

/** Most witnesses of one site. */
const MAX_WITNESSES = 8

/** Most logs that one roster says are frozen. */
export const MAX_FROZEN = 512

/** Highest attempt of a ceremony. */
const MAX_ATTEMPT = 999_999

/** One installation of a site. */
export interface RosterNode {
  /** Name of its log. Unique in the network. */
  readonly log: string
  /** Ed25519, signs the log's checkpoints and the entries the node itself authors. */
  readonly logKey: Uint8Array
  /** Ed25519, authenticates the node to its peers. */
  readonly transportKey: Uint8Array
}

/** One installation that sees heads of logs and proofs, and nothing else: it writes no log and has no vote. */
export interface RosterWitness {
  /** Unique in the network among witnesses and logs. */
  readonly name: string
  /** Ed25519, signs what it cosigns. Never replaced: a witness that lost its memory comes back under another name. */
  readonly witnessKey: Uint8Array
  /** Ed25519, authenticates it to its peers. */
  readonly transportKey: Uint8Array
}

/** One clinic: one vote. */
export interface RosterSite {
  /** Unique in the network. */
  readonly id: string
  /** Ed25519, signs rosters, contracts and enrolments. */
  readonly governanceKey: Uint8Array
  /** X25519, epoch keys are sealed to it. */
  readonly sharingKey: Uint8Array
  /** X25519, of the printed recovery key. */
  readonly recoveryKey: Uint8Array
  /** Ed25519, signs the cosignatures of the site. */
  readonly mirrorKey: Uint8Array
  /** 1 or more, ordered by log name. */
  readonly nodes: readonly RosterNode[]
  /** Ordered by name. */
  readonly witnesses: readonly RosterWitness[]
}

/** Where the log of a node that left ends. */
export interface FrozenLog extends TreeHead {
  readonly origin: string
}

/** What a site approved in an attempt before, for the same version. */
export interface RosterVote {
  /** Id of the site. */
  readonly site: string
  /** 0, or the attempt of the ceremony. */
  readonly attempt: number
  /** {@link rosterHash} of what it approved, 32 bytes. */
  readonly hash: Uint8Array
}

/** One version of the roster. */
export interface Roster {
  /** 1, then one more each. */
  readonly version: number
  /** 1 or more, ordered by id. */
  readonly sites: readonly RosterSite[]
  /** C2SP tlog-policy text: whose cosignatures make a checkpoint final. */
  readonly policy: string
  /** {@link rosterHash} of the version before, 32 bytes; null exactly for version 1. */
  readonly previous: Uint8Array | null
  /** Log of the node that records new rosters and contracts first. Listed above. */
  readonly coordinator: string
  /** Where the logs of nodes that left end: nothing beyond is accepted. Ordered by origin, one for each log. */
  readonly frozen: readonly FrozenLog[]
  /** 0, or which attempt of the recovery ceremony proposed this version. */
  readonly attempt: number
  /** Of a ceremony: what its sites approved in earlier attempts. Ordered by site. */
  readonly votes: readonly RosterVote[]
}

/** Name in the cosignatures of a site, and in its verifier key. */
export function mirrorNameOf(siteId: string): string {
  return `${siteId}/mirror`
}

/** Name in the cosignatures of a witness. No mirror has such a name, and no log such an origin. */
export function witnessNameOf(name: string): string {
  return `${name}/witness`
}

/**
 * What a roster is known by: SHA-256 of its document without attempt and votes. The same change proposed again in a
 * ceremony is the same roster.
 */
export function rosterHash(h: Hasher, roster: Roster): Uint8Array {
  return h.sha256(bytesOf({ ...roster, attempt: 0, votes: [] }))
}

/** Id of the network that `document` founds: its SHA-256. */
export function networkIdOf(h: Hasher, document: Uint8Array): Uint8Array {
  return h.sha256(document)
}

/** The one encoding of a roster. A roster that {@link decodeRoster} would refuse is refused here too. */
export function encodeRoster(roster: Roster): Uint8Array {
  const document = bytesOf(roster)
  decodeRoster(document)
  return document
}

function bytesOf(roster: Roster): Uint8Array {
  return encodeCbor(
    mapOf([
      [1, roster.version],
      [2, roster.sites.map(encodeRosterSite)],
      [3, roster.policy],
      [4, roster.previous ?? undefined],
      [5, roster.coordinator],
      [6, roster.frozen.length === 0 ? undefined : roster.frozen.map((head) => [head.origin, head.size, head.root])],
      [7, roster.attempt === 0 ? undefined : roster.attempt],
      [8, roster.votes.length === 0 ? undefined : roster.votes.map((v) => [v.site, v.attempt, v.hash])],
    ]),
  )
}

/**
 * The roster that `document` encodes. Whether it may follow the one in force is for `directory.ts`.
 *
 * @param document - Untrusted.
 * @throws {@link LedgerError} of step `decode`, or `BAD_POLICY`.
 */
export function decodeRoster(document: Uint8Array): Roster {
  const roster = readMap(decodeCbor(document, MAX_ROSTER_SIZE), 'roster', (f) => {
    const version = f.uint(1)
    const previous = f.optional(4, (key) => f.bytes(key, HASH_SIZE))
    if (version < 1) throw badField('roster', 1, 'versions start at 1')
    if ((version === 1) !== (previous === null)) throw badField('roster', 4, 'absent exactly for version 1')
    const sites = f.array(2, 1, MAX_SITES).map(readRosterSite)
    const [coordinator, frozen] = [readName(f, 5), f.optional(6, (key) => f.array(key, 1, MAX_FROZEN).map(readFrozen))]
    const attempt = f.optional(7, (key) => f.uint(key, MAX_ATTEMPT)) ?? 0
    if (attempt < 1 && f.has(7)) throw badField('roster', 7, 'attempts start at 1')
    const votes = f.optional(8, (key) => f.array(key, 1, MAX_SITES).map(readVote)) ?? []
    return { version, sites, policy: f.text(3, 1, 32_768), previous, coordinator, frozen: frozen ?? [], attempt, votes }
  })
  checkOrder(
    roster.sites.map((site) => site.id),
    'sites',
  )
  checkDistinct(roster)
  checkLogs(roster)
  checkVotes(roster)
  checkPolicy(roster)
  return roster
}

/** A site as it stands in a roster. */
export function encodeRosterSite(site: RosterSite): CborValue {
  return mapOf([
    [1, site.id],
    [2, site.governanceKey],
    [3, site.sharingKey],
    [4, site.recoveryKey],
    [5, site.mirrorKey],
    [6, site.nodes.map(encodeRosterNode)],
    [7, site.witnesses.length === 0 ? undefined : site.witnesses.map(encodeRosterWitness)],
  ])
}

/** A node as it stands in its site. */
export function encodeRosterNode(node: RosterNode): CborValue {
  return mapOf([
    [1, node.log],
    [2, node.logKey],
    [3, node.transportKey],
  ])
}

/** A witness as it stands in a roster. */
export function encodeRosterWitness(witness: RosterWitness): CborValue {
  return mapOf([
    [1, witness.name],
    [2, witness.witnessKey],
    [3, witness.transportKey],
  ])
}

/** Reads {@link encodeRosterSite}. `value` is untrusted; throws {@link LedgerError} of step `decode`. */
export function readRosterSite(value: CborValue): RosterSite {
  return readMap(value, 'site', (f) => {
    const nodes = f.array(6, 1, MAX_NODES).map(readRosterNode)
    checkOrder(
      nodes.map((node) => node.log),
      'nodes',
    )
    const witnesses = f.optional(7, (key) => f.array(key, 1, MAX_WITNESSES).map(readRosterWitness)) ?? []
    checkOrder(
      witnesses.map(({ name }) => name),
      'witnesses',
    )
    return {
      id: readName(f, 1),
      governanceKey: readKey(f, 2, checkPublicKey),
      sharingKey: readKey(f, 3, checkAgreementKey),
      recoveryKey: readKey(f, 4, checkAgreementKey),
      mirrorKey: readKey(f, 5, checkPublicKey),
      nodes,
      witnesses,
    }
  })
}

/** Reads {@link encodeRosterWitness}. `value` is untrusted; throws {@link LedgerError} of step `decode`. */
export function readRosterWitness(value: CborValue): RosterWitness {
  return readMap(value, 'witness', (f) => ({
    name: readName(f, 1),
    witnessKey: readKey(f, 2, checkPublicKey),
    transportKey: readKey(f, 3, checkPublicKey),
  }))
}

/** Reads {@link encodeRosterNode}. `value` is untrusted; throws {@link LedgerError} of step `decode`. */
export function readRosterNode(value: CborValue): RosterNode {
  return readMap(value, 'node', (f) => ({
    log: readName(f, 1),
    logKey: readKey(f, 2, checkPublicKey),
    transportKey: readKey(f, 3, checkPublicKey),
  }))
}

function readName(f: FieldReader, key: number): string {
  const name = f.text(key, 1, 120)
  if (!isName(name)) throw new LedgerError('BAD_NAME', 'not a site or log name')
  return name
}

function readKey(f: FieldReader, key: number, check: (bytes: Uint8Array) => void): Uint8Array {
  const bytes = f.bytes(key, KEY_SIZE)
  check(bytes)
  return bytes
}

function readFrozen(value: CborValue): FrozenLog {
  return readTuple(value, 'frozen log', (f) => {
    const origin = f.text(0, 1, 140)
    splitOrigin(origin)
    return { origin, size: f.uint(1), root: f.bytes(2, HASH_SIZE) }
  })
}

function readVote(value: CborValue): RosterVote {
  return readTuple(value, 'vote', (f) => ({
    site: f.text(0, 1, 120),
    attempt: f.uint(1, MAX_ATTEMPT),
    hash: f.bytes(2, HASH_SIZE),
  }))
}

/** The coordinator is a node that is there; a frozen log is of one that is not. */
function checkLogs({ sites, coordinator, frozen }: Roster): void {
  const listed = new Set(sites.flatMap((site) => site.nodes.map((node) => node.log)))
  if (!listed.has(coordinator)) throw badField('roster', 5, 'not the log of a node')
  checkOrder(
    frozen.map((head) => head.origin),
    'frozen logs',
  )
  const ended = frozen.map((head) => splitOrigin(head.origin).log)
  if (ended.some((log) => listed.has(log))) throw badField('roster', 6, 'the log of a node')
  const witnesses = new Set(sites.flatMap((site) => site.witnesses.map(({ name }) => name)))
  if (ended.some((log) => witnesses.has(log))) throw badField('roster', 6, 'the name of a witness')
  if (new Set(ended).size !== ended.length) throw badField('roster', 6, 'one log twice')
}

/** Only a ceremony has votes, and only of attempts before its own, by sites that are in it. */
function checkVotes({ sites, attempt, votes }: Roster): void {
  checkOrder(
    votes.map((vote) => vote.site),
    'votes',
  )
  for (const vote of votes) {
    const isSite = sites.some((site) => site.id === vote.site)
    if (!isSite || vote.attempt >= attempt) throw badField('roster', 8, 'not an earlier vote of one of its sites')
  }
}

/** Strictly ascending, so that one membership has one document. */
function checkOrder(names: readonly string[], what: string): void {
  for (const [i, name] of names.entries()) {
    const before = names[i - 1]
    if (before !== undefined && before >= name) throw badField('roster', what, 'not in strictly ascending order')
  }
}

/** One key has one holder and one use, and one log one node. */
function checkDistinct(roster: Roster): void {
  const nodes = roster.sites.flatMap((site) => site.nodes)
  const siteKeys = roster.sites.flatMap((s) => [s.governanceKey, s.sharingKey, s.recoveryKey, s.mirrorKey])
  const witnesses = roster.sites.flatMap((site) => site.witnesses)
  const nodeKeys = nodes.flatMap((node) => [node.logKey, node.transportKey])
  const witnessKeys = witnesses.flatMap((witness) => [witness.witnessKey, witness.transportKey])
  const keys = [...siteKeys, ...nodeKeys, ...witnessKeys].map(toHex)
  if (new Set(keys).size !== keys.length) throw badField('roster', 2, 'one key in two places')
  const names = [...nodes.map((node) => node.log), ...witnesses.map(({ name }) => name)]
  if (new Set(names).size !== names.length) throw badField('roster', 2, 'one name for two nodes')
}

/** The policy speaks of exactly the mirror keys of the sites, each under its own name, and is safe. */
function checkPolicy(roster: Roster): void {
  const policy = parsePolicy(roster.policy)
  const said = policy.witnesses.map((w) => `${w.key.name} ${toHex(w.key.publicKey)}`)
  const held = roster.sites.map((site) => `${mirrorNameOf(site.id)} ${toHex(site.mirrorKey)}`)
  if (said.toSorted().join('\n') !== held.toSorted().join('\n')) {
    throw new LedgerError('BAD_POLICY', 'the witnesses are not the mirror keys of the sites')
  }
  checkSafe(policy)
}
