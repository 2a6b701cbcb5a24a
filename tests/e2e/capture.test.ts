import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Page } from 'playwright-core'
import { sharedData } from '../support/shared-data.ts'
import { endLeftovers, launch, SHELLS, type App } from './support/launcher.ts'
import { damageMiddle, deleteEntry, readingEntries } from './support/replica-file.ts'
import { freshFolder } from './support/folder.ts'
import * as window from './support/window.ts'

/**
 * Two real devices, as recorded, from their bytes to verified values in the window, over a restart, and over damage.
 * The recordings and what the makers' software read from them are named in `../shared/data/device-captures/README.md`.
 */
const { CLINIC, PATIENT, button, heading } = window
const OXIMETER = { family: 'contec-28e9-028a', label: 'OX-03' }
const CUFF = { family: 'omron-0590-0028', label: 'BP-11' }
const LIVE = sharedData(`device-captures/${OXIMETER.family}/live.first-600-reports.hex`)
const LIVE_EXPECTED = sharedData(`device-captures/${OXIMETER.family}/live.first-600-reports.expected.csv`)
const MEMORY = sharedData(`device-captures/${CUFF.family}/1_2_07_TwoReadings.txt`)
const isDataMissing = LIVE === null || LIVE_EXPECTED === null || MEMORY === null
const reason = isDataMissing ? 'needs ../shared/data/device-captures: ' : ''

describe.each(SHELLS)(`${reason}$title: real devices`, ({ name, missing }) => {
  const isSkipped = missing || isDataMissing
  const folder = freshFolder('capture')
  let app: App
  let page: Page
  const pairs: string[] = []
  let recorded: string[] = []

  async function start(): Promise<void> {
    app = await launch(name, {
      dataFolder: folder.path(),
      replays: { [OXIMETER.family]: LIVE ?? '', [CUFF.family]: MEMORY ?? '' },
    })
    page = app.page
  }
  async function stop(): Promise<void> {
    expect(app.problems).toEqual([])
    expect(await app.stop()).toBe(0)
  }
  async function startAgain(): Promise<void> {
    await start()
    await window.unlock(page)
    await window.signIn(page, CLINIC.nurse)
    await window.openChart(page, PATIENT.family)
  }

  beforeAll(async () => {
    if (!isSkipped) await start()
  })
  afterAll(async () => {
    await endLeftovers()
    folder.remove()
  })

  it.skipIf(isSkipped)('enrols both devices', async () => {
    window.pictureOnFailure(page, 'capture-enrol')
    await window.createClinic(page)
    await window.signIn(page, CLINIC.administrator)
    await window.enrolPerson(page, CLINIC.nurse, 'Nurse')
    await window.enrolDevice(page, /Contec/, OXIMETER.label)
    await window.enrolDevice(page, /Omron/, CUFF.label)
    await window.signOut(page)
    await window.signIn(page, CLINIC.nurse)
    await window.registerPatient(page, PATIENT)
  })

  it.skipIf(isSkipped)('shows live numbers that are those of the maker’s software, one after the other', async () => {
    window.pictureOnFailure(page, 'capture-live')
    const expected = changes(expectedPairs())
    await page.exposeFunction('sawNumbers', (pair: string) => pairs.push(pair))
    await page.evaluate(watchNumbers)
    await window.startObservations(page)
    await expect
      .poll(() => changes(pairs).length, { timeout: 60_000, interval: 200 })
      .toBeGreaterThanOrEqual(expected.length)
    expect(changes(pairs).slice(0, expected.length)).toEqual(expected)
  })

  it.skipIf(isSkipped)('takes the steady value, and offers what the cuff holds without choosing it', async () => {
    window.pictureOnFailure(page, 'capture-memory')
    const oximeter = page.getByRole('article', { name: OXIMETER.label })
    await oximeter.getByText('s steady:').waitFor()
    const cuff = page.getByRole('article', { name: CUFF.label })
    const records = cuff.getByRole('checkbox')
    await records.first().waitFor()
    expect(await records.count()).toBe(2)
    expect(await cuff.getByRole('checkbox', { checked: true }).count()).toBe(0)
    const texts = (await cuff.getByRole('listitem').allTextContents()).map(window.flat)
    expect(texts[0]).toMatch(/^00:08 ?02-Jan-2007 ?120\/73 mmHg ?67 \/min/)
    expect(texts[1]).toMatch(/^00:06 ?01-Jan-2007 ?123\/78 mmHg ?87 \/min/)
    for (const box of await records.all()) await box.check()
  })

  it.skipIf(isSkipped)('signs and seals them, and shows each with its mark in the chart', async () => {
    window.pictureOnFailure(page, 'capture-sign')
    const [spo2, pulse] = (await takenPair(page)) ?? []
    const rows = await window.sign(page, 6)
    expect(rows.toSorted()).toEqual(
      [
        'Blood pressure 120/73 mmHg',
        'Blood pressure 123/78 mmHg',
        'Pulse 67 /min',
        'Pulse 87 /min',
        `Pulse ${pulse} /min`,
        `SpO₂ ${spo2} %`,
      ].toSorted(),
    )
    expect(expectedPairs().map(([one]) => one)).toContain(spo2)
    expect(expectedPairs().map(([, other]) => other)).toContain(pulse)
    await button(page, 'Open chart').click()
    recorded = await window.flowsheet(page)
    expect(recorded).toHaveLength(6)
    for (const cell of recorded) expect(cell).toMatch(/Sealed in this site’s log|Final: countersigned/)
    expect(recorded.filter((cell) => cell.startsWith('Blood pressure'))).toEqual([
      expect.stringMatching(/^Blood pressure 123\/78 mmHg, 01-Jan-2007 00:06/),
      expect.stringMatching(/^Blood pressure 120\/73 mmHg, 02-Jan-2007 00:08/),
    ])
  })

  it.skipIf(isSkipped)('proves a value again in the window, step by step', async () => {
    window.pictureOnFailure(page, 'capture-proof')
    const steps = await window.checkProof(page, /^Blood pressure 123\/78/)
    expect(steps.length).toBeGreaterThanOrEqual(7)
    expect(new Set(steps)).toEqual(new Set(['passed']))
  })

  it.skipIf(isSkipped)('knows the cuff’s records when it reads them again', async () => {
    window.pictureOnFailure(page, 'capture-again')
    await window.startObservations(page)
    const cuff = page.getByRole('article', { name: CUFF.label })
    await expect.poll(() => cuff.getByText('Already recorded').count()).toBe(2)
    for (const box of await cuff.getByRole('checkbox').all()) expect(await box.isDisabled()).toBe(true)
  })

  it.skipIf(isSkipped)('shows the same after a restart', async () => {
    await stop()
    await startAgain()
    window.pictureOnFailure(page, 'capture-restart')
    expect(await window.flowsheet(page)).toEqual(recorded)
  })

  it.skipIf(isSkipped)('shows every value but those that were damaged on the disk, and says what failed', async () => {
    await stop()
    const damaged = damageThree(folder.path())
    await startAgain()
    window.pictureOnFailure(page, 'capture-damage')
    await page.getByText('3 records of this patient could not be verified.').waitFor()
    const cells = await window.flowsheet(page)
    const bad = cells.filter((cell) => cell.includes('Not verified'))
    expect(bad.map((cell) => cell.replace(/: Not verified.*/, '')).toSorted()).toEqual([
      'Not verified: the record does not fit the sealed ledger. The value is not shown.',
      'Not verified: the record is missing from the database. The value is not shown.',
      'Not verified: the stored data was changed. The value is not shown.',
    ])
    expect(cells.filter((cell) => recorded.includes(cell))).toHaveLength(3)
    expect(cells).toHaveLength(6)
    await window.goTo(page, 'Ledger')
    await button(page, 'Verify everything').click()
    await page.getByText(/^3 findings in \d+ entries/).waitFor()
    const findings = await page.getByRole('list', { name: 'Findings' }).getByRole('listitem').allTextContents()
    expect(findings.map(window.flat).map((text) => /Entry (\d+)/.exec(text)?.[1])).toEqual(damaged.map(String))
    await stop()
  })

  it.skipIf(isSkipped || name === 'electron')('opens with the passphrase from standard input', async () => {
    const again = await launch(name, { dataFolder: folder.path(), passphrase: CLINIC.passphrase })
    await heading(again.page, 'Who is working?').waitFor()
    expect(await again.stop()).toBe(0)
  })
})

/** `[SpO2, pulse]` for each second, as the maker's software exported them. */
function expectedPairs(): [string, string][] {
  const lines = readFileSync(LIVE_EXPECTED ?? '', 'utf8')
    .trim()
    .split(/\r?\n/)
    .slice(1)
  return lines
    .map((line) => line.split(',').map((cell) => cell.trim()))
    .map(([, , spo2, pulse]) => [spo2 ?? '', pulse ?? ''])
}

/** Neighbours that are equal, once. */
function changes(all: readonly (string | readonly string[])[]): string[] {
  const texts = all.map((one) => (typeof one === 'string' ? one : one.join('/')))
  return texts.filter((text, at) => text !== texts[at - 1])
}

/** Runs in the page: reports the two big numbers whenever either changes. */
function watchNumbers(): void {
  const report = (globalThis as unknown as { sawNumbers(pair: string): void }).sawNumbers
  let last = ''
  new MutationObserver(() => {
    const pair = [...document.querySelectorAll('.numbers .big')].map((number) => number.textContent).join('/')
    if (/^\d+\/\d+$/.test(pair) && pair !== last) report((last = pair))
  }).observe(document.body, { subtree: true, childList: true, characterData: true })
}

/** What stands in the list to be signed from the oximeter. */
async function takenPair(page: Page): Promise<[string, string]> {
  const lines = (await page.getByRole('region', { name: 'To be signed' }).getByRole('listitem').allTextContents()).map(
    window.flat,
  )
  const own = lines.filter((line) => line.includes(OXIMETER.label))
  const digits = (kind: string): string =>
    /\d+/.exec(own.find((line) => line.startsWith(kind))?.replace('SpO₂', '') ?? '')?.[0] ?? ''
  return [digits('SpO₂'), digits('Pulse')]
}

/** One bit of one reading's entry, one of another's ciphertext, and the whole row of a third. Returns their places. */
function damageThree(folder: string): number[] {
  const [first = -1, , third = -1, , fifth = -1] = readingEntries(folder)
  damageMiddle(folder, 'entry', first)
  damageMiddle(folder, 'payload', third)
  deleteEntry(folder, fifth)
  return [first, third, fifth]
}
