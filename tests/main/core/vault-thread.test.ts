import { describe, expect, it, onTestFinished } from 'vitest'
import { ApiFailure } from '../../../src/main/core/failure.ts'
import type { VaultEvent } from '../../../src/main/core/vault-service.ts'
import { absentVault, startVaultThread } from '../../../src/main/core/vault-thread.ts'
import { until } from '../../support/core-world.ts'

/** A thread that answers `trayCount`, ends at `close`, throws at `signOut`, and never answers `tray`. */
const PROGRAM = `
import { parentPort } from 'node:worker_threads'
parentPort.on('message', ({ id, method }) => {
  if (method === 'trayCount') parentPort.postMessage({ id, value: 3 })
  if (method === 'unlock') parentPort.postMessage({ event: { kind: 'ledger', size: 5 } })
  if (method === 'close') process.exit(3)
  if (method === 'signOut') throw new Error('broken')
})`

function thread() {
  const events: VaultEvent[] = []
  const gone: Error[] = []
  const listeners = { event: (event: VaultEvent) => events.push(event), gone: (error: Error) => gone.push(error) }
  const connection = startVaultThread(listeners, new URL(`data:text/javascript,${encodeURIComponent(PROGRAM)}`))
  onTestFinished(() => connection.end())
  return { ...connection, events, gone }
}

const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'ok',
    (error: unknown) => (error as ApiFailure).code,
  )

describe('the vault thread', () => {
  it('answers calls and tells events', async () => {
    const { vault, events } = thread()
    void vault.unlock('x').catch(() => undefined)
    expect(await vault.trayCount()).toBe(3)
    expect(events).toEqual([{ kind: 'ledger', size: 5 }])
  })

  it.each(['close', 'signOut'] as const)('is not started again after %s killed it: every call fails', async (last) => {
    const { vault, gone } = thread()
    const waiting = codeOf(vault.tray())
    expect([await codeOf(vault[last]()), await waiting, await codeOf(vault.trayCount())]).toEqual([
      'STATE_UNKNOWN',
      'STATE_UNKNOWN',
      'STATE_UNKNOWN',
    ])
    await until(() => gone.length > 0)
    expect(gone).toHaveLength(1)
  })

  it('is not missed when it was asked to go', async () => {
    const { vault, gone, end } = thread()
    const waiting = codeOf(vault.tray())
    await end()
    expect([await waiting, gone]).toEqual(['STATE_UNKNOWN', []])
  })
})

describe('a vault that was never started', () => {
  it('fails every call with the reason', async () => {
    const { vault, end } = absentVault(new ApiFailure('DATA_FOLDER_READ_ONLY'))
    expect(await codeOf(vault.signIn('a', 'b'))).toBe('DATA_FOLDER_READ_ONLY')
    await end()
  })
})
