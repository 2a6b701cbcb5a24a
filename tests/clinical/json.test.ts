import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  MAX_TEXT,
  digits,
  isArray,
  isDigits,
  isObject,
  parseJson,
  sameJson,
  writeJson,
  type JsonValue,
  type Writable,
} from '../../src/clinical/json.ts'

const refusal = expect.objectContaining({ name: 'ClinicalError', code: 'NOT_JSON' })

/** As the platform would have parsed it. */
function plain(value: JsonValue): unknown {
  if (isDigits(value)) return Number(value.digits)
  if (isArray(value)) return value.map(plain)
  return isObject(value) ? Object.fromEntries([...value].map(([name, item]) => [name, plain(item)])) : value
}

const unpaired = (text: string) => /"(?:[^"\\]|\\.)*\\u[dD][89a-fA-F]/.test(text)

describe('reading', () => {
  it('means what the platform means, with any white space', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 1, '\t', '\n\r '), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        if (!text.isWellFormed() || unpaired(text)) return
        expect(plain(parseJson(text))).toEqual(JSON.parse(text))
      }),
      { numRuns: 500 },
    )
  })
  it('refuses whatever the platform refuses', () => {
    fc.assert(
      fc.property(
        fc.json(),
        fc.nat(),
        fc.constantFrom('', ',', '"', '}', ']', '0', '\u0001', '\\'),
        (text, pick, put) => {
          const at = pick % (text.length + 1)
          const altered = text.slice(0, at) + put + text.slice(at + 1)
          let isValid = true
          try {
            JSON.parse(altered)
          } catch {
            isValid = false
          }
          if (!isValid) expect(() => parseJson(altered)).toThrow()
        },
      ),
      { numRuns: 500 },
    )
  })
  it.each(['1.0', '1.00', '-0', '36.50', '1e400', '123456789012345678901234567890', '0.1e-7'])(
    'keeps the digits of %s',
    (text) => {
      expect(parseJson(text)).toEqual({ digits: text })
    },
  )
  it.each([
    ['a repeated property', '{"a":1,"a":1}'],
    ['a property repeated with an escape', '{"a":1,"\\u0061":2}'],
    ['a lone surrogate', '"\\ud800"'],
    ['a surrogate in the text itself', '"\ud800"'],
    ['nothing', ''],
    ['two values', '1 2'],
    ['a comma too many', '[1,]'],
    ['a comma too few', '[1 2]'],
    ['a name without quotes', '{a:1}'],
    ['a number with a leading zero', '01'],
    ['a number with a plus', '+1'],
    ['not a number', 'NaN'],
    ['a control character', '"\u0001"'],
    ['a byte order mark', '\ufeff1'],
    ['a no-break space', '\u00a01'],
    ['deep nesting', `${'['.repeat(30)}${']'.repeat(30)}`],
  ])('refuses %s', (_why, text) => {
    expect(() => parseJson(text)).toThrow(refusal)
  })
  it('refuses a text that is too long before looking at it', () => {
    expect(() => parseJson(' '.repeat(MAX_TEXT + 1))).toThrow(expect.objectContaining({ code: 'TOO_LONG' }))
  })
  it('takes __proto__ as a name like any other', () => {
    const value = parseJson('{"__proto__":{"admin":true}}')
    expect(isObject(value) && value.has('__proto__')).toBe(true)
    expect(Object.hasOwn(Object.prototype, 'admin')).toBe(false)
  })
})

describe('writing', () => {
  const writable = fc.letrec<{ value: Writable }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.string({ unit: 'grapheme' }).filter((text) => text.isWellFormed()),
      fc.boolean(),
      fc.constant(null),
      fc.constantFrom('1.0', '36.50', '-2').map(digits),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(
        fc.string().filter((name) => name !== 'digits' && name !== '__proto__' && name.isWellFormed()),
        tie('value'),
        { maxKeys: 4 },
      ),
    ),
  })).value
  it('gives text that says the same', () => {
    fc.assert(
      fc.property(writable, (value) => {
        expect(sameJson(parseJson(writeJson(value)), value)).toBe(true)
      }),
    )
  })
  it('leaves out what is undefined, and nothing else', () => {
    expect(writeJson({ a: undefined, b: null, c: digits('1.0'), d: ['x', false] })).toBe(
      '{"b":null,"c":1.0,"d":["x",false]}',
    )
  })
  it('tells apart what differs', () => {
    const pairs: [string, Writable][] = [
      ['1.0', digits('1')],
      ['"1"', digits('1')],
      ['1', '1'],
      ['{"a":1}', { a: digits('1'), b: 'x' }],
      ['{"a":1,"b":2}', { a: digits('1') }],
      ['[1]', [digits('1'), digits('2')]],
      ['{}', []],
      ['[]', {}],
      ['null', false],
    ]
    for (const [text, value] of pairs) expect(sameJson(parseJson(text), value), text).toBe(false)
  })
})
