import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Page } from 'playwright-core'
import { expectAccessible } from './support/axe.ts'
import { freshFolder } from './support/folder.ts'
import { endLeftovers, launch, SHELLS, type App } from './support/launcher.ts'
import * as window from './support/window.ts'

/** Every screen and dialog, light and dark, against what a program can check of WCAG 2.2 AA. */
const { CLINIC, button, heading } = window

describe.each(SHELLS)('$title: accessibility of the first run', ({ name, missing }) => {
  const folder = freshFolder('axe')
  afterAll(async () => {
    await endLeftovers()
    folder.remove()
  })

  it.skipIf(missing)('passes from the welcome to the recovery key, and at the next start', async () => {
    const app = await launch(name, { dataFolder: folder.path() })
    const { page } = app
    window.pictureOnFailure(page, 'axe-first-run')
    await heading(page, 'Welcome to Chartseal').waitFor()
    await expectAccessible(page, 'welcome')
    await button(page, /^Set up a clinic/).click()
    await button(page, 'Continue').click()
    await page.getByText('Fill in this field.').waitFor()
    await expectAccessible(page, 'clinic, with a mistake')
    await page.getByLabel('Name of the clinic').fill(CLINIC.name)
    await button(page, 'Continue').click()
    await page.getByLabel('Name', { exact: true }).fill(CLINIC.administrator.name)
    await expectAccessible(page, 'administrator')
    await page.getByLabel('PIN', { exact: true }).fill(CLINIC.administrator.pin)
    await page.getByLabel('PIN once more').fill(CLINIC.administrator.pin)
    const hasPassphrase = await window.toPassphrase(page)
    if (hasPassphrase) await expectAccessible(page, 'passphrase')
    await button(page, 'Create the clinic').click()
    await heading(page, 'Print the recovery key').waitFor()
    await expectAccessible(page, 'recovery key')
    expect(app.problems).toEqual([])
    await app.stop()
    if (!hasPassphrase) return

    const again = await launch(name, { dataFolder: folder.path() })
    await again.page.getByLabel('Start passphrase').fill('not this passphrase')
    await button(again.page, 'Open').click()
    await again.page.getByText('This passphrase does not open the clinic.').waitFor()
    await expectAccessible(again.page, 'unlock, with a mistake')
    await again.stop()
  })
})

describe.each(SHELLS)('$title: accessibility of the work', ({ name, missing }) => {
  let app: App
  let page: Page
  beforeAll(async () => {
    if (missing) return
    app = await launch(name, { demo: true })
    page = app.page
    await heading(page, 'Who is working?').waitFor()
  })
  afterAll(endLeftovers)

  it.skipIf(missing)('passes at sign-in, and in the patient list with its dialogs', async () => {
    window.pictureOnFailure(page, 'axe-patients')
    await expectAccessible(page, 'sign-in')
    const { name: nurse } = await window.demoPerson(page, 'Nurse')
    await button(page, nurse).click()
    await page.getByLabel(`PIN of ${nurse}`).fill('9999')
    await button(page, 'Sign in').click()
    await page.getByText('This PIN is not right.').waitFor()
    await expectAccessible(page, 'sign-in, with a wrong PIN')
    await window.signInToDemo(page, 'Nurse')
    await page.getByRole('row').nth(1).waitFor()
    await expectAccessible(page, 'patients')
    await button(page, 'Register patient').click()
    await button(page.getByRole('dialog'), 'Register').click()
    await page.getByText('Fill in this field.').first().waitFor()
    await expectAccessible(page, 'register, with mistakes')
    await page.keyboard.press('Escape')
    await page.keyboard.press('Control+k')
    await page.getByRole('dialog', { name: 'Go to or find' }).waitFor()
    await expectAccessible(page, 'command palette')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
    await expectAccessible(page, 'shortcuts')
    await page.keyboard.press('Escape')
    await button(page, /^Signed in as/).click()
    await page.getByRole('menu').waitFor()
    await expectAccessible(page, 'account menu')
    await page.keyboard.press('Escape')
  })

  it.skipIf(missing)('passes in a chart, its views, and a proof', async () => {
    window.pictureOnFailure(page, 'axe-chart')
    await window.openChart(page, 'Thistledown')
    await window.flowsheet(page)
    await expectAccessible(page, 'flowsheet')
    await page.getByRole('tab', { name: 'Trends' }).click()
    await button(page, 'As a table').waitFor()
    await expectAccessible(page, 'trends')
    await button(page, 'As a table').click()
    await expectAccessible(page, 'trends as a table')
    await page.getByRole('tab', { name: 'Timeline' }).click()
    await expectAccessible(page, 'timeline')
    await page.getByRole('tab', { name: 'Flowsheet' }).click()
    await page
      .getByRole('grid')
      .getByRole('button', { name: /Show the proof$/ })
      .last()
      .click()
    const proof = page.getByRole('dialog', { name: /^Proof of entry/ })
    await button(proof, 'Verify again in this window').click()
    await proof.getByText('The proof holds.').waitFor()
    await expectAccessible(page, 'proof')
    await proof.getByRole('tab', { name: 'Audit path' }).click()
    await expectAccessible(page, 'audit path')
    await proof.getByRole('tab', { name: 'Checkpoint' }).click()
    await expectAccessible(page, 'checkpoint')
    await page.keyboard.press('Escape')
    await proof.waitFor({ state: 'detached' })
  })

  it.skipIf(missing)('passes at the bedside, from the patient to the sealed rows', async () => {
    window.pictureOnFailure(page, 'axe-bedside')
    await window.goTo(page, 'Bedside')
    await page.getByRole('option').first().waitFor()
    await expectAccessible(page, 'bedside, picking')
    await page.getByRole('option', { name: /THISTLEDOWN/ }).click()
    await page.getByRole('dialog', { name: 'Is this the right patient?' }).waitFor()
    await expectAccessible(page, 'identity')
    await window.confirmIdentity(page)
    await page.getByText('Taken at').waitFor()
    await page.getByLabel('Temperature', { exact: true }).fill('44')
    await page.getByLabel('Respiratory rate').fill('900')
    await page.getByLabel('Weight', { exact: true }).focus()
    await page.getByText('cannot be a measurement').waitFor()
    await expectAccessible(page, 'bedside, with values and mistakes')
    await button(page, 'Change patient').click()
    await page.getByRole('dialog', { name: 'Leave this set unsigned?' }).waitFor()
    await expectAccessible(page, 'leaving')
    await button(page, 'Keep going').click()
    await page.getByLabel('Respiratory rate').fill('19')
    await page.getByLabel('Temperature', { exact: true }).fill('37.4')
    await button(page, /^Sign \d+ values/).click()
    await heading(page, /values sealed$/).waitFor()
    await expectAccessible(page, 'sealed rows')
  })

  it.skipIf(missing)('passes in the tray, the ledger, and the pages that only show', async () => {
    window.pictureOnFailure(page, 'axe-pages')
    await fillTray(page)
    await window.goTo(page, 'Tray')
    await page.getByRole('checkbox', { name: 'Choose all' }).check()
    await expectAccessible(page, 'tray')
    await button(page, 'Assign to patient').click()
    await page.getByRole('option').first().waitFor()
    await expectAccessible(page, 'assign')
    await page.keyboard.press('Escape')
    await button(page, 'Discard').click()
    await page.getByRole('dialog', { name: /^Discard/ }).waitFor()
    await expectAccessible(page, 'discard')
    await page.keyboard.press('Escape')
    await window.goTo(page, 'Ledger')
    await button(page, 'Verify everything').click()
    await page.getByText('Everything holds').waitFor()
    await expectAccessible(page, 'ledger')
    for (const tab of ['Upkeep and backup', 'Network and contract', 'Proofs of two versions']) {
      await page.getByRole('tab', { name: tab }).click()
      await expectAccessible(page, `ledger: ${tab}`)
    }
    await window.goTo(page, 'Devices')
    await heading(page, 'Devices').waitFor()
    await expectAccessible(page, 'devices')
    await window.goTo(page, 'About')
    await page.getByLabel('Licences and notices').waitFor()
    await expectAccessible(page, 'about')
    await page.keyboard.press('Control+l')
    await heading(page, 'Locked').waitFor()
    await expectAccessible(page, 'locked')
    await button(page, 'Sign out').click()
  })

  it.skipIf(missing)('passes where IT enrols, and said nothing to the console', async () => {
    window.pictureOnFailure(page, 'axe-people')
    await window.signInToDemo(page, 'IT')
    await window.goTo(page, 'People')
    await button(page, 'Enrol person').click()
    await button(page.getByRole('dialog'), 'Enrol person').click()
    await page.getByText('Type at least two characters.').waitFor()
    await expectAccessible(page, 'enrol person, with mistakes')
    await page.keyboard.press('Escape')
    await expectAccessible(page, 'people')
    expect(app.problems).toEqual([])
    expect(await app.stop()).toBe(0)
  })
})

/** Values that were taken and not signed. */
async function fillTray(page: Page): Promise<void> {
  await button(page, 'Next patient').click()
  await page.getByRole('option', { name: /INKWELL/ }).click()
  await window.confirmIdentity(page)
  await page.getByText('Taken at').waitFor()
  await button(page, 'Change patient').click()
  await button(page, 'Leave unsigned').click()
  await page.getByRole('link', { name: /^Tray, \d+ waiting/ }).waitFor()
}
