import type { Page } from 'playwright-core'
import { expect } from 'vitest'

/** What people do who use no mouse: Tab to what has a name, and press a key. */

/** More stops than any screen has. */
const MOST_STOPS = 120

/** Runs in the page. Keys that press a button make a click without a pointer, so clicks are not counted. */
export function countPointers(): void {
  const counted = globalThis as unknown as { pointers: number }
  counted.pointers = 0
  for (const type of ['pointerdown', 'mousedown', 'touchstart'])
    addEventListener(type, () => (counted.pointers += 1), { capture: true })
}

/** How often a pointer was used since {@link countPointers}. */
export function pointersUsed(page: Page): Promise<number> {
  return page.evaluate(() => (globalThis as unknown as { pointers: number }).pointers)
}

/** Presses Tab until the focus is on what has this name. */
export async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  const passed: string[] = []
  for (let presses = 0; presses < MOST_STOPS; presses++) {
    const text = await focused(page)
    if (matches(text, name)) return
    passed.push(text)
    await page.keyboard.press('Tab')
  }
  throw new Error(`Tab never reaches ${String(name)}, only ${[...new Set(passed)].join(' | ')}`)
}

/** Tabs to something that is there or about to be, and presses it. */
export async function pressOn(page: Page, name: string | RegExp): Promise<void> {
  await tabTo(page, name)
  await page.keyboard.press('Enter')
}

/** Tabs to a field and types. */
export async function typeInto(page: Page, name: string | RegExp, text: string): Promise<void> {
  await tabTo(page, name)
  await page.keyboard.insertText(text)
}

/** Opens a select box, and takes the option that begins like this. */
export async function chooseIn(page: Page, name: string | RegExp, option: string): Promise<void> {
  await pressOn(page, name)
  await page.getByRole('option', { name: option, exact: true }).waitFor()
  await arrowTo(page, option, 'ArrowDown')
  await page.keyboard.press('Enter')
  await page.getByRole('option').first().waitFor({ state: 'detached' })
}

/** Goes through a menu or a list of tabs until the focus is on what has this name. */
export async function arrowTo(page: Page, name: string | RegExp, key: 'ArrowDown' | 'ArrowRight'): Promise<void> {
  const passed: string[] = []
  for (let presses = 0; presses < 20; presses++) {
    const text = await focused(page)
    if (matches(text, name)) return
    passed.push(text)
    await page.keyboard.press(key)
  }
  throw new Error(`${key} never reaches ${String(name)}, only ${passed.join(' | ')}`)
}

export async function focusOn(page: Page, name: string | RegExp): Promise<void> {
  await expect.poll(async () => matches(await focused(page), name), { timeout: 60_000 }).toBe(true)
}

function matches(text: string, name: string | RegExp): boolean {
  return typeof name === 'string' ? text.includes(name) : name.test(text)
}

/** The name of what has the focus. */
function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement
    // Whole regions can have the focus too, and their text holds every name.
    const STOPS =
      'a, button, summary, input, textarea, [role=tab], [role=menuitem], [role=menuitemradio], [role=option]'
    if (!(element instanceof HTMLElement) || !element.matches(STOPS)) return ''
    const hasLabels =
      element instanceof HTMLInputElement ||
      element instanceof HTMLTextAreaElement ||
      (element instanceof HTMLButtonElement && element.matches('[role=combobox]'))
    const labels = hasLabels ? [...(element.labels ?? [])].map((one) => one.innerText) : []
    const label = element.getAttribute('aria-label')
    return (label ?? (labels.length > 0 ? labels.join(' ') : element.innerText)).replace(/\s+/g, ' ').trim()
  })
}
