/** What a test finds in dialogs, which are rendered at the end of the document. */
import { settle } from './mount-window.ts'

/** The topmost element that fits. */
function last<Wanted extends Element>(selector: string, fits: (element: Wanted) => boolean = () => true): Wanted {
  const found = [...document.querySelectorAll<Wanted>(selector)].filter(fits).at(-1)
  if (found === undefined) throw new Error(`nothing fits ${selector}`)
  return found
}

/** Types into the topmost field of that name. */
export async function fill(name: string, text: string): Promise<void> {
  const field = last<HTMLInputElement | HTMLTextAreaElement>(`[name="${name}"]`)
  field.value = text
  field.dispatchEvent(new Event('input', { bubbles: true }))
  await settle()
}

/** What stands in the topmost field of that name. */
export function typedIn(name: string): string {
  return last<HTMLInputElement | HTMLTextAreaElement>(`[name="${name}"]`).value
}

/** The topmost button whose words begin so. */
export function button(words: string): HTMLButtonElement {
  return last<HTMLButtonElement>('button', (one) =>
    (one.getAttribute('aria-label') ?? one.textContent).trim().startsWith(words),
  )
}

/** Presses it; a button that submits sends its form, as Enter in a field would. */
export async function press(words: string): Promise<void> {
  const pressed = button(words)
  if (pressed.disabled) throw new Error(`${words} is disabled`)
  const form = pressed.type === 'submit' ? pressed.getAttribute('form') : null
  if (form === null) pressed.click()
  else last<HTMLFormElement>(`#${form}`).dispatchEvent(new Event('submit', { bubbles: true, cancelable: true }))
  await settle()
}

/** Ticks or unticks the box, or chooses the answer, of that value. */
export async function tick(value: string): Promise<void> {
  last<HTMLInputElement>(`input[value="${value}"]`).click()
  await settle()
}

/** Everything on screen. */
export const screen = (): string => document.body.textContent
