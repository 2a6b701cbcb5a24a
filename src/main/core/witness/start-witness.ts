/**
 * A witness without a window: opens the folder of a witness and stays.
 *
 * @remarks
 * Proven by `tests/main/cli/witness.test.ts`.
 *
 * @packageDocumentation
 */
import { serveHealth } from '../../peer/serve-health.ts'
import { startPeerThread } from '../../peer/peer-thread.ts'
import { acquireFolderLock } from '../../store/folder-lock.ts'
import { ApiFailure } from '../failure.ts'
import type { HeadlessNode, HeadlessOptions } from '../headless.ts'
import { reportFault } from '../report-fault.ts'
import { closeWitness, isWitness, openWitness } from './witness-files.ts'
import { WitnessNode } from './witness-node.ts'

/** How a witness is started. */
export type WitnessOptions = Omit<HeadlessOptions, 'recoveryKey' | 'invitation'>

/**
 * Starts a witness.
 *
 * @throws {@link WitnessError} when it may never sign again; ApiFailure `WRONG_STATE` for a folder that is none of a
 * witness; KeystoreError `WRONG_PASSPHRASE`; StoreError `DATA_FOLDER_IN_USE`.
 */
export async function startWitness(options: WitnessOptions): Promise<HeadlessNode> {
  const lock = acquireFolderLock(options.dataFolder)
  const undo: (() => unknown)[] = [() => lock.release()]
  const close = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  let end: () => void = () => undefined
  const gone = new Promise<void>((resolve) => (end = resolve))
  try {
    if (!isWitness(options.dataFolder)) throw new ApiFailure('WRONG_STATE')
    await open(options, undo, () => end())
  } catch (error) {
    await close()
    throw error
  }
  return { gone, close }
}

/** @param undo - Takes what ends each thing that was opened. */
async function open(options: WitnessOptions, undo: (() => unknown)[], broken: () => void): Promise<void> {
  const { dataFolder, passphrase, reach, healthPort, event } = options
  const files = await openWitness(dataFolder, { kind: 'passphrase', passphrase }, { nowMs: Date.now })
  undo.push(() => closeWitness(files))
  const node = new WitnessNode({
    ...{ files, event, broken, startPeers: startPeerThread, nowMs: Date.now, monotonicMs: () => performance.now() },
    fault: (error) => {
      reportFault(error, 'witness')
      event({ event: 'fault' })
    },
  })
  undo.push(() => node.close())
  await node.setReach(reach)
  node.start()
  if (healthPort !== null) undo.push(await serveHealth(healthPort, () => Promise.resolve(healthOf(node))))
}

function healthOf(node: WitnessNode) {
  const facts = node.health()
  return { ok: facts.problem === null, facts: { state: 'witness', ...facts } }
}
