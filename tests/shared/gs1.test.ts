import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { identifiersIn, isGsrn } from '../../src/shared/gs1.ts'

/** Check digit by the table of the specification: weights 3 and 1 from the left, up to the next multiple of ten. */
function gsrnOf(digits: string): string {
  let sum = 0
  for (let i = 0; i < 17; i++) sum += Number(digits[i]) * (i % 2 === 0 ? 3 : 1)
  return digits + String((10 - (sum % 10)) % 10)
}
const gsrns = fc.stringMatching(/^[0-9]{17}$/).map(gsrnOf)
const GSRN = gsrnOf('06141411234567890')
const FNC1 = '\u001d'

describe('a service relation number', () => {
  it('has a check digit', () => {
    // The example of the GS1 EPC Tag Data Standard for a GSRN: (8018) 0614141 1234567890 2.
    expect(isGsrn('061414112345678902')).toBe(true)
    fc.assert(
      fc.property(gsrns, fc.nat(17), fc.integer({ min: 1, max: 9 }), (gsrn, at, add) => {
        expect(isGsrn(gsrn)).toBe(true)
        expect(isGsrn(`${gsrn.slice(0, at)}${(Number(gsrn[at]) + add) % 10}${gsrn.slice(at + 1)}`)).toBe(false)
      }),
    )
    for (const other of ['', '0614141123456789', GSRN + '0', `${GSRN.slice(0, -1)}x`]) expect(isGsrn(other)).toBe(false)
  })
})

describe('a scanned wristband', () => {
  it('names the person of an element string, however the scanner sends it', () => {
    const sent = [']C1', ']d2', ']Q3', FNC1, `]C1${FNC1}`].map((prefix) => `${prefix}8018${GSRN}`)
    for (const code of sent) expect([code, identifiersIn(code)]).toEqual([code, [GSRN]])
    expect(identifiersIn(`]C18018${GSRN}${FNC1}801912`)).toEqual([GSRN])
    expect(identifiersIn(`]d2(8019)12(8018)${GSRN}`)).toEqual([GSRN])
    expect(identifiersIn(`]C1(8017)${GSRN}`)).toEqual([])
  })

  it('may be a plain identifier as well when it does not say that it is GS1', () => {
    expect(identifiersIn(`8018${GSRN}`)).toEqual([`8018${GSRN}`, GSRN])
    expect(identifiersIn(`(8018)${GSRN}`)).toEqual([`(8018)${GSRN}`, GSRN])
    expect(identifiersIn(GSRN)).toEqual([GSRN])
  })

  it('names nobody when the check digit is wrong, or something else stands in it', () => {
    const wrong = GSRN.slice(0, -1) + String((Number(GSRN.at(-1)) + 1) % 10)
    for (const rest of [`8018${wrong}`, `8018${GSRN}8019`, `8018${GSRN}${FNC1}8018${GSRN}`, `010950600013435`, ''])
      expect([rest, identifiersIn(`]C1${rest}`)]).toEqual([rest, []])
  })

  it('is itself otherwise, and no zero is added or taken', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^0{0,3}[A-Z]{0,3}-?[0-9]{1,10}$/), (text) => {
        expect(identifiersIn(text)).toEqual([text])
        expect(identifiersIn(` ${text}\n`)).toEqual([text])
        // Code 128, plain QR and DataMatrix.
        for (const prefix of [']C0', ']Q1', ']d1']) expect(identifiersIn(prefix + text)).toEqual([text])
      }),
    )
  })

  it('gives at most two candidates, whatever was scanned', () => {
    fc.assert(fc.property(fc.string(), (code) => identifiersIn(code).length <= 2))
    fc.assert(
      fc.property(fc.stringMatching(/^(\]C1)?[(8)0179\u001d]{0,60}$/), (code) => identifiersIn(code).length <= 2),
    )
  })
})
