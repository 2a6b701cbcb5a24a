/**
 * Rosters from the first one on, each approved by those who had the say before.
 *
 * @remarks
 * Reads `docs/protocol.md`, "Roster" and "The next roster", apart from the ledger's code: membership, keys and
 * approvals. Whether a policy keeps its kind, and whether a ceremony contradicts a proposal before it, is left to the
 * core. Proven by `tests/verifier/roster-chain.test.ts`, which runs it against the ledger's.
 *
 * @packageDocumentation
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { concatBytes, equalBytes, toHex } from '../shared/bytes.ts'
import { type Item, readCbor } from './cbor-reader.ts'
import { writeCbor } from './cbor-writer.ts'
import { ProofError } from './proof-error.ts'
import { bytesOf, listOf, mapWith, numberOf, shape, textOf } from './shapes.ts'
import { isSignedBy } from './signed-head.ts'

/** A site, its keys as lower-case hex. */
export interface ReadSite {
  readonly id: string
  readonly governance: string
  readonly mirror: string
  /** Key of each log, by its name. */
  readonly logs: ReadonlyMap<string, string>
  /** Everything about each witness, by its name. A witness has no vote and no log. */
  readonly witnesses: ReadonlyMap<string, string>
  /** Everything about the site, to tell whether it changed. */
  readonly all: string
}

/** What a proof leans on in a roster. */
export interface ReadRoster {
  readonly version: number
  readonly sites: ReadonlyMap<string, ReadSite>
  readonly policy: string
  readonly previous: string
  readonly coordinator: string
  /** Logs that ended. */
  readonly frozen: ReadonlySet<string>
  readonly attempt: number
  /** SHA-256 of the document without what a ceremony adds. */
  readonly hash: string
}

/**
 * Checks rosters in order.
 *
 * @param networkId - The trust anchor, 32 bytes.
 * @param rosters - Fields of roster entries, exact bytes, versions 1, 2 and so on. Untrusted.
 * @returns The same, read. One or more.
 * @throws {@link ProofError} `BAD_CBOR`, `BAD_SHAPE`, `OTHER_NETWORK`, `ROSTER_NOT_NEXT`, `SIGNATURE_INVALID` or
 *   `NOT_APPROVED`.
 */
export function checkRosters(networkId: Uint8Array, rosters: readonly Uint8Array[]): readonly ReadRoster[] {
  const chain: ReadRoster[] = []
  for (const fields of rosters) {
    const map = mapWith(readCbor(fields), [1, 2], [])
    const document = bytesOf(map.get(1))
    const next = readRoster(document)
    const current = chain.at(-1) ?? null
    if (current === null && !equalBytes(sha256(document), networkId)) {
      throw new ProofError('OTHER_NETWORK', 'the first roster does not hash to the network id')
    }
    checkFollows(current, next)
    checkApproved(current, next, approvers(networkId, document, listOf(map.get(2))))
    chain.push(next)
  }
  if (chain.length === 0) throw shape('no roster')
  return chain
}

function readRoster(document: Uint8Array): ReadRoster {
  const roster = mapWith(readCbor(document), [1, 2, 3, 5], [4, 6, 7, 8])
  const bare = new Map([...roster].filter(([key]) => key !== 7 && key !== 8))
  const sites = listOf(roster.get(2)).map(readSite)
  const frozen = roster.has(6) ? listOf(roster.get(6)) : []
  return {
    version: numberOf(roster.get(1)),
    sites: new Map(sites.map((site) => [site.id, site])),
    policy: textOf(roster.get(3)),
    previous: roster.has(4) ? toHex(bytesOf(roster.get(4), 32)) : '',
    coordinator: textOf(roster.get(5)),
    frozen: new Set(frozen.map((head) => textOf(listOf(head)[0]).replace(/\/[1-9][0-9]*$/, ''))),
    attempt: roster.has(7) ? numberOf(roster.get(7)) : 0,
    hash: toHex(sha256(writeCbor(bare))),
  }
}

function readSite(value: Item): ReadSite {
  const site = mapWith(value, [1, 2, 3, 4, 5, 6], [7])
  const nodes = listOf(site.get(6)).map((node) => mapWith(node, [1, 2, 3], []))
  const witnesses = (site.has(7) ? listOf(site.get(7)) : []).map((witness) => mapWith(witness, [1, 2, 3], []))
  return {
    id: textOf(site.get(1)),
    governance: toHex(bytesOf(site.get(2), 32)),
    mirror: toHex(bytesOf(site.get(5), 32)),
    logs: new Map(nodes.map((node) => [textOf(node.get(1)), toHex(bytesOf(node.get(2), 32))])),
    witnesses: new Map(witnesses.map((witness) => [textOf(witness.get(1)), toHex(writeCbor(witness))])),
    all: toHex(writeCbor(site)),
  }
}

/** Keys that really signed the document, as lower-case hex. One that does not verify spoils all. */
function approvers(networkId: Uint8Array, document: Uint8Array, approvals: readonly Item[]): Set<string> {
  const message = concatBytes(utf8ToBytes('chartseal/roster/v1\n'), networkId, document)
  const keys = approvals.map((approval) => {
    const [key, signature, ...more] = listOf(approval)
    if (more.length > 0) throw shape('approval')
    const publicKey = bytesOf(key, 32)
    if (!isSignedBy(bytesOf(signature, 64), message, publicKey)) {
      throw new ProofError('SIGNATURE_INVALID', 'an approval of a roster does not verify')
    }
    return toHex(publicKey)
  })
  return new Set(keys)
}

function checkFollows(current: ReadRoster | null, next: ReadRoster): void {
  const [version, hash] = current === null ? [0, ''] : [current.version, current.hash]
  if (next.version !== version + 1 || next.previous !== hash) throw notNext('another version, or after another roster')
  if (!listsLog(next, next.coordinator)) throw notNext('the coordinator is not there')
  if (current === null) return
  const moved = [...new Set([...current.sites.keys(), ...next.sites.keys()])].filter(
    (id) => current.sites.get(id)?.all !== next.sites.get(id)?.all,
  )
  if (moved.length > 1) throw notNext('more than one site changes')
  for (const [id, site] of next.sites) checkWitnesses(current.sites.get(id)?.witnesses ?? new Map(), site.witnesses)
  const left = logsOf(current).filter((log) => !listsLog(next, log))
  const ended = new Set([...current.frozen, ...left])
  if (ended.size !== next.frozen.size || ![...ended].every((log) => next.frozen.has(log))) {
    throw notNext('the logs that end are not those that leave')
  }
}

/** What a witness remembers belongs to its keys: it gets no others. */
function checkWitnesses(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): void {
  const isOther = [...after].some(([name, all]) => (before.get(name) ?? all) !== all)
  if (isOther) throw notNext('a witness gets another key')
}

function checkApproved(current: ReadRoster | null, next: ReadRoster, keys: ReadonlySet<string>): void {
  for (const key of mustApprove(current, next, next.attempt > 0)) {
    if (!keys.has(key)) throw new ProofError('NOT_APPROVED', 'a key that must approve a roster did not')
  }
  const voters = [...(current?.sites.values() ?? [])].map((site) => site.governance)
  const known = new Set([...voters, ...[false, true].flatMap((ceremony) => mustApprove(current, next, ceremony))])
  if ([...keys].some((key) => !known.has(key))) throw new ProofError('NOT_APPROVED', 'approved by who has no say')
  if (current === null || next.attempt > 0) return
  const votes = [...current.sites.values()].filter((site) => keys.has(site.governance)).length
  const n = current.sites.size
  const faulty = Math.floor((n - 1) / 3)
  // More than half of the sites and the faulty ones together: two such sets share an honest site.
  if (2 * votes <= n + faulty) {
    throw new ProofError('NOT_APPROVED', `${votes} of ${n} sites approved a roster`)
  }
}

/** Keys without which `next` is nothing, as lower-case hex. */
function mustApprove(current: ReadRoster | null, next: ReadRoster, isCeremony: boolean): string[] {
  return [...next.sites.values()].flatMap((site) => {
    const before = current?.sites.get(site.id)
    if (before === undefined) return [site.governance]
    if (before.all === site.all) return isCeremony ? [site.governance] : []
    const logs = [...before.logs].map(([log, key]): [string, string | undefined] => [key, site.logs.get(log)])
    const pairs: [string, string | undefined][] = [
      [before.governance, site.governance],
      [before.mirror, site.mirror],
      ...logs,
    ]
    const replaced = pairs.filter((pair) => pair[1] !== undefined && pair[0] !== pair[1])
    const own = replaced.flatMap(([old, fresh]) => [...(isCeremony ? [] : [old]), fresh ?? old])
    return [site.governance, ...own]
  })
}

function logsOf(roster: ReadRoster): string[] {
  return [...roster.sites.values()].flatMap((site) => [...site.logs.keys()])
}

function listsLog(roster: ReadRoster, log: string): boolean {
  return logsOf(roster).includes(log)
}

function notNext(why: string): ProofError {
  return new ProofError('ROSTER_NOT_NEXT', why)
}
