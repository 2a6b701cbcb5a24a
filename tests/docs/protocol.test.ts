import {
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  randomBytes,
} from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sodium from 'libsodium-wrappers'
import { beforeAll, describe, expect, it } from 'vitest'
import { classKeyOf, sealClassKeys } from '../../src/main/core/class-keys.ts'
import { sealEnvelope } from '../../src/main/core/envelope.ts'
import { generateSharingKeyPair, sealEpochKey, type SharingKeyPair } from '../../src/main/core/epoch-keys.ts'
import { createKeystore } from '../../src/main/keystore/keystore.ts'

/**
 * Readers written from docs/protocol.md alone, with other libraries than the program's: what they open is what the
 * page says.
 */
const random = (size: number) => new Uint8Array(randomBytes(size))
const text = (value: string) => Buffer.from(value, 'utf8')
const u32be = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

beforeAll(async () => {
  await sodium.ready
})

/** `nonce24 || XChaCha20-Poly1305`. */
function unseal(key: Uint8Array, sealed: Uint8Array, associated: Uint8Array): Uint8Array {
  const [nonce, box] = [sealed.subarray(0, 24), sealed.subarray(24)]
  return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, box, associated, nonce, key)
}

describe('Payload envelope v1', () => {
  const context = { subject: random(16), entryId: random(16), epoch: 3 }
  const bound = Buffer.concat([context.subject, context.entryId, u32be(3)])
  const under = (purpose: string) => Buffer.concat([text(`chartseal/${purpose}/v1\n`), bound])

  it.each([
    ['{}', 512],
    ['x'.repeat(508), 512],
    ['x'.repeat(509), 1024],
    ['x'.repeat(32_764), 32_768],
    ['x'.repeat(32_765), 65_536],
  ])('opens as written down', (plaintext, bucket) => {
    const epochKey = random(32)
    const classKey = classKeyOf(epochKey, 'vital-signs')
    const { envelope, binding } = sealEnvelope(text(plaintext), classKey, context, random)
    expect(createHash('sha256').update(envelope.ciphertext).digest()).toEqual(Buffer.from(binding.ciphertextHash))
    expect([envelope.wrappedKey.length, envelope.salt.length]).toEqual([72, 72])
    const recordKey = unseal(
      new Uint8Array(hkdfSync('sha256', epochKey, new Uint8Array(0), text('chartseal/class-key/v1\nvital-signs'), 32)),
      envelope.wrappedKey,
      under('record-key'),
    )
    const padded = Buffer.from(unseal(recordKey, envelope.ciphertext, under('payload')))
    expect(padded.length).toBe(bucket)
    const length = padded.readUInt32BE(0)
    expect(padded.subarray(4, 4 + length).toString()).toBe(plaintext)
    expect(padded.subarray(4 + length).every((byte) => byte === 0)).toBe(true)
    const salt = unseal(recordKey, envelope.salt, under('salt'))
    expect(createHmac('sha256', salt).update(plaintext).digest()).toEqual(Buffer.from(binding.commitment))
  })
})

describe('Epoch keys', () => {
  const X25519_PRIVATE = Buffer.from('302e020100300506032b656e04220420', 'hex')
  const X25519_PUBLIC = Buffer.from('302a300506032b656e032100', 'hex')
  const KEM = Buffer.concat([text('KEM'), Buffer.from('0020', 'hex')])
  const HPKE = Buffer.concat([text('HPKE'), Buffer.from('002000010002', 'hex')])
  const hmac = (key: Uint8Array, data: Uint8Array) => createHmac('sha256', key).update(data).digest()
  const extract = (suite: Buffer, salt: Uint8Array, label: string, key: Uint8Array) =>
    hmac(salt, Buffer.concat([text('HPKE-v1'), suite, text(label), key]))
  /** HKDF-Expand for at most one block. */
  const expand = (suite: Buffer, key: Uint8Array, label: string, info: Uint8Array, size: number) => {
    const labelled = Buffer.concat([u32be(size).subarray(2), text('HPKE-v1'), suite, text(label), info])
    return hmac(key, Buffer.concat([labelled, Buffer.of(1)])).subarray(0, size)
  }
  const NONE = new Uint8Array(0)

  /** RFC 9180, auth mode, single shot. */
  function open(
    sealed: Uint8Array,
    { privateKey, publicKey }: SharingKeyPair,
    sender: Uint8Array,
    info: Buffer,
    aad: Buffer,
  ): Buffer {
    const [enc, box] = [sealed.subarray(0, 32), sealed.subarray(32)]
    const agreed = (other: Uint8Array) =>
      diffieHellman({
        privateKey: createPrivateKey({
          key: Buffer.concat([X25519_PRIVATE, privateKey]),
          format: 'der',
          type: 'pkcs8',
        }),
        publicKey: createPublicKey({ key: Buffer.concat([X25519_PUBLIC, other]), format: 'der', type: 'spki' }),
      })
    const dh = Buffer.concat([agreed(enc), agreed(sender)])
    const parties = Buffer.concat([enc, publicKey, sender])
    const shared = expand(KEM, extract(KEM, NONE, 'eae_prk', dh), 'shared_secret', parties, 32)
    const schedule = Buffer.concat([
      Buffer.of(2),
      extract(HPKE, NONE, 'psk_id_hash', NONE),
      extract(HPKE, NONE, 'info_hash', info),
    ])
    const secret = extract(HPKE, shared, 'secret', NONE)
    const key = expand(HPKE, secret, 'key', schedule, 32)
    const cipher = createDecipheriv('aes-256-gcm', key, expand(HPKE, secret, 'base_nonce', schedule, 12))
    cipher.setAAD(aad).setAuthTag(box.subarray(-16))
    return Buffer.concat([cipher.update(box.subarray(0, -16)), cipher.final()])
  }

  it('open as written down', async () => {
    const [pair, sender] = [await generateSharingKeyPair(), await generateSharingKeyPair()]
    const [epochKey, subject] = [random(32), random(16)]
    const sealed = await sealEpochKey(epochKey, pair.publicKey, { subject, epoch: 7, sender })
    expect(sealed.length).toBe(80)
    const aad = Buffer.concat([subject, u32be(7)])
    expect(open(sealed, pair, sender.publicKey, text('chartseal/epoch-key/v1'), aad)).toEqual(Buffer.from(epochKey))
  })

  it('hand over class keys as written down', async () => {
    const [pair, sender] = [await generateSharingKeyPair(), await generateSharingKeyPair()]
    const [vital, demographics, subject] = [random(32), random(32), random(16)]
    const bundle = new Map([
      ['vital-signs', vital],
      ['demographics', demographics],
    ] as const)
    const sealed = await sealClassKeys(bundle, pair.publicKey, { subject, epoch: 7, sender })
    const plain = open(
      sealed,
      pair,
      sender.publicKey,
      text('chartseal/class-keys/v1'),
      Buffer.concat([subject, u32be(7)]),
    )
    // Arrays of two, text of 12 and 11 bytes, byte strings of 32.
    const key = (bytes: Uint8Array) => Buffer.concat([Buffer.of(0x58, 32), bytes])
    const row = (name: string, bytes: Uint8Array) =>
      Buffer.concat([Buffer.of(0x82, 0x60 + name.length), text(name), key(bytes)])
    expect(plain).toEqual(
      Buffer.concat([Buffer.of(0x82), row('demographics', demographics), row('vital-signs', vital)]),
    )
  })
})

describe('Data folder', () => {
  it('keeps secrets and the high-water mark as written down', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'chartseal-protocol-'))
    const nodeSecret = random(32)
    const keyOf = (purpose: string) =>
      new Uint8Array(hkdfSync('sha256', nodeSecret, NOTHING, `chartseal/keystore/v1\n${purpose}`, 32))
    try {
      const keystore = await createKeystore(join(folder, 'keystore'), { kind: 'system', nodeSecret })
      await keystore.secrets.put('log-seed', text('a seed'))
      for (const size of [4, 9, 12]) keystore.highWater.write({ note: `note of ${size}\n`, size })
      keystore.close()
      const sealed = readFileSync(join(folder, 'keystore/secrets/log-seed.sealed'))
      expect(
        Buffer.from(unseal(keyOf('secret\nlog-seed'), sealed, text('chartseal/secret/v1\nlog-seed\n'))).toString(),
      ).toBe('a seed')
      const marks = readFileSync(join(folder, 'keystore/high-water'))
      expect(marks.length).toBe(2 * 8192)
      expect([0, 1].map((number) => slot(marks, number, keyOf('high-water')))).toEqual([
        { counter: 2, size: 9, note: 'note of 9\n' },
        { counter: 3, size: 12, note: 'note of 12\n' },
      ])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  const NOTHING = new Uint8Array(0)

  function slot(marks: Buffer, number: number, key: Uint8Array) {
    const bytes = marks.subarray(number * 8192, (number + 1) * 8192)
    expect(createHmac('sha256', key).update(bytes.subarray(0, 8160)).digest()).toEqual(bytes.subarray(8160))
    expect(bytes.subarray(0, 6)).toEqual(Buffer.concat([text('CSHW'), Buffer.of(1, number)]))
    const [counter, size] = [Number(bytes.readBigUInt64BE(8)), Number(bytes.readBigUInt64BE(16))]
    return { counter, size, note: bytes.subarray(24, 24 + bytes.readUInt16BE(6)).toString() }
  }
})
