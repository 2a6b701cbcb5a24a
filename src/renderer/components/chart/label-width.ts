/**
 * How wide the flowsheet's column of labels is, so that the newest values end at the right edge and none is cut in two
 * at the left: a mark without the value it vouches for must not be on screen.
 *
 * @remarks
 * Proven by `tests/renderer/components/chart/label-width.test.ts`.
 *
 * @packageDocumentation
 */

/**
 * The labels' width in pixels.
 *
 * @param boxPx - Width of what is visible of the sheet.
 * @param leastPx - Width that the labels need.
 * @param columnsPx - Widths of the columns of values, oldest first.
 * @returns `leastPx` when every column fits, or not even the newest does; else what the whole columns leave.
 */
export function labelWidth(boxPx: number, leastPx: number, columnsPx: readonly number[]): number {
  let usedPx = 0
  for (const columnPx of columnsPx.toReversed()) {
    if (leastPx + usedPx + columnPx > boxPx) return usedPx === 0 ? leastPx : Math.ceil(boxPx - usedPx)
    usedPx += columnPx
  }
  return leastPx
}
