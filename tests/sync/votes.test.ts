import fc from 'fast-check'
import { expect, it } from 'vitest'
import { NO_VOTES, votesIn } from '../../src/sync/votes.ts'

const noteOf = (names: readonly string[]) =>
  `log/1\n5\nroot\n\n${['log/1', ...names].map((name) => `\u2014 ${name} AAAA\n`).join('')}`

it('a note with the line of its log alone has no votes', () => {
  expect(votesIn(noteOf([]), 'log/1')).toEqual(NO_VOTES)
})

it('what a witness saw is no vote', () => {
  expect(votesIn(noteOf(['a', 'w/witness']), 'log/1')).toEqual(votesIn(noteOf(['a']), 'log/1'))
})

it('the mark is FNV-1a over the sorted names, as written down', () => {
  // FNV-1a of "a" is a published value.
  expect(votesIn(noteOf(['a']), 'log/1')).toEqual({ votes: 1, mark: 0xe40c292c })
})

it('the order of lines and repeated lines change nothing', () => {
  const names = fc.uniqueArray(fc.constantFrom('a/mirror', 'b/mirror', 'c/mirror', 'd/mirror', 'e/mirror'), {
    minLength: 1,
  })
  fc.assert(
    fc.property(names, (list) => {
      const [first = ''] = list
      expect(votesIn(noteOf([...list.toReversed(), first]), 'log/1')).toEqual(votesIn(noteOf(list), 'log/1'))
    }),
  )
})

it('sets of one size have different marks', () => {
  const names = Array.from({ length: 22 }, (_, i) => `test.local/s${i}/mirror`)
  const marks = new Set<number>()
  for (const [i, a] of names.entries())
    for (const b of names.slice(i + 1)) marks.add(votesIn(noteOf([a, b]), 'log/1').mark)
  expect(marks.size).toBe((22 * 21) / 2)
})
