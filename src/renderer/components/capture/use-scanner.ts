import { onBeforeUnmount, onMounted } from 'vue'
import { identifierOf, ScanDetector } from './scanner.ts'

/**
 * Hears scans anywhere in the window while the component is there, except in search fields, which are made for them.
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
    takeBack(event.target, scan)
    heard(identifierOf(scan))
  }
  onMounted(() => {
    window.addEventListener('keydown', listen, { capture: true })
  })
  onBeforeUnmount(() => {
    window.removeEventListener('keydown', listen, { capture: true })
  })
}

/** A scan that went into a field by accident is no value: it leaves the field as it was. */
function takeBack(field: EventTarget | null, scan: string): void {
  if (!(field instanceof HTMLInputElement) || !field.value.endsWith(scan)) return
  field.value = field.value.slice(0, -scan.length)
  field.dispatchEvent(new Event('input', { bubbles: true }))
}
