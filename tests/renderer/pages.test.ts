import { describe, expect, it } from 'vitest'
import { homeOf, mayVisit, pagesOf } from '../../src/renderer/pages.ts'
import { createMessages } from '../../src/renderer/i18n.ts'
import { openWindow, settle } from '../support/mount-window.ts'
import { handleOf } from '../support/fake-data.ts'

const { te } = createMessages().global as unknown as { te: (key: string) => boolean }

describe('pages of a role', () => {
  it('give an auditor the audit, and no patients', () => {
    expect(pagesOf('auditor')).toEqual(['audit', 'ledger', 'network', 'people', 'about'])
    expect(homeOf('auditor')).toBe('/audit')
    expect(mayVisit('auditor', `/patients/${handleOf(1)}`)).toBe(false)
  })

  it.each(['physician', 'nurse', 'it'] as const)('start %s at the patients', (role) => {
    expect(homeOf(role)).toBe('/patients')
    expect(mayVisit(role, `/patients/${handleOf(1)}`)).toBe(true)
  })

  it('keep administration from nurses, and the audit from IT', () => {
    expect(mayVisit('nurse', '/administration')).toBe(false)
    expect(mayVisit('it', '/audit')).toBe(false)
    expect(pagesOf('it')).toContain('administration')
  })

  it('have names', () => {
    expect(pagesOf(null).filter((key) => !te(`app.nav.${key}`))).toEqual([])
  })
})

it('sends an auditor who types the address of a patient home, without asking for the chart', async () => {
  const window = await openWindow({ signedInAs: 1 })
  const auditor = { handle: handleOf(0xa9), name: 'Ines Marchetti', role: 'auditor' as const }
  const { useSessionStore } = await import('../../src/renderer/stores/session.ts')
  useSessionStore().replace({ practitioner: auditor, locked: false, idleLimitS: 180, warnS: 20 })
  await window.router.push(`/patients/${handleOf(1)}`)
  await settle()
  expect(window.router.currentRoute.value.path).toBe('/audit')
  expect(window.core.calls).not.toContain('patients.chart')
})
