/** Replies of the fake core: a value, or a coded failure. */
import type { implement } from '@orpc/server'
import type { ApiCode } from '../../src/shared/api/codes.ts'
import type { contract } from '../../src/shared/api/contract.ts'

/** What builds answers on the contract of the API. */
export type Os = ReturnType<typeof implement<typeof contract>>

/** A value. */
export const ok = <Value>(value: Value) => ({ ok: true as const, value })

/** A coded failure. */
export const fail = (code: ApiCode, more: { retryAfterS?: number; detail?: string } = {}) => ({
  ok: false as const,
  code,
  ...more,
})

/** Lets a test make the call `name` fail or wait, and answers it otherwise. */
export type Guard = <Input, Value>(
  name: string,
  answer: (input: Input) => Value,
) => (call: { input: Input }) => Promise<Value | ReturnType<typeof fail>>
