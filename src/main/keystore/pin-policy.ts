/**
 * Which PINs are refused, and how long somebody who guesses has to wait.
 *
 * @packageDocumentation
 */

const MIN_LENGTH = 4
/** Wrong PINs in a row that cost nothing. */
const FREE_ATTEMPTS = 5
const FIRST_DELAY_MS = 30_000
const LONGEST_DELAY_MS = 15 * 60_000

/** What is known about failed attempts on one PIN. */
export interface Attempts {
  /** Wrong PINs since the last right one. */
  readonly failures: number
  /** No attempt is taken before this time, in ms since 1970. */
  readonly lockedUntilMs: number
}

/** No failed attempts. */
export const NO_ATTEMPTS: Attempts = { failures: 0, lockedUntilMs: 0 }

/** Whether a PIN is among the first that anyone would try. */
export function isWeakPin(pin: string): boolean {
  const characters = [...pin.normalize('NFKC')]
  return (
    characters.length < MIN_LENGTH ||
    isStraight(characters, 0) ||
    isStraight(characters, 1) ||
    isStraight(characters, 9)
  )
}

/** Whether each digit follows from the one before by adding `step`, modulo 10: 0000, 1234, 7890, 4321. */
function isStraight(characters: readonly string[], step: number): boolean {
  const digits = characters.map((character) => '0123456789'.indexOf(character))
  if (digits.includes(-1)) return step === 0 && new Set(characters).size === 1
  return digits.every((digit, i) => i === 0 || digit === ((digits[i - 1] ?? 0) + step) % 10)
}

/** The state after one more wrong PIN at `nowMs`. */
export function afterFailure(attempts: Attempts, nowMs: number): Attempts {
  const failures = attempts.failures + 1
  return { failures, lockedUntilMs: failures < FREE_ATTEMPTS ? 0 : nowMs + delayAfter(failures) }
}

/**
 * How long until the next attempt, in ms, 0 when it may be made now. Never longer than the delay that was imposed:
 * a clock that was wrong and has been set back must not lock anyone out for a year.
 */
export function waitMs(attempts: Attempts, nowMs: number): number {
  const left = attempts.lockedUntilMs - nowMs
  return Math.max(0, Math.min(left, delayAfter(attempts.failures)))
}

function delayAfter(failures: number): number {
  return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.max(0, failures - FREE_ATTEMPTS))
}
