import { enableAutoUnmount } from '@vue/test-utils'
import { afterEach, expect, it } from 'vitest'
import { openWindow, settle, type TestWindow } from '../../../support/mount-window.ts'
import SystemBanners from '../../../../src/renderer/components/app/SystemBanners.vue'
import { useSystemStore } from '../../../../src/renderer/stores/system.ts'

afterEach(() => (document.body.innerHTML = ''))
enableAutoUnmount(afterEach)

const WAITS = 'Nobody confirmed yet that the recovery key of this clinic is on paper'
const body = () => document.body.textContent
const press = async (name: string) => {
  const found = [...document.querySelectorAll('button')].find((one) => one.textContent.trim() === name)
  if (found === undefined) throw new Error(`no button ${name}: ${body().slice(0, 400)}`)
  found.click()
  await settle()
}
const fill = async (field: HTMLInputElement | null, text: string) => {
  if (field === null) throw new Error('no field')
  field.value = text
  field.dispatchEvent(new Event('input'))
  await settle()
}

/** The banners of a window at a clinic whose key waits. */
async function waiting(role: string): Promise<TestWindow> {
  const window = await openWindow({ status: { demo: false, demoPins: [], recoveryKeyWaits: true } })
  const who = window.core.practitioners.find((one) => one.role === role)
  window.core.session = { practitioner: who!, locked: false, idleLimitS: 180, warnS: 20 }
  useSystemStore().start()
  await settle()
  window.mount(SystemBanners)
  await settle()
  return window
}

it.each([
  ['nurse', false],
  ['physician', false],
  ['auditor', false],
  ['it', true],
] as const)('asks IT alone to print it: %s', async (role, isAsked) => {
  await waiting(role)
  expect(body().includes(WAITS)).toBe(isAsked)
})

it('shows the key to IT after the PIN, and is gone when its last group was typed', async () => {
  const { core } = await waiting('it')
  expect(body()).toContain(WAITS)
  await press('Print it now…')
  const pin = () => document.querySelector<HTMLInputElement>('[name=own-pin]')
  await fill(pin(), '0000')
  await press('Show the key')
  expect(body()).not.toContain('K7QM')
  await fill(pin(), core.pins.get(core.session?.practitioner.handle ?? '') ?? '')
  await press('Show the key')
  expect(document.querySelector('[data-print]')?.textContent).toContain('K7QM')
  await fill(document.querySelector('[name=recovery-check]'), '1DKT')
  await press('Finish')
  expect(core.status.recoveryKeyWaits).toBe(false)
  expect(body()).not.toContain(WAITS)
})
