import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { drawBarcode } from '../../../../src/renderer/components/print/draw-barcode.ts'
import { cardSymbol, isGsrn, wristbandSymbols } from '../../../../src/renderer/components/print/symbols.ts'
import { encodeCardText } from '../../../../src/shared/card-text.ts'

/** GS1's own way to the check digit: weights 3 and 1 from the right, up to the next ten. */
function withCheckDigit(body: string): string {
  const sum = Array.from(body)
    .toReversed()
    .reduce((total, digit, at) => total + Number(digit) * (at % 2 === 0 ? 3 : 1), 0)
  return body + String((10 - (sum % 10)) % 10)
}

describe('isGsrn', () => {
  it('takes the right check digit and none of the nine others', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9]{17}$/), (body) => {
        const right = withCheckDigit(body)
        const taken = Array.from('0123456789', (digit) => body + digit).filter(isGsrn)
        expect(taken).toEqual([right])
      }),
    )
  })
})

describe('wristbandSymbols', () => {
  it('writes a GSRN as GS1 does', () => {
    const gsrn = withCheckDigit('40000000000000001')
    expect(wristbandSymbols(gsrn)).toEqual({
      square: { kind: 'gs1-datamatrix', text: `(8018)${gsrn}` },
      linear: { kind: 'gs1-128', text: `(8018)${gsrn}` },
    })
  })

  it.each([
    ['9000017', 'code-128'],
    ['400000000000000010', 'code-128'],
    ['Ä-17', null],
    ['1'.repeat(40), null],
  ])('writes %s as it is', (identifier, linear) => {
    const symbols = wristbandSymbols(identifier)
    expect(symbols.square).toEqual({ kind: 'qr', text: identifier })
    expect(symbols.linear?.kind ?? null).toBe(linear)
  })

  it('gives for every identifier codes that can be drawn', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 40 }), (text) => {
        const identifier = text.replace(/[\u0000-\u001f\u007f]/g, '').trim()
        fc.pre(identifier !== '')
        const { square, linear } = wristbandSymbols(identifier)
        for (const symbol of linear === null ? [square] : [square, linear])
          expect(drawBarcode(symbol).paths.length).toBeGreaterThan(0)
      }),
      { numRuns: 40 },
    )
  })
})

describe('drawBarcode', () => {
  const card = (fill: number) =>
    cardSymbol(encodeCardText({ cardId: 'c'.repeat(32), share: new Uint8Array(32).fill(fill) }))

  it('keeps a card small enough to be read: digits are packed', () => {
    const { width, height } = drawBarcode(card(9))
    // Version 5: 37 modules of four units each, and four modules of white around.
    expect([width, height]).toEqual([(37 + 8) * 4, (37 + 8) * 4])
  })

  it('draws different cards differently, and nothing into the white around', () => {
    expect(drawBarcode(card(1)).paths).not.toEqual(drawBarcode(card(2)).paths)
    const { width, height, paths } = drawBarcode(card(1))
    const points = paths.flatMap(({ d }) =>
      [...d.matchAll(/[ML](\d+) (\d+)/g)].map(([, x, y]) => [Number(x), Number(y)]),
    )
    for (const [x = 0, y = 0] of points) {
      expect(x).toBeGreaterThanOrEqual(16)
      expect(y).toBeGreaterThanOrEqual(16)
      expect(x).toBeLessThanOrEqual(width - 16)
      expect(y).toBeLessThanOrEqual(height - 16)
    }
  })

  it('draws the bars of a known text', () => {
    // Code 128 of “9000017”: start C, 90, 00, 01, switch to B, 7, check, stop; 11 modules each, the stop 13.
    const { width, paths } = drawBarcode({ kind: 'code-128', text: '9000017' })
    expect(width).toBe((7 * 11 + 13) * 2 + 2 * 20)
    expect(paths.every(({ stroke }) => stroke !== null)).toBe(true)
  })
})
