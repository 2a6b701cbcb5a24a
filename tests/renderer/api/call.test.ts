import { ORPCError } from '@orpc/client'
import { describe, expect, it } from 'vitest'
import { call, follow } from '../../../src/renderer/api/call.ts'
import { connectApi, provideApi } from '../../../src/renderer/api/client.ts'
import type { ConnectionEvents } from '../../../src/renderer/api/transport.ts'
import { FakeCore, fakeApi } from '../../support/fake-api.ts'

describe('call', () => {
  it('gives the value, or the code of the core', async () => {
    const core = new FakeCore({ signedInAs: 1 })
    provideApi(fakeApi(core))
    expect(await call((client) => client.session.practitioners({}))).toEqual({ ok: true, value: core.practitioners })
    core.failures.set('session.practitioners', 'DATABASE_DAMAGED')
    expect(await call((client) => client.session.practitioners({}))).toMatchObject({
      ok: false,
      code: 'DATABASE_DAMAGED',
    })
  })

  it('says INVALID_REQUEST when the request does not fit the contract', async () => {
    provideApi(fakeApi(new FakeCore()))
    const reply = await call((client) => client.session.signIn({ handle: 'not a handle', pin: '1' }))
    expect(reply).toEqual({ ok: false, code: 'INVALID_REQUEST' })
  })

  it('says INTERNAL when the core throws, and OFFLINE when it is not reached', async () => {
    const core = new FakeCore()
    const api = fakeApi(core)
    provideApi(api)
    core.gates.set('session.current', Promise.reject(new Error('bug: test')))
    expect(await call((client) => client.session.current({}))).toEqual({ ok: false, code: 'INTERNAL' })
    api.state.value = 'offline'
    expect(await call((client) => client.session.current({}))).toEqual({ ok: false, code: 'OFFLINE' })
  })
})

describe('connectApi', () => {
  it('follows the transport: connecting, online, offline, online', async () => {
    let events: ConnectionEvents | null = null
    const api = connectApi((given) => {
      events = given
      return () => undefined
    })
    provideApi(api)
    expect(api.state.value).toBe('connecting')
    expect(await call((client) => client.session.current({}))).toEqual({ ok: false, code: 'OFFLINE' })
    const link = { call: () => Promise.resolve({ ok: true, value: null }) }
    const told = events as ConnectionEvents | null
    told?.opened(link)
    expect(api.state.value).toBe('online')
    expect(await call((client) => client.session.current({}))).toEqual({ ok: true, value: null })
    told?.closed()
    expect(api.state.value).toBe('offline')
    expect(await call((client) => client.session.current({}))).toEqual({ ok: false, code: 'OFFLINE' })
    told?.opened(link)
    expect(api.state.value).toBe('online')
  })
})

describe('follow', () => {
  it('hands over every event and ends with the stream', async () => {
    provideApi(fakeApi(new FakeCore({ pause: () => Promise.resolve() })))
    const kinds: string[] = []
    const ended = await follow(
      (client, options) => client.ledger.verifyAll({}, options),
      (event) => kinds.push(event.kind),
      new AbortController().signal,
    )
    expect(ended).toBeNull()
    expect(kinds.at(-1)).toBe('done')
  })

  it.each([
    ['BAD_BACKUP', 'BAD_BACKUP'],
    ['BAD_REQUEST', 'INVALID_REQUEST'],
    ['NO_SUCH_CODE', 'INTERNAL'],
  ])('names why a stream broke with %s', async (thrown, code) => {
    provideApi(fakeApi(new FakeCore()))
    const broken = () => Promise.reject(new ORPCError(thrown))
    expect(await follow(broken, () => undefined, new AbortController().signal)).toEqual({ ok: false, code })
  })

  it('stops at once when aborted', async () => {
    provideApi(fakeApi(new FakeCore()))
    const abort = new AbortController()
    const kinds: string[] = []
    const ended = await follow(
      (client, options) => client.system.events({}, options),
      (event) => {
        kinds.push(event.kind)
        if (kinds.length === 2) abort.abort()
      },
      abort.signal,
    )
    expect(ended).toBeNull()
    expect(kinds).toEqual(['status', 'session'])
  })
})
