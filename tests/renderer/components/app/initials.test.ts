import { expect, it } from 'vitest'
import { initialsOf } from '../../../../src/renderer/components/app/initials.ts'

it.each([
  ['Dr Miriam Castellane', 'MC'],
  ['Jonas Weatherby', 'JW'],
  ['Prof. Ada van der Berg', 'AB'],
  ['Björk', 'B'],
  ['  ', ''],
])('initials of %j are %j', (name, initials) => {
  expect(initialsOf(name)).toBe(initials)
})
