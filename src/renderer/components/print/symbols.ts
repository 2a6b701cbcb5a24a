/**
 * Which barcodes stand on a wristband and on a card, by what they say.
 *
 * @remarks
 * A service relation number (GSRN, 18 digits with check digit) is printed as GS1 does, under application identifier 8018,
 * so that scanners of other systems know what it is; any other identifier as it is typed. A wristband carries a square
 * code, which is read around a wrist, and a linear one for old scanners. Proven by
 * `tests/renderer/components/print/symbols.test.ts`.
 *
 * @packageDocumentation
 */

/** A barcode to draw. */
export interface BarcodeSymbol {
  readonly kind: 'gs1-datamatrix' | 'gs1-128' | 'code-128' | 'qr'
  readonly text: string
}

/** Characters of the longest text that a linear code on a wristband can hold and still be read. */
const LONGEST_LINEAR = 24

/** True for a GSRN with a right check digit (GS1 General Specifications 7.9.1). */
export function isGsrn(identifier: string): boolean {
  if (!/^[0-9]{18}$/.test(identifier)) return false
  const sum = Array.from(identifier, Number).reduce((total, digit, at) => total + digit * (at % 2 === 0 ? 3 : 1), 0)
  return sum % 10 === 0
}

/** The codes of a wristband: square and linear; no linear one for a text that it cannot hold. */
export function wristbandSymbols(identifier: string): { square: BarcodeSymbol; linear: BarcodeSymbol | null } {
  if (isGsrn(identifier)) {
    const text = `(8018)${identifier}`
    return { square: { kind: 'gs1-datamatrix', text }, linear: { kind: 'gs1-128', text } }
  }
  const fitsLine = identifier.length <= LONGEST_LINEAR && /^[\u0020-\u007e]+$/.test(identifier)
  return { square: { kind: 'qr', text: identifier }, linear: fitsLine ? { kind: 'code-128', text: identifier } : null }
}

/** The code of a patient card. */
export function cardSymbol(text: string): BarcodeSymbol {
  return { kind: 'qr', text }
}
