import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openCosignatures } from '../../../../src/ledger/cosignature.ts'
import { formatNote, parseNote } from '../../../../src/ledger/note.ts'
import { toHex } from '../../../../src/shared/bytes.ts'
import { Cosignatures, type CosignatureParts } from '../../../../src/main/core/vault/cosignatures.ts'
import { Grades } from '../../../../src/main/core/vault/grades.ts'
import type { Contest } from '../../../../src/ledger/log-finality.ts'
import { runs } from '../../../support/budget.ts'
import { CosignedTestLog, NOON_S, rosterOf, siteOf } from '../../../support/cosigned-log.ts'
import { expectCode } from '../../../support/expect-code.ts'
import { addCosignature, ForkedLog } from '../../../support/forked-log.ts'
import { testKey, testRoster, verifier } from '../../../support/ledger-world.ts'
import { newStore } from '../../store/fixtures.ts'

function world(sites: readonly number[] = [0, 1, 2, 3], over: Partial<CosignatureParts> = {}) {
  const store = newStore()
  const log = new CosignedTestLog(store, rosterOf(...sites))
  const told: { changed: string[]; conflicts: string[] } = { changed: [], conflicts: [] }
  const contests = new Map<string, Contest>()
  const open = () => {
    const cosignatures = new Cosignatures({
      store,
      verifier,
      nowS: () => NOON_S,
      changed: (origin) => {
        told.changed.push(origin)
        grades.changed(origin)
      },
      conflict: (_, note) => told.conflicts.push(note),
      ...over,
    })
    const contest = (origin: string) => contests.get(origin) ?? null
    const grades: Grades = new Grades({ cosignatures, contest, isDoubted: () => false })
    cosignatures.load(log)
    return { cosignatures, grades }
  }
  return { store, log, told, contests, reopened: open, ...open() }
}

const keyOfSite = (n: number) => toHex(siteOf(n).mirror.publicKey)

describe('cosignatures of other sites', () => {
  it('are kept when they verify, and count for everything before them', () => {
    const { log, cosignatures, grades, told } = world()
    log.grow(3)
    log.grow(4)
    expect(grades.gradeAt(log, 2)).toEqual({ name: 'sealed', k: 0, q: 3 })
    expect(cosignatures.add(log, log.cosigned(7, [1]))).toBe('stored')
    expect(cosignatures.add(log, log.cosigned(3, [2]))).toBe('stored')
    expect(grades.gradeAt(log, 2)).toEqual({ name: 'cosigned', k: 2, q: 3 })
    expect(grades.gradeAt(log, 3)).toEqual({ name: 'cosigned', k: 1, q: 3 })
    expect(cosignatures.add(log, log.cosigned(7, [0]))).toBe('stored')
    expect(grades.gradeAt(log, 2)).toEqual({ name: 'final', k: 3, q: 3 })
    expect(grades.finalSize(log)).toBe(3)
    expect(told.changed).toHaveLength(3)
  })

  it('are counted by sites of now: those who left do not count, and one with two keys counts once', () => {
    const { log, cosignatures } = world()
    const renewed = testKey('renewed')
    log.grow(3)
    const note = log.cosigned(3, [0, 1, 2])
    log.inForce(testRoster([{ ...siteOf(0).site, mirrorKey: renewed.publicKey }, siteOf(1).site, siteOf(3).site]), 3)
    expect(cosignatures.add(log, addCosignature(note, 'test.local/s0/mirror', renewed))).toBe('stored')
    const ids = (...sites: readonly number[]) => new Set(sites.map((n) => siteOf(n).site.id))
    expect(cosignatures.sizes(log.origin).size).toBe(4)
    expect(cosignatures.sitesUnderNewest(log, ids(0, 1, 3))).toBe(2)
    expect(cosignatures.sitesUnderNewest(log, ids(0, 1, 2, 3))).toBe(3)
    expect(cosignatures.sitesUnderNewest(log, ids(3))).toBe(0)
  })

  it('are known again after a start, from the table alone', () => {
    const { log, cosignatures, reopened } = world()
    log.grow(3)
    log.grow(4)
    for (const site of [0, 1, 2]) cosignatures.add(log, log.cosigned(7 - site, [site]))
    cosignatures.add(log, log.cosigned(3, [0, 1, 2]))
    const again = reopened()
    expect(again.grades.finalSize(log)).toBe(3)
    expect([...again.cosignatures.sizes(log.origin)].sort()).toEqual([...cosignatures.sizes(log.origin)].sort())
  })

  it('are not kept when they do not verify, come from strangers or from the future', () => {
    const { store, log, cosignatures } = world()
    log.grow(5)
    const stranger = addCosignature(log.forked.note(5), 'test.local/s1/mirror', testKey('another key'))
    const renamed = addCosignature(log.forked.note(5), 'test.local/s2/mirror', siteOf(1).mirror)
    const future = log.cosigned(5, [1], NOON_S + 301)
    const { text, signatures } = parseNote(log.cosigned(5, [3]))
    const spoiled = formatNote(
      text,
      signatures.map((line) => ({ ...line, signature: line.signature.with(20, (line.signature[20] ?? 0) ^ 1) })),
    )
    for (const note of [stranger, renamed, future, spoiled]) expect(cosignatures.add(log, note)).toBe('known')
    expect(store.cosignatures(log.origin, 0, 100)).toEqual([])
    expect(cosignatures.add(log, log.cosigned(5, [1], NOON_S + 300))).toBe('stored')
  })

  it('do not stop a line that verifies from being kept beside one that does not', () => {
    const { store, log, cosignatures } = world()
    log.grow(5)
    const note = addCosignature(log.cosigned(5, [0]), 'test.local/s1/mirror', testKey('another key'))
    expect(cosignatures.add(log, note)).toBe('stored')
    expect(store.cosignaturesAt(log.origin, 5).map(({ name }) => name)).toEqual(['test.local/s0/mirror'])
  })

  it('are replaced only by newer ones of the same site', () => {
    const { store, log, cosignatures } = world()
    log.grow(5)
    const stored = () => store.cosignaturesAt(log.origin, 5).map(({ line }) => line)
    cosignatures.add(log, log.cosigned(5, [0], NOON_S - 60))
    const first = stored()
    expect(cosignatures.add(log, log.cosigned(5, [0], NOON_S - 61))).toBe('known')
    expect(cosignatures.add(log, log.cosigned(5, [0], NOON_S - 60))).toBe('known')
    expect(stored()).toEqual(first)
    expect(cosignatures.add(log, log.cosigned(5, [0], NOON_S))).toBe('stored')
    expect(stored()).not.toEqual(first)
  })

  it('wait elsewhere when they are of a head that is not here, or of no block', () => {
    const { store, log, cosignatures } = world()
    log.grow(5)
    expect(cosignatures.add(log, log.cosigned(6, [0]))).toBe('ahead')
    expect(cosignatures.add(log, log.cosigned(4, [0]))).toBe('unsealed')
    expect(store.cosignatures(log.origin, 0, 10)).toEqual([])
  })

  it('under another history are no votes, and are told', () => {
    const { store, log, cosignatures, told } = world()
    log.grow(5)
    const other = addCosignature(log.forked.note(5, 1), 'test.local/s0/mirror', siteOf(0).mirror)
    expect(cosignatures.add(log, other)).toBe('conflict')
    expect(told.conflicts).toEqual([other])
    expect(store.cosignatures(log.origin, 0, 10)).toEqual([])
  })

  it('of another log are refused', () => {
    const { log, cosignatures } = world()
    const other = addCosignature(new ForkedLog('test.local/other/1').note(3), 'test.local/s0/mirror', siteOf(0).mirror)
    expectCode('WRONG_ORIGIN', () => cosignatures.add(log, other))
    expectCode('BAD_NOTE', () => cosignatures.add(log, 'nothing'))
  })
})

describe('rows that somebody wrote into the table', () => {
  it('count for nothing after a start unless they verify over the tree that is held', () => {
    const { store, log, reopened } = world([0])
    log.grow(3)
    log.grow(2)
    const lineOf = (note: string) => note.trimEnd().split('\n').at(-1) ?? ''
    const name = 'test.local/s0/mirror'
    const other = lineOf(addCosignature(log.forked.note(5, 1), name, siteOf(0).mirror))
    const planted = [
      { size: 5, name, line: `${other}\n` },
      { size: 3, name, line: `${lineOf(log.cosigned(5, [0]))}\n` },
      { size: 9, name, line: `${lineOf(log.cosigned(9, [0]))}\n` },
      { size: 4, name, line: 'no line' },
    ]
    store.putCosignatures(log.origin, planted)
    const { grades, cosignatures } = reopened()
    expect(grades.gradeAt(log, 0)).toEqual({ name: 'sealed', k: 0, q: 1 })
    expect(cosignatures.portable(log, 0).isFinal).toBe(false)
    expect(parseNote(cosignatures.portable(log, 0).note).signatures).toHaveLength(1)
    // And they do not hide an older one that does.
    store.putCosignatures(log.origin, [{ size: 3, name, line: `${lineOf(log.cosigned(3, [0]))}\n` }])
    expect(reopened().grades.finalSize(log)).toBe(3)
  })
})

describe('the checkpoint for strangers', () => {
  it('is the newest with a quorum, with all lines', () => {
    const { log, cosignatures } = world()
    for (const size of [3, 3, 3]) log.grow(size)
    cosignatures.add(log, log.cosigned(3, [0, 1, 2]))
    cosignatures.add(log, log.cosigned(6, [0, 1, 3]))
    cosignatures.add(log, log.cosigned(9, [0, 1]))
    const head = cosignatures.portable(log, 2)
    expect(head).toMatchObject({ size: 6, isFinal: true })
    const keys = [0, 1, 3].map((n) => ({ name: `test.local/s${n}/mirror`, publicKey: siteOf(n).mirror.publicKey }))
    expect(openCosignatures(head.note, keys, verifier).cosignatures).toHaveLength(3)
    // No quorum holds entry 7: the one that most sites did.
    expect(cosignatures.portable(log, 7)).toMatchObject({ size: 9, isFinal: false })
  })

  it('is the head itself while nobody has cosigned', () => {
    const { log, cosignatures } = world()
    log.grow(4)
    expect(cosignatures.portable(log, 1)).toEqual({
      size: 4,
      root: log.head.root,
      note: log.head.note,
      isFinal: false,
    })
  })
})

describe('roster versions', () => {
  it('decide each about their own entries, and a later one about all before it', () => {
    const { log, cosignatures, grades } = world([0, 1, 2, 3])
    log.grow(4)
    log.inForce(rosterOf(0), 4)
    log.grow(4)
    cosignatures.add(log, log.cosigned(4, [0]))
    expect(grades.gradeAt(log, 0)).toEqual({ name: 'cosigned', k: 1, q: 3 })
    cosignatures.add(log, log.cosigned(8, [0]))
    expect(grades.gradeAt(log, 7)).toEqual({ name: 'final', k: 1, q: 1 })
    expect(grades.gradeAt(log, 0)).toEqual({ name: 'final', k: 1, q: 1 })
    expect(cosignatures.portable(log, 0)).toMatchObject({ size: 8, isFinal: true })
  })

  it('do not let sites that left decide about what came after', () => {
    const { log, cosignatures, grades } = world([0])
    log.grow(4)
    log.inForce(rosterOf(1, 2), 4)
    log.grow(4)
    expect(cosignatures.add(log, log.cosigned(8, [0]))).toBe('stored')
    expect(grades.finalSize(log)).toBe(4)
    expect(grades.gradeAt(log, 5)).toEqual({ name: 'sealed', k: 0, q: 2 })
  })
})

describe('a log with a fork proof', () => {
  it('keeps what is final and contests the rest', () => {
    const { log, cosignatures, grades, contests } = world([0, 1, 2, 3])
    log.grow(4)
    log.grow(4)
    cosignatures.add(log, log.cosigned(4, [0, 1, 2]))
    cosignatures.add(log, log.cosigned(8, [0]))
    contests.set(log.origin, { from: 3, convicted: new Set([keyOfSite(0)]) })
    grades.changed(log.origin)
    // One liar among four is what the quorum allows for.
    expect(grades.gradeAt(log, 3)).toEqual({ name: 'final', k: 3, q: 3 })
    expect(grades.gradeAt(log, 4)).toEqual({ name: 'contested', k: 1, q: 3 })
  })

  it('counts the votes of more liars than allowed only before what they contradicted', () => {
    const { log, cosignatures, grades, contests } = world([0])
    log.grow(4)
    log.grow(4)
    cosignatures.add(log, log.cosigned(4, [0]))
    cosignatures.add(log, log.cosigned(8, [0]))
    expect(grades.finalSize(log)).toBe(8)
    contests.set(log.origin, { from: 8, convicted: new Set([keyOfSite(0)]) })
    grades.changed(log.origin)
    expect(grades.finalSize(log)).toBe(4)
    expect(grades.gradeAt(log, 4)).toEqual({ name: 'contested', k: 0, q: 1 })
    contests.set(log.origin, { from: 4, convicted: new Set([keyOfSite(0)]) })
    grades.changed(log.origin)
    expect(grades.finalSize(log)).toBe(0)
  })
})

/** Site, place of the block, one or two blocks at a time. */
const votes = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 6 })), { maxLength: 12 })

it('grades every entry as a count of all votes says, in whatever order they come, before and after a start', () => {
  fc.assert(
    fc.property(votes, (drawn) => {
      const { log, cosignatures, reopened } = world()
      for (let block = 0; block < 6; block++) log.grow(2)
      for (const [site, block] of drawn) cosignatures.add(log, log.cosigned(block * 2, [site]))
      const { grades } = reopened()
      for (let index = 0; index < 12; index++) {
        const sites = new Set(drawn.filter(([, block]) => block * 2 > index).map(([site]) => site))
        const name = sites.size >= 3 ? 'final' : sites.size > 0 ? 'cosigned' : 'sealed'
        expect(grades.gradeAt(log, index)).toEqual({ name, k: sites.size, q: 3 })
      }
    }),
    { numRuns: runs(10, 100) },
  )
})
