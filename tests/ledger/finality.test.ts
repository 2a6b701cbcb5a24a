import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  catchUp,
  type Cosigned,
  type CosignedHead,
  type Electorate,
  electorateOf,
  gradeOfEntry,
  isFinal,
  votesOn,
  type Voter,
  watermark,
} from '../../src/ledger/finality.ts'
import { formatNote, parseNote } from '../../src/ledger/note.ts'
import { parsePolicy, quorumPolicy } from '../../src/ledger/policy.ts'
import { unanimousPolicy } from '../../src/ledger/policy-safety.ts'
import { quorumOf } from '../../src/ledger/quorum.ts'
import { parseVkey } from '../../src/ledger/vkey.ts'
import { expectCode } from '../support/expect-code.ts'
import { addCosignature, ForkedLog } from '../support/forked-log.ts'
import { testKey, testRoster, testSite, verifier as v } from '../support/ledger-world.ts'
import { sharedData } from '../support/shared-data.ts'

const log = new ForkedLog()
const own = Array.from({ length: 4 }, (_, i) => testSite(`test.local/s${i}`))
const four = electorateOf(testRoster(own.map((site) => site.site)))
const mirror = (i: number) => own[i]?.mirror ?? testKey('no site')
const T = 1_767_225_660

/** The checkpoint of 7 entries with lines of these sites. */
const signedBy = (...sites: number[]) =>
  sites.reduce((note, i) => addCosignature(note, `test.local/s${i}/mirror`, mirror(i), T + i), log.note(7))
const sitesOf = (note: string, nowS = T) => votesOn(note, four, v, nowS).map((vote) => vote.voter.site.slice(-2))

/** An electorate without keys, for what only counts. */
function electorate(n: number, policyOf = quorumPolicy): Electorate {
  const names = Array.from({ length: n }, (_, i) => `s${i}`)
  const key = (name: string) => ({ name: `${name}/mirror`, publicKey: testKey(name).publicKey })
  const policy = parsePolicy(policyOf(names.map((name) => ({ name, key: { ...key(name), type: 4 } }))))
  return { policy, voters: names.map((name) => ({ site: name, witness: name, key: key(name) })) }
}
const voter = (e: Electorate, i: number): Voter => {
  const found = e.voters[i % e.voters.length]
  if (found === undefined) throw new Error('no voter')
  return found
}

describe('votes', () => {
  it('are one for each site that cosigned, with its time', () => {
    expect(votesOn(signedBy(2, 0), four, v, T).map((vote) => [vote.voter.site, vote.timeS])).toEqual([
      ['test.local/s0', T],
      ['test.local/s2', T + 2],
    ])
    expect(sitesOf(log.note(7))).toEqual([])
  })

  it('count once, however often a site signs', () => {
    expect(sitesOf(signedBy(1, 1, 1, 1))).toEqual(['s1'])
    const again = addCosignature(signedBy(1), 'test.local/s1/mirror', mirror(1), T + 9)
    expect(sitesOf(again)).toEqual(['s1'])
  })

  it('do not come from strangers, from other names, from the log key, or from another roster', () => {
    const stranger = addCosignature(log.note(7), 'test.local/s9/mirror', testKey('stranger'))
    const misnamed = addCosignature(stranger, 'test.local/s2/mirror', mirror(1))
    const byLog = addCosignature(misnamed, 'test.local/s3/mirror', log.key)
    expect(sitesOf(byLog)).toEqual([])
    const others = electorateOf(testRoster([testSite('test.local/s0-next').site]))
    expect(votesOn(signedBy(0, 1, 2), others, v, T)).toEqual([])
  })

  it('that do not verify are none, and spoil neither the others nor a good line of the same site', () => {
    const { text, signatures } = parseNote(signedBy(0, 1))
    const broken = signatures.map((line, i) => (i === 1 ? { ...line, signature: line.signature.with(40, 0) } : line))
    expect(sitesOf(formatNote(text, broken))).toEqual(['s1'])
    expect(sitesOf(formatNote(text, [...broken, ...signatures.slice(1, 2)]))).toEqual(['s0', 's1'])
    const moved = formatNote(parseNote(log.note(8)).text, signatures)
    expect(sitesOf(moved)).toEqual([])
  })

  it('from the future are none', () => {
    const early = addCosignature(log.note(7), 'test.local/s0/mirror', mirror(0), T + 301)
    expect(sitesOf(early)).toEqual([])
    expect(sitesOf(early, T + 1)).toEqual(['s0'])
    expect(sitesOf(early, Infinity)).toEqual(['s0'])
  })

  it('are not looked for in what is no note', () => {
    expectCode('BAD_NOTE', () => votesOn('votes\n', four, v, T))
  })
})

describe('grades', () => {
  const heads = (...sizes: number[]): CosignedHead[] =>
    sizes.map((size, i) => ({ size, root: log.root(0), voter: voter(four, i) }))

  it('go from sealed to cosigned to final, and never back when a fork shows', () => {
    const names = (isForked: boolean) =>
      [[], [8], [8, 9], [8, 9, 7], [8, 9, 8]].map((sizes) => gradeOfEntry(7, four, heads(...sizes), isForked))
    expect(names(false)).toEqual([
      { name: 'sealed', k: 0, q: 3 },
      { name: 'cosigned', k: 1, q: 3 },
      { name: 'cosigned', k: 2, q: 3 },
      { name: 'cosigned', k: 2, q: 3 },
      { name: 'final', k: 3, q: 3 },
    ])
    expect(names(true).map((grade) => grade.name)).toEqual([
      'contested',
      'contested',
      'contested',
      'contested',
      'final',
    ])
  })

  it('count a site once, whatever it cosigned', () => {
    const same = [8, 9, 10].map((size) => ({ size, root: log.root(0), voter: voter(four, 1) }))
    expect(gradeOfEntry(7, four, same, false)).toEqual({ name: 'cosigned', k: 1, q: 3 })
  })

  it('ask for the sites that the policy names, not for as many', () => {
    const all = electorate(3, unanimousPolicy)
    const two = [voter(all, 0), voter(all, 1)].map((v) => ({ size: 9, root: log.root(0), voter: v }))
    expect(gradeOfEntry(7, all, two, false)).toEqual({ name: 'cosigned', k: 2, q: 3 })
  })
})

describe('the watermark', () => {
  const everything = () => true

  it('is the q-th largest size that sites cosigned', () => {
    const votes = fc.array(fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 50 })), { maxLength: 30 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), votes, (n, cosigned) => {
        const e = electorate(n)
        const heads = cosigned.map(([i, size]) => ({ size, root: log.root(0), voter: voter(e, i) }))
        const largest = e.voters.map(({ site }) =>
          Math.max(0, ...heads.filter((head) => head.voter.site === site).map((head) => head.size)),
        )
        const qth = largest.toSorted((a, b) => b - a)[quorumOf(n) - 1]
        expect(watermark(e, heads, everything)).toBe(qth)
        for (const index of [0, 10, 49]) {
          expect(gradeOfEntry(index, e, heads, false).name === 'final').toBe(index < (qth ?? 0))
        }
      }),
    )
  })

  it('counts no head of another branch', () => {
    const heads = [7, 8, 9].map((size, i) => ({
      size,
      root: log.root(size, i === 1 ? 1 : 0, 3),
      voter: voter(four, i),
    }))
    expect(watermark(four, heads, everything)).toBe(7)
    expect(watermark(four, heads, (head) => log.root(head.size).every((byte, i) => byte === head.root[i]))).toBe(0)
  })
})

describe('catching up', () => {
  /** Thirty days with one block an hour; site 0 is always on, each of the others in its own hour of the day. */
  function month(asked: (sealed: readonly Cosigned[], site: Voter) => readonly number[]): Cosigned[] {
    const sealed: { size: number; voters: Voter[] }[] = []
    for (let hour = 0; hour < 30 * 24; hour++) {
      sealed.push({ size: hour + 1, voters: [voter(four, 0)] })
      const awake = [1, 2, 3].find((i) => hour % 24 === 6 * i)
      if (awake === undefined) continue
      const site = voter(four, awake)
      const sizes = asked(sealed, site)
      expect(sizes.length).toBeLessThanOrEqual(2)
      const before = sealed.findLast(({ voters }) => voters.includes(site))?.size ?? 0
      for (const [i, size] of sizes.entries()) expect(size).toBeGreaterThan(sizes[i - 1] ?? before)
      for (const head of sealed) if (sizes.includes(head.size)) head.voters.push(site)
    }
    return sealed
  }
  const finals = (sealed: readonly Cosigned[]) => sealed.filter(({ voters }) => isFinal(four, voters))

  it('makes heads final although no two sites are ever awake together', () => {
    const sealed = month((heads, site) => catchUp(four, heads, site))
    expect(finals(sealed).length).toBeGreaterThan(30)
    expect(finals(sealed).at(-1)?.size).toBeGreaterThan(29 * 24)
  })

  it('would make none final by asking for the newest head alone', () => {
    expect(finals(month((heads) => heads.slice(-1).map((head) => head.size)))).toEqual([])
  })

  it('asks for nothing below what is final already', () => {
    const votes = [[0, 1], [0, 1, 3], [0]]
    const sealed = votes.map((sites, i) => ({ size: i + 1, voters: sites.map((site) => voter(four, site)) }))
    expect(catchUp(four, sealed, voter(four, 2))).toEqual([3])
    expect(catchUp(four, sealed.slice(0, 1), voter(four, 2))).toEqual([1])
  })

  it('of a month asks for two heads, then for none', () => {
    const sealed = Array.from({ length: 720 }, (_, i) => ({ size: i + 1, voters: [voter(four, 0)] }))
    sealed[499]?.voters.push(voter(four, 1))
    expect(catchUp(four, sealed, voter(four, 2))).toEqual([500, 720])
    sealed[499]?.voters.push(voter(four, 2))
    sealed[719]?.voters.push(voter(four, 2))
    expect(catchUp(four, sealed, voter(four, 2))).toEqual([])
    expect(catchUp(four, sealed, voter(four, 3))).toEqual([720])
    expect(catchUp(four, [], voter(four, 3))).toEqual([])
  })
})

const path = sharedData('ledger-vectors.json')

it.skipIf(path === null)('needs ../shared/data: a published checkpoint is final with three of four sites', () => {
  const vectors = JSON.parse(readFileSync(path ?? '', 'utf8')) as {
    sites: { witness_vkey: string }[]
    checkpoint_7_cosigned_by_b_c_d: string
  }
  const keys = vectors.sites.map((site) => parseVkey(site.witness_vkey))
  const policy = parsePolicy(quorumPolicy(keys.map((key) => ({ name: key.name, key }))))
  const e = { policy, voters: keys.map((key) => ({ site: key.name, witness: key.name, key })) }
  const votes = votesOn(vectors.checkpoint_7_cosigned_by_b_c_d, e, v, Infinity)
  expect(votes.map((vote) => vote.timeS)).toEqual([1767225660, 1767225720, 1767225780])
  expect(
    isFinal(
      e,
      votes.map((vote) => vote.voter),
    ),
  ).toBe(true)
  expect(
    isFinal(
      e,
      votes.slice(1).map((vote) => vote.voter),
    ),
  ).toBe(false)
})
