import type { Page } from 'playwright-core'
import { freePort } from '../../support/free-port.ts'
import { button, choose, CLINIC, goTo } from './window.ts'

/** What IT of two clinics, or of two workstations, does to connect them. */

/** Says under which port and address this computer is called, on the settings of its network page. */
export async function reachable(page: Page): Promise<void> {
  await goTo(page, 'Network')
  await page.getByRole('tab', { name: 'Settings' }).click()
  const port = await freePort()
  await page.getByLabel('Port').fill(`${port}`)
  await page.getByLabel('Find nodes in the local network').uncheck()
  await page.getByLabel('Addresses from outside').fill(`127.0.0.1:${port}`)
  await button(page, 'Save the settings').click()
  await page.getByText('Saved. The network part uses them at once.').waitFor()
}

/**
 * Makes an invitation as the first administrator, and closes its dialog.
 *
 * @param shown - While it is on screen.
 * @returns Its text.
 */
export async function invitation(
  page: Page,
  kind: 'clinic' | 'workstation',
  shown: () => Promise<void> = () => Promise.resolve(),
): Promise<string> {
  await page.getByRole('tab', { name: 'Invitations' }).click()
  await button(page, 'Invite a clinic or workstation').click()
  if (kind === 'workstation') await choose(page, 'Who is invited', 'Another workstation or server of this clinic')
  await page.getByLabel(`PIN of ${CLINIC.administrator.name}`).fill(CLINIC.administrator.pin)
  await button(page, 'Make the invitation').click()
  await page.getByRole('img', { name: 'Code of the invitation' }).waitFor()
  await shown()
  const text = await page.getByLabel('Text of the invitation').innerText()
  await button(page, 'Done').click()
  return text
}

/** Types the passphrase, where the operating system keeps none, and asks to join. */
export async function askToJoin(page: Page, passphrase: string): Promise<void> {
  const ask = button(page, 'Ask to join')
  if (!(await ask.isVisible())) {
    await button(page, 'Continue').click()
    await page.getByLabel('Passphrase', { exact: true }).fill(passphrase)
    await page.getByLabel('Passphrase once more').fill(passphrase)
  }
  await ask.click()
}

/** What the flowsheet says of the values that `part` is in; empty while there is none. */
export async function shownOf(page: Page, part: string): Promise<string> {
  const cells = page.getByRole('grid', { name: /^Flowsheet/ }).locator('td [data-cell]')
  const all = await cells.evaluateAll((found) => found.map((cell) => cell.getAttribute('aria-label') ?? ''))
  return all.filter((label) => label.includes(part)).join('\n')
}
