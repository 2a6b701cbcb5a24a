import { onBeforeUnmount, onMounted } from 'vue'

/** A key combination such as `F2`, `Ctrl+K` or `?`, and what it does. */
export type Shortcuts = Readonly<Record<string, (event: KeyboardEvent) => void>>

/** The name of the combination that `event` is. Letters are upper case; Command counts as Ctrl. */
export function combinationOf(event: KeyboardEvent): string {
  const key = event.key.length === 1 ? event.key.toUpperCase() : event.key
  const shift = event.shiftKey && event.key.length > 1 ? 'Shift+' : ''
  return `${event.ctrlKey || event.metaKey ? 'Ctrl+' : ''}${event.altKey ? 'Alt+' : ''}${shift}${key}`
}

/** True while typing text, where single characters belong to the text. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches('input:not([type=checkbox]):not([type=radio]), textarea, select'))
  )
}

/** Listens for `shortcuts` on the whole window while the component is there. */
export function useShortcuts(shortcuts: Shortcuts): void {
  function listen(event: KeyboardEvent): void {
    const run = event.defaultPrevented || event.isComposing ? undefined : shortcuts[combinationOf(event)]
    if (run === undefined || (event.key.length === 1 && !event.ctrlKey && !event.metaKey && isTyping(event))) return
    event.preventDefault()
    run(event)
  }
  onMounted(() => window.addEventListener('keydown', listen))
  onBeforeUnmount(() => window.removeEventListener('keydown', listen))
}
