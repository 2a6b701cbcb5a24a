import { CipherSuite, Aes256Gcm, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core'
import fc from 'fast-check'
import { createCipheriv, createHmac, diffieHellman, createPrivateKey, createPublicKey, randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { generateSharingKeyPair, openEpochKey, sealEpochKey } from '../../../src/main/core/epoch-keys.ts'
import { CodedError } from '../../../src/shared/errors.ts'

const random = (size: number) => new Uint8Array(randomBytes(size))

async function codeOf(body: Promise<unknown>): Promise<string | null> {
  try {
    await body
    return null
  } catch (error) {
    if (error instanceof CodedError) return error.code as string
    throw error
  }
}

it('opens what was sealed, under the right key, subject and epoch', async () => {
  const pair = await generateSharingKeyPair()
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.nat({ max: 2 ** 32 - 1 }),
      async (key, subject, epoch) => {
        const sealed = await sealEpochKey(key, pair.publicKey, { subject, epoch, sender: pair })
        expect(sealed.length).toBe(32 + 48)
        expect(await openEpochKey(sealed, pair, { subject, epoch, sender: pair.publicKey })).toEqual(key)
      },
    ),
    { numRuns: 25 },
  )
})

it('opens under no other pair, sender, subject or epoch', async () => {
  const [pair, other] = await Promise.all([generateSharingKeyPair(), generateSharingKeyPair()])
  const [key, subject] = [random(32), random(16)]
  const sealed = await sealEpochKey(key, pair.publicKey, { subject, epoch: 1, sender: pair })
  expect(await codeOf(openEpochKey(sealed, other, { subject, epoch: 1, sender: pair.publicKey }))).toBe('NOT_AUTHENTIC')
  expect(await codeOf(openEpochKey(sealed, pair, { subject: random(16), epoch: 1, sender: pair.publicKey }))).toBe(
    'NOT_AUTHENTIC',
  )
  expect(await codeOf(openEpochKey(sealed, pair, { subject, epoch: 2, sender: pair.publicKey }))).toBe('NOT_AUTHENTIC')
  expect(await codeOf(openEpochKey(sealed, pair, { subject, epoch: 1, sender: other.publicKey }))).toBe('NOT_AUTHENTIC')
  expect(await codeOf(openEpochKey(sealed, pair, { subject, epoch: 1, sender: pair.publicKey }))).toBeNull()
})

it('gives a code for any bytes, and for any changed bit', async () => {
  const pair = await generateSharingKeyPair()
  const subject = random(16)
  const sealed = await sealEpochKey(random(32), pair.publicKey, { subject, epoch: 0, sender: pair })
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: sealed.length * 8 - 1 }), async (bit) => {
      const changed = Uint8Array.from(sealed)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      // The top bit of an X25519 public key is ignored by the function, but not by the key schedule.
      expect(await codeOf(openEpochKey(changed, pair, { subject, epoch: 0, sender: pair.publicKey }))).toBe(
        'NOT_AUTHENTIC',
      )
    }),
    { numRuns: 60 },
  )
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async (bytes) => {
      expect(await codeOf(openEpochKey(bytes, pair, { subject, epoch: 0, sender: pair.publicKey }))).toBe(
        'NOT_AUTHENTIC',
      )
    }),
    { numRuns: 60 },
  )
})

/** RFC 9180 written out for auth mode, of a site that seals to itself, with the suite of the module: nothing of the library but the ephemeral key. */
function openByHand(sealed: Uint8Array, pair: { publicKey: Uint8Array; privateKey: Uint8Array }, aad: Uint8Array) {
  const enc = sealed.subarray(0, 32)
  const agreed = (publicKey: Uint8Array) =>
    diffieHellman({
      privateKey: createPrivateKey({
        key: Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), pair.privateKey]),
        format: 'der',
        type: 'pkcs8',
      }),
      publicKey: createPublicKey({
        key: Buffer.concat([Buffer.from('302a300506032b656e032100', 'hex'), publicKey]),
        format: 'der',
        type: 'spki',
      }),
    })
  const shared = Buffer.concat([agreed(enc), agreed(pair.publicKey)])
  const hmac = (key: Uint8Array, data: Uint8Array) => createHmac('sha256', key).update(data).digest()
  const i2 = (n: number) => Buffer.from([n >> 8, n & 255])
  const kemId = Buffer.concat([Buffer.from('KEM'), i2(0x0020)])
  const suiteId = Buffer.concat([Buffer.from('HPKE'), i2(0x0020), i2(0x0001), i2(0x0002)])
  const extract = (suite: Buffer, salt: Uint8Array, label: string, ikm: Uint8Array) =>
    hmac(
      salt.length === 0 ? Buffer.alloc(32) : salt,
      Buffer.concat([Buffer.from('HPKE-v1'), suite, Buffer.from(label), ikm]),
    )
  const expand = (suite: Buffer, prk: Uint8Array, label: string, info: Uint8Array, length: number) =>
    // One block is enough for 32 bytes.
    hmac(
      prk,
      Buffer.concat([i2(length), Buffer.from('HPKE-v1'), suite, Buffer.from(label), info, Buffer.from([1])]),
    ).subarray(0, length)
  const none = Buffer.alloc(0)
  const eaePrk = extract(kemId, none, 'eae_prk', shared)
  const secret = expand(kemId, eaePrk, 'shared_secret', Buffer.concat([enc, pair.publicKey, pair.publicKey]), 32)
  const context = Buffer.concat([
    Buffer.from([2]),
    extract(suiteId, none, 'psk_id_hash', none),
    extract(suiteId, none, 'info_hash', Buffer.from('chartseal/epoch-key/v1')),
  ])
  const prk = extract(suiteId, secret, 'secret', none)
  const key = expand(suiteId, prk, 'key', context, 32)
  const nonce = expand(suiteId, prk, 'base_nonce', context, 12)
  const body = sealed.subarray(32)
  // GCM is its own inverse in counter mode; the tag is checked by sealing again.
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(aad)
  const plain = Buffer.concat([cipher.update(body.subarray(0, 32)), cipher.final()])
  const again = createCipheriv('aes-256-gcm', key, nonce).setAAD(aad)
  const sealedAgain = Buffer.concat([again.update(plain), again.final(), again.getAuthTag()])
  expect(sealedAgain.equals(body)).toBe(true)
  return new Uint8Array(plain)
}

it('is RFC 9180 auth mode with X25519, HKDF-SHA256 and AES-256-GCM, worked out by hand', async () => {
  const pair = await generateSharingKeyPair()
  const [key, subject] = [random(32), random(16)]
  const sealed = await sealEpochKey(key, pair.publicKey, { subject, epoch: 0x01020304, sender: pair })
  const aad = Buffer.concat([subject, Buffer.from([1, 2, 3, 4])])
  expect(openByHand(sealed, pair, aad)).toEqual(key)
})

it('refuses what somebody sealed who knows public keys only', async () => {
  const pair = await generateSharingKeyPair()
  const subject = random(16)
  const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() })
  const { enc, ct } = await suite.seal(
    {
      recipientPublicKey: await suite.kem.deserializePublicKey(pair.publicKey.slice().buffer),
      info: new TextEncoder().encode('chartseal/epoch-key/v1'),
    },
    new Uint8Array(32).fill(9).buffer,
    Buffer.concat([subject, Buffer.from([0, 0, 0, 0])]),
  )
  const sealed = new Uint8Array([...new Uint8Array(enc), ...new Uint8Array(ct)])
  expect(await codeOf(openEpochKey(sealed, pair, { subject, epoch: 0, sender: pair.publicKey }))).toBe('NOT_AUTHENTIC')
})
