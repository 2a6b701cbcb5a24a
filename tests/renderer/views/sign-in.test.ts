import { enableAutoUnmount } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
import SignInView from '../../../src/renderer/views/SignInView.vue'
import { useSessionStore } from '../../../src/renderer/stores/session.ts'
import { useCaptureStore } from '../../../src/renderer/stores/capture.ts'
import { handleOf, PRACTITIONERS } from '../../support/fake-data.ts'
import { openWindow, settle } from '../../support/mount-window.ts'

enableAutoUnmount(afterEach)

describe('SignInView', () => {
  it('signs in with the keyboard alone', async () => {
    const window = await openWindow()
    const view = window.mount(SignInView)
    await settle()
    await view.findAll('.tile')[1]?.trigger('click')
    await settle()
    expect(document.activeElement?.id).toBe('pin')
    await view.get('#pin').setValue('2227')
    await view.get('form').trigger('submit')
    await settle()
    expect(useSessionStore().practitioner?.name).toBe('Jonas Weatherby')
  })

  it('signs in with the pad, erasing a slip', async () => {
    const window = await openWindow()
    const view = window.mount(SignInView)
    await settle()
    await view.findAll('.tile')[1]?.trigger('click')
    const press = (name: string) =>
      view
        .findAll('.key')
        .find((key) => (key.attributes('aria-label') ?? key.text()).startsWith(name))
        ?.trigger('click')
    for (const key of ['2', '2', '9', 'Erase', '2', '7']) await press(key)
    expect((view.get('#pin').element as HTMLInputElement).value).toBe('2227')
  })

  it('empties the field after a wrong PIN and says what to do', async () => {
    const window = await openWindow()
    const view = window.mount(SignInView)
    await settle()
    await view.findAll('.tile')[0]?.trigger('click')
    await view.get('#pin').setValue('0000')
    await view.get('form').trigger('submit')
    await settle()
    expect(view.get('[role=alert]').text()).toBe('This PIN is not right. Try again.')
    expect((view.get('#pin').element as HTMLInputElement).value).toBe('')
  })

  it('says whose set is open behind the lock, and names no patient', async () => {
    const window = await openWindow({ signedInAs: 1 })
    const capture = useCaptureStore()
    await capture.start(handleOf(1))
    await capture.confirm(['name', 'birth-date'])
    await useSessionStore().lock()
    const view = window.mount(SignInView)
    await settle()
    expect(view.text()).toContain('only Jonas Weatherby can sign it')
    expect(view.findAll('.tile')[1]?.text()).toContain('has an open set')
    expect(view.findAll('.tile')[0]?.text()).not.toContain('has an open set')
    expect(document.body.innerHTML).not.toContain('Okafor')
    await view.findAll('.tile')[2]?.trigger('click')
    await view.get('#pin').setValue('3337')
    await view.get('form').trigger('submit')
    await settle()
    expect(capture.isMine).toBe(false)
    expect(capture.canSign).toBe(false)
    await capture.close()
  })

  it('counts a lock-out down and opens again by itself', async () => {
    const window = await openWindow()
    vi.useFakeTimers()
    try {
      const view = window.mount(SignInView)
      await vi.advanceTimersByTimeAsync(0)
      await view.findAll('.tile')[0]?.trigger('click')
      window.core.wrongPins = 4
      await view.get('#pin').setValue('0000')
      await view.get('form').trigger('submit')
      await vi.advanceTimersByTimeAsync(1)
      expect(view.get('[role=alert]').text()).toContain('0:30')
      expect(view.get('#pin').attributes('disabled')).toBeDefined()
      await vi.advanceTimersByTimeAsync(12_000)
      expect(view.get('[role=alert]').text()).toContain('0:18')
      await vi.advanceTimersByTimeAsync(18_500)
      expect(view.get('#pin').attributes('disabled')).toBeUndefined()
      expect(view.get('[role=alert]').text()).toBe('')
    } finally {
      vi.useRealTimers()
    }
  })

  it('shows PINs in the demonstration clinic only', async () => {
    const demo = (await openWindow()).mount(SignInView)
    await settle()
    expect(demo.text()).toContain('PIN 2227')
    const real = (await openWindow({ status: { demo: false, demoPins: [] } })).mount(SignInView)
    await settle()
    expect(real.text()).not.toContain('PIN 2227')
  })

  it('comes back from a lock with the person chosen', async () => {
    const window = await openWindow({ signedInAs: 2 })
    await useSessionStore().lock()
    const view = window.mount(SignInView)
    await settle()
    expect(view.get('[aria-pressed=true]').text()).toContain('Priya Halloran')
  })

  it('offers another try when the list cannot be read', async () => {
    const window = await openWindow()
    window.core.failures.set('session.practitioners', 'INTERNAL')
    const view = window.mount(SignInView)
    await settle()
    expect(view.findAll('.tile')).toHaveLength(0)
    await view
      .findAll('button')
      .find((button) => button.text() === 'Try again')
      ?.trigger('click')
    await settle()
    expect(view.findAll('.tile')).toHaveLength(PRACTITIONERS.length)
  })
})
