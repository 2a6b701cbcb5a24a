/**
 * Epoch keys of subjects, and how they are sealed to sites: HPKE auth mode (RFC 9180) with
 * DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM.
 *
 * @remarks
 * ```
 * info   = "chartseal/epoch-key/v1"
 * aad    = subject16 || u32be(epoch)
 * sealed = enc32 || ciphertext48
 * ```
 * The sender authenticates with its site's sharing key: a public key alone is enough to seal in base mode, and whoever
 * writes the database would put in a key of their own.
 * Proven by `tests/main/core/epoch-keys.test.ts`.
 *
 * @packageDocumentation
 */
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core'
import { x25519 } from '@noble/curves/ed25519.js'
import { concatBytes } from '../../shared/bytes.ts'
import { EnvelopeError } from './envelope.ts'

const SUITE = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() })
const INFO = 'chartseal/epoch-key/v1'
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

/** Which key is sealed, and by whom. */
export interface EpochKeyContext<Sender> {
  /** Handle, 16 bytes. */
  readonly subject: Uint8Array
  /** 0 or more. */
  readonly epoch: number
  /** The sharing key of the site that seals. */
  readonly sender: Sender
}

/**
 * Seals an epoch key to one recipient.
 *
 * @param recipient - The recipient's X25519 public key, 32 bytes, from the roster.
 */
export function sealEpochKey(
  epochKey: Uint8Array,
  recipient: Uint8Array,
  context: EpochKeyContext<SharingKeyPair>,
): Promise<Uint8Array> {
  return sealFromSite(epochKey, recipient, INFO, context)
}

/**
 * Opens a sealed epoch key.
 *
 * @param sealed - Untrusted.
 * @param pair - The recipient's.
 * @throws EnvelopeError `NOT_AUTHENTIC` when it was sealed to another key, by another site, for another subject or
 * epoch, or was changed.
 */
export function openEpochKey(
  sealed: Uint8Array,
  pair: SharingKeyPair,
  context: EpochKeyContext<Uint8Array>,
): Promise<Uint8Array> {
  return openFromSite(sealed, pair, INFO, context)
}

/**
 * Seals keys of one epoch of a subject, in auth mode.
 *
 * @param recipient - X25519 public key, 32 bytes.
 * @param info - What is sealed, and its format.
 */
export async function sealFromSite(
  plain: Uint8Array,
  recipient: Uint8Array,
  info: string,
  { subject, epoch, sender }: EpochKeyContext<SharingKeyPair>,
): Promise<Uint8Array> {
  const recipientPublicKey = await SUITE.kem.deserializePublicKey(buffer(recipient))
  const parameters = { recipientPublicKey, senderKey: await keyPair(sender), info: new TextEncoder().encode(info) }
  const { enc, ct } = await SUITE.seal(parameters, buffer(plain), buffer(aad(subject, epoch)))
  return concatBytes(new Uint8Array(enc), new Uint8Array(ct))
}

/**
 * Opens {@link sealFromSite}.
 *
 * @param sealed - Untrusted.
 * @param pair - The recipient's.
 * @throws EnvelopeError `NOT_AUTHENTIC`.
 */
export async function openFromSite(
  sealed: Uint8Array,
  pair: SharingKeyPair,
  info: string,
  { subject, epoch, sender }: EpochKeyContext<Uint8Array>,
): Promise<Uint8Array> {
  try {
    const parameters = {
      recipientKey: await keyPair(pair),
      senderPublicKey: await SUITE.kem.deserializePublicKey(buffer(sender)),
      enc: buffer(sealed.subarray(0, ENC_SIZE)),
      info: new TextEncoder().encode(info),
    }
    const plain = await SUITE.open(parameters, buffer(sealed.subarray(ENC_SIZE)), buffer(aad(subject, epoch)))
    return new Uint8Array(plain)
  } catch (cause) {
    throw new EnvelopeError('NOT_AUTHENTIC', 'key does not open', { cause })
  }
}

/**
 * Seals bytes to a public key in base mode: nobody vouches for the sender.
 *
 * @param recipient - X25519 public key, 32 bytes.
 * @param info - What is sealed, and its format.
 * @param aad - What it must be opened together with.
 */
export async function sealToKey(
  plain: Uint8Array,
  recipient: Uint8Array,
  info: string,
  aad: Uint8Array,
): Promise<Uint8Array> {
  const recipientPublicKey = await SUITE.kem.deserializePublicKey(buffer(recipient))
  const parameters = { recipientPublicKey, info: new TextEncoder().encode(info) }
  const { enc, ct } = await SUITE.seal(parameters, buffer(plain), buffer(aad))
  return concatBytes(new Uint8Array(enc), new Uint8Array(ct))
}

/**
 * Opens {@link sealToKey}.
 *
 * @param sealed - Untrusted.
 * @param privateKey - The recipient's, 32 bytes.
 * @throws EnvelopeError `NOT_AUTHENTIC`.
 */
export async function openSealedToKey(
  sealed: Uint8Array,
  privateKey: Uint8Array,
  info: string,
  aad: Uint8Array,
): Promise<Uint8Array> {
  try {
    const recipientKey = await SUITE.kem.deserializePrivateKey(buffer(privateKey))
    const enc = buffer(sealed.subarray(0, ENC_SIZE))
    const parameters = { recipientKey, enc, info: new TextEncoder().encode(info) }
    return new Uint8Array(await SUITE.open(parameters, buffer(sealed.subarray(ENC_SIZE)), buffer(aad)))
  } catch (cause) {
    throw new EnvelopeError('NOT_AUTHENTIC', 'does not open', { cause })
  }
}

/** Public half of an X25519 private key, 32 bytes each. */
export function sharingPublicKeyOf(privateKey: Uint8Array): Uint8Array {
  return x25519.getPublicKey(privateKey)
}

async function keyPair({ publicKey, privateKey }: SharingKeyPair): Promise<CryptoKeyPair> {
  return {
    publicKey: await SUITE.kem.deserializePublicKey(buffer(publicKey)),
    privateKey: await SUITE.kem.deserializePrivateKey(buffer(privateKey)),
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
