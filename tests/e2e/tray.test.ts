import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sharedData } from '../support/shared-data.ts'
import { freshFolder } from './support/folder.ts'
import { endLeftovers, launch, SHELLS, type App } from './support/launcher.ts'
import * as window from './support/window.ts'

/** Readings of a device that nobody enrolled: kept, found again, and given to a patient by a person with a reason. */
const { CLINIC, PATIENT, button } = window
const MEMORY = sharedData('device-captures/omron-0590-0028/1_2_07_TwoReadings.txt')
const reason = MEMORY === null ? 'needs ../shared/data/device-captures: ' : ''

describe.each(SHELLS)(`${reason}$title: a device that is not enrolled`, ({ name, missing }) => {
  const isSkipped = missing || MEMORY === null
  const folder = freshFolder('tray')
  let app: App

  async function start(): Promise<void> {
    app = await launch(name, { dataFolder: folder.path(), replays: { 'omron-0590-0028': MEMORY ?? '' } })
  }
  beforeAll(async () => {
    if (!isSkipped) await start()
  })
  afterAll(async () => {
    await endLeftovers()
    folder.remove()
  })

  it.skipIf(isSkipped)('puts its readings into the tray, and offers none of them for signing', async () => {
    const { page } = app
    window.pictureOnFailure(page, 'tray-read')
    await window.createClinic(page)
    await window.signIn(page, CLINIC.administrator)
    await window.enrolPerson(page, CLINIC.nurse, 'Nurse')
    await window.signOut(page)
    await window.signIn(page, CLINIC.nurse)
    await window.registerPatient(page, PATIENT)
    await window.startObservations(page)
    await page.getByText('Clinic IT has not enrolled this device').waitFor()
    await button(page, 'Read into the tray').click()
    await page.getByRole('link', { name: 'Tray, 2 waiting' }).waitFor()
    expect(await button(page, /^Sign Ctrl/).isDisabled()).toBe(true)
  })

  it.skipIf(isSkipped)('has them after a restart, and no chart has', async () => {
    expect(app.problems).toEqual([])
    expect(await app.stop()).toBe(0)
    await start()
    const { page } = app
    window.pictureOnFailure(page, 'tray-restart')
    await window.unlock(page)
    await window.signIn(page, CLINIC.nurse)
    await window.openChart(page, PATIENT.family)
    await page.getByText('Nothing recorded yet').waitFor()
    await window.goTo(page, 'Tray')
    await page.getByRole('row').nth(2).waitFor()
    const rows = (await page.getByRole('row').allTextContents()).map(window.flat).slice(1)
    expect(
      rows.map((row) => /Blood pressure ?[\d/]+ mmHg ?Pulse ?\d+ \/min/.exec(row)?.[0].replace(/\s/g, '')),
    ).toEqual(['Bloodpressure120/73mmHgPulse67/min', 'Bloodpressure123/78mmHgPulse87/min'])
    for (const row of rows) expect(row).toContain('Unauthenticated')
  })

  it.skipIf(isSkipped)('gives one to a patient for a reason, and the chart says where it came from', async () => {
    const { page } = app
    window.pictureOnFailure(page, 'tray-assign')
    await page.getByRole('checkbox', { name: /123\/78/ }).check()
    await button(page, 'Assign to patient').click()
    const dialog = page.getByRole('dialog', { name: /^Assign 1 reading/ })
    await dialog.getByRole('option', { name: new RegExp(PATIENT.family, 'i') }).click()
    await button(dialog, 'Sign and assign').click()
    await dialog.getByText('Type at least three characters.').waitFor()
    await dialog.getByLabel('How you know whose they are').fill('measured in the ambulance, handed over by name')
    await button(dialog, 'Sign and assign').click()
    await page.getByText(/^1 reading signed for/).waitFor()
    await page.getByRole('link', { name: 'Tray, 1 waiting' }).waitFor()
    await window.openChart(page, PATIENT.family)
    const cells = await window.flowsheet(page)
    expect(cells).toEqual([
      expect.stringMatching(
        /^Blood pressure 123\/78 mmHg, 01-Jan-2007.*(Sealed in this site’s log|Final: countersigned)/,
      ),
      expect.stringMatching(/^Heart rate 87 .*(Sealed in this site’s log|Final: countersigned)/),
    ])
    expect(await page.getByRole('img', { name: 'device was not enrolled' }).count()).toBe(2)
    expect(app.problems).toEqual([])
    expect(await app.stop()).toBe(0)
  })
})
