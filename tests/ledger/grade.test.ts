import { expect, it } from 'vitest'
import { gradeOf } from '../../src/ledger/grade.ts'

it.each([
  [0, 1, 'sealed'],
  [1, 1, 'final'],
  [0, 3, 'sealed'],
  [1, 3, 'cosigned'],
  [2, 3, 'cosigned'],
  [3, 3, 'final'],
  [4, 3, 'final'],
] as const)('%i of %i cosignatures: %s', (cosigners, quorum, name) => {
  expect(gradeOf({ cosigners, quorum })).toEqual({ name, k: cosigners, q: quorum })
})

it('is not asked about no quorum', () => {
  expect(() => gradeOf({ cosigners: 0, quorum: 0 })).toThrow('bug')
  expect(() => gradeOf({ cosigners: -1, quorum: 1 })).toThrow('bug')
})
