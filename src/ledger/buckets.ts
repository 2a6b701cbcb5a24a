/**
 * A map that is never changed: setting a key gives the next one.
 *
 * @remarks
 * Keys are spread over buckets, and only the bucket of the key is copied, so that a log with many thousand patients is
 * replayed without copying all of them for each. Keys are lower-case hex; their first digits choose the bucket. Proven
 * by `tests/ledger/buckets.test.ts`.
 *
 * @packageDocumentation
 */

const DIGITS = 3

/** See the module's comment. */
export class Buckets<Value> {
  static readonly #none = new Buckets<never>(new Map())
  readonly #buckets: ReadonlyMap<string, ReadonlyMap<string, Value>>

  private constructor(buckets: ReadonlyMap<string, ReadonlyMap<string, Value>>) {
    this.#buckets = buckets
  }

  /** The one without keys. */
  static empty<Value>(): Buckets<Value> {
    return Buckets.#none
  }

  /** What `key` maps to, or null. */
  get(key: string): Value | null {
    return this.#buckets.get(bucketOf(key))?.get(key) ?? null
  }

  /** The same with `key` mapping to `value`. */
  with(key: string, value: Value): Buckets<Value> {
    const name = bucketOf(key)
    const bucket = new Map(this.#buckets.get(name)).set(key, value)
    return new Buckets(new Map(this.#buckets).set(name, bucket))
  }

  /** The same keys with other values; a key whose value becomes null is left out. */
  map<Next>(change: (value: Value) => Next | null): Buckets<Next> {
    const buckets = new Map<string, Map<string, Next>>()
    for (const [key, value] of this.entries()) {
      const next = change(value)
      if (next === null) continue
      const name = bucketOf(key)
      buckets.set(name, (buckets.get(name) ?? new Map<string, Next>()).set(key, next))
    }
    return new Buckets(buckets)
  }

  /** Every key with its value, in no order that means anything. */
  *entries(): Generator<[string, Value]> {
    for (const bucket of this.#buckets.values()) yield* bucket
  }
}

function bucketOf(key: string): string {
  return key.slice(0, DIGITS)
}
