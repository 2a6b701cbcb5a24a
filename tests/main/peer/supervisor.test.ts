import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Supervisor } from '../../../src/main/peer/supervisor.ts'

/** A world in which time passes only when told to. */
function world(random = 0.5) {
  let now = 0
  let timers: { at: number; act: () => void }[] = []
  const dials: { at: number; peer: string; addresses: readonly string[] }[] = []
  const up = new Set<string>()
  let answer: (peer: string) => Promise<void> = () => Promise.reject(new Error('connect ECONNREFUSED'))
  const supervisor = new Supervisor({
    dial: (peer, { addresses }) => {
      dials.push({ at: now, peer, addresses })
      return answer(peer)
    },
    isConnected: (peer) => up.has(peer),
    now: () => now,
    random: () => random,
    after: (ms, act) => {
      const timer = { at: now + ms, act }
      timers.push(timer)
      return () => void (timers = timers.filter((each) => each !== timer))
    },
  })
  const settle = async () => {
    for (let i = 0; i < 10; i++) await Promise.resolve()
  }
  /** Lets `ms` pass, timer by timer. */
  const pass = async (ms: number) => {
    const end = now + ms
    for (;;) {
      const next = timers.toSorted((a, b) => a.at - b.at)[0]
      if (next === undefined || next.at > end) break
      timers = timers.filter((each) => each !== next)
      now = next.at
      next.act()
      await settle()
    }
    now = end
  }
  return { supervisor, dials, up, pass, answers: (how: typeof answer) => (answer = how), pending: () => timers.length }
}

const route = (...addresses: string[]) => ({ addresses, via: [] })
const pauses = (dials: { at: number }[]) => dials.slice(1).map(({ at }, i) => at - dials[i]!.at)

describe('a wanted peer that does not answer', () => {
  it('is dialled again after pauses that double up to a minute, for ever', async () => {
    const { supervisor, dials, pass } = world(1 - Number.EPSILON)
    supervisor.want('a', route('/x'))
    await pass(24 * 3600_000)
    expect(pauses(dials).slice(0, 9).map(Math.round)).toEqual([
      500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000,
    ])
    expect(dials.length).toBeGreaterThan(24 * 60)
    expect(supervisor.lastFailure('a')).toBe('REFUSED')
  })

  it('is dialled by each node at its own time: pauses scatter over half their length', () =>
    fc.assert(
      fc.asyncProperty(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), async (random) => {
        const { supervisor, dials, pass } = world(random)
        supervisor.want('a', route('/x'))
        await pass(600_000)
        for (const [i, pause] of pauses(dials).entries()) {
          const whole = Math.min(60_000, 500 * 2 ** i)
          expect(pause).toBeGreaterThanOrEqual(whole / 2)
          expect(pause).toBeLessThanOrEqual(whole)
        }
      }),
    ))

  it('is tried soon when another line is back, once in a while, unless it had refused', async () => {
    const { supervisor, dials, pass, answers } = world()
    answers((peer) => Promise.reject(new Error(peer === 'a' ? 'connect ETIMEDOUT' : 'connect ECONNREFUSED')))
    supervisor.want('a', route('/x'))
    supervisor.want('b', route('/y'))
    await pass(3600_000)
    dials.length = 0
    for (let n = 0; n < 5; n++) supervisor.connected('c')
    await pass(1000)
    expect(dials.map(({ peer }) => peer)).toEqual(['a'])
  })

  it('is tried at once at an address that is new, and not at one that is known', async () => {
    const { supervisor, dials, pass } = world()
    supervisor.want('a', route('/x'))
    await pass(300_000)
    const before = dials.length
    supervisor.want('a', route('/x'))
    await pass(0)
    expect(dials.length).toBe(before)
    supervisor.want('a', route('/x', '/y'))
    await pass(0)
    expect(dials.at(-1)).toMatchObject({ addresses: ['/x', '/y'] })
    expect(dials.length).toBe(before + 1)
  })

  it('is left alone when it is wanted no more, and when everything stops', async () => {
    const { supervisor, dials, pass, pending } = world()
    supervisor.want('a', route('/x'))
    supervisor.want('b', route('/y'))
    supervisor.drop('a')
    await pass(1000)
    supervisor.stop()
    const before = dials.length
    await pass(3600_000)
    expect([dials.length, pending(), dials.some(({ peer }) => peer === 'a')]).toEqual([before, 0, false])
  })

  it('is tried at once through a relay that comes back, if it is reached through that one', async () => {
    const { supervisor, dials, pass } = world()
    supervisor.want('a', { addresses: [], via: ['relay'] })
    supervisor.want('b', { addresses: [], via: ['other relay'] })
    await pass(600_000)
    const before = dials.length
    supervisor.relayConnected('relay')
    await pass(0)
    expect(dials.slice(before).map(({ peer }) => peer)).toEqual(['a'])
  })

  it('without any way to it costs nothing', async () => {
    const { supervisor, dials, pass, pending } = world()
    supervisor.want('a', route())
    await pass(1000)
    expect([dials.length, pending()]).toEqual([0, 0])
  })
})

describe('a connection that is lost', () => {
  /** Connects at each dial, loses it after it held `heldMs`, five times: how long each pause was. */
  async function pausesAfter(heldMs: number, isConfirmed: boolean) {
    const { supervisor, dials, up, pass, answers } = world(1 - Number.EPSILON)
    answers((peer) => {
      up.add(peer)
      supervisor.connected(peer)
      if (isConfirmed) supervisor.confirmed(peer)
      return Promise.resolve()
    })
    supervisor.want('a', route('/x'))
    await pass(0)
    for (let round = 1; round <= 5; round++) {
      await pass(heldMs)
      up.delete('a')
      supervisor.lost('a')
      while (dials.length === round) await pass(10)
    }
    return { pauses: pauses(dials).map((pause) => Math.round(pause - heldMs)), failure: supervisor.lastFailure('a') }
  }

  it('is dialled soon again each time, when it had held', async () => {
    expect(await pausesAfter(40_000, true)).toEqual({ pauses: [500, 500, 500, 500, 500], failure: null })
  })

  it('is not dialled more and more often when the peer hangs up at once', async () => {
    const { pauses } = await pausesAfter(0, true)
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000])
  })

  it('before the peer had answered was a refusal', async () => {
    expect((await pausesAfter(0, false)).failure).toBe('HUNG_UP')
  })
})
