import { describe, expect, it } from 'vitest'
import { usePatientsStore } from '../../../src/renderer/stores/patients.ts'
import { useSessionStore } from '../../../src/renderer/stores/session.ts'
import { useSystemStore } from '../../../src/renderer/stores/system.ts'
import { handleOf } from '../../support/fake-data.ts'
import { gate, openWindow, settle } from '../../support/mount-window.ts'

describe('the session store', () => {
  it('locks at once, before the core has answered', async () => {
    const window = await openWindow({ signedInAs: 1 })
    window.core.gates.set('session.lock', gate().promise)
    const session = useSessionStore()
    void session.lock()
    expect(session.isOpen).toBe(false)
    expect(session.practitioner?.name).toBe('Jonas Weatherby')
  })

  it('signs in with the right PIN only', async () => {
    await openWindow()
    const session = useSessionStore()
    await session.loadPractitioners()
    const [nurse] = session.practitioners
    expect(await session.signIn(nurse?.handle ?? '', '0000')).toMatchObject({ ok: false, code: 'WRONG_PIN' })
    expect(session.isOpen).toBe(false)
    expect((await session.signIn(nurse?.handle ?? '', '1117')).ok).toBe(true)
    expect(session.isOpen).toBe(true)
  })
})

describe('the system store', () => {
  it('follows what the core says, and listens again after a lost connection', async () => {
    const window = await openWindow()
    const system = useSystemStore()
    const session = useSessionStore()
    system.start()
    await settle()
    expect(system.trayCount).toBe(2)
    expect(system.devices).toHaveLength(4)
    window.core.emit({ kind: 'tray', count: 5 })
    await settle()
    expect(system.trayCount).toBe(5)
    window.api.state.value = 'offline'
    await settle()
    window.core.session = { practitioner: window.core.practitioners[0]!, locked: true, idleLimitS: 60, warnS: 10 }
    window.api.state.value = 'online'
    await settle()
    expect(session.isLocked).toBe(true)
  })
})

describe('the patients store', () => {
  it('asks once, finds the same person, and forgets on lock', async () => {
    const window = await openWindow({ signedInAs: 1 })
    const patients = usePatientsStore()
    await patients.load()
    expect(patients.verified).toHaveLength(5)
    const ada = {
      familyName: 'OKAFOR',
      givenName: 'ada',
      birthDate: '1957-03-14',
      gender: 'female' as const,
      identifier: 'x',
    }
    expect(patients.sameAs(ada).map(({ record }) => record.handle)).toEqual([handleOf(1)])
    expect(patients.sameAs({ ...ada, birthDate: '1957-03-15' })).toEqual([])
    expect(
      patients.sameAs({ ...ada, birthDate: '', identifier: '9000025' }).map(({ record }) => record.handle),
    ).toEqual([handleOf(2)])
    expect(await patients.register({ ...ada, identifier: '9000017' }, false)).toMatchObject({
      ok: false,
      code: 'DUPLICATE_PATIENT',
    })
    expect(window.core.calls.filter((name) => name === 'patients.search')).toHaveLength(1)
    await useSessionStore().lock()
    expect(patients.rows).toEqual([])
    expect(patients.wasLoaded).toBe(false)
  })
})
