/**
 * Who is signed in at this workstation, and when the session locks itself.
 *
 * @remarks
 * The vault holds the practitioner's key; this holds the clock. Locking wipes the key at once and keeps the name, so
 * that the same person can come back with a PIN. A timer stands still while the computer sleeps: so the clocks are looked
 * at every second, and whenever somebody wants to act. Proven by `tests/main/core/session-keeper.test.ts`.
 *
 * @packageDocumentation
 */
import type { Practitioner, Session } from '../../shared/api/schemas.ts'
import { passedMs, type Moment } from '../../shared/two-clocks.ts'
import { ApiFailure } from './failure.ts'

/** How long before locking the window warns, in seconds (WCAG 2.2.1 asks for at least 20). */
const WARN_S = 20
/** How long a session may stay open after its time is over, in ms, because the computer slept meanwhile. */
const LOOK_MS = 1000

/** What the keeper needs from outside. */
export interface SessionPorts {
  /** Checks the PIN and loads the key. Throws `WRONG_PIN`, `PIN_LOCKED`. */
  signIn(handle: string, pin: string): Promise<Practitioner>
  /** Wipes the key. `isLock`: the same person is expected back. */
  signOut(isLock: boolean): Promise<void>
  /** Told after every change. */
  changed(session: Session | null): void
  /** Starts a timer; returns what stops it. */
  timer(ms: number, fire: () => void): () => void
  /** Both clocks. */
  now(): Moment
  /** Told when the key could not be wiped by the clock. */
  fault(error: unknown): void
}

/** The one session of a workstation. */
export class SessionKeeper {
  readonly #ports: SessionPorts
  readonly #idleLimitS: number
  #session: Session | null = null
  #stopTimer: () => void = () => undefined
  #activeAt: Moment = { monotonicMs: 0, wallMs: 0 }
  /** Sign-ins happen one after the other, so that the key in the vault is that of the last. */
  #signingIn: Promise<unknown> = Promise.resolve()
  /** Grows with every lock and sign-out. */
  #departures = 0

  /** @param idleLimitS - Seconds without activity after which the session locks. */
  constructor(ports: SessionPorts, idleLimitS: number) {
    this.#ports = ports
    this.#idleLimitS = idleLimitS
  }

  /** The session, locked or not; null when nobody is signed in. */
  get current(): Session | null {
    return this.#session
  }

  /** The practitioner who may act now: null when locked, and when it should be locked by now. */
  get active(): Practitioner | null {
    if (this.#session === null || this.#session.locked || this.#leftMs() <= 0) return null
    return this.#session.practitioner
  }

  /**
   * Signs in, or unlocks. Replaces whoever was there.
   *
   * @throws ApiFailure `NOT_SIGNED_IN` when the workstation was locked while the PIN was checked; or as the port.
   */
  signIn(handle: string, pin: string): Promise<Session> {
    const signingIn = this.#signingIn.then(() => this.#signIn(handle, pin))
    this.#signingIn = signingIn.catch(() => undefined)
    return signingIn
  }

  async #signIn(handle: string, pin: string): Promise<Session> {
    const departures = this.#departures
    const practitioner = await this.#ports.signIn(handle, pin)
    if (departures !== this.#departures) {
      await this.#ports.signOut(true)
      throw new ApiFailure('NOT_SIGNED_IN')
    }
    const session = { practitioner, locked: false, idleLimitS: this.#idleLimitS, warnS: WARN_S }
    this.#activeAt = this.#ports.now()
    this.#set(session)
    this.#watch()
    return session
  }

  /** The person did something. */
  activity(): void {
    if (this.active !== null) this.#activeAt = this.#ports.now()
  }

  /** Hides everything and wipes the key. */
  async lock(): Promise<void> {
    this.#stopTimer()
    this.#departures += 1
    if (this.#session === null || this.#session.locked) return
    // The window is told first: what it shows must go even if wiping takes a moment.
    this.#set({ ...this.#session, locked: true })
    await this.#ports.signOut(true)
  }

  /** Ends the session. */
  async signOut(): Promise<void> {
    this.#stopTimer()
    this.#departures += 1
    if (this.#session === null) return
    this.#set(null)
    await this.#ports.signOut(false)
  }

  /** Ends the session of a practitioner who may sign nothing any more, also while it is locked. */
  async endOf(handle: string): Promise<void> {
    if (this.#session?.practitioner.handle === handle) await this.signOut()
  }

  #leftMs(): number {
    return this.#idleLimitS * 1000 - passedMs(this.#activeAt, this.#ports.now())
  }

  /** Looks at the clocks again and again, and locks when the time is over. */
  #watch(): void {
    this.#stopTimer()
    this.#stopTimer = this.#ports.timer(Math.min(LOOK_MS, Math.max(0, this.#leftMs())), () => {
      if (this.#leftMs() > 0) this.#watch()
      else void this.lock().catch((error: unknown) => this.#ports.fault(error))
    })
  }

  #set(session: Session | null): void {
    this.#session = session
    this.#ports.changed(session)
  }
}
