import { afterAll, describe, expect, it } from 'vitest'
import type { Page } from 'playwright-core'
import { endLeftovers, launch, SHELLS } from './support/launcher.ts'
import * as window from './support/window.ts'

/** A whole set of observations without a mouse: WCAG 2.1.1, and what gloves and a scanner leave of a workstation. */
describe.each(SHELLS)('$title: keyboard alone', ({ name, missing }) => {
  afterAll(endLeftovers)

  it.skipIf(missing)('signs in, finds a patient, confirms, types, signs and reads the chart', async () => {
    const app = await launch(name, { demo: true })
    const { page } = app
    const keys = page.keyboard
    window.pictureOnFailure(page, 'keyboard')
    await window.heading(page, 'Who is working?').waitFor()
    await page.evaluate(countPointers)

    const { name: nurse, pin } = await window.demoPerson(page, 'Nurse')
    await tabTo(page, nurse)
    await keys.press('Enter')
    await focusOn(page, `PIN of ${nurse}`)
    await keys.type(pin)
    await keys.press('Enter')
    await page.getByRole('row').nth(1).waitFor()

    await keys.press('F2')
    await focusOn(page, 'Find a patient')
    // As fast as people type: a scanner is faster, and its Enter presses nothing.
    await keys.type('thistledown', { delay: 60 })
    await page.getByText('1 of 12 patients').waitFor()
    await keys.press('Enter')
    await window.button(page, 'Take observations').waitFor()
    await tabTo(page, 'Take observations')
    await keys.press('Enter')

    await page.getByRole('dialog', { name: 'Is this the right patient?' }).waitFor()
    await keys.press('Enter')
    await focusOn(page, 'Respiratory rate')
    await keys.type('23')
    await keys.press('Enter')
    await keys.press('v')
    await page.getByText('Responds to voice').first().waitFor()
    await keys.press('Enter')
    await keys.press('r')
    await keys.press('Enter')
    await focusOn(page, 'Temperature')
    await keys.type('38.7')
    await window.button(page, /^Sign \d+ values/).waitFor()
    await keys.press('Control+Enter')

    await window.heading(page, /values sealed$/).waitFor()
    const rows = await window.sealedRows(page)
    for (const typed of ['Respiratory rate 23 /min', 'Consciousness Responds to voice', 'Temperature 38.7 °C'])
      expect(rows).toContain(typed)
    await tabTo(page, 'Open chart')
    await keys.press('Enter')
    const cells = await window.flowsheet(page)
    expect(cells.at(-1)).toMatch(/^Temperature 38.7 °C, .*(Sealed in this site’s log|Final: countersigned)/)

    // The newest value, then its proof, then back to where the focus was.
    await tabTo(page, /^Respiratory rate 23 .*Show the proof$/)
    await keys.press('Enter')
    await page.getByRole('dialog', { name: /^Proof of entry/ }).waitFor()
    await keys.press('Escape')
    await focusOn(page, /^Respiratory rate 23/)

    expect(await page.evaluate(() => (globalThis as unknown as { pointers: number }).pointers)).toBe(0)
    expect(app.problems).toEqual([])
    expect(await app.stop()).toBe(0)
  })
})

/** Runs in the page. Keys that press a button make a click without a pointer, so clicks are not counted. */
function countPointers(): void {
  const counted = globalThis as unknown as { pointers: number }
  counted.pointers = 0
  for (const type of ['pointerdown', 'mousedown', 'touchstart'])
    addEventListener(type, () => (counted.pointers += 1), { capture: true })
}

/** Presses Tab until the focus is on what has this name. */
async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  for (let presses = 0; presses < 80; presses++) {
    if (matches(await focused(page), name)) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`Tab never reaches ${String(name)}`)
}

async function focusOn(page: Page, name: string | RegExp): Promise<void> {
  await expect.poll(async () => matches(await focused(page), name)).toBe(true)
}

function matches(text: string, name: string | RegExp): boolean {
  return typeof name === 'string' ? text.includes(name) : name.test(text)
}

/** The name of what has the focus. */
function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement
    // Whole regions can have the focus too, and their text holds every name.
    if (!(element instanceof HTMLElement) || !element.matches('a, button, input')) return ''
    const label = element.getAttribute('aria-label')
    const labels = element instanceof HTMLInputElement ? [...(element.labels ?? [])].map((one) => one.innerText) : []
    return (label ?? (labels.length > 0 ? labels.join(' ') : element.innerText)).replace(/\s+/g, ' ').trim()
  })
}
