import { enableAutoUnmount } from '@vue/test-utils'
import { afterEach, describe, expect, it } from 'vitest'
import { handleOf } from '../../support/fake-data.ts'
import { openWindow, settle } from '../../support/mount-window.ts'

const chartOf = (n: number): string => `/patients/${handleOf(n)}`

enableAutoUnmount(afterEach)

describe('ChartView', () => {
  it('says who the patient is in the fixed order: name, birth date, gender, identifier', async () => {
    const view = await (await openWindow({ signedInAs: 1 })).visit(chartOf(1))
    const banner = view.get('[aria-label="Patient"]').text()
    expect(banner).toMatch(/OKAFOR, Ada.*Born14-Mar-1957.*GenderFemale.*MRN9000017.*Allergies unavailable/s)
  })

  it('warns when records could not be verified, and when the chart may be incomplete', async () => {
    const window = await openWindow({ signedInAs: 1 })
    const view = await window.visit(chartOf(3))
    expect(view.text()).toContain('2 records of this patient could not be verified')
  })

  it('shows no value when the call fails, and gets it on another try', async () => {
    const window = await openWindow({ signedInAs: 1 })
    window.core.failures.set('patients.chart', 'DISK_FULL')
    const view = await window.visit(chartOf(1))
    expect(view.get('[role=alert]').text()).toContain('The disk is full')
    expect(view.find('table').exists()).toBe(false)
    await view
      .findAll('button')
      .find((button) => button.text() === 'Try again')
      ?.trigger('click')
    await settle()
    expect(view.find('table').exists()).toBe(true)
  })

  it('has words for a patient without records', async () => {
    const view = await (await openWindow({ signedInAs: 1 })).visit(chartOf(5))
    expect(view.text()).toContain('Nothing recorded yet')
  })

  it('does not resolve a patient’s address while the session is locked', async () => {
    const window = await openWindow({ signedInAs: 1 })
    await window.visit('/patients')
    window.core.calls.length = 0
    const { useSessionStore } = await import('../../../src/renderer/stores/session.ts')
    await useSessionStore().lock()
    await window.router.push(chartOf(1))
    await settle()
    expect(window.router.currentRoute.value.path).toBe('/patients')
    expect(window.core.calls).not.toContain('patients.chart')
  })
})
