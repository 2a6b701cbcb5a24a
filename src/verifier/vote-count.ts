/**
 * Counts the sites that cosigned a checkpoint, and says whether they are enough.
 *
 * @remarks
 * C2SP tlog-cosignature v1 lines under the mirror keys of a roster, counted by its C2SP tlog-policy. Written apart from
 * the ledger's code on purpose. Proven by `tests/verifier/vote-count.test.ts`, which runs the two against each other.
 *
 * @packageDocumentation
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { concatBytes, equalBytes, fromBase64, fromHex, toHex } from '../shared/bytes.ts'
import { ProofError } from './proof-error.ts'
import type { ReadRoster } from './roster-chain.ts'
import { isSignedBy, type SignatureLine, signedText, signatureLines } from './signed-head.ts'

/** How far a checkpoint has come. */
export interface CountedVotes {
  readonly name: 'sealed' | 'cosigned' | 'final'
  /** Sites whose cosignature verifies. */
  readonly k: number
  /** Fewest sites that are enough. */
  readonly q: number
}

/**
 * Counts. A line that does not verify is no vote, and spoils nothing.
 *
 * @param note - The checkpoint with its lines. Untrusted.
 * @param roster - That the seal of the block names, checked.
 * @throws {@link ProofError} `BAD_NOTE` or `BAD_POLICY`.
 */
export function countVotes(note: string, roster: ReadRoster): CountedVotes {
  const [text, lines] = [signedText(note), signatureLines(note)]
  const policy = readPolicy(roster.policy)
  const signed = [...roster.sites.values()].filter((site) =>
    lines.some((line) => isVote(line, text, `${site.id}/mirror`, fromHex(site.mirror))),
  )
  const names = new Set(signed.map((site) => policy.witnesses.get(site.mirror) ?? ''))
  const { done, least } = settle(policy, names)
  const q = least.get(policy.quorum)
  if (q === undefined || !Number.isSafeInteger(q) || q < 1)
    throw new ProofError('BAD_POLICY', 'a quorum that is not defined')
  return { name: done.has(policy.quorum) ? 'final' : names.size > 0 ? 'cosigned' : 'sealed', k: names.size, q }
}

function isVote({ name, bytes }: SignatureLine, text: string, mirror: string, key: Uint8Array): boolean {
  const keyId = sha256(concatBytes(utf8ToBytes(`${mirror}\n`), Uint8Array.of(4), key)).subarray(0, 4)
  if (name !== mirror || bytes.length !== 76 || !equalBytes(bytes.subarray(0, 4), keyId)) return false
  const time = bytes.subarray(4, 12).reduce((sum, byte) => sum * 256 + byte, 0)
  if (!Number.isSafeInteger(time)) return false
  return isSignedBy(bytes.subarray(12), utf8ToBytes(`cosignature/v1\ntime ${time}\n${text}`), key)
}

interface Policy {
  /** Name of each witness, by its key as lower-case hex. */
  readonly witnesses: ReadonlyMap<string, string>
  readonly groups: ReadonlyMap<string, { readonly k: number; readonly members: readonly string[] }>
  readonly quorum: string
}

function readPolicy(text: string): Policy {
  const witnesses = new Map<string, string>()
  const groups = new Map<string, { k: number; members: string[] }>()
  let quorum = ''
  for (const line of text.split('\n')) {
    const [word, name, third, ...rest] = line.split(/[ \t]+/).filter((part) => part !== '')
    if (word === undefined || word.startsWith('#')) continue
    if (word === 'witness' && name !== undefined && third !== undefined) witnesses.set(keyIn(third), name)
    else if (word === 'group' && name !== undefined && third !== undefined) {
      groups.set(name, { k: thresholdOf(third, rest.length), members: rest })
    } else if (word === 'quorum' && name !== undefined) quorum = name
    else throw new ProofError('BAD_POLICY', 'a line that is none')
  }
  return { witnesses, groups, quorum }
}

function thresholdOf(text: string, members: number): number {
  const k = text === 'all' ? members : text === 'any' ? 1 : Number(text)
  if (!Number.isSafeInteger(k) || k < 1 || k > members) throw new ProofError('BAD_POLICY', 'threshold')
  return k
}

/** Key of a C2SP verifier key of a cosigner, as lower-case hex. */
function keyIn(vkey: string): string {
  try {
    const bytes = fromBase64(vkey.slice(vkey.indexOf('+', vkey.indexOf('+') + 1) + 1))
    if (bytes.length !== 33 || bytes[0] !== 4) throw new ProofError('BAD_POLICY', 'not the key of a cosigner')
    return toHex(bytes.subarray(1))
  } catch (cause) {
    if (cause instanceof ProofError) throw cause
    throw new ProofError('BAD_POLICY', 'not a verifier key', { cause })
  }
}

/**
 * What is satisfied by the votes, and the fewest votes that would satisfy it, in the order of the lines: what a group
 * names stands before it.
 */
function settle({ witnesses, groups }: Policy, votes: ReadonlySet<string>) {
  const done = new Set(votes)
  const least = new Map([...witnesses.values()].map((name) => [name, 1]))
  for (const [name, { k, members }] of groups) {
    if (members.filter((member) => done.has(member)).length >= k) done.add(name)
    const costs = members.map((member) => least.get(member) ?? Infinity).sort((a, b) => a - b)
    least.set(
      name,
      costs.slice(0, k).reduce((sum, cost) => sum + cost, 0),
    )
  }
  return { done, least }
}
