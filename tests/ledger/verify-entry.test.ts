import { describe, expect, it } from 'vitest'
import { applyEntry, type Directory, emptyDirectory } from '../../src/ledger/directory.ts'
import { type Body, decodeEntry, encodeEntry } from '../../src/ledger/entry.ts'
import { encodeNodeOpened, encodeReading, encodeRosterFields, encodeSeal, type Seal } from '../../src/ledger/fields.ts'
import { nobleHasher as h } from '../../src/ledger/hash.ts'
import { encodeRoster, networkIdOf } from '../../src/ledger/roster.ts'
import { verifyEntry } from '../../src/ledger/verify-entry.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'
import {
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
    let directory = emptyDirectory(world.network)
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
    expectCode('WRONG_NETWORK', () => verify(bytes, next, emptyDirectory(new Uint8Array(32))))
    expect(codeOf(() => verify(bytes, next, world.directory, 'test.local/riverside/n1/2'))).toBeNull()
    const opened = world.body('node.opened', {
      fields: encodeNodeOpened({ incarnation: 1, instance: handle('i'), previous: null }),
    })
    expect(code(opened, [['log', world.own.log]])).toBeNull()
    const opens = world.entry(opened, [['log', world.own.log]])
    expectCode('WRONG_LOG', () => verify(opens, next, world.directory, 'test.local/riverside/n1/2'))
  })

  it('is signed by keys that are known there, and by the roles of the contract', () => {
    expect(code(reading(), [['practitioner', testKey('stranger')]])).toBe('UNKNOWN_SIGNER')
    expect(code(reading(), both, 3)).toBe('UNKNOWN_SIGNER')
    expect(code(reading(), [both[0] ?? ['log', world.own.log]])).toBe('SIGNATURE_MISSING')
    expect(code(reading(), [...both, ['log', world.own.log]])).toBe('SIGNATURE_UNEXPECTED')
    expect(
      code(reading(), [
        ['practitioner', world.it],
        ['device', world.device],
      ]),
    ).toBe('ROLE_REFUSED')
    expect(code(reading(), [...both, ['log', world.own.governance]])).toBe('UNKNOWN_SIGNER')
    expect(code(reading(), [...both, ['patient', world.nurse]])).toBe('UNKNOWN_SIGNER')
    const free = world.body('export')
    expect(code(free, [['practitioner', world.nurse]])).toBe('TYPE_REFUSED')
  })

  it('has the fields of its type', () => {
    expect(code(reading({ fields: new Map() }), both)).toBe('BAD_FIELD')
  })
})

describe('the beginning of a log', () => {
  const start = emptyDirectory(world.network)
  const afterRoster = applyEntry(start, 0, decodeEntry(world.rosterEntry()))

  it('is the roster of the network, signed by every site in it', () => {
    expect(codeOf(() => verify(world.rosterEntry(), 0, start))).toBeNull()
    const stranger: readonly Author[] = [['governance', testKey('stranger')]]
    expectCode('UNKNOWN_SIGNER', () => verify(world.rosterEntry(undefined, stranger), 0, start))
    const other = encodeRoster(testRoster([testSite('test.local/evil').site]))
    const evil: readonly Author[] = [['governance', testSite('test.local/evil').governance]]
    expectCode('WRONG_NETWORK', () => verify(world.rosterEntry(other, evil), 0, start))
  })

  it('has nothing before the roster, and little before the contract', () => {
    expect(code(reading(), both, 0, start)).toBe('UNKNOWN_SIGNER')
    const opened = world.body('node.opened', {
      fields: encodeNodeOpened({ incarnation: 1, instance: handle('i'), previous: null }),
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

describe('a roster that changes', () => {
  // Four sites tolerate one faulty one; three must sign.
  const sites = ['a', 'b', 'c', 'd'].map((name) => testSite(`test.local/${name}`))
  const roster = testRoster(sites.map((s) => s.site))
  const document = encodeRoster(roster)
  const network = networkIdOf(h, document)
  const log = 'test.local/a/n1'
  const body = (type: Body['type'], over: Partial<Body>) => world.body(type, { network, log, ...over })
  const entry = (doc: Uint8Array, authors: readonly Author[]) =>
    world.entry(body('roster', { fields: encodeRosterFields(doc) }), authors)
  const by = (...signers: readonly ReturnType<typeof testSite>[]) =>
    signers.map((s): Author => ['governance', s.governance])
  const check = (bytes: Uint8Array, index: number, directory: Directory) =>
    codeOf(() => verifyEntry({ bytes, index, origin: `${log}/1`, network, directory, verifier }))
  const directory = applyEntry(emptyDirectory(network), 0, decodeEntry(entry(document, by(...sites))))
  const following = (members: readonly ReturnType<typeof testSite>['site'][]) =>
    encodeRoster({ ...testRoster(members), version: 2, previous: h.sha256(document) })
  const members = sites.map((s) => s.site)

  it('is founded by all', () => {
    expect(check(entry(document, by(...sites)), 0, emptyDirectory(network))).toBeNull()
    expect(check(entry(document, by(...sites.slice(1))), 0, emptyDirectory(network))).toBe('SIGNATURE_MISSING')
  })

  it('is changed by a quorum of the roster before', () => {
    const fewer = following(members.slice(0, 3))
    expect(check(entry(fewer, by(...sites.slice(0, 3))), 1, directory)).toBeNull()
    expect(check(entry(fewer, by(...sites.slice(1))), 1, directory)).toBeNull()
    expect(check(entry(fewer, by(...sites.slice(0, 2))), 1, directory)).toBe('QUORUM_MISSING')
  })

  it('is signed by a quorum and by who joins', () => {
    const e = testSite('test.local/e')
    const more = following([...members, e.site])
    expect(check(entry(more, by(...sites.slice(0, 3), e)), 1, directory)).toBeNull()
    expect(check(entry(more, by(...sites.slice(0, 3))), 1, directory)).toBe('SIGNATURE_MISSING')
    expect(check(entry(more, by(...sites.slice(0, 2), e)), 1, directory)).toBe('QUORUM_MISSING')
  })

  it('cannot be signed with keys that it brings for sites that are there already', () => {
    const stolen = sites
      .map((_, i) => testSite(`test.local/${'wxyz'.charAt(i)}`))
      .map((s, i) => {
        const site = members[i]
        if (site === undefined) throw new Error('four of each')
        return { key: s, site: { ...site, governanceKey: s.site.governanceKey } }
      })
    const takeover = following(stolen.map((s) => s.site))
    expect(check(entry(takeover, by(...stolen.map((s) => s.key))), 1, directory)).toBe('UNKNOWN_SIGNER')
    expect(check(entry(takeover, by(...sites.slice(0, 3))), 1, directory)).toBeNull()
  })

  it('gives a contract to all by a quorum, and enrols people by the site of the log alone', () => {
    const published = decodeEntry(world.contractEntry()).body.fields
    const contract = (authors: readonly Author[]) => world.entry(body('contract', { fields: published }), authors)
    expect(check(contract(by(...sites.slice(0, 3))), 1, directory)).toBeNull()
    expect(check(contract(by(...sites.slice(0, 2))), 1, directory)).toBe('QUORUM_MISSING')
    const after = applyEntry(directory, 1, decodeEntry(contract(by(...sites.slice(0, 3)))))
    const enrolled = decodeEntry(world.enrolEntry(testKey('someone'), 'nurse')).body
    const enrol = (authors: readonly Author[]) => {
      const { subject, fields } = enrolled
      return world.entry(body('practitioner.enrolled', { subject, fields }), authors)
    }
    expect(check(enrol(by(...sites.slice(0, 1))), 2, after)).toBeNull()
    expect(check(enrol(by(...sites.slice(1, 2))), 2, after)).toBe('UNKNOWN_SIGNER')
  })
})
