import { nextTick, onBeforeUnmount, ref } from 'vue'

/**
 * Shows a sheet while the printer's dialog is open. Put a `PrintSheet` behind `isPrinting`; the document's title, which
 * becomes the name of a file, names nobody.
 */
export function usePrint() {
  const isPrinting = ref(false)

  function end(): void {
    isPrinting.value = false
    window.removeEventListener('afterprint', end)
  }

  async function print(): Promise<void> {
    isPrinting.value = true
    await nextTick()
    window.addEventListener('afterprint', end)
    window.print()
  }

  onBeforeUnmount(end)
  return { isPrinting, print }
}
