/**
 * Epoch keys of subjects, and how they are sealed to sites: HPKE base mode (RFC 9180) with
 * DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM.
 *
 * @remarks
 * ```
 * info   = "chartseal/epoch-key/v1"
 * aad    = subject16 || u32be(epoch)
 * sealed = enc32 || ciphertext48
 * ```
 * Proven by `tests/main/core/epoch-keys.test.ts`.
 *
 * @packageDocumentation
 */
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core'
import { concatBytes } from '../../shared/bytes.ts'
import { EnvelopeError } from './envelope.ts'

const SUITE = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() })
const INFO = new TextEncoder().encode('chartseal/epoch-key/v1')
const ENC_SIZE = 32

/** An X25519 key pair, 32 bytes each. */
export interface SharingKeyPair {
  readonly publicKey: Uint8Array
  readonly privateKey: Uint8Array
}

/** A new sharing key pair, from the platform's generator. */
export async function generateSharingKeyPair(): Promise<SharingKeyPair> {
  const pair = await SUITE.kem.generateKeyPair()
  return {
    publicKey: new Uint8Array(await SUITE.kem.serializePublicKey(pair.publicKey)),
    privateKey: new Uint8Array(await SUITE.kem.serializePrivateKey(pair.privateKey)),
  }
}

/**
 * Seals an epoch key to one recipient.
 *
 * @param recipient - The recipient's X25519 public key, 32 bytes, from the roster.
 * @param subject - Handle, 16 bytes.
 */
export async function sealEpochKey(
  epochKey: Uint8Array,
  recipient: Uint8Array,
  subject: Uint8Array,
  epoch: number,
): Promise<Uint8Array> {
  const recipientPublicKey = await SUITE.kem.deserializePublicKey(buffer(recipient))
  const { enc, ct } = await SUITE.seal(
    { recipientPublicKey, info: INFO },
    buffer(epochKey),
    buffer(aad(subject, epoch)),
  )
  return concatBytes(new Uint8Array(enc), new Uint8Array(ct))
}

/**
 * Opens a sealed epoch key.
 *
 * @param sealed - Untrusted.
 * @throws EnvelopeError `NOT_AUTHENTIC` when it was sealed to another key, subject or epoch, or was changed.
 */
export async function openEpochKey(
  sealed: Uint8Array,
  pair: SharingKeyPair,
  subject: Uint8Array,
  epoch: number,
): Promise<Uint8Array> {
  try {
    const recipientKey = {
      publicKey: await SUITE.kem.deserializePublicKey(buffer(pair.publicKey)),
      privateKey: await SUITE.kem.deserializePrivateKey(buffer(pair.privateKey)),
    }
    const enc = buffer(sealed.subarray(0, ENC_SIZE))
    const plain = await SUITE.open(
      { recipientKey, enc, info: INFO },
      buffer(sealed.subarray(ENC_SIZE)),
      buffer(aad(subject, epoch)),
    )
    return new Uint8Array(plain)
  } catch (cause) {
    throw new EnvelopeError('NOT_AUTHENTIC', 'epoch key does not open', { cause })
  }
}

function aad(subject: Uint8Array, epoch: number): Uint8Array {
  const bytes = new Uint8Array(20)
  bytes.set(subject)
  new DataView(bytes.buffer).setUint32(16, epoch)
  return bytes
}

/** A copy in a buffer of its own: WebCrypto refuses views on shared memory. */
function buffer(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer
}
