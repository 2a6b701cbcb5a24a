import { expect, it } from 'vitest'
import { leafHash } from '../../../../src/ledger/hash.ts'
import { nodeHasher } from '../../../../src/main/core/hasher.ts'
import { PeerSource, type PeerSourceParts } from '../../../../src/main/core/network/peer-source.ts'
import { EntryPages } from '../../../../src/main/core/vault/repair.ts'

const ORIGIN = 'chartseal.test/a/n1/1'
const SUBJECT = new Uint8Array(16).fill(5)
const entryOf = (index: number) => Uint8Array.of(index & 255, index >> 8)

/** A node that holds 300 entries. */
function make(over: Partial<PeerSourceParts['sessions']> = {}, signal = new AbortController().signal) {
  const asked: string[] = []
  const key = { subject: SUBJECT, epoch: 1, recipient: new Uint8Array(32), sealed: new Uint8Array(80) }
  const sessions: PeerSourceParts['sessions'] = {
    retrievePackage: (_, { size, index }, done) => {
      asked.push(`package ${index} of ${size}`)
      const first = index * 256
      const value = Array.from({ length: Math.min(256, size - first) }, (__, i) => entryOf(first + i))
      done({ value, failed: null })
    },
    retrievePayload: (_, { index }, done) => {
      asked.push(`payload ${index}`)
      const row = { index, ciphertext: entryOf(1), wrappedKey: entryOf(2), salt: entryOf(3) }
      done({ value: { row, keys: [key, { ...key, subject: new Uint8Array(16) }] }, failed: null })
    },
    ...over,
  }
  const held = (origin: string) => (origin === ORIGIN ? 300 : 0)
  return { asked, source: new PeerSource({ sessions, link: 1, node: 'chartseal.test/b/n1', held, signal }) }
}

it('asks for each package once while its entries are looked at, and never for what is not held', async () => {
  const { asked, source } = make()
  const pages = new EntryPages(source)
  for (const index of [40, 41, 255, 256, 299]) expect(await pages.entry(ORIGIN, index)).toEqual(entryOf(index))
  expect(await pages.entry(ORIGIN, 300)).toBeNull()
  expect(await source.entries('chartseal.test/c/n1/1', 0, 256)).toEqual([])
  expect(asked).toEqual(['package 0 of 300', 'package 1 of 300'])
  expect(await source.entries(ORIGIN, 250, 10)).toHaveLength(10)
})

it('makes the lowest tiles of entries, and no others', async () => {
  const { source } = make()
  const tile = await source.tile(ORIGIN, 0, 1)
  expect(tile).toHaveLength(44 * 32)
  expect(tile?.subarray(0, 32)).toEqual(leafHash(nodeHasher, entryOf(256)))
  expect(await source.tile(ORIGIN, 1, 0)).toBeNull()
})

it('asks once for a payload and the keys beside it, of that patient alone', async () => {
  const { asked, source } = make()
  const keys = await source.epochKeys(SUBJECT, ORIGIN, 7)
  expect(keys).toMatchObject([{ subject: SUBJECT, epoch: 1, log: 'chartseal.test/a/n1' }])
  expect(await source.payload(ORIGIN, 7)).toEqual({ ciphertext: entryOf(1), wrappedKey: entryOf(2), salt: entryOf(3) })
  expect(await source.payload(ORIGIN, 300)).toBeNull()
  expect(asked).toEqual(['payload 7'])
})

it('asks a node that does not answer, or gives no payload, only once', async () => {
  for (const failed of ['TIMED_OUT', 'GONE', 'NOT_FOR_YOU'] as const) {
    const asked: number[] = []
    const { source } = make({
      retrievePayload: (_, { index }, done) => {
        asked.push(index)
        done({ value: null, failed })
      },
    })
    for (const index of [1, 2, 3]) expect(await source.payload(ORIGIN, index)).toBeNull()
    expect(asked).toEqual([1])
    expect(await source.entries(ORIGIN, 0, 1)).toHaveLength(failed === 'NOT_FOR_YOU' ? 1 : 0)
  }
})

it('waits no longer when the run is stopped', async () => {
  const stop = new AbortController()
  const { source } = make({ retrievePackage: () => undefined }, stop.signal)
  const waiting = source.entries(ORIGIN, 0, 256)
  stop.abort()
  expect(await waiting).toEqual([])
  expect(await source.payload(ORIGIN, 1)).toBeNull()
})
