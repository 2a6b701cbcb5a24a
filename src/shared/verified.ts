/**
 * The mark of data that may be shown to a clinician.
 *
 * @packageDocumentation
 */

declare const verified: unique symbol

/**
 * A `Value` that went through every step of `verifyRecord` (design: verify before display). The mark exists for
 * the compiler alone. It is granted by `src/main/core/verify-record.ts`, lost on the wire, and restored by the
 * renderer's API client and nowhere else; lint refuses every other cast.
 */
export type Verified<Value> = Value & { readonly [verified]: true }
