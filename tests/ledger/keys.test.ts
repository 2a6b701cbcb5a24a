import { ed25519 } from '@noble/curves/ed25519.js'
import { expect, it } from 'vitest'
import { checkAgreementKey, checkPublicKey } from '../../src/ledger/keys.ts'
import { fromHex } from '../../src/shared/bytes.ts'
import { expectCode } from '../support/expect-code.ts'
import { testKey, testSite } from '../support/ledger-world.ts'

// The eight points of small order, and encodings of them with y >= p (Ed25519 "taming the many EdDSAs", table 6).
const SMALL_ORDER = [
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000080',
  '0000000000000000000000000000000000000000000000000000000000000000',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
]
const OTHER_ENCODINGS = [
  '0100000000000000000000000000000000000000000000000000000000000080',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
]

it('admits keys that people make', () => {
  for (let i = 0; i < 20; i++) checkPublicKey(testKey(`key ${i}`).publicKey)
  const { site } = testSite('a')
  checkAgreementKey(site.sharingKey)
})

it.each([...SMALL_ORDER, ...OTHER_ENCODINGS])('refuses %s', (hex) => {
  expectCode('BAD_KEY', () => {
    checkPublicKey(fromHex(hex))
  })
})

it('refuses an honest key with a torsion part added', () => {
  const honest = ed25519.Point.fromBytes(testKey('honest').publicKey)
  for (const hex of SMALL_ORDER.slice(1)) {
    const mixed = honest.add(ed25519.Point.fromBytes(fromHex(hex), true)).toBytes()
    expectCode('BAD_KEY', () => {
      checkPublicKey(mixed)
    })
  }
})

it('refuses other lengths, and X25519 keys of small order', () => {
  for (const length of [0, 31, 33]) {
    expectCode('BAD_KEY', () => {
      checkPublicKey(new Uint8Array(length))
    })
    expectCode('BAD_KEY', () => {
      checkAgreementKey(new Uint8Array(length))
    })
  }
  const lowOrder = [
    '00'.repeat(32),
    '01' + '00'.repeat(31),
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  ]
  for (const hex of lowOrder) {
    expectCode('BAD_KEY', () => {
      checkAgreementKey(fromHex(hex))
    })
  }
  expect(SMALL_ORDER).toHaveLength(8)
})
