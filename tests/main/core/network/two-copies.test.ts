import { cpSync } from 'node:fs'
import { expect, it } from 'vitest'
import { startVault, stateOf, temporaryFolder } from '../../../faults/support/clinic.ts'
import { joinedTo, networkedClinic, until } from '../../../support/two-clinics.ts'

it(
  'two copies of one node that write nothing are noticed: both stop, and their peer names them',
  { timeout: 90_000 },
  async () => {
    const a = await networkedClinic()
    const b = await joinedTo(a)
    const nodeOfB = async () =>
      (await a.vault.networkStatus()).sites.flatMap(({ nodes }) => nodes).find(({ isOwn }) => !isOwn)
    const isConnected = async () => (await nodeOfB())?.link?.state === 'connected'
    await b.vault.close()
    const copy = temporaryFolder()
    cpSync(b.folder, copy, { recursive: true })
    const first = await startVault(b.folder)
    await until('the first is connected', isConnected)
    expect((await nodeOfB())?.twiceAt).toBeNull()
    const second = await startVault(copy)
    for (const one of [first, second]) await until('it stops', () => stateOf(one).recovery?.reason === 'copied', 30_000)
    expect([stateOf(first).state, stateOf(second).state]).toEqual(['recovery-needed', 'recovery-needed'])
    expect((await nodeOfB())?.twiceAt).not.toBeNull()
  },
)
