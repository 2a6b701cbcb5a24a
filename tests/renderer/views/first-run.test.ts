import { enableAutoUnmount } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
import FirstRunView from '../../../src/renderer/views/FirstRunView.vue'
import { useSystemStore } from '../../../src/renderer/stores/system.ts'
import type { FakeOptions } from '../../support/fake-api.ts'
import { openWindow, settle } from '../../support/mount-window.ts'

const FIRST_RUN: FakeOptions = { status: { state: 'first-run', demo: false, demoPins: [] } }

enableAutoUnmount(afterEach)

describe('FirstRunView', () => {
  async function begin(systemKeystore = false) {
    const window = await openWindow({ status: { ...FIRST_RUN.status, systemKeystore } })
    const view = window.mount(FirstRunView)
    await view.findAll('.choice')[0]?.trigger('click')
    const type = (name: string, text: string) => view.get(`[name=${name}]`).setValue(text)
    const next = async () => {
      await view.get('form').trigger('submit')
      await settle()
    }
    return { window, view, type, next }
  }

  it('creates a clinic and keeps the recovery key on screen until its last group was typed', async () => {
    const { window, view, type, next } = await begin()
    const create = vi.spyOn(window.core, 'enter')
    await type('clinic', 'Harbour Street Clinic')
    await next()
    await type('name', 'Tomasz Underhill')
    await type('pin', '48151')
    await type('pin-again', '48151')
    await next()
    await type('passphrase', 'correct horse battery')
    await type('passphrase-again', 'correct horse battery')
    await next()
    expect(create).toHaveBeenCalledWith('setup.createClinic')
    expect(view.get('[data-print]').text()).toContain('Harbour Street Clinic')
    await type('recovery-check', '5EZU')
    await next()
    expect(useSystemStore().recoveryKey).not.toBeNull()
    await type('recovery-check', ' 1dkt ')
    await next()
    expect(useSystemStore().recoveryKey).toBeNull()
  })

  it('does not go on with an empty field, a PIN typed differently, or a short passphrase', async () => {
    const { view, type, next } = await begin()
    await next()
    expect(view.get('[role=alert]').text()).toBe('Fill in this field.')
    await type('clinic', 'Harbour Street Clinic')
    await next()
    await type('name', 'Tomasz Underhill')
    await type('pin', '48151')
    await type('pin-again', '48152')
    await next()
    expect(view.text()).toContain('The two entries differ')
    await type('pin-again', '48151')
    await next()
    await type('passphrase', 'short')
    await next()
    expect(view.text()).toContain('Use at least 12 characters.')
    expect(useSystemStore().recoveryKey).toBeNull()
  })

  it('asks for no passphrase where the operating system keeps the secret', async () => {
    const { window, type, next } = await begin(true)
    await type('clinic', 'Harbour Street Clinic')
    await next()
    await type('name', 'Tomasz Underhill')
    await type('pin', '48151')
    await type('pin-again', '48151')
    await next()
    expect(window.core.calls).toContain('setup.createClinic')
  })

  it('opens the demonstration clinic, or says why not', async () => {
    const window = await openWindow(FIRST_RUN)
    window.core.failures.set('setup.openDemo', 'DISK_FULL')
    const view = window.mount(FirstRunView)
    await view.findAll('.choice')[2]?.trigger('click')
    await settle()
    expect(view.get('[role=alert]').text()).toContain('The disk is full')
    await view.findAll('.choice')[2]?.trigger('click')
    await settle()
    expect(window.core.status.demo).toBe(true)
  })

  it('says on the first screen that this is not a patient monitor', async () => {
    const window = await openWindow(FIRST_RUN)
    expect(window.mount(FirstRunView).text()).toContain('Not a patient monitor. No alarms.')
  })
})
