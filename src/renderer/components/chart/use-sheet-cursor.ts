import { computed, nextTick, ref, type Ref } from 'vue'
import type { FlowColumn, FlowRow, ReadingInChart } from './flowsheet.ts'
import { isMove, moveFrom, type Place } from './grid-move.ts'

/**
 * The one cell of a sheet that has, or would get, the focus. Cells carry `data-at="row:column"`, what takes the focus
 * inside them `data-cell`.
 *
 * @param table - Holds the cells.
 * @param rows - Rows of the sheet.
 * @param columns - Columns on screen.
 */
export function useSheetCursor(
  table: Readonly<Ref<HTMLElement | null>>,
  rows: () => readonly FlowRow[],
  columns: () => readonly FlowColumn[],
) {
  const place = ref<Place | null>(null)

  const cellAt = ({ row, column }: Place): ReadingInChart | null => {
    const at = columns()[column]
    const key = rows()[row]?.key
    return at?.type === 'set' && key !== undefined ? (at.cells.get(key) ?? null) : null
  }
  // A column of rejected records is one tall cell, which stands in the first row.
  const isFilled = (one: Place): boolean =>
    cellAt(one) !== null || (one.row === 0 && columns()[one.column]?.type === 'rejected')

  /** Where Tab enters: the newest value of the first row that has any. */
  const entrance = computed<Place | null>(() => {
    for (let column = columns().length - 1; column >= 0; column--) {
      const row = rows().findIndex((_, n) => isFilled({ row: n, column }))
      if (row >= 0) return { row, column }
    }
    return null
  })
  const current = computed(() => (place.value !== null && isFilled(place.value) ? place.value : entrance.value))
  /** The reading that was chosen; null before anything was. */
  const selected = computed(() => (place.value === null ? null : cellAt(place.value)))

  function focusCell(at: Place): void {
    place.value = at
    void nextTick(() => {
      const cell = table.value?.querySelector<HTMLElement>(`[data-at="${at.row}:${at.column}"] [data-cell]`)
      cell?.focus({ preventScroll: true })
      cell?.closest('td')?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
    })
  }

  function keydown(event: KeyboardEvent): void {
    if (!isMove(event.key) || current.value === null) return
    event.preventDefault()
    focusCell(moveFrom(current.value, event.key, { rows: rows().length, columns: columns().length }, isFilled))
  }

  /** Follows the focus wherever it came from. */
  function focused(event: FocusEvent): void {
    const at = event.target instanceof Element ? event.target.closest('[data-at]')?.getAttribute('data-at') : null
    const [row, column] = (at ?? '').split(':').map(Number)
    if (at && row !== undefined && column !== undefined) place.value = { row, column }
  }

  return {
    selected,
    focusCell,
    keydown,
    focused,
    isCurrent: (row: number, column: number) => current.value?.row === row && current.value.column === column,
    isChosen: (row: number, column: number) => place.value?.row === row && place.value.column === column,
    clear: () => (place.value = null),
  }
}
