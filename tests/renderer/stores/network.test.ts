import { beforeEach, describe, expect, it } from 'vitest'
import { useNetworkStore } from '../../../src/renderer/stores/network.ts'
import { useSessionStore } from '../../../src/renderer/stores/session.ts'
import { useSystemStore } from '../../../src/renderer/stores/system.ts'
import { PRACTITIONERS } from '../../support/fake-data.ts'
import { gate, openWindow, settle, type TestWindow } from '../../support/mount-window.ts'

const IT = PRACTITIONERS.findIndex(({ role }) => role === 'it')
const [TWO, THREE] = ['chartseal.local/site-2', 'chartseal.local/site-3'] as const

describe('the network store', () => {
  let window: TestWindow
  let network: ReturnType<typeof useNetworkStore>
  beforeEach(async () => {
    window = await openWindow({ signedInAs: IT })
    window.core.network.grow()
    network = useNetworkStore()
  })

  it('asks for nothing while the clinic is alone, and for names once it is not', async () => {
    await settle()
    expect(window.core.calls).not.toContain('network.status')
    useSystemStore().network = window.core.network.summary()
    await settle()
    expect(network.nameOf(TWO)).toBe('Hill Road Clinic')
    expect(network.nameOf(THREE)).toBe('site-3')
    expect(network.nameOf('chartseal.local/site-1')).toBe('Harbour Street Clinic')
    expect(network.nameAndId(TWO)).toBe(`Hill Road Clinic (${TWO})`)
    expect(network.nameAndId(THREE)).toBe(THREE)
  })

  it('changes what it is told to change, and nothing else', async () => {
    await network.load()
    const before = network.status?.settings
    expect(await network.configure({ custodians: [THREE] })).toBeNull()
    expect(network.status?.settings).toEqual({ ...before, custodians: [THREE] })
    expect(network.status?.copies.custodians).toEqual([THREE])
  })

  it('keeps what was shown when settings are refused', async () => {
    await network.load()
    const before = network.status
    const problem = await network.configure({ announce: ['no address!'] })
    expect(problem).toMatchObject({ code: 'BAD_ADDRESS', detail: 'no address!' })
    expect(network.status).toEqual(before)
  })

  it('does not configure what was never read', async () => {
    expect(await network.configure({ relay: true })).toMatchObject({ code: 'WRONG_STATE' })
    expect(window.core.calls).not.toContain('network.configure')
  })

  it('drops an older answer that comes late', async () => {
    await network.load()
    const wait = gate()
    window.core.gates.set('network.status', wait.promise)
    const late = network.load()
    await network.configure({ port: 4200 })
    window.core.network.settings = { ...window.core.network.settings, port: 4101 }
    wait.open()
    await late
    expect(network.status?.settings.port).toBe(4200)
  })

  it('makes and withdraws invitations', async () => {
    await network.load()
    const reply = await network.invite(3, '4447')
    await settle()
    expect(reply.ok && reply.value.text.length).toBeGreaterThan(100)
    const id = reply.ok ? reply.value.id : ''
    expect(network.status?.invitations).toMatchObject([{ id, state: 'open' }])
    expect(await network.withdraw(id)).toBeNull()
    expect(network.status?.invitations).toMatchObject([{ id, state: 'withdrawn' }])
    expect(await network.withdraw('0'.repeat(32))).toMatchObject({ code: 'UNKNOWN_INVITATION' })
  })

  it('forgets everything when the window locks', async () => {
    await network.load()
    useSessionStore().replace(null)
    expect(network.status).toBeNull()
    expect(network.nameOf(TWO)).toBe('site-2')
  })
})
