// What two clinics see of each other: the demonstration clinic invites a second one, which joins over a real socket.
import { createServer } from 'node:net'

const GUEST = {
  clinic: 'Hill Road clinic',
  administrator: 'Ivo Marchetti',
  pin: '8352',
  passphrase: 'seven quiet copper kites',
}
const button = (page, name) => page.getByRole('button', { name })

/**
 * Takes the pictures of joining, of the network page, of a consent and of who looked.
 *
 * @param page - Window of the demonstration clinic; nobody is signed in.
 * @param guest - Window of an installation without a clinic.
 * @param tools - `save`, `signIn`, `goTo` and `openStory` of `scripts/screenshots.mjs`.
 */
export async function photographNetwork(page, guest, { save, signIn, goTo, openStory }) {
  const pin = await signIn(page, 'IT')
  await goTo(page, 'Network')
  await listen(page)
  const text = await invite(page, pin, save)
  await join(guest, text, save)
  await name(page)
  await page.getByText('Every other clinic is connected').waitFor()
  await page.getByText('Up to date and final').nth(1).waitFor()
  await page.locator('main').evaluate((main) => main.scrollTo(0, 0))
  await save(page, 'network')
  await signOut(page)
  await signIn(page, 'Physician')
  await openStory(page)
  await consent(page, save)
  await page.getByRole('tab', { name: 'Who looked' }).click()
  await page
    .getByRole('table', { name: /^Who looked/ })
    .first()
    .waitFor()
  await save(page, 'who-looked')
}

/** A port of this computer alone, that others are told. */
async function listen(page) {
  const port = await freePort()
  await page.getByRole('tab', { name: 'Settings' }).click()
  await page.getByLabel('Port').fill(`${port}`)
  await page.getByLabel('Find nodes in the local network').uncheck()
  await page.getByLabel('Addresses from outside').fill(`127.0.0.1:${port}`)
  await button(page, 'Save the settings').click()
  await page.getByText('Saved. The network part uses them at once.').waitFor()
}

async function invite(page, pin, save) {
  await page.getByRole('tab', { name: 'Invitations' }).click()
  await button(page, /^Invite/).click()
  await page.getByLabel(/^PIN of/).fill(pin)
  await button(page, 'Make the invitation').click()
  await page.getByRole('img', { name: 'Code of the invitation' }).waitFor()
  await save(page, 'invitation')
  const text = await page.getByLabel('Text of the invitation').innerText()
  await button(page, 'Done').click()
  return text
}

async function join(guest, text, save) {
  const next = () => button(guest, 'Continue').click()
  await button(guest, /^Join a clinic’s network/).click()
  await guest.getByLabel('Invitation').fill(text)
  await save(guest, 'join')
  await next()
  await guest.getByLabel('Name of the clinic').fill(GUEST.clinic)
  await next()
  await guest.getByLabel('Name', { exact: true }).fill(GUEST.administrator)
  await guest.getByLabel('PIN', { exact: true }).fill(GUEST.pin)
  await guest.getByLabel('PIN once more').fill(GUEST.pin)
  await next()
  await guest.getByLabel('Passphrase', { exact: true }).fill(GUEST.passphrase)
  await guest.getByLabel('Passphrase once more').fill(GUEST.passphrase)
  await button(guest, 'Ask to join').click()
  const groups = guest.locator('[data-print] .key span')
  await guest.getByLabel('Type the last group').fill((await groups.last().textContent()) ?? '')
  await button(guest, 'Finish').click()
  await guest.getByRole('heading', { level: 1, name: 'Who is working?' }).waitFor({ timeout: 120_000 })
}

/** Other clinics have no name here until IT gives them one. */
async function name(page) {
  await page.getByRole('tab', { name: 'Settings' }).click()
  await page.getByLabel('What you call it').fill(GUEST.clinic)
  await button(page, 'Save the settings').click()
  await page.getByText('Saved. The network part uses them at once.').waitFor()
  await page.getByRole('tab', { name: 'Sites and logs' }).click()
}

async function signOut(page) {
  await button(page, /^Signed in as/).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
}

/** The words of a consent as the patient reads them. Nobody signs it. */
async function consent(page, save) {
  await page.getByRole('tab', { name: 'Consent and cards' }).click()
  await button(page, 'Record a consent').click()
  const dialog = page.getByRole('dialog', { name: 'Record a consent' })
  await dialog.getByLabel(GUEST.clinic).check()
  await button(dialog, 'Go on to the words').click()
  const words = dialog.getByRole('region', { name: 'Read this with the patient' })
  await words.waitFor()
  await words.evaluate((paper) => paper.parentElement.parentElement.scrollTo(0, 0))
  await save(page, 'consent')
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}
