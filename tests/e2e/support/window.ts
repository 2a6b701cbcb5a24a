import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Locator, Page } from 'playwright-core'
import { expect, onTestFailed } from 'vitest'

/**
 * What people do in the window, in their words: the suites say what should be seen, this says where to press. Nothing
 * here sleeps; every step waits for what it leads to.
 */

/** A patient as registered in these suites. */
export interface NewPatient {
  readonly family: string
  readonly given: string
  readonly born: string
  readonly gender: 'Female' | 'Male' | 'Other' | 'Not known'
  readonly mrn: string
}

export const CLINIC = {
  name: 'Harbour clinic',
  passphrase: 'tidal ferry under lantern',
  administrator: { name: 'Ines Turner', pin: '7391' },
  nurse: { name: 'Ruth Adeyemi', pin: '2846' },
} as const

export const PATIENT: NewPatient = {
  family: 'Quillfeather',
  given: 'Marta',
  born: '14-Mar-1957',
  gender: 'Female',
  mrn: 'HC-70415',
}

/** Keeps a picture of the window when the running test fails. */
export function pictureOnFailure(page: Page, name: string): void {
  onTestFailed(async () => {
    const folder = join(import.meta.dirname, '../../../test-results')
    mkdirSync(folder, { recursive: true })
    await page.screenshot({ path: join(folder, `${name}.png`) }).catch(() => undefined)
  })
}

export const heading = (page: Page, name: string | RegExp): Locator => page.getByRole('heading', { level: 1, name })
export const button = (page: Page | Locator, name: string | RegExp): Locator => page.getByRole('button', { name })

/** First run, up to the sign-in screen. Returns the recovery key that was shown. */
export async function createClinic(page: Page): Promise<string> {
  await button(page, /^Set up a clinic/).click()
  await page.getByLabel('Name of the clinic').fill(CLINIC.name)
  await button(page, 'Continue').click()
  await page.getByLabel('Name', { exact: true }).fill(CLINIC.administrator.name)
  await page.getByLabel('PIN', { exact: true }).fill(CLINIC.administrator.pin)
  await page.getByLabel('PIN once more').fill(CLINIC.administrator.pin)
  await toPassphrase(page)
  await button(page, 'Create the clinic').click()
  const recoveryKey = await keepRecoveryKey(page)
  await heading(page, 'Who is working?').waitFor()
  return recoveryKey
}

/** Keeps the recovery key that is shown, as far as the window can tell. Returns it. */
export async function keepRecoveryKey(page: Page): Promise<string> {
  await heading(page, 'Print the recovery key').waitFor()
  const groups = await page.locator('[data-print] .key span').allTextContents()
  await page.getByLabel('Type the last group').fill(groups.at(-1) ?? '')
  await button(page, 'Finish').click()
  return groups.join(' ')
}

/**
 * From the administrator's step to the passphrase, filled in. Where the operating system keeps the node secret there is
 * no such step.
 *
 * @returns Whether there is one.
 */
export async function toPassphrase(page: Page): Promise<boolean> {
  if (await button(page, 'Create the clinic').isVisible()) return false
  await button(page, 'Continue').click()
  await page.getByLabel('Passphrase', { exact: true }).fill(CLINIC.passphrase)
  await page.getByLabel('Passphrase once more').fill(CLINIC.passphrase)
  return true
}

/** Opens the clinic after a restart, with the passphrase where there is one. */
export async function unlock(page: Page): Promise<void> {
  const passphrase = page.getByLabel('Start passphrase')
  const signIn = heading(page, 'Who is working?')
  await passphrase.or(signIn).first().waitFor()
  if (await passphrase.isVisible()) {
    await passphrase.fill(CLINIC.passphrase)
    await button(page, 'Open').click()
  }
  await signIn.waitFor()
}

export async function signIn(page: Page, person: { name: string; pin: string }): Promise<void> {
  await button(page.getByLabel('People'), person.name).click()
  await page.getByLabel(`PIN of ${person.name}`).fill(person.pin)
  await button(page, 'Sign in').click()
  await page.getByRole('navigation', { name: 'Main' }).waitFor()
}

export async function signOut(page: Page): Promise<void> {
  await button(page, /^Signed in as/).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await heading(page, 'Who is working?').waitFor()
}

export type PageName =
  'Patients' | 'Bedside' | 'Devices' | 'Tray' | 'Audit' | 'Ledger' | 'Network' | 'People' | 'Manage' | 'About'

export async function goTo(page: Page, name: PageName): Promise<void> {
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name }).click()
}

/** One of the window's own select boxes. */
export async function choose(page: Page, label: string, option: string): Promise<void> {
  await page.getByRole('combobox', { name: label }).click()
  await page.getByRole('option', { name: option, exact: true }).click()
}

export async function enrolPerson(
  page: Page,
  person: { name: string; pin: string },
  role: 'Nurse' | 'Physician' | 'Auditor',
): Promise<void> {
  await goTo(page, 'People')
  await button(page, 'Enrol person').click()
  const dialog = page.getByRole('dialog', { name: 'Enrol person' })
  await dialog.getByLabel('Full name').fill(person.name)
  await choose(page, 'Role', role)
  await dialog.getByLabel('PIN', { exact: true }).fill(person.pin)
  await dialog.getByLabel('PIN once more').fill(person.pin)
  await button(dialog, 'Enrol person').click()
  await page.getByText(`${person.name} can sign in now.`).waitFor()
}

/** IT enrols a device that is plugged in. */
export async function enrolDevice(page: Page, device: RegExp, label: string): Promise<void> {
  await goTo(page, 'Devices')
  await button(page, new RegExp(`^Enrol .*${device.source}`)).click()
  const dialog = page.getByRole('dialog', { name: 'Enrol device' })
  await dialog.getByLabel('Asset label').fill(label)
  await button(dialog, 'Enrol device').click()
  await page.getByText(`${label} is enrolled.`).waitFor()
}

/** Fills in the registration; the caller presses the button. */
export async function fillRegistration(page: Page, patient: NewPatient): Promise<Locator> {
  await goTo(page, 'Patients')
  await button(page, 'Register patient').first().click()
  const dialog = page.getByRole('dialog', { name: 'Register a patient' })
  await dialog.getByLabel('Family name').fill(patient.family)
  await dialog.getByLabel('Given names').fill(patient.given)
  await dialog.getByLabel('Date of birth').fill(patient.born)
  await choose(page, 'Gender', patient.gender)
  await dialog.getByLabel('Medical record number (MRN)').fill(patient.mrn)
  return dialog
}

export async function registerPatient(page: Page, patient: NewPatient): Promise<void> {
  const dialog = await fillRegistration(page, patient)
  await button(dialog, 'Register').click()
  await button(page, 'Take observations').waitFor()
}

export async function openChart(page: Page, family: string): Promise<void> {
  await goTo(page, 'Patients')
  await page.getByRole('link', { name: new RegExp(`^${family}`, 'i') }).click()
  await button(page, 'Take observations').waitFor()
}

/** From a chart to the bedside, two identifiers confirmed. */
export async function startObservations(page: Page): Promise<void> {
  await button(page, 'Take observations').click()
  await confirmIdentity(page)
}

export async function confirmIdentity(page: Page): Promise<void> {
  await button(page.getByRole('dialog', { name: 'Is this the right patient?' }), 'It is this patient').click()
  await page.getByRole('region', { name: 'To be signed' }).waitFor()
}

/** Signs what is on screen and waits for the sealed rows. Returns them as `kind value`. */
export async function sign(page: Page, values: number): Promise<string[]> {
  await button(page, `Sign ${values} value`).click()
  await heading(page, `${values} value${values === 1 ? '' : 's'} sealed`).waitFor()
  return sealedRows(page)
}

export async function sealedRows(page: Page): Promise<string[]> {
  const rows = page.getByRole('table', { name: 'Values that were just sealed' }).locator('tbody tr')
  const texts = await rows.evaluateAll((all) =>
    all.map((row) =>
      [...row.children]
        .slice(0, 2)
        .map((cell) => cell.textContent ?? '')
        .join(' '),
    ),
  )
  return texts.map(flat)
}

/** The flowsheet's values with their integrity marks: what a screen reader hears of each cell. */
export async function flowsheet(page: Page): Promise<string[]> {
  const cells = page.getByRole('grid', { name: /^Flowsheet/ }).locator('td [data-cell]')
  await cells.first().waitFor()
  return cells.evaluateAll((all) => all.map((cell) => cell.getAttribute('aria-label') ?? ''))
}

/** Text without the white space that templates leave. */
export function flat(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}

/** Opens the proof of the first cell of the flowsheet that fits, checks it in the window, and closes it. */
export async function checkProof(page: Page, of: RegExp): Promise<string[]> {
  await page
    .getByRole('grid', { name: /^Flowsheet/ })
    .getByRole('button', { name: of })
    .first()
    .click()
  const dialog = page.getByRole('dialog', { name: /^Proof of entry/ })
  await button(dialog, 'Verify again in this window').click()
  await dialog.locator('.steps li').first().waitFor()
  const steps = await dialog.locator('.steps li .result').allTextContents()
  await expect
    .poll(() => dialog.getByRole('status').allTextContents())
    .toContainEqual(expect.stringContaining('The proof holds.'))
  await button(dialog, 'Close').last().click()
  await dialog.waitFor({ state: 'detached' })
  return steps
}

/** Somebody of the demonstration clinic, as its sign-in screen shows them. */
export async function demoPerson(
  page: Page,
  role: 'Nurse' | 'Physician' | 'IT',
): Promise<{ name: string; pin: string }> {
  const tile = button(page.getByLabel('People'), new RegExp(` ${role}\\b`)).first()
  await tile.waitFor()
  const [, name, , pin] = (await tile.innerText()).split('\n')
  return { name: name ?? '', pin: pin?.replace('PIN ', '') ?? '' }
}

export async function signInToDemo(page: Page, role: 'Nurse' | 'Physician' | 'IT'): Promise<void> {
  await signIn(page, await demoPerson(page, role))
}
