import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSatisfied, leastCosignatures, parsePolicy, quorumPolicy, soloPolicy } from '../../src/ledger/policy.ts'
import { quorumOf } from '../../src/ledger/quorum.ts'
import { encodeVkey } from '../../src/ledger/vkey.ts'
import { expectCode } from '../support/expect-code.ts'
import { testKey } from '../support/ledger-world.ts'

const key = (name: string) => ({ name: `${name}/mirror`, type: 4 as const, publicKey: testKey(name).publicKey })
const vkey = (name: string) => encodeVkey(key(name))
const sites = (n: number) => Array.from({ length: n }, (_, i) => ({ name: `s${i}`, key: key(`s${i}`) }))
const W = `witness a ${vkey('a')}\nwitness b ${vkey('b')}\nwitness c ${vkey('c')}\nwitness d ${vkey('d')}\n`
const verdict = (text: string, ...cosigned: string[]) => isSatisfied(parsePolicy(text), new Set(cosigned))

describe('policies', () => {
  it('of one site ask for its own mirror', () => {
    const site = { name: 's0', key: key('s0') }
    const text = soloPolicy(site)
    expect(quorumPolicy([site])).toBe(text)
    expect([verdict(text), verdict(text, 's0')]).toEqual([false, true])
    expect(leastCosignatures(parsePolicy(text))).toBe(1)
  })

  it('of more sites ask for a quorum, however it is made up', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.array(fc.nat({ max: 11 })), (n, picks) => {
        const text = quorumPolicy(sites(n))
        const cosigned = new Set(picks.map((i) => `s${i % n}`))
        expect(leastCosignatures(parsePolicy(text))).toBe(quorumOf(n))
        expect(verdict(text, ...cosigned)).toBe(cosigned.size >= quorumOf(n))
      }),
    )
  })

  it.each<[string, string[], boolean]>([
    [`${W}quorum none\n`, [], true],
    [`${W}quorum a\n`, ['a'], true],
    [`${W}quorum a\n`, ['b'], false],
    [`${W}group g any a b\nquorum g\n`, ['b'], true],
    [`${W}group g all a b\nquorum g\n`, ['b'], false],
    [`${W}group g all a b\nquorum g\n`, ['a', 'b'], true],
    [`${W}group g 2 a b c\nquorum g\n`, ['a', 'c'], true],
    [`${W}group g 2 a b c\nquorum g\n`, ['a', 'd'], false],
    [`${W}group x any a b\ngroup y any c d\ngroup g all x y\nquorum g\n`, ['a', 'b'], false],
    [`${W}group x any a b\ngroup y any c d\ngroup g all x y\nquorum g\n`, ['a', 'd'], true],
  ])('evaluate groups: %#', (text, cosigned, satisfied) => {
    expect(verdict(text, ...cosigned)).toBe(satisfied)
  })

  it('may hold comments, blank lines, tabs and addresses', () => {
    const text = `# ours\n\n\twitness  a\t${vkey('a')}  https://a.example/ \n   # more\nquorum a`
    expect(verdict(text, 'a')).toBe(true)
  })

  it.each([
    '',
    W,
    `${W}quorum\n`,
    `${W}quorum e\n`,
    `${W}quorum a b\n`,
    `${W}quorum a\nquorum a\n`,
    `quorum a\n${W}`,
    `${W}group g 0 a\nquorum g\n`,
    `${W}group g 3 a b\nquorum g\n`,
    `${W}group g 01 a b\nquorum g\n`,
    `${W}group g most a b\nquorum g\n`,
    `${W}group g any\nquorum g\n`,
    `${W}group g any e\nquorum g\n`,
    `${W}group g any g\nquorum g\n`,
    `${W}group g 2 a a\nquorum g\n`,
    `${W}group g any a b\ngroup h any b c\nquorum g\n`,
    `${W}group a any b\nquorum a\n`,
    `${W}group none any b\nquorum none\n`,
    `${W}witness e ${vkey('a')}\nquorum a\n`,
    `${W}witness a ${vkey('e')}\nquorum a\n`,
    `${W}vote a\nquorum a\n`,
    `${W}log ${vkey('e')}\nquorum a\n`,
    `${W}witness e ${encodeVkey({ ...key('e'), type: 1 })}\nquorum a\n`,
    `${W}quorum a\u0000\n`,
  ])('refuse %#', (text) => {
    expectCode('BAD_POLICY', () => parsePolicy(text))
  })

  it('refuse a broken key', () => {
    expectCode('BAD_VKEY', () => parsePolicy(`witness a ${vkey('a').slice(0, -1)}\nquorum a\n`))
  })
})
