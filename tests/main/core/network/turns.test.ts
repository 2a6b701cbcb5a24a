import { describe, expect, it } from 'vitest'
import { LocalCalls } from '../../../../src/main/core/local-calls.ts'
import { Turns } from '../../../../src/main/core/network/turns.ts'

/** Turns with an event loop and a clock that a test moves by hand. */
class World {
  nowMs = 0
  readonly local = new LocalCalls()
  readonly done: string[] = []
  /** Parts of work left, and how long each takes. */
  left = 0
  partMs = 0
  #soon: (() => void)[] = []
  #later: { readonly run: () => void; readonly atMs: number }[] = []
  readonly turns = new Turns<string>({
    local: this.local,
    hasWork: () => this.left > 0,
    work: () => {
      this.left -= 1
      this.nowMs += this.partMs
      this.done.push('work')
    },
    nowMs: () => this.nowMs,
    soon: (run) => this.#soon.push(run),
    later: (run, ms) => this.#later.push({ run, atMs: this.nowMs + ms }),
  })

  /** Everything that is due now, once: false when nothing was. */
  loop(): boolean {
    const due = this.#soon
    this.#soon = []
    for (const run of due) run()
    return due.length > 0
  }

  /** Loops until nothing is due any more. */
  settle(): void {
    while (this.loop());
  }

  /** Lets time pass. */
  pass(ms: number): void {
    this.nowMs += ms
    const due = this.#later.filter(({ atMs }) => atMs <= this.nowMs)
    this.#later = this.#later.filter(({ atMs }) => atMs > this.nowMs)
    for (const { run } of due) run()
  }

  /** A peer says something whose handling takes so many ms. */
  say(peer: string, what: string, ms = 0): Promise<void> {
    return this.turns.add(peer, () => {
      this.nowMs += ms
      this.done.push(what)
    })
  }

  /** Somebody here asks; the function answers them. */
  ask(method = 'signReadings'): () => Promise<void> {
    let answer: () => void = () => undefined
    const call = this.local.during(method, () => new Promise<void>((done) => (answer = done)))
    return () => {
      answer()
      return call
    }
  }
}

describe('turns of peers', () => {
  it('go round: whoever says more waits longer, and each is heard in order', () => {
    const world = new World()
    for (const n of [1, 2, 3, 4]) void world.say('a', `a${n}`)
    for (const n of [1, 2]) void world.say('b', `b${n}`)
    world.settle()
    expect(world.done).toEqual(['a1', 'b1', 'a2', 'b2', 'a3', 'a4'])
  })

  it('end after some milliseconds, and everything else is done before the next', () => {
    const world = new World()
    for (let n = 0; n < 10; n++) void world.say('a', `a${n}`, 4)
    world.loop()
    expect(world.done.length).toBe(2)
    world.loop()
    expect(world.done.length).toBe(4)
  })

  it('are shared with what is left to do, which goes on by itself', () => {
    const world = new World()
    world.left = 5
    world.turns.poke()
    for (const n of [1, 2]) void world.say('a', `a${n}`)
    world.settle()
    expect(world.done).toEqual(['a1', 'work', 'a2', 'work', 'work', 'work', 'work'])
  })

  it('end a job as it ends: a fault is told, and the next goes on', async () => {
    const world = new World()
    const failed = world.turns.add('a', () => {
      throw new Error('bug: broken')
    })
    const next = world.say('a', 'a2')
    world.settle()
    await expect(failed).rejects.toThrow('broken')
    await next
    expect(world.done).toEqual(['a2'])
  })

  it('are over when closed, and nobody waits for them', async () => {
    const world = new World()
    const waiting = world.say('a', 'a1')
    world.turns.close()
    await waiting
    await world.say('a', 'a2')
    world.settle()
    expect(world.done).toEqual([])
  })
})

describe('whoever waits at this computer', () => {
  it('comes before all peers: of a flood nothing is dealt with while a reading is being signed', async () => {
    const world = new World()
    for (let n = 0; n < 5000; n++) void world.say('flooder', `m${n}`, 2)
    world.loop()
    const before = world.done.length
    const answer = world.ask()
    for (let n = 0; n < 100; n++) world.loop()
    expect(world.done.length).toBe(before)
    await answer()
    world.settle()
    expect(world.done.length).toBe(5000)
  })

  it('is let in between two turns also when the next thing is asked at once', async () => {
    const world = new World()
    void world.say('a', 'a1')
    const first = world.ask()
    world.loop()
    await first()
    const second = world.ask()
    world.settle()
    expect(world.done).toEqual([])
    await second()
    world.settle()
    expect(world.done).toEqual(['a1'])
  })

  it('does not cut peers off: they have a turn now and then', () => {
    const world = new World()
    for (let n = 0; n < 4; n++) void world.say('a', `a${n}`, 8)
    world.ask()
    world.settle()
    expect(world.done).toEqual([])
    world.pass(100)
    world.settle()
    expect(world.done).toEqual(['a0'])
    world.pass(50)
    world.settle()
    expect(world.done).toEqual(['a0'])
    world.pass(50)
    world.settle()
    expect(world.done).toEqual(['a0', 'a1'])
  })

  it.each(['verifyAll', 'scrub'])('is nobody during %s, which takes minutes', (method) => {
    const world = new World()
    world.ask(method)
    void world.say('a', 'a1')
    world.settle()
    expect(world.done).toEqual(['a1'])
  })

  it('is gone when the call fails', async () => {
    const world = new World()
    void world.say('a', 'a1')
    await world.local.during('signIn', () => Promise.reject(new Error('wrong'))).catch(() => undefined)
    world.settle()
    expect([world.local.isBusy, world.done]).toEqual([false, ['a1']])
  })
})
