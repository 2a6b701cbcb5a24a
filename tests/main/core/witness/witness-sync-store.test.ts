import { describe, expect, it } from 'vitest'
import { openCosignatures } from '../../../../src/ledger/cosignature.ts'
import { witnessNameOf } from '../../../../src/ledger/roster.ts'
import { closeWitness } from '../../../../src/main/core/witness/witness-files.ts'
import { cleanUp, temporaryFolder } from '../../../faults/support/clinic.ts'
import { expectCode } from '../../../support/expect-code.ts'
import { addCosignature, ForkedLog } from '../../../support/forked-log.ts'
import { verifier } from '../../../support/ledger-world.ts'
import {
  logs,
  NAME,
  newWitness,
  reopened,
  rosterFields,
  sites,
  syncStoreOf,
  unwitnessed,
  witnessKey,
} from '../../../support/witness-world.ts'

const [log] = logs
const origin = log.logKey.name
const key = { name: witnessNameOf(NAME), publicKey: witnessKey.publicKey }

async function opened(maySign?: () => boolean) {
  const folder = temporaryFolder()
  const roster = await newWitness(folder)
  const files = await reopened(folder)
  cleanUp(() => closeWitness(files))
  const { store, told } = syncStoreOf(files, maySign)
  const head = (size: number, branch = 0, at = 0) => store.checkHead(log.note(size, branch, at))
  /** What becomes of an offer from `older` to `newer`. */
  const offer = (older: number, newer: number, branch = 0, at = 0) =>
    store.offerHead(head(newer, branch, at), older, log.proof(older, newer, branch, at))
  return { ...files, store, told, head, offer, roster }
}

describe('a witness', () => {
  it('cosigns what continues what it saw, and says 409 for any other start', async () => {
    const { store, offer } = await opened()
    expect(store.ownLines(origin)).toBeNull()
    expect(offer(0, 3)).toEqual({ status: 200 })
    expect(offer(0, 7)).toEqual({ status: 409, size: 3 })
    expect(offer(3, 7)).toEqual({ status: 200 })
    const { cosignatures } = openCosignatures(`${log.note(7)}${store.ownLines(origin)}`, [key], verifier)
    expect(cosignatures.map(({ timeS }) => timeS)).toEqual([1_767_225_660])
    expect(openCosignatures(store.monitor(origin)!, [key], verifier).text).toContain('\n7\n')
    expect(store.standing(origin)).toMatchObject({ pending: 7, stored: 7, mirrored: 7, isFrozen: false })
  })

  it('never cosigns two views: a fork is evidence, and its end', async () => {
    const { store, told, offer, head } = await opened()
    offer(0, 7)
    expect(offer(7, 12, 1, 5)).toEqual({ status: 422 })
    expect([store.evidence().length, told, store.standing(origin)?.isFrozen]).toEqual([1, ['evidence'], true])
    expect([store.ownLines(origin), offer(7, 12)]).toEqual([null, { status: 403 }])
    expect(store.note(origin, 7)).toBe(log.note(7))
    expect(store.addVotes(head(7))).toBe('known')
  })

  it('sees two heads of one size for what they are, also of a size that it accepted long ago', async () => {
    const { store, offer, head } = await opened()
    for (const [older, newer] of [
      [0, 3],
      [3, 5],
      [5, 7],
    ] as const)
      offer(older, newer)
    expect(store.addVotes(head(5, 1, 2))).toBe('conflict')
    expect(store.evidence().length).toBe(1)
  })

  it('believes no proof that proves nothing, and convicts nobody by it', async () => {
    const { store, head, offer } = await opened()
    offer(0, 7)
    expect(store.offerHead(head(9), 7, [new Uint8Array(32), new Uint8Array(32)])).toEqual({ status: 422 })
    expect([store.evidence(), store.standing(origin)?.isFrozen]).toEqual([[], false])
    expect(offer(7, 9)).toEqual({ status: 200 })
  })

  it('passes on cosignatures of sites under the heads that it accepted, and no other lines', async () => {
    const { store, offer, head } = await opened()
    offer(0, 3)
    const voted = addCosignature(log.note(3), `${sites[1].site.id}/mirror`, sites[1].mirror)
    expect(store.addVotes(store.checkHead(voted))).toBe('stored')
    expect(store.addVotes(store.checkHead(addCosignature(voted, 'x/mirror', witnessKey)))).toBe('known')
    expect(store.note(origin, 3)?.split('\n').length).toBe(log.note(3).split('\n').length + 2)
    expect(store.standing(origin)).toMatchObject({ cosigned: 3, votes: 1, final: 0 })
    const both = addCosignature(log.note(3), `${sites[0].site.id}/mirror`, sites[0].mirror)
    store.addVotes(store.checkHead(both))
    expect(store.standing(origin)).toMatchObject({ cosigned: 3, votes: 2, final: 3 })
    expect([store.addVotes(head(5)), store.addVotes(head(2))]).toEqual(['ahead', 'unsealed'])
  })

  it('takes heads of listed logs alone', async () => {
    const { store } = await opened()
    const stranger = new ForkedLog('test.local/stranger/n1/1')
    expectCode('NOTE_UNSIGNED', () => store.checkHead(stranger.note(3)))
    expect(store.standing(stranger.logKey.name)).toBeNull()
    expect([...store.standings()].map((standing) => standing.origin)).toEqual(logs.map(({ logKey }) => logKey.name))
  })

  it('has no entry, no payload and no tree, whatever it is asked or given', async () => {
    const { store, offer } = await opened()
    offer(0, 7)
    expect([store.entryPackage(), store.consistency(), store.payloadsFor(), store.missingPayload()]).toEqual([
      null,
      null,
      null,
      null,
    ])
    expect(store.storePayloads()).toBe(false)
    expectCode('WRONG_LOG', () => store.storePackage())
  })

  it('signs nothing when it may not', async () => {
    const { store, offer } = await opened(() => false)
    expect(offer(0, 3)).toEqual({ status: 200 })
    expect([store.ownLines(origin), store.monitor(origin)]).toEqual([null, log.note(3)])
  })

  it('follows rosters that are approved, and keeps them', async () => {
    const { store, told, rosters, database, roster } = await opened()
    const next = unwitnessed(roster)
    const fields = rosterFields(next)
    const governance = (rosterBytes: Uint8Array) => ({ rosters: [rosterBytes], contracts: [], proposals: [] })
    // The last byte of a signature is zero now and then.
    const forged = fields.with(-1, (fields.at(-1) ?? 0) ^ 1)
    expectCode('SIGNATURE_INVALID', () => store.addGovernance(governance(forged)))
    expect(store.addGovernance(governance(fields))).toBe(true)
    expect(store.addGovernance(governance(fields))).toBe(false)
    expect([told, rosters.witness(NAME), database.rosters().length]).toEqual([['roster'], null, 3])
    expect(store.governanceAfter(2)).toEqual({ documents: [{ type: 'roster', version: 3, fields }], proposals: [] })
  })
})
