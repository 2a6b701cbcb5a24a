/**
 * A FHIR element being read: every access says what it expects, and every refusal says where.
 *
 * @remarks
 * Strict in both directions: what is missing is refused, and so is what nobody asked for, because an element that is
 * signed and not shown could change the meaning of what is shown. Proven by the hostile inputs of
 * `tests/clinical/observation-hostile.test.ts`.
 *
 * @packageDocumentation
 */
import { fromBase64 } from '../shared/bytes.ts'
import { isDecimal } from './decimal.ts'
import { ClinicalError, type ClinicalErrorCode } from './errors.ts'
import { checkLocalTime, parseDate, parseInstant } from './instant.ts'
import {
  isArray,
  isDigits,
  isObject,
  parseJson,
  sameJson,
  type JsonObject,
  type JsonValue,
  type Writable,
} from './json.ts'

/** FHIR R4 `id`. */
const ID = /^[A-Za-z0-9\-.]{1,64}$/
/** FHIR R4 `code`, without the spaces it allows: no code of ours has one. */
const CODE = /^[^\s]{1,64}$/
const INTEGER = /^-?(?:0|[1-9][0-9]{0,8})$/

/** One object of the resource, with the path that leads to it. */
export class Element {
  readonly path: string
  private readonly properties: JsonObject
  private readonly asked = new Set<string>()

  constructor(properties: JsonObject, path: string) {
    this.properties = properties
    this.path = path
  }

  /** Refuses the element. */
  fail(code: ClinicalErrorCode, name = ''): never {
    throw new ClinicalError(code, name === '' ? this.path : `${this.path}.${name}`)
  }

  /** True when the property is there. */
  has(name: string): boolean {
    return this.properties.has(name)
  }

  /** A child object; null when absent. */
  optional(name: string): Element | null {
    const value = this.take(name)
    if (value === undefined) return null
    return isObject(value) ? new Element(value, `${this.path}.${name}`) : this.fail('WRONG_TYPE', name)
  }

  /** A child object that must be there. */
  child(name: string): Element {
    return this.optional(name) ?? this.fail('MISSING', name)
  }

  /** Child objects, `min..max` of them. FHIR has no empty arrays. */
  children(name: string, min = 0, max = 64): Element[] {
    const items = this.take(name)
    if (items === undefined && min === 0) return []
    if (items === undefined) return this.fail('MISSING', name)
    if (!isArray(items)) return this.fail('WRONG_TYPE', name)
    if (items.length < Math.max(min, 1) || items.length > max) this.fail('WRONG_CARDINALITY', name)
    return items.map((item, i) =>
      isObject(item) ? new Element(item, `${this.path}.${name}[${i}]`) : this.fail('WRONG_TYPE', name),
    )
  }

  /** The only child object of a list. */
  only(name: string): Element {
    return this.children(name, 1, 1)[0] ?? this.fail('MISSING', name)
  }

  /** A text for people: trimmed, `1..max` characters, no control characters. */
  words(name: string, max: number): string {
    const text = this.text(name)
    const isWords = text.length > 0 && text.length <= max && text === text.trim() && !/[\u0000-\u001f\u007f]/.test(text)
    return isWords ? text : this.fail('WRONG_TEXT', name)
  }

  /** As {@link words}; null when absent. */
  optionalWords(name: string, max: number): string | null {
    return this.has(name) ? this.words(name, max) : null
  }

  /** The only text of a list. */
  onlyWords(name: string, max: number): string {
    const items = this.take(name)
    if (!isArray(items) || items.length !== 1) return this.fail('WRONG_CARDINALITY', name)
    return new Element(new Map([['0', items[0] ?? null]]), `${this.path}.${name}`).words('0', max)
  }

  /** Exactly this value; `undefined` stands for no value at all. */
  fixed(name: string, expected: Writable | undefined): void {
    const actual = this.take(name)
    if (actual === undefined && expected !== undefined) this.fail('MISSING', name)
    const isSame = expected === undefined ? actual === undefined : sameJson(actual, expected)
    if (!isSame) this.fail('WRONG_CODE', name)
  }

  /** True when the property has exactly this value. */
  is(name: string, expected: Writable): boolean {
    return sameJson(this.take(name), expected)
  }

  /** A code without white space. */
  code(name: string): string {
    const text = this.text(name)
    return CODE.test(text) ? text : this.fail('WRONG_CODE', name)
  }

  /** One of a list of codes. */
  oneOf<Code extends string>(name: string, codes: readonly Code[]): Code {
    const text = this.text(name)
    return codes.find((code) => code === text) ?? this.fail('WRONG_CODE', name)
  }

  /** A FHIR id. */
  id(name: string): string {
    const text = this.text(name)
    return ID.test(text) ? text : this.fail('WRONG_ID', name)
  }

  /** The id behind a relative reference to a resource of one type. */
  reference(name: string, type: string): string {
    const text = this.text(name)
    const id = text.startsWith(`${type}/`) ? text.slice(type.length + 1) : ''
    return ID.test(id) ? id : this.fail('WRONG_ID', name)
  }

  /** A decimal, with its digits. */
  decimal(name: string): string {
    const value = this.take(name)
    if (value === undefined) return this.fail('MISSING', name)
    if (!isDigits(value)) return this.fail('WRONG_TYPE', name)
    return isDecimal(value.digits) ? value.digits : this.fail('WRONG_NUMBER', name)
  }

  /** An integer of at most nine digits. */
  integer(name: string): number {
    const text = this.decimal(name)
    return INTEGER.test(text) ? Number(text) : this.fail('WRONG_NUMBER', name)
  }

  /** A time with seconds and offset. */
  instant(name: string): string {
    return this.checked(name, parseInstant)
  }

  /** A device's own clock reading, without offset. */
  localTime(name: string): string {
    return this.checked(name, checkLocalTime)
  }

  /** A calendar date. */
  date(name: string): string {
    return this.checked(name, parseDate)
  }

  /** Bytes, `1..max`: FHIR has no empty values. */
  bytes(name: string, max: number): Uint8Array {
    const text = this.text(name)
    const bytes = this.guarded(name, 'WRONG_BYTES', () => fromBase64(text))
    return bytes.length > 0 && bytes.length <= max ? bytes : this.fail('WRONG_BYTES', name)
  }

  /** A text; any. */
  text(name: string): string {
    const value = this.take(name)
    if (value === undefined) return this.fail('MISSING', name)
    return typeof value === 'string' ? value : this.fail('WRONG_TYPE', name)
  }

  /** Lets properties be there without looking at them: parts of a resource of others that change nothing in its meaning. */
  ignore(...names: string[]): void {
    for (const name of names) this.asked.add(name)
  }

  /** Refuses every property that was not asked for. Called last on every element. */
  end(): void {
    for (const name of this.properties.keys()) if (!this.asked.has(name)) this.fail('UNKNOWN_PROPERTY')
  }

  private checked(name: string, check: (text: string) => unknown): string {
    const text = this.text(name)
    this.guarded(name, 'WRONG_TIME', () => check(text))
    return text
  }

  /** Runs a parser and puts the path into its refusal. */
  private guarded<Value>(name: string, code: ClinicalErrorCode, parse: () => Value): Value {
    try {
      return parse()
    } catch (cause) {
      throw new ClinicalError(code, `${this.path}.${name}`, { cause })
    }
  }

  private take(name: string): JsonValue | undefined {
    this.asked.add(name)
    return this.properties.get(name)
  }
}

/**
 * The resource in a text.
 *
 * @param text - Untrusted.
 * @param type - The only resource type that is accepted.
 * @throws {@link ClinicalError} `TOO_LONG`, `NOT_JSON` or `WRONG_TYPE`.
 */
export function parseResource(text: string, type: string): Element {
  const value = parseJson(text)
  if (!isObject(value)) throw new ClinicalError('WRONG_TYPE', 'not an object')
  const resource = new Element(value, type)
  if (!resource.has('resourceType') || resource.text('resourceType') !== type) resource.fail('WRONG_TYPE')
  return resource
}
