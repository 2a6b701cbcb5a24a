import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { call } from '../../../src/renderer/api/call.ts'
import { usePresence } from '../../../src/renderer/composables/use-presence.ts'
import { usePresenceStore } from '../../../src/renderer/stores/presence.ts'
import { useSessionStore } from '../../../src/renderer/stores/session.ts'
import { openWindow, settle, type TestWindow } from '../../support/mount-window.ts'

describe('presence', () => {
  let around: TestWindow
  let presence: ReturnType<typeof usePresenceStore>
  const assign = () =>
    usePresence().guarded(() =>
      call((client) =>
        client.tray.assign({
          ids: [around.core.tray[0]?.id ?? ''],
          handle: around.core.patients[0]?.handle ?? '',
          reason: 'seen',
        }),
      ),
    )

  beforeEach(async () => {
    around = await openWindow({ signedInAs: 1 })
    around.core.isPresent = false
    presence = usePresenceStore()
  })
  afterEach(() => presence.cancel())

  it('asks nobody who was here just now', async () => {
    around.core.isPresent = true
    expect((await assign()).ok).toBe(true)
    expect(around.core.calls).not.toContain('session.reauthenticate')
  })

  it('makes the call again once the PIN was right', async () => {
    const outcome = assign()
    await settle()
    expect(presence.isAsking).toBe(true)
    await presence.prove('0000')
    expect(presence.problem?.code).toBe('WRONG_PIN')
    expect(presence.isAsking).toBe(true)
    await presence.prove('2227')
    expect((await outcome).ok).toBe(true)
    expect(presence.isAsking).toBe(false)
    expect(around.core.calls.filter((name) => name === 'tray.assign')).toHaveLength(2)
  })

  it('lets the person say no, and signs nothing', async () => {
    const outcome = assign()
    await settle()
    presence.cancel()
    expect(await outcome).toEqual({ ok: false, code: 'CANCELLED' })
    expect(around.core.calls.filter((name) => name === 'tray.assign')).toHaveLength(1)
  })

  it('asks once for calls that wait together', async () => {
    const both = Promise.all([assign(), assign()])
    await settle()
    await presence.prove('2227')
    expect((await both).every(({ ok }) => ok)).toBe(true)
    expect(around.core.calls.filter((name) => name === 'session.reauthenticate')).toHaveLength(1)
  })

  it('does not wait for a colleague’s PIN behind a locked window', async () => {
    const outcome = assign()
    await settle()
    await useSessionStore().lock()
    expect(await outcome).toEqual({ ok: false, code: 'CANCELLED' })
    expect(presence.isAsking).toBe(false)
  })
})
