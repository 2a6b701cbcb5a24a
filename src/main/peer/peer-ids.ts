/** Keys as libp2p writes them, and as everybody else here does. */
import { publicKeyFromRaw } from '@libp2p/crypto/keys'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { fromHex, toHex } from '../../shared/bytes.ts'
import type { PeerKey } from './peer-link.ts'

/** The peer id of an Ed25519 key. */
export function peerIdOf(peer: PeerKey): PeerId {
  return peerIdFromPublicKey(publicKeyFromRaw(fromHex(peer)))
}

/** The key of a peer id; null when it is not an Ed25519 key, which no node of ours has. */
export function keyOf(id: PeerId): PeerKey | null {
  return id.type === 'Ed25519' ? toHex(id.publicKey.raw) : null
}
