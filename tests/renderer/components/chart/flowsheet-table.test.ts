import { enableAutoUnmount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import FlowsheetTable from '../../../../src/renderer/components/chart/FlowsheetTable.vue'
import { buildFlowsheet } from '../../../../src/renderer/components/chart/flowsheet.ts'
import { useProofStore } from '../../../../src/renderer/stores/proof.ts'
import { part } from '../../../support/fake-data.ts'
import { readingAt, rejectedRow, verifiedRow } from '../../../support/chart-rows.ts'
import { openWindow, settle, type TestWindow } from '../../../support/mount-window.ts'

const at = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString()

enableAutoUnmount(afterEach)

describe('FlowsheetTable', () => {
  let window: TestWindow
  beforeEach(async () => {
    window = await openWindow({ signedInAs: 1 })
  })
  const readings = () => [
    verifiedRow(
      readingAt('blood-pressure', part.bp(148, 88), at(60), { setId: 'a', method: 'device', deviceLabel: 'Cuff' }),
      10,
    ),
    verifiedRow(readingAt('spo2', part.spo2(93), at(60), { setId: 'a' }), 11),
    verifiedRow(readingAt('spo2', part.spo2(97), at(5), { setId: 'b' }), 20),
  ]
  const mountSheet = (rejected = [rejectedRow(15, 'commitment')], birthDate = '1957-03-14') =>
    window.mount(FlowsheetTable, { sheet: buildFlowsheet(readings(), rejected), birthDate })

  it('shows every value with a mark, and units in the row heads', () => {
    const wrapper = mountSheet()
    expect(wrapper.findAll('tbody th').map((th) => th.text())).toEqual(['SpO₂%', 'Blood pressuremmHg'])
    expect(wrapper.findAll('.value').map((value) => value.text())).toEqual(['93', '97', '148/88'])
    expect(wrapper.findAll('td .value').length).toBe(wrapper.findAll('td button.sealed').length)
  })

  it('names the failed step where a record was rejected, and shows no number there', () => {
    const cell = mountSheet().get('td.broken')
    expect(cell.text()).toContain('the content is not what was signed')
    expect(cell.text()).not.toMatch(/\d/)
    expect(cell.get('button').attributes('aria-label')).toContain('Not verified')
  })

  it('sets values outside the range apart with a word, for adults only', () => {
    const words = (birthDate: string) =>
      mountSheet([], birthDate)
        .findAll('tbody .flag')
        .map((flag) => flag.attributes('aria-label'))
    expect(words('1957-03-14')).toEqual(['Below the range set for this clinic', 'Above the range set for this clinic'])
    expect(words('2019-01-08')).toEqual([])
  })

  it('has one stop for Tab, at the newest value, and walks with the arrow keys', async () => {
    const wrapper = mountSheet()
    const stops = () => wrapper.findAll('[data-cell][tabindex="0"]').map((stop) => stop.attributes('aria-label') ?? '')
    expect(stops()).toHaveLength(1)
    expect(stops()[0]).toContain('SpO₂ 97 %')
    await wrapper.get('table').trigger('keydown', { key: 'ArrowLeft' })
    await settle()
    expect(stops()[0]).toContain('Not verified')
    await wrapper.get('table').trigger('keydown', { key: 'ArrowLeft' })
    await wrapper.get('table').trigger('keydown', { key: 'ArrowDown' })
    await settle()
    expect(stops()[0]).toContain('Blood pressure 148/88 mmHg')
    expect(document.activeElement?.getAttribute('aria-label')).toContain('148/88')
    expect(wrapper.get('aside').text()).toContain('Cuff')
  })

  it('opens the proof of the entry behind a value', async () => {
    const wrapper = mountSheet()
    await wrapper.get('button[aria-label^="SpO₂ 97"]').trigger('click')
    expect(useProofStore().place?.index).toBe(20)
    await wrapper.get('td.broken button').trigger('click')
    expect(useProofStore().place?.index).toBe(15)
  })
})
