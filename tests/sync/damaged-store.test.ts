import { expect, it } from 'vitest'
import { LedgerError } from '../../src/ledger/errors.ts'
import { CodedError } from '../../src/shared/errors.ts'
import type { SyncStore } from '../../src/sync/ports.ts'
import { orNull } from '../../src/sync/attempt.ts'
import { finalAt, linkAll, testNetwork, write } from './support/world.ts'

class Broken extends CodedError<'DATABASE_DAMAGED'> {}

/** What may fail at any time, for want of a row or of room. */
const METHODS = [
  'checkHead',
  'offerHead',
  'storePackage',
  'advance',
  'ownLines',
  'note',
  'offersFor',
  'addVotes',
  'consistency',
  'entryPackage',
  'missingPayload',
  'payloadsFor',
  'storePayloads',
  'addEvidence',
  'monitor',
  'monitored',
  'addGovernance',
] as const satisfies readonly (keyof SyncStore)[]

it.each(METHODS)('a store whose %s fails for a while harms nobody, and goes on when it works again', (method) => {
  const network = testNetwork(4)
  const store = network.stores[0]! as unknown as Record<string, unknown>
  const works = store[method]
  for (const one of network.stores) {
    one.questions = [one.identity.origin]
    one.wantsPayloads = () => true
    one.maySend = () => true
  }
  store[method] = () => {
    throw new Broken('DATABASE_DAMAGED', 'for this test')
  }
  linkAll(network)
  for (const i of [0, 1, 2, 3]) write(network, i, 300)
  network.run(20_000)
  store[method] = works
  network.node(0)!.governanceChanged()
  linkAll(network)
  for (const i of [0, 1, 2, 3]) write(network, i, 10)
  const isDone = () => [0, 1, 2, 3].every((i) => [0, 1, 2, 3].every((of) => finalAt(network, i, of) === 310))
  expect(network.runUntil(isDone, 120_000)).toBe(true)
  expect(network.complaints).toEqual([])
})

it('a failure with a code is nothing to give, and a bug passes on', () => {
  expect(
    orNull(() => {
      throw new LedgerError('TILE_DAMAGED', 'for this test')
    }),
  ).toBeNull()
  expect(() =>
    orNull(() => {
      throw new Error('bug: of this test')
    }),
  ).toThrow('bug')
})
