/** A node of the peer network in a process of its own. Settings as JSON in the first argument; echoes messages. */
import { type PeerSettings, startPeerThread } from '../../../src/main/peer/peer-thread.ts'

const settings = JSON.parse(process.argv[2] ?? '{}') as Omit<PeerSettings, 'seed'> & { seed: string }
const say = (event: object) => process.stdout.write(`${JSON.stringify(event)}\n`)

say({ electron: process.versions.electron ?? null })
startPeerThread(
  { ...settings, seed: Uint8Array.from(Buffer.from(settings.seed, 'hex')) },
  {
    up: ({ peer }) => say({ up: peer }),
    down: ({ peer }) => say({ down: peer }),
    message: (channel, message) => void channel.send(message),
    drained: () => undefined,
    listening: (addresses) => say({ listening: addresses }),
    failed: (code) => say({ failed: code }),
    fault: (error) => say({ fault: String(error) }),
  },
)
