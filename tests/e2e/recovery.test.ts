import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectAccessible } from './support/axe.ts'
import { endLeftovers, launch, SHELLS, type App } from './support/launcher.ts'
import * as window from './support/window.ts'

/** From a backup to another computer, and from an old database to a log that goes on. */
const { CLINIC, PATIENT, button, heading } = window

describe.each(SHELLS)('$title: backup, restore, recovery', ({ name, missing }) => {
  const folders = { first: '', second: '', old: '' }
  let app: App
  let key = ''
  let backup = ''
  const database = (folder: string): string => join(folder, 'clinic', 'ledger.db')

  beforeAll(() => {
    for (const folder of ['first', 'second', 'old'] as const)
      folders[folder] = mkdtempSync(join(tmpdir(), 'chartseal-e2e-'))
  })
  afterAll(async () => {
    await endLeftovers()
    for (const folder of Object.values(folders)) rmSync(folder, { recursive: true, force: true })
  })

  it.skipIf(missing)('lets IT back up, and says where the file is', async () => {
    app = await launch(name, { dataFolder: folders.first })
    window.pictureOnFailure(app.page, 'recovery-backup')
    key = await window.createClinic(app.page)
    await window.signIn(app.page, CLINIC.administrator)
    await window.enrolPerson(app.page, CLINIC.nurse, 'Nurse')
    await window.goTo(app.page, 'Ledger')
    await app.page.getByRole('tab', { name: 'Upkeep and backup' }).click()
    await button(app.page, 'Back up now').click()
    backup = (await app.page.getByText(/chartseal-.*\.backup$/).textContent())?.trim() ?? ''
    expect(backup.startsWith(folders.first)).toBe(true)
    await app.stop()
  })

  it.skipIf(missing)('restores it in another place with the printed key', async () => {
    app = await launch(name, { dataFolder: folders.second })
    window.pictureOnFailure(app.page, 'recovery-restore')
    await heading(app.page, 'Welcome to Chartseal').waitFor()
    await button(app.page, 'Restore a clinic').click()
    await heading(app.page, 'Restore a clinic').waitFor()
    await expectAccessible(app.page, 'restore a clinic')
    await app.page.getByLabel('Path of the backup').fill(backup)
    await app.page.getByLabel('Printed recovery key').fill(`${key}0`)
    if (name === 'browser') {
      await app.page.getByLabel('New start passphrase').fill(CLINIC.passphrase)
      await app.page.getByLabel('Passphrase once more').fill(CLINIC.passphrase)
    }
    await button(app.page, 'Restore the clinic').click()
    await app.page.getByText('This is not the recovery key of this clinic.').waitFor()
    await app.page.getByLabel('Printed recovery key').fill(key)
    await button(app.page, 'Restore the clinic').click()
    await window.signIn(app.page, CLINIC.nurse)
    await window.registerPatient(app.page, PATIENT)
    await app.stop()
  })

  it.skipIf(missing)('stops at an old database, and goes on in a new log', async () => {
    copyFileSync(backup, join(folders.old, 'old.db'))
    app = await launch(name, { dataFolder: folders.first, passphrase: CLINIC.passphrase })
    await window.signIn(app.page, CLINIC.nurse)
    await window.registerPatient(app.page, PATIENT)
    await app.stop()
    for (const suffix of ['-wal', '-shm']) rmSync(database(folders.first) + suffix, { force: true })
    copyFileSync(join(folders.old, 'old.db'), database(folders.first))

    app = await launch(name, { dataFolder: folders.first, passphrase: CLINIC.passphrase })
    window.pictureOnFailure(app.page, 'recovery-recover')
    await heading(app.page, 'This clinic needs a recovery').waitFor()
    await app.page.getByText('an older copy was put back').waitFor()
    await expectAccessible(app.page, 'recovery')
    await app.page.getByLabel('Printed recovery key').fill(key.toLowerCase())
    await app.page.keyboard.press('Enter')
    await window.signIn(app.page, CLINIC.administrator)
    await window.goTo(app.page, 'Ledger')
    await app.page.getByText(/\/2$/).first().waitFor()
    await app.page.getByRole('combobox', { name: 'Log' }).click()
    await app.page.getByRole('option', { name: /^Log 1, closed with/ }).click()
    await app.page.getByRole('button', { name: /Block 0/ }).waitFor()
    expect(app.problems).toEqual([])
    await app.stop()
  })
})
