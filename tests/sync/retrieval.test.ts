import { describe, expect, it } from 'vitest'
import { decodeMessage, encodeMessage } from '../../src/sync/codec.ts'
import type { SyncErrorCode } from '../../src/sync/errors.ts'
import type { Message } from '../../src/sync/messages.ts'
import { askForPackage, askForPayload, type Retrieved } from '../../src/sync/retrieval.ts'
import { Session } from '../../src/sync/session.ts'

const hello: Message = {
  ...{ kind: 'hello', version: 1, network: new Uint8Array(32), rosterVersion: 1, contractVersion: 1 },
  ...{ site: 'a', log: 'a/n1', instance: new Uint8Array(16), role: 'node' },
}
const bytes = (...of: number[]) => Uint8Array.from(of)
const row = (index: number) => ({ index, ciphertext: bytes(1), wrappedKey: bytes(2), salt: bytes(3) })

/** A session, what it asked, and how it ended. */
function make() {
  const sent: Message[] = []
  const ended: (SyncErrorCode | null)[] = []
  const wire = { send: (message: Uint8Array) => sent.push(decodeMessage(message)) > 0, close: () => undefined }
  const handler = {
    ...{
      greeted: () => undefined,
      told: () => undefined,
      closed: (_: Session, why: SyncErrorCode | null) => ended.push(why),
    },
    *answer(): Generator<Message> {
      yield* []
    },
  }
  const session = new Session({ kind: 'node', site: 'a', log: 'a/n1' }, wire, handler, 0)
  const say = (message: Message, nowMs = 0) => session.receive(encodeMessage(message), nowMs)
  say(hello)
  const answers: Retrieved<unknown>[] = []
  const done = (answer: Retrieved<unknown>) => void answers.push(answer)
  return { session, sent, ended, say, answers, done }
}

const entries = { kind: 'entries', req: 1, package: 2 } as const

describe('a package of a damaged log', () => {
  const want = { origin: 'a/1', size: 520, index: 2 }

  it('is asked for alone, and given out when it is whole', () => {
    const { session, sent, say, answers, done } = make()
    askForPackage(session, want, 0, done)
    expect(sent).toMatchObject([{ kind: 'want-entries', origin: 'a/1', size: 520, from: 2, to: 3, skip: 0 }])
    say({ ...entries, offset: 0, entries: [bytes(1), bytes(2)], proof: null, last: false })
    expect(answers).toEqual([])
    say({ ...entries, offset: 2, entries: [bytes(3)], proof: [], last: true })
    expect(answers).toEqual([{ value: [bytes(1), bytes(2), bytes(3)], failed: null }])
  })

  it('ends the session with whoever sends another one, or ends inside it', () => {
    const parts = [
      { ...entries, package: 1, offset: 0, entries: [bytes(1)], proof: [], last: true },
      { ...entries, offset: 0, entries: [bytes(1)], proof: [], last: false },
    ] as const
    for (const part of parts) {
      const { session, ended, say, answers, done } = make()
      askForPackage(session, want, 0, done)
      say(part)
      expect(ended).toEqual(['BAD_ANSWER'])
      expect(answers.at(-1)?.failed ?? null).toBe(answers[0]?.value == null ? 'GONE' : null)
      expect(answers).toHaveLength(1)
    }
  })

  it('is waited for no longer than the session waits', () => {
    const { session, answers, done } = make()
    askForPackage(session, want, 0, done)
    session.tick(60_001)
    session.lost()
    expect(answers).toEqual([{ value: null, failed: 'TIMED_OUT' }])
  })
})

describe('the payload of an entry', () => {
  const want = { origin: 'a/1', index: 7 }
  const key = { subject: new Uint8Array(16), epoch: 1, recipient: new Uint8Array(32), sealed: new Uint8Array(80) }

  it('comes with its keys', () => {
    const { session, sent, say, answers, done } = make()
    askForPayload(session, want, 0, done)
    expect(sent).toMatchObject([{ kind: 'want-payloads', origin: 'a/1', from: 7, to: 8 }])
    say({ kind: 'payloads', req: 1, last: false, rows: [], keys: [key] })
    say({ kind: 'payloads', req: 1, last: true, rows: [row(7)], keys: [] })
    expect(answers).toEqual([{ value: { row: row(7), keys: [key] }, failed: null }])
  })

  it('may be missing, or not be given', () => {
    const { session, say, answers, done } = make()
    askForPayload(session, want, 0, done)
    say({ kind: 'payloads', req: 1, last: true, rows: [], keys: [] })
    askForPayload(session, want, 0, done)
    say({ kind: 'error', req: 2, code: 'NOT_FOR_YOU' })
    expect(answers).toEqual([
      { value: { row: null, keys: [] }, failed: null },
      { value: null, failed: 'NOT_FOR_YOU' },
    ])
  })

  it('ends the session with whoever sends another, two, or keys without end', () => {
    const many = Array.from({ length: 65 }, () => key)
    for (const { rows, keys } of [
      { rows: [row(8)], keys: [] },
      { rows: [], keys: many },
    ]) {
      const { session, ended, say, answers, done } = make()
      askForPayload(session, want, 0, done)
      say({ kind: 'payloads', req: 1, last: false, rows, keys })
      expect(ended).toEqual(['BAD_ANSWER'])
      expect(answers).toEqual([{ value: null, failed: 'GONE' }])
    }
  })
})
