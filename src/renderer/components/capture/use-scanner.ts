import { onBeforeUnmount } from 'vue'
import { isCardText, ScanDetector } from './scanner.ts'

/** Who hears scans, the newest last: a dialog before the view it covers, a view before the frame. */
const listeners: { heard(code: string): void; wants(): boolean }[] = []
const detector = new ScanDetector()
/** Where the last key went. */
let place: EventTarget | null = null
/** The field that the keys of the present burst go into, and what stood in it before. */
let field: { element: HTMLInputElement | HTMLTextAreaElement; before: string } | null = null

/**
 * Hears scans anywhere in the window while the component is there, unless one that came later hears them.
 *
 * @param heard - Receives the scanned text: an identifier, a GS1 element string, or the secret text of a card.
 * @param wants - False while scans are left to whoever listens below, or to the field that they go into.
 */
export function useScanner(heard: (code: string) => void, wants: () => boolean = () => true): void {
  const listener = { heard, wants }
  if (listeners.length === 0) window.addEventListener('keydown', listen, { capture: true })
  listeners.push(listener)
  onBeforeUnmount(() => {
    listeners.splice(listeners.indexOf(listener), 1)
    if (listeners.length === 0) window.removeEventListener('keydown', listen, { capture: true })
  })
}

function listen(event: KeyboardEvent): void {
  if (event.ctrlKey || event.altKey || event.metaKey) return
  // A scanner types all of it into one place: whoever moved on and pressed Enter there did so by hand.
  if (event.target !== place) detector.clear()
  place = event.target
  const scan = detector.key(event.key, event.timeStamp)
  if (detector.length === 1) remember(event.target)
  const listener = listeners.findLast((one) => one.wants())
  // What nobody waits for may as well have been typed by a program; a card is a secret wherever it went.
  if (scan === null || (listener === undefined && !isCardText(scan))) return
  // The Enter at the end of a scan must not press whatever has the focus.
  event.preventDefault()
  event.stopPropagation()
  takeBack(event.target)
  listener?.heard(scan.trim())
}

function remember(target: EventTarget | null): void {
  const isField = target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement
  field = isField ? { element: target, before: target.value } : null
}

/** A scan that went into a field by accident is no value: it leaves the field as it was. */
function takeBack(target: EventTarget | null): void {
  if (target === null || field?.element !== target) return
  field.element.value = field.before
  field.element.dispatchEvent(new Event('input', { bubbles: true }))
  field = null
}
