import { enableAutoUnmount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import PatientPicker from '../../../src/renderer/components/capture/PatientPicker.vue'
import { usePatientsStore } from '../../../src/renderer/stores/patients.ts'
import { useSystemStore } from '../../../src/renderer/stores/system.ts'
import type { ConsentStanding } from '../../../src/shared/api/schemas.ts'
import { screen } from '../../support/dialogs.ts'
import { handleOf, PRACTITIONERS } from '../../support/fake-data.ts'
import { openWindow, settle, type TestWindow } from '../../support/mount-window.ts'

/** Patients of other clinics: marked, looked at, and never written about. */
const NURSE = PRACTITIONERS.findIndex(({ role }) => role === 'nurse')
const SITE = 'chartseal.local/site-2'
const LINDQVIST = handleOf(2)
enableAutoUnmount(afterEach)
beforeEach(() => (document.body.innerHTML = ''))

/** A window in which the second patient belongs to another clinic. */
async function open(standing: Partial<ConsentStanding> = {}): Promise<TestWindow> {
  const window = await openWindow({ signedInAs: NURSE })
  const { core } = window
  core.network.grow()
  core.patients = core.patients.map((one) => (one.handle === LINDQVIST ? { ...one, site: SITE } : one))
  // Short charts: what is not looked at costs time to draw.
  core.recorded = core.recorded.filter(({ patient }) => patient === LINDQVIST).slice(-12)
  core.known.standings.set(LINDQVIST, { state: 'covers', ...standing })
  useSystemStore().network = core.network.summary()
  await settle()
  return window
}

describe('the patient list', () => {
  it('says whose record it is, and offers no observations', async () => {
    const view = await (await open()).visit('/patients')
    const row = view.findAll('tbody tr').find((one) => one.text().startsWith('LINDQVIST'))
    expect(row?.text()).toContain('Record of Hill Road Clinic')
    expect(row?.find('.observe').exists()).toBe(false)
    expect(view.findAll('.observe')).toHaveLength(view.findAll('tbody tr').length - 1)
  })

  it('keeps those that are not shared any more apart from those of this clinic', async () => {
    const view = await (await open({ state: 'refused', classes: [] })).visit('/patients')
    expect(view.text()).toContain('1 patient of another clinic, not shared with this one')
    expect(view.text()).toContain('Closed record 1 of Hill Road Clinic')
    expect(view.text()).not.toContain('whose data is closed to you')
    expect(view.text()).not.toMatch(/lindqvist/i)
  })

  it('lets the same person be registered here', async () => {
    const window = await open()
    await window.visit('/patients')
    const patients = usePatientsStore()
    const theirs = patients.verified.find(({ record }) => record.handle === LINDQVIST)
    const own = patients.verified.find(({ record }) => record.site === undefined)
    expect(theirs === undefined ? null : patients.sameAs(theirs.record)).toEqual([])
    expect(own === undefined ? null : patients.sameAs(own.record)).toHaveLength(1)
  })
})

it('the bedside finds nobody of another clinic', async () => {
  const window = await open()
  window.mount(PatientPicker)
  await settle()
  expect(screen()).toContain('OKAFOR')
  expect(screen()).not.toContain('LINDQVIST')
})

it('the bedside says that whom it does not offer is registered elsewhere', async () => {
  const window = await open()
  const picker = window.mount(PatientPicker)
  await settle()
  expect(screen()).not.toContain('registered at another clinic')
  await picker.get('input').setValue('Lindqvist')
  await picker.get('input').trigger('keydown', { key: 'Enter' })
  await settle()
  expect(screen()).toContain('A patient who fits is registered at another clinic')
  expect(screen()).not.toContain('LINDQVIST')
})

describe('the chart', () => {
  const visit = async (standing: Partial<ConsentStanding> = {}) => {
    const window = await open(standing)
    return window.visit(`/patients/${LINDQVIST}`)
  }

  it('is for reading: it says whose it is, and nothing can be recorded', async () => {
    const view = await visit()
    expect(view.get('section.banner').text()).toContain('Record of Hill Road Clinic')
    expect(view.text()).toContain('Record of Hill Road Clinic, shared with this clinic.')
    expect(view.text()).not.toContain('Take observations')
    expect(view.findAll('[role=tab]').map((one) => one.text())).toEqual([
      'Flowsheet',
      'Trends',
      'Timeline',
      'Score',
      'Patient reports',
      'Who looked',
    ])
    expect(view.findAll('section.banner button')).toEqual([])
  })

  it('works out no score, because the oxygen scale is not known here', async () => {
    const view = await visit()
    await view
      .findAll('[role=tab]')
      .find((one) => one.text() === 'Score')
      ?.trigger('mousedown')
    await settle()
    expect(view.text()).toContain('No score is worked out here for a record of Hill Road Clinic')
    expect(view.text()).not.toMatch(/Scale [12]/)
  })

  it('says which kinds are shared, when not all are', async () => {
    const view = await visit({ state: 'partly', classes: ['demographics', 'vital-signs'] })
    expect(view.text()).toContain(
      'The patient shares name and birth date and vital signs of this record of Hill Road Clinic.',
    )
  })

  it.each(['refused', 'unknown'] as const)('shows nothing but the way out when consent is %s', async (state) => {
    const view = await visit({ state, classes: [] })
    expect(view.text()).toContain('This chart of Hill Road Clinic is closed')
    expect(view.text()).toContain('Open in an emergency…')
    expect(view.text()).not.toMatch(/lindqvist/i)
    expect(view.text()).not.toContain('Record a consent')
  })

  it('says that a clinic was not heard from, not that a record is damaged', async () => {
    const view = await visit({ state: 'unknown', classes: [] })
    expect(view.text()).toContain('was not heard from for too long')
    expect(view.text()).not.toContain('damaged')
  })

  it('in an emergency shows what was shared before, and says that it is no more', async () => {
    const window = await open({ state: 'refused', classes: [] })
    window.core.records.breakGlass(LINDQVIST, 'unconscious', 'Found unconscious.')
    const view = await window.visit(`/patients/${LINDQVIST}`)
    expect(view.text()).toContain('Shown is what was shared with this clinic before')
    expect(view.text()).not.toContain('shared with this clinic. It can be looked at')
  })
})

describe('a patient of another workstation of this clinic', () => {
  const LOG = 'chartseal.local/site-1/node-9'
  async function openSister(heardAgoMs: number | null) {
    const window = await openWindow({ signedInAs: NURSE })
    const { core } = window
    const whose = { site: 'chartseal.local/site-1', workstation: LOG }
    core.patients = core.patients.map((one) => (one.handle === LINDQVIST ? { ...one, ...whose } : one))
    core.recorded = core.recorded.filter(({ patient }) => patient === LINDQVIST).slice(-12)
    core.sisterHeardAt = heardAgoMs === null ? null : new Date(Date.now() - heardAgoMs).toISOString()
    await settle()
    return window
  }

  it('is marked in the list, counts as known, and is measured here', async () => {
    const window = await openSister(1000)
    const list = await window.visit('/patients')
    const row = list.findAll('tbody tr').find((one) => one.text().startsWith('LINDQVIST'))
    expect(row?.text()).toContain('At another workstation')
    expect(row?.find('.observe').exists()).toBe(true)
    const patients = usePatientsStore()
    const known = patients.verified.find(({ record }) => record.handle === LINDQVIST)
    expect(known === undefined ? null : patients.sameAs(known.record)).toHaveLength(1)
    const view = await window.visit(`/patients/${LINDQVIST}`)
    expect(view.text()).toContain('Registered at another workstation of this clinic (node-9).')
    expect(view.text()).toContain('That workstation was heard at')
    // Whoever reads that they are to be registered makes two patients of one.
    expect(view.text()).not.toContain('register the patient in this clinic')
    expect(view.text()).toContain('Take observations')
    const banner = view.get('section.banner')
    expect(banner.findAll('button').map((one) => one.text())).toEqual(['Take observations'])
    const score = view.findAll('[role=tab]').find((one) => one.text() === 'Score')
    await score?.trigger('mousedown')
    await settle()
    expect(view.text()).toContain('worked out and signed at the workstation that registered them')
    window.mount(PatientPicker)
    await settle()
    expect(screen()).toContain('LINDQVIST')
  })

  it.each([
    [1_200_000, 'That workstation was not heard since'],
    [null, 'That workstation was not heard since this program was started'],
  ])('says that something may be missing when it was heard %s ms ago', async (agoMs, words) => {
    const view = await (await openSister(agoMs)).visit(`/patients/${LINDQVIST}`)
    expect(view.text()).toContain(words)
    expect(view.text()).toContain('is missing here')
  })

  it.each([
    [1000, null],
    [1_200_000, 'Workstation node-9 was not heard since'],
    [null, 'Workstation node-9 was not heard since this program was started'],
  ])('may have recorded about those of this one: said when it was heard %s ms ago', async (agoMs, words) => {
    const window = await openWindow({ signedInAs: NURSE })
    const { core } = window
    core.recorded = core.recorded.filter(({ patient }) => patient === LINDQVIST).slice(-12)
    const heardAt = agoMs === null ? null : new Date(Date.now() - agoMs).toISOString()
    core.otherWorkstations = [{ log: LOG, heardAt }]
    await settle()
    const view = await window.visit(`/patients/${LINDQVIST}`)
    if (words === null) expect(view.text()).not.toContain('was not heard since')
    else expect(view.text()).toContain(words)
    expect(view.text()).not.toContain('Registered at another workstation')
  })
})
