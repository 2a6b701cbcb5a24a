import { enableAutoUnmount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import ChangePinDialog from '../../../../src/renderer/components/app/ChangePinDialog.vue'
import PresenceDialog from '../../../../src/renderer/components/app/PresenceDialog.vue'
import { usePresenceStore } from '../../../../src/renderer/stores/presence.ts'
import { button, fill, press, screen, typedIn } from '../../../support/dialogs.ts'
import { openWindow, settle } from '../../../support/mount-window.ts'

enableAutoUnmount(afterEach)
beforeEach(() => (document.body.innerHTML = ''))

describe('PresenceDialog', () => {
  it('names whose PIN it is, and empties a wrong one', async () => {
    const window = await openWindow({ signedInAs: 1 })
    const presence = usePresenceStore()
    window.mount(PresenceDialog)
    await settle()
    expect(screen()).toContain('PIN of Jonas Weatherby')
    expect(button('Go on').disabled).toBe(true)
    await fill('own-pin', '0000')
    await press('Go on')
    expect(screen()).toContain('This PIN is not right. Try again.')
    expect(typedIn('own-pin')).toBe('')
    expect(presence.problem?.code).toBe('WRONG_PIN')
  })
})

describe('ChangePinDialog', () => {
  it('changes the PIN, after saying what is wrong with the new one', async () => {
    const window = await openWindow({ signedInAs: 1 })
    window.mount(ChangePinDialog)
    await settle()
    await press('Change PIN')
    expect(screen()).toContain('Use at least 4 digits.')
    await fill('own-pin', '2227')
    await fill('new-pin', '8351')
    await fill('new-pin-again', '8352')
    await press('Change PIN')
    expect(screen()).toContain('The two PINs differ')
    await fill('new-pin-again', '8351')
    await press('Change PIN')
    expect(screen()).toContain('Your PIN is changed.')
    expect([...window.core.pins.values()]).toContain('8351')
  })

  it('has a weak PIN chosen anew, and refuses the present one', async () => {
    const window = await openWindow({ signedInAs: 1 })
    window.mount(ChangePinDialog)
    await settle()
    await fill('own-pin', '2227')
    for (const name of ['new-pin', 'new-pin-again']) await fill(name, '2227')
    expect(screen()).toContain('This is the present PIN')
    await press('Change PIN')
    expect(window.core.calls).not.toContain('session.changePin')
    for (const name of ['new-pin', 'new-pin-again']) await fill(name, '7777')
    await press('Change PIN')
    expect(screen()).toContain('too easy to guess')
    expect(typedIn('new-pin')).toBe('')
    expect(window.core.pins.get(window.core.session?.practitioner.handle ?? '')).toBe('2227')
  })
})
