/** A start that cannot go on and whose reason is a sentence for the person at the terminal. */
export class UsageError extends Error {
  /**
   * @param message - What is wrong and what to do, without secrets.
   * @param options - `cause` where there is one.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'UsageError'
  }
}
