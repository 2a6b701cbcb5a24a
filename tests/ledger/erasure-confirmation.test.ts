import { expect, it } from 'vitest'
import { type CborMap, mapOf } from '../../src/ledger/cbor.ts'
import type { EntrySignature } from '../../src/ledger/entry.ts'
import type { EntryType, SignatureRole } from '../../src/ledger/entry-types.ts'
import {
  ERASURE_CONFIRMED,
  erasureConfirmed,
  MAX_CONFIRMED,
  readErasureConfirmed,
} from '../../src/ledger/erasure-confirmation.ts'
import { encodeIncident } from '../../src/ledger/fields.ts'

const erasure = { origin: 'lake.example/lake/node/1', index: 7, leaf: new Uint8Array(32).fill(3) }
const bytes = new Uint8Array(0)

function entry(fields: CborMap, type: EntryType = 'incident', role: SignatureRole = 'log') {
  const signatures: EntrySignature[] = [{ role, publicKey: bytes, signature: bytes }]
  const body = { type, network: bytes, log: 'hill', id: bytes, time: 0, subject: null, payload: null, fields }
  return { body, signatures }
}

const details = (value: CborMap) => entry(encodeIncident({ kind: ERASURE_CONFIRMED, details: value }))

it('reads what it wrote', () => {
  const many = Array.from({ length: MAX_CONFIRMED }, (_, index) => ({ ...erasure, index }))
  expect(readErasureConfirmed(entry(encodeIncident(erasureConfirmed([erasure]))))).toEqual([erasure])
  expect(readErasureConfirmed(entry(encodeIncident(erasureConfirmed(many))))).toEqual(many)
})

it('is no word of a person, and no other incident', () => {
  const fields = encodeIncident(erasureConfirmed([erasure]))
  expect(readErasureConfirmed(entry(fields, 'incident', 'practitioner'))).toEqual([])
  expect(readErasureConfirmed(entry(fields, 'export'))).toEqual([])
  const { details: same } = erasureConfirmed([erasure])
  expect(readErasureConfirmed(entry(encodeIncident({ kind: 'rows.lost', details: same })))).toEqual([])
})

it('refuses everything else', () => {
  const { origin, index, leaf } = erasure
  const tuples = [
    [[origin, index]],
    [[origin, index, leaf, 1]],
    [[origin, '7', leaf]],
    [[origin, index, leaf.slice(1)]],
    [['no origin', index, leaf]],
    [],
    Array.from({ length: MAX_CONFIRMED + 1 }, () => [origin, index, leaf]),
  ]
  for (const tuple of tuples) expect(() => readErasureConfirmed(details(mapOf([[1, tuple]])))).toThrow()
  expect(() => readErasureConfirmed(details(new Map()))).toThrow(expect.objectContaining({ code: 'BAD_FIELD' }))
})
