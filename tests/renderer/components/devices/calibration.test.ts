import { afterEach, describe, expect, it } from 'vitest'
import DeviceHead from '../../../../src/renderer/components/capture/DeviceHead.vue'
import { isOverdue } from '../../../../src/renderer/components/devices/calibration.ts'
import { openWindow } from '../../../support/mount-window.ts'

afterEach(() => {
  document.body.innerHTML = ''
})

const atNoon = (day: string) => new Date(`${day}T12:00:00`).getTime()

describe('calibration', () => {
  it.each([
    ['2026-03-01', true],
    ['2026-03-02', true],
    ['2026-03-03', false],
    [null, false],
    [undefined, false],
  ])('due on %s is overdue on 2 March: %s', (due, expected) => {
    expect(isOverdue(due, atNoon('2026-03-02'))).toBe(expected)
  })

  it.each([
    ['2020-02-29', 'Calibration due since 29-Feb-2020'],
    ['2999-01-01', null],
    [null, null],
  ])('due on %s: the card at the bedside says %j', async (due, sentence) => {
    const { core, mount } = await openWindow({ signedInAs: 1 })
    const [device] = core.devices.filter(({ enrolment }) => enrolment !== null)
    const enrolment = { ...device!.enrolment!, ...(due === null ? {} : { calibrationDue: due }) }
    const card = mount(DeviceHead, { device: { ...device!, enrolment }, connected: true })
    if (sentence === null) expect(card.text()).not.toContain('Calibration')
    else expect(card.text()).toContain(sentence)
  })
})
