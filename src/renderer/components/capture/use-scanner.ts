import { onBeforeUnmount, onMounted } from 'vue'
import { ScanDetector } from './scanner.ts'

/**
 * Hears scans anywhere in the window while the component is there, outside of text fields.
 *
 * @param heard - Receives the scanned identifier.
 */
export function useScanner(heard: (identifier: string) => void): void {
  const detector = new ScanDetector()
  function listen(event: KeyboardEvent): void {
    const isField = event.target instanceof HTMLInputElement && event.target.type === 'search'
    if (isField || event.ctrlKey || event.altKey || event.metaKey) return
    const scan = detector.key(event.key, event.timeStamp)
    if (scan === null) return
    // The Enter at the end of a scan must not press whatever has the focus.
    event.preventDefault()
    event.stopPropagation()
    heard(scan)
  }
  onMounted(() => {
    window.addEventListener('keydown', listen, { capture: true })
  })
  onBeforeUnmount(() => {
    window.removeEventListener('keydown', listen, { capture: true })
  })
}
