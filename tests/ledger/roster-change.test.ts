import { describe, expect, it } from 'vitest'
import { nobleHasher as h } from '../../src/ledger/hash.ts'
import { parsePolicy } from '../../src/ledger/policy.ts'
import { crashMajorityPolicy, unanimousPolicy } from '../../src/ledger/policy-safety.ts'
import { mirrorNameOf, type Roster, type RosterSite } from '../../src/ledger/roster.ts'
import { describeChange, policyKinds } from '../../src/ledger/roster-change.ts'
import { expectCode } from '../support/expect-code.ts'
import { testKey, testRoster, testSite, testWitness } from '../support/ledger-world.ts'

const [a, b, c] = ['a', 'b', 'c'].map((name) => testSite(`test.local/${name}`).site) as [
  RosterSite,
  RosterSite,
  RosterSite,
]
const current = testRoster([a, b])
const root = h.sha256(new Uint8Array())
const end = (log: string, size = 0) => ({ origin: `${log}/1`, size, root })
const to = (sites: readonly RosterSite[], over: Partial<Roster> = {}): Roster => ({
  ...testRoster(sites),
  version: 2,
  ...over,
})
const change = (next: Roster) => describeChange(current, next)
const key = testKey('fresh').publicKey
const node = { log: 'test.local/a/n2', logKey: key, transportKey: testKey('t').publicKey }

const witness = testWitness('test.local/a/w1').listed

describe('what a roster changes', () => {
  it('is said in one of few kinds', () => {
    expect(describeChange(null, current)).toEqual({ kind: 'founded', sites: [a.id, b.id] })
    expect(change(to([a, b, c]))).toEqual({ kind: 'site-added', site: c.id })
    const frozen = [end('test.local/b/n1', 7)]
    expect(change(to([a], { frozen }))).toEqual({ kind: 'site-removed', site: b.id, frozen })
    expect(change(to([a, b], { coordinator: 'test.local/b/n1' }))).toEqual({
      kind: 'coordinator-changed',
      before: 'test.local/a/n1',
      after: 'test.local/b/n1',
    })
    const policy = current.policy.replaceAll('sites', 'both')
    expect(change(to([a, b], { policy }))).toEqual({ kind: 'policy-changed', before: current.policy, after: policy })
  })

  it.each<[Partial<RosterSite>, object[]]>([
    [{ governanceKey: key }, [{ kind: 'governance-key' }]],
    [{ sharingKey: c.sharingKey }, [{ kind: 'sharing-key' }]],
    [{ recoveryKey: c.recoveryKey }, [{ kind: 'recovery-key' }]],
    [{ mirrorKey: key }, [{ kind: 'mirror-key' }]],
    [{ nodes: [...a.nodes, node] }, [{ kind: 'node-added', log: node.log }]],
    [{ nodes: a.nodes.map((n) => ({ ...n, logKey: key })) }, [{ kind: 'log-key', log: 'test.local/a/n1' }]],
    [{ nodes: a.nodes.map((n) => ({ ...n, transportKey: key })) }, [{ kind: 'transport-key', log: 'test.local/a/n1' }]],
    [{ witnesses: [witness] }, [{ kind: 'witness-added', log: witness.name }]],
    [{ governanceKey: key, recoveryKey: c.recoveryKey }, [{ kind: 'governance-key' }, { kind: 'recovery-key' }]],
  ])('names what changes in a site: %o', (over, changes) => {
    expect(change(to([{ ...a, ...over }, b]))).toEqual({ kind: 'site-changed', site: a.id, changes, frozen: [] })
  })

  it('lets a witness come and go without ending a log, and never gives it another key', () => {
    const before = testRoster([{ ...a, witnesses: [witness] }, b])
    const after = (witnesses: RosterSite['witnesses']) => describeChange(before, to([{ ...a, witnesses }, b]))
    const other = { ...witness, name: 'test.local/a/w2' }
    expect(after([])).toMatchObject({ changes: [{ kind: 'witness-removed', log: witness.name }], frozen: [] })
    expect(after([other])).toMatchObject({ changes: [{ kind: 'witness-removed' }, { kind: 'witness-added' }] })
    expectCode('ROSTER_NOT_NEXT', () => after([{ ...witness, witnessKey: key }]))
    expectCode('ROSTER_NOT_NEXT', () => after([{ ...witness, transportKey: key }]))
  })

  it('lets the coordinator move when its node leaves, and only then', () => {
    const frozen = [end('test.local/a/n1')]
    const swapped = to([{ ...a, nodes: [node] }, b], { frozen, coordinator: node.log })
    expect(change(swapped)).toMatchObject({
      kind: 'site-changed',
      changes: [{ kind: 'node-removed' }, { kind: 'node-added' }],
      frozen,
    })
    expectCode('ROSTER_NOT_NEXT', () => change({ ...swapped, frozen: [] }))
    expectCode('ROSTER_NOT_NEXT', () => change(to([{ ...a, nodes: [...a.nodes, node] }, b], { coordinator: node.log })))
    expect(change(to([a, b, c], { coordinator: 'test.local/b/n1', attempt: 1 })).kind).toBe('site-added')
  })

  it('is one thing, and something', () => {
    expectCode('ROSTER_NOT_NEXT', () => change(to([a, b])))
    expectCode('ROSTER_NOT_NEXT', () => change(to([a, c], { frozen: [end('test.local/b/n1')] })))
    expectCode('ROSTER_NOT_NEXT', () => change(to([a, b, c, testSite('test.local/d').site])))
    expectCode('ROSTER_NOT_NEXT', () => change(to([a, b], { frozen: [end('test.local/x/n1')] })))
  })
})

it('tells kinds of policies', () => {
  const sites = (n: number) =>
    Array.from({ length: n }, (_, i) => {
      const { id, mirrorKey } = testSite(`test.local/p${i}`).site
      return { name: `p${i}`, key: { name: mirrorNameOf(id), type: 4 as const, publicKey: mirrorKey } }
    })
  const kinds = (text: string) => policyKinds(parsePolicy(text))
  const quorum = (n: number) => testRoster(sites(n).map((_, i) => testSite(`test.local/p${i}`).site)).policy
  expect(kinds(quorum(1))).toEqual(['quorum', 'unanimous'])
  expect(kinds(quorum(2))).toEqual(['quorum', 'unanimous'])
  expect(kinds(quorum(4))).toEqual(['quorum'])
  expect(kinds(unanimousPolicy(sites(4)))).toEqual(['unanimous'])
  expect(kinds(crashMajorityPolicy(sites(4)))).toEqual(['crash-only'])
  expect(kinds(crashMajorityPolicy(sites(4)).replace('crash-only 3', 'crash-only 4'))).toEqual(['custom'])
  expect(kinds(quorum(4).replace('group sites 3', 'group sites 2'))).toEqual(['custom'])
  expect(kinds(quorum(4).replace(/quorum sites\n$/, 'quorum test.local_p0\n'))).toEqual(['custom'])
})
