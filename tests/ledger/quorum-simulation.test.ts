import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeCheckpoint, parseCheckpoint } from '../../src/ledger/checkpoint.ts'
import { type CosignedHead, type Electorate, isFinal, type Voter, watermark } from '../../src/ledger/finality.ts'
import { nobleHasher as h } from '../../src/ledger/hash.ts'
import { formatNote } from '../../src/ledger/note.ts'
import { parsePolicy, type Policy } from '../../src/ledger/policy.ts'
import { quorumOf, toleratedFaults } from '../../src/ledger/quorum.ts'
import { encodeVkey, keyIdOf } from '../../src/ledger/vkey.ts'
import { judge, type WitnessedHead, type WitnessRules } from '../../src/ledger/witness.ts'
import { equalBytes } from '../../src/shared/bytes.ts'
import { runs } from '../support/budget.ts'
import { ForkedLog } from '../support/forked-log.ts'
import { testKey } from '../support/ledger-world.ts'

/**
 * A log that lies, with as many sites as may be faulty on its side, against the code that honest sites run. The log
 * writes two branches and shows each site whatever serves it best, in any order. Signatures are taken for granted:
 * nobody here needs to forge one.
 */
const SEED = Number(process.env.CHARTSEAL_SEED ?? Date.now() % 2 ** 31)
const RUNS = runs(150, 5_000)
const MAX_SIZE = 8
const BRANCHES = [0, 1] as const
type Branch = (typeof BRANCHES)[number]

const log = new ForkedLog()
const origin = log.logKey.name
const keyId = keyIdOf({ ...log.logKey, type: 1 })
const rules: WitnessRules = { hasher: h, verifier: { verify: () => true }, logKeys: () => [log.logKey] }

/** Every value of a function, worked out once. */
function remembered<Value>(work: (...numbers: number[]) => Value): (...numbers: number[]) => Value {
  const known = new Map<string, Value>()
  return (...numbers) => {
    const key = numbers.join()
    const value = known.get(key) ?? work(...numbers)
    known.set(key, value)
    return value
  }
}
const rootOf = remembered((size = 0, branch = 0, at = 0) => log.root(size, branch, at))
const proofOf = remembered((older = 0, newer = 0, branch = 0, at = 0) => log.proof(older, newer, branch, at))

/** `n` sites of which `q` make a head final; none is needed when `q` is 0. */
function electorate(n: number, q: number): Electorate {
  const names = Array.from({ length: n }, (_, i) => `s${i}`)
  const key = (name: string) => ({ name: `${name}/mirror`, type: 4 as const, publicKey: testKey(name).publicKey })
  const witnesses = names.map((name) => `witness ${name} ${encodeVkey(key(name))}\n`).join('')
  const rule = q === 0 ? 'quorum none\n' : `group sites ${q} ${names.join(' ')}\nquorum sites\n`
  const policy: Policy = parsePolicy(witnesses + rule)
  return { policy, voters: names.map((name) => ({ site: name, witness: name, key: key(name) })) }
}

/** One thing that the log does: it shows a site a head of a branch. */
interface Move {
  readonly site: number
  readonly branch: Branch
  readonly size: number
}

interface Attack {
  /** Leaves that both branches share. */
  readonly at: number
  readonly moves: readonly Move[]
}

/** Attacks on `n` sites: the log decides everything but what honest sites answer. */
const attacks = (n: number): fc.Arbitrary<Attack> =>
  fc.record({
    at: fc.nat({ max: 3 }),
    moves: fc.array(
      fc.record({
        site: fc.nat({ max: n - 1 }),
        branch: fc.constantFrom<Branch>(...BRANCHES),
        size: fc.integer({ min: 1, max: MAX_SIZE }),
      }),
      { minLength: 3 * n, maxLength: 8 * n },
    ),
  })

/** All cosignatures that the attack obtains. The first `faulty` sites sign whatever they are shown. */
function carryOut(e: Electorate, faulty: number, { at, moves }: Attack): CosignedHead[] {
  const memory = new Map<number, WitnessedHead>()
  return moves.flatMap(({ site, branch, size }) => {
    const voter = voterOf(e, site)
    const head: CosignedHead = { size, root: rootOf(size, branch, at), voter }
    if (site < faulty) return BRANCHES.map((b) => ({ ...head, root: rootOf(size, b, at) }))
    const known = memory.get(site) ?? null
    const verdict = judge(rules, known, request(known?.size ?? 0, size, branch, at))
    if (verdict.status !== 200) return []
    memory.set(site, verdict.next)
    return [head]
  })
}

function request(oldSize: number, size: number, branch: Branch, at: number) {
  const text = encodeCheckpoint({ origin, size, root: rootOf(size, branch, at) })
  const note = formatNote(text, [{ name: origin, keyId, signature: new Uint8Array(64) }])
  const proof = oldSize < size ? proofOf(oldSize, size, branch, at) : []
  return { oldSize, proof, note, text, checkpoint: parseCheckpoint(text) }
}

function voterOf(e: Electorate, i: number): Voter {
  const voter = e.voters[i]
  if (voter === undefined) throw new Error('no such site')
  return voter
}

/** True when readers of both branches see an entry as final that the other branch does not have. */
function contradictsByWatermark(e: Electorate, heads: readonly CosignedHead[], at: number): boolean {
  return BRANCHES.every(
    (branch) => watermark(e, heads, ({ size, root }) => equalBytes(root, rootOf(size, branch, at))) > at,
  )
}

/** True when two checkpoints that contradict each other have a quorum each. */
function contradictsByCheckpoint(e: Electorate, heads: readonly CosignedHead[], at: number): boolean {
  return BRANCHES.every((branch) =>
    Array.from({ length: MAX_SIZE - at }, (_, i) => rootOf(at + 1 + i, branch, at)).some((root) =>
      isFinal(
        e,
        heads.filter((head) => equalBytes(head.root, root)).map((head) => head.voter),
      ),
    ),
  )
}

/** Attacks, of {@link RUNS}, that made two contradicting heads final. */
function violations(n: number, q: number, contradicts: typeof contradictsByWatermark): number {
  const e = electorate(n, q)
  let count = 0
  const property = fc.property(attacks(n), (attack) => {
    const heads = carryOut(e, toleratedFaults(n), attack)
    if (contradicts(e, heads, attack.at)) count++
  })
  fc.assert(property, { seed: SEED, numRuns: RUNS })
  return count
}

describe.each(Array.from({ length: 10 }, (_, i) => i + 1))(`%i sites (CHARTSEAL_SEED=${SEED})`, (n) => {
  const q = quorumOf(n)

  it('never make two contradicting heads final', () => {
    expect(violations(n, q, contradictsByWatermark)).toBe(0)
    expect(violations(n, q, contradictsByCheckpoint)).toBe(0)
  })

  it('would with one cosignature less', () => {
    // Of one site no cosignature would be left, and no watermark: then every checkpoint is final at once.
    expect(violations(n, q - 1, n === 1 ? contradictsByCheckpoint : contradictsByWatermark)).toBeGreaterThan(0)
  })
})

it('honest sites do cosign, and one branch alone does become final', () => {
  const e = electorate(4, 3)
  const moves = [0, 1, 2, 3].flatMap((site) => [2, 5].map((size): Move => ({ site, size, branch: 1 })))
  const heads = carryOut(e, 1, { at: 1, moves })
  expect(watermark(e, heads, ({ size, root }) => equalBytes(root, rootOf(size, 1, 1)))).toBe(5)
  expect(contradictsByWatermark(e, heads, 1)).toBe(false)
})
