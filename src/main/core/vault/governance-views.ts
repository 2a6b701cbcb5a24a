/**
 * What sites decided together, as windows show it: keys as fingerprints, versions with the entries that recorded them.
 *
 * @packageDocumentation
 */
import { splitOrigin } from '../../../ledger/names.ts'
import type { ContractInForce, Directory, RosterInForce } from '../../../ledger/directory.ts'
import { parsePolicy } from '../../../ledger/policy.ts'
import { policyMode } from '../../../ledger/policy-safety.ts'
import { quorumOf } from '../../../ledger/quorum.ts'
import type { OpenProposal } from '../../../ledger/roster-proposal.ts'
import type { FrozenLog } from '../../../ledger/roster.ts'
import type { RosterChange } from '../../../ledger/roster-change.ts'
import type * as api from '../../../shared/api/schemas.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { nodeHasher as h } from '../hasher.ts'
import type { Identity } from './identity.ts'

/** Which key it is, short enough to be read aloud. */
export function fingerprintOf(publicKey: Uint8Array): string {
  return toHex(h.sha256(publicKey).subarray(0, 16))
}

/** The roster in force and the versions before it. */
export function rosterView(
  { roster, hash, from }: RosterInForce,
  { rosters }: Directory,
  { site, origin }: Pick<Identity, 'site' | 'origin'>,
): api.Governance['roster'] {
  const { log } = splitOrigin(origin)
  return {
    version: roster.version,
    hash: toHex(hash),
    index: indexOf(from),
    sites: roster.sites.map((one) => ({
      id: one.id,
      isOwn: one.id === site,
      governanceKey: fingerprintOf(one.governanceKey),
      mirrorKey: fingerprintOf(one.mirrorKey),
      sharingKey: fingerprintOf(one.sharingKey),
      recoveryKey: fingerprintOf(one.recoveryKey),
      nodes: one.nodes.map((node) => ({
        log: node.log,
        isOwn: node.log === log,
        isCoordinator: node.log === roster.coordinator,
        logKey: fingerprintOf(node.logKey),
        transportKey: fingerprintOf(node.transportKey),
      })),
      witnesses: one.witnesses.map(({ name, witnessKey, transportKey }) => ({
        ...{ name, witnessKey: fingerprintOf(witnessKey), transportKey: fingerprintOf(transportKey) },
      })),
    })),
    policy: roster.policy,
    policyMode: policyMode(parsePolicy(roster.policy)),
    quorum: quorumOf(roster.sites.length),
    frozen: frozenView(roster.frozen),
    history: rosters.map((one) => ({
      version: one.roster.version,
      hash: toHex(one.hash),
      index: indexOf(one.from),
    })),
  }
}

/** The contract in force and the versions before it. */
export function contractView(
  { version, hash, from, contract, published }: ContractInForce,
  { contracts }: Directory,
): api.Governance['contract'] {
  return {
    version,
    hash: toHex(hash),
    index: indexOf(from),
    text: new TextDecoder().decode(published.document),
    rules: contract.policies.map(({ id, effect, advice }) => ({ id, effect, advice })),
    history: contracts.map((one) => ({ version: one.version, hash: toHex(one.hash), index: indexOf(one.from) })),
  }
}

/** A proposal and what it still needs. */
export function proposalView(
  { roster, hash, change, missing, votesMissing }: OpenProposal,
  own: { readonly isApproved: boolean; readonly mayApprove: boolean },
): api.RosterProposal {
  return {
    version: roster.version,
    attempt: roster.attempt,
    hash: toHex(hash),
    change: changeView(change),
    missingKeys: missing.map((key) => fingerprintOf(fromHex(key))),
    votesMissing,
    ...own,
  }
}

function changeView(change: RosterChange): api.RosterChange {
  return {
    kind: change.kind,
    site: 'site' in change ? change.site : null,
    parts: 'changes' in change ? change.changes.map((c) => ({ kind: c.kind, log: 'log' in c ? c.log : null })) : [],
    frozen: 'frozen' in change ? frozenView(change.frozen) : [],
    before: 'before' in change ? change.before : null,
    after: 'after' in change ? change.after : null,
  }
}

function frozenView(frozen: readonly FrozenLog[]): { origin: string; size: number }[] {
  return frozen.map(({ origin, size }) => ({ origin, size }))
}

/** Of the entry that recorded it; what an earlier incarnation recorded is in force from the start. */
function indexOf(from: number): number | null {
  return from === 0 ? null : from - 1
}

/** Ids of rules that a contract adds, leaves out, and words differently. */
export function rulesChanged(before: string, after: string): { added: string[]; removed: string[]; changed: string[] } {
  const [old, fresh] = [rulesIn(before), rulesIn(after)]
  return {
    added: [...fresh.keys()].filter((id) => !old.has(id)),
    removed: [...old.keys()].filter((id) => !fresh.has(id)),
    changed: [...fresh].filter(([id, text]) => old.has(id) && old.get(id) !== text).map(([id]) => id),
  }
}

/** The text of each rule, from its id to the next one's, without comments and line breaks. */
function rulesIn(text: string): Map<string, string> {
  const rules = text.replace(/^\s*\/\/.*$/gm, '').split(/(?=@id\(")/)
  return new Map(
    rules.flatMap((rule): [string, string][] => {
      const id = /^@id\("([^"]*)"\)/.exec(rule)?.[1]
      return id === undefined ? [] : [[id, rule.replace(/\s+/g, ' ').trim()]]
    }),
  )
}
