import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openCosignatures } from '../../src/ledger/cosignature.ts'
import { parseCheckpoint } from '../../src/ledger/checkpoint.ts'
import { leafHash, nobleHasher as h } from '../../src/ledger/hash.ts'
import {
  advance,
  type ContractEvaluator,
  emptyMirror,
  type EntryPackage,
  type MirrorState,
  type MirrorStore,
  neededPackage,
  offerHead,
  type ProvenEntry,
  provePackage,
  receivePackage,
  settleMirrored,
} from '../../src/ledger/mirror.ts'
import { parseNote } from '../../src/ledger/note.ts'
import { TileTree } from '../../src/ledger/tiles.ts'
import { TreeWriter } from '../../src/ledger/tree-writer.ts'
import type { WitnessRules, WitnessSigner } from '../../src/ledger/witness.ts'
import { toHex } from '../../src/shared/bytes.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'
import { ForkedLog } from '../support/forked-log.ts'
import { testKey, verifier } from '../support/ledger-world.ts'
import { MemoryTiles } from '../support/memory-tiles.ts'
import { slowRoot } from '../support/slow-tree.ts'

const log = new ForkedLog()
const origin = log.logKey.name
const rules: WitnessRules = { hasher: h, verifier, logKeys: (name) => (name === origin ? [log.logKey] : []) }
const key = testKey('mirror')
const signer: WitnessSigner = {
  key: { name: 'test.local/a/mirror', publicKey: key.publicKey },
  nowS: 1_767_225_660,
  sign: (message) => key.sign(message),
}
const valid: ContractEvaluator = () => ({ verdict: 'valid' })

/** The sender's side: a tree of every size, read through tiles. */
const tiles = new MemoryTiles()
const writer = new TreeWriter(h, 0, [])
const LEAVES = log.leaves(1100)
const ROOTS = LEAVES.map((leaf) => {
  const { tiles: fresh, root } = writer.append([leaf])
  tiles.put(fresh)
  return root
})
const rootAt = (size: number) => ROOTS[size - 1] ?? writer.head().root
const treeAt = (size: number) => new TileTree(h, { size, root: rootAt(size) }, tiles)
const noteAt = (size: number) => log.noteOf(size, rootAt(size))

function packageAt(size: number, index: number): EntryPackage {
  const width = Math.min(256, size - index * 256)
  const entries = Array.from({ length: width }, (_, i) => log.entry(index * 256 + i))
  return { index, entries, proof: provePackage(treeAt(size), index) }
}

function requestOf(oldSize: number, size: number) {
  const note = noteAt(size)
  const proof = oldSize === 0 ? [] : treeAt(size).proveConsistency(oldSize)
  return { oldSize, proof, note, checkpoint: parseCheckpoint(parseNote(note).text) }
}

function offered(state: MirrorState, size: number): MirrorState {
  const answer = offerHead(rules, state, requestOf(state.pending?.size ?? 0, size))
  if (answer.status !== 200) throw new Error(`status ${answer.status}`)
  return answer.next
}

/** Everything up to the pending head, package by package, and the entries that were to be stored. */
function filled(state: MirrorState): { state: MirrorState; entries: ProvenEntry[] } {
  const entries: ProvenEntry[] = []
  for (let index = neededPackage(state); index !== null; index = neededPackage(state)) {
    const received = receivePackage(h, state, packageAt(state.pending?.size ?? 0, index))
    state = received.next
    entries.push(...received.entries)
  }
  return { state, entries }
}

class MemoryMirror implements MirrorStore {
  state = emptyMirror(origin)
  readonly entries: Uint8Array[] = []

  read(): MirrorState {
    return this.state
  }

  replace(expected: MirrorState, next: MirrorState, entries: readonly ProvenEntry[]): boolean {
    if (this.state !== expected) return false
    this.state = next
    for (const { index, bytes } of entries) this.entries[index] = bytes
    return true
  }
}

describe('packages', () => {
  it.each([1, 2, 255, 256, 257, 511, 512, 513, 700, 768, 1025, 1100])('of %i entries are proven one by one', (size) => {
    const { state, entries } = filled(offered(emptyMirror(origin), size))
    expect(state.stored).toBe(size)
    expect(entries.map((entry) => entry.index)).toEqual(LEAVES.slice(0, size).map((_, i) => i))
    expect(
      toHex(
        slowRoot(
          h,
          entries.map((entry) => leafHash(h, entry.bytes)),
        ),
      ),
    ).toBe(toHex(rootAt(size)))
  })

  it('are refused with one entry or hash changed, dropped, added or moved', () => {
    const state = filled(offered(emptyMirror(origin), 512)).state
    const grown = offered(state, 700)
    const good = packageAt(700, 2)
    const [first = new Uint8Array()] = good.entries
    const bad: [string, EntryPackage][] = [
      ['ROOT_MISMATCH', { ...good, entries: good.entries.with(9, first) }],
      ['PROOF_SIZE', { ...good, entries: good.entries.slice(1) }],
      ['PROOF_SIZE', { ...good, entries: [...good.entries, first] }],
      ['PROOF_SIZE', { ...good, entries: [] }],
      ['ROOT_MISMATCH', { ...good, entries: good.entries.toReversed() }],
      ['ROOT_MISMATCH', { ...good, proof: good.proof.with(0, new Uint8Array(32)) }],
      ['PROOF_SIZE', { ...good, proof: good.proof.slice(1) }],
      ['PROOF_SIZE', { ...good, proof: [...good.proof, new Uint8Array(32)] }],
      ['HASH_SIZE', { ...good, proof: good.proof.with(0, new Uint8Array(31)) }],
      ['TOO_LARGE', { ...good, entries: good.entries.with(3, new Uint8Array(65_536)) }],
      ['INDEX_OUT_OF_TREE', { ...good, index: 3 }],
      ['INDEX_OUT_OF_TREE', { ...good, index: -1 }],
      ['INDEX_OUT_OF_TREE', { ...good, index: NaN }],
      ['INDEX_OUT_OF_TREE', { ...good, index: 2.5 }],
    ]
    for (const [code, offer] of bad) expectCode(code, () => receivePackage(h, grown, offer))
    expect(receivePackage(h, grown, good).next.stored).toBe(700)
  })

  it('are refused from another branch, and before any head is known', () => {
    const branch = Array.from({ length: 256 }, (_, i) => log.entry(i, 1, 200))
    const state = offered(emptyMirror(origin), 600)
    expectCode('ROOT_MISMATCH', () => receivePackage(h, state, { ...packageAt(600, 0), entries: branch }))
    expectCode('INDEX_OUT_OF_TREE', () => receivePackage(h, emptyMirror(origin), packageAt(600, 0)))
  })

  it('that are stored already change nothing, and ask for nothing to be stored', () => {
    const { state } = filled(offered(emptyMirror(origin), 600))
    expect(receivePackage(h, state, packageAt(600, 0))).toEqual({ next: state, entries: [] })
    expect(receivePackage(h, state, packageAt(600, 2))).toEqual({ next: state, entries: [] })
  })

  it('go on inside a package that grew, with the new entries alone', () => {
    const grown = offered(filled(offered(emptyMirror(origin), 300)).state, 600)
    expect(neededPackage(grown)).toBe(1)
    const { next, entries } = receivePackage(h, grown, packageAt(600, 1))
    expect([next.stored, entries.length, entries[0]?.index]).toEqual([512, 212, 300])
  })
})

describe('a mirror', () => {
  it('cosigns once every entry is stored and valid, and not before', () => {
    const store = new MemoryMirror()
    const half = receivePackage(h, offered(store.state, 300), packageAt(300, 0)).next
    expect(advance(half, valid)).toEqual({ next: half, progress: 'incomplete' })
    expect(advance(emptyMirror(origin), valid).progress).toBe('incomplete')
    const asked: number[][] = []
    const { next, progress } = advance(filled(half).state, (_, from, to) => {
      asked.push([from, to])
      return { verdict: 'valid' }
    })
    expect([progress, next.mirrored?.size, asked]).toEqual(['mirrored', 300, [[0, 300]]])
    const line = settleMirrored(store, store.state, next, signer)
    const { cosignatures } = openCosignatures(noteAt(300) + (line ?? ''), [signer.key], verifier)
    expect(cosignatures).toEqual([{ ...signer.key, timeS: signer.nowS }])
  })

  it('asks about new entries alone, and gives a fresh time without asking', () => {
    const first = advance(filled(offered(emptyMirror(origin), 300)).state, valid).next
    const again = advance(offered(first, 300), () => ({ verdict: 'wait' }))
    expect(again.progress).toBe('mirrored')
    const asked: number[][] = []
    advance(filled(offered(first, 400)).state, (_, from, to) => {
      asked.push([from, to])
      return { verdict: 'valid' }
    })
    expect(asked).toEqual([[300, 400]])
  })

  it('waits while a cited head is missing, and keeps what it mirrored', () => {
    const first = advance(filled(offered(emptyMirror(origin), 300)).state, valid).next
    const full = filled(offered(first, 400)).state
    const { next, progress } = advance(full, () => ({ verdict: 'wait' }))
    expect([next, progress]).toEqual([full, 'waiting'])
    expect(next.mirrored?.size).toBe(300)
    expect(advance(next, valid).next.mirrored?.size).toBe(400)
  })

  it('never cosigns a head that holds an entry it refused, whatever comes later', () => {
    const first = advance(filled(offered(emptyMirror(origin), 300)).state, valid).next
    const { next, progress } = advance(filled(offered(first, 400)).state, () => {
      return { verdict: 'refuse', index: 350, code: 'CONTRACT_DENIED' }
    })
    expect([progress, next.refused]).toEqual(['refused', { index: 350, code: 'CONTRACT_DENIED' }])
    const later = advance(filled(offered(next, 700)).state, valid)
    expect([later.progress, later.next.mirrored?.size]).toEqual(['refused', 300])
    const store = Object.assign(new MemoryMirror(), { state: later.next })
    expect(() => settleMirrored(store, later.next, later.next, signer)).toThrow('bug')
  })

  it('takes no head of another branch, and keeps the pending one', () => {
    const state = offered(emptyMirror(origin), 300)
    const fork = { ...requestOf(300, 400), note: log.noteOf(400, rootAt(399)) }
    const checkpoint = parseCheckpoint(parseNote(fork.note).text)
    const answer = offerHead(rules, state, { ...fork, checkpoint })
    expect(answer.status).toBe(422)
    expect(offerHead(rules, state, requestOf(200, 400))).toEqual({ status: 409, size: 300 })
  })

  it('gives no cosignature when another step was faster', () => {
    const store = new MemoryMirror()
    const slow = advance(filled(offered(store.state, 300)).state, valid).next
    const before = store.state
    store.replace(before, offered(before, 400), [])
    expect(settleMirrored(store, before, slow, signer)).toBeNull()
    expect(store.state.mirrored).toBeNull()
  })
})

it('whatever comes in whatever order, a mirrored head has exactly its entries, and neither shrinks', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('offer' as const), size: fc.integer({ min: 1, max: 1100 }) }),
    fc.record({ do: fc.constant('package' as const), index: fc.nat({ max: 4 }), stale: fc.boolean() }),
    fc.record({ do: fc.constant('advance' as const) }),
  )
  let mirrored = 0
  fc.assert(
    fc.property(fc.array(step, { minLength: 12, maxLength: 40 }), fc.boolean(), (steps, isLost) => {
      const store = new MemoryMirror()
      let stale = store.state
      for (const [i, { do: what, ...by }] of steps.entries()) {
        const { state } = store
        const next = nextOf(state, what, by)
        const expected = 'stale' in by && by.stale ? stale : state
        if (next !== null) store.replace(expected, next.state, next.entries)
        if (isLost && i % 3 === 0) stale = state
        const [was, is] = [state.mirrored?.size ?? 0, store.state.mirrored?.size ?? 0]
        expect(is).toBeGreaterThanOrEqual(was)
        expect(store.state.stored).toBeGreaterThanOrEqual(state.stored)
        if (is === was) continue
        mirrored++
        const leaves = store.entries.slice(0, is).map((bytes) => leafHash(h, bytes))
        expect(toHex(new TreeWriter(h, 0, []).append(leaves).root)).toBe(toHex(rootAt(is)))
      }
    }),
    { numRuns: 40 },
  )
  expect(mirrored).toBeGreaterThan(0)
})

/** What a step leads to from `state`, or null when it is refused. */
function nextOf(
  state: MirrorState,
  what: 'offer' | 'package' | 'advance',
  { size = 0, index = 0 }: { size?: number; index?: number },
): { state: MirrorState; entries: readonly ProvenEntry[] } | null {
  const pending = state.pending?.size ?? 0
  if (what === 'offer') return size < pending ? null : { state: offered(state, size), entries: [] }
  if (what === 'advance') return { state: advance(state, valid).next, entries: [] }
  const wanted = neededPackage(state) ?? index
  if (pending === 0 || index * 256 >= pending || wanted * 256 >= pending) return null
  const run = () => receivePackage(h, state, packageAt(pending, index % 2 === 0 ? wanted : index))
  if (codeOf(run) !== null) return null
  const { next, entries } = run()
  return { state: next, entries }
}
