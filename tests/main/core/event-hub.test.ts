import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EventHub } from '../../../src/main/core/event-hub.ts'
import { EventQueue } from '../../../src/main/core/event-queue.ts'
import { runs } from '../../support/budget.ts'

async function drained<Event>(queue: EventQueue<Event>): Promise<Event[]> {
  const events: Event[] = []
  for await (const event of queue.read(undefined)) events.push(event)
  return events
}

describe('a queue', () => {
  it('gives what was pushed, in order, whoever is faster', async () => {
    const turns = fc.array(fc.oneof(fc.integer(), fc.constant('let the reader run' as const)), { maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(turns, async (steps) => {
        const queue = new EventQueue<number>()
        const reading = drained(queue)
        for (const step of steps) {
          if (step === 'let the reader run') await new Promise((done) => setImmediate(done))
          else queue.push(step)
        }
        queue.end()
        expect(await reading).toEqual(steps.filter((step) => typeof step === 'number'))
      }),
      { numRuns: runs(50, 2000) },
    )
  })

  it('drops the oldest when nobody reads', async () => {
    const queue = new EventQueue<number>()
    for (let i = 0; i < 1500; i++) queue.push(i)
    queue.end()
    const events = await drained(queue)
    expect([events.length, events[0], events.at(-1)]).toEqual([1000, 500, 1499])
  })

  it('throws its failure after the last event', async () => {
    const queue = new EventQueue<number>()
    queue.push(1)
    queue.end(new Error('gone'))
    const events: number[] = []
    const reading = (async () => {
      for await (const event of queue.read(undefined)) events.push(event)
    })()
    await expect(reading).rejects.toThrow('gone')
    expect(events).toEqual([1])
  })

  it('ends at the signal, in the middle of waiting', async () => {
    const stop = new AbortController()
    const reading = new EventQueue<number>().read(stop.signal).next()
    stop.abort()
    expect((await reading).done).toBe(true)
  })
})

describe('a hub', () => {
  it('tells each listener what it was before, then everything since', async () => {
    const hub = new EventHub<string>()
    const stop = new AbortController()
    const one = hub.listen(() => ['state'], stop.signal)
    expect((await one.next()).value).toBe('state')
    hub.send('first')
    const two = hub.listen(() => ['state'], stop.signal)
    expect((await two.next()).value).toBe('state')
    hub.send('second')
    expect([(await one.next()).value, (await one.next()).value, (await two.next()).value]).toEqual([
      'first',
      'second',
      'second',
    ])
    stop.abort()
    expect([(await one.next()).done, (await two.next()).done, hub.listeners]).toEqual([true, true, 0])
  })

  it('loses nothing between the state and the first event', async () => {
    const hub = new EventHub<string>()
    let state = 'old'
    const listening = hub.listen(() => [state], undefined)
    state = 'new'
    hub.send('of the change')
    const next = listening.next()
    hub.send('after it')
    expect([(await next).value, (await listening.next()).value]).toEqual(['new', 'after it'])
    await listening.return()
    expect(hub.listeners).toBe(0)
  })
})
