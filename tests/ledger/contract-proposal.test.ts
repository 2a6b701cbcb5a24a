import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addContractApproval,
  type ContractFile,
  decodeContractProposal,
  encodeContractProposal,
  openContractProposal,
} from '../../src/ledger/contract-proposal.ts'
import { checkContractApprovals } from '../../src/ledger/governance.ts'
import { nobleHasher as h } from '../../src/ledger/hash.ts'
import { LedgerError } from '../../src/ledger/errors.ts'
import { encodeRoster, networkIdOf } from '../../src/ledger/roster.ts'
import { codeOf } from '../support/expect-code.ts'
import { testRoster, testSite, verifier } from '../support/ledger-world.ts'

const sites = ['a', 'b', 'c', 'd'].map((name) => testSite(`test.local/${name}`))
const stranger = testSite('test.local/x')
const roster = testRoster(sites.map(({ site }) => site))
const network = networkIdOf(h, encodeRoster(roster))
const document = new TextEncoder().encode('permit (principal, action, resource);')
const empty: ContractFile = { network, version: 3, language: 'cedar', document, approvals: [] }
const by = (...who: typeof sites): ContractFile =>
  who.reduce((file, { governance }) => addContractApproval(file, governance.publicKey, governance.sign), empty)
const open = (file: ContractFile, version = 2) => openContractProposal(verifier, network, { roster, version }, file)

describe('a contract on its way', () => {
  it('reads as it was written', () => {
    for (const file of [empty, by(sites[2]!, sites[0]!), by(...sites)]) {
      const text = encodeContractProposal(file)
      expect(encodeContractProposal(decodeContractProposal(text))).toBe(text)
    }
  })

  it('counts a site once, and nobody who has no say', () => {
    const [a, b, c] = sites
    expect(open(empty)).toMatchObject({ approvedBy: [], votesMissing: 3 })
    expect(open(by(b!, a!, a!))).toMatchObject({ approvedBy: ['test.local/a', 'test.local/b'], votesMissing: 1 })
    expect(open(by(stranger))).toMatchObject({ approvedBy: [], votesMissing: 3, file: { approvals: [] } })
    const full = open(by(a!, b!, c!))
    expect(full.votesMissing).toBe(0)
    expect(() => {
      checkContractApprovals(verifier, network, roster, full.file)
    }).not.toThrow()
  })

  it('does not count an approval of another text or version', () => {
    const [a] = sites
    const { approvals } = by(a!)
    expect(open({ ...empty, document: new Uint8Array([1]), approvals }).approvedBy).toEqual([])
    expect(open({ ...empty, version: 4, approvals }, 3).approvedBy).toEqual([])
  })

  it('is of this network and the next version, or refused', () => {
    expect(codeOf(() => open({ ...empty, network: new Uint8Array(32) }))).toBe('WRONG_NETWORK')
    for (const version of [1, 3, 9]) expect(codeOf(() => open(empty, version))).toBe('CONTRACT_NOT_NEXT')
  })

  it('of any changed character is refused with a code, or counts nothing more', () => {
    const text = encodeContractProposal(by(sites[0]!))
    fc.assert(
      fc.property(
        fc.nat({ max: text.length - 1 }),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
        (at, char) => {
          try {
            const { approvedBy } = open(decodeContractProposal(text.slice(0, at) + char + text.slice(at + 1)))
            expect(['', 'test.local/a']).toContain(approvedBy.join())
          } catch (error) {
            expect(error).toBeInstanceOf(LedgerError)
          }
        },
      ),
    )
  })

  it('of any text at all is refused with a code', () => {
    fc.assert(
      fc.property(fc.string(), fc.boolean(), (text, hasHeader) => {
        const whole = hasHeader ? `chartseal/contract-proposal/v1\n${text}` : text
        expect(() => decodeContractProposal(whole)).toThrow(LedgerError)
      }),
    )
  })
})
