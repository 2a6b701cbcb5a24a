import type { IncomingHttpHeaders } from 'node:http'

/** The one address this server answers to. */
export interface Address {
  /** `127.0.0.1:PORT`. */
  readonly host: string
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string
  /** Cookies do not tell ports apart, so the port is part of the name. */
  readonly cookie: string
}

/**
 * @param port - The port in use.
 * @returns What requests must name.
 */
export function addressOf(port: number): Address {
  const host = `127.0.0.1:${port}`
  return { host, origin: `http://${host}`, cookie: `chartseal-${port}` }
}

/**
 * Whether a request is for us and not from a page of somebody else.
 *
 * @remarks
 * The Host check stops DNS rebinding (another site's name that resolves to 127.0.0.1); the Origin check stops other
 * sites' scripts; the fetch-metadata check stops what carries no Origin, such as an image tag.
 *
 * @param headers - Untrusted.
 * @param address - Ours.
 * @param needsOrigin - WebSocket upgrades always carry an Origin, so one without is refused.
 */
export function isOurs(headers: IncomingHttpHeaders, address: Address, needsOrigin: boolean): boolean {
  if (headers.host !== address.host) return false
  const { origin } = headers
  if (origin === undefined ? needsOrigin : origin !== address.origin) return false
  const site = headers['sec-fetch-site']
  return site === undefined || site === 'same-origin' || site === 'none'
}

/**
 * Finds our session secret among the cookies.
 *
 * @param header - The Cookie header, untrusted.
 * @param name - The cookie's name.
 * @returns The secret, or null.
 */
export function cookieIn(header: string | undefined, name: string): string | null {
  for (const part of (header ?? '').split(';')) {
    const [key, value] = part.trim().split('=', 2)
    if (key === name && value !== undefined && /^[\w-]{43}$/.test(value)) return value
  }
  return null
}
