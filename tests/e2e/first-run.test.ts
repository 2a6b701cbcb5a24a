import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { endLeftovers, launch, SHELLS, type App } from './support/launcher.ts'
import * as window from './support/window.ts'

/** A clinic from nothing to a first signed set, and what of it lies on the disk. */
const { CLINIC, PATIENT, button, heading } = window

describe.each(SHELLS)('$title: first run', ({ name, missing }) => {
  let app: App
  beforeAll(async () => {
    if (!missing) app = await launch(name)
  })
  afterAll(async () => {
    if (!missing) await app.stop()
    await endLeftovers()
  })

  it.skipIf(missing)('creates a clinic, and shows the recovery key once', async () => {
    window.pictureOnFailure(app.page, 'first-run-create')
    await heading(app.page, 'Welcome to Chartseal').waitFor()
    const key = await window.createClinic(app.page)
    expect(key.length).toBeGreaterThan(40)
    expect(await app.page.locator('body').textContent()).not.toContain(key.split(' ')[0])
  })

  it.skipIf(missing)('lets IT enrol a nurse, and tells who may do what', async () => {
    window.pictureOnFailure(app.page, 'first-run-enrol')
    await window.signIn(app.page, CLINIC.administrator)
    await window.enrolPerson(app.page, CLINIC.nurse, 'Nurse')
    const pages = app.page.getByRole('navigation', { name: 'Main' }).getByRole('link')
    expect(await pages.allInnerTexts()).toEqual([
      'Patients',
      'Devices',
      'Ledger',
      'Network',
      'People',
      'Manage',
      'About',
    ])
    await window.signOut(app.page)
  })

  it.skipIf(missing)('refuses a wrong PIN, then lets the nurse in', async () => {
    window.pictureOnFailure(app.page, 'first-run-pin')
    await button(app.page, CLINIC.nurse.name).click()
    await app.page.getByLabel(`PIN of ${CLINIC.nurse.name}`).fill('1290')
    await button(app.page, 'Sign in').click()
    await app.page.getByText('This PIN is not right.').waitFor()
    await window.signIn(app.page, CLINIC.nurse)
  })

  it.skipIf(missing)('registers a patient once, and not a second time', async () => {
    window.pictureOnFailure(app.page, 'first-run-register')
    await window.registerPatient(app.page, PATIENT)
    const again = await window.fillRegistration(app.page, { ...PATIENT, mrn: 'HC-99999' })
    await again.getByText('Already registered with these details:').waitFor()
    expect(await button(again, 'Register').isDisabled()).toBe(true)
    await button(again, 'Cancel').click()
  })

  it.skipIf(missing)('takes a set at the bedside by hand, sealed and in the chart', async () => {
    window.pictureOnFailure(app.page, 'first-run-bedside')
    await window.openChart(app.page, PATIENT.family)
    await window.startObservations(app.page)
    await app.page.getByText('No device connected').waitFor()
    await app.page.getByLabel('Respiratory rate').fill('17')
    await app.page.getByLabel('Temperature', { exact: true }).fill('36.8')
    expect(await window.sign(app.page, 2)).toEqual(['Respiratory rate 17 /min', 'Temperature 36.8 °C'])
    await button(app.page, 'Open chart').click()
    const cells = await window.flowsheet(app.page)
    expect(cells).toHaveLength(2)
    for (const cell of cells) expect(cell).toMatch(/Sealed in this site’s log|Final: countersigned/)
  })

  it.skipIf(missing)('hides everything at Ctrl+L, and lets the same person go on', async () => {
    window.pictureOnFailure(app.page, 'first-run-lock')
    await app.page.keyboard.press('Control+l')
    await heading(app.page, 'Locked').waitFor()
    const shown = (await app.page.content()).toLowerCase()
    for (const secret of [PATIENT.family, PATIENT.given, PATIENT.mrn, '36.8'])
      expect(shown).not.toContain(secret.toLowerCase())
    expect(await app.page.title()).toBe('Chartseal')
    await app.page.getByLabel(`PIN of ${CLINIC.nurse.name}`).fill('9128')
    await button(app.page, 'Sign in').click()
    await app.page.getByText('This PIN is not right.').waitFor()
    await window.signIn(app.page, CLINIC.nurse)
    expect(await window.flowsheet(app.page)).toHaveLength(2)
  })

  it.skipIf(missing)('leaves neither name nor number nor value on the disk', () => {
    const files = readdirSync(app.dataFolder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile())
    expect(files.length).toBeGreaterThan(3)
    for (const file of files) {
      const text = readFileSync(join(file.parentPath, file.name)).toString('latin1')
      for (const secret of [PATIENT.family, PATIENT.given, PATIENT.mrn, '1957-03-14', CLINIC.passphrase])
        expect(`${file.name}: ${text.includes(secret)}`).toBe(`${file.name}: false`)
    }
  })

  it.skipIf(missing)('said nothing to the console and asked nobody but itself', () => {
    expect(app.problems).toEqual([])
  })
})
