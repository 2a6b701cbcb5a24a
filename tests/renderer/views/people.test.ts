import { enableAutoUnmount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fill, press, screen } from '../../support/dialogs.ts'
import { handleOf } from '../../support/fake-data.ts'
import { openWindow, type TestWindow } from '../../support/mount-window.ts'

enableAutoUnmount(afterEach)

describe('the people page', () => {
  let around: TestWindow

  async function visit(signedInAs: number) {
    around = await openWindow({ signedInAs })
    return around.visit('/people')
  }

  beforeEach(() => (document.body.innerHTML = ''))

  it('lets IT revoke somebody, with a reason and the PIN', async () => {
    const view = await visit(3)
    await press('Revoke Jonas Weatherby')
    await fill('own-pin', '4447')
    await press('Revoke')
    expect(screen()).toContain('Type at least three characters.')
    await fill('reason', 'left the clinic')
    await fill('own-pin', '0000')
    await press('Revoke')
    expect(screen()).toContain('This PIN is not right')
    await fill('own-pin', '4447')
    await press('Revoke')
    expect(view.text()).toContain('Jonas Weatherby signs nothing any more.')
    expect(view.get('.former').text()).toContain('left the clinic')
    expect(view.get('.people').text()).not.toContain('Jonas')
  })

  it('does not offer to revoke oneself, and says why the last of IT stays', async () => {
    const view = await visit(3)
    expect(view.text()).toContain('You')
    expect([...document.querySelectorAll('[aria-label="Revoke Tomasz Underhill"]')]).toEqual([])
    around.core.failures.set('people.revoke', 'LAST_ADMINISTRATOR')
    await press('Revoke Priya Halloran')
    await fill('reason', 'a test')
    await fill('own-pin', '4447')
    await press('Revoke')
    expect(screen()).toContain('last person of clinic IT')
  })

  it('renews somebody who was revoked, who types the new PIN', async () => {
    around = await openWindow({ signedInAs: 3 })
    const handle = handleOf(0xa3)
    around.core.known.revoked.set(handle, { at: '2026-05-01T08:00:00Z', reason: 'on leave' })
    const view = await around.visit('/people')
    await press('Renew Priya Halloran')
    await fill('new-pin', '9351')
    await fill('new-pin-again', '9351')
    await fill('own-pin', '4447')
    await press('Make new key')
    expect(view.text()).toContain('Priya Halloran can sign in with the new PIN.')
    expect(around.core.pins.get(handle)).toBe('9351')
    expect(view.find('.former').exists()).toBe(false)
  })

  it('lets IT renew somebody whose record is damaged', async () => {
    around = await openWindow({ signedInAs: 3 })
    const rows = around.core.known.practitionerRows()
    const { origin, index, entryId, seq } =
      around.core.known.practitionerRows()[1]?.position ?? around.core.position('', 1)
    const broken = {
      status: 'rejected' as const,
      step: 'decrypt' as const,
      reason: 'damaged',
      origin,
      index,
      entryId,
      seq,
    }
    const subject = handleOf(0xa2)
    around.core.known.practitionerRows = () => [rows[0], { ...broken, subject }] as unknown as typeof rows
    await around.visit('/people')
    await press('Renew a person whose record is damaged')
    await fill('new-pin', '9351')
    await fill('new-pin-again', '9351')
    await fill('own-pin', '4447')
    await press('Make new key')
    expect(around.core.pins.get(subject)).toBe('9351')
  })

  it.each([0, 1, 4])('shows no actions to practitioner %i', async (who) => {
    const view = await visit(who)
    expect(view.text()).toContain('Jonas Weatherby')
    expect(view.findAll('td.actions')).toEqual([])
  })
})
