/**
 * The API thread put together: vault, devices, session, captures and router, and what each tells the others.
 *
 * @remarks
 * Proven by `tests/main/core/workstation.test.ts`.
 *
 * @packageDocumentation
 */
import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Failure, ScrubEvent, Session, VerifyAllEvent } from '../../shared/api/schemas.ts'
import type { Moment } from '../../shared/two-clocks.ts'
import type { Hub } from '../devices/hub.ts'
import { Captures } from './captures.ts'
import { DevicesService } from './devices-service.ts'
import { ApiFailure, failureOf } from './failure.ts'
import { createRouter } from './router.ts'
import { describeFault } from './router-failures.ts'
import { SessionKeeper } from './session-keeper.ts'
import { SystemNews, type Installation } from './system-news.ts'
import type { VaultEvent, VaultOptions, VaultState } from './vault-service.ts'
import type { VaultConnection, VaultListeners } from './vault-thread.ts'
import { EventRuns } from './event-runs.ts'

/** What a workstation is made of. */
export interface WorkstationParts {
  connectVault(listeners: VaultListeners): VaultConnection
  readonly vaultOptions: VaultOptions
  readonly hub: Hub
  /** Seconds without activity after which the session locks. */
  readonly idleLimitS: number
  readonly installation: Installation
  notices(): string
  /** Both clocks. */
  now(): Moment
  /** The vault has said where it stands. */
  stateChanged(state: VaultState): void
  log(line: string): void
}

/** A running core. */
export interface Workstation {
  readonly router: ReturnType<typeof createRouter>
  /** Tries a start passphrase. */
  unlock(passphrase: string): Promise<{ ok: true } | Failure>
  lockSession(): void
  focus(): void
  /** Ends everything in order: captures, devices, vault. Never rejects. */
  close(): Promise<void>
}

/** Where a vault stands that has not said so yet. */
const STARTING: VaultState = {
  notices: [],
  state: 'starting',
  recovery: null,
  joining: null,
  problem: null,
  clinic: null,
  demo: false,
  systemKeystore: false,
  demoPins: [],
  recoveryKeyWaits: false,
}

/** Starts a core. The vault opens in the background; windows are told. */
export function startWorkstation(parts: WorkstationParts): Workstation {
  const { hub } = parts
  const fault = (where: string, error: unknown): void => parts.log(describeFault(where, error))
  const news = new SystemNews(parts.installation, STARTING)
  const connection = parts.connectVault({ event: hear, gone: vaultGone })
  const { vault } = connection
  const verifyRuns = new EventRuns<VerifyAllEvent, null>({
    begin: (run) => vault.verifyAll(run),
    cancel: (run) => vault.cancelVerifyAll(run),
  })
  const scrubRuns = new EventRuns<ScrubEvent, string | null>({
    begin: (run, file) => vault.scrub(run, file),
    cancel: (run) => vault.cancelScrub(run),
  })
  const devices = new DevicesService({ hub, vault, changed: (list) => news.devicesChanged(list) })
  const session = new SessionKeeper(
    {
      signIn: (handle, pin) => vault.signIn(handle, pin),
      signOut: (isLock) => vault.signOut(isLock),
      changed: sessionChanged,
      timer: startTimer,
      now: () => parts.now(),
      fault: (error) => fault('locking', error),
    },
    parts.idleLimitS,
  )
  const captures = new Captures({
    vault,
    hub,
    find: (connectionId) => devices.find(connectionId),
    active: () => session.active?.handle ?? null,
    now: () => parts.now(),
    randomId: () => randomBytes(16).toString('hex'),
    fault: (error) => fault('capture', error),
  })
  hub.onChange(() => devices.hubChanged())
  let isFailed = false
  let newest = STARTING
  const started = start()
  const router = createRouter({
    ...{ news, session, captures, devices, vault, verifyRuns, scrubRuns, started, fault },
    about: () => ({ version: parts.installation.version, notices: parts.notices() }),
  })
  let closing: Promise<void> | null = null
  return {
    router,
    unlock: async (passphrase) => {
      await started
      return vault.unlock(passphrase).then(
        () => ({ ok: true as const }),
        (error: unknown) => failureOf(error),
      )
    },
    lockSession: () => void session.lock().catch((error: unknown) => fault('locking', error)),
    focus: () => news.tell({ kind: 'focus' }),
    close: () => (closing ??= close()),
  }

  async function start(): Promise<void> {
    const [listing, opening] = await Promise.allSettled([hub.start(), vault.start(parts.vaultOptions)])
    if (listing.status === 'rejected') fault('devices', listing.reason)
    devices.hubChanged()
    if (opening.status === 'fulfilled') await reached(opening.value)
    else {
      const { code } = failureOf(opening.reason)
      if (code === 'INTERNAL') fault('vault', opening.reason)
      if (!isFailed) news.failed(code)
      isFailed = true
    }
  }

  function hear(event: VaultEvent): void {
    if (event.kind === 'state') void reached(event.state)
    else if (event.kind === 'tray') news.trayChanged(event.count)
    else if (event.kind === 'enrolments') void ask('enrolments', () => devices.loadEnrolments())
    else if (event.kind === 'key-ended') void ask('revocation', () => session.endOf(event.handle))
    else if (event.kind === 'ledger') news.ledgerGrew(event.size)
    else if (event.kind === 'finality') news.finalityGrew(event.origin, event.size)
    else if (event.kind === 'verify-all') verifyRuns.report(event)
    else if (event.kind === 'scrub') scrubRuns.report(event)
    else if (event.kind === 'network') news.networkChanged(event.network)
    else if (event.kind === 'foreign-log') return
    else news.tell(event)
  }

  /** The vault stands somewhere new. What only an open vault knows is asked for now. */
  async function reached(state: VaultState): Promise<void> {
    // The vault tells of a state as an event, and once more as the outcome of its start.
    if (isFailed || isDeepStrictEqual(state, newest)) return
    newest = state
    parts.stateChanged(state)
    news.vaultChanged(state)
    if (state.state !== 'ready' && state.state !== 'read-only') return
    await ask('enrolments', () => devices.loadEnrolments())
    await ask('tray', async () => news.trayChanged(await vault.trayCount()))
  }

  async function ask(what: string, work: () => Promise<void>): Promise<void> {
    await work().catch((error: unknown) => fault(what, error))
  }

  function sessionChanged(next: Session | null): void {
    news.sessionChanged(next)
    captures.sessionChanged(next)
  }

  function vaultGone(error: Error): void {
    isFailed = true
    fault('vault', error)
    news.failed('STATE_UNKNOWN')
    for (const runs of [verifyRuns, scrubRuns]) runs.fail(new ApiFailure('STATE_UNKNOWN', { cause: error }))
    // Nothing that is on the screen can be relied on any more.
    void session.lock().catch(() => undefined)
  }

  async function close(): Promise<void> {
    await started
    await captures.closeAll()
    const steps: (() => Promise<void>)[] = [
      () => session.signOut(),
      () => hub.close(),
      () => vault.close(),
      () => connection.end(),
    ]
    for (const step of steps) await step().catch((error: unknown) => isFailed || fault('closing', error))
  }
}

/** A timer that does not keep the process alive. */
function startTimer(ms: number, fire: () => void): () => void {
  const timer = setTimeout(fire, ms)
  timer.unref()
  return () => clearTimeout(timer)
}
