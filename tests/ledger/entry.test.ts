import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Body, decodeBody, decodeEntry, encodeBody, encodeEntry, signedMessage } from '../../src/ledger/entry.ts'
import { decodeCbor, encodeCbor, type CborMap, type CborValue } from '../../src/ledger/cbor.ts'
import { ENTRY_SHAPES, ENTRY_TYPES, type EntryType } from '../../src/ledger/entry-types.ts'
import { checkFields, encodeReading } from '../../src/ledger/fields.ts'
import { utf8 } from '../../src/ledger/hash.ts'
import { fromHex, toHex } from '../../src/shared/bytes.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'
import { handle, somePayload, testKey, TestLog } from '../support/ledger-world.ts'

const log = new TestLog()
const nurse = testKey('nurse')
const reading = (over: Partial<Body> = {}): Body =>
  log.body('reading', {
    subject: handle('patient'),
    payload: somePayload,
    fields: encodeReading({ method: 'manual', device: null }),
    ...over,
  })

/** The entry with one field of its outer map, or of its body, replaced or (undefined) removed. */
function bent(bytes: Uint8Array, where: 'entry' | 'body', key: number, value: CborValue | undefined): Uint8Array {
  const entry = new Map(decodeCbor(bytes, 65_535) as CborMap)
  const change = (map: Map<number, CborValue>) => {
    if (value === undefined) map.delete(key)
    else map.set(key, value)
    return map
  }
  if (where === 'entry') return encodeCbor(change(entry))
  const body = new Map(decodeCbor(entry.get(2) as Uint8Array, 65_535) as CborMap)
  return encodeCbor(entry.set(2, encodeCbor(change(body))))
}

describe('entries', () => {
  const body = reading()
  const bytes = log.entry(body, [
    ['practitioner', nurse],
    ['device', testKey('device')],
  ])

  it('have the bytes of docs/protocol.md, written here by hand', () => {
    const fixed: Body = {
      type: 'reading',
      network: new Uint8Array(32).fill(0x11),
      log: 'c/n1',
      id: new Uint8Array(16).fill(0x22),
      time: 1_760_000_000_000,
      subject: new Uint8Array(16).fill(0x33),
      payload: somePayload,
      fields: encodeReading({ method: 'device', device: new Uint8Array(16).fill(0x44) }),
    }
    const body = [
      'a8',
      ['01', '67', toHex(utf8('reading'))],
      ['02', '5820', '11'.repeat(32)],
      ['03', '64', toHex(utf8('c/n1'))],
      ['04', '50', '22'.repeat(16)],
      ['05', '1b', '00000199c82cc000'],
      ['06', '50', '33'.repeat(16)],
      ['07', 'a4', '015820', '07'.repeat(32), '025820', '08'.repeat(32), '0301', '0401'],
      ['08', 'a2', '0100', '0250', '44'.repeat(16)],
    ]
    const hex = body.flat().join('')
    expect(toHex(encodeBody(fixed))).toBe(hex)
    const signature = new Uint8Array(64).fill(0x66)
    const entry = encodeEntry({
      bodyBytes: fromHex(hex),
      placement: { subjectSeq: 1, previousLeaf: new Uint8Array(32).fill(0x77) },
      signatures: [{ role: 'device', publicKey: new Uint8Array(32).fill(0x55), signature }],
    })
    const outer = [
      'a4',
      ['01', '01'],
      ['02', '58', toHex(Uint8Array.of(hex.length / 2)), hex],
      ['03', 'a2', '0101', '025820', '77'.repeat(32)],
      ['04', '81', '83', '66', toHex(utf8('device')), '5820', '55'.repeat(32), '5840', '66'.repeat(64)],
    ]
    expect(toHex(entry)).toBe(outer.flat().join(''))
  })

  it('decode to what was encoded, signatures sorted by role and key', () => {
    const entry = decodeEntry(bytes)
    expect(entry.body).toEqual(body)
    expect(entry.signatures.map((s) => s.role)).toEqual(['device', 'practitioner'])
    expect(entry.placement).toEqual({ subjectSeq: 0, previousLeaf: null })
    expect(toHex(encodeEntry(entry))).toBe(toHex(bytes))
  })

  it('have a shape for each type of the design', () => {
    expect(ENTRY_TYPES).toHaveLength(24)
    for (const type of ENTRY_TYPES) {
      const shape = ENTRY_SHAPES[type]
      const subject = shape.subject === 'forbidden' ? null : handle('s')
      const payload = shape.payload === 'forbidden' ? null : somePayload
      const whole = log.body(type, { subject, payload })
      expect(decodeBody(encodeBody(whole))).toEqual(whole)
      if (shape.subject === 'required') expectCode('BAD_FIELD', () => encodeBody({ ...whole, subject: null }))
      if (shape.subject === 'forbidden') expectCode('BAD_FIELD', () => encodeBody({ ...whole, subject: handle('s') }))
      if (shape.payload === 'required') expectCode('BAD_FIELD', () => encodeBody({ ...whole, payload: null }))
      if (shape.payload === 'forbidden') expectCode('BAD_FIELD', () => encodeBody({ ...whole, payload: somePayload }))
    }
  })

  it.each<[string, 'entry' | 'body', number, CborValue | undefined]>([
    ['BAD_FIELD', 'entry', 1, 2],
    ['BAD_FIELD', 'entry', 1, undefined],
    ['BAD_FIELD', 'entry', 2, undefined],
    ['BAD_FIELD', 'entry', 3, undefined],
    [
      'BAD_FIELD',
      'entry',
      3,
      new Map<number, CborValue>([
        [1, 0],
        [2, new Uint8Array(32)],
      ]),
    ],
    ['BAD_FIELD', 'entry', 3, new Map([[1, 1]])],
    [
      'BAD_FIELD',
      'entry',
      3,
      new Map<number, CborValue>([
        [1, 1],
        [2, new Uint8Array(31)],
      ]),
    ],
    ['BAD_FIELD', 'entry', 4, undefined],
    ['BAD_SIGNATURE_LIST', 'entry', 4, []],
    ['BAD_FIELD', 'entry', 4, [['doctor', new Uint8Array(32), new Uint8Array(64)]]],
    ['BAD_FIELD', 'entry', 4, [['log', new Uint8Array(31), new Uint8Array(64)]]],
    ['BAD_FIELD', 'entry', 4, [['log', new Uint8Array(32), new Uint8Array(64), 1]]],
    ['BAD_FIELD', 'entry', 4, [['log', new Uint8Array(32)]]],
    ['BAD_FIELD', 'entry', 5, 0],
    ['UNKNOWN_TYPE', 'body', 1, 'toString'],
    ['UNKNOWN_TYPE', 'body', 1, 'reading '],
    ['BAD_FIELD', 'body', 1, 7],
    ['BAD_FIELD', 'body', 2, new Uint8Array(31)],
    ['BAD_NAME', 'body', 3, 'Riverside'],
    ['BAD_FIELD', 'body', 3, ''],
    ['BAD_FIELD', 'body', 4, new Uint8Array(17)],
    ['BAD_FIELD', 'body', 5, 'now'],
    ['BAD_FIELD', 'body', 6, undefined],
    ['BAD_FIELD', 'body', 6, new Uint8Array(15)],
    ['BAD_FIELD', 'body', 7, undefined],
    ['BAD_FIELD', 'body', 7, new Map([[1, 1]])],
    ['BAD_FIELD', 'body', 8, undefined],
    ['BAD_FIELD', 'body', 8, []],
    ['BAD_FIELD', 'body', 9, 0],
  ])('refuse with %s: %s field %i', (code, where, key, value) => {
    expectCode(code, () => decodeEntry(bent(bytes, where, key, value)))
  })

  it('refuse signatures out of order, twice, or too many', () => {
    const { signatures } = decodeEntry(bytes)
    const list = signatures.map((s): CborValue => [s.role, s.publicKey, s.signature])
    expectCode('BAD_SIGNATURE_LIST', () => decodeEntry(bent(bytes, 'entry', 4, list.toReversed())))
    expectCode('BAD_SIGNATURE_LIST', () => decodeEntry(bent(bytes, 'entry', 4, [...list, list[1] ?? 0])))
    const many = Array.from({ length: 17 }, (_, i): CborValue => [
      'log',
      new Uint8Array(32).fill(i),
      new Uint8Array(64),
    ])
    expectCode('BAD_SIGNATURE_LIST', () => decodeEntry(bent(bytes, 'entry', 4, many)))
    expect(decodeEntry(bent(bytes, 'entry', 4, many.slice(1))).signatures).toHaveLength(16)
  })

  it('refuse another media type, and more than 65,535 bytes', () => {
    expectCode('BAD_FIELD', () => encodeBody(reading({ payload: { ...somePayload, media: 2 } })))
    const fields = new Map([[1, new Uint8Array(65_000)]])
    const large = encodeBody(log.body('export', { fields }))
    const signature = { role: 'log' as const, publicKey: new Uint8Array(32), signature: new Uint8Array(64) }
    const signatures = Array.from({ length: 6 }, (_, i) => ({ ...signature, publicKey: new Uint8Array(32).fill(i) }))
    expectCode('TOO_LARGE', () => encodeEntry({ bodyBytes: large, placement: null, signatures }))
    expect(encodeEntry({ bodyBytes: large, placement: null, signatures: [signature] }).length).toBeLessThan(65_536)
  })

  it('are signed per role over the exact body', () => {
    const message = signedMessage('device', Uint8Array.of(1, 2))
    expect(new TextDecoder().decode(message.slice(0, -2))).toBe('chartseal/entry/v1\ndevice\n')
    expect([...message.slice(-2)]).toEqual([1, 2])
  })

  it('with any byte changed are refused with a code, or are another entry', () => {
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, xor) => {
        const changed = bytes.map((byte, i) => (i === at ? byte ^ xor : byte))
        let entry
        const code = codeOf(() => {
          entry = decodeEntry(changed)
        })
        if (code === null) expect(entry).not.toEqual(decodeEntry(bytes))
      }),
      { numRuns: 2000 },
    )
  })

  it('cut or continued are refused', () => {
    for (let length = 0; length < bytes.length; length++)
      expect(codeOf(() => decodeEntry(bytes.slice(0, length)))).not.toBeNull()
    expect(codeOf(() => decodeEntry(Uint8Array.of(...bytes, 0)))).not.toBeNull()
  })

  it('of any bytes are entries or a coded error', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (any) => void codeOf(() => decodeEntry(any))))
    const type = fc.constantFrom<EntryType>(...ENTRY_TYPES)
    fc.assert(
      fc.property(type, fc.uint8Array({ maxLength: 60 }), (t, any) => {
        codeOf(() => {
          checkFields(log.body(t, { fields: decodeCbor(Uint8Array.of(0xa1, 1, ...any), 100) as CborMap }))
        })
      }),
    )
  })
})
