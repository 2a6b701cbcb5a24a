/**
 * JSON whose numbers keep their digits, read strictly: one text has one meaning.
 *
 * @remarks
 * RFC 8259, with three refusals that a signed document needs: a repeated property (readers disagree on which one
 * counts), a lone surrogate (it cannot be encoded as UTF-8), and deep nesting. Numbers become {@link Digits} and never
 * pass through a double, so 36.50 is written back as 36.50. Proven by `tests/clinical/json.test.ts`, against
 * `JSON.parse` on texts and `JSON.stringify` on values.
 *
 * @packageDocumentation
 */
import { ClinicalError } from './errors.ts'

/** A number as it stands in the text. */
export interface Digits {
  readonly digits: string
}
/** An object without repeated properties. A map, so that `__proto__` is a name like any other. */
export type JsonObject = ReadonlyMap<string, JsonValue>
/** A parsed value. */
export type JsonValue = string | boolean | null | Digits | readonly JsonValue[] | JsonObject

/** A value to be written. Properties that are `undefined` are left out. */
export type Writable =
  string | boolean | null | Digits | readonly Writable[] | { readonly [name: string]: Writable | undefined }

/** Characters of the longest text that is read: a resource with a 16 KiB device record fits twice. */
export const MAX_TEXT = 65_536
const MAX_DEPTH = 24
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const WORD = /true|false|null/y
const WORDS: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null }

/** A number for {@link writeJson}. */
export function digits(text: string): Digits {
  return { digits: text }
}

/** True for a number that {@link parseJson} read. */
export function isDigits(value: JsonValue | undefined): value is Digits {
  return typeof value === 'object' && value !== null && 'digits' in value
}

/**
 * Reads one JSON value that fills the whole text.
 *
 * @param text - Untrusted.
 * @param maxText - Characters that are read at most.
 * @param sources - Gets the exact text of every object that is read.
 * @throws {@link ClinicalError} `TOO_LONG` or `NOT_JSON`.
 */
export function parseJson(text: string, maxText = MAX_TEXT, sources?: Map<JsonObject, string>): JsonValue {
  if (text.length > maxText) throw new ClinicalError('TOO_LONG', `${text.length} characters`)
  if (!text.isWellFormed()) throw new ClinicalError('NOT_JSON', 'a lone surrogate')
  const reader = new Reader(text, sources)
  const value = reader.value(0)
  reader.end()
  return value
}

/**
 * Writes a value without white space, properties in the order given.
 *
 * @param value - Ours. Digits are written as they are.
 */
export function writeJson(value: Writable): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (isList(value)) return `[${value.map((item) => writeJson(item)).join(',')}]`
  if (isNumber(value)) return value.digits
  const properties = Object.entries(value).filter(([, item]) => item !== undefined)
  return `{${properties.map(([name, item]) => `${JSON.stringify(name)}:${writeJson(item ?? null)}`).join(',')}}`
}

/**
 * True when a parsed value says the same as one that we would write; the order of properties does not matter.
 *
 * @param actual - Untrusted.
 * @param expected - Ours.
 */
export function sameJson(actual: JsonValue | undefined, expected: Writable): boolean {
  if (typeof expected !== 'object' || expected === null) return actual === expected
  if (isList(expected)) return isArray(actual) && sameList(actual, expected)
  if (isNumber(expected)) return isDigits(actual) && actual.digits === expected.digits
  const properties = Object.entries(expected).filter(([, item]) => item !== undefined)
  if (!isObject(actual) || actual.size !== properties.length) return false
  return properties.every(([name, item]) => sameJson(actual.get(name), item ?? null))
}

/** True for a parsed array; `Array.isArray` does not narrow read-only ones. */
export function isArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value)
}

/** True for a parsed object. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return value instanceof Map
}

/** Two lists, item by item. */
function sameList(actual: readonly JsonValue[], expected: readonly Writable[]): boolean {
  return actual.length === expected.length && expected.every((item, i) => sameJson(actual[i], item))
}

/** True for an array to be written. */
function isList(value: Writable): value is readonly Writable[] {
  return Array.isArray(value)
}

/** True for digits to be written. */
function isNumber(value: Exclude<Writable, string | boolean | null | readonly Writable[]>): value is Digits {
  return 'digits' in value
}

/** Walks over a text once. */
class Reader {
  private readonly text: string
  private readonly sources: Map<JsonObject, string> | undefined
  private at = 0

  constructor(text: string, sources?: Map<JsonObject, string>) {
    this.text = text
    this.sources = sources
  }

  /** The value that starts here. */
  value(depth: number): JsonValue {
    if (depth > MAX_DEPTH) this.fail('nested too deeply')
    this.space()
    const first = this.text[this.at]
    if (first === '{') return this.object(depth)
    if (first === '[') return this.array(depth)
    if (first === '"') return this.string()
    const number = this.take(NUMBER)
    if (number !== null) return { digits: number }
    const word = this.take(WORD)
    return word === null ? this.fail('no value') : (WORDS[word] ?? null)
  }

  /** Nothing but white space is left. */
  end(): void {
    this.space()
    if (this.at !== this.text.length) this.fail('text after the value')
  }

  private object(depth: number): JsonObject {
    const properties = new Map<string, JsonValue>()
    const start = this.at
    this.list('{', '}', () => {
      this.space()
      const name = this.string()
      if (properties.has(name)) this.fail('a repeated property')
      this.space()
      this.expect(':')
      properties.set(name, this.value(depth + 1))
    })
    this.sources?.set(properties, this.text.slice(start, this.at))
    return properties
  }

  private array(depth: number): readonly JsonValue[] {
    const items: JsonValue[] = []
    this.list('[', ']', () => items.push(this.value(depth + 1)))
    return items
  }

  /** Items between two brackets, separated by commas. */
  private list(open: string, close: string, item: () => void): void {
    this.expect(open)
    this.space()
    if (this.skip(close)) return
    do {
      item()
      this.space()
    } while (this.skip(','))
    this.expect(close)
  }

  private string(): string {
    const raw = this.take(STRING)
    if (raw === null) return this.fail('no string')
    // The platform's parser undoes the escapes of a token whose grammar has just been checked.
    const text: unknown = raw.includes('\\') ? JSON.parse(raw) : raw.slice(1, -1)
    if (typeof text !== 'string' || !text.isWellFormed()) return this.fail('a lone surrogate')
    return text
  }

  /** Moves behind white space. */
  private space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at)
      if (code !== 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d) return
      this.at++
    }
  }

  /** The match of a sticky expression here, or null; moves behind it. */
  private take(pattern: RegExp): string | null {
    pattern.lastIndex = this.at
    const match = pattern.exec(this.text)
    if (!match) return null
    this.at = pattern.lastIndex
    return match[0]
  }

  private skip(character: string): boolean {
    const isHere = this.text[this.at] === character
    if (isHere) this.at++
    return isHere
  }

  private expect(character: string): void {
    if (!this.skip(character)) this.fail(`no ${character}`)
  }

  private fail(reason: string): never {
    throw new ClinicalError('NOT_JSON', `${reason} at ${this.at}`)
  }
}
