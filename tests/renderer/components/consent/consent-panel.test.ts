import { enableAutoUnmount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { consentWords } from '../../../../src/clinical/consent-words.ts'
import { usualTerms } from '../../../../src/renderer/components/consent/consent-view.ts'
import ConsentPanel from '../../../../src/renderer/components/consent/ConsentPanel.vue'
import { localDay } from '../../../../src/renderer/composables/clinical-time.ts'
import { button, fill, press, screen, tick } from '../../../support/dialogs.ts'
import { handleOf, PATIENTS } from '../../../support/fake-data.ts'
import { CARD_PIN, OTHER_SITE, OWN_SITE } from '../../../support/fake-people.ts'
import { openWindow, settle, type TestWindow } from '../../../support/mount-window.ts'

enableAutoUnmount(afterEach)

/** A scanner: keys within milliseconds. */
async function scan(text: string): Promise<void> {
  for (const key of [...Array.from(text), 'Enter'])
    window.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }))
  await settle()
}

describe('the consent page', () => {
  const patient = handleOf(1)
  let around: TestWindow

  async function show(signedInAs = 1) {
    around = await openWindow({ signedInAs })
    const view = around.mount(ConsentPanel, {
      handle: patient,
      patient: PATIENTS[0],
      standing: around.core.known.standing(patient),
    })
    await settle()
    return view
  }

  beforeEach(() => (document.body.innerHTML = ''))

  it('records a consent in exactly the words that were read, with the card and both PINs', async () => {
    const view = await show()
    const { text } = around.core.known.issue(patient, 'patient', null)
    await press('Record a consent')
    expect(screen()).toContain('Harbour Street Clinic (this clinic)')
    await tick('research')
    await tick('laboratory')
    await press('Go on to the words')
    const terms = usualTerms(OWN_SITE, localDay(Date.now()))
    const wanted = {
      ...terms,
      purposes: ['care' as const, 'emergency' as const, 'research' as const],
      classes: terms.classes.filter((one) => one !== 'laboratory'),
    }
    const called = new Map([[OWN_SITE, 'Harbour Street Clinic']])
    const words = consentWords(wanted, { patient: 'Ada Okafor', ownSite: OWN_SITE, called })
    for (const paragraph of words) expect(screen()).toContain(paragraph)
    await scan('123456789')
    expect(screen()).toContain('That was not a card')
    await scan(text)
    expect(document.body.innerHTML).not.toContain(text)
    await fill('card-pin', '0000')
    await fill('own-pin', '2227')
    await press('Sign the consent')
    expect(screen()).toContain('This is not the PIN of the card')
    await fill('card-pin', CARD_PIN)
    await press('Sign the consent')
    expect(view.text()).toContain('The consent is recorded.')
    const [{ record } = { record: null }] = around.core.known.consents
    expect(record).toMatchObject({ kind: 'granted', terms: wanted, words, capacity: 'patient' })
    expect(view.text()).toContain('In force')
    expect(view.text()).toContain('Harbour Street Clinic (this clinic)')
  })

  it('does not go on without a clinic, a purpose, data and possible days', async () => {
    await show()
    await press('Record a consent')
    await tick(OWN_SITE)
    await press('Go on to the words')
    expect(screen()).toContain('Choose at least one clinic.')
    await tick(OTHER_SITE)
    await fill('until', '2020-01-01')
    await press('Go on to the words')
    expect(screen()).toContain('must lie after the first')
    expect(screen()).toContain('while connected')
    expect(around.core.calls).not.toContain('consents.grant')
  })

  it('needs a second physician for a patient who cannot sign, and says whose PIN was wrong', async () => {
    const view = await show(0)
    around.core.practitioners.push({ handle: handleOf(0xa9), name: 'Dr Second', role: 'physician' })
    around.core.pins.set(handleOf(0xa9), '9998')
    await press('Record a consent')
    await press('Go on to the words')
    await tick('incapable')
    await fill('cannot-sign', 'unconscious')
    await fill('own-pin', '1117')
    await press('Sign the consent')
    expect(screen()).toContain('Choose the second physician')
    const list = [...document.querySelectorAll<HTMLElement>('[role=combobox]')].at(-1)
    list?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }))
    await settle()
    document
      .querySelector<HTMLElement>('[role=option]')
      ?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }))
    await settle()
    await fill('second-pin', '0000')
    around.core.failures.set('consents.grant', 'WRONG_PIN')
    await press('Sign the consent')
    const wrong = document.querySelector('[name=second-pin]')?.closest('.field')
    expect(wrong?.textContent).toContain('This PIN is not right')
    expect(document.querySelector('[name=own-pin]')?.closest('.field')?.textContent).not.toContain('not right')
    await fill('second-pin', '9998')
    await press('Sign the consent')
    expect(view.text()).toContain('Two physicians, because the patient cannot sign')
  })

  it('changes a consent only when something is different, and keeps both versions', async () => {
    const view = await show()
    const { text } = around.core.known.issue(patient, 'patient', null)
    const terms = usualTerms(OWN_SITE, localDay(Date.now()))
    around.core.known.decide(patient, {
      ...{ consentId: 'c'.repeat(32), version: 1, kind: 'granted', terms, words: ['w'], capacity: 'patient' },
      ...{ proxy: null, revocation: null },
    })
    view.unmount()
    const again = around.mount(ConsentPanel, {
      handle: patient,
      patient: PATIENTS[0],
      standing: around.core.known.standing(patient),
    })
    await settle()
    await press('Change the consent')
    await press('Go on to the words')
    expect(screen()).toContain('Nothing is different yet.')
    await tick('asks-signature')
    await press('Go on to the words')
    await scan(text)
    await fill('card-pin', CARD_PIN)
    await fill('own-pin', '2227')
    await press('Sign the consent')
    expect(again.text()).toContain('The change is recorded.')
    await press('All versions')
    expect(again.findAll('.history li')).toHaveLength(2)
  })

  it('takes a consent back at the patient’s word', async () => {
    const view = await show()
    const terms = usualTerms(OWN_SITE, localDay(Date.now()))
    around.core.known.decide(patient, {
      ...{ consentId: 'c'.repeat(32), version: 1, kind: 'granted', terms, words: ['w'], capacity: 'patient' },
      ...{ proxy: null, revocation: null },
    })
    view.unmount()
    const again = around.mount(ConsentPanel, {
      handle: patient,
      patient: PATIENTS[0],
      standing: around.core.known.standing(patient),
    })
    await settle()
    await press('Take back the consent')
    expect(screen()).toContain('takes back a consent')
    await fill('reason', 'said so')
    await fill('own-pin', '2227')
    await press('Take back')
    expect(again.text()).toContain('The consent is taken back.')
    expect(again.text()).toContain('As the patient said')
    expect(around.core.known.consents.at(-1)?.record.revocation).toEqual({ how: 'spoken', reason: 'said so' })
    expect(() => button('Change the consent')).toThrow()
  })

  it('prints what was signed, with where it is on record', async () => {
    const view = await show()
    const terms = usualTerms(OWN_SITE, localDay(Date.now()))
    around.core.known.decide(patient, {
      ...{ consentId: 'c'.repeat(32), version: 1, kind: 'granted', terms, words: ['Very words.'], capacity: 'patient' },
      ...{ proxy: null, revocation: null },
    })
    view.unmount()
    around.mount(ConsentPanel, {
      handle: patient,
      patient: PATIENTS[0],
      standing: around.core.known.standing(patient),
    })
    await settle()
    const printer = vi.fn()
    vi.stubGlobal('print', printer)
    await press('Print the consent')
    expect(printer).toHaveBeenCalledOnce()
    const sheet = document.querySelector('.cs-print')?.textContent
    expect(sheet).toContain('Very words.')
    expect(sheet).toContain('OKAFOR, Ada')
    expect(sheet).toMatch(/Entry \d+ of chartseal/)
    window.dispatchEvent(new Event('afterprint'))
    await settle()
    expect(document.querySelector('.cs-print')).toBeNull()
    vi.unstubAllGlobals()
  })

  it('shows what is decided where the name may not be seen, and can take a new decision', async () => {
    around = await openWindow({ signedInAs: 1 })
    const view = around.mount(ConsentPanel, {
      handle: patient,
      patient: null,
      standing: { ...around.core.known.standing(patient), state: 'refused', classes: [] },
    })
    await settle()
    expect(view.text()).toContain('Not covered')
    expect(document.body.innerHTML).not.toContain('Okafor')
    await press('Record a consent')
    await press('Go on to the words')
    expect(screen()).toContain('This is a decision of this patient')
    expect(() => button('Make a card')).toThrow()
  })
})
