import { createHash, randomBytes } from 'node:crypto'

const MAX_LAUNCHES = 8
const MAX_SESSIONS = 8

/**
 * Who may use the loopback server: whoever redeemed a launch token, which only this user's terminal, this user's
 * browser command line or a second start with the instance secret can know.
 *
 * @remarks
 * Only SHA-256 digests are kept and looked up, so neither memory nor timing gives a usable secret away. Both lists
 * are bounded; the oldest goes first.
 */
export class Tickets {
  readonly #launches = new Set<string>()
  readonly #sessions = new Set<string>()

  /** A new one-time launch token: 43 characters, 256 bits. */
  issue(): string {
    return fresh(this.#launches, MAX_LAUNCHES)
  }

  /**
   * Exchanges a launch token for a session.
   *
   * @param token - From the request, untrusted.
   * @returns The session secret for the cookie, or null when the token is unknown or was used.
   */
  redeem(token: string): string | null {
    return this.#launches.delete(digest(token)) ? fresh(this.#sessions, MAX_SESSIONS) : null
  }

  /**
   * Whether a session secret is one of ours.
   *
   * @param secret - From the cookie, untrusted.
   */
  holds(secret: string): boolean {
    return this.#sessions.has(digest(secret))
  }
}

function fresh(into: Set<string>, limit: number): string {
  const secret = randomBytes(32).toString('base64url')
  for (const oldest of into) {
    if (into.size < limit) break
    into.delete(oldest)
  }
  into.add(digest(secret))
  return secret
}

function digest(secret: string): string {
  return createHash('sha256').update(secret).digest('base64')
}
