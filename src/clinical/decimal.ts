/**
 * Decimal text compared and rounded exactly: no value ever passes through a binary fraction.
 *
 * @remarks
 * 36.50 keeps its zero, and 0.1 + 0.2 never happens. The grammar is that of `Decimal` in the API: at most nine
 * digits before the point and six after it, no exponent. Counted in millionths, every such value is an integer of at
 * most fifteen digits, which a double holds exactly. Proven by `tests/clinical/decimal.test.ts`.
 *
 * @packageDocumentation
 */
import { ClinicalError } from './errors.ts'

const DECIMAL = /^-?(0|[1-9][0-9]{0,8})(?:\.([0-9]{1,6}))?$/
/** Digits after the point that every decimal is padded to before comparing. */
const SCALE = 6

/** True when `text` is a decimal of the API's grammar. */
export function isDecimal(text: string): boolean {
  return DECIMAL.test(text)
}

/**
 * The value in millionths, exactly.
 *
 * @param text - Untrusted.
 * @throws {@link ClinicalError} `WRONG_NUMBER`.
 */
export function scaled(text: string): number {
  const match = DECIMAL.exec(text)
  if (!match) throw new ClinicalError('WRONG_NUMBER', 'not a decimal')
  const [, whole = '', fraction = ''] = match
  const magnitude = Number(whole + fraction.padEnd(SCALE, '0'))
  return text.startsWith('-') && magnitude !== 0 ? -magnitude : magnitude
}

/**
 * Orders two decimals by value: 1.0 equals 1.00.
 *
 * @returns Negative, zero or positive as `a` is below, equal to or above `b`.
 * @throws {@link ClinicalError} `WRONG_NUMBER`.
 */
export function compareDecimal(a: string, b: string): -1 | 0 | 1 {
  const [left, right] = [scaled(a), scaled(b)]
  return left < right ? -1 : left > right ? 1 : 0
}

/** How many digits stand after the point; 0 for what is not a decimal. */
export function decimalsOf(text: string): number {
  return DECIMAL.exec(text)?.[2]?.length ?? 0
}

/**
 * The decimal with exactly `decimals` digits after the point: padded, or rounded half away from zero.
 *
 * @param text - Untrusted.
 * @param decimals - `0..6`.
 * @throws {@link ClinicalError} `WRONG_NUMBER`.
 */
export function roundToDecimals(text: string, decimals: number): string {
  const value = scaled(text)
  const unit = 10 ** (SCALE - decimals)
  const magnitude = Math.abs(value)
  const remainder = magnitude % unit
  const rounded = (magnitude - remainder) / unit + (remainder * 2 >= unit ? 1 : 0)
  const digits = String(rounded).padStart(decimals + 1, '0')
  const shown = decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`
  return value < 0 && rounded !== 0 ? `-${shown}` : shown
}
