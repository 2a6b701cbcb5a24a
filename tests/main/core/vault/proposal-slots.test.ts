import fc from 'fast-check'
import { expect, it } from 'vitest'
import { withHeard, type Slotted } from '../../../../src/main/core/vault/proposal-slots.ts'

const SITES = ['a', 'b', 'c', 'liar']
const of = (key: string, supporters: readonly string[], round = 0): Slotted => ({ key, supporters, round })
const after = (...heard: Slotted[]) =>
  heard.reduce<readonly Slotted[]>((kept, one) => withHeard(kept, one), []).map(({ key }) => key)

it('keeps what others propose beside whatever one site approves', () => {
  expect(after(of('lie', ['liar']), of('good', ['a']))).toEqual(['lie', 'good'])
  expect(after(of('good', ['a']), of('lie', ['liar'], 1000))).toEqual(['good', 'lie'])
  expect(after(of('good', ['a']), of('one', ['liar']), of('two', ['liar']), of('three', ['liar'], 1))).toEqual([
    'good',
    'three',
  ])
})

it('has no place for what no site approved', () => {
  expect(after(of('nobody', []))).toEqual([])
})

it('takes more approvals of what is there, and an attempt after it', () => {
  const kept = withHeard([of('one', ['a'])], of('one', ['a', 'b']))
  expect(kept).toEqual([of('one', ['a', 'b'])])
  expect(after(of('one', ['a', 'b']), of('again', ['a'], 1))).toEqual(['one', 'again'])
  expect(after(of('one', ['a', 'b']), of('again', ['a', 'b'], 1))).toEqual(['again'])
})

it('never keeps more than there are sites, nor loses the newest of a site that approves one thing in a round', () => {
  const proposal = fc.record({
    key: fc.constantFrom('p', 'q', 'r', 's', 't', 'u'),
    round: fc.nat(3),
    supporters: fc.subarray(SITES),
  })
  fc.assert(
    fc.property(fc.array(proposal, { maxLength: 30 }), fc.nat(30), (noise, at) => {
      const lies = noise.map((one) => ({ ...one, supporters: one.supporters.filter((site) => site === 'liar') }))
      const honest = of('honest', ['a'], 1)
      const heard = [...lies.slice(0, at), honest, ...lies.slice(at)]
      const kept = heard.reduce<readonly Slotted[]>((all, one) => withHeard(all, one), [])
      expect(kept).toContainEqual(honest)
      const all = noise.reduce<readonly Slotted[]>((so, one) => withHeard(so, one), [])
      expect(new Set(all.map(({ key }) => key)).size).toBe(all.length)
      expect(all.length).toBeLessThanOrEqual(SITES.length)
    }),
  )
})
