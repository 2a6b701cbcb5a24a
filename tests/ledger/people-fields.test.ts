import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CborMap, CborValue } from '../../src/ledger/cbor.ts'
import * as f from '../../src/ledger/people-fields.ts'
import { cborValue } from '../support/cbor-value.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'
import { handle, testKey } from '../support/ledger-world.ts'

const cardId = handle('card')
const { publicKey } = testKey('card')
const consentId = handle('consent')

interface Codec {
  readonly name: string
  readonly map: CborMap
  readonly value: unknown
  readonly read: (fields: CborMap) => unknown
  readonly bad: readonly (readonly [number, CborValue | null])[]
}

const linked = (value: f.PatientLinked, bad: Codec['bad']): Codec => ({
  name: `patient.linked ${value.kind}`,
  map: f.encodePatientLinked(value),
  value,
  read: f.decodePatientLinked,
  bad: [[1, 3], [1, null], ...bad, [5, 0]],
})

const CODECS: readonly Codec[] = [
  ...(['patient', 'guardian'] as const).map((capacity) =>
    linked({ kind: 'card-issued', cardId, publicKey, capacity }, [
      [2, cardId.slice(1)],
      [3, new Uint8Array(32)],
      [3, null],
      [4, 2],
    ]),
  ),
  linked({ kind: 'card-revoked', cardId }, [
    [2, null],
    [3, publicKey],
  ]),
  linked({ kind: 'elsewhere' }, [[2, cardId]]),
  ...(['patient', 'guardian', 'incapable', 'spoken'] as const).map((capacity, i): Codec => {
    const value = { consentId, version: i + 1, asksSignature: i % 2 === 0, capacity }
    return {
      name: `consent ${capacity}`,
      map: f.encodeConsentFields(value),
      value,
      read: f.decodeConsentFields,
      bad: [
        [1, cardId.slice(1)],
        [2, 0],
        [3, 2],
        [4, 4],
        [4, null],
        [5, 0],
      ],
    }
  }),
]

describe.each(CODECS)('fields of $name', ({ map, value, read, bad }) => {
  it('read as they were written', () => {
    expect(read(map)).toEqual(value)
  })

  it.each(bad)('refuse field %i as %o', (key, wrong) => {
    const changed = new Map(map)
    if (wrong === null) changed.delete(key)
    else changed.set(key, wrong)
    expect(['BAD_FIELD', 'BAD_KEY']).toContain(codeOf(() => read(changed)))
  })

  it('of anything else give a value or a coded error', () => {
    const maps = fc.array(fc.tuple(fc.nat({ max: 5 }), cborValue)).map((pairs) => new Map(pairs))
    fc.assert(fc.property(maps, (any) => void codeOf(() => read(new Map([...map, ...any])))))
  })
})

it('refuse a key of small order', () => {
  const map = new Map(f.encodePatientLinked({ kind: 'card-issued', cardId, publicKey, capacity: 'patient' }))
  expectCode('BAD_KEY', () => f.decodePatientLinked(map.set(3, new Uint8Array(32))))
})
