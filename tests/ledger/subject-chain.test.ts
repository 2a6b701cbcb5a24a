import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nobleHasher, utf8 } from '../../src/ledger/hash.ts'
import {
  type ChainLink,
  checkChainAcross,
  checkSubjectChain,
  type DeclaredLoss,
  nextPlacement,
  type PlacedLink,
} from '../../src/ledger/subject-chain.ts'
import { toHex } from '../../src/shared/bytes.ts'
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

describe('a chain through several incarnations', () => {
  const leaf = (name: string) => nobleHasher.sha256(utf8(name))
  /** `name` at `place`, `seq`-th, after `before`. */
  const link = (
    name: string,
    [incarnation, index]: [number, number],
    seq: number,
    before: string | null,
  ): PlacedLink => ({
    placement: { subjectSeq: seq, previousLeaf: before === null ? null : leaf(before) },
    leaf: leaf(name),
    incarnation,
    index,
  })
  const a = link('a', [1, 5], 0, null)
  const b = link('b', [1, 8], 1, 'a')
  const c = link('c', [1, 9], 2, 'b')
  const b2 = link('b2', [2, 4], 1, 'a')
  const c2 = link('c2', [2, 6], 2, 'b2')
  const loss = (index: number, ranges: [number, number][] = [[8, 20]]): DeclaredLoss => ({
    incarnation: 1,
    ranges,
    declared: { incarnation: 2, index },
  })
  const leaves = (links: readonly PlacedLink[]) => links.map((l) => toHex(l.leaf))
  const broken = (links: readonly PlacedLink[], losses: readonly DeclaredLoss[]) => {
    expectCode('CHAIN_BROKEN', () => checkChainAcross(links, losses))
  }

  it('goes on', () => {
    const on = link('d', [2, 3], 3, 'c')
    expect(leaves(checkChainAcross([a, b, c, on], []))).toEqual(leaves([a, b, c, on]))
    broken([a, c, on], [])
    broken([a, b, c, link('d', [2, 3], 0, null)], [])
    broken([a, b, c, link('d', [2, 3], 3, 'b')], [])
  })

  it('goes on from before what was lost', () => {
    expect(leaves(checkChainAcross([a, b2, c2], [loss(1)]))).toEqual(leaves([a, b2, c2]))
    expect(leaves(checkChainAcross([a], [loss(1)]))).toEqual(leaves([a]))
  })

  it('lets lost entries come back beside it', () => {
    expect(leaves(checkChainAcross([a, b, c, b2], [loss(1)]))).toEqual(leaves([a, b2]))
    expect(leaves(checkChainAcross([a, b, b2, c2], [loss(1)]))).toEqual(leaves([a, b2, c2]))
    expect(leaves(checkChainAcross([a, b, c], [loss(1)]))).toEqual(leaves([a]))
    // One that came back without the one before it does not hang from anything.
    broken([a, c, b2], [loss(1)])
  })

  it('has two claims to a place only when the earlier was declared lost before the later was written', () => {
    broken([a, b, b2], [])
    broken([a, b, b2], [loss(5)])
    broken([a, b, b2], [loss(1, [[9, 20]])])
    broken([a, b, b2], [{ ...loss(1), incarnation: 2 }])
    broken([a, b, c, b2, link('x', [2, 7], 2, 'c')], [loss(1)])
  })

  it('is the whole of what was written, whatever is lost and comes back', () => {
    const run = fc.record({ kept: fc.nat({ max: 6 }), written: fc.nat({ max: 6 }), back: fc.boolean() })
    fc.assert(
      fc.property(fc.array(run, { minLength: 1, maxLength: 5 }), (runs) => {
        let line: PlacedLink[] = []
        const [all, losses]: [PlacedLink[], DeclaredLoss[]] = [[], []]
        for (const [i, { kept, written, back }] of runs.entries()) {
          const incarnation = i + 1
          const own = line.filter((l) => l.incarnation === i)
          const lost = own.slice(Math.min(kept, own.length))
          if (lost.length > 0) {
            const ranges: [number, number][] = [[lost[0]!.index, lost.at(-1)!.index + 1]]
            losses.push({ incarnation: i, ranges, declared: { incarnation, index: 1 } })
            line = line.slice(0, -lost.length)
            if (!back) for (const l of lost) all.splice(all.indexOf(l), 1)
          }
          for (let n = 0; n < written; n++) {
            const made = {
              ...link(`${i} ${n}`, [incarnation, 2 + n], 0, null),
              placement: nextPlacement(line.at(-1) ?? null),
            }
            line.push(made)
            all.push(made)
          }
        }
        expect(leaves(checkChainAcross(all, losses))).toEqual(leaves(line))
        // Leaving out one of the line is always noticed, unless it is the last that anything hangs from.
        for (const [at, missing] of line.slice(0, -1).entries()) {
          expect({
            at,
            code: codeOf(() =>
              checkChainAcross(
                all.filter((l) => l !== missing),
                losses,
              ),
            ),
          }).toEqual({
            at,
            code: 'CHAIN_BROKEN',
          })
        }
      }),
    )
  })
})
