/**
 * The vault's thread: SQLite, hashing, verification and every key, away from the thread that answers the API.
 *
 * @packageDocumentation
 */
import { uptime } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { assert } from '../../shared/errors.ts'
import { reportFault } from './report-fault.ts'
import type { VaultEvent } from './vault-service.ts'
import { Vault } from './vault/vault.ts'
import { serve } from './worker-port.ts'

assert(parentPort !== null, 'this file is the entry of a worker thread')

// The vault is made before the port is served, and events before that have no listener.
let send: (event: unknown) => void = () => undefined
const vault = new Vault(
  (event: VaultEvent) => {
    send(event)
  },
  Date.now,
  undefined,
  () => uptime() * 1000,
)
send = serve(parentPort, vault, reportFault, vault.calls)
