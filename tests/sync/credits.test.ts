import { expect, it } from 'vitest'
import { Credits } from '../../src/sync/credits.ts'
import { MAX_ASKED_BYTES, MAX_PACKAGE_BYTES } from '../../src/sync/limits.ts'

it('what is asked for stays below the limit', () => {
  const credits = new Credits()
  expect(credits.take(MAX_ASKED_BYTES)).toBe(true)
  expect(credits.take(1)).toBe(false)
  credits.give(10)
  expect(credits.take(10)).toBe(true)
  expect(credits.used).toBe(MAX_ASKED_BYTES)
})

it('a package that is larger is asked for alone', () => {
  const credits = new Credits()
  expect(credits.take(1)).toBe(true)
  expect(credits.take(MAX_PACKAGE_BYTES, true)).toBe(false)
  credits.give(1)
  expect(credits.take(MAX_PACKAGE_BYTES, true)).toBe(true)
  expect(credits.take(1)).toBe(false)
})

it('what waits counts', () => {
  const credits = new Credits()
  credits.hold(MAX_ASKED_BYTES)
  expect(credits.take(1)).toBe(false)
})
