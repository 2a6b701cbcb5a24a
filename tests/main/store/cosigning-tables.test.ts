import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openStore } from '../../../src/main/store/open.ts'
import type { MirrorRow } from '../../../src/main/store/store.ts'
import { id, newStore, ORIGIN, temporaryFolder } from './fixtures.ts'

const row = (size: number, name: string, line = `line ${size} of ${name}`) => ({ size, name, line })

it('finds cosignatures from the newest down, at one size, and of one site', () => {
  const store = newStore()
  store.putCosignatures(ORIGIN, [row(3, 'a'), row(3, 'b'), row(9, 'a'), row(7, 'b')])
  expect(store.cosignatures(ORIGIN, 3, 10)).toEqual([row(9, 'a'), row(7, 'b')])
  expect(store.cosignatures(ORIGIN, 0, 2)).toEqual([row(9, 'a'), row(7, 'b')])
  expect(store.cosignaturesAt(ORIGIN, 3)).toEqual([row(3, 'a'), row(3, 'b')])
  expect(store.cosignaturesAt(ORIGIN, 4)).toEqual([])
  expect(store.cosignaturesBy(ORIGIN, 'a', 10, 10)).toEqual([row(9, 'a'), row(3, 'a')])
  expect(store.cosignaturesBy(ORIGIN, 'a', 9, 10)).toEqual([row(3, 'a')])
  expect(store.cosignatures('unknown', 0, 10)).toEqual([])
})

it('replaces the line of a site under the same checkpoint', () => {
  const store = newStore()
  store.putCosignatures(ORIGIN, [row(3, 'a', 'first')])
  store.putCosignatures(ORIGIN, [row(3, 'a', 'second')])
  expect(store.cosignaturesAt(ORIGIN, 3)).toEqual([row(3, 'a', 'second')])
})

it('changes the memory of a mirror, and what goes with it, only from the state that is expected', () => {
  const store = newStore()
  const first: MirrorRow = { pending: 'three', stored: 3, mirrored: null, refused: null }
  const second: MirrorRow = { pending: 'three', stored: 3, mirrored: 'three', refused: null }
  const refusing: MirrorRow = { ...second, refused: { index: 2, code: 'KEY_REUSED' } }
  expect(store.mirror(ORIGIN)).toBeNull()
  expect(store.replaceMirror(ORIGIN, first, second, [row(3, 'a')])).toBe(false)
  expect(store.cosignaturesAt(ORIGIN, 3)).toEqual([])
  expect(store.replaceMirror(ORIGIN, null, first, [])).toBe(true)
  expect(store.replaceMirror(ORIGIN, null, second, [row(3, 'a')])).toBe(false)
  expect(store.mirror(ORIGIN)).toEqual(first)
  expect(store.replaceMirror(ORIGIN, first, second, [row(3, 'a')])).toBe(true)
  expect(store.cosignaturesAt(ORIGIN, 3)).toEqual([row(3, 'a')])
  expect(store.replaceMirror(ORIGIN, second, refusing, [])).toBe(true)
  expect(store.replaceMirror(ORIGIN, { ...refusing, refused: { index: 2, code: 'BAD_KEY' } }, second, [])).toBe(false)
  expect(store.mirror(ORIGIN)).toEqual(refusing)
})

it('keeps fork proofs, each once, also when the store is opened again', () => {
  const file = join(temporaryFolder(), 'ledger.db')
  const store = newStore(file)
  const proof = { id: id(1), origin: ORIGIN, text: 'a proof', receivedAtMs: 5 }
  const other = { id: id(2), origin: 'other', text: 'another', receivedAtMs: 4 }
  store.putEvidence(proof)
  store.putEvidence({ ...proof, text: 'changed', receivedAtMs: 9 })
  store.putEvidence(other)
  store.close()
  const again = openStore(file, { mode: 'existing' })
  expect(again.evidence()).toEqual([proof, other])
  expect(again.evidence('other')).toEqual([other])
  expect(again.evidence('nobody')).toEqual([])
  again.close()
})
