import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { encodeFork } from '../../../../src/ledger/evidence.ts'
import { nobleHasher } from '../../../../src/ledger/hash.ts'
import { type Roster, rosterHash } from '../../../../src/ledger/roster.ts'
import { closeWitness, type WitnessFiles, witnessFolder } from '../../../../src/main/core/witness/witness-files.ts'
import { cleanUp, temporaryFolder } from '../../../faults/support/clinic.ts'
import { expectCode } from '../../../support/expect-code.ts'
import { ForkedLog } from '../../../support/forked-log.ts'
import { type TestKey, testKey, TestLog } from '../../../support/ledger-world.ts'
import { openingOf, type OpeningChange } from '../../../support/openings.ts'
import {
  logs,
  network,
  newWitness,
  reopened,
  rosterFields,
  sites,
  syncStoreOf,
} from '../../../support/witness-world.ts'

const [log] = logs
const origin = log.logKey.name
const name = origin.slice(0, -2)
const next = new ForkedLog(`${name}/2`)
/** The same tree, signed with another key. */
const renewed = new ForkedLog(origin, 'another key')

async function opened(folder = temporaryFolder()) {
  const roster = await newWitness(folder)
  return { folder, roster, ...(await started(folder)) }
}

async function started(folder: string) {
  const files = await reopened(folder)
  const close = () => closeWitness(files)
  const { store } = syncStoreOf(files)
  const offer = (of: ForkedLog, older: number, newer: number) =>
    store.offerHead(store.checkHead(of.note(newer)), older, of.proof(older, newer)).status
  return { files, close, store, offer }
}

/** The opening of the second incarnation of the log, or as a test bends it. */
function opening(logKey: TestKey, change: OpeningChange = {}): Uint8Array {
  const previous = { origin, size: 7, root: log.root(7), note: log.note(7) }
  const authors = [
    ['governance', sites[0].governance],
    ['log', logKey],
  ] as const
  return openingOf(new TestLog(), { network, log: name, logKey, previous, authors, rosterVersion: 2, ...change })
}

const governance = (fields: Uint8Array) => ({ rosters: [fields], contracts: [], proposals: [] })

/** The next roster, with another key of the log. */
function withKey(before: Roster, { key }: ForkedLog): Uint8Array {
  const nodes = (site: Roster['sites'][number]) =>
    site.nodes.map((node) => (node.log === name ? { ...node, logKey: key.publicKey } : node))
  const roster = {
    ...{ ...before, version: before.version + 1, previous: rosterHash(nobleHasher, before) },
    sites: before.sites.map((site) => ({ ...site, nodes: nodes(site) })),
  }
  return rosterFields(roster, [log.key, key])
}

describe('a witness', () => {
  it('takes nothing more under a key that was replaced, once it saw what the new one signs', async () => {
    const { store, offer, roster, close } = await opened()
    cleanUp(close)
    expect(offer(log, 0, 5)).toBe(200)
    expectCode('NOTE_UNSIGNED', () => store.checkHead(renewed.note(7)))
    expect(store.addGovernance(governance(withKey(roster, renewed)))).toBe(true)
    expect(offer(log, 5, 7)).toBe(200)
    expect(offer(renewed, 7, 9)).toBe(200)
    expectCode('NOTE_UNSIGNED', () => store.checkHead(log.note(12)))
    // What was signed before is what it is.
    expect(store.checkHead(log.note(5)).size).toBe(5)
    expect(offer(renewed, 9, 12)).toBe(200)
  })

  it('follows a later incarnation by the entry that opened it, also after a start, and under its key alone', async () => {
    const { folder, store, offer, close } = await opened()
    expectCode('NOTE_UNSIGNED', () => store.checkHead(next.note(3)))
    expect(store.standing(`${name}/2`)).toBeNull()
    expect([store.addOpening(opening(next.key)), store.addOpening(opening(next.key))]).toEqual([`${name}/2`, null])
    expect([...store.standings()].map((standing) => standing.origin)).toContain(`${name}/2`)
    expect(offer(next, 0, 3)).toBe(200)
    close()
    const again = await started(folder)
    cleanUp(again.close)
    expect(again.files.memory.read(`${name}/2`)?.size).toBe(3)
    expect([again.offer(next, 3, 6), again.store.ownLines(`${name}/2`) === null]).toEqual([200, false])
    expectCode('NOTE_UNSIGNED', () => again.store.checkHead(new ForkedLog(`${name}/2`, origin).note(8)))
    // It passes none of them on: whoever is asked for entries by a witness hangs up.
    expect(again.store.openings()).toEqual([])
  })

  it('convicts no later incarnation by the key that was left behind', async () => {
    const { store, files, close } = await opened()
    cleanUp(close)
    store.addOpening(opening(next.key))
    const thief = new ForkedLog(`${name}/2`, origin)
    const fork = (of: ForkedLog) => encodeFork({ older: of.note(4), newer: of.note(4, 1, 2), prefix: null })
    expectCode('NOT_A_FORK', () => store.addEvidence(fork(thief)))
    expect(files.memory.isContested(`${name}/2`)).toBe(false)
    expect(store.addEvidence(fork(next))).toBe(true)
    expect(files.memory.isContested(`${name}/2`)).toBe(true)
  })

  it('signs nothing of an incarnation that was opened twice', async () => {
    const { store, offer, close } = await opened()
    cleanUp(close)
    store.addOpening(opening(next.key))
    expect(offer(next, 0, 3)).toBe(200)
    expect(store.addOpening(opening(testKey('a second one')))).toBe(`${name}/2`)
    expect([offer(next, 3, 6), store.ownLines(`${name}/2`)]).toEqual([403, null])
    expect(store.standing(`${name}/2`)?.isFrozen).toBe(true)
  })

  it('waits with an opening for the roster that it names, and takes none that its site did not sign', async () => {
    const { store, roster, close } = await opened()
    cleanUp(close)
    expect(store.addOpening(opening(next.key, { rosterVersion: 3 }))).toBeNull()
    expectCode('NOTE_UNSIGNED', () => store.checkHead(next.note(3)))
    store.addGovernance(governance(withKey(roster, renewed)))
    expect(store.checkHead(next.note(3)).size).toBe(3)
    const stranger = testKey('a stranger')
    const authors = [
      ['governance', stranger],
      ['log', stranger],
    ] as const
    expectCode('UNKNOWN_SIGNER', () => store.addOpening(opening(stranger, { incarnation: 3, authors })))
  })

  it('goes on with a memory from before openings were kept', async () => {
    const { folder, offer, close } = await opened()
    expect(offer(log, 0, 5)).toBe(200)
    close()
    const database = new Database(join(witnessFolder(folder), 'witness.db'))
    database.exec('DROP TABLE opening')
    database.pragma('user_version = 1')
    database.close()
    const again = await started(folder)
    cleanUp(again.close)
    expect(again.files.memory.read(origin)?.size).toBe(5)
    expect(again.store.addOpening(opening(next.key))).toBe(`${name}/2`)
    expect(again.files.database.openings()).toHaveLength(1)
  })

  it('knows no opening that it could not keep', async () => {
    const { store, files, close } = await opened()
    cleanUp(close)
    breakKeeping(files)
    expect(() => store.addOpening(opening(next.key))).toThrow('no room')
    expectCode('NOTE_UNSIGNED', () => store.checkHead(next.note(3)))
  })
})

function breakKeeping({ database }: WitnessFiles): void {
  database.putOpenings = () => {
    throw new Error('no room')
  }
}
