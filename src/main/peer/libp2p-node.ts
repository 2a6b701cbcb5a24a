/**
 * The profile of libp2p that connects nodes: TCP and WebSocket, Noise, Yamux, circuit relay, and nothing else.
 *
 * @remarks
 * Whoever is not on the allow-list is refused when the handshake has shown the key. Limits: connections, handshakes
 * under way, new connections per second and host, streams per connection, bytes per stream.
 *
 * @packageDocumentation
 */
import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { FaultTolerance } from '@libp2p/interface'
import type { ConnectionGater, PeerId } from '@libp2p/interface'
import { noise, pureJsCrypto } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { createLibp2p, type Libp2p, type Libp2pOptions } from 'libp2p'
import type { AllowList } from './allow-list.ts'
import { keyOf } from './peer-ids.ts'
import { guardedWebSockets } from './websocket-guard.ts'
import { guardedYamux } from './yamux-guard.ts'

const MIB = 1024 * 1024
/** Below the read buffer, so that a stream whose reader pauses comes to a halt and is never reset. */
const MAX_WINDOW = MIB

/** What a node of the peer network needs to know. Addresses are multiaddrs. */
export interface NodeSettings {
  /** Ed25519 seed of the transport key, 32 bytes. */
  readonly seed: Uint8Array
  readonly allow: AllowList
  /** Where to listen. Empty: this node only dials. */
  readonly listen: readonly string[]
  /** True on always-on nodes that pass on the traffic of other members. */
  readonly isRelay: boolean
  /** Networks of front servers that forward many peers from one address, like `/ip4/127.0.0.1/ipcidr/32`. */
  readonly trustedFronts: readonly string[]
  /** Milliseconds between signs of life. A hung peer is noticed after this and up to 5 seconds more. */
  readonly heartbeatMs: number
  /** Milliseconds until whoever connects must have shown a key that is let in. */
  readonly handshakeMs: number
  readonly maxConnections: number
}

/** The part of the relay's client side that libp2p keeps to itself. */
export interface Reservations {
  hasReservation(relay: PeerId): boolean
  addRelay(relay: PeerId, type: 'configured'): Promise<unknown>
}

/** A node that is not started yet. */
export interface NewNode {
  readonly node: Libp2p
  readonly reservations: () => Reservations
}

/** Makes a node. It listens and dials only once started. */
export async function createNode(settings: NodeSettings): Promise<NewNode> {
  let reservations: Reservations | undefined
  const relayed: ReturnType<typeof circuitRelayTransport> = (components) => {
    const transport = circuitRelayTransport()(components)
    reservations = (transport as unknown as { reservationStore: Reservations }).reservationStore
    return transport
  }
  const options: Libp2pOptions = {
    start: false,
    privateKey: await generateKeyPairFromSeed('Ed25519', settings.seed),
    addresses: { listen: [...settings.listen] },
    transports: [
      tcp({ maxConnections: 2 * settings.maxConnections, dialOpts: { noDelay: true }, listenOpts: { noDelay: true } }),
      guardedWebSockets({ maxSockets: 2 * settings.maxConnections, upgradeTimeoutMs: settings.handshakeMs }),
      relayed,
    ],
    // Electron's crypto has no ChaCha20-Poly1305. Of the two replacements, the audited one.
    connectionEncrypters: [noise('electron' in process.versions ? { crypto: pureJsCrypto } : {})],
    streamMuxers: [
      guardedYamux(
        {
          maxInboundStreams: 64,
          maxOutboundStreams: 64,
          streamOptions: {
            maxStreamWindowSize: MAX_WINDOW,
            maxReadBufferLength: 4 * MAX_WINDOW,
            maxWriteBufferLength: 16 * MAX_WINDOW,
          },
        },
        2 * MAX_WINDOW,
      ),
    ],
    connectionGater: gater(settings.allow),
    connectionMonitor: { pingInterval: settings.heartbeatMs },
    connectionManager: {
      maxConnections: settings.maxConnections,
      // One host alone cannot fill the waiting room: what it may open until a handshake times out is half of it.
      maxIncomingPendingConnections: 200,
      inboundConnectionThreshold: 10,
      inboundUpgradeTimeout: settings.handshakeMs,
      allow: [...settings.trustedFronts],
      reconnectRetries: 0,
    },
    transportManager: { faultTolerance: FaultTolerance.NO_FATAL },
    nodeInfo: { name: 'chartseal', version: '1', userAgent: 'chartseal' },
    services: {
      // The relay transport asks for it. Nobody is asked: addresses come from people, invitations and the local network.
      identify: identify({ runOnConnectionOpen: false }),
      ping: ping(),
      ...(settings.isRelay
        ? { relay: circuitRelayServer({ reservations: { maxReservations: 1000, applyDefaultLimit: false } }) }
        : {}),
    },
  }
  const node = await createLibp2p(options)
  return {
    node,
    reservations: () => {
      if (reservations === undefined) throw new Error('bug: the relay transport is made with the node')
      return reservations
    },
  }
}

/** Lets in who is on the list. Only members use and offer relays. */
function gater(allow: AllowList): ConnectionGater {
  const isStranger = (id: PeerId) => !allow.has(keyOf(id) ?? '')
  const isNoMember = (id: PeerId) => !allow.isMember(keyOf(id) ?? '')
  return {
    denyDialPeer: isStranger,
    denyDialMultiaddr: () => false,
    denyInboundEncryptedConnection: isStranger,
    denyOutboundEncryptedConnection: isStranger,
    denyInboundRelayReservation: isNoMember,
    denyOutboundRelayedConnection: (from, to) => isNoMember(from) || isNoMember(to),
    denyInboundRelayedConnection: (relay, from) => isNoMember(relay) || isNoMember(from),
  }
}
