import { enableAutoUnmount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import ConsentPanel from '../../../../src/renderer/components/consent/ConsentPanel.vue'
import { useSessionStore } from '../../../../src/renderer/stores/session.ts'
import { button, fill, press, screen, tick } from '../../../support/dialogs.ts'
import { handleOf, PATIENTS } from '../../../support/fake-data.ts'
import { cardText } from '../../../support/fake-people.ts'
import { openWindow, settle, type TestWindow } from '../../../support/mount-window.ts'

enableAutoUnmount(afterEach)

async function scan(text: string): Promise<void> {
  for (const key of [...Array.from(text), 'Enter'])
    window.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }))
  await settle()
}

describe('patients’ cards', () => {
  const patient = handleOf(1)
  let around: TestWindow

  async function show() {
    const view = around.mount(ConsentPanel, {
      handle: patient,
      patient: PATIENTS[0],
      standing: around.core.known.standing(patient),
    })
    await settle()
    return view
  }

  async function choosePin(pin: string): Promise<void> {
    await fill('new-pin', pin)
    await fill('new-pin-again', pin)
    await fill('own-pin', '2227')
  }

  beforeEach(async () => {
    document.body.innerHTML = ''
    around = await openWindow({ signedInAs: 1 })
    vi.stubGlobal('print', vi.fn())
  })
  afterEach(() => vi.unstubAllGlobals())

  it('are made, printed once, and tried with a scan of the printout', async () => {
    const view = await show()
    await press('Make a card')
    await choosePin('8080')
    await press('Make the card')
    await vi.waitFor(() => expect(button('Print').disabled).toBe(false))
    expect(document.body.innerHTML).not.toContain(cardText(1))
    expect(() => button('Done')).toThrow()
    await press('Print')
    expect(document.querySelector('.cs-print')?.textContent).toContain('OKAFOR, Ada')
    await scan(cardText(2))
    expect(screen()).toContain('That is another code')
    await scan(cardText(1))
    expect(screen()).toContain('The printout can be read.')
    await press('Done')
    expect(document.querySelector('.cs-print')).toBeNull()
    expect(view.text()).toContain('In use')
    expect(around.core.known.cards[0]).toMatchObject({ pin: '8080', card: { capacity: 'patient', holder: null } })
  })

  it('for a guardian carry their name', async () => {
    const view = await show()
    await press('Make a card')
    await tick('guardian')
    await choosePin('8080')
    await press('Make the card')
    expect(screen()).toContain('Type the name of the holder.')
    await fill('holder', 'Chidi Okafor')
    await press('Make the card')
    await settle()
    expect(around.core.known.cards[0]?.card).toMatchObject({ capacity: 'guardian', holder: 'Chidi Okafor' })
    await vi.waitFor(() => expect(button('Print').disabled).toBe(false))
    await press('Print')
    await press('I have looked')
    expect(view.text()).toContain('Chidi Okafor (for the patient)')
  })

  it('are not lost by a slip of the finger: leaving without a printout is asked twice', async () => {
    await show()
    await press('Make a card')
    await choosePin('8080')
    await press('Make the card')
    document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true, cancelable: true }))
    await settle()
    expect(screen()).toContain('Print the card now')
    await press('Close without a printout')
    expect(screen()).toContain('can never be printed again')
    await press('Back to the card')
    expect(screen()).toContain('Print the card now')
  })

  it('are replaced: the old one ends with the new one', async () => {
    around.core.known.issue(patient, 'patient', null)
    const view = await show()
    await press('Replace the card')
    await choosePin('8080')
    await press('Make the card')
    await vi.waitFor(() => expect(button('Print').disabled).toBe(false))
    await press('Print')
    await press('I have looked')
    expect(around.core.known.cards.map(({ card }) => card.revoked?.reason ?? null)).toEqual([
      'replaced by a new card',
      null,
    ])
    expect(view.text()).toContain('replaced by a new card')
  })

  it('are ended with a reason', async () => {
    around.core.known.issue(patient, 'patient', null)
    const view = await show()
    await press('End the card')
    await fill('own-pin', '2227')
    await press('End the card')
    expect(screen()).toContain('Type at least three characters.')
    await fill('reason', 'lost on the bus')
    await press('End the card')
    expect(view.text()).toContain('The card is ended.')
    expect(view.text()).toContain('lost on the bus')
  })

  it('leave nothing on screen when the window locks', async () => {
    await show()
    await press('Make a card')
    await choosePin('8080')
    await press('Make the card')
    await useSessionStore().lock()
    const { useDecisionsStore } = await import('../../../../src/renderer/stores/decisions.ts')
    expect(useDecisionsStore().cards).toEqual([])
    expect(useDecisionsStore().handle).toBeNull()
  })
})
