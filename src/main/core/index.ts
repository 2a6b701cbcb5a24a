/**
 * The core's entry: what a shell starts, and all it can do with it.
 *
 * @remarks
 * Proven by `tests/main/core/start-core.test.ts`.
 *
 * @packageDocumentation
 */
import { readFileSync } from 'node:fs'
import packageJson from '../../../package.json' with { type: 'json' }
import { createHub } from '../devices/hub.ts'
import { nodeHidSource } from '../devices/node-hid-source.ts'
import { acquireFolderLock, type FolderLock } from '../store/folder-lock.ts'
import { ApiFailure, failureOf } from './failure.ts'
import { demoDevices, recordings } from './sources.ts'
import { absentVault, startVaultThread, type VaultConnection, type VaultListeners } from './vault-thread.ts'
import { machineId } from './machine-id.ts'
import { startWorkstation, type Workstation } from './workstation.ts'

export { auditReplicaFile, exportLogOfFile } from './audit/index.ts'
export { type HeadlessEvent, type HeadlessNode, startHeadless } from './headless.ts'
export { startWitness } from './witness/start-witness.ts'
export { backUpDatabase, restoreOffline } from './offline.ts'

/** How a core is started. */
export interface CoreOptions {
  /** Absolute path of an existing folder. */
  readonly dataFolder: string
  /** Makes the demonstration clinic when there is none. */
  readonly demo: boolean
  readonly shell: 'electron' | 'browser' | 'headless'
  /** 32 bytes from the operating system's keystore, or null. */
  readonly nodeSecret: Uint8Array | null
  /** Captured exchanges to play as if the device were plugged in. */
  readonly replays: readonly { family: string; file: string }[]
  /** Virtual devices are plugged in from the start; in the demonstration clinic they always are. */
  readonly virtualDevices: boolean
  /** Seconds without activity after which the session locks. */
  readonly idleLimitS?: number
  /** For support: one line, or a few, without patient data. */
  log(line: string): void
}

/** A running core. `router` is served to windows by the shell. */
export type Core = Workstation

/** The default of `idleLimitS`: three minutes. */
const IDLE_LIMIT_S = 180

/**
 * Starts the core. Replies before the ledger is open: windows can connect and are told how far it is.
 *
 * @throws StoreError `DATA_FOLDER_IN_USE`; Error with a sentence for a recording that cannot be replayed.
 */
export async function startCore(options: CoreOptions): Promise<Core> {
  const replayed = await recordings(options.replays)
  const demo = demoDevices(Date.now)
  demo.setPresent(options.virtualDevices)
  const { lock, connectVault } = claim(options.dataFolder)
  const hub = createHub({ sources: [await nodeHidSource(), demo.source, replayed], nowMs: Date.now })
  const { dataFolder, shell, nodeSecret } = options
  const core = startWorkstation({
    connectVault,
    vaultOptions: { dataFolder, demo: options.demo, nodeSecret, machineId: await machineId() },
    hub,
    idleLimitS: options.idleLimitS ?? IDLE_LIMIT_S,
    installation: { version: packageJson.version, shell, dataFolder },
    notices: readNotices,
    now: () => ({ monotonicMs: performance.now(), wallMs: Date.now() }),
    stateChanged: (state) => {
      demo.setPresent(options.virtualDevices || state.demo)
      void hub.rescan()
    },
    log: (line) => options.log(line),
  })
  return { ...core, close: () => core.close().finally(() => lock?.release()) }
}

/** The data folder for ourselves, and the way to its vault; a folder that cannot be used still gets a window that says so. */
function claim(dataFolder: string): {
  lock: FolderLock | null
  connectVault: (listeners: VaultListeners) => VaultConnection
} {
  try {
    return { lock: acquireFolderLock(dataFolder), connectVault: (listeners) => startVaultThread(listeners) }
  } catch (cause) {
    const { code } = failureOf(cause)
    if (code === 'DATA_FOLDER_IN_USE' || code === 'INTERNAL') throw cause
    return { lock: null, connectVault: () => absentVault(new ApiFailure(code, { cause })) }
  }
}

/** Licences of what ships with us, beside the bundle. A checkout that was never built has none. */
function readNotices(): string {
  try {
    return readFileSync(new URL('../third-party-notices.txt', import.meta.url), 'utf8')
  } catch {
    return ''
  }
}
