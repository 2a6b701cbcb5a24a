import { describe, expect, it } from 'vitest'
import { DeviceError } from '../../../src/devices/errors.ts'
import type { Draft, LiveEvent, ReadEvent } from '../../../src/shared/api/schemas.ts'
import {
  all,
  code,
  coreWorld,
  first,
  until,
  value,
  window,
  windowPort,
  type WorldOptions,
} from '../../support/core-world.ts'
import { handleOf, PATIENTS, PRACTITIONERS } from '../../support/fake-data.ts'
import { PIN } from '../../support/fake-vault.ts'

const [physician, nurse] = PRACTITIONERS
const [ada, per] = PATIENTS
const MANUAL = {
  kind: 'temperature' as const,
  quantities: [{ name: 'temperature', value: '36.8', ucum: 'Cel', coded: null }],
  site: null,
  confirmed: false,
}

type World = Awaited<ReturnType<typeof bedside>>

/** A nurse with an open capture. */
async function bedside(options: WorldOptions = {}) {
  const world = await coreWorld(options)
  await value(world.client.session.signIn({ handle: nurse!.handle, pin: PIN }))
  const captureId = await open(world)
  return { ...world, captureId }
}

async function open({ client }: Pick<World, 'client'>, handle = ada!.handle): Promise<string> {
  return (await value(client.capture.open({ handle }))).captureId
}

async function confirm({ client, captureId }: World): Promise<void> {
  await value(client.capture.confirmIdentity({ captureId, asked: ['name', 'birth-date'] }))
}

async function read({ client, captureId, bp }: World): Promise<Draft[]> {
  return draftsIn(await all(client.capture.read({ captureId, connectionId: bp })))
}

const draftsIn = (events: ReadEvent[]): Draft[] =>
  events.flatMap((event) => (event.kind === 'drafts' ? event.drafts : []))

const settled = (event: LiveEvent): boolean => event.kind === 'samples' && event.stableS >= 5

async function settle({ client, captureId, spo2 }: World): Promise<void> {
  await first(await client.capture.live({ captureId, connectionId: spo2 }), settled)
}

async function take(world: World): Promise<Draft[]> {
  await settle(world)
  const { client, captureId, spo2 } = world
  return value(client.capture.takeLive({ captureId, connectionId: spo2 }))
}

const sign = ({ client, captureId }: World, drafts: readonly Draft[], manual = [] as (typeof MANUAL)[]) =>
  client.capture.sign({ captureId, draftIds: drafts.map(({ draftId }) => draftId), manual })

const close = ({ client, captureId }: World) => client.capture.close({ captureId })

/** Lets everything else run for a while. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((done) => setImmediate(done))
}

const inTray = ({ vault }: Pick<World, 'vault'>): string[] =>
  [...vault.items.values()].map(({ item }) => `${item.reason} ${item.draft.kind}`)

describe('signing', () => {
  it.each<[string, string, (world: World) => Promise<{ ok: true } | { ok: false; code: string }>]>([
    ['without two identifiers', 'IDENTITY_NOT_CONFIRMED', (world) => sign(world, [], [MANUAL])],
    ['nothing', 'NOTHING_TO_SIGN', async (world) => (await confirm(world), sign(world, []))],
    [
      'what was never read',
      'UNKNOWN_DRAFT',
      async (world) => (await confirm(world), sign(world, [{ draftId: handleOf(9) } as Draft])),
    ],
    [
      'what is in the ledger',
      'ALREADY_RECORDED',
      async (world) => {
        await confirm(world)
        const [draft] = await read(world)
        world.vault.recorded.add(draft!.draftId)
        return sign(world, [(await read(world))[0]!])
      },
    ],
    [
      'a second time',
      'UNKNOWN_DRAFT',
      async (world) => {
        await confirm(world)
        const drafts = await read(world)
        await value(sign(world, drafts))
        return sign(world, drafts)
      },
    ],
    ['in a closed capture', 'UNKNOWN_CAPTURE', async (world) => (await value(close(world)), sign(world, [], [MANUAL]))],
    [
      'in a capture that was opened by somebody else',
      'UNKNOWN_CAPTURE',
      async (world) => {
        await value(world.client.session.signIn({ handle: physician!.handle, pin: PIN }))
        return sign(world, [], [MANUAL])
      },
    ],
    [
      'after the session was locked, without looking at the patient again',
      'IDENTITY_NOT_CONFIRMED',
      async (world) => {
        await confirm(world)
        await value(world.client.session.lock({}))
        await value(world.client.session.signIn({ handle: nurse!.handle, pin: PIN }))
        return sign(world, [], [MANUAL])
      },
    ],
    [
      'after five minutes without anybody doing anything, where sessions last longer',
      'IDENTITY_NOT_CONFIRMED',
      async (world) => {
        await confirm(world)
        world.now.ms += 5 * 60_000 + 1
        return sign(world, [], [MANUAL])
      },
    ],
    [
      'after five minutes in which somebody was there',
      'ok',
      async (world) => {
        await confirm(world)
        for (const _minute of [1, 2, 3, 4, 5, 6]) {
          world.now.ms += 60_000
          await value(world.client.session.activity({}))
        }
        return sign(world, [], [MANUAL])
      },
    ],
    ['a typed value', 'ok', async (world) => (await confirm(world), sign(world, [], [MANUAL]))],
    [
      'what the vault refuses',
      'VALUE_REJECTED',
      async (world) => {
        await confirm(world)
        world.vault.failures.set('signReadings', 'VALUE_REJECTED')
        return sign(world, [], [MANUAL])
      },
    ],
  ])('%s: %s', async (_what, expected, act) => {
    const world = await bedside({ idleLimitS: 600 })
    expect(await code(act(world))).toBe(expected)
    expect(world.vault.signings.length > 0).toBe(expected === 'ok' || _what === 'a second time')
  })

  it('binds what is signed to the patient of the capture', async () => {
    const world = await bedside()
    await confirm(world)
    const other = { ...world, captureId: await open(world, per!.handle) }
    await confirm(other)
    await value(sign(other, await take(other), [MANUAL]))
    expect(world.vault.signings).toEqual([
      { handle: per!.handle, kinds: ['spo2', 'heart-rate', 'temperature'], late: null },
    ])
  })

  it('signs a draft once, however often it is named', async () => {
    const world = await bedside()
    await confirm(world)
    const [draft] = await read(world)
    await value(sign(world, [draft!, draft!]))
    expect(world.vault.signings[0]?.kinds).toHaveLength(1)
  })

  it('is done once when the key is pressed twice', async () => {
    const world = await bedside()
    await confirm(world)
    const gate = Promise.withResolvers<undefined>()
    world.vault.gates.set('signReadings', gate.promise)
    const once = sign(world, [], [MANUAL])
    await until(() => world.vault.calls.includes('signReadings'))
    expect(await code(sign(world, [], [MANUAL]))).toBe('WRONG_STATE')
    gate.resolve(undefined)
    expect([await code(once), world.vault.signings.length]).toEqual(['ok', 1])
  })

  it('can be tried again after it failed', async () => {
    const world = await bedside()
    await confirm(world)
    const drafts = await read(world)
    world.vault.failures.set('signReadings', 'DISK_FULL')
    expect([await code(sign(world, drafts)), await code(sign(world, drafts))]).toEqual(['DISK_FULL', 'ok'])
  })
})

describe('what was not signed', () => {
  it('goes to the tray when the capture closes', async () => {
    const world = await bedside()
    await confirm(world)
    const drafts = await read(world)
    const [chosen, ...left] = drafts
    await value(sign(world, [chosen!]))
    await value(close(world))
    expect([...world.vault.items.keys()]).toEqual(left.map(({ draftId }) => draftId))
    expect(new Set(inTray(world).map((text) => text.split(' ')[0]))).toEqual(new Set(['not-signed']))
  })

  it('is left out when it is in the ledger already', async () => {
    const world = await bedside()
    for (const { draftId } of await read(world)) world.vault.recorded.add(draftId)
    await read(world)
    await value(close(world))
    expect(inTray(world)).toEqual([])
  })

  it('is, of a live signal, what was taken last', async () => {
    const world = await bedside()
    const before = await take(world)
    const { client, captureId, spo2 } = world
    const later = (event: LiveEvent): boolean => event.kind === 'samples' && event.stableS >= 9
    await first(await client.capture.live({ captureId, connectionId: spo2 }), later)
    const last = await take(world)
    expect(before.map(({ draftId }) => draftId)).not.toEqual(last.map(({ draftId }) => draftId))
    await value(close(world))
    expect([...world.vault.items.keys()]).toEqual(last.map(({ draftId }) => draftId))
  })

  it('is nothing of a live signal of which a part was signed', async () => {
    const world = await bedside()
    await confirm(world)
    const [spo2] = await take(world)
    await value(sign(world, [spo2!]))
    await value(close(world))
    expect(inTray(world)).toEqual([])
  })

  it.each(['signOut', 'signIn as somebody else', 'close of the core'])('goes to the tray at %s', async (how) => {
    const world = await bedside()
    const drafts = await read(world)
    if (how === 'signOut') await value(world.client.session.signOut({}))
    else if (how === 'close of the core') await world.core.close()
    else await value(world.client.session.signIn({ handle: physician!.handle, pin: PIN }))
    await until(() => world.vault.items.size === drafts.length)
  })

  it('stays with a capture that is only locked', async () => {
    const world = await bedside()
    const drafts = await read(world)
    await value(world.client.session.lock({}))
    await value(world.client.session.signIn({ handle: nurse!.handle, pin: PIN }))
    await confirm(world)
    expect([await code(sign(world, drafts)), inTray(world)]).toEqual(['ok', []])
  })

  it('is kept, and put aside later, when the tray cannot take it', async () => {
    const world = await bedside()
    const drafts = await read(world)
    world.vault.failures.set('putTray', 'DISK_FULL')
    expect(await code(close(world))).toBe('DISK_FULL')
    expect(await code(sign(world, drafts))).toBe('UNKNOWN_CAPTURE')
    expect([await code(close(world)), world.vault.items.size]).toEqual(['ok', drafts.length])
  })

  it('is put aside although the capture ended while it was read', async () => {
    const world = await bedside()
    const gate = Promise.withResolvers<undefined>()
    world.vault.gates.set('draftsOf', gate.promise)
    const reading = all(world.client.capture.read({ captureId: world.captureId, connectionId: world.bp }))
    await until(() => world.vault.calls.includes('draftsOf'))
    await value(close(world))
    gate.resolve(undefined)
    expect((await reading).at(-1)).toEqual({ kind: 'ended', code: 'UNKNOWN_CAPTURE' })
    await until(() => world.vault.items.size > 0)
  })

  it('is not what is being signed while the capture ends', async () => {
    const world = await bedside()
    await confirm(world)
    const drafts = await read(world)
    const gate = Promise.withResolvers<undefined>()
    world.vault.gates.set('signReadings', gate.promise)
    const signing = sign(world, drafts)
    await until(() => world.vault.calls.includes('signReadings'))
    const closing = close(world)
    await turns(50)
    expect(world.vault.calls).not.toContain('putTray')
    gate.resolve(undefined)
    expect([await code(signing), await code(closing), inTray(world)]).toEqual(['ok', 'ok', []])
  })
})

describe('a device that is not enrolled', () => {
  it('gives drafts that are in the tray at once, and cannot be signed here', async () => {
    const world = await bedside({ enrolled: [] })
    await confirm(world)
    const drafts = await read(world)
    expect(drafts.map(({ method }) => method)).toContain('unauthenticated-device')
    expect(new Set(inTray(world).map((text) => text.split(' ')[0]))).toEqual(new Set(['not-enrolled']))
    expect(await code(sign(world, drafts))).toBe('DEVICE_NOT_ENROLLED')
    const count = world.vault.items.size
    await value(close(world))
    expect(world.vault.items.size).toBe(count)
  })

  it('gives live drafts in the same way', async () => {
    const world = await bedside({ enrolled: [] })
    await take(world)
    expect(inTray(world)).toEqual(['not-enrolled spo2', 'not-enrolled heart-rate'])
  })
})

describe('a live signal', () => {
  it('is told about ten times a second, with at most 256 points', async () => {
    const { client, captureId, spo2 } = await bedside()
    const times: number[] = []
    const stream = await client.capture.live({ captureId, connectionId: spo2 })
    await first(stream, (event) => {
      if (event.kind !== 'samples') return true
      times.push(event.atMs)
      expect(event.wave.length).toBeLessThanOrEqual(256)
      return event.atMs >= 3000
    })
    expect(times.length).toBeGreaterThan(24)
    expect(times.length).toBeLessThan(36)
  })

  it('keeps the range of each number with its value', async () => {
    const world = await bedside()
    const drafts = await take(world)
    for (const { quantities, window: range } of drafts) {
      const shown = Number(quantities[0]!.value)
      expect(range!.seconds).toBeGreaterThanOrEqual(5)
      expect([Number(range!.min) <= shown, shown <= Number(range!.max)]).toEqual([true, true])
    }
  })

  it('goes on while nobody listens, and is heard again', async () => {
    const world = await bedside()
    await settle(world)
    await until(() => true)
    expect(await code(world.client.capture.takeLive({ captureId: world.captureId, connectionId: world.spo2 }))).toBe(
      'ok',
    )
    await settle(world)
  })

  it('says nothing while locked, goes on, and speaks again', async () => {
    const world = await bedside()
    const stream = await world.client.capture.live({ captureId: world.captureId, connectionId: world.spo2 })
    const heard: number[] = []
    const listening = (async () => {
      for await (const event of stream) if (event.kind === 'samples') heard.push(event.atMs)
    })()
    await until(() => heard.length > 5)
    await value(world.client.session.lock({}))
    const before = heard.at(-1)!
    const count = heard.length
    await turns(200)
    // One may have been under way.
    expect(heard.length - count).toBeLessThanOrEqual(1)
    await value(world.client.session.signIn({ handle: nurse!.handle, pin: PIN }))
    await until(() => heard.length > count + 2)
    expect(heard.at(-1)! - before).toBeGreaterThan(1000)
    await value(close(world))
    await listening
  })

  it('ends with a code when the device goes away, and starts again when it is back', async () => {
    const world = await bedside()
    const request = { captureId: world.captureId, connectionId: world.spo2 }
    await settle(world)
    const stream = await world.client.capture.live(request)
    world.oximeter.present = false
    const end = await first(stream, ({ kind }) => kind === 'ended')
    expect(end).toEqual({ kind: 'ended', code: 'DEVICE_UNPLUGGED' })
    expect(await code(world.client.capture.takeLive(request))).toBe('DEVICE_NOT_CONNECTED')
    world.oximeter.present = true
    await world.hub.rescan()
    await settle(world)
  })

  it('ends when its capture does', async () => {
    const world = await bedside()
    const stream = await world.client.capture.live({ captureId: world.captureId, connectionId: world.spo2 })
    await first(stream)
    const again = await world.client.capture.live({ captureId: world.captureId, connectionId: world.spo2 })
    const ending = first(again, ({ kind }) => kind === 'ended')
    await value(close(world))
    expect(await ending).toEqual({ kind: 'ended', code: 'UNKNOWN_CAPTURE' })
    await until(() => world.hub.devices().every(({ status }) => status === 'ready'))
  })

  it('is taken over from a capture that a window forgot', async () => {
    const world = await bedside()
    const { client: reloaded, close: reload } = windowPort(world.core)
    await first(await reloaded.capture.live({ captureId: world.captureId, connectionId: world.spo2 }))
    reload()
    const next = { ...world, captureId: await open(world, per!.handle) }
    await settle(next)
  })

  it('is not taken away from a window that listens', async () => {
    const world = await bedside()
    const stream = await window(world.core).capture.live({ captureId: world.captureId, connectionId: world.spo2 })
    const iterator = stream[Symbol.asyncIterator]()
    await iterator.next()
    const other = await open(world, per!.handle)
    const refused = await all(world.client.capture.live({ captureId: other, connectionId: world.spo2 }))
    expect(refused).toEqual([{ kind: 'ended', code: 'DEVICE_BUSY' }])
    expect((await iterator.next()).value).toMatchObject({ kind: 'samples' })
    await iterator.return?.()
  })

  it('needs a finger and a steady stretch to be taken', async () => {
    const world = await bedside()
    const request = { captureId: world.captureId, connectionId: world.spo2 }
    const stream = await world.client.capture.live(request)
    await first(stream)
    const taken = await code(world.client.capture.takeLive(request))
    expect(['DEVICE_NO_FINGER', 'DEVICE_NOT_SETTLED']).toContain(taken)
  })

  it.each<[string, (world: World) => void]>([
    ['DEVICE_SILENT', ({ oximeter }) => void (oximeter.faults.silent = true)],
    ['DEVICE_PERMISSION', ({ oximeter }) => void (oximeter.faults.open = 'PERMISSION')],
    ['DEVICE_WRONG_MODEL', ({ oximeter }) => void (oximeter.faults.wrongModel = true)],
  ])('ends with %s', async (expected, spoil) => {
    const world = await bedside()
    spoil(world)
    const events = await all(world.client.capture.live({ captureId: world.captureId, connectionId: world.spo2 }))
    expect(events.at(-1)).toEqual({ kind: 'ended', code: expected })
  })
})

describe('a memory', () => {
  it('that is empty ends with DEVICE_EMPTY', async () => {
    const world = await bedside()
    world.memory.records = []
    const events = await all(world.client.capture.read({ captureId: world.captureId, connectionId: world.bp }))
    expect(events).toEqual([{ kind: 'ended', code: 'DEVICE_EMPTY' }])
  })

  it('that is read twice gives the same drafts', async () => {
    const world = await bedside()
    const ids = (drafts: Draft[]): string[] => drafts.map(({ draftId }) => draftId)
    expect(ids(await read(world))).toEqual(ids(await read(world)))
  })

  it('keeps what a second read-out no longer has: it goes to the tray like the rest', async () => {
    const world = await bedside()
    const first = await read(world)
    expect(first.length).toBeGreaterThan(1)
    world.memory.records = world.memory.records.slice(-1)
    expect((await read(world)).length).toBe(1)
    await value(close(world))
    expect([...world.vault.items.keys()].toSorted()).toEqual(first.map(({ draftId }) => draftId).toSorted())
  })

  it('is told after the session is unlocked, when it was read while locked', async () => {
    const world = await bedside()
    const gate = Promise.withResolvers<undefined>()
    world.vault.gates.set('draftsOf', gate.promise)
    const events: ReadEvent[] = []
    const reading = (async () => {
      for await (const event of await world.client.capture.read({ captureId: world.captureId, connectionId: world.bp }))
        events.push(event)
    })()
    await until(() => world.vault.calls.includes('draftsOf'))
    await value(world.client.session.lock({}))
    gate.resolve(undefined)
    await turns(50)
    expect(draftsIn(events)).toEqual([])
    await value(world.client.session.signIn({ handle: nurse!.handle, pin: PIN }))
    await reading
    expect(draftsIn(events).length).toBeGreaterThan(0)
  })

  it.each(['window leaves', 'capture closes'])('is given up when the %s', async (how) => {
    const world = await bedside()
    const givenUp = Promise.withResolvers<boolean>()
    // A memory that never ends: the virtual one is read in no time.
    world.hub.readMemory = async (_id, { signal, progress }) => {
      progress?.(1, 80)
      await until(() => signal.aborted)
      givenUp.resolve(true)
      throw new DeviceError('CANCELLED', 'given up')
    }
    const stream = await world.client.capture.read({ captureId: world.captureId, connectionId: world.bp })
    if (how === 'window leaves') await first(stream)
    else await value(close(world))
    expect(await givenUp.promise).toBe(true)
  })

  it('that was read although nobody waited any more is put aside', async () => {
    const world = await bedside()
    await first(await world.client.capture.read({ captureId: world.captureId, connectionId: world.bp }))
    await until(() => world.vault.calls.includes('draftsOf'))
    await value(close(world))
    await until(() => world.vault.items.size > 0)
  })

  it.each<[string, string]>([
    ['bp', 'DEVICE_SILENT'],
    ['spo2', 'DEVICE_EMPTY'],
    ['gone', 'DEVICE_NOT_CONNECTED'],
  ])('of %s ends with %s', async (which, expected) => {
    const world = await bedside()
    world.cuff.faults.silent = true
    const connectionId = which === 'bp' ? world.bp : which === 'spo2' ? world.spo2 : 'hid:gone'
    const events = await all(world.client.capture.read({ captureId: world.captureId, connectionId }))
    expect(events.at(-1)).toEqual({ kind: 'ended', code: expected })
  })
})

describe('open captures', () => {
  it('are eight at most: the one that was opened first is closed', async () => {
    const world = await bedside()
    const drafts = await read(world)
    for (let i = 0; i < 7; i++) await open(world)
    expect(world.vault.items.size).toBe(0)
    await open(world)
    expect([world.vault.items.size, await code(close(world))]).toEqual([drafts.length, 'UNKNOWN_CAPTURE'])
  })

  it('are not left behind by somebody who left while the patient was looked up', async () => {
    const world = await bedside()
    const gate = Promise.withResolvers<undefined>()
    world.vault.gates.set('patient', gate.promise)
    const opening = Array.from({ length: 8 }, () => world.client.capture.open({ handle: per!.handle }))
    await until(() => world.vault.calls.filter((name) => name === 'patient').length === 9)
    await value(world.client.session.lock({}))
    gate.resolve(undefined)
    expect(new Set(await Promise.all(opening.map((reply) => code(reply))))).toEqual(new Set(['NOT_SIGNED_IN']))
    // Eight that nobody knows of would have pushed out the one that was open.
    await value(world.client.session.signIn({ handle: nurse!.handle, pin: PIN }))
    await confirm(world)
    expect(await code(sign(world, [], [MANUAL]))).toBe('ok')
  })

  it('are never of another patient than was asked for', async () => {
    const world = await bedside()
    const right = world.vault.patient.bind(world.vault)
    world.vault.patient = () => right(ada!.handle)
    expect(await code(world.client.capture.open({ handle: per!.handle }))).toBe('RECORD_NOT_VERIFIED')
  })
})
