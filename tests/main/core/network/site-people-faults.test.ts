import { describe, expect, it } from 'vitest'
import { encodePractitionerEnrolled } from '../../../../src/ledger/fields.ts'
import { PeopleDesk } from '../../../../src/main/core/network/people-desk.ts'
import { SitePeople } from '../../../../src/main/core/network/site-people.ts'
import type { Clinic } from '../../../../src/main/core/vault/clinic.ts'
import type { NetworkLogs } from '../../../../src/main/core/vault/network-logs.ts'
import { guardedFiles, KeystoreError } from '../../../../src/main/keystore/errors.ts'
import { encodePeopleRequest } from '../../../../src/sync/site-people.ts'
import { expectCode } from '../../../support/expect-code.ts'
import { testKey } from '../../../support/ledger-world.ts'

const handle = new Uint8Array(16).fill(1)
const { publicKey } = testKey('a nurse')

describe('a disk that fails', () => {
  it('is a keystore that is damaged, and no bug', () => {
    const failing = () => {
      throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' })
    }
    expectCode('KEYSTORE_DAMAGED', () => guardedFiles('reading', failing))
  })

  it('stops nothing but the question for people, which is asked again', () => {
    const faults: unknown[] = []
    let isFailing = true
    const versions = () => {
      if (isFailing) throw new KeystoreError('KEYSTORE_DAMAGED', 'EIO while reading')
      return new Map<string, Uint8Array>()
    }
    const clinic = {
      keystore: { practitioners: { versions }, secrets: { get: () => new Uint8Array(32).fill(1), names: () => [] } },
      replica: { subjectsWith: () => [], directory: { rosters: [] }, head: { size: 0 } },
      identity: { site: 'test.local/a' },
    } as unknown as Clinic
    let asked = 0
    const people = new SitePeople({
      ...{ clinic, changed: () => undefined, fault: (error) => faults.push(error) },
      ask: () => (asked += 1) > 0,
    })
    people.tick(0)
    people.tick(1000)
    expect([asked, faults.length]).toEqual([0, 1])
    isFailing = false
    people.tick(20_000)
    expect([asked, faults.length]).toEqual([1, 1])
  })
})

it('what could not be made for another workstation is made again, not at once; under another sharing key at once', async () => {
  const faults: unknown[] = []
  let [nowMs, reads] = [0, 0]
  const fields = encodePractitionerEnrolled({ publicKey, role: 'nurse' })
  const log = {
    origin: 'test.local/a/n1/1',
    // It is found, and then it cannot be read.
    verifiedEntry: () => {
      reads += 1
      if (reads > 1) throw new Error('the disk fails')
      return { entry: { body: { subject: handle, fields } } }
    },
  }
  const binding = { role: 'practitioner', publicKey, handle, until: Infinity }
  const ring = { now: { publicKey } }
  const clinic = {
    ring,
    keystore: {
      secrets: { names: () => ['governance-seed'] },
      practitioners: { versions: () => new Map(), files: () => new Map() },
    },
    replica: {
      directory: { bindings: new Map([['key', binding]]) },
      chain: () => ({ links: [{ type: 'practitioner.enrolled', log, index: 1 }] }),
    },
    monotonicMs: () => nowMs,
  } as unknown as Clinic
  const theirs = { log: 'test.local/a/n2', isEmpty: false, isPrepared: true, directory: { bindings: new Map() } }
  const logs = { mirrored: [theirs] } as unknown as NetworkLogs
  const desk = new PeopleDesk(clinic, logs, (error) => faults.push(error))
  const ask = async () => {
    reads = 0
    desk.answer(theirs.log, encodePeopleRequest({ epoch: 1, files: [], agreementKey: null }))
    await Promise.resolve()
    await new Promise((resume) => setImmediate(resume))
    return faults.length
  }
  expect(await ask()).toBe(1)
  nowMs = 500
  expect(await ask()).toBe(1)
  nowMs = 11_000
  expect(await ask()).toBe(2)
  expect(await ask()).toBe(2)
  ring.now = testKey('the sharing key after a machine left')
  expect(await ask()).toBe(3)
})
