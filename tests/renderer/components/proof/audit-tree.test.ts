import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { drawTree, pathSteps } from '../../../../src/renderer/components/proof/audit-tree.ts'

/** RFC 9162 section 2.1.3.1, word for word: PATH(m, D_n) as ranges. */
function slowPath(m: number, lo: number, hi: number): { lo: number; hi: number }[] {
  const n = hi - lo
  if (n <= 1) return []
  let k = 1
  while (k * 2 < n) k *= 2
  return m < k ? [...slowPath(m, lo, lo + k), { lo: lo + k, hi }] : [...slowPath(m - k, lo + k, hi), { lo, hi: lo + k }]
}

describe('pathSteps', () => {
  it('is the recursive definition for every leaf of every tree up to 70', () => {
    for (let size = 1; size <= 70; size++)
      for (let index = 0; index < size; index++)
        expect(pathSteps(index, size).map((step) => step.sibling)).toEqual(slowPath(index, 0, size))
  })

  it('joins neighbours and ends at the whole tree', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        (size, at) => {
          const index = Math.min(size - 1, Math.floor(size * at))
          const steps = pathSteps(index, size)
          let way = { lo: index, hi: index + 1 }
          for (const step of steps) {
            const [left, right] = step.side === 'left' ? [step.sibling, way] : [way, step.sibling]
            expect(left.hi).toBe(right.lo)
            expect(step.parent).toEqual({ lo: left.lo, hi: right.hi })
            way = step.parent
          }
          expect(way).toEqual({ lo: 0, hi: size })
          expect(steps.length).toBeLessThanOrEqual(53)
        },
      ),
    )
  })

  it.each([
    [-1, 4],
    [4, 4],
    [0, 0],
    [Number.NaN, 4],
  ])('draws nothing for index %d in a tree of %d', (index, size) => {
    expect(pathSteps(index, size)).toEqual([])
  })
})

describe('drawTree', () => {
  it('is one root for a tree of one entry', () => {
    expect(drawTree(0, 1).nodes.map((node) => node.role)).toEqual(['root'])
  })

  it('puts every sibling on its side and the root on top', () => {
    const drawing = drawTree(5, 11)
    const root = drawing.nodes.find((node) => node.role === 'root')
    const siblings = drawing.nodes.filter((node) => node.role === 'sibling')
    expect(siblings.map((node) => [node.pathAt, node.range.lo, node.range.hi, node.x < (root?.x ?? 0)])).toEqual([
      [0, 4, 5, true],
      [1, 6, 8, false],
      [2, 0, 4, true],
      [3, 8, 11, false],
    ])
    expect(Math.min(...drawing.nodes.map((node) => node.y))).toBe(root?.y)
    expect(drawing.edges.filter((edge) => edge.isWay)).toHaveLength(4)
  })
})
