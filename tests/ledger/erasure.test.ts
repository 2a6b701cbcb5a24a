import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type CborMap, decodeCbor, encodeCbor, mapOf } from '../../src/ledger/cbor.ts'
import { LedgerError } from '../../src/ledger/errors.ts'
import { decodeErasure, encodeErasure, type Erasure, type ErasureEntry, erasedBy } from '../../src/ledger/erasure.ts'
import { checkFields } from '../../src/ledger/fields.ts'
import { toHex } from '../../src/shared/bytes.ts'

const LOG = 'chartseal.test/a/n1'
const subject = (n: number): Uint8Array => new Uint8Array(16).fill(n)
const whole: Erasure = { reason: 'patient-request', authority: 'gdpr-17', records: null }

it('has the bytes that the protocol says', () => {
  expect(toHex(encodeCbor(encodeErasure(whole)))).toBe('a2016f70617469656e742d7265717565737402676764' + '70722d3137')
  const one: Erasure = { ...whole, records: [{ origin: `${LOG}/1`, index: 7 }] }
  expect(toHex(encodeCbor(encodeErasure(one)))).toBe(
    'a3016f70617469656e742d726571756573740267676470722d3137038182756368617274' + '7365616c2e746573742f612f6e312f3107',
  )
})

const code = fc.stringMatching(/^[a-z0-9]{1,10}(-[a-z0-9]{1,10}){0,3}$/)
const ref = fc.record({
  origin: fc.nat(5).map((n) => `${LOG}/${n + 1}`),
  index: fc.nat(1_000_000),
})
const erasure: fc.Arbitrary<Erasure> = fc.record({
  reason: code,
  authority: code,
  records: fc.option(fc.array(ref, { minLength: 1, maxLength: 20 }), { nil: null }),
})

it('reads back what it wrote', () => {
  fc.assert(
    fc.property(erasure, (each) => {
      expect(decodeErasure(encodeErasure(each))).toEqual(each)
    }),
  )
})

it.each<[string, CborMap]>([
  ['no reason', mapOf([[2, 'law']])],
  ['no authority', mapOf([[1, 'law']])],
  [
    'a sentence',
    mapOf([
      [1, 'Ada asked'],
      [2, 'law'],
    ]),
  ],
  [
    'a name',
    mapOf([
      [1, 'law'],
      [2, 'Dr. Who'],
    ]),
  ],
  [
    'no records',
    mapOf([
      [1, 'law'],
      [2, 'law'],
      [3, []],
    ]),
  ],
  [
    'a record without a place',
    mapOf([
      [1, 'law'],
      [2, 'law'],
      [3, [[`${LOG}/1`]]],
    ]),
  ],
  [
    'a record of no log',
    mapOf([
      [1, 'law'],
      [2, 'law'],
      [3, [['', 1]]],
    ]),
  ],
  [
    'too many records',
    mapOf([
      [1, 'law'],
      [2, 'law'],
      [3, Array.from({ length: 257 }, () => [`${LOG}/1`, 1])],
    ]),
  ],
  [
    'something unknown',
    mapOf([
      [1, 'law'],
      [2, 'law'],
      [4, 1],
    ]),
  ],
])('refuses %s', (_what, fields) => {
  expect(() => decodeErasure(fields)).toThrow(LedgerError)
  const body = { type: 'record.erased', subject: subject(1), fields } as Parameters<typeof checkFields>[0]
  expect(() => {
    checkFields(body)
  }).toThrow(LedgerError)
})

it('answers any bytes with an erasure or a code', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      try {
        decodeErasure(decodeCbor(bytes, 100) as CborMap)
      } catch (error) {
        expect(error).toBeInstanceOf(LedgerError)
      }
    }),
  )
})

const entry = fc.record({ index: fc.nat(20), incarnation: fc.integer({ min: 1, max: 3 }), subject: fc.nat(2) })

/** Slow and obvious: a line of places, and everything about the subject on the left of the erasure. */
function model(by: ErasureEntry, record: { origin: string; index: number; subject: Uint8Array }): boolean {
  const line = [1, 2, 3].flatMap((incarnation) =>
    Array.from({ length: 21 }, (_, index) => `${LOG}/${incarnation} ${index}`),
  )
  const left = line.slice(0, line.indexOf(`${by.origin} ${by.index}`))
  const place = `${record.origin} ${record.index}`
  const named = by.erasure.records?.map(({ origin, index }) => `${origin} ${index}`) ?? line
  return left.includes(place) && named.includes(place) && toHex(by.subject) === toHex(record.subject)
}

it('reaches back only, in its own log, for its own subject', () => {
  const places = fc.array(fc.record({ index: fc.nat(20), incarnation: fc.integer({ min: 1, max: 3 }) }), {
    minLength: 1,
    maxLength: 10,
  })
  const placed = ({ index, incarnation }: { index: number; incarnation: number }) => ({
    origin: `${LOG}/${incarnation}`,
    index,
  })
  fc.assert(
    fc.property(entry, entry, fc.option(places, { nil: null }), (by, of, records) => {
      const erasing: ErasureEntry = {
        ...placed(by),
        subject: subject(by.subject),
        erasure: { ...whole, records: records?.map(placed) ?? null },
      }
      const record = { ...placed(of), subject: subject(of.subject) }
      expect(erasedBy([erasing], record)).toBe(model(erasing, record) ? erasing : null)
    }),
  )
  const elsewhere = { origin: 'chartseal.test/b/n1/1', index: 0, subject: subject(1) }
  expect(erasedBy([{ origin: `${LOG}/1`, index: 9, subject: subject(1), erasure: whole }], elsewhere)).toBeNull()
})
