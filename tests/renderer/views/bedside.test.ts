import type { VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { useCaptureStore } from '../../../src/renderer/stores/capture.ts'
import { useSessionStore } from '../../../src/renderer/stores/session.ts'
import { useSystemStore } from '../../../src/renderer/stores/system.ts'
import { fill, press as pressButton, tick as choose } from '../../support/dialogs.ts'
import { handleOf } from '../../support/fake-data.ts'
import { CARD_PIN } from '../../support/fake-people.ts'
import { openWindow, settle, type TestWindow } from '../../support/mount-window.ts'

const tick = () => new Promise<void>((resolve) => setTimeout(resolve))
const body = () => document.body.textContent
const active = () => document.activeElement as HTMLInputElement

/** Types into the focused field, as a person does. */
function type(text: string): void {
  const field = active()
  field.value += text
  field.dispatchEvent(new Event('input', { bubbles: true }))
}

function press(key: string, more: KeyboardEventInit = {}): void {
  active().dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more }))
}

/** A scanner: the same keys within milliseconds. */
function scan(text: string): void {
  for (const key of [...Array.from(text), 'Enter'])
    window.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }))
}

describe('the bedside view', () => {
  let around: TestWindow
  let view: VueWrapper
  let capture: ReturnType<typeof useCaptureStore>

  async function visit(signedInAs = 1, path = '/bedside'): Promise<void> {
    around = await openWindow({ signedInAs, pause: tick })
    useSystemStore().devices = around.core.devices
    capture = useCaptureStore()
    view = await around.visit(path)
  }

  beforeEach(() => {
    document.body.innerHTML = ''
  })
  afterEach(async () => {
    await capture.close()
    view.unmount()
  })

  it('records a whole set with the keyboard alone', async () => {
    await visit()
    await vi.waitFor(() => expect(active().type).toBe('search'))
    type('okafor')
    press('Enter')
    await vi.waitFor(() => expect(body()).toContain('Is this the right patient?'))
    expect(body()).toContain('14-Mar-1957')
    await vi.waitFor(() => expect(active().tagName).toBe('FORM'))
    press('Enter')
    await vi.waitFor(() => expect(capture.identity).not.toBeNull())
    await vi.waitFor(() =>
      expect(active().closest('[data-field]')?.getAttribute('data-field')).toBe('respiratory-rate'),
    )
    type('18')
    press('Enter')
    await settle()
    expect(active().closest('[data-field]')?.getAttribute('data-field')).toBe('consciousness')
    press('c')
    await settle()
    expect(capture.form.consciousness).toBe('confusion')
    await vi.waitFor(() => expect(capture.drafts).toHaveLength(3))
    press('Enter', { ctrlKey: true })
    await vi.waitFor(() => expect(body()).toContain('6 values sealed'))
    expect(view.findAll('tbody tr')).toHaveLength(6)
    expect(view.findAll('tbody .mark')).toHaveLength(6)
  })

  it('holds an unusual value back once, and an impossible one until it is corrected', async () => {
    await visit()
    await capture.start(handleOf(1))
    await capture.confirm(['name', 'birth-date'])
    await settle()
    const field = () => view.find<HTMLInputElement>('[data-field="temperature"] input').element
    field().focus()
    type('41.4')
    press('Enter')
    await settle()
    expect(active()).toBe(field())
    expect(view.get('[data-field="temperature"]').text()).toContain('Unusual')
    press('Enter', { ctrlKey: true })
    await settle()
    expect(around.core.calls).not.toContain('capture.sign')
    press('Enter')
    await settle()
    expect(active()).not.toBe(field())
    expect(capture.ready.find((one) => one.field === 'temperature')?.value.confirmed).toBe(true)
    field().value = ''
    field().focus()
    type('98.6')
    press('Enter')
    await settle()
    expect(active()).toBe(field())
    expect(view.get('[data-field="temperature"]').text()).toContain('cannot be a measurement')
  })

  it('stops everything when another wristband is scanned, and Enter does not answer', async () => {
    await visit()
    await capture.start(handleOf(1))
    await capture.confirm(['name', 'birth-date'])
    await settle()
    scan('9000025')
    await vi.waitFor(() => expect(body()).toContain('belongs to someone else'))
    press('Enter')
    press('Escape')
    await settle()
    expect(body()).toContain('belongs to someone else')
    expect(capture.open?.patient.handle).toBe(handleOf(1))
  })

  it('says nothing about the wristband of the open patient, and leaves no scan in a field', async () => {
    await visit()
    await capture.start(handleOf(1))
    await capture.confirm(['name', 'birth-date'])
    await settle()
    scan('9000017')
    await settle()
    expect(body()).not.toContain('belongs to someone else')
    expect([...view.element.querySelectorAll('input')].some((input) => input.value.includes('9000017'))).toBe(false)
  })

  it('keeps the card of the open patient for signing, and stops at the card of another', async () => {
    await visit()
    const { text } = around.core.known.issue(handleOf(1), 'patient', null)
    const other = around.core.known.issue(handleOf(2), 'patient', null).text
    await capture.start(handleOf(1))
    await capture.confirm(['name', 'birth-date'])
    await settle()
    scan(text)
    await vi.waitFor(() => expect(capture.card).toBe(text))
    scan(other)
    await vi.waitFor(() => expect(body()).toContain('a patient card of somebody else'))
    expect(document.body.innerHTML).not.toContain(other.slice(1, 20))
    await view.findComponent({ name: 'MismatchDialog' }).vm.$emit('change')
    await vi.waitFor(() => expect(capture.open?.patient.handle).toBe(handleOf(2)))
    expect(capture.card).toBeNull()
  })

  it('picks whoever a wristband or card belongs to, and nobody who fits in part', async () => {
    await visit()
    await vi.waitFor(() => expect(active().type).toBe('search'))
    scan('900001')
    await settle()
    expect(capture.open).toBeNull()
    scan(around.core.known.issue(handleOf(3), 'patient', null).text)
    await vi.waitFor(() => expect(capture.open?.patient.handle).toBe(handleOf(3)))
  })

  it('shows what was measured last beside the fields, and fills nothing in', async () => {
    await visit()
    await capture.start(handleOf(1))
    await capture.confirm(['name', 'birth-date'])
    await vi.waitFor(() => expect(view.get('[data-field="respiratory-rate"]').text()).toMatch(/last \d+ \/min, .+ ago/))
    expect(view.get('[data-field="oxygen"]').text()).toContain('last Room air')
    expect(capture.form.text['respiratory-rate']).toBe('')
    expect(capture.ready).toEqual([])
    await useSessionStore().lock()
    expect(capture.last.size).toBe(0)
  })

  it('has the patient sign with card and PIN where the consent asks for it', async () => {
    await visit()
    const { known } = around.core
    known.agree(handleOf(1), { asksSignature: true })
    const { text } = known.issue(handleOf(1), 'patient', null)
    await capture.start(handleOf(1))
    await capture.confirm(['name', 'birth-date'])
    capture.form.text['respiratory-rate'] = '18'
    await settle()
    expect(body()).toContain('The patient signs as well')
    press('Enter', { ctrlKey: true })
    await settle()
    expect(body()).toContain('This patient asked to sign every reading.')
    expect(around.core.calls).not.toContain('capture.sign')
    scan(text)
    await settle()
    await fill('card-pin', '0000')
    await pressButton('Sign together')
    expect(body()).toContain('This is not the PIN of the card')
    await fill('card-pin', CARD_PIN)
    await pressButton('Sign together')
    expect(body()).toContain('The patient signed as well.')
    expect(capture.card).toBeNull()
  })

  it('records that the patient cannot sign, and why', async () => {
    await visit()
    around.core.known.agree(handleOf(1), { asksSignature: true })
    await capture.start(handleOf(1))
    await capture.confirm(['name', 'birth-date'])
    capture.form.text['respiratory-rate'] = '18'
    await capture.sign()
    await settle()
    await choose('incapable')
    await fill('cannot-sign', 'unconscious')
    await pressButton('Sign together')
    expect(body()).toContain('The patient could not sign.')
  })

  it('asks for the card when the patient decided so in the meantime', async () => {
    await visit()
    await capture.start(handleOf(1))
    await capture.confirm(['name', 'birth-date'])
    capture.form.text['respiratory-rate'] = '18'
    around.core.known.agree(handleOf(1), { asksSignature: true })
    await capture.sign()
    expect(capture.isAuthorising).toBe(true)
    expect(capture.open?.asksSignature).toBe(true)
  })

  it('records for a patient who keeps their data closed, and shows nothing of it', async () => {
    await visit()
    around.core.known.agree(handleOf(2), { sites: ['elsewhere.example'] })
    await capture.start(handleOf(2))
    await settle()
    expect(capture.open?.patient).toEqual({ handle: handleOf(2), record: null })
    expect(body()).toContain('Compare what the patient says with the wristband')
    expect(body()).not.toContain('LINDQVIST')
    await capture.confirm(['name', 'identifier'])
    capture.form.text['respiratory-rate'] = '17'
    const before = around.core.recorded.length
    await capture.sign()
    await settle()
    expect(around.core.recorded.length).toBeGreaterThan(before)
    expect(body()).toContain('not shown here')
    expect(body()).not.toContain('LINDQVIST')
    expect(body()).not.toContain('Tell clinic IT')
  })

  it('opens the patient that a chart hands over', async () => {
    await visit(1, `/bedside?patient=${handleOf(2)}`)
    await vi.waitFor(() => expect(capture.open?.patient.record?.familyName).toBe('Lindqvist'))
    expect(around.router.currentRoute.value.fullPath).toBe('/bedside')
  })

  it('asks before a set with values in it is left for another patient', async () => {
    await visit()
    await capture.start(handleOf(1))
    await capture.confirm(['name', 'birth-date'])
    capture.form.text.weight = '80'
    await around.router.push(`/bedside?patient=${handleOf(2)}`)
    await vi.waitFor(() => expect(body()).toContain('Leave this set unsigned?'))
    expect(capture.open?.patient.handle).toBe(handleOf(1))
    const leave = [...document.querySelectorAll('button')].find((one) => one.textContent.includes('Leave unsigned'))
    leave?.click()
    await vi.waitFor(() => expect(capture.open?.patient.handle).toBe(handleOf(2)))
    expect(capture.form.text.weight).toBe('')
  })

  it('shows values of nobody to a colleague of the owner', async () => {
    await visit()
    await capture.start(handleOf(1))
    const { useSessionStore } = await import('../../../src/renderer/stores/session.ts')
    const session = useSessionStore()
    session.replace({ ...session.session!, practitioner: around.core.practitioners[2]! })
    await settle()
    expect(body()).toContain('Only Jonas Weatherby can sign it')
    expect(body()).not.toContain('OKAFOR')
  })

  it('tells clinic IT that others record', async () => {
    await visit(3)
    expect(body()).toContain('Only nurses and physicians')
  })

  it('fills in what a scale measures on the spot, and signs it', async () => {
    await visit()
    const [device] = around.core.devices
    const scale = { ...device!, connectionId: 'virtual:scale', name: 'A scale', mode: 'spot' as const, memory: false }
    around.core.devices = [{ ...scale, kinds: ['weight'], enrolment: { handle: handleOf(0xe9), label: 'Scale 1' } }]
    useSystemStore().devices = around.core.devices
    await capture.start(handleOf(1))
    await capture.confirm(['name', 'birth-date'])
    await vi.waitFor(() => expect(body()).toContain('71.4'))
    expect(capture.sessions.map(({ mode, chosen }) => [mode, chosen.size])).toEqual([['spot', 1]])
    expect(around.core.calls).not.toContain('capture.read')
  })

  it('measures with a scale that is not enrolled, for the tray alone', async () => {
    await visit()
    const [device] = around.core.devices
    const scale = { ...device!, connectionId: 'virtual:scale', name: 'A scale', mode: 'spot' as const, memory: false }
    around.core.devices = [{ ...scale, kinds: ['weight'], enrolment: null, status: 'ready' }]
    useSystemStore().devices = around.core.devices
    await capture.start(handleOf(1))
    await capture.confirm(['name', 'birth-date'])
    await settle()
    expect(body()).not.toContain('Read into the tray')
    expect(around.core.calls).not.toContain('capture.read')
    const measure = view.findAll('button').find((one) => one.text() === 'Measure into the tray')
    await measure!.trigger('click')
    await vi.waitFor(() => expect(body()).toContain('71.4'))
    expect(capture.sessions.map(({ mode }) => mode)).toEqual(['spot'])
  })

  it('reads an oximeter’s memory beside its stream, and goes back to the stream', async () => {
    await visit()
    await capture.start(handleOf(1))
    await capture.confirm(['name', 'birth-date'])
    await vi.waitFor(() => expect(capture.sessions[0]?.mode).toBe('live'))
    capture.switchTo('memory', capture.sessions[0]!)
    await vi.waitFor(() =>
      expect(capture.sessions.find(({ mode }) => mode === 'memory')?.groups?.length).toBeGreaterThan(0),
    )
    const [switched] = capture.sessions.filter(({ device }) => device.mode === 'live')
    capture.switchTo('live', switched!)
    await vi.waitFor(() => expect(body()).toContain('Live. Not recorded.'))
  })

  it('marks moving numbers as not recorded and never announces them', async () => {
    await visit()
    await capture.start(handleOf(1))
    await capture.confirm(['name', 'birth-date'])
    await vi.waitFor(() => expect(body()).toContain('Live. Not recorded.'))
    const numbers = view.find('.numbers')
    expect(numbers.attributes('aria-hidden')).toBe('true')
    expect(numbers.element.closest('[aria-live], [role=status], [role=alert]')).toBeNull()
  })
})
