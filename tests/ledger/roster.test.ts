import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CborMap, type CborValue, decodeCbor, encodeCbor } from '../../src/ledger/cbor.ts'
import { electorateOf } from '../../src/ledger/finality.ts'
import { nobleHasher as h } from '../../src/ledger/hash.ts'
import {
  decodeRoster,
  encodeRoster,
  encodeRosterSite,
  networkIdOf,
  type Roster,
  rosterHash,
  type RosterSite,
} from '../../src/ledger/roster.ts'
import { toHex } from '../../src/shared/bytes.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'
import { testKey, testRoster, testSite, testWitness } from '../support/ledger-world.ts'

const [a, b] = [testSite('test.local/a').site, testSite('test.local/b').site]
const roster = testRoster([a, b])
const document = encodeRoster(roster)

/** A log that is frozen. */
const gone = (name: string): CborValue => [`test.local/${name}-gone/n1/1`, 5, new Uint8Array(32)]

/** The roster with parts replaced, and its own policy. */
const made = (sites: readonly RosterSite[], over: Partial<Roster> = {}) =>
  encodeRoster({ ...testRoster(sites), ...over })
const bent = (key: number, value: CborValue) =>
  encodeCbor(new Map(decodeCbor(document, 65_535) as CborMap).set(key, value))

describe('rosters', () => {
  it('decode to what was encoded, and found a network', () => {
    expect(decodeRoster(document)).toEqual(roster)
    expect(toHex(networkIdOf(h, document))).toBe(toHex(h.sha256(document)))
    const next = { ...roster, version: 2, previous: h.sha256(document) }
    expect(decodeRoster(encodeRoster(next))).toEqual(next)
  })

  it('say who coordinates, what is frozen, and of a ceremony what was approved before', () => {
    const next = {
      ...roster,
      version: 2,
      previous: h.sha256(document),
      coordinator: b.nodes[0]?.log ?? '',
      frozen: [{ origin: 'test.local/gone/n1/3', size: 7, root: h.sha256(document) }],
      attempt: 2,
      votes: [{ site: a.id, attempt: 1, hash: h.sha256(document) }],
    }
    expect(decodeRoster(encodeRoster(next))).toEqual(next)
    const plain = { ...next, attempt: 0, votes: [] }
    expect(rosterHash(h, next)).toEqual(h.sha256(encodeRoster(plain)))
    for (const bad of [
      { votes: [{ site: a.id, attempt: 2, hash: h.sha256(document) }] },
      { votes: [{ site: 'test.local/c', attempt: 1, hash: h.sha256(document) }] },
      { votes: [...next.votes, ...next.votes] },
      { attempt: 1 },
      { attempt: 0 },
    ]) {
      expectCode('BAD_FIELD', () => encodeRoster({ ...next, ...bad }))
    }
  })

  it('have the layout of docs/protocol.md', () => {
    const map = decodeCbor(document, 65_535) as CborMap
    expect([...map.keys()]).toEqual([1, 2, 3, 5])
    const [site] = map.get(2) as CborMap[]
    expect([...(site?.values() ?? [])].slice(0, 5)).toEqual([
      a.id,
      a.governanceKey,
      a.sharingKey,
      a.recoveryKey,
      a.mirrorKey,
    ])
    const [node] = a.nodes
    expect(site?.get(6)).toEqual([
      new Map<number, unknown>([
        [1, node?.log],
        [2, node?.logKey],
        [3, node?.transportKey],
      ]),
    ])
  })

  it('refuse sites or nodes out of order, and one log or key in two places', () => {
    expectCode('BAD_FIELD', () => made([b, a]))
    expectCode('BAD_FIELD', () => made([a, a]))
    const [node] = a.nodes
    const nodes = node === undefined ? [] : [node]
    expectCode('BAD_FIELD', () => made([a, { ...b, nodes }]))
    expectCode('BAD_FIELD', () => made([{ ...a, nodes: [...nodes, ...nodes] }, b]))
    expectCode('BAD_FIELD', () => made([a, { ...b, governanceKey: a.governanceKey }]))
    expectCode('BAD_FIELD', () => made([{ ...a, governanceKey: a.mirrorKey }, b]))
    expectCode('BAD_FIELD', () => made([{ ...a, sharingKey: a.recoveryKey }, b]))
    expectCode('BAD_FIELD', () => made([{ ...a, nodes: nodes.map((n) => ({ ...n, logKey: n.transportKey })) }, b]))
    expectCode('BAD_FIELD', () => made([{ ...a, nodes: [] }, b]))
    expectCode('BAD_FIELD', () => made([{ ...a, nodes: nodes.map((n) => ({ ...n, log: b.nodes[0]?.log ?? '' })) }, b]))
  })

  it('list witnesses, which have names and keys of their own and no say in the policy', () => {
    const [w1, w2] = [testWitness('test.local/a/w1').listed, testWitness('test.local/a/w2').listed]
    const witnessed = { ...roster, sites: [{ ...a, witnesses: [w1, w2] }, b] }
    const bytes = encodeRoster(witnessed)
    expect(decodeRoster(bytes)).toEqual(witnessed)
    expect(electorateOf(witnessed)).toEqual(electorateOf(roster))
    const [site] = (decodeCbor(bytes, 65_535) as CborMap).get(2) as CborMap[]
    const listed = [w1, w2].map(({ name, witnessKey, transportKey }) => [name, witnessKey, transportKey])
    expect((site?.get(7) as CborMap[]).map((each) => [...each.values()])).toEqual(listed)
    const refused = (witnesses: RosterSite['witnesses']) =>
      expectCode('BAD_FIELD', () => made([{ ...a, witnesses }, b]))
    refused([w2, w1])
    refused([w1, w1])
    refused([{ ...w1, name: b.nodes[0]?.log ?? '' }])
    refused([{ ...w1, witnessKey: a.mirrorKey }])
    refused([{ ...w1, transportKey: w1.witnessKey }])
    refused([w1, { ...w2, witnessKey: w1.witnessKey }])
    refused(Array.from({ length: 9 }, (_, i) => testWitness(`test.local/a/w${i}`).listed))
    expectCode('BAD_KEY', () => made([{ ...a, witnesses: [{ ...w1, witnessKey: new Uint8Array(32) }] }, b]))
    expectCode('BAD_NAME', () => made([{ ...a, witnesses: [{ ...w1, name: 'a w' }] }, b]))
    expectCode('BAD_FIELD', () => encodeRoster({ ...witnessed, coordinator: w1.name }))
    const frozen = [{ origin: `${w1.name}/1`, size: 0, root: h.sha256(document) }]
    const second = { ...witnessed, version: 2, previous: h.sha256(document) }
    expectCode('BAD_FIELD', () => encodeRoster({ ...second, frozen }))
  })

  it('without witnesses are the documents that they always were', () => {
    const [site] = (decodeCbor(document, 65_535) as CborMap).get(2) as CborMap[]
    expect([...(site?.keys() ?? [])]).toEqual([1, 2, 3, 4, 5, 6])
    const bent = new Map(decodeCbor(document, 65_535) as CborMap)
    bent.set(2, [new Map(site).set(7, []), encodeRosterSite(b)])
    expectCode('BAD_FIELD', () => decodeRoster(encodeCbor(bent)))
  })

  it('refuse keys and names that nobody may have', () => {
    for (const key of ['governanceKey', 'sharingKey', 'recoveryKey'] as const) {
      expectCode('BAD_KEY', () => made([{ ...a, [key]: new Uint8Array(32) }, b]))
    }
    expectCode('BAD_NAME', () => made([{ ...a, id: 'test local/a' }, b]))
  })

  it('refuse a policy of other keys, of fewer, or of none', () => {
    expectCode('BAD_POLICY', () => made([a, b], { policy: testRoster([a]).policy }))
    expectCode('BAD_POLICY', () => made([a], { policy: testRoster([a, b]).policy }))
    expectCode('BAD_POLICY', () => made([a], { policy: 'quorum none\n' }))
    expectCode('BAD_POLICY', () =>
      made([a], { policy: testRoster([{ ...a, mirrorKey: testKey('x').publicKey }]).policy }),
    )
  })

  it.each<[number, CborValue]>([
    [1, 0],
    [1, 2],
    [2, []],
    [2, [0]],
    [3, ''],
    [4, new Uint8Array(32)],
    [5, 0],
    [5, 'test.local/c/n1'],
    [6, []],
    [6, [['test.local/gone/n1/1', 5, new Uint8Array(31)]]],
    [6, [gone('b'), gone('a')]],
    [6, [gone('a'), ['test.local/a-gone/n1/2', 5, new Uint8Array(32)]]],
    [6, [['test.local/a/n1/1', 5, new Uint8Array(32)]]],
    [7, 0],
    [7, 1_000_000],
    [8, []],
    [8, [['test.local/a', 0, new Uint8Array(32)]]],
    [9, 0],
  ])('refuse field %i as %o', (key, value) => {
    expectCode('BAD_FIELD', () => decodeRoster(bent(key, value)))
  })

  it('of any changed byte are refused with a code, or are another network', () => {
    fc.assert(
      fc.property(fc.nat({ max: document.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, xor) => {
        const changed = document.map((byte, i) => (i === at ? byte ^ xor : byte))
        codeOf(() => decodeRoster(changed))
        expect(toHex(networkIdOf(h, changed))).not.toBe(toHex(networkIdOf(h, document)))
      }),
      { numRuns: 300 },
    )
  })
})
