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
tell = serve(port as never, site, (error) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : 'unknown fault'}\n`)
})
// Whoever started it is gone: nobody will ask any more.
process.once('disconnect', () => process.exit(0))
export type { Site }
