import fc from 'fast-check'
import type { CborValue } from '../../src/ledger/cbor.ts'

/** Any value that an entry can hold. */
export const cborValue: fc.Arbitrary<CborValue> = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.maxSafeNat(),
    fc.string({ unit: 'grapheme' }).filter((text) => text.isWellFormed() && !text.includes('\ufeff')),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(fc.tuple(fc.maxSafeNat(), tie('value')), { maxLength: 5 }).map((pairs) => new Map(pairs)),
  ),
})).value
