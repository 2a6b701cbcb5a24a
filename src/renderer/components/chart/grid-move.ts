/**
 * Arrow keys in a sheet with holes: from one filled cell to the next one in that direction.
 * Proven by `tests/renderer/components/chart/grid-move.test.ts`.
 */

/** Row and column of a cell. */
export interface Place {
  readonly row: number
  readonly column: number
}

/** Keys that move. */
export const MOVES = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End'] as const
/** A key of {@link MOVES}. */
export type Move = (typeof MOVES)[number]

/** True when `key` moves. */
export function isMove(key: string): key is Move {
  return (MOVES as readonly string[]).includes(key)
}

/**
 * Where `key` leads from `from`.
 *
 * @param isFilled - Whether a cell can take the focus.
 * @returns `from` itself when nothing lies in that direction.
 */
export function moveFrom(
  from: Place,
  key: Move,
  size: { rows: number; columns: number },
  isFilled: (place: Place) => boolean,
): Place {
  if (key === 'Home' || key === 'End') {
    const all = Array.from({ length: size.columns }, (_, column) => ({ row: from.row, column })).filter(isFilled)
    return (key === 'Home' ? all[0] : all.at(-1)) ?? from
  }
  const [rowStep, columnStep] = STEPS[key]
  let row = from.row + rowStep
  let column = from.column + columnStep
  while (row >= 0 && row < size.rows && column >= 0 && column < size.columns) {
    if (isFilled({ row, column })) return { row, column }
    row += rowStep
    column += columnStep
  }
  return from
}

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] } as const
