// npm run screenshots: pictures of the demonstration clinic for README and guides, into docs/images.
/* global document, requestAnimationFrame -- in functions that run in the page */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { ensureBuilt } from './lib/build.mjs'
import { ensureInstalled } from './lib/install.mjs'
import { inProject, pinnedNode, runMain, say, ScriptError } from './lib/project.mjs'
import { photographNetwork } from './lib/network-pictures.mjs'
import { ensureSystemPackages, findBrowser } from './lib/system.mjs'

const SIZE = { width: 1280, height: 800 }
const LIMIT_BYTES = 300 * 1024
/** Invented: a sepsis, whose values change from hour to hour. */
const STORY = /^THISTLEDOWN/

async function main() {
  await ensureInstalled()
  await ensureSystemPackages()
  await ensureBuilt()
  await withApp(['--demo'], (address) => photograph(address))
}

/** Runs the application on a folder of its own while `use` looks at it. */
async function withApp(more, use) {
  const dataFolder = mkdtempSync(join(tmpdir(), 'chartseal-screenshots-'))
  const program = inProject('out', 'main', 'browser.js')
  const app = spawn(pinnedNode(), [program, '--headless', ...more, '--data', dataFolder])
  const ended = new Promise((resolve) => app.once('close', resolve))
  try {
    await use(await addressOf(app))
  } finally {
    app.kill('SIGINT')
    await ended
    rmSync(dataFolder, { recursive: true, force: true })
  }
}

function addressOf(app) {
  return new Promise((resolve, reject) => {
    let text = ''
    app.stdout.setEncoding('utf8').on('data', (more) => {
      text += more
      const address = /^http:\S+$/m.exec(text)?.[0]
      if (address !== undefined) resolve(address)
    })
    app.once('close', (code) => reject(new ScriptError(`the application ended with ${code} before it served a window`)))
  })
}

async function photograph(address) {
  const flags = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const browser = await chromium.launch({ executablePath: findBrowser(), args: [...flags, '--disable-gpu'] })
  try {
    const page = await newPage(browser)
    await page.goto(address)
    await signInAsNurse(page)
    await chart(page)
    await proof(page)
    await bedside(page)
    await ledger(page)
    await page.emulateMedia({ colorScheme: 'dark' })
    await openStory(page)
    await save(page, 'chart-dark')
    await page.emulateMedia({ colorScheme: 'light' })
    await page.getByRole('button', { name: /^Signed in as/ }).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await withApp([], async (other) => {
      const guest = await newPage(browser)
      await guest.goto(other)
      await photographNetwork(page, guest, { save, signIn, goTo, openStory })
    })
  } finally {
    await browser.close()
  }
}

async function newPage(browser) {
  const page = await browser.newPage({ viewport: SIZE, colorScheme: 'light' })
  // Making the demonstration takes a while on a busy machine.
  page.setDefaultTimeout(180_000)
  return page
}

async function save(page, name) {
  // No picture of a pointer's traces: what it is over, and fades that have not ended.
  await page.mouse.move(SIZE.width - 1, SIZE.height - 1)
  await page.evaluate(async () => {
    const ending = document.getAnimations().filter((one) => one.effect.getTiming().iterations !== Infinity)
    await Promise.all(ending.map((one) => one.finished.catch(() => undefined)))
  })
  const path = inProject('docs', 'images', `${name}.png`)
  mkdirSync(inProject('docs', 'images'), { recursive: true })
  await page.screenshot({ path })
  const { size } = statSync(path)
  if (size > LIMIT_BYTES) throw new ScriptError(`${path} has ${size} bytes, more than ${LIMIT_BYTES}`)
  say(`${path}: ${Math.round(size / 1024)} KiB`)
}

async function signInAsNurse(page) {
  await page
    .getByRole('button', { name: / Nurse / })
    .first()
    .waitFor()
  await save(page, 'signin')
  await signIn(page, 'Nurse')
}

/** The first of that role, with the PIN that a demonstration shows. Gives the PIN. */
async function signIn(page, role) {
  const person = page.getByRole('button', { name: new RegExp(` ${role} `) }).first()
  await person.waitFor()
  const pin = /PIN (\d+)/.exec(await person.innerText())?.[1] ?? ''
  await person.click()
  await page.getByLabel(/^PIN of/).fill(pin)
  await page.keyboard.press('Enter')
  await page.getByRole('navigation', { name: 'Main' }).waitFor()
  return pin
}

const goTo = (page, name) => page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name }).click()

async function openStory(page) {
  await goTo(page, 'Patients')
  await page.getByRole('link', { name: STORY }).click()
  await page.getByRole('grid').getByRole('button').first().waitFor()
}

async function chart(page) {
  await openStory(page)
  const newest = page.getByRole('grid').locator('td.newest')
  await newest.nth(4).click()
  await save(page, 'chart')
  await page.getByRole('tab', { name: 'Trends' }).click()
  await page.locator('canvas').first().waitFor()
  await save(page, 'chart-trends')
  await page.getByRole('tab', { name: 'Flowsheet' }).click()
}

async function proof(page) {
  await page
    .getByRole('grid')
    .getByRole('button', { name: /^Blood pressure .*Show the proof$/ })
    .last()
    .click()
  const dialog = page.getByRole('dialog', { name: /^Proof of entry/ })
  await dialog.getByRole('button', { name: 'Verify again in this window' }).click()
  await dialog.getByText('The proof holds.').waitFor()
  await save(page, 'proof')
  await dialog.getByRole('tab', { name: 'Audit path' }).click()
  await dialog.getByRole('tabpanel').evaluate((panel) => panel.scrollIntoView())
  await save(page, 'proof-path')
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
}

async function bedside(page) {
  await page.getByRole('button', { name: 'Take observations' }).click()
  await page.getByRole('button', { name: /^It is this patient/ }).click()
  await page.getByText('Taken at').waitFor()
  await page.getByLabel('Respiratory rate').fill('24')
  await page.keyboard.press('Enter')
  await page.keyboard.press('a')
  await page.getByLabel('Temperature', { exact: true }).fill('38.6')
  await waitForWholeWave(page)
  await save(page, 'bedside')
}

/** Until the pulse wave reaches from one end of its box to the other. */
async function waitForWholeWave(page) {
  await page.locator('canvas.wave').evaluate(
    (canvas) =>
      new Promise((resolve) => {
        const look = () => {
          const { data } = canvas.getContext('2d').getImageData(canvas.width - 8, 0, 4, canvas.height)
          if (data.some((value) => value > 0)) resolve()
          else requestAnimationFrame(look)
        }
        look()
      }),
  )
}

async function ledger(page) {
  await goTo(page, 'Ledger')
  await page.getByRole('button', { name: 'Verify everything' }).click()
  await page.getByText('Everything holds').waitFor()
  // A block with readings: the newest ones are about looking at them.
  const readings = page.getByRole('table').getByText('Reading', { exact: true }).first()
  for (const block of await page.locator('.blocks button').all()) {
    if (await readings.isVisible()) break
    await block.click()
    await page.getByRole('table').getByText('Seal', { exact: true }).waitFor()
  }
  await page.locator('main').evaluate((main) => main.scrollTo(0, 0))
  await save(page, 'ledger')
}

await runMain(main)
