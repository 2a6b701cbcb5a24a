import { describe, expect, it } from 'vitest'
import { applyEntry, contractAt, emptyDirectory, logKeyOf, rosterAt, signerOf } from '../../src/ledger/directory.ts'
import { decodeEntry } from '../../src/ledger/entry.ts'
import { encodeDeviceEnrolled, encodePractitionerEnrolled } from '../../src/ledger/fields.ts'
import { nobleHasher as h } from '../../src/ledger/hash.ts'
import { encodeRoster } from '../../src/ledger/roster.ts'
import { toHex } from '../../src/shared/bytes.ts'
import { policyEngine } from '../../src/main/core/policy-engine.ts'
import { expectCode } from '../support/expect-code.ts'
import { handle, testKey, TestLog, testRoster, testSite } from '../support/ledger-world.ts'

const world = new TestLog().found()
const { directory, log } = world
const found = (role: 'log' | 'governance' | 'practitioner' | 'device' | 'patient', key: Uint8Array, index: number) =>
  signerOf(directory, role, key, index, log)

describe('a directory', () => {
  it('knows each key in its role, from the index after its enrolment on', () => {
    expect(found('practitioner', world.nurse.publicKey, 3)).toBeNull()
    expect(found('practitioner', world.nurse.publicKey, 4)).toEqual({
      role: 'practitioner',
      publicKey: world.nurse.publicKey,
      handle: handle('practitioner nurse'),
      practitionerRole: 'nurse',
      site: null,
    })
    expect(found('device', world.device.publicKey, 6)?.handle).toEqual(handle('device'))
    for (const role of ['device', 'patient', 'log', 'governance'] as const) {
      expect(found(role, world.nurse.publicKey, 10)).toBeNull()
    }
  })

  it('knows the keys of the roster, each in its own log', () => {
    expect(found('governance', world.own.governance.publicKey, 1)).toMatchObject({ site: world.own.site.id })
    expect(found('governance', world.own.governance.publicKey, 0)).toBeNull()
    expect(found('log', world.own.log.publicKey, 1)).not.toBeNull()
    expect(signerOf(directory, 'log', world.own.log.publicKey, 1, 'test.local/other/n1')).toBeNull()
    expect(found('governance', world.own.mirror.publicKey, 1)).toBeNull()
    expect(logKeyOf(directory, log, 1)).toEqual(world.own.log.publicKey)
    expect(logKeyOf(directory, 'test.local/other/n1', 1)).toBeNull()
    expect(logKeyOf(directory, log, 0)).toBeNull()
  })

  it('knows roster and contract in force at every index', () => {
    expect([rosterAt(directory, 0), contractAt(directory, 1)]).toEqual([null, null])
    expect(rosterAt(directory, 1)?.roster.version).toBe(1)
    expect(contractAt(directory, 2)?.version).toBe(1)
  })

  it('is never changed, and stays the same for entries that change nothing', () => {
    const before = emptyDirectory(world.network, policyEngine())
    const after = applyEntry(before, 0, decodeEntry(world.rosterEntry()))
    expect(before).toEqual(emptyDirectory(world.network, policyEngine()))
    const incident = decodeEntry(world.entry(world.body('incident'), [['log', world.own.log]]))
    expect(applyEntry(after, 1, incident)).toBe(after)
    expect(() => applyEntry(after, 0, incident)).toThrow('bug')
  })

  it('binds a key once, to one holder and one use', () => {
    const index = world.entries.length
    const enrol = (publicKey: Uint8Array) => {
      const fields = encodeDeviceEnrolled({ publicKey })
      const body = world.body('device.enrolled', { subject: handle('another'), fields })
      return applyEntry(directory, index, decodeEntry(world.entry(body, [['practitioner', world.it]])))
    }
    const { own, nurse, device } = world
    for (const key of [nurse, device, own.governance, own.log, own.mirror, own.transport]) {
      expectCode('KEY_REUSED', () => enrol(key.publicKey))
    }
    expect(enrol(testKey('new').publicKey).bindings.size).toBe(directory.bindings.size + 1)
  })

  it('ends all keys of who is revoked, at the next index', () => {
    const index = world.entries.length
    const second = testKey('nurse, second key')
    const fields = encodePractitionerEnrolled({ publicKey: second.publicKey, role: 'nurse' })
    const subject = handle('practitioner nurse')
    const enrolled = world.entry(world.body('practitioner.enrolled', { subject, fields }), [
      ['governance', world.own.governance],
    ])
    const revoked = world.entry(world.body('practitioner.revoked', { subject }), [['governance', world.own.governance]])
    const rotated = applyEntry(directory, index, decodeEntry(enrolled))
    const after = applyEntry(rotated, index + 1, decodeEntry(revoked))
    for (const key of [world.nurse, second]) {
      expect(signerOf(after, 'practitioner', key.publicKey, index + 1, log)).not.toBeNull()
      expect(signerOf(after, 'practitioner', key.publicKey, index + 2, log)).toBeNull()
    }
    expect(signerOf(after, 'practitioner', world.it.publicKey, index + 2, log)).not.toBeNull()
    expectCode('KEY_REUSED', () => applyEntry(after, index + 2, decodeEntry(enrolled)))
  })

  it('follows rosters by version and hash', () => {
    const index = world.entries.length
    const next = (version: number, previous: Uint8Array) => {
      const roster = { ...testRoster([world.own.site, testSite('test.local/sea').site]), version, previous }
      return applyEntry(directory, index, decodeEntry(world.rosterEntry(encodeRoster(roster))))
    }
    const after = next(2, h.sha256(world.rosterDocument))
    expect(rosterAt(after, index)?.roster.version).toBe(1)
    expect(rosterAt(after, index + 1)?.roster.version).toBe(2)
    expectCode('ROSTER_NOT_NEXT', () => next(3, h.sha256(world.rosterDocument)))
    expectCode('ROSTER_NOT_NEXT', () => next(2, h.sha256(new Uint8Array())))
    expectCode('ROSTER_NOT_NEXT', () => applyEntry(directory, index, decodeEntry(world.rosterEntry())))
  })

  it('begins with the roster of its network', () => {
    const other = emptyDirectory(new Uint8Array(32), policyEngine())
    expectCode('WRONG_NETWORK', () => applyEntry(other, 0, decodeEntry(world.rosterEntry())))
  })

  it('follows contracts by version', () => {
    const index = world.entries.length
    const publish = (version: number) =>
      applyEntry(directory, index, decodeEntry(world.contractEntry(undefined, version)))
    expect(contractAt(publish(2), index + 1)?.version).toBe(2)
    expect(toHex(contractAt(publish(2), index)?.hash ?? h.sha256(new Uint8Array()))).toBe(
      toHex(contractAt(directory, index)?.hash ?? new Uint8Array()),
    )
    expectCode('CONTRACT_NOT_NEXT', () => publish(1))
    expectCode('CONTRACT_NOT_NEXT', () => publish(3))
  })
})
