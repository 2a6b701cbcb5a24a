import { afterEach, describe, expect, it, vi } from 'vitest'
import type { SystemEvent } from '../../../src/shared/api/schemas.ts'
import { all, code, coreWorld, first, until, value, window } from '../../support/core-world.ts'
import { PATIENTS, PRACTITIONERS } from '../../support/fake-data.ts'
import { PIN, READY } from '../../support/fake-vault.ts'

const [, nurse] = PRACTITIONERS
const [ada] = PATIENTS

afterEach(() => {
  vi.useRealTimers()
})

/** A window that writes down what it hears. */
async function listener({ core }: Pick<Awaited<ReturnType<typeof coreWorld>>, 'core'>) {
  const heard: SystemEvent[] = []
  const stream = await window(core).system.events({})
  void (async () => {
    for await (const event of stream) heard.push(event)
  })().catch(() => undefined)
  await until(() => heard.length >= 4)
  const states = (): string[] =>
    heard.flatMap((event) =>
      event.kind === 'status' ? [`${event.status.state} ${event.status.problem ?? ''}`.trim()] : [],
    )
  const sessions = (): (boolean | null)[] =>
    heard.flatMap((event) => (event.kind === 'session' ? [event.session?.locked ?? null] : []))
  return { heard, states, sessions }
}

describe('starting', () => {
  it('answers windows while the vault is opening, and makes requests wait for it', async () => {
    const gate = Promise.withResolvers<undefined>()
    const world = await coreWorld({ before: (vault) => vault.gates.set('start', gate.promise) })
    expect((await value(world.client.system.status({}))).state).toBe('starting')
    const { states } = await listener(world)
    const reply = world.client.session.practitioners({})
    for (let i = 0; i < 20; i++) await new Promise((done) => setImmediate(done))
    expect(world.vault.calls).toEqual(['start'])
    gate.resolve(undefined)
    expect(await code(reply)).toBe('ok')
    expect(states()).toEqual(['starting', 'ready'])
  })

  it('asks for enrolments and the tray once the vault is open', async () => {
    const { vault, client } = await coreWorld()
    await value(client.session.practitioners({}))
    expect(vault.calls.slice(0, 3)).toEqual(['start', 'enrolments', 'trayCount'])
  })

  it('tells and asks once, although the vault tells of its state twice', async () => {
    const { vault, client } = await coreWorld({
      before: (fake) => {
        const answer = fake.start.bind(fake)
        fake.start = () => (fake.emit({ kind: 'state', state: READY }), answer())
      },
    })
    await value(client.session.practitioners({}))
    expect(vault.calls.filter((name) => name === 'enrolments')).toHaveLength(1)
  })

  it('does not ask a vault that is not open', async () => {
    const { vault, client } = await coreWorld({
      before: (fake) => (fake.state = { ...READY, state: 'passphrase-needed' }),
    })
    await value(client.session.practitioners({}))
    expect(vault.calls).toEqual(['start', 'practitioners'])
    await value(client.setup.unlock({ passphrase: 'correct horse battery' }))
    await until(() => vault.calls.includes('trayCount'))
  })

  it.each([
    ['KEYSTORE_DAMAGED', 'KEYSTORE_DAMAGED'],
    [new Error('bug'), 'INTERNAL'],
  ] as const)('that fails is told to windows', async (failure, expected) => {
    const world = await coreWorld({ before: (vault) => vault.failures.set('start', failure) })
    const { states } = await listener(world)
    await until(() => states().at(-1) === `failed ${expected}`)
  })
})

describe('the start passphrase', () => {
  it('waits until the vault can take it', async () => {
    const gate = Promise.withResolvers<undefined>()
    const { core, vault } = await coreWorld({ before: (fake) => fake.gates.set('start', gate.promise) })
    const unlocking = core.unlock('correct horse battery')
    gate.resolve(undefined)
    expect([await unlocking, vault.calls.includes('unlock')]).toEqual([{ ok: true }, true])
    expect(await core.unlock('wrong')).toEqual({ ok: false, code: 'WRONG_PASSPHRASE' })
  })
})

describe('the shell', () => {
  it('locks the session and calls windows to the front', async () => {
    const world = await coreWorld()
    await value(world.client.session.signIn({ handle: nurse!.handle, pin: PIN }))
    const { heard, sessions } = await listener(world)
    world.core.lockSession()
    world.core.focus()
    await until(() => heard.some(({ kind }) => kind === 'focus'))
    expect(sessions()).toEqual([false, true])
    await until(() => world.vault.signedIn === null)
  })
})

describe('the idle clock', () => {
  it('locks after the limit without activity, and not before', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { client, vault, now } = await coreWorld({ idleLimitS: 60 })
    const pass = (ms: number) => {
      now.ms += ms
      vi.advanceTimersByTime(ms)
    }
    await value(client.session.signIn({ handle: nurse!.handle, pin: PIN }))
    const locked = async (): Promise<boolean | undefined> => (await value(client.session.current({})))?.locked
    pass(59_000)
    await value(client.session.activity({}))
    pass(59_000)
    expect(await locked()).toBe(false)
    pass(1_000)
    expect(await locked()).toBe(true)
    await until(() => vault.signedIn === null)
  })
})

describe('a vault that is gone', () => {
  it('fails everything with STATE_UNKNOWN, tells every window, hides what is shown, and stays gone', async () => {
    const world = await coreWorld()
    const { client, vault, thread, logged } = world
    await value(client.session.signIn({ handle: nurse!.handle, pin: PIN }))
    const one = await listener(world)
    const other = await listener(world)
    const gate = Promise.withResolvers<undefined>()
    vault.gates.set('chart', gate.promise)
    const waiting = client.patients.chart({ handle: ada!.handle, generation: 1 })
    vault.endlessVerification = true
    const verifying = all(client.ledger.verifyAll({})).catch((error: unknown) => (error as { code: string }).code)
    await until(() => vault.calls.includes('chart') && vault.calls.includes('verifyAll'))
    thread.crash(new Error('thread ended'))
    expect([await code(waiting), await verifying]).toEqual(['STATE_UNKNOWN', 'STATE_UNKNOWN'])
    for (const { states, sessions } of [one, other]) {
      await until(() => sessions().at(-1) === true)
      expect(states().at(-1)).toBe('failed STATE_UNKNOWN')
    }
    vault.emit({ kind: 'state', state: { ...READY, clinic: 'Another' } })
    expect(await code(client.session.practitioners({}))).toBe('STATE_UNKNOWN')
    expect(await code(client.session.signIn({ handle: nurse!.handle, pin: PIN }))).toBe('STATE_UNKNOWN')
    expect((await value(client.system.status({}))).state).toBe('failed')
    expect(logged.filter((line) => line.startsWith('vault:'))).toHaveLength(1)
  })

  it('does not stop the core from closing', async () => {
    const { client, core, thread } = await coreWorld()
    await value(client.session.signIn({ handle: nurse!.handle, pin: PIN }))
    await value(client.capture.open({ handle: ada!.handle }))
    thread.crash(new Error('thread ended'))
    await core.close()
    expect(thread.ended.count).toBe(1)
  })
})

describe('closing', () => {
  it('puts readings aside, frees devices, closes the vault, ends its thread: once, in that order', async () => {
    const { client, core, vault, thread, hub, spo2, bp, logged } = await coreWorld()
    await value(client.session.signIn({ handle: nurse!.handle, pin: PIN }))
    const { captureId } = await value(client.capture.open({ handle: ada!.handle }))
    await first(await client.capture.live({ captureId, connectionId: spo2 }))
    await all(client.capture.read({ captureId, connectionId: bp }))
    await Promise.all([core.close(), core.close()])
    await core.close()
    expect(vault.calls.slice(-3)).toEqual(['putTray', 'signOut', 'close'])
    expect([thread.ended.count, vault.signedIn, logged]).toEqual([1, null, []])
    expect(hub.devices().every(({ status }) => status === 'ready')).toBe(true)
  })
})
