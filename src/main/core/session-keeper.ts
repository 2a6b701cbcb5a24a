/**
 * Who is signed in at this workstation, and when the session locks itself.
 *
 * @remarks
 * The vault holds the practitioner's key; this holds the clock. Locking wipes the key at once and keeps the name, so
 * that the same person can come back with a PIN. Proven by `tests/main/core/session-keeper.test.ts`.
 *
 * @packageDocumentation
 */
import type { Practitioner, Session } from '../../shared/api/schemas.ts'

/** How long before locking the window warns, in seconds (WCAG 2.2.1 asks for at least 20). */
const WARN_S = 20

/** What the keeper needs from outside. */
export interface SessionPorts {
  /** Checks the PIN and loads the key. Throws `WRONG_PIN`, `PIN_LOCKED`. */
  signIn(handle: string, pin: string): Promise<Practitioner>
  /** Wipes the key. */
  signOut(): Promise<void>
  /** Told after every change. */
  changed(session: Session | null): void
  /** Starts a timer; returns what stops it. */
  timer(ms: number, fire: () => void): () => void
}

/** The one session of a workstation. */
export class SessionKeeper {
  readonly #ports: SessionPorts
  readonly #idleLimitS: number
  #session: Session | null = null
  #stopTimer: () => void = () => undefined

  /** @param idleLimitS - Seconds without activity after which the session locks. */
  constructor(ports: SessionPorts, idleLimitS: number) {
    this.#ports = ports
    this.#idleLimitS = idleLimitS
  }

  /** The session, locked or not; null when nobody is signed in. */
  get current(): Session | null {
    return this.#session
  }

  /** The practitioner who may act now: null when locked. */
  get active(): Practitioner | null {
    return this.#session !== null && !this.#session.locked ? this.#session.practitioner : null
  }

  /** Signs in, or unlocks. Replaces whoever was there. */
  async signIn(handle: string, pin: string): Promise<Session> {
    const practitioner = await this.#ports.signIn(handle, pin)
    const session = { practitioner, locked: false, idleLimitS: this.#idleLimitS, warnS: WARN_S }
    this.#set(session)
    this.activity()
    return session
  }

  /** The person did something. */
  activity(): void {
    this.#stopTimer()
    if (this.active === null) return
    this.#stopTimer = this.#ports.timer(this.#idleLimitS * 1000, () => void this.lock())
  }

  /** Hides everything and wipes the key. */
  async lock(): Promise<void> {
    this.#stopTimer()
    if (this.#session === null || this.#session.locked) return
    // The window is told first: what it shows must go even if wiping takes a moment.
    this.#set({ ...this.#session, locked: true })
    await this.#ports.signOut()
  }

  /** Ends the session. */
  async signOut(): Promise<void> {
    this.#stopTimer()
    if (this.#session === null) return
    this.#set(null)
    await this.#ports.signOut()
  }

  #set(session: Session | null): void {
    this.#session = session
    this.#ports.changed(session)
  }
}
