import { expect } from 'vitest'
import { CodedError } from '../../src/shared/errors.ts'

/** Code of the {@link CodedError} that `run` throws; null when it returns. Any other error is a failure of the test. */
export function codeOf(run: () => unknown): string | null {
  try {
    run()
    return null
  } catch (error) {
    if (error instanceof CodedError) return error.code as string
    throw error
  }
}

/** Expects `run` to throw a coded error with `code`. */
export function expectCode(code: string, run: () => unknown): void {
  expect(codeOf(run)).toBe(code)
}
