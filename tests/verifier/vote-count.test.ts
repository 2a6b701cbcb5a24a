import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeCbor } from '../../src/ledger/cbor.ts'
import { signCheckpoint } from '../../src/ledger/checkpoint.ts'
import { cosign } from '../../src/ledger/cosignature.ts'
import { encodeRosterFields } from '../../src/ledger/fields.ts'
import { electorateOf, isFinal, votesOn } from '../../src/ledger/finality.ts'
import { rosterMessage } from '../../src/ledger/governance.ts'
import { nobleHasher as h } from '../../src/ledger/hash.ts'
import { formatNote, formatSignature, parseNote } from '../../src/ledger/note.ts'
import { leastCosignatures } from '../../src/ledger/policy.ts'
import { crashMajorityPolicy, unanimousPolicy } from '../../src/ledger/policy-safety.ts'
import { encodeRoster, mirrorNameOf, networkIdOf, type Roster } from '../../src/ledger/roster.ts'
import { checkRosters } from '../../src/verifier/roster-chain.ts'
import { countVotes } from '../../src/verifier/vote-count.ts'
import { approvalsBy, testKey, testRoster, testSite, verifier } from '../support/ledger-world.ts'

const world = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => testSite(`test.local/${name}`))
const origin = 'test.local/a/n1/1'
const note = signCheckpoint(
  { origin, size: 3, root: h.sha256(new Uint8Array()) },
  { name: origin, publicKey: world[0]!.log.publicKey },
  world[0]!.log.sign,
)
const { text, signatures } = parseNote(note)
const lineOf = (site: (typeof world)[number], over: { text?: string; key?: ReturnType<typeof testKey> } = {}) => {
  const key = { name: mirrorNameOf(site.site.id), publicKey: site.mirror.publicKey }
  return cosign(over.text ?? text, key, 1_700_000_000, (over.key ?? site.mirror).sign)
}

/** A roster of `n` sites with this policy, as each of the two reads it. */
function rosterOf(n: number, policyOf: ((sites: Parameters<typeof unanimousPolicy>[0]) => string) | null) {
  const sites = world.slice(0, n)
  const roster: Roster = testRoster(sites.map((s) => s.site))
  const named = sites.map(({ site }) => ({
    name: site.id.replaceAll('/', '_'),
    key: { name: mirrorNameOf(site.id), type: 4 as const, publicKey: site.mirrorKey },
  }))
  const own = policyOf === null ? roster : { ...roster, policy: policyOf(named) }
  const document = encodeRoster(own)
  const network = networkIdOf(h, document)
  const approvals = approvalsBy(
    sites.map((s) => s.governance),
    rosterMessage(network, document),
  )
  const [read] = checkRosters(network, [encodeCbor(encodeRosterFields({ document, approvals }))])
  return { electorate: electorateOf(own), read: read! }
}

describe('counting votes', () => {
  const groups = (sites: Parameters<typeof unanimousPolicy>[0]): string => {
    const base = unanimousPolicy(sites)
      .split('\n')
      .filter((line) => line.startsWith('witness'))
      .join('\n')
    const names = sites.map((s) => s.name)
    return `${base}\ngroup one all ${names.slice(0, 2).join(' ')}\ngroup two all ${names.slice(2).join(' ')}\ngroup both all one two\nquorum both\n`
  }

  it.each<[number, Parameters<typeof rosterOf>[1]]>([
    [1, null],
    [3, null],
    [4, null],
    [7, null],
    [4, unanimousPolicy],
    [5, crashMajorityPolicy],
    [4, groups],
  ])('of %i sites agrees with the ledger, whoever signs and whatever is added', (n, policy) => {
    const { electorate, read } = rosterOf(n, policy)
    fc.assert(
      fc.property(fc.subarray(world), fc.subarray(world), fc.boolean(), (real, bent, twice) => {
        const lines = [
          ...bent.map((site, i) => lineOf(site, i % 2 === 0 ? { text: 'x\n' } : { key: testKey('other') })),
          ...real.map((site) => lineOf(site)),
          ...(twice ? real.map((site) => lineOf(site)) : []),
        ]
        const full = formatNote(text, [...signatures, ...lines])
        const votes = votesOn(full, electorate, verifier, Infinity)
        const k = votes.length
        const final = isFinal(
          electorate,
          votes.map(({ voter }) => voter),
        )
        const name = final ? 'final' : k > 0 ? 'cosigned' : 'sealed'
        expect(countVotes(full, read)).toEqual({ name, k, q: leastCosignatures(electorate.policy) })
      }),
      { numRuns: 30 },
    )
  })

  it('never throws anything else on a bent policy', () => {
    const { read } = rosterOf(4, null)
    for (const policy of [
      '',
      'quorum x\n',
      'group a 1 a\nquorum a\n',
      'witness a b\nquorum a\n',
      'nonsense\n',
      'quorum none\n',
    ]) {
      expect(() => countVotes(note + formatSignature(lineOf(world[0]!)), { ...read, policy })).toThrow(/./)
    }
  })
})
