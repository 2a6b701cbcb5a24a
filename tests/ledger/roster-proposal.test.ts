import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rosterMessage } from '../../src/ledger/governance.ts'
import { nobleHasher as h } from '../../src/ledger/hash.ts'
import { checkNextRoster } from '../../src/ledger/next-roster.ts'
import { encodeRoster, networkIdOf, rosterHash } from '../../src/ledger/roster.ts'
import { addApproval, decodeProposal, encodeProposal, openProposal } from '../../src/ledger/roster-proposal.ts'
import { fromHex, toHex } from '../../src/shared/bytes.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'
import { approvalsBy, testKey, testRoster, testSite, verifier } from '../support/ledger-world.ts'

const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map((name) => testSite(`test.local/${name}`)) as [
  Site,
  Site,
  Site,
  Site,
  Site,
]
type Site = ReturnType<typeof testSite>
const first = testRoster([a, b, c, d].map((s) => s.site))
const network = networkIdOf(h, encodeRoster(first))
const current = { roster: first, hash: rosterHash(h, first) }
const next = { ...testRoster([a, b, c, d, e].map((s) => s.site)), version: 2, previous: current.hash }
const document = encodeRoster(next)
const empty = { network, document, approvals: [] }
const by = (...sites: Site[]) =>
  sites.reduce<Parameters<typeof addApproval>[0]>(
    (file, site) => addApproval(file, site.governance.publicKey, site.governance.sign),
    empty,
  )
const open = (file: typeof empty | ReturnType<typeof by>) => openProposal(verifier, network, current, file)

describe('the file of a proposal', () => {
  it('has the text of docs/protocol.md, "Roster proposal"', () => {
    const file = { network: new Uint8Array(32).fill(0x11), document: fromHex('d1d2'), approvals: [] }
    expect(encodeProposal(file)).toBe(
      'chartseal/roster-proposal/v1\nowFYIBERERERERERERERERERERERERERERERERERERERERERAkLR0gOA\n',
    )
  })

  it('reads as it was written', () => {
    for (const file of [empty, by(a), by(c, a, e)]) {
      const read = decodeProposal(encodeProposal(file))
      expect(encodeProposal(read)).toBe(encodeProposal(file))
      expect(read.approvals).toHaveLength(file.approvals.length)
    }
  })

  it('of any changed character is refused with a code, or another file', () => {
    const text = encodeProposal(by(a))
    fc.assert(
      fc.property(
        fc.nat({ max: text.length - 1 }),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
        (at, char) => {
          const bent = text.slice(0, at) + char + text.slice(at + 1)
          let read
          try {
            read = decodeProposal(bent)
          } catch (error) {
            expect(
              codeOf(() => {
                throw error
              }),
            ).not.toBeNull()
            return
          }
          expect(encodeProposal(read)).toBe(bent)
        },
      ),
    )
  })

  it.each([
    '',
    'chartseal/roster-proposal/v1\n',
    'chartseal/roster-proposal/v2\noA==\n',
    'chartseal/roster-proposal/v1\n*\n',
  ])('is not %j', (text) => {
    expect(codeOf(() => decodeProposal(text))).not.toBeNull()
  })
})

describe('a proposal on its way', () => {
  it('says what it changes and who is missing, until nobody is', () => {
    expect(open(empty)).toMatchObject({
      change: { kind: 'site-added', site: e.site.id },
      missing: [toHex(e.governance.publicKey)],
      votesMissing: 3,
    })
    expect(open(by(a, e))).toMatchObject({ missing: [], votesMissing: 2 })
    const done = open(by(a, e, b, c))
    expect(done).toMatchObject({ missing: [], votesMissing: 0 })
    expect(codeOf(() => checkNextRoster(verifier, network, current, done.file))).toBeNull()
  })

  it('takes an approval once, and leaves out what is not one', () => {
    expect(by(a, a)).toEqual(by(a))
    const real = by(a, e)
    const approvals = real.approvals.map((one, i) => (i === 0 ? { ...one, signature: new Uint8Array(64) } : one))
    expect(open({ ...real, approvals }).file.approvals).toHaveLength(1)
    const stranger = approvalsBy([testKey('stranger')], rosterMessage(network, document))
    expectCode('UNKNOWN_SIGNER', () => open({ ...real, approvals: stranger }))
  })

  it('belongs to one network and follows one roster', () => {
    expectCode('WRONG_NETWORK', () => open({ ...empty, network: h.sha256(network) }))
    const late = encodeRoster({ ...next, version: 3 })
    expectCode('ROSTER_NOT_NEXT', () => open({ ...empty, document: late }))
  })
})
