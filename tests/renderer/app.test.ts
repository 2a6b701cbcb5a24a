import { enableAutoUnmount } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
import App from '../../src/renderer/App.vue'
import { useSessionStore } from '../../src/renderer/stores/session.ts'
import { useSystemStore } from '../../src/renderer/stores/system.ts'
import type { SystemStatus } from '../../src/renderer/api/types.ts'
import { handleOf } from '../support/fake-data.ts'
import { button, press } from '../support/dialogs.ts'
import { cardText } from '../support/fake-people.ts'
import { openWindow, settle } from '../support/mount-window.ts'

enableAutoUnmount(afterEach)

/** A scanner: keys within milliseconds. */
function scan(text: string): void {
  const target = document.activeElement ?? document.body
  for (const key of [...Array.from(text), 'Enter'])
    target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }))
}

describe('App', () => {
  it('opens the chart of whoever is scanned on any page, and says when nobody is known', async () => {
    const window = await openWindow({ signedInAs: 1 })
    const app = window.mount(App)
    await window.router.push('/devices')
    await settle()
    scan('9999999')
    await settle()
    expect(app.text()).toContain('This code belongs to nobody registered here')
    scan('9000025')
    await vi.waitFor(() => expect(window.router.currentRoute.value.params.handle).toBe(handleOf(2)), 10_000)
    await settle()
    expect(app.text()).not.toContain('This code belongs to nobody')
  })

  it('opens no chart for an auditor, and none behind a dialog', async () => {
    const window = await openWindow({ signedInAs: 4 })
    window.mount(App)
    await window.router.push('/ledger')
    await settle()
    scan('9000025')
    await settle()
    expect(window.core.calls).not.toContain('patients.scan')
  })

  it('takes no Enter elsewhere for the end of a scan', async () => {
    const window = await openWindow({ signedInAs: 1 })
    window.mount(App)
    await window.router.push('/devices')
    await settle()
    const key = (target: Element, text: string) =>
      target.dispatchEvent(new KeyboardEvent('keydown', { key: text, bubbles: true, cancelable: true }))
    for (const digit of '9000025') key(document.body, digit)
    const [other] = document.querySelectorAll('a')
    // Not prevented: the link is followed.
    expect(other !== undefined && key(other, 'Enter')).toBe(true)
    await settle()
    expect(window.core.calls).not.toContain('patients.scan')
  })

  it('leaves what a program types into a dialog alone, but no card', async () => {
    const window = await openWindow({ signedInAs: 3 })
    window.mount(App)
    await window.router.push('/people')
    await vi.waitFor(() => button('Revoke Jonas Weatherby'), 10_000)
    await press('Revoke Jonas Weatherby')
    const field = document.querySelector<HTMLInputElement>('[name=reason]')
    if (field === null) throw new Error('no field')
    const typeFast = (text: string): void => {
      for (const key of [...Array.from(text), 'Enter']) {
        const down = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true })
        if (field.dispatchEvent(down) && key !== 'Enter') field.value += key
      }
    }
    typeFast('left us')
    expect(field.value).toBe('left us')
    typeFast(cardText(1))
    expect(field.value).toBe('left us')
    expect(window.core.calls).not.toContain('patients.scan')
  })

  it.each([
    ['first-run', 'Welcome to Chartseal'],
    ['passphrase-needed', 'Start passphrase'],
    ['starting', 'Opening and checking the ledger'],
    ['failed', 'Chartseal cannot start'],
    ['recovery-needed', 'This clinic needs a recovery'],
    ['ready', 'Who is working?'],
    ['read-only', 'Who is working?'],
  ] as const)('has a screen for %s', async (state: SystemStatus['state'], words) => {
    const window = await openWindow({ status: { state } })
    const app = window.mount(App)
    await settle()
    expect(app.text()).toContain(words)
  })

  it('says that a demonstration is being made, which takes longer than opening one', async () => {
    const window = await openWindow({ status: { state: 'starting', demo: true, clinic: null } })
    const app = window.mount(App)
    await settle()
    expect(app.text()).toContain('Making the demonstration clinic')
  })

  it('keeps the passphrase screen, and its mistake, while the core tries the passphrase', async () => {
    const window = await openWindow({ status: { state: 'passphrase-needed' } })
    const app = window.mount(App)
    await settle()
    const system = useSystemStore()
    const tell = (state: SystemStatus['state']) => (system.status = { ...window.core.status, state })
    system.isUnlocking = true
    tell('starting')
    await settle()
    expect(app.text()).toContain('Start passphrase')
    system.isUnlocking = false
    await settle()
    expect(app.text()).toContain('Opening and checking the ledger')
  })

  it('takes everything of the patient out of the document the moment the session locks', async () => {
    const window = await openWindow({ signedInAs: 1 })
    await window.router.push(`/patients/${handleOf(1)}`)
    const app = window.mount(App)
    await settle()
    expect(document.body.innerHTML).toContain('OKAFOR')
    void useSessionStore().lock()
    await settle()
    expect(document.body.innerHTML).not.toContain('OKAFOR')
    expect(document.body.innerHTML).not.toContain('9000017')
    expect(app.text()).toContain('Locked')
    expect(document.title).toBe('Chartseal')
  })

  it('shows nothing until the core has said who is signed in', async () => {
    const window = await openWindow({ signedInAs: 1 })
    const session = useSessionStore()
    session.isKnown = false
    session.session = null
    await window.router.push('/about')
    const app = window.mount(App)
    await settle()
    expect(app.text()).not.toContain('Who is working?')
    session.replace(window.core.session)
    await settle()
    expect(app.find('nav').exists()).toBe(true)
    expect(window.router.currentRoute.value.name).toBe('about')
  })

  it('gives the page back to whoever locked it, and the list to anybody else, without asking for the chart', async () => {
    const window = await openWindow({ signedInAs: 1 })
    await window.router.push(`/patients/${handleOf(1)}`)
    window.mount(App)
    await settle()
    const session = useSessionStore()
    const asked = (): number => window.core.calls.filter((name) => name === 'patients.chart').length
    await session.lock()
    await session.signIn(handleOf(0xa2), '2227')
    await settle()
    expect(window.router.currentRoute.value.name).toBe('chart')
    expect(asked()).toBe(2)
    await session.lock()
    await session.signIn(handleOf(0xa1), '1117')
    await settle()
    expect(window.router.currentRoute.value.name).toBe('patients')
    expect(asked()).toBe(2)
    await window.router.push(`/patients/${handleOf(1)}`)
    await settle()
    await session.signOut()
    await session.signIn(handleOf(0xa1), '1117')
    await settle()
    expect(window.router.currentRoute.value.name).toBe('patients')
  })

  it('locks with Ctrl+L and goes to the search with F2', async () => {
    const window = await openWindow({ signedInAs: 1 })
    await window.router.push('/about')
    window.mount(App)
    await settle()
    globalThis.window.dispatchEvent(new KeyboardEvent('keydown', { key: 'F2' }))
    await settle()
    expect(window.router.currentRoute.value.name).toBe('patients')
    globalThis.window.dispatchEvent(new KeyboardEvent('keydown', { key: 'l', ctrlKey: true }))
    await settle()
    expect(useSessionStore().isOpen).toBe(false)
  })

  it('warns before it locks, goes on when asked, and locks by itself when nobody is there', async () => {
    const window = await openWindow({ signedInAs: 1 })
    await window.router.push('/about')
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
    try {
      window.mount(App)
      vi.advanceTimersByTime(158_000)
      await settle()
      expect(document.body.textContent).not.toContain('Still there?')
      vi.advanceTimersByTime(4_000)
      await settle()
      expect(document.body.textContent).toContain('Still there?')
      globalThis.window.dispatchEvent(new KeyboardEvent('keydown', { key: 'a' }))
      await settle()
      expect(document.body.textContent).not.toContain('Still there?')
      vi.advanceTimersByTime(181_000)
      await settle()
      expect(useSessionStore().isLocked).toBe(true)
    } finally {
      vi.useRealTimers()
    }
  })

  it('says when the connection is lost, and keeps the band of the demonstration clinic', async () => {
    const window = await openWindow({ signedInAs: 1 })
    await window.router.push('/about')
    const app = window.mount(App)
    await settle()
    window.api.state.value = 'offline'
    await settle()
    expect(useSystemStore().connection).toBe('offline')
    expect(app.get('[role=alert]').text()).toContain('The connection to Chartseal is lost')
    expect(app.text()).toContain('Demonstration data')
  })
})
