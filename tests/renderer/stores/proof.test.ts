import { beforeEach, describe, expect, it } from 'vitest'
import { useProofStore } from '../../../src/renderer/stores/proof.ts'
import { useSessionStore } from '../../../src/renderer/stores/session.ts'
import { gate, openWindow, settle, type TestWindow } from '../../support/mount-window.ts'

describe('the proof store', () => {
  let window: TestWindow
  let proof: ReturnType<typeof useProofStore>
  beforeEach(async () => {
    window = await openWindow({ signedInAs: 0 })
    proof = useProofStore()
  })

  it('shows the proof of the entry that was asked for last', async () => {
    const slow = gate()
    window.core.gates.set('ledger.proof', slow.promise)
    const late = proof.open({ origin: null, index: 41 })
    await settle()
    window.core.gates.delete('ledger.proof')
    await proof.open({ origin: null, index: 42 })
    slow.open()
    await late
    expect(proof.proof?.index).toBe(42)
  })

  it('refuses the proof of another entry', async () => {
    const original = window.core.proof.bind(window.core)
    window.core.proof = (index) => original(index + 1)
    await proof.open({ origin: null, index: 41 })
    expect(proof.proof).toBeNull()
    expect(proof.problem?.code).toBe('INTERNAL')
  })

  it('names the code when there is no such entry', async () => {
    await proof.open({ origin: null, index: 100_000 })
    expect(proof.problem?.code).toBe('UNKNOWN_ENTRY')
    expect(proof.isOpen).toBe(true)
  })

  it('never calls a proof good that its own verifier refutes, whatever the core says', async () => {
    await proof.open({ origin: null, index: 41 })
    expect(proof.proof?.grade.name).toBe('final')
    await proof.verify()
    expect(proof.check?.verdict).toBe('bad')
    expect(proof.checking).toBe(false)
  })

  it('forgets everything when the session locks', async () => {
    await proof.open({ origin: null, index: 41 })
    const session = useSessionStore()
    session.replace({ ...session.session!, locked: true })
    expect(proof.isOpen).toBe(false)
    expect(proof.proof).toBeNull()
  })

  it('takes the receipt of the entry that is shown', async () => {
    await proof.open({ origin: null, index: 41 })
    expect(await proof.takeReceipt()).toMatchObject({ fileName: 'ward-41.tlog-proof' })
    expect(proof.receipt?.text).toContain('index 41')
    expect(proof.receiptCommand).toBe(`chartseal verify ward-41.tlog-proof --network ${proof.proof?.networkId ?? ''}`)
    await proof.open({ origin: null, index: 42 })
    expect(proof.receipt).toBeNull()
  })

  it('drops a receipt that comes after another entry was opened', async () => {
    await proof.open({ origin: null, index: 41 })
    const slow = gate()
    window.core.gates.set('ledger.receipt', slow.promise)
    const late = proof.takeReceipt()
    await settle()
    window.core.gates.delete('ledger.receipt')
    await proof.open({ origin: null, index: 42 })
    slow.open()
    expect(await late).toBeNull()
    expect(proof.receipt).toBeNull()
    expect(proof.takingReceipt).toBe(false)
  })

  it('says why there is no receipt', async () => {
    await proof.open({ origin: null, index: 41 })
    window.core.failures.set('ledger.receipt', 'RECORD_NOT_VERIFIED')
    expect(await proof.takeReceipt()).toBeNull()
    expect(proof.receiptProblem?.code).toBe('RECORD_NOT_VERIFIED')
  })
})
