import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/ledger/hash.ts'
import { LedgerError } from '../../src/ledger/errors.ts'
import { emptyMirror, receivePackage } from '../../src/ledger/mirror.ts'
import { answersTo, type DataRequest } from '../../src/sync/answers.ts'
import { encodeMessage } from '../../src/sync/codec.ts'
import { FRAME_TARGET, MAX_FRAME } from '../../src/sync/limits.ts'
import type { Entries, Message } from '../../src/sync/messages.ts'
import { PackageStream } from '../../src/sync/package-stream.ts'
import { hasher } from '../../bench/simulate/keys.ts'
import { RawWorld } from './support/raw-peer.ts'
import { originOfSite } from './support/world.ts'

const origin = originOfSite(0)
const peer = { kind: 'node', site: 'sim.local/s0001', log: 'sim.local/s0001/n1' } as const

function worldWith(count: number, size: number): RawWorld {
  const world = new RawWorld()
  world.store.append(Array.from({ length: count }, (_, i) => utf8(`entry ${i}`.padEnd(size, '.'))))
  return world
}

const answer = (world: RawWorld, request: DataRequest): Message[] => [...answersTo(world.store, peer, request)]
const wantEntries = (size: number, from: number, to: number, maxBytes: number, skip = 0) =>
  ({ kind: 'want-entries', req: 3, origin, size, from, to, maxBytes, skip }) as const

describe('entries', () => {
  it('come as packages that prove themselves, in frames of the right size', () => {
    const world = worldWith(700, 900)
    const want = wantEntries(700, 0, 3, 2 ** 20)
    const messages = answer(world, want) as Entries[]
    const stream = new PackageStream(want)
    const head = world.store.checkHead(world.store.note(origin, 700)!)
    let state = { ...emptyMirror(origin), pending: head }
    for (const message of messages) {
      const bytes = encodeMessage(message).length
      expect(bytes).toBeLessThanOrEqual(FRAME_TARGET + 4096)
      const whole = stream.take(message)
      if (whole !== null) state = { ...receivePackage(hasher, state, whole).next, pending: head }
    }
    expect(state.stored).toBe(700)
    expect(messages.map(({ last }) => last)).toEqual(messages.map((_, i) => i === messages.length - 1))
  })

  it('stop before the package that does not fit any more', () => {
    const messages = answer(worldWith(700, 900), wantEntries(700, 0, 3, 256 * 900 + 10)) as Entries[]
    expect(new Set(messages.map((message) => message.package))).toEqual(new Set([0]))
    expect(messages.at(-1)?.last).toBe(true)
  })

  it('that the peer holds already do not come again, and what comes proves itself with them', () => {
    const world = worldWith(300, 900)
    const want = wantEntries(300, 1, 2, 2 ** 20, 40)
    const held = world.store.entryPackage(origin, 300, 1)!.entries.slice(0, 40)
    const messages = answer(world, want) as Entries[]
    expect(messages.flatMap(({ entries }) => entries)).toHaveLength(4)
    const stream = new PackageStream(want, held)
    const [whole] = messages.flatMap((message) => stream.take(message) ?? [])
    const head = world.store.checkHead(world.store.note(origin, 300)!)
    expect(receivePackage(hasher, { ...emptyMirror(origin), pending: head, stored: 296 }, whole!).entries).toHaveLength(
      4,
    )
  })

  it('of a package of which nothing is left to send are not held', () => {
    const refused = [{ kind: 'error', req: 3, code: 'NOT_HELD' }]
    expect(answer(worldWith(300, 10), wantEntries(300, 1, 2, 1000, 44))).toEqual(refused)
  })

  it('of a package that alone is larger than asked for are refused', () => {
    const refused = [{ kind: 'error', req: 3, code: 'TOO_LARGE' }]
    expect(answer(worldWith(256, 900), wantEntries(256, 0, 1, 1000))).toEqual(refused)
  })

  it('that fill a frame each are sent one by one', () => {
    const messages = answer(worldWith(3, 65_000), wantEntries(3, 0, 1, 2 ** 20))
    expect(messages.length).toBe(3)
    for (const message of messages) expect(encodeMessage(message).length).toBeLessThan(MAX_FRAME)
  })

  it.each([
    ['of a larger tree', wantEntries(9, 0, 1, 1000)],
    ['beyond the end', wantEntries(2, 1, 2, 1000)],
    ['of another log', { ...wantEntries(2, 0, 1, 1000), origin: 'sim.local/other/1' }],
  ])('%s are not held', (_, want) => {
    expect(answer(worldWith(2, 10), want)).toEqual([{ kind: 'error', req: 3, code: 'NOT_HELD' }])
  })

  it('that cannot be read are not held', () => {
    const world = worldWith(2, 10)
    world.store.entryPackage = () => {
      throw new LedgerError('TILE_DAMAGED', 'for this test')
    }
    expect(answer(world, wantEntries(2, 0, 1, 1000))).toEqual([{ kind: 'error', req: 3, code: 'NOT_HELD' }])
  })
})

it('proofs are given between sizes that are held', () => {
  const world = worldWith(5, 10)
  const want = { kind: 'want-consistency', req: 1, origin, older: 2, newer: 5 } as const
  expect(answer(world, want)).toEqual([{ kind: 'consistency', req: 1, proof: world.store.consistency(origin, 2, 5) }])
  const refused = [{ kind: 'error', req: 1, code: 'NOT_HELD' }]
  expect(answer(world, { ...want, newer: 6 })).toEqual(refused)
  expect(answer(world, { ...want, older: 0 })).toEqual(refused)
})

describe('payloads', () => {
  const want = { kind: 'want-payloads', req: 1, origin, from: 0, to: 5 } as const
  const row = (index: number, size: number) => {
    return { index, ciphertext: new Uint8Array(size), wrappedKey: new Uint8Array(72), salt: new Uint8Array(72) }
  }

  it('go to nobody who may not have them', () => {
    expect(answer(worldWith(5, 10), want)).toEqual([{ kind: 'error', req: 1, code: 'NOT_FOR_YOU' }])
  })

  it('are cut into frames, and end with one that says so', () => {
    const world = worldWith(5, 10)
    world.store.maySend = () => true
    world.store.payloads.set(origin, new Map([0, 1, 2, 4].map((i) => [i, row(i, 40_000)])))
    const messages = answer(world, want)
    const indexes = messages.flatMap((message) => (message.kind === 'payloads' ? message.rows.map((r) => r.index) : []))
    expect(indexes).toEqual([0, 1, 2, 4])
    expect(messages.map((message) => message.kind === 'payloads' && message.last)).toEqual([false, false, false, true])
    for (const message of messages) expect(encodeMessage(message).length).toBeLessThan(FRAME_TARGET + 1000)
  })

  it('that are not held make an empty answer', () => {
    const world = worldWith(5, 10)
    world.store.maySend = () => true
    expect(answer(world, want)).toEqual([{ kind: 'payloads', req: 1, last: true, rows: [], keys: [] }])
  })

  it('longer than a frame are left out', () => {
    const world = worldWith(5, 10)
    world.store.maySend = () => true
    world.store.payloads.set(origin, new Map([[0, row(0, 300_000)]]))
    expect(answer(world, want)).toEqual([{ kind: 'payloads', req: 1, last: true, rows: [], keys: [] }])
  })

  it('come after their keys: what is here already is not asked for again', () => {
    const world = worldWith(5, 10)
    const key = { subject: new Uint8Array(16), epoch: 1, recipient: new Uint8Array(32), sealed: new Uint8Array(80) }
    world.store.payloadsFor = () => ({ rows: [row(2, 10)], keys: [key] })
    expect(answer(world, want)).toMatchObject([
      { rows: [], keys: [key], last: false },
      { rows: [{ index: 2 }], keys: [], last: true },
    ])
  })

  it('bring keys in frames that hold as many as a message may', () => {
    const world = worldWith(5, 10)
    const key = { subject: new Uint8Array(16), epoch: 1, recipient: new Uint8Array(32), sealed: new Uint8Array(80) }
    world.store.payloadsFor = () => ({ rows: [], keys: Array.from({ length: 3000 }, () => key) })
    const messages = answer(world, want)
    const counts = messages.map((message) => (message.kind === 'payloads' ? message.keys.length : NaN))
    expect([counts.reduce((sum, n) => sum + n, 0), Math.max(...counts) <= 1024]).toEqual([3000, true])
    for (const message of messages) expect(encodeMessage(message).length).toBeLessThan(MAX_FRAME)
  })
})
