/**
 * One site in a process of its own: a real vault with real sockets, asked by the experiment over the pipe to its parent.
 *
 * Arguments: data folder, and how many ms the wall clock of this site is off.
 */
import { assert } from '../../../src/shared/errors.ts'
import { serve } from '../../../src/main/core/worker-port.ts'
import type { VaultEvent, VaultState } from '../../../src/main/core/vault-service.ts'
import { Vault } from '../../../src/main/core/vault/vault.ts'
import { NODE_SECRET } from '../../faults/support/values.ts'
import { buildLog } from './log-builder.ts'

const [dataFolder = '', clockOffset = '0'] = process.argv.slice(2)
assert(process.send !== undefined, 'this file is started by an experiment')

/** The vault, and what an experiment wants to know of its process. */
class Site extends Vault {
  /** Opens the folder. The cost of PINs is that of tests: an experiment measures the ledger. */
  async begin(): Promise<VaultState['state']> {
    const { state } = await this.start({ dataFolder, demo: false, nodeSecret: NODE_SECRET, scryptLogN: 10 })
    return state
  }

  async memoryMb(): Promise<number> {
    await Promise.resolve()
    return process.memoryUsage.rss() / 2 ** 20
  }

  /** In MB; and the seconds of processor time that the process has used. */
  async memory(): Promise<{ rssMb: number; heapMb: number; outsideMb: number; cpuS: number }> {
    await Promise.resolve()
    const { rss, heapUsed, external } = process.memoryUsage()
    const { user, system } = process.cpuUsage()
    const mb = (bytes: number) => bytes / 2 ** 20
    return { rssMb: mb(rss), heapMb: mb(heapUsed), outsideMb: mb(external), cpuS: (user + system) / 1e6 }
  }

  /** Id of the network. */
  async networkId(): Promise<Uint8Array> {
    await Promise.resolve()
    return this.ready().clinic.identity.network
  }

  /** Entries of a mirrored log that were judged since the start, or before. */
  async judged(origin: string): Promise<number> {
    await Promise.resolve()
    return this.ready().network.logs.mirror(origin)?.judged ?? 0
  }

  /** Fills the log up to `size` entries. Nothing else may be asked of this process afterwards. */
  buildLog(device: string, size: number): Promise<number> {
    return buildLog(this.ready().clinic, device, size)
  }
}

let tell: (event: unknown) => void = () => undefined
const site = new Site(
  (event: VaultEvent) => {
    if (event.kind === 'state') tell(event)
  },
  () => Date.now() + Number(clockOffset),
)
const port = {
  on: (_name: string, listener: (message: never) => void) => process.on('message', listener as never),
  postMessage: (message: object) => process.send?.(message),
}
tell = serve(
  port as never,
  site,
  (error) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : 'unknown fault'}\n`)
  },
  site.calls,
)
// Whoever started it is gone: nobody will ask any more.
process.once('disconnect', () => process.exit(0))
export type { Site }
