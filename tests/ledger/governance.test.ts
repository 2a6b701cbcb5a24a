import { describe, expect, it } from 'vitest'
import { decodeCbor, encodeCbor } from '../../src/ledger/cbor.ts'
import {
  approvingKeys,
  checkContractApprovals,
  contractMessage,
  decodeApprovals,
  encodeApprovals,
  rosterMessage,
} from '../../src/ledger/governance.ts'
import { fromHex, toHex } from '../../src/shared/bytes.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'
import { approvalsBy, testKey, testRoster, testSite, verifier } from '../support/ledger-world.ts'

const network = new Uint8Array(32).fill(0x11)
const document = fromHex('d1d2')
const contract = { version: 1, language: 'x', document }

describe('what an approval is over', () => {
  it('is the message of docs/protocol.md, "Governed documents"', () => {
    expect(toHex(rosterMessage(network, document))).toBe(
      `63686172747365616c2f726f737465722f76310a${'11'.repeat(32)}d1d2`,
    )
    expect(toHex(contractMessage(network, contract))).toBe(
      `63686172747365616c2f636f6e74726163742f76310a${'11'.repeat(32)}a3010102617803` + '42d1d2',
    )
  })

  it('tells rosters, contracts, networks, versions and languages apart', () => {
    const messages = [
      rosterMessage(network, document),
      rosterMessage(
        network.map(() => 1),
        document,
      ),
      contractMessage(network, contract),
      contractMessage(network, { ...contract, version: 2 }),
      contractMessage(network, { ...contract, language: 'y' }),
      contractMessage(network, { ...contract, document: network }),
    ]
    expect(new Set(messages.map(toHex)).size).toBe(messages.length)
  })
})

describe('approvals', () => {
  const keys = ['a', 'b', 'c'].map((name) => testKey(name))
  const message = rosterMessage(network, document)

  it('have one encoding, whatever order they came in', () => {
    const approvals = approvalsBy(keys, message)
    const bytes = encodeCbor(encodeApprovals(approvals))
    expect(encodeCbor(encodeApprovals(approvals.toReversed()))).toEqual(bytes)
    const items = decodeCbor(bytes, 10_000)
    expect(decodeApprovals(items as never)).toHaveLength(3)
  })

  it('count when they verify', () => {
    const approvals = approvalsBy(keys, message)
    expect(approvingKeys(verifier, message, approvals)).toEqual(new Set(keys.map((key) => toHex(key.publicKey))))
    for (const at of [0, 31, 32, 63]) {
      const bent = approvals.map((a, i) =>
        i === 1 ? { ...a, signature: a.signature.with(at, a.signature[at]! ^ 1) } : a,
      )
      expectCode('SIGNATURE_INVALID', () => approvingKeys(verifier, message, bent))
    }
    const swapped = approvals.map((a, i) => ({ ...a, publicKey: keys[(i + 1) % 3]!.publicKey }))
    expectCode('SIGNATURE_INVALID', () => approvingKeys(verifier, message, swapped))
  })
})

it.each([1, 2, 3, 4, 5, 7])('a contract of %i sites needs a quorum of them, and nobody else', (n) => {
  const sites = Array.from({ length: n }, (_, i) => testSite(`test.local/s${i}`))
  const roster = testRoster(sites.map((s) => s.site))
  const q = [0, 1, 2, 2, 3, 4, 4, 5][n]!
  const check = (keys: readonly ReturnType<typeof testKey>[]) =>
    codeOf(() => {
      const approvals = approvalsBy(keys, contractMessage(network, contract))
      checkContractApprovals(verifier, network, roster, { ...contract, approvals })
    })
  const governance = sites.map((s) => s.governance)
  expect(check(governance)).toBeNull()
  expect(check(governance.slice(n - q))).toBeNull()
  expect(check(governance.slice(n - q + 1))).toBe('QUORUM_MISSING')
  expect(check([...governance, testKey('stranger')])).toBe('UNKNOWN_SIGNER')
  expect(check([...governance.slice(1), sites[0]!.mirror])).toBe('UNKNOWN_SIGNER')
})
