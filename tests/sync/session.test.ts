import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/ledger/hash.ts'
import { decodeMessage, encodeMessage } from '../../src/sync/codec.ts'
import type { SyncErrorCode } from '../../src/sync/errors.ts'
import { ANSWER_TIMEOUT_MS, MAX_BAD_ANSWERS, MAX_WANTS } from '../../src/sync/limits.ts'
import type { Message } from '../../src/sync/messages.ts'
import type { PeerIdentity } from '../../src/sync/ports.ts'
import { type Answer, type AskFailure, Session, type SessionHandler } from '../../src/sync/session.ts'
import { messagesOf } from './support/messages.ts'

const hello: Message = {
  kind: 'hello',
  version: 1,
  network: new Uint8Array(32),
  rosterVersion: 1,
  contractVersion: 1,
  site: 'a',
  log: 'a/n1',
  instance: new Uint8Array(16),
  role: 'node',
}

/** A session, what it sends, and what it says to the node. */
function make(isGreeted = true, who: PeerIdentity = { kind: 'node', site: 'a', log: 'a/n1' }) {
  const sent: Message[] = []
  const told: string[] = []
  const ended: (SyncErrorCode | null)[] = []
  const wire = {
    isFull: false,
    closed: 0,
    send: (bytes: Uint8Array) => {
      sent.push(decodeMessage(bytes))
      return !wire.isFull
    },
    close: () => {
      wire.closed++
    },
  }
  const handler: SessionHandler = {
    greeted: () => undefined,
    told: (_, message) => told.push(message.kind),
    answer: function* (_, request) {
      for (let i = 0; i < 3; i++) yield { kind: 'announce', note: `${request.kind} ${request.req} ${i}` }
    },
    closed: (_, why) => ended.push(why),
  }
  const session = new Session(who, wire, handler, 0)
  const say = (message: Message, nowMs = 0) => session.receive(encodeMessage(message), nowMs)
  if (isGreeted) say(hello)
  return { session, sent, told, ended, wire, say }
}

/** Asks for a proof, and keeps what comes of it. */
function ask(session: Session, nowMs = 0, over: object = {}) {
  const came: (Answer | AskFailure)[] = []
  session.ask(
    { kind: 'want-consistency', origin: 'a/1', older: 1, newer: 2 },
    {
      isWant: true,
      expects: 'consistency',
      part: (answer) => came.push(answer) > 0,
      failed: (why) => came.push(why),
      ...over,
    },
    nowMs,
  )
  return came
}

const consistency = (req: number): Message => ({ kind: 'consistency', req, proof: [] })

describe('a witness', () => {
  const witness: PeerIdentity = { kind: 'witness', site: 'a', log: 'a/w1' }
  const endOf = (message: Message) => {
    const { ended, say } = make(true, witness)
    say(message)
    return ended
  }

  it.each(['want-entries', 'want-payloads', 'want-cosignature', 'want-monitor', 'join-request'] as const)(
    'is hung up on for %s: it has no log, and is to see no entry',
    (kind) => {
      fc.assert(
        fc.property(messagesOf(kind), (message) => {
          expect(endOf(message)).toEqual(['OUT_OF_TURN'])
        }),
        { numRuns: 10 },
      )
    },
  )

  it.each(['have', 'heads', 'announce', 'evidence', 'governance', 'want-consistency', 'clone'] as const)(
    'may say %s',
    (kind) => {
      fc.assert(
        fc.property(messagesOf(kind), (message) => {
          expect(endOf(message)).toEqual([])
        }),
        { numRuns: 10 },
      )
    },
  )
})

describe('requests of ours', () => {
  it('are within the credits, and get their own answers', () => {
    const { session, say } = make()
    const all = Array.from({ length: MAX_WANTS }, () => ask(session))
    expect(session.hasCredit).toBe(false)
    expect(() => ask(session)).toThrow('bug')
    say(consistency(2))
    expect(all.map((came) => came.length)).toEqual([0, 1, 0, 0])
    expect(session.hasCredit).toBe(true)
  })

  it('fail when nothing comes for too long, and still count until the answer comes', () => {
    const { session, say, ended } = make()
    const came = ask(session)
    session.tick(ANSWER_TIMEOUT_MS)
    expect(came).toEqual(['TIMED_OUT'])
    expect(session.openWants).toBe(1)
    say(consistency(1), ANSWER_TIMEOUT_MS + 1)
    expect([came, session.openWants, ended]).toEqual([['TIMED_OUT'], 0, []])
  })

  it('fail once when the peer refuses, and when it is gone', () => {
    const { session, say } = make()
    const [refused, lost] = [ask(session), ask(session)]
    say({ kind: 'error', req: 1, code: 'BUSY' })
    session.lost()
    session.tick(1e9)
    expect([refused, lost]).toEqual([['BUSY'], ['GONE']])
  })

  it('take no answer of another kind, and none twice', () => {
    for (const messages of [
      [{ kind: 'monitored', req: 1, note: null }],
      [consistency(1), consistency(1)],
    ] as Message[][]) {
      const { session, say, ended } = make()
      ask(session)
      for (const message of messages) say(message)
      expect(ended).toEqual(['OUT_OF_TURN'])
    }
  })

  it('that come in parts have time for each part, and a limit for all of it', () => {
    const { session, say } = make()
    const came = ask(session, 0, { expects: 'entries', wholeMs: 50_000, part: () => false })
    const part: Message = {
      kind: 'entries',
      req: 1,
      package: 0,
      offset: 0,
      entries: [utf8('x')],
      proof: null,
      last: false,
    }
    for (const nowMs of [15_000, 30_000, 45_000]) {
      session.tick(nowMs)
      say(part, nowMs)
    }
    expect(came).toEqual([])
    session.tick(50_000)
    expect(came).toEqual(['TIMED_OUT'])
  })
})

describe('requests of the peer', () => {
  const want = (req: number): Message => ({ kind: 'want-consistency', req, origin: 'a/1', older: 1, newer: 2 })

  it('are answered one after another, while the wire takes it', () => {
    const { session, sent, wire, say } = make()
    wire.isFull = true
    say(want(1))
    say(want(2))
    expect(sent.length).toBe(1)
    for (let i = 0; i < 10; i++) session.drained()
    const notes = sent.map((message) => (message.kind === 'announce' ? message.note : ''))
    expect(notes).toEqual([1, 2].flatMap((req) => [0, 1, 2].map((i) => `want-consistency ${req} ${i}`)))
  })

  it('are forgotten when the session ends', () => {
    const { session, sent, wire, say } = make()
    wire.isFull = true
    say(want(1))
    session.close(null)
    session.drained()
    expect([sent.length, wire.closed]).toEqual([1, 1])
  })
})

describe('a session', () => {
  it('says nothing to the node before hello', () => {
    const { told, ended, say } = make(false)
    say({ kind: 'have', logs: [] })
    expect([told, ended]).toEqual([[], ['OUT_OF_TURN']])
  })

  it('passes on what may be said', () => {
    const { told, say } = make()
    say({ kind: 'have', logs: [] })
    say({ kind: 'announce', note: 'x' })
    expect(told).toEqual(['have', 'announce'])
  })

  it('ends once, whoever ends it', () => {
    const { session, ended, wire, say } = make()
    say({ kind: 'bye' })
    session.close('FLOOD')
    session.lost()
    say({ kind: 'bye' })
    expect([ended, wire.closed]).toEqual([[null], 1])
  })

  it('asks a peer that gave a bad answer again later, and hangs up after many', () => {
    const { session, ended } = make()
    session.blame('a/1', 1000)
    expect([
      session.isTrustedWith('a/1', 999),
      session.isTrustedWith('a/1', 1000),
      session.isTrustedWith('b/1', 0),
    ]).toEqual([false, true, true])
    for (let i = 1; i < MAX_BAD_ANSWERS; i++) session.blame('a/1', 1000)
    expect(ended).toEqual(['BAD_ANSWER'])
  })

  it('asks a slow peer for less, and a fast one for more', () => {
    const { session } = make()
    const first = session.wantBytes
    session.slower()
    expect(session.wantBytes).toBe(first / 2)
    for (let i = 0; i < 20; i++) session.slower()
    const least = session.wantBytes
    for (let i = 0; i < 20; i++) session.faster()
    expect([least, session.wantBytes]).toEqual([32 * 1024, 1024 * 1024])
  })
})
