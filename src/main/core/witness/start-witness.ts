/**
 * A witness without a window: opens the folder of a witness and stays.
 *
 * @remarks
 * Proven by `tests/main/cli/witness.test.ts`.
 *
 * @packageDocumentation
 */
import { type Health, serveHealth } from '../../peer/serve-health.ts'
import { startPeerThread } from '../../peer/peer-thread.ts'
import type { JoiningStatus } from '../../../shared/api/schemas.ts'
import type { Unlock } from '../../keystore/node-secret.ts'
import { acquireFolderLock } from '../../store/folder-lock.ts'
import { ApiFailure } from '../failure.ts'
import type { HeadlessNode, HeadlessOptions } from '../headless.ts'
import { reportFault } from '../report-fault.ts'
import { WitnessJoining } from './witness-joining.ts'
import { closeWitness, isClinic, isWitness, openWitness } from './witness-files.ts'
import { WitnessNode } from './witness-node.ts'

/** How a witness is started. */
export type WitnessOptions = Omit<HeadlessOptions, 'recoveryKey'>

/**
 * Starts a witness, or lets one ask to be listed.
 *
 * @throws {@link WitnessError} when it may never sign again; ApiFailure `WRONG_STATE` for a folder that is none of a
 * witness without an invitation, `BAD_INVITATION`; KeystoreError `WRONG_PASSPHRASE`; StoreError `DATA_FOLDER_IN_USE`.
 */
export async function startWitness(options: WitnessOptions): Promise<HeadlessNode> {
  const running = new RunningWitness(options)
  try {
    await running.start()
  } catch (error) {
    await running.close()
    throw error
  }
  return running
}

/** What was opened, and how it is closed again. */
class RunningWitness implements HeadlessNode {
  readonly gone: Promise<void>
  readonly #options: WitnessOptions
  readonly #unlock: Unlock
  readonly #undo: (() => unknown)[] = []
  #health: () => Health = () => ({ ok: false, facts: { state: 'starting' } })
  #end: () => void = () => undefined
  #isClosed = false

  constructor(options: WitnessOptions) {
    this.#options = options
    this.#unlock = { kind: 'passphrase', passphrase: options.passphrase }
    this.gone = new Promise((resolve) => (this.#end = resolve))
    this.close = this.close.bind(this)
  }

  async start(): Promise<void> {
    const { dataFolder, healthPort } = this.#options
    const lock = acquireFolderLock(dataFolder)
    this.#undo.push(() => lock.release())
    if (isClinic(dataFolder)) throw new ApiFailure('WRONG_STATE')
    if (isWitness(dataFolder)) await this.#open()
    else await this.#join()
    if (healthPort !== null) this.#undo.push(await serveHealth(healthPort, () => Promise.resolve(this.#health())))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const step of this.#undo.splice(0).reverse()) await step()
  }

  async #join(): Promise<void> {
    const { dataFolder, invitation, event } = this.#options
    const tell = ({ state, problem, code }: JoiningStatus): void => event({ event: 'joining', state, problem, code })
    const joining = await WitnessJoining.start({
      ...{ dataFolder, unlock: this.#unlock, invitation, nowMs: Date.now, changed: tell },
      joined: () => {
        this.#open().catch((error: unknown) => this.#fail(error))
      },
      fault: (error) => this.#fail(error),
    })
    this.#undo.push(() => joining.close())
    tell(joining.status)
    this.#health = () => ({ ok: false, facts: { state: 'joining', joining: joining.status.state } })
  }

  async #open(): Promise<void> {
    const { dataFolder, reach, event } = this.#options
    const files = await openWitness(dataFolder, this.#unlock, { nowMs: Date.now })
    this.#undo.push(() => closeWitness(files))
    // It was told to stop while it opened: whoever closes has been here already.
    if (this.#isClosed) {
      await this.close()
      return
    }
    const node = new WitnessNode({
      ...{ files, event, startPeers: startPeerThread, nowMs: Date.now, monotonicMs: () => performance.now() },
      broken: () => this.#end(),
      fault: (error) => this.#fault(error),
    })
    this.#undo.push(() => node.close())
    await node.setReach(reach)
    node.start()
    this.#health = () => {
      const facts = node.health()
      return { ok: facts.problem === null, facts: { state: 'witness', ...facts } }
    }
  }

  #fault(error: unknown): void {
    reportFault(error, 'witness')
    this.#options.event({ event: 'fault' })
  }

  /** It cannot go on. */
  #fail(error: unknown): void {
    this.#fault(error)
    this.#end()
  }
}
