import { MessageChannel } from 'node:worker_threads'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ApiFailure } from '../../../src/main/core/failure.ts'
import { connect, serve } from '../../../src/main/core/worker-port.ts'
import { StoreError } from '../../../src/main/store/errors.ts'

interface Service {
  double(value: number): Promise<number>
  fail(kind: 'api' | 'store' | 'own'): Promise<void>
  never(): Promise<void>
  uncloneable(): Promise<unknown>
  /** Not a call: it gives no promise. */
  readonly name: string
}

class Real implements Service {
  readonly name = 'real'
  readonly #factor = 2
  double(value: number) {
    return Promise.resolve(value * this.#factor)
  }
  fail(kind: 'api' | 'store' | 'own'): Promise<void> {
    if (kind === 'api') throw new ApiFailure('PIN_LOCKED', { retryAfterS: 30, detail: 'pin', advice: 'Wait.' })
    if (kind === 'store') throw new StoreError('DUPLICATE_ENTRY', 'twice')
    throw new Error('bug: Okafor, Ada')
  }
  never() {
    return new Promise<void>(() => undefined)
  }
  uncloneable(): Promise<unknown> {
    return Promise.resolve(() => undefined)
  }
}

function pair() {
  const { port1, port2 } = new MessageChannel()
  const faults: unknown[] = []
  const events: unknown[] = []
  const send = serve(port1, new Real(), (error) => faults.push(error))
  const { remote, fail } = connect<Service>(port2, (event) => events.push(event))
  onTestFinished(() => port1.close())
  return { remote, fail, faults, events, send }
}

const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'none',
    (error: unknown) => {
      const { code, retryAfterS, detail, advice } = error as ApiFailure
      return [code, retryAfterS, detail, advice].filter((part) => part !== undefined).join(' ')
    },
  )

describe('calls between the threads', () => {
  it('get their own answers, whatever their order', async () => {
    const { remote } = pair()
    const values = Array.from({ length: 50 }, (_, i) => i)
    expect(await Promise.all(values.map((value) => remote.double(value)))).toEqual(values.map((value) => value * 2))
  })

  it.each([
    ['api', 'PIN_LOCKED 30 pin Wait.', 0],
    ['store', 'ALREADY_RECORDED', 0],
    ['own', 'INTERNAL', 1],
  ] as const)('fail with a code and no message: %s', async (kind, expected, faults) => {
    const world = pair()
    expect(await codeOf(world.remote.fail(kind))).toBe(expected)
    expect(world.faults).toHaveLength(faults)
  })

  it('that the service does not have, or whose answer cannot cross, are a fault', async () => {
    const { remote, faults } = pair()
    expect(await codeOf(remote.uncloneable())).toBe('INTERNAL')
    expect(await codeOf((remote as unknown as Record<string, () => Promise<void>>).nothing!())).toBe('INTERNAL')
    expect(faults).toHaveLength(2)
  })

  it('all fail when the other thread is gone, those under way and those to come', async () => {
    const { remote, fail } = pair()
    const waiting = remote.never()
    fail(new ApiFailure('STATE_UNKNOWN'))
    expect([await codeOf(waiting), await codeOf(remote.double(1))]).toEqual(['STATE_UNKNOWN', 'STATE_UNKNOWN'])
  })

  it('leave room for events', async () => {
    const { remote, events, send } = pair()
    send({ kind: 'ledger', size: 3 })
    await remote.double(1)
    expect(events).toEqual([{ kind: 'ledger', size: 3 }])
  })

  it('do not make the service a promise', async () => {
    const { remote } = pair()
    expect(await (await Promise.resolve(remote)).double(4)).toBe(8)
  })
})
