import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CborMap, CborValue } from '../../src/ledger/cbor.ts'
import * as f from '../../src/ledger/record-fields.ts'
import { cborValue } from '../support/cbor-value.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'

const root = new Uint8Array(32).fill(7)
const head = { origin: 'c/n1/1', size: 9, root }
const ref = { origin: 'c/n1/2', index: 4 }

type Bad = readonly (readonly [number, CborValue | null])[]
const codec = <Value>(
  name: string,
  value: Value,
  encode: (value: Value) => CborMap,
  read: (fields: CborMap) => Value,
  bad: Bad,
) => ({ name, map: encode(value), value: value as unknown, read: read as (fields: CborMap) => unknown, bad })

const CODECS = [
  codec(
    'access.emergency',
    { reason: 'unconscious' as const, minutes: 60, heads: [head] },
    f.encodeEmergencyFields,
    f.decodeEmergencyFields,
    [
      [1, 5],
      [2, 0],
      [2, f.MAX_EMERGENCY_MIN + 1],
      [3, [['c/n1/1', 1]]],
      [4, 0],
    ],
  ),
  codec('reading.entered-in-error', ref, f.encodeTargetFields, f.decodeTargetFields, [
    [1, null],
    [1, ['c/n1/1']],
    [1, ['', 4]],
    [1, ['c/n1/1', 4, 5]],
    [2, 0],
  ]),
  codec(
    'assessment',
    { rule: 'news2', inputs: [ref, { ...ref, index: 5 }] },
    f.encodeAssessmentFields,
    f.decodeAssessmentFields,
    [
      [1, ''],
      [2, []],
      [2, [0]],
      [3, 0],
    ],
  ),
  codec(
    'endorsement of a review',
    { kind: 'review' as const, target: ref, value: 'justified' },
    f.encodeEndorsementFields,
    f.decodeEndorsementFields,
    [
      [1, 3],
      [1, 1],
      [2, null],
      [3, ''],
      [4, 0],
    ],
  ),
  codec(
    'endorsement of a module',
    { kind: 'decision-support' as const, target: null, value: 'news2:on' },
    f.encodeEndorsementFields,
    f.decodeEndorsementFields,
    [
      [1, 0],
      [2, ['c/n1/1', 4]],
    ],
  ),
  codec(
    'export',
    { purpose: 'insurer', format: 'bundle', heads: [head], count: 12 },
    f.encodeExportFields,
    f.decodeExportFields,
    [
      [1, ''],
      [2, null],
      [3, [0]],
      [4, null],
      [5, 0],
    ],
  ),
]

describe.each(CODECS)('fields of $name', ({ map, value, read, bad }) => {
  it('read as they were written', () => {
    expect(read(map)).toEqual(value)
  })

  it.each(bad)('refuse field %i as %o', (key, wrong) => {
    const changed = new Map(map)
    if (wrong === null) changed.delete(key)
    else changed.set(key, wrong)
    expect(['BAD_FIELD', 'BAD_NAME']).toContain(codeOf(() => read(changed)))
  })

  it('of anything else give a value or a coded error', () => {
    const maps = fc.array(fc.tuple(fc.nat({ max: 5 }), cborValue)).map((pairs) => new Map(pairs))
    fc.assert(fc.property(maps, (any) => void codeOf(() => read(new Map([...map, ...any])))))
  })
})

it('refuse a place in a log that cannot be', () => {
  expectCode('BAD_NAME', () => f.decodeTargetFields(new Map([[1, ['no origin', 4]]])))
})
