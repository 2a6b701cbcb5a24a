import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeAddCheckpoint } from '../../src/ledger/add-checkpoint.ts'
import { openCosignatures } from '../../src/ledger/cosignature.ts'
import { checkEvidence, forkOfSuspicion } from '../../src/ledger/evidence.ts'
import { emptyRoot, nobleHasher as h } from '../../src/ledger/hash.ts'
import { parseVkey } from '../../src/ledger/vkey.ts'
import {
  addCheckpoint,
  type Answer,
  judgeRequest,
  settle,
  type Verdict,
  type WitnessedHead,
  type WitnessRules,
  type WitnessSigner,
  type WitnessStore,
} from '../../src/ledger/witness.ts'
import { equalBytes } from '../../src/shared/bytes.ts'
import { addCosignature, ForkedLog } from '../support/forked-log.ts'
import { testKey, verifier as v } from '../support/ledger-world.ts'
import { CarelessWitness, MemoryWitness } from '../support/memory-witness.ts'

const log = new ForkedLog()
const key = testKey('witness')
const signer: WitnessSigner = {
  key: { name: 'example.com/witness', publicKey: key.publicKey },
  nowS: 1_767_225_660,
  sign: (message) => key.sign(message),
}
const rules: WitnessRules = {
  hasher: h,
  verifier: v,
  logKeys: (origin) => (origin === log.logKey.name ? [log.logKey] : []),
}

/** A request from `older` to `newer` on a branch. */
function body(older: number, newer: number, branch = 0, at = 0): string {
  return encodeAddCheckpoint({
    oldSize: older,
    proof: log.proof(older, newer, branch, at),
    note: log.note(newer, branch, at),
  })
}
const post = (store: WitnessStore, text: string): Answer => addCheckpoint(rules, store, text, signer)
const statuses = (store: WitnessStore, ...bodies: string[]) => bodies.map((text) => post(store, text).status)

// FiloSottile/torchwood, cmd/litewitness/testdata/litewitness.txt (ISC): requests about a log of five leaves.
const SIGSUM = 'sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562'
const SIGSUM_KEY = parseVkey(`${SIGSUM}+5202289b+Af/cLU2Y5BJNP+r3iMDC+av9eWCD0fBJVDfzAux5zxAP`)
const leaf = (i: number) => `${['KgAA', 'KgEA', 'KgIA', 'KgMA', 'KgQA'][i]?.padEnd(43, 'A')}=\n`
const HEADS = {
  1: [
    'KgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
    'UgIom7fPZTqpxWWhyjWduBvTvGVqsokMbqTArsQilegKoFBJQjUFAmQ0+YeSPM3wfUQMFSzVnnNuWRTYrajXpNUbIQY=',
  ],
  3: [
    'RcCI1Nk56ZcSmIEfIn0SleqtV7uvrlXNccFx595Iwl0=',
    'UgIom2VbtIcdFbwFAy1n7s6IkAxIY6J/GQOTuZF2ORV39d75cbAj2aQYwyJre36kezNobZs4SUUdrcawfAB8WVrx6go=',
  ],
  5: [
    'QrtXrQZCCvpIgsSmOsah7HdICzMLLyDfxToMql9WTjY=',
    'UgIomw/EOJmWi0i1FQsOj+etB7F8IccFam/jgd6wzRns4QPVmyEZtdvl1U2KEmLOZ/ASRcWJi0tW90dJWAShei7sDww=',
  ],
} as const

function published(
  old: number,
  proof: string,
  size: 1 | 3 | 5,
  origin = SIGSUM,
  line: string = HEADS[size][1],
): string {
  return `old ${old}\n${proof}\n${origin}\n${size}\n${HEADS[size][0]}\n\n\u2014 ${origin} ${line}\n`
}

describe('published requests', () => {
  const store = new MemoryWitness()
  const sigsum: WitnessRules = { ...rules, logKeys: (origin) => (origin === SIGSUM ? [SIGSUM_KEY] : []) }
  const grow = leaf(1) + leaf(2)
  const broken = HEADS[3][1].replace('6go=', '6gg=')
  const last = `${leaf(2)}${leaf(3)}wgiIFdZfYNv6WU1OllBKsWnLYIS/DBMqt8Uh/S4OukE=\n${leaf(4)}`

  it.each<[string, string, number, number | null]>([
    ['first cosignature', published(0, '', 1), 200, null],
    ['a broken signature', published(1, grow, 3, SIGSUM, broken), 403, null],
    // As published, with bits left over after the last byte: not base64 to us, so not a note.
    [
      'a broken signature in loose base64',
      published(1, grow, 3, SIGSUM, HEADS[3][1].replace('6go=', '6gx=')),
      400,
      null,
    ],
    ['an unknown log', published(1, grow, 3, SIGSUM.replace(/2$/, '3')), 404, null],
    ['no proof', published(1, '', 3), 422, null],
    ['a wrong proof', published(1, leaf(1) + leaf(2).replace('AA=', 'BA='), 3), 422, null],
    ['the right proof', published(1, grow, 3), 200, null],
    [
      'an old size of before',
      published(1, `${leaf(1)}+fUDV+k970B4I3uKrqJM4aP1lloPZP8mvr2Z4wRw2LI=\n${leaf(4)}`, 5),
      409,
      3,
    ],
    ['the next size', published(3, last, 5), 200, null],
    ['an old size of nothing', published(0, '', 5), 409, 5],
  ])('%s', (_, text, status, size) => {
    const answer = addCheckpoint(sigsum, store, text, signer)
    expect(answer.status).toBe(status)
    expect(answer.status === 409 ? answer.size : null).toBe(size)
    if (answer.status !== 200) return
    const note = text.slice(text.indexOf('\n\n') + 2) + answer.lines
    expect(openCosignatures(note, [signer.key], v).cosignatures[0]?.timeS).toBe(signer.nowS)
  })
})

describe('a request', () => {
  it('that is none, or goes backwards, is 400', () => {
    const note = log.note(3)
    expect(statuses(new MemoryWitness(), '', 'old 0\n\nx', `old 4\n\n${note}`, note)).toEqual([400, 400, 400, 400])
  })

  it('about a head with extension lines is 400', () => {
    expect(statuses(new MemoryWitness(), body(0, 3).replace('=\n\n', '=\nmore\n\n'))).toEqual([400])
  })

  it('signed by another key, or under another name, is 403', () => {
    const mine = new ForkedLog()
    const stranger = body(0, 3).replace(/\u2014 .* /, '\u2014 test.local/else/1 ')
    Object.assign(mine, { key: testKey('else') })
    const forged = `old 0\n\n${mine.note(3)}`
    const store = new MemoryWitness()
    expect(statuses(store, stranger, forged)).toEqual([403, 403])
    expect(store.heads.size).toBe(0)
  })

  it('for the empty tree is good once, has one root, and can be followed without a proof only', () => {
    const store = new MemoryWitness()
    const wrongRoot = `old 0\n\n${log.noteOf(0, log.root(1))}`
    const empty = `old 0\n\n${log.noteOf(0, emptyRoot(h))}`
    const withProof = encodeAddCheckpoint({ oldSize: 0, proof: [log.root(1)], note: log.note(3) })
    expect(statuses(store, wrongRoot, empty, empty, withProof, body(0, 3))).toEqual([422, 200, 200, 422, 200])
    expect(store.read(log.logKey.name)?.size).toBe(3)
  })

  it('for the head that is known gives a fresh time, without a proof only', () => {
    const store = new MemoryWitness()
    const same = body(3, 3)
    const withProof = encodeAddCheckpoint({ oldSize: 3, proof: [log.root(1)], note: log.note(3) })
    expect(statuses(store, body(0, 3), same, withProof)).toEqual([200, 200, 422])
    const later = addCheckpoint(rules, store, same, { ...signer, nowS: signer.nowS + 60 })
    const { cosignatures } = openCosignatures(log.note(3) + (later.status === 200 ? later.lines : ''), [signer.key], v)
    expect(cosignatures[0]?.timeS).toBe(signer.nowS + 60)
  })

  it('for another branch is refused, and leaves a suspicion that proves the fork', () => {
    for (const [size, newer] of [
      [5, 9],
      [5, 5],
    ] as const) {
      const store = new MemoryWitness()
      post(store, body(0, size))
      const answer = post(store, body(size, newer, 1, 2))
      expect(answer.status).toBe(422)
      const suspicion = answer.status === 422 ? answer.suspicion : null
      const fork = suspicion === null ? null : forkOfSuspicion(h, suspicion)
      expect(fork).not.toBeNull()
      if (fork === null) return
      expect(checkEvidence(h, v, fork, { log: log.logKey, cosigners: [] }).log).toEqual(log.logKey)
      expect(store.read(log.logKey.name)?.note).toBe(log.note(size))
    }
  })

  it('may carry lines of strangers, and none of them is kept', () => {
    const store = new MemoryWitness()
    const strangers = addCosignature(log.note(3), signer.key.name, testKey('forger'))
    const forged = addCosignature(strangers, 'else/mirror', testKey('else'))
    expect(post(store, `old 0\n\n${forged}`).status).toBe(200)
    expect(store.read(log.logKey.name)?.note).toBe(log.note(3))
  })

  it('takes any of several trusted keys, and refuses a broken line of one beside a good line of another', () => {
    const second = testKey('second')
    const keys = [log.logKey, { name: log.logKey.name, publicKey: second.publicKey }]
    const two = { ...rules, logKeys: () => keys }
    const mine = Object.assign(new ForkedLog(), { key: second, logKey: keys[1] })
    const lineOf = (note: string) => note.slice(note.indexOf('\n\n') + 2)
    const both = log.note(3) + lineOf(mine.note(3))
    const mixed = log.note(3) + lineOf(mine.note(4))
    const answers = [mine.note(3), both, mixed].map((note) => {
      return addCheckpoint(two, new MemoryWitness(), `old 0\n\n${note}`, signer).status
    })
    expect(answers).toEqual([200, 200, 403])
  })
})

describe('a slow request', () => {
  /** Judges and settles requests in the order that `steps` gives, each name once to judge and once to settle. */
  function interleave(store: WitnessStore, bodies: readonly string[], steps: readonly number[]): WitnessedHead[] {
    const verdicts = new Map<number, Verdict>()
    const cosigned: WitnessedHead[] = []
    for (const i of steps) {
      const verdict = verdicts.get(i)
      if (verdict === undefined) verdicts.set(i, judgeRequest(rules, store, bodies[i] ?? ''))
      else if (verdict.status === 200 && settle(store, verdict, signer).status === 200) cosigned.push(verdict.next)
    }
    return cosigned
  }
  const sizesOf = (heads: readonly WitnessedHead[]) => heads.map((head) => head.size)
  /** True when the heads never shrink and all lie on one branch. */
  const isOneTree = (heads: readonly WitnessedHead[]) =>
    heads.every((head, i) => head.size >= (heads[i - 1]?.size ?? 0)) &&
    [0, 1].some((branch) => heads.every((head) => equalBytes(head.root, log.root(head.size, branch, 2))))
  const race = [0, 1, 1, 0]

  it('never rolls a larger head back', () => {
    const store = new MemoryWitness()
    post(store, body(0, 1))
    expect(sizesOf(interleave(store, [body(1, 3), body(1, 5)], race))).toEqual([5])
    expect(store.read(log.logKey.name)).toMatchObject({ size: 5, root: log.root(5) })
  })

  it('would, if the store did not compare', () => {
    const store = new CarelessWitness()
    post(store, body(0, 1))
    expect(sizesOf(interleave(store, [body(1, 3), body(1, 5)], race))).toEqual([5, 3])
    expect(store.read(log.logKey.name)?.size).toBe(3)
  })

  it('is told the size that the faster one reached', () => {
    const store = new MemoryWitness()
    const [slow, fast] = [judgeRequest(rules, store, body(0, 3)), judgeRequest(rules, store, body(0, 5))]
    if (slow.status !== 200 || fast.status !== 200) throw new Error('both are good requests')
    expect(settle(store, fast, signer).status).toBe(200)
    expect(settle(store, slow, signer)).toEqual({ status: 409, size: 5 })
  })

  it('among many, on two branches and in any order, leaves one growing tree; without comparing it does not', () => {
    let rolledBack = 0
    const request = fc.tuple(fc.constantFrom(0, 3, 5, 6), fc.nat({ max: 3 }), fc.nat({ max: 1 }))
    const steps = fc.array(fc.nat({ max: 5 }), { minLength: 8, maxLength: 24 })
    fc.assert(
      fc.property(fc.array(request, { minLength: 6, maxLength: 6 }), steps, (requests, order) => {
        const bodies = requests.map(([older, more, branch]) => body(older, older + more, branch, 2))
        const store = new MemoryWitness()
        expect(isOneTree(interleave(store, bodies, order))).toBe(true)
        if (!isOneTree(interleave(new CarelessWitness(), bodies, order))) rolledBack++
      }),
      { numRuns: 200 },
    )
    expect(rolledBack).toBeGreaterThan(0)
  })
})
