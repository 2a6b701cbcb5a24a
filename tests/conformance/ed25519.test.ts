import { readFileSync } from 'node:fs'
import { ed25519 } from '@noble/curves/ed25519.js'
import { describe, expect, it } from 'vitest'
import { LedgerError } from '../../src/ledger/errors.ts'
import { nobleHasher, utf8 } from '../../src/ledger/hash.ts'
import { checkPublicKey } from '../../src/ledger/keys.ts'
import { verifies } from '../../src/ledger/signatures.ts'
import { fromHex, toHex } from '../../src/shared/bytes.ts'
import { isSignedBy } from '../../src/verifier/signed-head.ts'
import { verifier } from '../support/ledger-world.ts'
import { sharedData } from '../support/shared-data.ts'

// C2SP/CCTV, ed25519/ (BSD-3-Clause): signatures on which libraries disagree.
const path = sharedData('ed25519-edge-cases/ed25519vectors.json')

interface Row {
  key: string
  sig: string
  msg: string
  flags: string[] | null
}

/** How many rows libsodium-wrappers 0.8.4 accepts, and SHA-256 of its verdicts, one digit a row. */
const LIBSODIUM = { accepted: 43, sha256: '9111cd3acbe211e15031707588bc9d68cb7b0c2d8f500fad1ebfedfc4362ffab' }
/** The same for @noble/curves 2.4.0 without ZIP 215. */
const NOBLE_STRICT = { accepted: 212, sha256: 'b3840f058d24e80382b2b0946d783387d647c03aa678378aeee8a80c6a026a20' }

describe.skipIf(path === null)('needs ../shared/data: 914 edge cases of Ed25519', () => {
  const rows = (path === null ? [] : JSON.parse(readFileSync(path, 'utf8'))) as Row[]
  const table = (accepts: (signature: Uint8Array, message: Uint8Array, key: Uint8Array) => boolean) =>
    rows.map((row) => (accepts(fromHex(row.sig), utf8(row.msg), fromHex(row.key)) ? '1' : '0')).join('')
  const summary = (verdicts: string) => ({
    accepted: verdicts.replaceAll('0', '').length,
    sha256: toHex(nobleHasher.sha256(utf8(verdicts))),
  })
  const isAdmitted = (key: Uint8Array): boolean => {
    try {
      checkPublicKey(key)
      return true
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error
      return false
    }
  }

  it('has all rows', () => {
    expect(rows).toHaveLength(914)
  })

  it('libsodium, which decides, gives the pinned verdicts', () => {
    expect(summary(table((s, m, k) => verifies(verifier, s, m, k)))).toEqual(LIBSODIUM)
  })

  it('noble strict, which the second verifier uses, gives the pinned verdicts', () => {
    expect(summary(table(isSignedBy))).toEqual(NOBLE_STRICT)
  })

  it('noble by default is ZIP 215, which nothing here may use: its verdicts are others', () => {
    expect(summary(table((s, m, k) => ed25519.verify(s, m, k)))).toMatchObject({ accepted: 826 })
  })

  it('admits no key with small order, torsion, or another encoding', () => {
    const flagged = rows.filter((row) => /low_order(_component)?_A|non_canonical_A/.test((row.flags ?? []).join(' ')))
    expect(flagged.length).toBeGreaterThan(500)
    expect(flagged.filter((row) => isAdmitted(fromHex(row.key)))).toEqual([])
  })

  it('under admitted keys, what libsodium accepts the second verifier accepts', () => {
    const admitted = rows.filter((row) => isAdmitted(fromHex(row.key)))
    const accepted = admitted.filter((row) => verifies(verifier, fromHex(row.sig), utf8(row.msg), fromHex(row.key)))
    expect(accepted.length).toBeGreaterThan(0)
    for (const row of accepted)
      expect(isSignedBy(fromHex(row.sig), utf8(row.msg), fromHex(row.key)), row.sig).toBe(true)
  })
})
