import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Page } from 'playwright-core'
import { expectAccessible } from './support/axe.ts'
import { arrowTo, chooseIn, countPointers, focusOn, pointersUsed, pressOn, tabTo, typeInto } from './support/keys.ts'
import { endLeftovers, launch, SHELLS, type App } from './support/launcher.ts'
import * as window from './support/window.ts'

/**
 * The story of one patient's consent, from registration to the review of an emergency, without a mouse, and every new
 * screen and dialog of it in light and dark.
 */
const { CLINIC, PATIENT, button, heading } = window
const PHYSICIAN = { name: 'Phil Osei', pin: '6402' }
const AUDITOR = { name: 'Odile Brandt', pin: '5173' }
const CARD_PIN = '8264'
const NAME = new RegExp(`^${PATIENT.family}`, 'i')

// Only there what a scanner would read from the card can be had from the wire.
describe.each(SHELLS.filter(({ name }) => name === 'browser'))('$title: consent, by keyboard', ({ name }) => {
  let app: App
  let page: Page
  /** What is printed on the card: a scanner would type it. */
  let card = ''

  beforeAll(async () => {
    app = await launch(name)
    page = app.page
    page.on('websocket', (socket) =>
      socket.on('framereceived', ({ payload }) => {
        card = /"text":"(\d{120})"/.exec(String(payload))?.[1] ?? card
      }),
    )
    await page.reload()
    await window.createClinic(page)
    await window.signIn(page, CLINIC.administrator)
    await window.enrolPerson(page, CLINIC.nurse, 'Nurse')
    await window.enrolPerson(page, PHYSICIAN, 'Physician')
    await window.enrolPerson(page, AUDITOR, 'Auditor')
    await window.signOut(page)
    await page.evaluate(countPointers)
  }, 180_000)
  afterAll(endLeftovers)

  async function signIn(person: { name: string; pin: string }): Promise<void> {
    await pressOn(page, person.name)
    await focusOn(page, `PIN of ${person.name}`)
    await page.keyboard.type(person.pin)
    await page.keyboard.press('Enter')
    await page.getByRole('navigation', { name: 'Main' }).waitFor()
  }

  async function signOut(): Promise<void> {
    await pressOn(page, 'Signed in as')
    await page.getByRole('menu').waitFor()
    await arrowTo(page, 'Sign out', 'ArrowDown')
    await page.keyboard.press('Enter')
    await heading(page, 'Who is working?').waitFor()
  }

  async function openTab(tab: string): Promise<void> {
    await tabTo(page, /^(?:Flowsheet|Trends|Timeline|Scores|Reports|Consent|Who looked)\b/)
    await arrowTo(page, tab, 'ArrowRight')
    await page.keyboard.press('Enter')
  }

  async function openPatient(): Promise<void> {
    await page.getByRole('row').nth(1).waitFor()
    await pressOn(page, NAME)
    await button(page, 'Take observations').waitFor()
  }

  /** The same patient, for somebody who may not see the name. */
  async function openClosed(): Promise<void> {
    await page.getByText('1 patient whose data is closed to you').waitFor()
    await pressOn(page, '1 patient whose data is closed to you')
    await pressOn(page, /^Closed record 1/)
    await page.getByText('This chart is closed').waitFor()
  }

  /** The card by its digits, and its PIN. */
  async function useCard(): Promise<void> {
    await pressOn(page, 'No scanner? Type or paste the code')
    await typeInto(page, 'Code of the card', card)
    await page.getByText('The card was read.').waitFor()
    await typeInto(page, 'PIN of the card', CARD_PIN)
  }

  it('registers a patient', async () => {
    window.pictureOnFailure(page, 'consent-register')
    await signIn(CLINIC.nurse)
    await pressOn(page, 'Register patient')
    await page.getByRole('dialog', { name: 'Register a patient' }).waitFor()
    await typeInto(page, 'Family name', PATIENT.family)
    await typeInto(page, 'Given names', PATIENT.given)
    await typeInto(page, 'Date of birth', PATIENT.born)
    await chooseIn(page, 'Gender', PATIENT.gender)
    await typeInto(page, 'Medical record number (MRN)', PATIENT.mrn)
    await pressOn(page, /^Register$/)
    await button(page, 'Take observations').waitFor()
  })

  it('makes a card that only its holder can use', async () => {
    window.pictureOnFailure(page, 'consent-card')
    await openTab('Consent')
    await page.getByText('The patient has decided nothing yet.').waitFor()
    await expectAccessible(page, 'consent tab, nothing decided')
    await pressOn(page, 'Make a card')
    const dialog = page.getByRole('dialog', { name: 'Make a patient card' })
    await dialog.waitFor()
    await typeInto(page, 'PIN of the card', CARD_PIN)
    await typeInto(page, /once more|again/i, CARD_PIN)
    await typeInto(page, `PIN of ${CLINIC.nurse.name}`, CLINIC.nurse.pin)
    await expectAccessible(page, 'card dialog')
    await pressOn(page, 'Make the card')
    await page.getByRole('dialog', { name: 'Print the card now' }).waitFor()
    await expectAccessible(page, 'card to print')
    expect(card).toMatch(/^\d{120}$/)
    await pressOn(page, /^Print$/)
    await pressOn(page, 'I have looked: the printout is whole')
    await page.getByRole('table', { name: 'Cards of this patient' }).getByText('In use').waitFor()
  })

  it('records a consent in words that the patient reads and signs with the card', async () => {
    window.pictureOnFailure(page, 'consent-grant')
    await pressOn(page, 'Record a consent')
    const dialog = page.getByRole('dialog', { name: 'Record a consent' })
    await dialog.waitFor()
    await expectAccessible(page, 'consent, its terms')
    await pressOn(page, 'Go on to the words')
    await dialog.getByText(`${PATIENT.given} ${PATIENT.family}`).first().waitFor()
    await useCard()
    await typeInto(page, `PIN of ${CLINIC.nurse.name}`, CLINIC.nurse.pin)
    await expectAccessible(page, 'consent, its words')
    await pressOn(page, 'Sign the consent')
    await page.getByText('The consent is recorded.').waitFor()
    await page.getByText('In force', { exact: true }).waitFor()
    await expectAccessible(page, 'consent tab, in force')
  })

  it('records a reading, which another practitioner sees', async () => {
    window.pictureOnFailure(page, 'consent-reading')
    await pressOn(page, 'Take observations')
    await page.getByRole('dialog', { name: 'Is this the right patient?' }).waitFor()
    await page.keyboard.press('Enter')
    await focusOn(page, 'Respiratory rate')
    await page.keyboard.type('23')
    await button(page, /^Sign 1 value/).waitFor()
    await page.keyboard.press('Control+Enter')
    await heading(page, '1 value sealed').waitFor()
    await signOut()
    await signIn(PHYSICIAN)
    await openPatient()
    expect(await window.flowsheet(page)).toEqual([expect.stringMatching(/^Respiratory rate 23 \/min/)])
    await signOut()
  })

  it('takes the consent back, and keeps the chart closed', async () => {
    window.pictureOnFailure(page, 'consent-revoke')
    await signIn(CLINIC.nurse)
    await openPatient()
    await openTab('Consent')
    await pressOn(page, /^Take back the consent/)
    await page.getByRole('dialog', { name: 'Take this consent back' }).waitFor()
    await typeInto(page, /^Why/, 'said so at the bedside')
    await typeInto(page, `PIN of ${CLINIC.nurse.name}`, CLINIC.nurse.pin)
    await expectAccessible(page, 'taking a consent back')
    await pressOn(page, /^Take back$/)
    await heading(page, /./).waitFor()
    await page.getByText('This chart is closed').waitFor()
    await expectAccessible(page, 'closed chart, to who took the consent back')
    await signOut()
    await signIn(PHYSICIAN)
    await openClosed()
    const text = window.flat(await page.locator('body').innerText())
    expect(text).not.toContain('23 /min')
    expect(text).not.toMatch(new RegExp(PATIENT.family, 'i'))
    await expectAccessible(page, 'closed chart')
  })

  it('opens it in an emergency, with a reason', async () => {
    window.pictureOnFailure(page, 'consent-glass')
    await pressOn(page, 'Open in an emergency')
    await page.getByRole('dialog', { name: 'Open this chart in an emergency' }).waitFor()
    await expectAccessible(page, 'break the glass')
    await chooseIn(page, 'Reason', 'Unconscious or cannot decide')
    await typeInto(page, 'What happened', 'Found without consciousness on the stairs.')
    await typeInto(page, `PIN of ${PHYSICIAN.name}`, PHYSICIAN.pin)
    await pressOn(page, 'Record and open')
    await page.getByRole('region', { name: 'Emergency access' }).waitFor()
    expect(await window.flowsheet(page)).toEqual([expect.stringMatching(/^Respiratory rate 23 \/min/)])
    await expectAccessible(page, 'chart, opened in an emergency')
    await pressOn(page, 'End now')
    await page.getByText('This chart is closed').waitFor()
    await signOut()
  })

  it('shows the patient both looks, although the chart is closed', async () => {
    window.pictureOnFailure(page, 'consent-looked')
    await signIn(CLINIC.nurse)
    await openClosed()
    const rows = page.getByRole('table', { name: /^Who looked/ }).locator('tbody tr')
    await rows.first().waitFor()
    const texts = (await rows.allInnerTexts()).map(window.flat).filter((text) => text.includes(PHYSICIAN.name))
    expect(texts.filter((text) => text.includes('Opened the chart')).length).toBeGreaterThanOrEqual(2)
    expect(texts.filter((text) => text.includes('Emergency access'))).toEqual([
      expect.stringContaining('Found without consciousness on the stairs.'),
    ])
    await expectAccessible(page, 'who looked at a closed chart')
    await signOut()
  })

  it('has the emergency reviewed by an auditor, who learns no words and no name', async () => {
    window.pictureOnFailure(page, 'consent-review')
    await signIn(AUDITOR)
    await page.getByText('Waits for review').first().waitFor()
    const text = window.flat(await page.locator('body').innerText())
    expect(text).not.toContain('on the stairs')
    expect(text).not.toMatch(new RegExp(PATIENT.family, 'i'))
    await expectAccessible(page, 'audit')
    await pressOn(page, /^Review/)
    await page.getByRole('dialog', { name: 'Review this emergency' }).waitFor()
    await chooseIn(page, 'Finding', 'Justified')
    await typeInto(page, `PIN of ${AUDITOR.name}`, AUDITOR.pin)
    await expectAccessible(page, 'review')
    await pressOn(page, 'Sign the finding')
    await page.getByText('The review is signed and recorded.').waitFor()
    await page.getByText(new RegExp(`^Justified: ${AUDITOR.name}`)).waitFor()
    await signOut()
  })

  it('used no pointer, and the page did nothing that it must not', async () => {
    expect(await pointersUsed(page)).toBe(0)
    expect(app.problems).toEqual([])
    expect(await app.stop()).toBe(0)
  })
})
