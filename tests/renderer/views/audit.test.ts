// Who looked, and what a clinic decides with a name under it: the pages of auditors and administrators.
import { enableAutoUnmount, type VueWrapper } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
import SystemBanners from '../../../src/renderer/components/app/SystemBanners.vue'
import BaseSelect from '../../../src/renderer/components/base/BaseSelect.vue'
import { useAccessStore } from '../../../src/renderer/stores/access.ts'
import { useErasuresStore } from '../../../src/renderer/stores/erasures.ts'
import { useSettingsStore } from '../../../src/renderer/stores/settings.ts'
import { useSessionStore } from '../../../src/renderer/stores/session.ts'
import { useSystemStore } from '../../../src/renderer/stores/system.ts'
import { SystemNotice } from '../../../src/shared/api/schemas.ts'
import { handleOf } from '../../support/fake-data.ts'
import { openWindow, settle, type TestWindow } from '../../support/mount-window.ts'

// Registered first, so that it runs last: what is mounted is unmounted before the page is emptied.
afterEach(() => {
  vi.restoreAllMocks()
  document.body.innerHTML = ''
})
enableAutoUnmount(afterEach)

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
  const found = [...document.querySelectorAll<HTMLElement>('[role=tab]')].find((one) => one.textContent.includes(name))
  found?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }))
  await settle()
}

async function choose(view: VueWrapper, value: string, n = 0): Promise<void> {
  view.findAllComponents(BaseSelect)[n]?.vm.$emit('update:modelValue', value)
  await settle()
}

/** A window of the physician (0), or of an auditor. */
async function open(
  as: 'physician' | 'auditor' | 'it',
  path: string,
): Promise<{ window: TestWindow; view: VueWrapper }> {
  const window = await openWindow({ signedInAs: as === 'it' ? 3 : 0 })
  if (as === 'auditor') {
    const practitioner = { handle: handleOf(0xa9), name: 'Ines Marchetti', role: 'auditor' as const }
    window.core.pins.set(practitioner.handle, '1593')
    window.core.session = { practitioner, locked: false, idleLimitS: 180, warnS: 20 }
    useSessionStore().replace(window.core.session)
  }
  return { window, view: await window.visit(path) }
}
const pinOf = ({ core }: TestWindow): string => core.pins.get(core.session?.practitioner.handle ?? '') ?? ''

describe('the audit', () => {
  it('shows an auditor who looked and when, patients by number, and no words and no names of patients', async () => {
    await open('auditor', '/audit')
    expect(body()).toContain('Priya Halloran')
    expect(body()).toContain(`Patient ${handleOf(1).slice(0, 8)}`)
    expect(body()).toContain('The words are for those who care for the patient.')
    expect(body()).not.toContain('Found on the floor')
    expect(body()).not.toMatch(/OKAFOR|Okafor/)
  })

  it('has an emergency reviewed: a finding, a remark when it is needed, and the PIN', async () => {
    const { window, view } = await open('auditor', '/audit')
    await press('Review…')
    await press('Sign the finding')
    expect(dialog()?.textContent).toContain('Choose a finding.')
    await choose(view, 'not-justified')
    await type('PIN of', pinOf(window))
    await press('Sign the finding')
    expect(dialog()?.textContent).toContain('Say in a few words why.')
    expect(window.core.calls).not.toContain('access.review')
    await type('Remark', 'Relatives were in the room')
    await press('Sign the finding')
    expect(dialog()).toBe(null)
    expect(body()).toContain('The review is signed and recorded.')
    expect(body()).toMatch(/Not justified: Ines Marchetti/)
    expect(button('Review…')).toBe(undefined)
  })

  it('does not offer whoever broke the glass to review it', async () => {
    const { window } = await open('physician', '/about')
    window.core.records.looked = []
    window.core.records.breakGlass(handleOf(1), 'other', 'Looked after an alarm outside.')
    await window.visit('/audit')
    expect(body()).toContain('Yours: somebody else has to review it.')
    expect(button('Review…')).toBe(undefined)
  })

  it('narrows down what is on screen, and counts', async () => {
    const { view } = await open('auditor', '/audit')
    await tab('All accesses')
    expect(body()).toContain('5 of 5 shown')
    await choose(view, 'finding')
    expect(body()).toContain('1 of 5 shown')
    expect(body()).toContain('Against a revocation it knew of')
    await choose(view, 'all')
    await type('Person or patient number', 'nobody at all')
    expect(body()).toContain('Nothing fits.')
  })

  it('says what is wrong when it cannot be had', async () => {
    const window = await openWindow({ signedInAs: 0 })
    window.core.failures.set('access.list', 'DISK_FULL')
    await window.visit('/audit')
    expect(document.querySelector('[role=alert]')?.textContent).toContain('The disk is full')
  })

  it('goes on below the oldest entry that is on screen', async () => {
    const { window } = await open('physician', '/about')
    const [one] = window.core.records.looked
    if (one === undefined) throw new Error('nobody looked')
    // Ten at each moment: none of those at the edge of a page may be lost.
    window.core.records.looked = Array.from({ length: 235 }, (_, n) => ({
      index: n,
      record: { ...one.record, at: new Date(window.core.now - Math.floor((n + 5) / 10) * 60_000).toISOString() },
    }))
    const access = useAccessStore()
    await access.load(null)
    expect([access.rows.length, access.hasMore]).toEqual([200, true])
    await access.loadMore()
    expect([access.rows.length, access.hasMore]).toEqual([235, false])
    expect(new Set(access.rows.map((row) => (row.status === 'verified' ? row.position.index : -1))).size).toBe(235)
  })

  it('forgets everything when the window locks', async () => {
    await open('physician', '/audit')
    const access = useAccessStore()
    expect(access.rows.length).toBeGreaterThan(0)
    await useSessionStore().lock()
    expect([access.rows.length, access.emergencies.length]).toEqual([0, 0])
  })
})

describe('administration', () => {
  const proposed = ({ core }: TestWindow, by: string) => {
    core.records.propose({ handle: handleOf(2), records: null }, 'patient-request', 'gdpr-article-17')
    core.records.proposals = core.records.proposals.map((one) => ({ ...one, requestedBy: by }))
  }

  it('has erasing approved by a second person, who sees what goes and what stays', async () => {
    const { window } = await open('it', '/about')
    proposed(window, 'Dr Miriam Castellane')
    await window.visit('/administration')
    expect(body()).toContain('The patient asked for it (GDPR, article 17)')
    await press('Review and approve…')
    expect(dialog()?.textContent).toMatch(/content of 24 records.*2 keys.*31 entries without content.*north\.example/s)
    await type('PIN of', pinOf(window))
    await press('Sign and erase')
    expect(window.core.calls).not.toContain('erasures.approve')
    document.querySelector<HTMLInputElement>('[role=dialog] input[type=checkbox]')?.click()
    await settle()
    await press('Sign and erase')
    expect(window.core.records.erasures).toHaveLength(1)
    expect(body()).toContain('Nothing waits')
    expect(body()).toMatch(/lake\.example: confirmed, .*2026.* by its clock/)
    expect(body()).toContain('north.example: not heard yet (1 of 2 workstations)')
    expect(body()).toContain('vale.example: left the network, can not be asked')
    expect(button('Save the receipt')).toBeDefined()
  })

  it('does not let anybody approve their own request, and lets them withdraw it', async () => {
    const { window } = await open('it', '/about')
    proposed(window, 'Tomasz Underhill')
    await window.visit('/administration')
    expect(button('Review and approve…')).toBe(undefined)
    expect(body()).toContain('somebody else must approve it')
    await press('Withdraw')
    expect(window.core.records.proposals).toEqual([])
    expect(body()).toContain('Nothing was erased.')
  })

  it('takes a request by the number of a patient, and refuses what is no number', async () => {
    const { window } = await open('it', '/administration')
    await press('Request erasure…')
    await type('Patient number', 'Okafor')
    await press('Sign the request')
    expect(dialog()?.textContent).toContain('A patient number has 32 digits')
    expect(window.core.calls).not.toContain('erasures.preview')
    await type('Patient number', handleOf(2))
    expect(dialog()?.textContent).toContain('The content of 24 records')
  })

  it('lets a physician switch NEWS2 off, with a PIN, and tells IT who may', async () => {
    const { window } = await open('physician', '/administration')
    await tab('Decision support')
    await press('Switch off…')
    await type('PIN of', '0000')
    await press('Sign and switch off')
    expect(dialog()?.textContent).toContain('This PIN is not right')
    expect(window.core.records.support.news2.enabled).toBe(true)
    await type('PIN of', pinOf(window))
    await press('Sign and switch off')
    expect(window.core.records.support.news2.enabled).toBe(false)
    expect(body()).toContain('Switched off')
    expect(body()).toContain('by Dr Miriam Castellane')
  })

  it('says why NEWS2 is off where an entry is lost, and what to do', async () => {
    const { window } = await open('physician', '/administration')
    window.core.records.support = {
      news2: { enabled: false, isUnsure: true, by: 'Dr Miriam Castellane', at: '2026-05-06T07:08:09Z' },
    }
    await tab('Decision support')
    expect(body()).toMatch(
      /Off, because nobody can tell\. It was switched on by Dr Miriam Castellane, .* is damaged or lost\. A physician decides anew/,
    )
    await press('Switch on…')
    await type('PIN of', pinOf(window))
    await press('Sign and switch on')
    expect(body()).not.toContain('nobody can tell')
    expect(window.core.records.support.news2.enabled).toBe(true)
  })

  it('lets the clinic choose one of rival ranges, which are named beside an adult’s reading', async () => {
    const { view, window } = await open('physician', '/administration')
    await tab('Decision support')
    await choose(view, 'bp-aha-2025')
    await choose(view, 'bp-esc-2024')
    await choose(view, 'fever-adult', 3)
    expect(useSettingsStore().ranges).toEqual(['bp-esc-2024', 'fever-adult'])
    view.unmount()
    await window.visit(`/patients/${handleOf(1)}`)
    const pressure = [...document.querySelectorAll<HTMLElement>('td.newest')].find((cell) =>
      cell.textContent.includes('/'),
    )
    pressure?.click()
    await settle()
    expect(document.querySelector('.strip dl')?.textContent).toMatch(/This reading: ESC 2024 .*Diagnosis needs repeat/)
    expect(document.querySelector('.strip dl')?.textContent).not.toContain('AHA')
    localStorage.clear()
  })

  it('leaves nothing behind a lock', async () => {
    await open('it', '/administration')
    const erasures = useErasuresStore()
    expect(erasures.loaded).toBe(true)
    await useSessionStore().lock()
    expect(erasures.loaded).toBe(false)
  })
})

describe('notices of the system', () => {
  it.each(SystemNotice.shape.kind.options)('say what to do about %s', async (kind) => {
    const window = await openWindow({ signedInAs: 0 })
    const system = useSystemStore()
    system.status = { ...window.core.status, notices: [{ kind, since: new Date(window.core.now).toISOString() }] }
    const view = window.mount(SystemBanners)
    expect(view.get('[role=status]').text()).toMatch(/IT/)
    expect(view.text()).toMatch(/\d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d/)
  })
})
