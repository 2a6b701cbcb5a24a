import { beforeEach, describe, expect, it, vi } from 'vitest'
import { useLedgerStore } from '../../../src/renderer/stores/ledger.ts'
import { useSystemStore } from '../../../src/renderer/stores/system.ts'
import { gate, openWindow, settle, type TestWindow } from '../../support/mount-window.ts'

describe('the ledger store', () => {
  let window: TestWindow
  let ledger: ReturnType<typeof useLedgerStore>
  beforeEach(async () => {
    window = await openWindow({ signedInAs: 3 })
    ledger = useLedgerStore()
  })

  it('loads the summary, the newest blocks and the entries of the newest', async () => {
    await ledger.load()
    expect(ledger.summary?.size).toBeGreaterThan(40)
    expect(ledger.blocks[0]?.block).toBeGreaterThan(ledger.blocks[1]?.block ?? 0)
    expect(ledger.block?.block).toBe(ledger.blocks[0]?.block)
    expect(ledger.entries).not.toBeNull()
  })

  it('fetches older blocks without gaps down to the first', async () => {
    await ledger.load()
    while (ledger.hasMore) await ledger.loadMore()
    const numbers = ledger.blocks.map((block) => block.block)
    expect(numbers).toEqual([...numbers].sort((a, b) => b - a))
    expect(numbers.at(-1)).toBe(0)
    expect(new Set(numbers).size).toBe((numbers[0] ?? 0) + 1)
  })

  it('shows the entries of the block that was opened last', async () => {
    await ledger.load()
    const [first, second] = [ledger.blocks[2]!, ledger.blocks[5]!]
    const slow = gate()
    window.core.gates.set('ledger.entries', slow.promise)
    const late = ledger.openBlock(first)
    await settle()
    window.core.gates.delete('ledger.entries')
    await ledger.openBlock(second)
    slow.open()
    await late
    expect(ledger.entries?.map((entry) => entry.index)).toEqual([0, 1, 2, 3].map((n) => second.firstIndex + n))
  })

  it('reads again when the ledger grew, and only once it was opened', async () => {
    useSystemStore().ledgerSize = 50
    await settle()
    expect(window.core.calls).not.toContain('ledger.summary')
    await ledger.load()
    useSystemStore().ledgerSize = 51
    await settle()
    expect(window.core.calls.filter((call) => call === 'ledger.summary')).toHaveLength(2)
  })

  it('verifies everything and lists what was found', async () => {
    await ledger.verifyAll()
    expect(ledger.verification).toMatchObject({ phase: 'done', found: 2 })
    expect(ledger.findings.map((finding) => finding.step).sort()).toEqual(['commitment', 'signatures'])
  })

  it('stops when asked, and says so', async () => {
    const slow = gate()
    const stopped = await openWindow({ signedInAs: 3, pause: () => slow.promise })
    const store = useLedgerStore()
    const running = store.verifyAll()
    await vi.waitFor(() => expect(store.verification?.total).toBeGreaterThan(0))
    store.stopVerifying()
    expect(store.verification?.phase).toBe('stopped')
    slow.open()
    await running
    expect(store.verification?.phase).toBe('stopped')
    expect(stopped.core.calls).not.toContain('ledger.proof')
  })

  it('keeps what is on screen and names the problem when a call fails', async () => {
    await ledger.load()
    window.core.failures.set('ledger.summary', 'DATABASE_DAMAGED')
    await ledger.load()
    expect(ledger.problem?.code).toBe('DATABASE_DAMAGED')
    expect(ledger.summary).not.toBeNull()
  })

  it('shows a closed log when asked, and drops what belonged to the other', async () => {
    await ledger.load()
    const shown = ledger.showLog('ward/1')
    expect([ledger.origin, ledger.blocks.length, ledger.block, ledger.entries]).toEqual(['ward/1', 0, null, null])
    await shown
    expect(ledger.blocks.length).toBeGreaterThan(0)
    await ledger.showLog(null)
    expect(ledger.origin).toBeNull()
  })
})
