import { beforeEach, describe, expect, it, vi } from 'vitest'
import { useRepairStore } from '../../../src/renderer/stores/repair.ts'
import { useSystemStore } from '../../../src/renderer/stores/system.ts'
import { gate, openWindow, settle, type TestWindow } from '../../support/mount-window.ts'

describe('the repair store', () => {
  let window: TestWindow
  let repair: ReturnType<typeof useRepairStore>
  beforeEach(async () => {
    window = await openWindow({ signedInAs: 3 })
    repair = useRepairStore()
  })

  it('counts what was found by what became of it, and lists the incident', async () => {
    await repair.start(null)
    expect(repair.run).toMatchObject({ phase: 'done', open: 1, repaired: 0 })
    expect(repair.findings).toMatchObject([{ what: 'entry', index: 7, outcome: 'open' }])
    await settle()
    expect(repair.incidents.map(({ kind }) => kind)).toEqual(['rows.damaged'])
    await repair.start('/mnt/usb/ledger.db')
    expect(repair.run).toMatchObject({ phase: 'done', open: 0, repaired: 1 })
    await settle()
    expect(repair.incidents.map(({ kind }) => kind)).toEqual(['rows.repaired', 'rows.damaged'])
  })

  it('stops when asked, and says so', async () => {
    const slow = gate()
    await openWindow({ signedInAs: 3, pause: () => slow.promise })
    const store = useRepairStore()
    const running = store.start(null)
    await vi.waitFor(() => expect(store.run?.total).toBeGreaterThan(0))
    store.stop()
    expect(store.run?.phase).toBe('stopped')
    slow.open()
    await running
    expect(store.run?.phase).toBe('stopped')
  })

  it('lists incidents again when the ledger grew, and only once they were opened', async () => {
    const asked = () => window.core.calls.filter((call) => call === 'ledger.incidents').length
    useSystemStore().ledgerSize = 50
    await settle()
    expect(asked()).toBe(0)
    await repair.load()
    useSystemStore().ledgerSize = 51
    await settle()
    expect(asked()).toBe(2)
  })

  it('names what is wrong when incidents cannot be had', async () => {
    window.core.failures.set('ledger.incidents', 'DATABASE_DAMAGED')
    await repair.load()
    expect(repair.problem?.code).toBe('DATABASE_DAMAGED')
  })
})
