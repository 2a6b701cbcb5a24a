import { onBeforeUnmount, onMounted, ref, type Ref } from 'vue'
import { labelWidth } from './label-width.ts'

/** What the longest label needs. */
const LABEL_REM = 12

/**
 * Keeps the flowsheet's columns whole, now and when the window is resized.
 *
 * @param box - What scrolls.
 * @param table - The sheet in it.
 * @returns The labels' width in pixels, null until the columns were measured, and what measures them again.
 */
export function useLabelWidth(box: Readonly<Ref<HTMLElement | null>>, table: Readonly<Ref<HTMLElement | null>>) {
  const labelPx = ref<number | null>(null)

  function fit(): void {
    const heads = table.value?.querySelectorAll('.times th') ?? []
    const rootPx = Number.parseFloat(getComputedStyle(document.documentElement).fontSize)
    const widths = [...heads].map((head) => head.getBoundingClientRect().width)
    labelPx.value = labelWidth(box.value?.clientWidth ?? 0, LABEL_REM * rootPx, widths)
  }

  onMounted(() => addEventListener('resize', fit))
  onBeforeUnmount(() => removeEventListener('resize', fit))
  return { labelPx, fit }
}
