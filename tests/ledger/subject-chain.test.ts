import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type ChainLink, checkSubjectChain, nextPlacement } from '../../src/ledger/subject-chain.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'

/** A chain as a writer makes it. */
function chainOf(length: number): ChainLink[] {
  const links: ChainLink[] = []
  for (let i = 0; i < length; i++) {
    links.push({ placement: nextPlacement(links.at(-1) ?? null), leaf: new Uint8Array(32).fill(i + 1) })
  }
  return links
}

it('accepts whole chains', () => {
  for (const length of [0, 1, 2, 50]) checkSubjectChain(chainOf(length))
})

it('misses no link that was removed, repeated or exchanged', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 20 }), fc.nat(), fc.nat(), (length, i, j) => {
      const links = chainOf(length)
      // The last link can be missing unseen: that is what the head of the log and the next entry are for.
      const at = i % (length - 1)
      const [link, other] = [links[at], links[j % length]]
      if (link === undefined || other === undefined) return
      const check = (bent: ChainLink[]) =>
        codeOf(() => {
          checkSubjectChain(bent)
        })
      expect(check(links.toSpliced(at, 1))).toBe('CHAIN_BROKEN')
      expect(check(links.toSpliced(at, 0, link))).toBe('CHAIN_BROKEN')
      if (link !== other) expect(check(links.with(at, other))).toBe('CHAIN_BROKEN')
    }),
  )
})

it('refuses an entry that follows another leaf', () => {
  const [first, second] = chainOf(2)
  if (first === undefined || second === undefined) throw new Error('a chain of two has two links')
  expectCode('CHAIN_BROKEN', () => {
    checkSubjectChain([{ ...first, leaf: new Uint8Array(32) }, second])
  })
  expectCode('CHAIN_BROKEN', () => {
    checkSubjectChain([{ ...first, placement: { subjectSeq: 0, previousLeaf: new Uint8Array(32) } }])
  })
})
