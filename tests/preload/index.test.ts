import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

/** The preload script against a page and an ipcRenderer that record what passes. */
class Page extends EventTarget {
  readonly location = { origin: 'app://chartseal' }
  readonly posted: { message: unknown; origin: string; ports: unknown[] }[] = []
  postMessage(message: unknown, origin: string, ports: unknown[]): void {
    this.posted.push({ message, origin, ports })
  }
  receive(data: unknown, source: unknown): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data, source }))
  }
}

let page: Page
let ipc: EventEmitter & { send: ReturnType<typeof vi.fn> }

beforeEach(async () => {
  page = new Page()
  ipc = Object.assign(new EventEmitter(), { send: vi.fn() })
  vi.resetModules()
  vi.stubGlobal('window', page)
  vi.doMock('electron', () => ({ ipcRenderer: ipc }))
  await import('../../src/preload/index.ts')
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.doUnmock('electron')
})

describe('the preload script', () => {
  it('passes the request of its own page on, with nothing in it', () => {
    page.receive('request-port', page)
    expect(ipc.send.mock.calls).toEqual([['request-port']])
  })

  it('passes nothing else on', () => {
    page.receive('request-port', {})
    page.receive('request-port', null)
    for (const data of ['', 'chartseal-port', { channel: 'request-port' }, null]) page.receive(data, page)
    expect(ipc.send).not.toHaveBeenCalled()
  })

  it('hands every port to its own origin alone', () => {
    const ports = [{ name: 'first' }]
    ipc.emit('chartseal-port', { ports })
    ipc.emit('chartseal-port', { ports: [{ name: 'after a restart' }] })
    expect(page.posted).toEqual([
      { message: 'chartseal-port', origin: 'app://chartseal', ports },
      { message: 'chartseal-port', origin: 'app://chartseal', ports: [{ name: 'after a restart' }] },
    ])
  })

  it('leaves nothing on the page', () => {
    expect(Object.keys(page)).toEqual(['location', 'posted'])
  })
})
