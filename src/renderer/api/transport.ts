/**
 * The two ways to the core: a message port that the preload script hands over (Electron), or a WebSocket to the
 * server that served this page (browser shell). Either way a link that survives being cut off: calls fail while it
 * is down, and a new connection is made with growing pauses.
 */
import { RPCLink as PortLink } from '@orpc/client/message-port'
import { RPCLink as SocketLink } from '@orpc/client/websocket'
import type { ClientContext, ClientLink } from '@orpc/client'

/** What a connection tells its owner. */
export interface ConnectionEvents {
  opened(link: ClientLink<ClientContext>): void
  closed(): void
}

/** Starts connecting; the returned function ends it. */
export type Transport = (events: ConnectionEvents) => () => void

const PORT_MESSAGE = 'chartseal-port'
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 5000

/** Pause before attempt `attempt` (0, 1, …), in milliseconds: doubles up to five seconds. */
export function pauseBefore(attempt: number): number {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt)
}

/** Keeps one WebSocket to `url` open. */
export function socketTransport(url: string, open = (to: string) => new WebSocket(to)): Transport {
  return (events) => {
    let socket: WebSocket | null = null
    let attempt = 0
    let timer: ReturnType<typeof setTimeout> | undefined
    let ended = false
    const connect = (): void => {
      const mine = open(url)
      socket = mine
      mine.addEventListener('open', () => {
        attempt = 0
        events.opened(new SocketLink({ websocket: mine }))
      })
      mine.addEventListener('close', () => {
        if (ended || socket !== mine) return
        events.closed()
        timer = setTimeout(connect, pauseBefore(attempt++))
      })
    }
    connect()
    return () => {
      ended = true
      clearTimeout(timer)
      socket?.close()
    }
  }
}

/**
 * Takes the port that the preload script posts. The script posts another after the core was restarted, which
 * replaces the first.
 */
export function portTransport(from: Window): Transport {
  return (events) => {
    let port: MessagePort | null = null
    const receive = (event: MessageEvent): void => {
      const [received] = event.ports
      if (event.source !== from || event.data !== PORT_MESSAGE || received === undefined) return
      port?.close()
      port = received
      received.addEventListener('close', () => {
        if (port === received) events.closed()
      })
      received.start()
      events.opened(new PortLink({ port: received }))
    }
    from.addEventListener('message', receive)
    from.postMessage('request-port', from.location.origin)
    return () => {
      from.removeEventListener('message', receive)
      port?.close()
    }
  }
}

/** The way that fits where this page runs: served over http means the browser shell. */
export function transportFor(from: Window): Transport {
  const { protocol, host } = from.location
  if (protocol === 'http:' || protocol === 'https:') {
    return socketTransport(`${protocol === 'https:' ? 'wss' : 'ws'}://${host}/api`)
  }
  return portTransport(from)
}
