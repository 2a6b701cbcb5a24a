// What is done in a chart: corrections, emergency access, scores, reports, exports, erasure requests.
import { enableAutoUnmount, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import BaseSelect from '../../../src/renderer/components/base/BaseSelect.vue'
import { useSessionStore } from '../../../src/renderer/stores/session.ts'
import { useSystemStore } from '../../../src/renderer/stores/system.ts'
import type { FakeOptions } from '../../support/fake-api.ts'
import { handleOf } from '../../support/fake-data.ts'
import { openWindow as openQuietWindow, settle, type TestWindow } from '../../support/mount-window.ts'

// Registered first, so that it runs last: what is mounted is unmounted before the page is emptied.
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
  document.body.innerHTML = ''
})
enableAutoUnmount(afterEach)

/** A window that hears of changes, as a real one does. */
async function openWindow(options: FakeOptions): Promise<TestWindow> {
  const window = await openQuietWindow(options)
  // A short chart: what is not looked at costs time to draw.
  const { recorded } = window.core
  const kept = new Set(recorded.filter(({ patient }) => patient === handleOf(1)).slice(-24))
  window.core.recorded = recorded.map((one) => (kept.has(one) ? one : { ...one, patient: handleOf(99) }))
  useSystemStore().start()
  await settle()
  return window
}

const body = () => document.body.textContent
const dialog = () => document.querySelector<HTMLElement>('[role=dialog]')
const button = (name: string) =>
  [...document.querySelectorAll('button')].find(
    (one) => one.textContent.trim() === name || one.getAttribute('aria-label') === name,
  )

async function press(name: string): Promise<void> {
  const found = button(name)
  if (found === undefined) throw new Error(`no button ${name}: ${body().slice(0, 400)}`)
  found.click()
  await settle()
}

async function type(label: string, text: string): Promise<void> {
  const found = [...document.querySelectorAll('label')].find((one) => one.textContent.startsWith(label))
  const field = document.getElementById(found?.htmlFor ?? '')
  if (!(field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement)) throw new Error(`no field ${label}`)
  field.value = text
  field.dispatchEvent(new Event('input'))
  await settle()
}

async function tab(name: string): Promise<void> {
  const found = [...document.querySelectorAll<HTMLElement>('[role=tab]')].find((one) => one.textContent === name)
  found?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }))
  await settle()
}

/** Chooses in the select number `n` of the dialog. */
async function choose(view: VueWrapper, value: string, n = 0): Promise<void> {
  view.findAllComponents(BaseSelect)[n]?.vm.$emit('update:modelValue', value)
  await settle()
}

const pinOf = ({ core }: TestWindow): string => core.pins.get(core.session?.practitioner.handle ?? '') ?? ''
const chartOf = (n: number): string => `/patients/${handleOf(n)}`

describe('corrections', () => {
  let window: TestWindow
  beforeEach(async () => {
    window = await openWindow({ signedInAs: 1 })
    await window.visit(chartOf(1))
    const cells = document.querySelectorAll<HTMLElement>('td.newest:has(.cell)')
    const pressure = [...cells].find((cell) => cell.textContent.includes('/'))
    pressure?.click()
    await settle()
  })

  it('keep the old value in sight, struck through, with reason and author', async () => {
    const old = document.querySelector('.strip strong')?.textContent ?? ''
    await press('Amend…')
    await type('Systolic', '151')
    await type('Diastolic', '92')
    await type('Why', 'Read from the wrong cuff')
    await press('Sign the new value')
    expect(dialog()).toBe(null)
    expect(body()).toContain('Amended. The old value stays')
    const cell = [...document.querySelectorAll<HTMLElement>('td.newest')].find((one) =>
      one.textContent.includes('151/92'),
    )
    cell?.click()
    await settle()
    const digits = /\d+\/\d+/.exec(old)?.[0] ?? 'none'
    expect(document.querySelector('dl s')?.textContent).toContain(digits)
    expect(body()).toContain('“Read from the wrong cuff”, Jonas Weatherby')
  })

  it('ask for a reason before anything is signed', async () => {
    await press('Entered in error…')
    await press('Sign the mark')
    expect(body()).toContain('Type at least three characters.')
    expect(window.core.calls).not.toContain('records.retract')
    await type('Why', 'Wrong patient')
    await press('Sign the mark')
    expect(document.querySelectorAll('td.newest s')).toHaveLength(1)
    expect(button('Amend…')).toBe(undefined)
  })

  it('say that somebody else was faster', async () => {
    window.core.failures.set('records.retract', 'ALREADY_CORRECTED')
    await press('Entered in error…')
    await type('Why', 'Wrong patient')
    await press('Sign the mark')
    expect(dialog()?.querySelector('[role=alert]')?.textContent).toMatch(/[.]$/)
  })
})

describe('a chart that the patient keeps closed', () => {
  async function openClosed(signedInAs = 1) {
    const window = await openWindow({ signedInAs })
    window.core.known.standings.set(handleOf(1), { state: 'refused', classes: [] })
    return { window, view: await window.visit(chartOf(1)) }
  }

  it('shows no name and no value, and offers emergency access', async () => {
    await openClosed()
    expect(body()).toContain('This chart is closed')
    expect(body()).not.toContain('OKAFOR')
    // Who looked may be asked of a closed chart as well; values are nowhere.
    expect([...document.querySelectorAll('table caption')].map((one) => one.textContent)).toEqual([
      'Who looked at this patient’s data',
    ])
    expect(button('Open in an emergency…')).toBeDefined()
  })

  it('offers none to IT', async () => {
    await openClosed(3)
    expect(body()).toContain('This chart is closed')
    expect(button('Open in an emergency…')).toBe(undefined)
  })

  it('says what will happen, asks why, and opens only then', async () => {
    const { window, view } = await openClosed()
    await press('Open in an emergency…')
    expect(dialog()?.textContent).toMatch(/recorded for ever.*60 minutes.*reviews every emergency/s)
    await press('Record and open')
    expect(window.core.calls).not.toContain('access.emergency')
    expect(dialog()?.textContent).toContain('Choose a reason.')
    await choose(view, 'unconscious')
    await type('What happened', 'Found on the floor of the ward.')
    await type('PIN of', pinOf(window))
    await press('Record and open')
    expect(dialog()).toBe(null)
    expect(body()).toContain('OKAFOR')
    expect(document.querySelector('[role=timer]')?.textContent).toMatch(/^(60:00|59:\d\d) left$/)
    expect(document.querySelector('.band [role=alert]')?.textContent).toContain('Emergency access is open until')
  })

  it('stays closed after a wrong PIN, and says so', async () => {
    const { window, view } = await openClosed()
    await press('Open in an emergency…')
    await choose(view, 'life-threat')
    await type('What happened', 'Found on the floor of the ward.')
    await type('PIN of', '0000')
    await press('Record and open')
    expect(window.core.calls).toContain('access.emergency')
    expect(dialog()?.textContent).toContain('This PIN is not right')
    expect(body()).not.toContain('OKAFOR')
  })

  it('is for reading while the glass is broken, and closes when that is ended', async () => {
    const { window } = await openClosed()
    window.core.records.breakGlass(handleOf(1), 'unconscious', 'Found on the floor.')
    await settle()
    await window.visit(chartOf(1))
    document.querySelector<HTMLElement>('td.newest:has(.cell)')?.click()
    await settle()
    expect(button('Show the proof')).toBeDefined()
    expect(button('Amend…')).toBe(undefined)
    // A nurse has nothing else to do here: nothing comes in. Of a physician, nothing leaves either.
    expect(button('More for this patient')).toBe(undefined)
    await press('End now')
    expect(window.core.calls).toContain('access.endEmergency')
    expect(window.core.records.emergencies.size).toBe(0)
  })

  it('offers to correct what one recorded oneself while the glass is broken, and nothing else', async () => {
    const window = await openWindow({ signedInAs: 0 })
    window.core.known.standings.set(handleOf(1), { state: 'refused', classes: [] })
    window.core.records.breakGlass(handleOf(1), 'unconscious', 'Found on the floor.')
    const newest = window.core.recorded.filter(({ patient }) => patient === handleOf(1)).at(-1)
    const { origin, index } = window.core.position(handleOf(1), newest?.index ?? 0)
    window.core.records.own = [{ origin, index }]
    await window.visit(chartOf(1))
    const offers: boolean[] = []
    for (const cell of document.querySelectorAll<HTMLElement>('td.newest:has(.cell)')) {
      cell.click()
      await settle()
      offers.push(button('Entered in error…') !== undefined)
    }
    expect(offers.filter((isOffered) => isOffered)).toHaveLength(1)
    expect(offers.length).toBeGreaterThan(1)
    button('More for this patient')?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }))
    await settle()
    const items = [...document.querySelectorAll('[role=menuitem]')].map((one) => one.textContent.trim())
    expect(items).toEqual(['Request erasure…'])
  })

  it('asks for the chart again when the time is over', async () => {
    const window = await openWindow({ signedInAs: 1 })
    window.core.known.standings.set(handleOf(1), { state: 'refused', classes: [] })
    window.core.records.emergencies.set(handleOf(1), new Date(Date.now() + 1100).toISOString())
    await window.visit(chartOf(1))
    const asked = () => window.core.calls.filter((name) => name === 'patients.chart').length
    expect(asked()).toBe(1)
    window.core.records.emergencies.clear()
    await vi.waitFor(() => expect(asked()).toBe(2), { timeout: 4000 })
    await settle()
    expect(body()).not.toContain('OKAFOR')
  })

  it('says which kinds of data are open when only some are, and counts the others', async () => {
    const window = await openWindow({ signedInAs: 1 })
    window.core.known.standings.set(handleOf(1), { state: 'partly', classes: ['demographics', 'body-measures'] })
    await window.visit(chartOf(1))
    expect(body()).toMatch(/Consent covers name and birth date and body measures.*\d+ records are closed/)
    expect(body()).not.toContain('Respiratory rate')
    expect(body()).toContain('Weight')
    expect(document.querySelector('td.broken')).toBe(null)
  })
})

describe('who looked', () => {
  it('is listed for the patient, with emergencies and their words, and prints', async () => {
    const window = await openWindow({ signedInAs: 1 })
    await window.visit(chartOf(1))
    await tab('Who looked')
    expect(document.querySelectorAll('.looked tbody tr')).toHaveLength(4)
    expect(body()).toContain('“Found on the floor, no relatives could be reached.”')
    const print = vi.fn()
    vi.stubGlobal('print', print)
    await press('Print for the patient')
    expect(print).toHaveBeenCalledOnce()
    expect(document.querySelector('body > .cs-print')?.textContent).toMatch(/OKAFOR, Ada.*4 accesses/s)
  })

  it('goes on paper as a whole, however long it is', async () => {
    const window = await openWindow({ signedInAs: 1 })
    const [one] = window.core.records.looked
    if (one === undefined) throw new Error('nobody looked')
    window.core.records.looked = Array.from({ length: 230 }, (_, n) => ({
      index: n,
      record: { ...one.record, at: new Date(window.core.now - n * 60_000).toISOString() },
    }))
    await window.visit(chartOf(1))
    await tab('Who looked')
    const print = vi.fn()
    vi.stubGlobal('print', print)
    await press('Print for the patient')
    await vi.waitFor(() => expect(print).toHaveBeenCalledOnce())
    expect(document.querySelectorAll('body > .cs-print tbody tr')).toHaveLength(230)
  })

  it('leaves nothing on paper or on screen behind a lock', async () => {
    const window = await openWindow({ signedInAs: 1 })
    const view = await window.visit(chartOf(1))
    await tab('Who looked')
    await useSessionStore().lock()
    await settle()
    view.unmount()
    expect(document.body.textContent).not.toContain('OKAFOR')
  })
})

describe('scores', () => {
  it('stand with every input, and are recorded as shown', async () => {
    const window = await openWindow({ signedInAs: 1 })
    await window.visit(chartOf(1))
    await tab('Score')
    expect(body()).toMatch(/NEWS2 \d+: [\w-]+ band/)
    expect(document.querySelectorAll('.now tbody tr')).toHaveLength(7)
    await press('Sign and record this score')
    expect(body()).toContain('The score is signed and recorded')
    expect(document.querySelectorAll('.history details')).toHaveLength(1)
  })

  it('give no total without every input, and name what is missing', async () => {
    const window = await openWindow({ signedInAs: 1 })
    window.core.recorded = window.core.recorded.filter(
      ({ reading }) => 'status' in reading || (reading.kind !== 'consciousness' && reading.kind !== 'respiratory-rate'),
    )
    await window.visit(chartOf(1))
    await tab('Score')
    expect(body()).toContain('NEWS2 incomplete: respiratory rate, consciousness missing')
    expect(body()).not.toMatch(/NEWS2 \d/)
    expect(button('Sign and record this score')).toBe(undefined)
  })

  it('are not shown while they are switched off, or for a child', async () => {
    const window = await openWindow({ signedInAs: 1 })
    await window.visit(chartOf(5))
    await tab('Score')
    expect(body()).toContain('NEWS2 is not for patients under 16.')
    window.core.records.support = { news2: { enabled: false, isUnsure: false, by: null, at: null } }
    await window.visit(chartOf(1))
    await tab('Score')
    expect(body()).toContain('Scores are switched off')
    window.core.records.support = { news2: { enabled: false, isUnsure: true, by: null, at: null } }
    await window.visit(chartOf(2))
    await window.visit(chartOf(1))
    await tab('Score')
    expect(body()).toContain('an entry that may have switched it off later is damaged or lost')
  })

  it('follow another oxygen scale, which a physician signs with a reason', async () => {
    const window = await openWindow({ signedInAs: 0 })
    await window.visit(chartOf(1))
    await tab('Score')
    await press('Change the scale…')
    await type('Why', 'Blood gas this morning')
    await type('PIN of', pinOf(window))
    await press('Sign the scale')
    expect(body()).toContain('Scale 2, target 88–92 %')
    expect(body()).toContain('“Blood gas this morning”')
  })
})

describe('reports of the patient', () => {
  it('are checked, shown, and recorded when they are accepted', async () => {
    const window = await openWindow({ signedInAs: 1 })
    await window.visit(chartOf(2))
    await tab('Patient reports')
    await press('Take in a report…')
    await type('Text', '{"resourceType":"Bundle"}')
    await press('Check')
    expect(dialog()?.textContent).toMatch(/Sleep diary.*Not taken in.*1 item will be recorded/s)
    expect(window.core.calls).not.toContain('imports.accept')
    await press('Sign and record')
    expect(body()).toContain('1 item is recorded as reported by the patient.')
    expect(body()).toMatch(/Sleep diary.*Not signed by the patient.*How long did you sleep\?.*6 hours/s)
  })

  it('must be checked again when the text changes after the check', async () => {
    const window = await openWindow({ signedInAs: 1 })
    await window.visit(chartOf(2))
    await tab('Patient reports')
    await press('Take in a report…')
    await type('Text', '{"resourceType":"Bundle"}')
    await press('Check')
    await type('Text', 'something else')
    expect(button('Sign and record')).toBe(undefined)
    await press('Check')
    expect(dialog()?.querySelector('[role=alert]')?.textContent).toContain('line 1')
    expect(window.core.calls).not.toContain('imports.accept')
  })
})

describe('exports', () => {
  async function openExport(signedInAs = 0) {
    const window = await openWindow({ signedInAs })
    const view = await window.visit(chartOf(1))
    button('More for this patient')?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }))
    await settle()
    return { window, view }
  }
  const item = (name: string) =>
    [...document.querySelectorAll<HTMLElement>('[role=menuitem]')].find((one) => one.textContent.trim() === name)

  it('are not offered to nurses', async () => {
    await openExport(1)
    expect(item('Take in a report…')).toBeDefined()
    expect(item('Export…')).toBe(undefined)
    expect(item('Request erasure…')).toBe(undefined)
  })

  it('count first what consent keeps out, and hand over the files once', async () => {
    const saved: { name: string; type: string }[] = []
    const { window, view } = await openExport()
    vi.spyOn(URL, 'createObjectURL').mockImplementation((blob) => `blob:${(blob as Blob).type}`)
    vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (this: HTMLAnchorElement) {
      saved.push({ name: this.download, type: this.href })
    })
    item('Export…')?.click()
    await settle()
    await choose(view, 'research', 0)
    expect(dialog()?.textContent).toMatch(/Nothing.*Left out, because no consent covers it: \d+/s)
    expect(button('Sign and make the files')?.disabled).toBe(true)
    await choose(view, 'insurer', 0)
    await press('Sign and make the files')
    expect(dialog()?.textContent).toContain('Say who gets it.')
    await type('Who gets it', 'General Hospital')
    await type('PIN of', pinOf(window))
    await press('Sign and make the files')
    expect(window.core.calls).toContain('exports.make')
    await press('Save records.json')
    await press('Save receipts.txt')
    expect(saved).toEqual([
      { name: 'records.json', type: 'blob:application/fhir+json' },
      { name: 'receipts.txt', type: 'blob:text/plain' },
    ])
  })

  it('requests for erasure say what goes and what stays before anybody signs', async () => {
    const { window, view } = await openExport()
    item('Request erasure…')?.click()
    await settle()
    expect(dialog()?.textContent).toMatch(/content of 24 records.*31 entries without content.*north\.example/s)
    await choose(view, 'patient-request', 0)
    await choose(view, 'gdpr-article-17', 1)
    await type('PIN of', pinOf(window))
    await press('Sign the request')
    expect(window.core.calls).not.toContain('erasures.request')
    document.querySelector<HTMLInputElement>('[role=dialog] input[type=checkbox]')?.click()
    await settle()
    await press('Sign the request')
    expect(window.core.records.proposals).toMatchObject([{ handle: handleOf(1), reason: 'patient-request' }])
    expect(body()).toContain('waits for the second person')
  })
})
