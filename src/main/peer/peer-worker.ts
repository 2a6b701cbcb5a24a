/**
 * The thread of the sockets: whatever a peer does to it, keys, ledger and store are elsewhere.
 *
 * @packageDocumentation
 */
import { parentPort } from 'node:worker_threads'
import { assert } from '../../shared/errors.ts'
import type { FromPeers, ToPeers } from './messages.ts'
import { PeerService } from './peer-service.ts'

assert(parentPort !== null, 'this file is the entry of a worker thread')
const port = parentPort

const service = new PeerService((message: FromPeers, transfer) => port.postMessage(message, transfer))
const handle = async (message: ToPeers): Promise<void> => {
  try {
    await service.handle(message)
  } catch (error) {
    // A stack says where, never what: messages of ours hold no patient data and no secret.
    const text = error instanceof Error ? (error.stack ?? error.message) : 'unknown fault'
    process.stderr.write(`chartseal peers: ${message.do}: ${text}\n`)
    if (message.do === 'start') port.postMessage({ on: 'failed', code: 'INTERNAL' } satisfies FromPeers)
  }
}
port.on('message', (message: ToPeers) => void handle(message))
