import { encodeExportFields } from '../../src/ledger/record-fields.ts'
import { describe, expect, it } from 'vitest'
import type { CborMap, CborValue } from '../../src/ledger/cbor.ts'
import { signCheckpoint } from '../../src/ledger/checkpoint.ts'
import { CONTRACT_LANGUAGE } from '../../src/ledger/contract.ts'
import {
  applyEntry,
  contractAt,
  type Directory,
  emptyDirectory,
  isBound,
  logKeyOf,
  nextIncarnation,
  rosterAt,
  signerOf,
} from '../../src/ledger/directory.ts'
import { type Body, decodeEntry, encodeEntry } from '../../src/ledger/entry.ts'
import {
  encodeContractFields,
  encodeNodeOpened,
  encodeReading,
  encodeRosterFields,
  encodeSeal,
  type NodeOpened,
  type Seal,
} from '../../src/ledger/fields.ts'
import { contractMessage, rosterMessage } from '../../src/ledger/governance.ts'
import { nobleHasher as h } from '../../src/ledger/hash.ts'
import { encodeRoster, networkIdOf } from '../../src/ledger/roster.ts'
import { verifyEntry } from '../../src/ledger/verify-entry.ts'
import { policyEngine } from '../../src/main/core/policy-engine.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'
import {
  approvalsBy,
  type Author,
  contractDocument,
  handle,
  somePayload,
  testKey,
  TestLog,
  testRoster,
  testSite,
  verifier,
} from '../support/ledger-world.ts'

const world = new TestLog().found()
const next = world.entries.length
const verify = (bytes: Uint8Array, index = next, directory: Directory = world.directory, origin = world.origin) =>
  verifyEntry({ bytes, index, origin, network: world.network, directory, verifier })
const code = (body: Body, authors: readonly Author[], index = next, directory = world.directory) =>
  codeOf(() => verify(world.entry(body, authors), index, directory))

const reading = (over: Partial<Body> = {}): Body =>
  world.body('reading', {
    subject: handle('patient'),
    payload: somePayload,
    fields: encodeReading({ method: 'device', device: handle('device') }),
    ...over,
  })
const both: readonly Author[] = [
  ['practitioner', world.nurse],
  ['device', world.device],
]

describe('an entry in its place', () => {
  it('verifies, and says who signed', () => {
    const { entry, signers } = verify(world.entry(reading(), both))
    expect(entry.body.type).toBe('reading')
    expect(signers.map((s) => [s.role, s.practitionerRole, s.handle])).toEqual([
      ['device', null, handle('device')],
      ['practitioner', 'nurse', handle('practitioner nurse')],
    ])
  })

  it('verifies as the whole log does, with the directory of its place and with the newest', () => {
    let directory = emptyDirectory(world.network, policyEngine())
    for (const [index, bytes] of world.entries.entries()) {
      const { entry } = verify(bytes, index, directory)
      expect(codeOf(() => verify(bytes, index))).toBeNull()
      directory = applyEntry(directory, index, entry)
    }
    expect(directory).toEqual(world.directory)
  })

  it('with any bit of a signature or of the body flipped does not', () => {
    const entry = decodeEntry(world.entry(reading(), both))
    for (let at = 0; at < 64; at++) {
      const signatures = entry.signatures.map((s) => ({
        ...s,
        signature: s.signature.with(at, (s.signature[at] ?? 0) ^ 1),
      }))
      expectCode('SIGNATURE_INVALID', () => verify(encodeEntry({ ...entry, signatures })))
    }
    const id = entry.body.id.with(0, (entry.body.id[0] ?? 0) ^ 1)
    const other = decodeEntry(world.entry({ ...entry.body, id }, both))
    expectCode('SIGNATURE_INVALID', () => verify(encodeEntry({ ...other, signatures: entry.signatures })))
  })

  it('does not take the signature of one role for another', () => {
    const { bodyBytes, placement, signatures } = decodeEntry(world.entry(reading(), both))
    const swapped = signatures.map((s, i) => ({ ...s, signature: signatures[1 - i]?.signature ?? s.signature }))
    expectCode('SIGNATURE_INVALID', () => verify(encodeEntry({ bodyBytes, placement, signatures: swapped })))
    const roles = signatures.map((s, i) => ({ ...s, role: signatures[1 - i]?.role ?? s.role }))
    expectCode('UNKNOWN_SIGNER', () => verify(encodeEntry({ bodyBytes, placement, signatures: roles })))
  })

  it('belongs to one network, one log and, where it opens one, one incarnation', () => {
    const bytes = world.entry(reading(), both)
    expect(code(reading({ network: new Uint8Array(32) }), both)).toBe('WRONG_NETWORK')
    expect(code(reading({ log: 'test.local/other/n1' }), both)).toBe('WRONG_LOG')
    expectCode('WRONG_LOG', () => verify(bytes, next, world.directory, 'test.local/other/n1/1'))
    expectCode('BAD_NAME', () => verify(bytes, next, world.directory, 'test.local'))
    expectCode('WRONG_NETWORK', () => verify(bytes, next, emptyDirectory(new Uint8Array(32), policyEngine())))
    expect(codeOf(() => verify(bytes, next, world.directory, 'test.local/riverside/n1/2'))).toBeNull()
    const opened = world.body('node.opened', {
      fields: encodeNodeOpened({
        incarnation: 1,
        instance: handle('i'),
        previous: null,
        logKey: null,
        rosterVersion: null,
      }),
    })
    expect(code(opened, [['log', world.own.log]])).toBeNull()
    const opens = world.entry(opened, [['log', world.own.log]])
    expectCode('WRONG_LOG', () => verify(opens, next, world.directory, 'test.local/riverside/n1/2'))
  })

  it('is signed by keys that are known there, and by the roles of the contract', () => {
    expect(code(reading(), [['practitioner', testKey('stranger')]])).toBe('UNKNOWN_SIGNER')
    expect(code(reading(), both, 3)).toBe('UNKNOWN_SIGNER')
    expect(code(reading(), [both[0] ?? ['log', world.own.log]])).toBe('CONTRACT_DENIED')
    expect(code(reading(), [...both, ['log', world.own.log]])).toBe('SIGNATURE_UNEXPECTED')
    expect(
      code(reading(), [
        ['practitioner', world.it],
        ['device', world.device],
      ]),
    ).toBe('CONTRACT_DENIED')
    expect(code(reading(), [...both, ['log', world.own.governance]])).toBe('UNKNOWN_SIGNER')
    expect(code(reading(), [...both, ['patient', world.nurse]])).toBe('UNKNOWN_SIGNER')
    const fields = encodeExportFields({ purpose: 'care', format: 'csv', heads: [], count: 0 })
    const free = world.body('export', { fields })
    expect(code(free, [['practitioner', world.nurse]])).toBe('CONTRACT_DENIED')
  })

  it('has the fields of its type', () => {
    expect(code(reading({ fields: new Map() }), both)).toBe('BAD_FIELD')
  })
})

describe('the beginning of a log', () => {
  const start = emptyDirectory(world.network, policyEngine())
  const afterRoster = applyEntry(start, 0, decodeEntry(world.rosterEntry()))

  it('is the roster of the network, signed by every site in it', () => {
    expect(codeOf(() => verify(world.rosterEntry(), 0, start))).toBeNull()
    expectCode('UNKNOWN_SIGNER', () => verify(world.rosterEntry(undefined, [testKey('stranger')]), 0, start))
    const evil = testSite('test.local/riverside/evil')
    const other = encodeRoster(testRoster([evil.site]))
    expectCode('WRONG_NETWORK', () => verify(world.rosterEntry(other, [evil.governance]), 0, start))
  })

  it('has nothing before the roster, and little before the contract', () => {
    expect(code(reading(), both, 0, start)).toBe('UNKNOWN_SIGNER')
    const opened = world.body('node.opened', {
      fields: encodeNodeOpened({
        incarnation: 1,
        instance: handle('i'),
        previous: null,
        logKey: null,
        rosterVersion: null,
      }),
    })
    expect(code(opened, [['log', world.own.log]], 1, afterRoster)).toBeNull()
    expect(code(opened, [['log', world.own.log]], 0, start)).toBe('UNKNOWN_SIGNER')
    const early = world.enrolEntry(world.nurse, 'nurse')
    expectCode('TYPE_REFUSED', () => verify(early, 1, afterRoster))
    expect(codeOf(() => verify(world.contractEntry(), 1, afterRoster))).toBeNull()
    expectCode('BAD_CONTRACT', () => verify(world.contractEntry(contractDocument.slice(1)), 1, afterRoster))
  })

  it('has enrolments by the governance key, each key once', () => {
    const key = testKey('late')
    expect(codeOf(() => verify(world.enrolEntry(key, 'nurse')))).toBeNull()
    expectCode('KEY_REUSED', () => verify(world.enrolEntry(world.nurse, 'nurse')))
    expectCode('KEY_REUSED', () => verify(world.deviceEntry(world.own.transport)))
    expectCode('KEY_REUSED', () => verify(world.deviceEntry(world.device)))
  })
})

describe('a seal', () => {
  const seal = (over: Partial<Seal> = {}): Body => {
    const contractHash = h.sha256(contractDocument)
    const value = {
      block: 0,
      previousBlockHash: null,
      firstIndex: 0,
      count: next,
      rosterVersion: 1,
      contractHash,
      ...over,
    }
    return world.body('seal', { fields: encodeSeal(value) })
  }
  it('is signed by the log, and names the roster and contract in force', () => {
    expect(code(seal(), [['log', world.own.log]])).toBeNull()
    expect(code(seal(), [['governance', world.own.governance]])).toBe('SIGNATURE_MISSING')
    expect(code(seal({ rosterVersion: 2 }), [['log', world.own.log]])).toBe('SEAL_MISMATCH')
    expect(code(seal({ contractHash: new Uint8Array(32) }), [['log', world.own.log]])).toBe('SEAL_MISMATCH')
  })
})

describe('rosters and contracts of four sites', () => {
  // Four sites tolerate one faulty one; three must approve.
  const sites = ['a', 'b', 'c', 'd'].map((name) => testSite(`test.local/${name}`))
  const document = encodeRoster(testRoster(sites.map((s) => s.site)))
  const network = networkIdOf(h, document)
  const e = testSite('test.local/e')
  const second = encodeRoster({
    ...testRoster([...sites, e].map((s) => s.site)),
    version: 2,
    previous: h.sha256(document),
  })
  /** The log of `site`: what it records, and what that is worth. */
  const logOf = (site: ReturnType<typeof testSite>) => {
    const log = `${site.site.id}/n1`
    const body = (type: Body['type'], fields: CborMap) => world.body(type, { network, log, fields })
    const roster = (doc: Uint8Array, approvers: readonly ReturnType<typeof testSite>[], key = site.log) => {
      const keys = approvers.map((s) => s.governance)
      const approvals = approvalsBy(keys, rosterMessage(network, doc))
      return world.entry(body('roster', encodeRosterFields({ document: doc, approvals })), [['log', key]])
    }
    const contract = (approvers: readonly ReturnType<typeof testSite>[], key = site.log) => {
      const text = { version: 1, language: CONTRACT_LANGUAGE, document: contractDocument }
      const keys = approvers.map((s) => s.governance)
      const approvals = approvalsBy(keys, contractMessage(network, text))
      return world.entry(body('contract', encodeContractFields({ ...text, approvals })), [['log', key]])
    }
    const check = (bytes: Uint8Array, index: number, directory: Directory) =>
      codeOf(() => verifyEntry({ bytes, index, origin: `${log}/1`, network, directory, verifier }))
    return { body, roster, contract, check }
  }
  const own = logOf(sites[0]!)
  const start = emptyDirectory(network, policyEngine())
  const founded = applyEntry(start, 0, decodeEntry(own.roster(document, sites)))

  it('are approved by all sites at first, by a quorum and who joins later', () => {
    expect(own.check(own.roster(document, sites), 0, start)).toBeNull()
    expect(own.check(own.roster(document, sites.slice(1)), 0, start)).toBe('SIGNATURE_MISSING')
    expect(own.check(own.roster(second, [...sites.slice(1), e]), 1, founded)).toBeNull()
    expect(own.check(own.roster(second, [...sites.slice(2), e]), 1, founded)).toBe('QUORUM_MISSING')
    expect(own.check(own.roster(second, sites), 1, founded)).toBe('SIGNATURE_MISSING')
    expect(own.check(own.contract(sites.slice(1)), 1, founded)).toBeNull()
    expect(own.check(own.contract(sites.slice(2)), 1, founded)).toBe('QUORUM_MISSING')
    expect(own.check(own.contract([...sites, e]), 1, founded)).toBe('UNKNOWN_SIGNER')
  })

  it('are recorded by the log itself, and by nobody else', () => {
    const other = sites[1]!.log
    expect(own.check(own.roster(document, sites, other), 0, start)).toBe('UNKNOWN_SIGNER')
    expect(own.check(own.roster(second, [...sites, e], other), 1, founded)).toBe('UNKNOWN_SIGNER')
    expect(own.check(own.contract(sites, other), 1, founded)).toBe('UNKNOWN_SIGNER')
    const { body } = decodeEntry(own.roster(second, [...sites, e]))
    const governed = world.entry(body, [
      ['governance', sites[0]!.governance],
      ['log', sites[0]!.log],
    ])
    expect(own.check(governed, 1, founded)).toBe('SIGNATURE_UNEXPECTED')
  })

  it('do not count approvals of another network, nor those of a contract for a roster', () => {
    const { body } = decodeEntry(own.roster(second, [...sites, e]))
    for (const message of [
      rosterMessage(new Uint8Array(32), second),
      contractMessage(network, { version: 2, language: 'x', document: second }),
    ]) {
      const approvals = approvalsBy(
        [...sites, e].map((s) => s.governance),
        message,
      )
      const bent = { ...body, fields: encodeRosterFields({ document: second, approvals }) }
      expect(own.check(world.entry(bent, [['log', sites[0]!.log]]), 1, founded)).toBe('SIGNATURE_INVALID')
    }
  })

  it('start the log of a site that joined, under the key that the roster lists for it', () => {
    const joined = logOf(e)
    const opened = joined.body(
      'node.opened',
      encodeNodeOpened({ incarnation: 1, instance: handle('i'), previous: null, logKey: null, rosterVersion: null }),
    )
    const entries = [
      joined.roster(document, sites),
      joined.contract(sites),
      joined.roster(second, [...sites, e]),
      world.entry(opened, [['log', e.log]]),
    ]
    let directory = start
    for (const [index, bytes] of entries.entries()) {
      expect(joined.check(bytes, index, directory)).toBeNull()
      directory = applyEntry(directory, index, decodeEntry(bytes))
    }
    for (const [index, bytes] of entries.entries()) expect(joined.check(bytes, index, directory)).toBeNull()
    expect(logKeyOf(directory, 'test.local/e/n1', 2)).toBeNull()
    expect(logKeyOf(directory, 'test.local/e/n1', 3)).toEqual(e.log.publicKey)
    // Started with another key, the log ends where the roster names its own.
    const wrong = testKey('another log key')
    const first = applyEntry(start, 0, decodeEntry(joined.roster(document, sites, wrong)))
    expect(joined.check(joined.contract(sites), 1, first)).toBe('UNKNOWN_SIGNER')
    expect(joined.check(joined.roster(second, [...sites, e]), 1, first)).toBe('UNKNOWN_SIGNER')
    expect(joined.check(joined.roster(second, [...sites, e], wrong), 1, first)).toBe('UNKNOWN_SIGNER')
    // Nothing but rosters and contracts comes before it is listed.
    expect(joined.check(entries[3]!, 1, first)).toBe('UNKNOWN_SIGNER')
  })

  it('let people be enrolled by the site of the log alone', () => {
    const after = applyEntry(founded, 1, decodeEntry(own.contract(sites)))
    const { subject, fields } = decodeEntry(world.enrolEntry(testKey('someone'), 'nurse')).body
    const enrol = (site: ReturnType<typeof testSite>) =>
      world.entry({ ...own.body('practitioner.enrolled', fields), subject }, [['governance', site.governance]])
    expect(own.check(enrol(sites[0]!), 2, after)).toBeNull()
    expect(own.check(enrol(sites[1]!), 2, after)).toBe('UNKNOWN_SIGNER')
  })

  it('follow a rotation of the log key from the next entry on', () => {
    const fresh = testKey('a fresh log key')
    const { site } = sites[0]!
    const changed = { ...site, nodes: site.nodes.map((node) => ({ ...node, logKey: fresh.publicKey })) }
    const rotated = encodeRoster({
      ...testRoster([changed, ...sites.slice(1).map((s) => s.site)]),
      version: 2,
      previous: h.sha256(document),
    })
    const approvals = approvalsBy(
      [...sites.map((s) => s.governance), sites[0]!.log, fresh],
      rosterMessage(network, rotated),
    )
    const body = own.body('roster', encodeRosterFields({ document: rotated, approvals }))
    const bytes = world.entry(body, [['log', sites[0]!.log]])
    expect(own.check(bytes, 1, founded)).toBeNull()
    const after = applyEntry(founded, 1, decodeEntry(bytes))
    expect([1, 2].map((index) => logKeyOf(after, 'test.local/a/n1', index))).toEqual([
      sites[0]!.log.publicKey,
      fresh.publicKey,
    ])
    expect(own.check(own.contract(sites), 2, after)).toBe('UNKNOWN_SIGNER')
    expect(own.check(own.contract(sites, fresh), 2, after)).toBeNull()
  })
})

describe('a later incarnation', () => {
  const oldKey = { name: world.origin, publicKey: world.own.log.publicKey }
  const root = (size: number) => h.sha256(Uint8Array.of(size))
  const note = (size: number, key = world.own.log) =>
    signCheckpoint({ origin: world.origin, size, root: root(size) }, { ...oldKey, publicKey: key.publicKey }, key.sign)
  const fresh = testKey('log key 2')
  const origin = 'test.local/riverside/n1/2'
  const previous = { origin: world.origin, size: next, root: root(next), note: note(next) }
  const opening = (over: Partial<NodeOpened> = {}) =>
    world.body('node.opened', {
      fields: encodeNodeOpened({
        incarnation: 2,
        instance: handle('i'),
        previous,
        logKey: fresh.publicKey,
        rosterVersion: 1,
        ...over,
      }),
    })
  const authors: readonly Author[] = [
    ['governance', world.own.governance],
    ['log', fresh],
  ]
  const base = nextIncarnation(world.directory, next)
  const check = (body: Body, by: readonly Author[] = authors, index = 0, directory = base) =>
    codeOf(() => verify(world.entry(body, by), index, directory, origin))

  it('is opened by its site and with the new key, and says where the one before ended', () => {
    expect(check(opening())).toBeNull()
    const more = { ...previous, note: note(next + 5) }
    expect(check(opening({ previous: more }))).toBeNull()
    expect(check(opening(), [['log', fresh]])).toBe('SIGNATURE_MISSING')
    expect(check(opening(), [['governance', world.own.governance]])).toBe('SIGNATURE_MISSING')
    expect(check(opening(), [authors[0]!, ['log', world.own.log]])).toBe('UNKNOWN_SIGNER')
    expect(check(opening(), [['governance', testKey('x')], authors[1]!])).toBe('UNKNOWN_SIGNER')
  })

  it.each<[string, Partial<NodeOpened>, string]>([
    ['another log', { previous: { ...previous, origin: 'test.local/riverside/n2/1' } }, 'OPENING_NOT_NEXT'],
    ['itself', { previous: { ...previous, origin } }, 'OPENING_NOT_NEXT'],
    ['a note of a smaller tree', { previous: { ...previous, note: note(next - 1) } }, 'OPENING_NOT_NEXT'],
    ['a note of another root', { previous: { ...previous, root: root(0) } }, 'OPENING_NOT_NEXT'],
    ['a note of another key', { previous: { ...previous, note: note(next, fresh) } }, 'NOTE_UNSIGNED'],
    ['another incarnation', { incarnation: 3 }, 'WRONG_LOG'],
    ['another roster version', { rosterVersion: 2 }, 'OPENING_NOT_NEXT'],
    ['the key before', { logKey: world.own.log.publicKey }, 'UNKNOWN_SIGNER'],
  ])('does not continue %s', (_name, over, expected) => {
    expect(check(opening(over))).toBe(expected)
  })

  it.each([world.own.log, world.own.governance, world.nurse, world.device])('has a key that nobody had', (key) => {
    const by: readonly Author[] = [
      ['governance', world.own.governance],
      ['log', key],
    ]
    expect(check(opening({ logKey: key.publicKey }), by)).toBe('KEY_REUSED')
  })

  it('begins with nothing else, and is opened once', () => {
    const after = applyEntry(base, 0, decodeEntry(world.entry(opening(), authors)))
    expect(check(reading(), both)).toBe('OPENING_NOT_NEXT')
    expect(check(opening(), authors, 1, after)).toBe('OPENING_NOT_NEXT')
    const first = { incarnation: 1, instance: handle('i'), previous: null, logKey: null, rosterVersion: null }
    expect(check(opening(first))).toBe('WRONG_LOG')
  })

  it('goes on with people, rules and drafts, and with the new key alone', () => {
    const after = applyEntry(base, 0, decodeEntry(world.entry(opening(), authors)))
    expect(check(opening(), authors, 0, after)).toBeNull()
    expect(check(reading(), both, 1, after)).toBeNull()
    const incident = world.body('incident', {
      fields: new Map<number, CborValue>([
        [1, 'x'],
        [2, new Map()],
      ]),
    })
    expect(check(incident, [['log', fresh]], 1, after)).toBeNull()
    expect(check(incident, [['log', world.own.log]], 1, after)).toBe('UNKNOWN_SIGNER')
    expect(logKeyOf(after, world.log, 0)).toEqual(world.own.log.publicKey)
    expect(logKeyOf(after, world.log, 1)).toEqual(fresh.publicKey)
    const third = nextIncarnation(after, 9)
    expect(logKeyOf(third, world.log, 0)).toEqual(fresh.publicKey)
    for (const key of [world.own.log, fresh]) expect(isBound(third, 0, key.publicKey)).toBe(true)
  })

  it('keeps what was in force where the one before ended, and no more', () => {
    const size = 3
    const early = nextIncarnation(world.directory, size)
    expect(signerOf(early, 'practitioner', world.physician.publicKey, 0, world.log)).not.toBeNull()
    expect(signerOf(early, 'practitioner', world.nurse.publicKey, 0, world.log)).toBeNull()
    expect(rosterAt(early, 0)?.roster.version).toBe(1)
    expect(contractAt(nextIncarnation(world.directory, 1), 0)).toBeNull()
    const subject = handle('practitioner nurse')
    const revoked = world.entry(world.body('practitioner.revoked', { subject }), [['governance', world.own.governance]])
    const without = nextIncarnation(applyEntry(world.directory, next, decodeEntry(revoked)), next + 1)
    expect(signerOf(without, 'practitioner', world.nurse.publicKey, 0, world.log)).toBeNull()
    expect(isBound(without, 0, world.nurse.publicKey)).toBe(true)
  })
})
