/**
 * How an expected failure of any area becomes the coded result that crosses the API.
 *
 * @packageDocumentation
 */
import { apiCodeOf, DeviceError } from '../../devices/errors.ts'
import { API_CODES, type ApiCode } from '../../shared/api/codes.ts'
import type { Failure } from '../../shared/api/schemas.ts'
import { CodedError } from '../../shared/errors.ts'

/** A call that cannot be answered, for a reason the window has a sentence for. */
export class ApiFailure extends CodedError<ApiCode> {
  readonly retryAfterS: number | undefined
  readonly detail: string | undefined
  readonly advice: string | undefined

  /**
   * @param code - What the window shows a sentence for.
   * @param extra - `retryAfterS` with `PIN_LOCKED`; `detail` names a field, a value kind or a policy, never patient
   *   data; `advice` is the sentence of that policy, from the contract on the ledger.
   */
  constructor(code: ApiCode, extra: { retryAfterS?: number; detail?: string; advice?: string; cause?: unknown } = {}) {
    super(code, extra.detail ?? code, { cause: extra.cause })
    this.retryAfterS = extra.retryAfterS
    this.detail = extra.detail
    this.advice = extra.advice
  }
}

const KNOWN: ReadonlySet<string> = new Set(API_CODES)

/** Codes of other areas that mean one of the API's. */
const MEANS: Readonly<Record<string, ApiCode>> = { DUPLICATE_ENTRY: 'ALREADY_RECORDED' }

/**
 * The failure that `error` stands for. Anything that is not an expected failure is our own fault: `INTERNAL`.
 *
 * @param error - Whatever was thrown.
 */
export function failureOf(error: unknown): Failure {
  if (error instanceof DeviceError) return { ok: false, code: apiCodeOf(error.code) }
  if (error instanceof CodedError) {
    const named: string = error.code as string
    const code = KNOWN.has(named) ? (named as ApiCode) : MEANS[named]
    if (code !== undefined) {
      const { retryAfterS, detail, advice } = error as Partial<ApiFailure>
      return {
        ok: false,
        code,
        ...(retryAfterS === undefined ? {} : { retryAfterS }),
        ...(detail === undefined ? {} : { detail }),
        ...(advice === undefined ? {} : { advice }),
      }
    }
  }
  return { ok: false, code: 'INTERNAL' }
}
