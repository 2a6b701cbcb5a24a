import fc from 'fast-check'
import { expect, it } from 'vitest'
import { afterFailure, isWeakPin, NO_ATTEMPTS, waitMs } from '../../../src/main/keystore/pin-policy.ts'

it.each([
  '',
  '1',
  '258',
  '0000',
  '777777',
  '1234',
  '4321',
  '34567',
  '98765',
  '7890',
  '0987',
  'aaaa',
  '\u{1f600}\u{1f600}\u{1f600}',
])('refuses %j', (pin) => {
  expect(isWeakPin(pin)).toBe(true)
})

it.each(['2580', '1235', '1122', '135790', 'abcd', 'a123', '12a4', '\u{1f600}\u{1f601}\u{1f602}\u{1f603}'])(
  'takes %j',
  (pin) => {
    expect(isWeakPin(pin)).toBe(false)
  },
)

/** Every time that a Date can be; sums of them are still exact. */
const anyTime = fc.integer({ min: 0, max: 8.64e15 })

it('never makes anyone wait longer than a quarter of an hour, whatever the clock does', () => {
  fc.assert(
    fc.property(fc.nat(60), anyTime, anyTime, (failures, then, now) => {
      let attempts = NO_ATTEMPTS
      for (let i = 0; i < failures; i++) attempts = afterFailure(attempts, then)
      const wait = waitMs(attempts, now)
      expect(wait).toBeGreaterThanOrEqual(0)
      expect(wait).toBeLessThanOrEqual(failures < 5 ? 0 : 900_000)
      if (failures >= 5) expect(waitMs(attempts, then)).toBeGreaterThanOrEqual(30_000)
    }),
  )
})
