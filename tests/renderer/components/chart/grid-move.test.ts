import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isMove, moveFrom, MOVES } from '../../../../src/renderer/components/chart/grid-move.ts'

describe('moveFrom', () => {
  const size = { rows: 3, columns: 4 }
  const filled = new Set(['0:0', '0:3', '1:1', '2:3'])
  const isFilled = ({ row, column }: { row: number; column: number }): boolean => filled.has(`${row}:${column}`)

  it('skips holes, stays at edges, and goes to the ends of a row', () => {
    expect(moveFrom({ row: 0, column: 0 }, 'ArrowRight', size, isFilled)).toEqual({ row: 0, column: 3 })
    expect(moveFrom({ row: 0, column: 3 }, 'ArrowDown', size, isFilled)).toEqual({ row: 2, column: 3 })
    expect(moveFrom({ row: 1, column: 1 }, 'ArrowUp', size, isFilled)).toEqual({ row: 1, column: 1 })
    expect(moveFrom({ row: 0, column: 3 }, 'Home', size, isFilled)).toEqual({ row: 0, column: 0 })
    expect(moveFrom({ row: 0, column: 0 }, 'End', size, isFilled)).toEqual({ row: 0, column: 3 })
  })

  it('always lands on a filled cell (property)', () => {
    const cells = fc.uniqueArray(fc.tuple(fc.nat(5), fc.nat(7)), { minLength: 1, selector: String })
    fc.assert(
      fc.property(cells, fc.array(fc.constantFrom(...MOVES), { maxLength: 30 }), (list, moves) => {
        const set = new Set(list.map(([row, column]) => `${row}:${column}`))
        const has = ({ row, column }: { row: number; column: number }): boolean => set.has(`${row}:${column}`)
        let place = { row: list[0]?.[0] ?? 0, column: list[0]?.[1] ?? 0 }
        for (const move of moves) {
          place = moveFrom(place, move, { rows: 6, columns: 8 }, has)
          expect(has(place)).toBe(true)
        }
      }),
    )
  })

  it('knows its keys', () => {
    expect(MOVES.every(isMove)).toBe(true)
    expect(isMove('Enter')).toBe(false)
  })
})
