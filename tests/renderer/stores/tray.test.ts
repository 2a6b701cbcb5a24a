import { beforeEach, describe, expect, it } from 'vitest'
import { useSessionStore } from '../../../src/renderer/stores/session.ts'
import { useSystemStore } from '../../../src/renderer/stores/system.ts'
import { useTrayStore } from '../../../src/renderer/stores/tray.ts'
import { handleOf } from '../../support/fake-data.ts'
import { openWindow, settle, type TestWindow } from '../../support/mount-window.ts'

describe('the tray store', () => {
  let window: TestWindow
  let tray: ReturnType<typeof useTrayStore>
  beforeEach(async () => {
    window = await openWindow({ signedInAs: 1 })
    tray = useTrayStore()
    await tray.load()
  })

  it('lists the newest first and chooses nothing by itself', () => {
    const times = tray.items.map((item) => item.receivedAt)
    expect(times).toEqual([...times].sort().reverse())
    expect(tray.chosen.size).toBe(0)
  })

  it('assigns only what was chosen', async () => {
    const [first, second] = tray.items
    tray.toggle(first!.id)
    expect(await tray.assign(handleOf(2), 'seen by the nurse')).toBeNull()
    expect(tray.items.map((item) => item.id)).toEqual([second!.id])
    expect(tray.chosen.size).toBe(0)
    expect(window.core.recorded.at(-1)?.patient).toBe(handleOf(2))
  })

  it('keeps the choice when assigning fails', async () => {
    tray.chooseAll(true)
    window.core.failures.set('tray.assign', 'UNKNOWN_TRAY_ITEM')
    expect((await tray.assign(handleOf(2), 'seen by the nurse'))?.code).toBe('UNKNOWN_TRAY_ITEM')
    expect(tray.chosen.size).toBe(2)
  })

  it('forgets choices that left the tray elsewhere', async () => {
    tray.chooseAll(true)
    window.core.tray = window.core.tray.slice(1)
    useSystemStore().trayCount = 1
    await settle()
    expect(tray.items).toHaveLength(1)
    expect(tray.chosen.size).toBe(1)
  })

  it('discards with a reason', async () => {
    tray.chooseAll(true)
    expect(await tray.discard('test by staff')).toBeNull()
    expect(tray.items).toEqual([])
  })

  it('holds nothing while the session is locked', () => {
    const session = useSessionStore()
    session.replace({ ...session.session!, locked: true })
    expect(tray.items).toEqual([])
    expect(tray.loaded).toBe(false)
  })
})
