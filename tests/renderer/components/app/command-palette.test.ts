import { enableAutoUnmount } from '@vue/test-utils'
import { afterEach, expect, it, vi } from 'vitest'
import CommandPalette from '../../../../src/renderer/components/app/CommandPalette.vue'
import { useSessionStore } from '../../../../src/renderer/stores/session.ts'
import { openWindow, settle } from '../../../support/mount-window.ts'

enableAutoUnmount(afterEach)

async function open() {
  const window = await openWindow({ signedInAs: 1 })
  await window.router.push('/about')
  window.mount(CommandPalette, { open: true })
  await settle()
  const input = document.querySelector<HTMLInputElement>('[role=combobox]')
  const type = async (text: string) => {
    if (input !== null) input.value = text
    input?.dispatchEvent(new Event('input'))
    await settle()
  }
  const press = async (key: string) => {
    input?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))
    await settle()
  }
  const chosen = () => document.querySelector('[role=option][aria-selected=true]')?.textContent ?? ''
  return { window, input, type, press, chosen }
}

it('starts in the field and goes where the arrow keys point', async () => {
  const { window, input, press, chosen } = await open()
  expect(document.activeElement).toBe(input)
  expect(chosen()).toContain('Patients')
  await press('ArrowDown')
  await press('ArrowDown')
  expect(chosen()).toContain('Devices')
  expect(input?.getAttribute('aria-activedescendant')).toBe('command-devices')
  await press('Enter')
  await vi.waitFor(() => expect(window.router.currentRoute.value.path).toBe('/devices'))
})

it('hands what no command fits to the patient search', async () => {
  const { window, type, press, chosen } = await open()
  await type('okafor')
  expect(chosen()).toContain('Find patients matching “okafor”')
  await press('Enter')
  await vi.waitFor(() => expect(window.router.currentRoute.value.query).toMatchObject({ text: 'okafor' }))
})

it('locks', async () => {
  const { type, press } = await open()
  await type('lock')
  await press('Enter')
  expect(useSessionStore().isLocked).toBe(true)
})
