/**
 * Policies (C2SP tlog-policy): whose cosignatures make a checkpoint final.
 *
 * @remarks
 * Lines `log <vkey> [url]`, `witness <name> <vkey> [url]`, `group <name> all|any|<k> <member>...`, and exactly one
 * `quorum <name>|none`. Names are defined before they are used, a member is in one group only, and no key is
 * listed twice. Proven by `tests/ledger/policy.test.ts`.
 *
 * @packageDocumentation
 */
import { toHex } from '../shared/bytes.ts'
import { LedgerError } from './errors.ts'
import { quorumOf } from './quorum.ts'
import { COSIGNATURE_V1, ED25519, encodeVkey, parseVkey, type VerifierKey } from './vkey.ts'

/** A cosigner under the name that the policy gives it. */
export interface PolicyWitness {
  readonly name: string
  readonly key: VerifierKey
}

/** `k` of `members` must be satisfied. */
export interface PolicyGroup {
  readonly name: string
  readonly k: number
  /** Names of witnesses and groups. */
  readonly members: readonly string[]
}

/** A policy, read. */
export interface Policy {
  readonly logs: readonly VerifierKey[]
  readonly witnesses: readonly PolicyWitness[]
  readonly groups: readonly PolicyGroup[]
  /** Name of the witness or group that must be satisfied; null when none must. */
  readonly quorum: string | null
}

/** A site's cosigning key, for {@link quorumPolicy}. */
export interface PolicySite {
  /** Name inside the policy, without white space. */
  readonly name: string
  /** Type {@link COSIGNATURE_V1}. */
  readonly key: VerifierKey
}

/** Longest policy, in UTF-16 units. */
const MAX_LENGTH = 32_768

/** The policy of a network of one site: its own mirror's cosignature makes a checkpoint final. */
export function soloPolicy(site: PolicySite): string {
  return `witness ${site.name} ${encodeVkey(site.key)}\nquorum ${site.name}\n`
}

/** The default policy: {@link quorumOf} of the sites. For one site it is {@link soloPolicy}. */
export function quorumPolicy(sites: readonly PolicySite[]): string {
  const [only] = sites
  if (only !== undefined && sites.length === 1) return soloPolicy(only)
  const witnesses = sites.map((site) => `witness ${site.name} ${encodeVkey(site.key)}\n`).join('')
  const names = sites.map((site) => site.name).join(' ')
  return `${witnesses}group sites ${quorumOf(sites.length)} ${names}\nquorum sites\n`
}

/**
 * Reads a policy.
 *
 * @param text - Untrusted.
 * @throws {@link LedgerError} `BAD_POLICY`.
 */
export function parsePolicy(text: string): Policy {
  if (text.length > MAX_LENGTH || !/^[\t\n\x20-\x7e\u0080-\uffff]*$/.test(text)) throw badPolicy('characters')
  const draft: Draft = { logs: [], witnesses: [], groups: [], quorum: undefined, names: new Set(), grouped: new Set() }
  for (const line of text.split('\n')) {
    const words = line.split(/[ \t]+/).filter((word) => word !== '')
    if (words.length > 0 && !words[0]?.startsWith('#')) readLine(draft, words)
  }
  if (draft.quorum === undefined) throw badPolicy('no quorum line')
  return { logs: draft.logs, witnesses: draft.witnesses, groups: draft.groups, quorum: draft.quorum }
}

/**
 * True when cosignatures of the witnesses named `cosigned` satisfy `policy`.
 *
 * @param policy - From a roster, or a file a person chose.
 * @param cosigned - Names inside the policy whose cosignature verified.
 */
export function isSatisfied(policy: Policy, cosigned: ReadonlySet<string>): boolean {
  const satisfied = new Set(cosigned)
  // Members are defined before their group, so one pass settles nested groups.
  for (const group of policy.groups) {
    if (group.members.filter((member) => satisfied.has(member)).length >= group.k) satisfied.add(group.name)
  }
  return policy.quorum === null || satisfied.has(policy.quorum)
}

/** Fewest cosignatures that can satisfy `policy`: the `q` that a grade shows. */
export function leastCosignatures(policy: Policy): number {
  const least = new Map(policy.witnesses.map((witness) => [witness.name, 1]))
  for (const group of policy.groups) {
    const costs = group.members.map((member) => least.get(member) ?? Infinity).toSorted((a, b) => a - b)
    least.set(
      group.name,
      costs.slice(0, group.k).reduce((sum, cost) => sum + cost, 0),
    )
  }
  return policy.quorum === null ? 0 : (least.get(policy.quorum) ?? 0)
}

interface Draft {
  readonly logs: VerifierKey[]
  readonly witnesses: PolicyWitness[]
  readonly groups: PolicyGroup[]
  quorum: string | null | undefined
  readonly names: Set<string>
  /** Members that are already in a group. */
  readonly grouped: Set<string>
}

function readLine(draft: Draft, words: readonly string[]): void {
  const [keyword, ...rest] = words
  if (keyword === 'log') readLog(draft, rest)
  else if (keyword === 'witness') readWitness(draft, rest)
  else if (keyword === 'group') readGroup(draft, rest)
  else if (keyword === 'quorum') readQuorum(draft, rest)
  else throw badPolicy('unknown line')
}

function readLog(draft: Draft, [vkey, ...url]: readonly string[]): void {
  if (vkey === undefined || url.length > 1) throw badPolicy('log line')
  const key = readKey(vkey, ED25519)
  if (draft.logs.some((log) => toHex(log.publicKey) === toHex(key.publicKey))) throw badPolicy('a log key twice')
  draft.logs.push(key)
}

function readWitness(draft: Draft, [name, vkey, ...url]: readonly string[]): void {
  if (name === undefined || vkey === undefined || url.length > 1) throw badPolicy('witness line')
  const key = readKey(vkey, COSIGNATURE_V1)
  if (draft.witnesses.some((w) => toHex(w.key.publicKey) === toHex(key.publicKey))) throw badPolicy('a key twice')
  define(draft, name)
  draft.witnesses.push({ name, key })
}

function readGroup(draft: Draft, [name, threshold, ...members]: readonly string[]): void {
  if (name === undefined || threshold === undefined || members.length === 0) throw badPolicy('group line')
  for (const member of members) {
    if (!draft.names.has(member) || draft.grouped.has(member)) throw badPolicy('member unknown or in two groups')
    draft.grouped.add(member)
  }
  define(draft, name)
  draft.groups.push({ name, k: thresholdOf(threshold, members.length), members })
}

function readQuorum(draft: Draft, [name, ...rest]: readonly string[]): void {
  if (name === undefined || rest.length > 0 || draft.quorum !== undefined) throw badPolicy('quorum line')
  if (name !== 'none' && !draft.names.has(name)) throw badPolicy('quorum of an unknown name')
  draft.quorum = name === 'none' ? null : name
}

function define(draft: Draft, name: string): void {
  if (name === 'none' || draft.names.has(name)) throw badPolicy('a name twice, or reserved')
  draft.names.add(name)
}

function thresholdOf(text: string, members: number): number {
  if (text === 'all') return members
  if (text === 'any') return 1
  const k = /^[1-9][0-9]{0,3}$/.test(text) ? Number(text) : 0
  if (k < 1 || k > members) throw badPolicy('threshold')
  return k
}

function readKey(vkey: string, type: VerifierKey['type']): VerifierKey {
  const key = parseVkey(vkey)
  if (key.type !== type) throw badPolicy('a key of another kind')
  return key
}

function badPolicy(why: string): LedgerError {
  return new LedgerError('BAD_POLICY', why)
}
