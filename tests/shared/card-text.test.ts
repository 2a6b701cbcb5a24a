import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeCardText, encodeCardText, type CardContent } from '../../src/shared/card-text.ts'
import { toHex } from '../../src/shared/bytes.ts'

const bytes = (size: number) => fc.uint8Array({ minLength: size, maxLength: size })
const card = fc.record({ cardId: bytes(16).map(toHex), share: bytes(32) })
const texts = card.map((content): [CardContent, string] => [content, encodeCardText(content)])

it('gives back every card that it writes, as 120 digits', () => {
  fc.assert(
    fc.property(texts, ([content, text]) => {
      expect(text).toMatch(/^1[0-9]{119}$/)
      expect(decodeCardText(text)).toEqual(content)
      expect(decodeCardText(`  ${text}\n`)).toEqual(content)
    }),
  )
  for (const byte of [0x00, 0xff]) {
    const content = { cardId: toHex(new Uint8Array(16).fill(byte)), share: new Uint8Array(32).fill(byte) }
    expect(decodeCardText(encodeCardText(content))).toEqual(content)
  }
})

it('is pinned to one text', () => {
  const share = Uint8Array.from({ length: 32 }, (_, i) => i)
  const text = encodeCardText({ cardId: '000102030405060708090a0b0c0d0e0f', share })
  const number = BigInt('0x000102030405060708090a0b0c0d0e0f' + toHex(share))
  // Worked out by trying every check instead of computing it.
  const body = `1${number.toString().padStart(116, '0')}`
  const fitting = Array.from({ length: 983 }, (_, n) => body + String(n).padStart(3, '0')).filter(
    (each) => BigInt(each) % 983n === 0n,
  )
  expect([text]).toEqual(fitting)
})

it('notices every wrong digit', () => {
  fc.assert(
    fc.property(texts, fc.nat(119), fc.integer({ min: 1, max: 9 }), ([, text], at, add) => {
      const digit = (Number(text[at]) + add) % 10
      expect(decodeCardText(`${text.slice(0, at)}${digit}${text.slice(at + 1)}`)).toBe(null)
    }),
    { numRuns: 2000 },
  )
})

it('notices any two digits that changed places', () => {
  fc.assert(
    fc.property(texts, fc.nat(119), fc.nat(119), ([content, text], a, b) => {
      const digits = Array.from(text)
      ;[digits[a], digits[b]] = [digits[b] ?? '', digits[a] ?? '']
      expect(decodeCardText(digits.join(''))).toEqual(text[a] === text[b] ? content : null)
    }),
    { numRuns: 2000 },
  )
})

it('takes nothing else for a card', () => {
  fc.assert(fc.property(fc.string(), (text) => decodeCardText(text) === null))
  fc.assert(
    fc.property(fc.stringMatching(/^[0-9]{0,200}$/), (text) => text.length === 120 || decodeCardText(text) === null),
  )
  // More than 48 bytes, with the right check.
  const large = `1${'9'.repeat(116)}`
  const fitting = Array.from({ length: 983 }, (_, n) => large + String(n).padStart(3, '0'))
  expect(fitting.map(decodeCardText).every((content) => content === null)).toBe(true)
})
