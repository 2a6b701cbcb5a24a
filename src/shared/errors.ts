/**
 * The one shape every expected failure takes, and the assertion for our own bugs.
 *
 * @remarks
 * Bad data from outside is a {@link CodedError} of the area it came from. A broken invariant is a plain
 * `Error` from {@link assert}: nothing but a process boundary catches it. Proven by
 * `tests/shared/errors.test.ts`.
 *
 * @packageDocumentation
 */

/** An expected failure. Branch on `code`; the window has one sentence for each code and never shows `message`. */
export abstract class CodedError<Code extends string> extends Error {
  readonly code: Code

  /**
   * @param code - What went wrong, from the area's closed list.
   * @param message - For logs and developers. Must hold no patient data and no secret.
   * @param options - Always pass `cause` where there is one.
   */
  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/**
 * States a fact that our own code guarantees.
 *
 * @param fact - The condition. Never derived from unvalidated input.
 * @param because - Why it must hold, for whoever reads the stack trace.
 * @throws Error when the fact is false: a bug, not a failure.
 */
export function assert(fact: boolean, because: string): asserts fact {
  if (!fact) throw new Error(`bug: ${because}`)
}
