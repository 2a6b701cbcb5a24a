import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CborMap, CborValue } from '../../src/ledger/cbor.ts'
import * as f from '../../src/ledger/fields.ts'
import { encodeConsentFields } from '../../src/ledger/people-fields.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'
import { handle, testKey, TestLog, somePayload } from '../support/ledger-world.ts'
import { cborValue } from '../support/cbor-value.ts'

const hash = new Uint8Array(32).fill(1)
const { publicKey } = testKey('someone')
const head = { origin: 'c/n1/1', size: 5, root: hash }

const approvals = [1, 2].map((n) => ({
  publicKey: new Uint8Array(32).fill(n),
  signature: new Uint8Array(64).fill(n),
}))
const pair = (key: number, length = 64): CborValue => [new Uint8Array(32).fill(key), new Uint8Array(length)]
const badApprovals: CborValue[] = [
  [],
  [0],
  [pair(1, 63)],
  [pair(2), pair(1)],
  [pair(1), pair(1)],
  [[hash]],
  Array.from({ length: 65 }, (_, i) => pair(i)),
]

/** Each codec: a value, how it is written and read, and maps that must be refused. */
const CODECS: {
  name: string
  map: CborMap
  value: unknown
  read: (map: CborMap) => unknown
  bad: [number, CborValue | null][]
}[] = [
  ...[null, hash].map((previousBlockHash, block) => {
    const value: f.Seal = { block, previousBlockHash, firstIndex: 3, count: 2, rosterVersion: 1, contractHash: hash }
    const bad: [number, CborValue | null][] = [
      [1, 1 - block],
      [4, 0],
      [3, null],
      [5, 'one'],
      [6, hash.slice(1)],
      [7, 0],
    ]
    return { name: `seal ${block}`, map: f.encodeSeal(value), value, read: f.decodeSeal, bad }
  }),
  ...[null, { ...head, note: 'a note' }].map((previous, i) => {
    const logKey = previous === null ? null : publicKey
    const rosterVersion = previous === null ? null : 4
    const value: f.NodeOpened = { incarnation: i + 1, instance: handle('instance'), previous, logKey, rosterVersion }
    const bad: [number, CborValue | null][] = [
      [1, 0],
      [1, 2 - i],
      [2, hash],
      [2, null],
      [3, new Map([[1, 'c/n1/1']])],
      [4, i === 0 ? publicKey : null],
      [5, i === 0 ? 1 : null],
      [5, 0],
      [6, 0],
    ]
    return { name: `node.opened ${i + 1}`, map: f.encodeNodeOpened(value), value, read: f.decodeNodeOpened, bad }
  }),
  {
    name: 'roster',
    map: f.encodeRosterFields({ document: hash, approvals }),
    value: { document: hash, approvals },
    read: f.decodeRosterFields,
    bad: [
      [1, null],
      [1, new Uint8Array()],
      [2, 0],
      ...badApprovals.map((bad): [number, CborValue | null] => [2, bad]),
      [3, 0],
    ],
  },
  (() => {
    const value = { version: 1, language: 'chartseal-cedar/1', document: hash, approvals }
    const bad: [number, CborValue | null][] = [
      [1, 0],
      [2, ''],
      [3, null],
      [4, 0],
      ...badApprovals.map((bad): [number, CborValue | null] => [4, bad]),
      [5, 0],
    ]
    return { name: 'contract', map: f.encodeContractFields(value), value, read: f.decodeContractFields, bad }
  })(),
  (() => {
    const value = { publicKey, role: 'nurse' as const }
    const bad: [number, CborValue | null][] = [
      [1, hash.slice(1)],
      [1, null],
      [2, 'doctor'],
      [2, 0],
      [3, 0],
    ]
    const map = f.encodePractitionerEnrolled(value)
    return { name: 'practitioner.enrolled', map, value, read: f.decodePractitionerEnrolled, bad }
  })(),
  {
    name: 'device.enrolled',
    map: f.encodeDeviceEnrolled({ publicKey }),
    value: { publicKey },
    read: f.decodeDeviceEnrolled,
    bad: [
      [1, null],
      [2, 0],
    ],
  },
  ...(['device', 'manual', 'unauthenticated-device', 'patient-reported'] as const).map((method) => {
    const device = method === 'device' ? handle('device') : null
    const value = { method, device }
    const bad: [number, CborValue | null][] = [
      [1, 4],
      [1, null],
      [2, method === 'device' ? null : handle('device')],
      [3, 0],
    ]
    return { name: `reading ${method}`, map: f.encodeReading(value), value, read: f.decodeReading, bad }
  }),
  (() => {
    const value = {
      method: 'manual' as const,
      device: null,
      incapable: true as const,
      target: { origin: 'c/n1/1', index: 7 },
    }
    const bad: [number, CborValue | null][] = [
      [1, 4],
      [3, 0],
      [3, 2],
      [4, null],
      [4, ['c/n1/1']],
      [5, 0],
    ]
    return { name: 'reading.amended', map: f.encodeAmendedFields(value), value, read: f.decodeAmendedFields, bad }
  })(),
  ...[null, [handle('p'), handle('q')]].map((subjects) => {
    const emergency = subjects === null ? { emergency: { origin: 'c/n1/1', index: 3 } } : {}
    const value = { purpose: 'chart', heads: [head, { ...head, size: 0 }], subjects, ...emergency }
    const bad: [number, CborValue | null][] = [
      [1, ''],
      [2, null],
      [2, [['c/n1/1', 1]]],
      [2, [['c/n1/1', 1, hash, 0]]],
      [2, [0]],
      [3, []],
      [3, [hash]],
      [4, 0],
    ]
    return {
      name: `access ${subjects === null ? 'one' : 'several'}`,
      map: f.encodeAccess(value),
      value,
      read: f.decodeAccess,
      bad,
    }
  }),
  (() => {
    const value = { kind: 'tile.repaired', details: new Map([[1, 5]]) }
    const bad: [number, CborValue | null][] = [
      [1, null],
      [1, ''],
      [2, null],
      [2, 0],
      [3, 0],
    ]
    return { name: 'incident', map: f.encodeIncident(value), value, read: f.decodeIncident, bad }
  })(),
]

describe.each(CODECS)('fields of $name', ({ map, value, read, bad }) => {
  it('read as they were written', () => {
    expect(read(map)).toEqual(value)
  })

  it.each(bad)('refuse field %i as %o', (key, wrong) => {
    const changed = new Map(map)
    if (wrong === null) changed.delete(key)
    else changed.set(key, wrong)
    expectCode('BAD_FIELD', () => read(changed))
  })

  it('of anything else give a value or a coded error', () => {
    const maps = fc.array(fc.tuple(fc.nat({ max: 5 }), cborValue)).map((pairs) => new Map(pairs))
    fc.assert(fc.property(maps, (any) => void codeOf(() => read(any))))
    fc.assert(fc.property(maps, (any) => void codeOf(() => read(new Map([...map, ...any])))))
  })
})

describe('fields with keys and names', () => {
  it('refuse keys that nobody may have', () => {
    const zero = new Uint8Array(32)
    expectCode('BAD_KEY', () => f.decodeDeviceEnrolled(f.encodeDeviceEnrolled({ publicKey: zero })))
    expectCode('BAD_KEY', () =>
      f.decodePractitionerEnrolled(f.encodePractitionerEnrolled({ publicKey: zero, role: 'it' })),
    )
  })

  it('refuse an incarnation with a key that nobody may have', () => {
    const value = {
      incarnation: 2,
      instance: handle('i'),
      previous: { ...head, note: 'n' },
      logKey: new Uint8Array(32),
      rosterVersion: 1,
    }
    expectCode('BAD_KEY', () => f.decodeNodeOpened(f.encodeNodeOpened(value)))
  })

  it('refuse heads of no origin', () => {
    expectCode('BAD_NAME', () =>
      f.decodeAccess(
        new Map<number, CborValue>([
          [1, 'chart'],
          [2, [['c', 1, hash]]],
        ]),
      ),
    )
  })
})

describe('lost entries', () => {
  const lost = { origin: 'c/n1/1', ranges: [[2, 3] as const, [5, 9] as const] }
  it('are declared by an incident', () => {
    expect(f.readEntriesLost(f.decodeIncident(f.encodeIncident(f.entriesLost(lost))))).toEqual(lost)
    expect(f.readEntriesLost({ kind: 'tile.repaired', details: new Map() })).toBeNull()
  })

  it.each<[CborValue]>([
    [[]],
    [[[3, 3]]],
    [[[3, 2]]],
    [
      [
        [2, 3],
        [3, 4],
      ],
    ],
    [
      [
        [5, 6],
        [2, 3],
      ],
    ],
    [[[1, 2, 3]]],
    [[7]],
  ])('are ranges that end after they start, apart and in order: not %o', (ranges) => {
    const details = new Map<number, CborValue>([
      [1, lost.origin],
      [2, ranges],
    ])
    const fields = f.encodeIncident({ kind: f.ENTRIES_LOST, details })
    const body = new TestLog().body('incident', { fields })
    expectCode('BAD_FIELD', () => {
      f.checkFields(body)
    })
  })
})

describe('fields of a body', () => {
  const log = new TestLog()
  it('are checked by its type', () => {
    expectCode('BAD_FIELD', () => {
      f.checkFields(log.body('seal'))
    })
    f.checkFields(log.body('device.checked', { fields: new Map([[9, 9]]), subject: handle('d') }))
    const fields = encodeConsentFields({ consentId: handle('c'), version: 1, asksSignature: true, capacity: 'patient' })
    f.checkFields(log.body('consent.granted', { fields, subject: handle('p'), payload: somePayload }))
    expectCode('BAD_FIELD', () => {
      f.checkFields(log.body('consent.granted', { fields, subject: handle('p') }))
    })
  })

  it('name subjects of an access only where the body has none', () => {
    const several = f.encodeAccess({ purpose: 'list', heads: [], subjects: [handle('p')] })
    f.checkFields(log.body('access', { fields: several }))
    expectCode('BAD_FIELD', () => {
      f.checkFields(log.body('access', { fields: several, subject: handle('q') }))
    })
  })
})
