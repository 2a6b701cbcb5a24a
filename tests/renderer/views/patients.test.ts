import { enableAutoUnmount } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { fill, press, screen, typedIn } from '../../support/dialogs.ts'
import { handleOf } from '../../support/fake-data.ts'
import { openWindow, settle } from '../../support/mount-window.ts'

enableAutoUnmount(afterEach)

/** Female, from the list, with the keyboard. */
async function chooseGender(): Promise<void> {
  const list = [...document.querySelectorAll<HTMLElement>('[role=dialog] [role=combobox]')].at(-1)
  list?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }))
  await settle()
  const first = document.querySelector<HTMLElement>('[role=option]')
  first?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }))
  await settle()
}

describe('PatientsView', () => {
  it('narrows the list while typing, and Enter opens the only patient left', async () => {
    const window = await openWindow({ signedInAs: 1 })
    const view = await window.visit('/patients')
    expect(view.findAll('tbody tr')).toHaveLength(5)
    await view.get('input[type=search]').setValue('okaf')
    expect(view.findAll('tbody tr')).toHaveLength(1)
    await view.get('input[type=search]').trigger('keydown', { key: 'Enter' })
    // The chart is loaded when it is first needed.
    await vi.waitFor(() => expect(window.router.currentRoute.value.params.handle).toBe(handleOf(1)), 10_000)
  })

  it('warns that a patient may be missing when damage cannot be assigned to anybody', async () => {
    const window = await openWindow({ signedInAs: 1 })
    expect((await window.visit('/patients')).text()).not.toContain('may be missing')
    window.core.unattributedDamage = 2
    expect((await window.visit('/patients')).text()).toContain('2 damaged entries of the ledger')
  })

  it('names nobody who keeps their data closed, and still leads to their record', async () => {
    const window = await openWindow({ signedInAs: 1 })
    window.core.known.agree(handleOf(2), { sites: ['elsewhere.example'] })
    const view = await window.visit('/patients')
    expect(view.text()).toContain('1 patient whose data is closed to you')
    expect(view.text()).not.toContain('LINDQVIST')
    expect(view.findAll('tbody tr')).toHaveLength(4)
    expect(view.findAll('[role=alert]')).toHaveLength(0)
    await view.get('.closed a').trigger('click')
    await vi.waitFor(() => expect(window.router.currentRoute.value.params.handle).toBe(handleOf(2)), 10_000)
  })

  it('never shows a patient banner', async () => {
    const view = await (await openWindow({ signedInAs: 1 })).visit('/patients')
    expect(view.find('[aria-label="Patient"]').exists()).toBe(false)
  })

  it('has words for no patients, nobody found, and a failed call', async () => {
    const window = await openWindow({ signedInAs: 1 })
    window.core.patients = []
    const empty = await window.visit('/patients')
    expect(empty.text()).toContain('No patients yet')
    empty.unmount()
    const other = await openWindow({ signedInAs: 1 })
    other.core.failures.set('patients.search', 'DISK_FULL')
    const view = await other.visit('/patients')
    expect(view.get('[role=alert]').text()).toContain('The disk is full')
    await view
      .findAll('button')
      .find((button) => button.text() === 'Try again')
      ?.trigger('click')
    await settle()
    await view.get('input[type=search]').setValue('zzz')
    expect(view.text()).toContain('Nobody fits “zzz”')
  })

  it('opens registration from its address, and refuses somebody who is there already', async () => {
    const window = await openWindow({ signedInAs: 1 })
    await window.visit('/patients?register=1')
    const dialog = document.querySelector('[role=dialog]')
    const field = (name: string): HTMLInputElement | null => dialog?.querySelector(`[name=${name}]`) ?? null
    for (const [name, text] of Object.entries({
      'family-name': 'okafor',
      'given-name': 'ADA',
      'birth-date': '14 mar 1957',
    })) {
      const input = field(name)
      if (input !== null) input.value = text
      input?.dispatchEvent(new Event('input'))
    }
    await settle()
    expect(dialog?.textContent).toContain('Already registered with these details')
    const save = [...(dialog?.querySelectorAll('button') ?? [])].find(
      (button) => button.textContent.trim() === 'Register',
    )
    expect(save?.disabled).toBe(true)
  })

  it('has somebody who looks like a patient compared before registering a second one', async () => {
    document.body.innerHTML = ''
    const window = await openWindow({ signedInAs: 1 })
    await window.visit('/patients?register=1')
    const fields = { 'family-name': 'Okafo', 'given-name': 'Ada', 'birth-date': '1957-03-15', identifier: '9000999' }
    for (const [name, text] of Object.entries(fields)) await fill(name, text)
    await chooseGender()
    await press('Register')
    expect(screen()).toContain('Is this somebody you know already?')
    expect(screen()).toContain('OKAFOR, Ada')
    expect([...document.querySelectorAll('.verdict')].map((one) => one.textContent)).toEqual([
      'differs',
      'differs',
      'same',
      'differs',
    ])
    expect(window.core.calls).not.toContain('patients.register')
    await press('Back')
    expect(typedIn('family-name')).toBe('Okafo')
    await press('Register')
    await press('Another person: register')
    const made = window.core.patients.at(-1)
    expect(made?.identifier).toBe('9000999')
    await vi.waitFor(() => expect(window.router.currentRoute.value.params.handle).toBe(made?.handle), 10_000)
    await settle()
    expect(window.router.currentRoute.value.name).toBe('chart')
  })
})
