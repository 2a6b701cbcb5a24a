import { describe, expect, it } from 'vitest'
import { nobleHasher, utf8 } from '../../src/ledger/hash.ts'
import { quorumOf } from '../../src/ledger/quorum.ts'
import { answersNeeded, decideStart, type HighWater, type StartUp } from '../../src/ledger/start-up.ts'
import type { TreeHead } from '../../src/ledger/tree-size.ts'

/** Two histories that part at size 6: the same before, others from there on. */
const root = (size: number, branch: 'a' | 'b' = 'a') => nobleHasher.sha256(utf8(`${size < 6 ? 'a' : branch} ${size}`))
const head = (size: number, branch: 'a' | 'b' = 'a'): TreeHead => ({ size, root: root(size, branch) })

const start = (over: Partial<StartUp<TreeHead>> = {}): StartUp<TreeHead> => ({
  head: head(10),
  isTreeDamaged: false,
  rootAt: (size) => root(size),
  mark: { kind: 'note', head: head(10) },
  isRestored: false,
  isSamePlace: true,
  answers: [],
  n: 4,
  q: 3,
  ...over,
})
const said = (over: Partial<StartUp<TreeHead>>) => {
  const decision = decideStart(start(over))
  return decision.kind === 'sign' ? 'sign' : `${decision.kind} ${decision.why}`
}
const note = (size: number, branch: 'a' | 'b' = 'a'): HighWater<TreeHead> => ({
  kind: 'note',
  head: head(size, branch),
})
const answers = (...heads: (TreeHead | null)[]) => heads.map((h, i) => ({ site: `s${i}`, head: h }))

describe('a start', () => {
  it.each<[string, Partial<StartUp<TreeHead>>, string]>([
    ['everything fits', {}, 'sign'],
    ['it is cut off', { answers: [] }, 'sign'],
    ['a crash came between commit and mark', { mark: note(7) }, 'sign'],
    ['others know less, or nothing', { answers: answers(head(4), null, head(10)) }, 'sign'],
    ['the database is older than the mark', { mark: note(11) }, 'recover rolled-back'],
    ['the database is gone', { head: null }, 'recover rolled-back'],
    ['the database says something else than the mark', { mark: note(10, 'b') }, 'recover other-history'],
    ['the database parted from the mark long ago', { mark: note(7, 'b') }, 'recover other-history'],
    ['others know more', { answers: answers(null, head(11)) }, 'recover peers-ahead'],
    ['another cosigned another branch', { answers: answers(head(8, 'b')) }, 'recover peers-inconsistent'],
    ['one knows more and one another', { answers: answers(head(11), head(8, 'b')) }, 'recover peers-inconsistent'],
    ['nobody knows anything', { head: null, mark: { kind: 'missing' }, n: 1, q: 1 }, 'recover mark-missing'],
    ['alone, without a mark', { mark: { kind: 'missing' }, n: 1, q: 1 }, 'recover mark-missing'],
    ['alone, with a bad mark', { mark: { kind: 'damaged' }, n: 1, q: 1 }, 'recover mark-damaged'],
    ['without a mark, others not asked yet', { mark: { kind: 'missing' } }, 'pending mark-missing'],
    [
      'with a bad mark, one of two answered',
      { mark: { kind: 'damaged' }, answers: answers(null) },
      'pending mark-damaged',
    ],
    [
      'without a mark, enough answered',
      { mark: { kind: 'missing' }, answers: answers(head(9), null) },
      'recover mark-missing',
    ],
    [
      'without a mark, one knows more',
      { mark: { kind: 'missing' }, answers: answers(head(12)) },
      'recover peers-ahead',
    ],
    ['a backup was put back', { isRestored: true, mark: note(11) }, 'recover restored'],
    ['it runs elsewhere', { isSamePlace: false }, 'recover moved'],
    ['the tree is damaged', { isTreeDamaged: true }, 'recover tree-damaged'],
  ])('when %s', (_name, over, expected) => {
    expect(said(over)).toBe(expected)
  })

  it('shows the answers that decided, the largest first', () => {
    const decision = decideStart(start({ answers: answers(head(11), head(3), head(14)) }))
    expect(decision).toEqual({
      kind: 'recover',
      why: 'peers-ahead',
      answers: [answers(null, null, head(14))[2], answers(head(11))[0]],
    })
  })
})

it('waits for as many sites as see past every quorum', () => {
  expect([1, 2, 3, 4, 5, 7, 10].map((n) => answersNeeded({ n, q: quorumOf(n) }))).toEqual([0, 1, 2, 2, 2, 3, 4])
  expect(answersNeeded({ n: 4, q: 1 })).toBe(3)
})

describe('of all combinations', () => {
  const heads: (TreeHead | null)[] = [null, head(4), head(8), head(8, 'b'), head(10), head(10, 'b'), head(12)]
  const marks: HighWater<TreeHead>[] = [
    { kind: 'missing' },
    { kind: 'damaged' },
    ...heads.flatMap((h): HighWater<TreeHead>[] => (h === null ? [] : [{ kind: 'note', head: h }])),
  ]
  const everyAnswer = [[], ...heads.map((h) => [h]), ...heads.flatMap((h) => heads.map((i) => [h, i]))]
  const flags = [false, true]

  it('none signs that could contradict anything that is known', () => {
    let signed = 0
    for (const own of [null, head(4), head(10), head(10, 'b')]) {
      const branch = own !== null && own.size >= 6 ? (own.root[0] === root(10, 'b')[0] ? 'b' : 'a') : 'a'
      for (const mark of marks)
        for (const given of everyAnswer)
          for (const isTreeDamaged of flags)
            for (const isRestored of flags)
              for (const isSamePlace of flags)
                for (const [n, q] of [
                  [1, 1],
                  [4, 3],
                ] as const) {
                  const answersGiven = answers(...(n === 1 ? [] : given))
                  const decision = decideStart(
                    start({
                      head: own,
                      mark,
                      isTreeDamaged,
                      isRestored,
                      isSamePlace,
                      answers: answersGiven,
                      n,
                      q,
                      rootAt: (size) => root(size, branch),
                    }),
                  )
                  const isBad = isTreeDamaged || isRestored || !isSamePlace
                  // The slow, obvious model: every head that is known is a beginning of what the database has.
                  const known = [mark.kind === 'note' ? mark.head : null, ...answersGiven.map((a) => a.head)]
                  const fits = known.every(
                    (k) =>
                      k === null ||
                      (own !== null && k.size <= own.size && Buffer.compare(k.root, root(k.size, branch)) === 0),
                  )
                  const may = !isBad && fits && mark.kind === 'note'
                  expect(decision.kind === 'sign').toBe(may)
                  if (decision.kind === 'pending') expect(mark.kind).not.toBe('note')
                  if (may) signed += 1
                }
    }
    expect(signed).toBeGreaterThan(20)
  })
})
