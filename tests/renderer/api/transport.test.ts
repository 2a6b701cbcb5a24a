import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { pauseBefore, portTransport, socketTransport } from '../../../src/renderer/api/transport.ts'

class FakeSocket extends EventTarget {
  readyState = 0
  close = vi.fn()
  send = vi.fn()
  opens(): void {
    this.readyState = 1
    this.dispatchEvent(new Event('open'))
  }
  breaks(): void {
    this.readyState = 3
    this.dispatchEvent(new Event('close'))
  }
}

describe('the WebSocket transport', () => {
  let sockets: FakeSocket[]
  const open = (): WebSocket => {
    const socket = new FakeSocket()
    sockets.push(socket)
    return socket as unknown as WebSocket
  }
  beforeEach(() => {
    sockets = []
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('connects again after each loss, with pauses that grow to five seconds and start over after success', () => {
    const events = { opened: vi.fn(), closed: vi.fn() }
    socketTransport('ws://test/api', open)(events)
    sockets[0]?.opens()
    sockets[0]?.breaks()
    expect(events.closed).toHaveBeenCalledTimes(1)
    for (const pause of [250, 500, 1000, 2000, 4000, 5000, 5000]) {
      const before = sockets.length
      vi.advanceTimersByTime(pause - 1)
      expect(sockets.length).toBe(before)
      vi.advanceTimersByTime(1)
      expect(sockets.length).toBe(before + 1)
      sockets.at(-1)?.breaks()
    }
    vi.advanceTimersByTime(5000)
    sockets.at(-1)?.opens()
    expect(events.opened).toHaveBeenCalledTimes(2)
    sockets.at(-1)?.breaks()
    const before = sockets.length
    vi.advanceTimersByTime(pauseBefore(0))
    expect(sockets.length).toBe(before + 1)
  })

  it('stays quiet after it was ended', () => {
    const events = { opened: vi.fn(), closed: vi.fn() }
    const end = socketTransport('ws://test/api', open)(events)
    end()
    sockets[0]?.breaks()
    vi.advanceTimersByTime(60_000)
    expect(sockets.length).toBe(1)
    expect(events.closed).not.toHaveBeenCalled()
  })
})

describe('the port transport', () => {
  const message = (init: { data: unknown; source: unknown; ports: unknown[] }): Event =>
    Object.assign(new Event('message'), init)

  it('asks for a port, takes one from its own window only, and replaces it after a restart of the core', () => {
    const from = Object.assign(new EventTarget(), { postMessage: vi.fn(), location: { origin: 'app://chartseal' } })
    const events = { opened: vi.fn(), closed: vi.fn() }
    const end = portTransport(from as unknown as Window)(events)
    expect(from.postMessage).toHaveBeenCalledWith('request-port', 'app://chartseal')
    const [first, second] = [new MessageChannel(), new MessageChannel()]
    from.dispatchEvent(message({ data: 'chartseal-port', source: {}, ports: [first.port1] }))
    from.dispatchEvent(message({ data: 'something-else', source: from, ports: [first.port1] }))
    from.dispatchEvent(message({ data: 'chartseal-port', source: from, ports: [] }))
    expect(events.opened).not.toHaveBeenCalled()
    from.dispatchEvent(message({ data: 'chartseal-port', source: from, ports: [first.port1] }))
    from.dispatchEvent(message({ data: 'chartseal-port', source: from, ports: [second.port1] }))
    expect(events.opened).toHaveBeenCalledTimes(2)
    end()
    first.port2.close()
    second.port2.close()
  })
})
