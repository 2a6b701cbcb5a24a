import { describe, expect, it } from 'vitest'
import { forgetEarlierSession } from '../../src/devices/conversation.ts'
import type { HidTransport } from '../../src/devices/driver.ts'
import { codeOf, contextOf, fakeClock } from '../support/device-world.ts'

/** A device that still has `count` reports to say, one every `everyMs`. */
function talking(count: number, everyMs: number): { transport: HidTransport; left: () => number } {
  let left = count
  return {
    left: () => left,
    transport: {
      write: async () => undefined,
      sendFeature: async () => undefined,
      close: async () => undefined,
      read: async (timeoutMs) => (left > 0 && timeoutMs >= everyMs ? ((left -= 1), Uint8Array.of(left & 0xff)) : null),
    },
  }
}

describe('what an earlier session left', () => {
  it.each([
    ['nothing', 0, 8],
    ['a report that comes when the bus asks for it', 1, 8],
    ['the rest of a whole memory at the pace of a slow bus', 1023, 10],
  ])('is read to its end: %s', async (_what, count, everyMs) => {
    const { transport, left } = talking(count, everyMs)
    await forgetEarlierSession(contextOf(transport, fakeClock()))
    expect(left()).toBe(0)
  })

  it('is not listened to for ever, nor for nobody', async () => {
    const endless = talking(Infinity, 1)
    await forgetEarlierSession(contextOf(endless.transport, fakeClock()))
    const unwanted = contextOf(talking(Infinity, 1).transport, fakeClock(), { aborted: true })
    expect(await codeOf(() => forgetEarlierSession(unwanted))).toBe('CANCELLED')
  })
})
