/**
 * A node without a window: opens a data folder, or joins a network with an invitation, and stays.
 *
 * @remarks
 * Nobody signs in here, so nothing is shown and nothing is written in anybody's name: it mirrors, cosigns, and keeps what
 * it is given. Proven by `tests/main/cli/node.test.ts`.
 *
 * @packageDocumentation
 */
import { acquireFolderLock } from '../store/folder-lock.ts'
import { type Health, serveHealth } from '../peer/serve-health.ts'
import { ApiFailure } from './failure.ts'
import { machineId } from './machine-id.ts'
import type { KeptSettings } from './network/network-settings.ts'
import type { VaultEvent, VaultService, VaultHealth, VaultState } from './vault-service.ts'
import { isWitness } from './witness/witness-files.ts'
import type { WitnessEvent } from './witness/witness-node.ts'
import { startVaultThread } from './vault-thread.ts'

/** How a node is started. */
export interface HeadlessOptions {
  /** Absolute path of an existing folder. */
  readonly dataFolder: string
  /** Opens the keystore, or closes a new one. */
  readonly passphrase: string
  /** For a folder in which nothing is yet. */
  readonly invitation: string | null
  /** What is said on the command line about the network; everything else stays as it was. */
  readonly reach: Partial<KeptSettings>
  /** Loopback port on which its health can be asked; null for none. */
  readonly healthPort: number | null
  /** Told what happens: never a name, a value or an address of a person. */
  event: (event: HeadlessEvent) => void
  /** Told once, for the paper it belongs on: the recovery key of a site that joins. It is kept when this returned. */
  recoveryKey: (text: string) => void
}

/** Something worth a line in a log. */
export type HeadlessEvent =
  | { readonly event: 'state'; readonly state: VaultState['state']; readonly problem: string | null }
  | {
      readonly event: 'joining'
      readonly state: string
      readonly problem: string | null
      /** What IT of the clinic types to let this node in; null where other sites vote. */
      readonly code: string | null
    }
  | { readonly event: 'network'; readonly sites: number; readonly connected: number; readonly quorum: boolean }
  | WitnessEvent
  | { readonly event: 'fault' }

/** A running node. */
export interface HeadlessNode {
  /** Settles when the vault has gone by itself. */
  readonly gone: Promise<void>
  readonly close: () => Promise<void>
}

/**
 * Starts a node.
 *
 * @throws ApiFailure `WRONG_PASSPHRASE`, `BAD_INVITATION`, `WRONG_STATE` for an empty folder without an invitation;
 * StoreError `DATA_FOLDER_IN_USE`.
 */
export async function startHeadless(options: HeadlessOptions): Promise<HeadlessNode> {
  const lock = acquireFolderLock(options.dataFolder)
  let end: () => void = () => undefined
  const gone = new Promise<void>((resolve) => (end = resolve))
  const connection = startVaultThread({
    event: (event) => {
      hear(options, event, () => void connection.vault.setReach(options.reach).catch(() => undefined))
    },
    gone: () => {
      options.event({ event: 'fault' })
      end()
    },
  })
  const { vault } = connection
  let stopHealth: () => Promise<void> = () => Promise.resolve()
  const close = async (): Promise<void> => {
    await stopHealth()
    await vault.close().catch(() => undefined)
    await connection.end()
    lock.release()
  }
  try {
    const { dataFolder, passphrase, invitation } = options
    // What a witness remembers is never put aside for something else.
    if (isWitness(dataFolder)) throw new ApiFailure('WRONG_STATE')
    const started = { dataFolder, demo: false, nodeSecret: null, machineId: await machineId() }
    const { state } = await vault.start(started)
    if (state === 'passphrase-needed') await vault.unlock(passphrase)
    else if (state !== 'first-run' || invitation === null) throw new ApiFailure('WRONG_STATE')
    else await vault.joinWithoutPeople({ clinicName: 'Node', passphrase, invitation })
    await handOver(vault, options)
    if (options.healthPort !== null)
      stopHealth = await serveHealth(options.healthPort, async () => healthOf(await vault.health()))
    return { gone, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Gives away the recovery key, also when an earlier start ended before it could. Nobody ever signs in here. */
async function handOver(vault: VaultService, { recoveryKey }: HeadlessOptions): Promise<void> {
  const text = await vault.unprintedRecoveryKey()
  if (text === null) return
  recoveryKey(text)
  await vault.recoveryKeyKept(text)
}

/** It is open, and may sign: a line that is cut is no fault of the node. */
function healthOf({ state, problem, network }: VaultHealth): Health {
  const ok = state === 'ready' && network?.problem === null && network.stopped.length === 0
  return { ok, facts: { state, problem, network } }
}

function hear({ event: tell }: HeadlessOptions, event: VaultEvent, opened: () => void): void {
  if (event.kind === 'network') {
    const { sites, connected, isQuorumThere } = event.network
    tell({ event: 'network', sites, connected, quorum: isQuorumThere })
  } else if (event.kind === 'state') {
    const { state, problem, joining } = event.state
    if (joining === null) tell({ event: 'state', state, problem })
    else tell({ event: 'joining', state: joining.state, problem: joining.problem, code: joining.code })
    if (state === 'ready') opened()
  }
}
