import { describe, expect, it } from 'vitest'
import { deriveKey, derivePassword } from '../../../src/main/keystore/derive.ts'
import { keyPairFromSeed, openSealed, seal, sign, verifier, wipe } from '../../../src/main/keystore/sodium.ts'
import { concatBytes, fromHex, toHex } from '../../../src/shared/bytes.ts'

const utf8 = (text: string) => new TextEncoder().encode(text)

/** RFC 8032, section 7.1, tests 1 to 3: seed, public key, message, signature. */
const RFC_8032 = [
  [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
] as const

describe('Ed25519', () => {
  it.each(RFC_8032)('signs as RFC 8032 does (seed %s)', (seed, publicKey, message, signature) => {
    expect(toHex(keyPairFromSeed(fromHex(seed)).publicKey)).toBe(publicKey)
    expect(toHex(sign(fromHex(seed), fromHex(message)))).toBe(signature)
    expect(verifier.verify(fromHex(signature), fromHex(message), fromHex(publicKey))).toBe(true)
  })

  it('refuses any changed signature, message or key, of any length, without throwing', () => {
    const [, key, message, signature] = RFC_8032[2].map(fromHex) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
    const changed = (bytes: Uint8Array, at: number) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))
    for (let at = 0; at < 64; at++) expect(verifier.verify(changed(signature, at), message, key)).toBe(false)
    for (let at = 0; at < 32; at++) expect(verifier.verify(signature, message, changed(key, at))).toBe(false)
    expect(verifier.verify(signature, new Uint8Array(2), key)).toBe(false)
    for (const length of [0, 1, 31, 33, 63, 65, 128]) {
      expect(verifier.verify(new Uint8Array(length), message, key)).toBe(false)
      expect(verifier.verify(signature, message, new Uint8Array(length))).toBe(false)
    }
  })

  it('leaves the caller its seed', () => {
    const seed = fromHex(RFC_8032[0][0])
    sign(seed, utf8('x'))
    expect(toHex(seed)).toBe(RFC_8032[0][0])
  })
})

describe('sealing', () => {
  const key = new Uint8Array(32).map((_, i) => 0x80 + i)

  it('opens the published example (draft-irtf-cfrg-xchacha-03, A.3.1)', () => {
    const nonce = new Uint8Array(24).map((_, i) => 0x40 + i)
    const box =
      'bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452' +
      '2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13b52e' +
      'c0875924c1c7987947deafd8780acf49'
    const opened = openSealed(key, concatBytes(nonce, fromHex(box)), fromHex('50515253c0c1c2c3c4c5c6c7'))
    expect(new TextDecoder().decode(opened ?? new Uint8Array())).toMatch(
      /^Ladies and Gentlemen of the class of '99: .* be it\.$/,
    )
  })

  it('opens what it sealed, for the same key and context and unchanged only', () => {
    const sealed = seal(key, utf8('value'), utf8('context'))
    expect(openSealed(key, sealed, utf8('context'))).toEqual(utf8('value'))
    expect(openSealed(key, sealed, utf8('other'))).toBeNull()
    expect(openSealed(new Uint8Array(32), sealed, utf8('context'))).toBeNull()
    for (let at = 0; at < sealed.length; at++) {
      const changed = sealed.map((byte, i) => (i === at ? byte ^ 0x80 : byte))
      expect(openSealed(key, changed, utf8('context'))).toBeNull()
      expect(openSealed(key, sealed.subarray(0, at), utf8('context'))).toBeNull()
    }
  })

  it('never uses a nonce twice', () => {
    const nonces = Array.from({ length: 100 }, () => toHex(seal(key, utf8('x'), utf8('')).subarray(0, 24)))
    expect(new Set(nonces).size).toBe(100)
  })
})

it('wipes', () => {
  const [a, b] = [new Uint8Array(3).fill(1), new Uint8Array(2).fill(2)]
  wipe(a, b)
  expect([...a, ...b]).toEqual([0, 0, 0, 0, 0])
})

it('derives as RFC 7914 does', async () => {
  const key = await derivePassword('pleaseletmein', utf8('SodiumChloride'), { logN: 14, r: 8, p: 1 })
  expect(toHex(key)).toBe('7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2')
})

it('derives a key of its own for each purpose', () => {
  const secret = new Uint8Array(32)
  const keys = ['a', 'b', 'check', 'secret\na'].map((purpose) => toHex(deriveKey(secret, purpose)))
  expect(new Set(keys).size).toBe(4)
})
