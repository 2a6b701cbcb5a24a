import { describe, expect, it } from 'vitest'
import { ApiFailure } from '../../../src/main/core/failure.ts'
import { SessionKeeper } from '../../../src/main/core/session-keeper.ts'
import type { Session } from '../../../src/shared/api/schemas.ts'
import { PRACTITIONERS } from '../../support/fake-data.ts'

const [physician, nurse] = PRACTITIONERS

/** A keeper over a vault that knows whose key it holds, with a clock of our own. */
function world() {
  const timers: { atMs: number; fire: () => void; stopped: boolean }[] = []
  const changes: (Session | null)[] = []
  const faults: unknown[] = []
  const now = { monotonicMs: 0, wallMs: 1_700_000_000_000 }
  const vault = { key: null as string | null, gate: Promise.resolve(undefined), wipeFails: false, log: [] as string[] }
  const keeper = new SessionKeeper(
    {
      signIn: async (handle, pin) => {
        await vault.gate
        vault.log.push(`in ${handle.slice(-2)}`)
        const practitioner = PRACTITIONERS.find((one) => one.handle === handle)
        if (practitioner === undefined || pin !== '4711') throw new ApiFailure('WRONG_PIN')
        vault.key = handle
        return practitioner
      },
      signOut: async () => {
        vault.log.push('out')
        if (vault.wipeFails) throw new Error('no')
        vault.key = null
        return Promise.resolve()
      },
      changed: (session) => changes.push(session),
      timer: (ms, fire) => {
        const timer = { atMs: now.monotonicMs + ms, fire, stopped: false }
        timers.push(timer)
        return () => (timer.stopped = true)
      },
      now: () => ({ ...now }),
      fault: (error) => faults.push(error),
    },
    180,
  )
  const running = () => timers.filter(({ stopped }) => !stopped)
  /** The clocks go on; timers that are due by the monotonic one fire. */
  const pass = async (monotonicMs: number, wallMs = monotonicMs) => {
    const endMs = now.monotonicMs + monotonicMs
    const offMs = now.wallMs + wallMs - endMs
    for (;;) {
      const [due] = running().filter(({ atMs }) => atMs <= endMs)
      now.monotonicMs = due?.atMs ?? endMs
      now.wallMs = now.monotonicMs + offMs
      if (due === undefined) break
      due.stopped = true
      due.fire()
    }
    await new Promise((done) => setImmediate(done))
  }
  return { keeper, vault, changes, running, faults, timers, pass }
}

const stateOf = ({ keeper, vault }: ReturnType<typeof world>) => ({
  who: keeper.current?.practitioner.handle ?? null,
  locked: keeper.current?.locked ?? null,
  may: keeper.active?.handle ?? null,
  key: vault.key,
})

const NOBODY = { who: null, locked: null, may: null, key: null }
const OPEN = { who: nurse!.handle, locked: false, may: nurse!.handle, key: nurse!.handle }
const LOCKED = { who: nurse!.handle, locked: true, may: null, key: null }

describe('a session', () => {
  it('goes from nobody to somebody, locked and back, to nobody', async () => {
    const all = world()
    const { keeper } = all
    const states = [stateOf(all)]
    await keeper.signIn(nurse!.handle, '4711')
    states.push(stateOf(all))
    await keeper.lock()
    states.push(stateOf(all))
    await keeper.signIn(nurse!.handle, '4711')
    states.push(stateOf(all))
    await keeper.signOut()
    states.push(stateOf(all))
    expect(states).toEqual([NOBODY, OPEN, LOCKED, OPEN, NOBODY])
    expect(all.changes.map((session) => session?.locked ?? null)).toEqual([false, true, false, null])
  })

  it('stays as it was when a PIN is wrong', async () => {
    const all = world()
    await all.keeper.signIn(nurse!.handle, '4711')
    await expect(all.keeper.signIn(physician!.handle, '0000')).rejects.toThrow(ApiFailure)
    expect(stateOf(all)).toEqual(OPEN)
  })

  it('is hidden before the key is wiped', async () => {
    const all = world()
    await all.keeper.signIn(nurse!.handle, '4711')
    const locking = all.keeper.lock()
    expect([all.keeper.active, all.changes.at(-1)?.locked]).toEqual([null, true])
    await locking
  })

  it('is not opened by a PIN that was being checked when the workstation was locked', async () => {
    for (const leave of ['lock', 'signOut'] as const) {
      const all = world()
      const gate = Promise.withResolvers<undefined>()
      all.vault.gate = gate.promise
      const signingIn = all.keeper.signIn(nurse!.handle, '4711')
      await new Promise((done) => setImmediate(done))
      await all.keeper[leave]()
      gate.resolve(undefined)
      await expect(signingIn).rejects.toMatchObject({ code: 'NOT_SIGNED_IN' })
      expect(stateOf(all)).toEqual(NOBODY)
    }
  })

  it('belongs to the last of two who sign in at once, and so does the key', async () => {
    const all = world()
    // The first PIN takes longer to check than the second.
    const gate = Promise.withResolvers<undefined>()
    all.vault.gate = gate.promise
    const slow = all.keeper.signIn(physician!.handle, '4711')
    await new Promise((done) => setImmediate(done))
    all.vault.gate = Promise.resolve(undefined)
    const fast = all.keeper.signIn(nurse!.handle, '4711')
    await new Promise((done) => setImmediate(done))
    gate.resolve(undefined)
    await Promise.all([slow, fast])
    expect(stateOf(all)).toEqual(OPEN)
    expect(all.vault.log).toEqual([`in ${physician!.handle.slice(-2)}`, `in ${nurse!.handle.slice(-2)}`])
  })
})

describe('the idle clock', () => {
  it('runs from signing in, starts again with activity, and locks', async () => {
    const all = world()
    await all.keeper.signIn(nurse!.handle, '4711')
    await all.pass(179_999)
    expect(stateOf(all)).toEqual(OPEN)
    all.keeper.activity()
    await all.pass(179_999)
    expect(stateOf(all)).toEqual(OPEN)
    await all.pass(1)
    expect(stateOf(all)).toEqual(LOCKED)
    expect(all.running()).toHaveLength(0)
  })

  it('counts the hours in which the computer slept: nobody may act on waking, and touching it opens nothing', async () => {
    const all = world()
    await all.keeper.signIn(nurse!.handle, '4711')
    await all.pass(0, 8 * 3_600_000)
    expect(all.keeper.active).toBe(null)
    all.keeper.activity()
    expect(all.keeper.active).toBe(null)
    await all.pass(1000)
    expect(stateOf(all)).toEqual(LOCKED)
    await all.keeper.signIn(nurse!.handle, '4711')
    expect(stateOf(all)).toEqual(OPEN)
  })

  it('is not stopped by setting the clock back', async () => {
    const all = world()
    await all.keeper.signIn(nurse!.handle, '4711')
    await all.pass(180_000, -86_400_000)
    expect(stateOf(all)).toEqual(LOCKED)
  })

  it('does not run while locked or while nobody is signed in', async () => {
    const all = world()
    all.keeper.activity()
    expect(all.timers).toHaveLength(0)
    await all.keeper.signIn(nurse!.handle, '4711')
    await all.keeper.lock()
    all.keeper.activity()
    expect(all.running()).toHaveLength(0)
    await all.keeper.signIn(nurse!.handle, '4711')
    await all.keeper.signOut()
    expect(all.running()).toHaveLength(0)
  })

  it('hides everything even when the key cannot be wiped, and reports that', async () => {
    const all = world()
    await all.keeper.signIn(nurse!.handle, '4711')
    all.vault.wipeFails = true
    await all.pass(180_000)
    expect([all.keeper.active, all.faults.length]).toEqual([null, 1])
  })

  it('ends when its practitioner may sign nothing any more, locked or not', async () => {
    for (const isLocked of [false, true]) {
      const all = world()
      await all.keeper.signIn(nurse!.handle, '4711')
      if (isLocked) await all.keeper.lock()
      await all.keeper.endOf(physician!.handle)
      expect(stateOf(all)).toEqual(isLocked ? LOCKED : OPEN)
      await all.keeper.endOf(nurse!.handle)
      expect(stateOf(all)).toEqual(NOBODY)
    }
  })
})
