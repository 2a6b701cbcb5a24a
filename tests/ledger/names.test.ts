import { expect, it } from 'vitest'
import { isName, originOf, splitOrigin } from '../../src/ledger/names.ts'
import { expectCode } from '../support/expect-code.ts'

it('takes an origin apart and puts it together', () => {
  expect(splitOrigin('chartseal.local/riverside/n1/1')).toEqual({ log: 'chartseal.local/riverside/n1', incarnation: 1 })
  expect(originOf('chartseal.local/riverside/n1', 12)).toBe('chartseal.local/riverside/n1/12')
})

it.each([
  '',
  'a',
  'a/0',
  'a/01',
  'a/-1',
  'a/1 ',
  '/1',
  '/a/1',
  'A/1',
  'a b/1',
  'a//1',
  'a/1\n',
  'é/1',
  `${'a'.repeat(121)}/1`,
])('refuses the origin %j', (origin) => {
  expectCode('BAD_NAME', () => splitOrigin(origin))
})

it('knows names', () => {
  for (const name of ['a', 'a.b-c/d', 'a'.repeat(120)]) expect(isName(name)).toBe(true)
  for (const name of ['', '/', '/a', 'a/', 'A', 'a_b', 'a\n', 'a'.repeat(121)]) expect(isName(name)).toBe(false)
})
