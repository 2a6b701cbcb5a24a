/**
 * The vault's thread: started once, never restarted behind anybody's back.
 *
 * @remarks
 * When the thread ends by itself, a commit may or may not have happened, and only a fresh start that reads the ledger
 * can tell. So every call fails with `STATE_UNKNOWN` from then on. Proven by `tests/main/core/vault-thread.test.ts`.
 *
 * @packageDocumentation
 */
import { Worker } from 'node:worker_threads'
import { ApiFailure } from './failure.ts'
import type { VaultEvent, VaultService } from './vault-service.ts'
import { connect, type Remote } from './worker-port.ts'

/** The vault as the API thread sees it. */
export interface VaultConnection {
  readonly vault: Remote<VaultService>
  /** Ends the thread. Close the vault first. */
  end(): Promise<void>
}

/** What a vault connection tells. */
export interface VaultListeners {
  event(event: VaultEvent): void
  /** The thread is gone without having been asked to go. Called once. */
  gone(error: Error): void
}

/** Beside the bundle when built, beside this file when running from sources. */
function workerUrl(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './vault-worker.ts' : './vault-worker.js', import.meta.url)
}

/**
 * Starts the vault's thread.
 *
 * @param listeners - Who hears of events and of the thread's end.
 * @param file - The thread's program; tests hand in their own.
 */
export function startVaultThread(listeners: VaultListeners, file: URL = workerUrl()): VaultConnection {
  const worker = new Worker(file, { name: 'vault' })
  const { remote, fail } = connect<VaultService>(worker, (event) => listeners.event(event as VaultEvent))
  let isExpected = false
  let isGone = false
  const gone = (cause: unknown): void => {
    if (isGone) return
    isGone = true
    fail(new ApiFailure('STATE_UNKNOWN', { cause }))
    if (!isExpected) listeners.gone(new Error('the vault thread ended', { cause }))
  }
  worker.on('error', gone)
  worker.on('messageerror', gone)
  worker.on('exit', (code) => gone(new Error(`exit code ${code}`)))
  return {
    vault: remote,
    end: async () => {
      isExpected = true
      await worker.terminate()
    },
  }
}

/**
 * A vault that was never started, because the data folder cannot be used: every call fails with the reason.
 *
 * @param failure - Why.
 */
export function absentVault(failure: ApiFailure): VaultConnection {
  const { remote, fail } = connect<VaultService>(
    { on: () => undefined, postMessage: () => undefined } as never,
    () => undefined,
  )
  fail(failure)
  return { vault: remote, end: () => Promise.resolve() }
}
