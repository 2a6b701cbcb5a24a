/**
 * Nothing that another node sends is read without being tried here: a decoder, or a kind of message, that is added without
 * a case fails this file.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeCbor } from '../../src/ledger/cbor.ts'
import { utf8 } from '../../src/ledger/hash.ts'
import { fromBase32 } from '../../src/sync/base32.ts'
import { decodeMessage, encodeMessage } from '../../src/sync/codec.ts'
import { SyncError } from '../../src/sync/errors.ts'
import { FrameReader } from '../../src/sync/frames.ts'
import { decodeInvitation, INVITATION_PREFIX } from '../../src/sync/invitation.ts'
import { decodeJoinAnswer, decodeJoinRequest } from '../../src/sync/join.ts'
import { decodePeopleAnswer, decodePeopleRequest } from '../../src/sync/site-people.ts'
import { votesIn } from '../../src/sync/votes.ts'
import { runs } from '../support/budget.ts'
import { MESSAGE_KINDS, messagesOf } from './support/messages.ts'
import { RawPeer, RawWorld } from './support/raw-peer.ts'

const SOURCES = join(import.meta.dirname, '../../src/sync')
/** What takes bytes or a text from outside: a function of one of these, or a class that is fed with pieces. */
const TAKES_RAW =
  /^export (?:function\*? (\w+)\(\s*(?:bytes|body|text|note): (?:Uint8Array|string)|class (\w+Reader))/gm
/** Only writes. */
const ENCODERS = ['toBase32']

/** Reads anything: gives whatever it is, or throws a coded error of this area. */
const DECODERS: Record<string, (bytes: Uint8Array, text: string) => unknown> = {
  decodeMessage,
  decodeJoinRequest,
  decodeJoinAnswer,
  decodePeopleRequest,
  decodePeopleAnswer,
  decodeInvitation: (_, text) => decodeInvitation(text),
  fromBase32: (_, text) => fromBase32(text),
  votesIn: (_, text) => votesIn(text, 'test.local/a/n1/1'),
  FrameReader: (bytes) => {
    const reader = new FrameReader()
    for (let at = 0; at < bytes.length; at += 7) reader.push(bytes.subarray(at, at + 7))
    return reader.held
  },
}

it('every decoder of the area is known here', () => {
  const files = readdirSync(SOURCES).map((file) => readFileSync(join(SOURCES, file), 'utf8'))
  const found = files.flatMap((source) =>
    [...source.matchAll(TAKES_RAW)].map(([, name, reader]) => name ?? reader ?? ''),
  )
  expect(found.filter((name) => !ENCODERS.includes(name)).toSorted()).toEqual(Object.keys(DECODERS).toSorted())
})

const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  // Well formed as far as the first layer goes.
  fc
    .array(fc.oneof(fc.nat(), fc.string({ maxLength: 20 }), fc.uint8Array({ maxLength: 40 })))
    .map((items) => encodeCbor(items)),
)
const anyText = fc.oneof(
  fc.string({ maxLength: 300, unit: 'binary' }),
  fc.string({ maxLength: 300 }).map((rest) => INVITATION_PREFIX + rest),
)

it.each(Object.keys(DECODERS))('%s reads anything, or says with a code why not', (name) => {
  fc.assert(
    fc.property(anyBytes, anyText, (bytes, text) => {
      try {
        DECODERS[name]?.(bytes, text)
      } catch (error) {
        expect(error).toBeInstanceOf(SyncError)
      }
    }),
    { numRuns: runs(1000, 50_000) },
  )
})

it('every number of a message is one of a kind that is tried here, or refused', () => {
  const numberOf = (bytes: Uint8Array) => ((bytes[1] ?? 0) === 0x18 ? bytes[2] : bytes[1])
  const tried = MESSAGE_KINDS.map((kind) =>
    numberOf(encodeMessage(fc.sample(messagesOf(kind), { numRuns: 1, seed: 1 })[0]!)),
  )
  expect(new Set(tried).size).toBe(MESSAGE_KINDS.length)
  for (let number = 0; number < 300; number++) {
    if (tried.includes(number)) continue
    // Whatever else is in it: the number alone is refused.
    for (const rest of [[], [1], [1, 'x'], [new Uint8Array(16)]])
      expect(() => decodeMessage(encodeCbor([number, ...rest]))).toThrow(/message.*unknown/)
  }
})

/** How far a session has come when something is said that should not be. */
const STAGES: Record<string, (world: RawWorld) => RawPeer> = {
  'before a hello': (world) => new RawPeer(world, 1),
  'after it': (world) => new RawPeer(world, 1).greet(),
  'without reading': (world) => Object.assign(new RawPeer(world, 1).greet(), { isReading: false }),
  'as a guest': (world) => {
    const guest = new RawPeer(world, 1, 1, { kind: 'guest', transportKey: new Uint8Array(32) })
    guest.say(guest.hello({ site: 'new.local/x', log: 'new.local/x/n1' }))
    return guest
  },
}

/** What is stored, in short. */
function storedIn({ store }: RawWorld): string {
  const logs = [...store.logs.values()].map((log) => [log.origin, log.digest(), log.state.stored, log.final])
  return JSON.stringify([logs.filter(([, , stored]) => stored !== 0), [...store.proofs.keys()]])
}

describe.each(Object.keys(STAGES))('said to a session %s', (stage) => {
  it.each(MESSAGE_KINDS)('any message of kind %s changes nothing, and others go on', (kind) => {
    fc.assert(
      fc.property(fc.array(messagesOf(kind), { minLength: 1, maxLength: 4 }), (messages) => {
        const world = new RawWorld()
        world.store.append([utf8('one'), utf8('two')])
        // Documents are any bytes in this store, and not what is tried here.
        world.store.addGovernance = () => false
        const before = storedIn(world)
        const peer = STAGES[stage]!(world)
        for (const message of messages) peer.say(message)
        world.pass(2000)
        expect(storedIn(world)).toBe(before)
        const other = new RawPeer(world, 2, 2).greet()
        expect(other.end).toBeUndefined()
        expect(other.sent.length).toBeGreaterThan(0)
      }),
      { numRuns: runs(6, 300) },
    )
  })
})
