import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeCardText } from '../../../../src/shared/card-text.ts'
import { identifierOf, isCardText, ScanDetector } from '../../../../src/renderer/components/capture/scanner.ts'

function typed(text: string, gapMs: number): (string | null)[] {
  const detector = new ScanDetector()
  return Array.from(text, (key) => (key === '\n' ? 'Enter' : key)).map((key, at) =>
    detector.key(key, 1000 + at * gapMs),
  )
}

describe('ScanDetector', () => {
  it('hears a burst that ends with Enter', () => {
    expect(typed('9000012\n', 8).at(-1)).toBe('9000012')
  })

  it('takes a person typing for a person, at any speed of fingers', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9A-Za-z]{6,12}$/), fc.integer({ min: 60, max: 2000 }), (text, gapMs) => {
        expect(typed(`${text}\n`, gapMs).every((scan) => scan === null)).toBe(true)
      }),
    )
  })

  it('ignores what somebody typed before the scanner began', () => {
    const detector = new ScanDetector()
    detector.key('x', 0)
    const keys = [...Array.from('9000012'), 'Enter'].map((key, at) => detector.key(key, 500 + at * 10))
    expect(keys.at(-1)).toBe('9000012')
  })

  it('starts again after each scan and refuses short bursts', () => {
    const detector = new ScanDetector()
    const scan = (text: string, from: number) =>
      [...Array.from(text), 'Enter'].map((key, at) => detector.key(key, from + at * 5)).at(-1)
    expect(scan('9000012', 0)).toBe('9000012')
    expect(scan('41.45', 1000)).toBeNull()
    expect(scan('9000013', 2000)).toBe('9000013')
  })

  it('lets Shift pass and is reset by other keys', () => {
    const detector = new ScanDetector()
    const keys = ['A', 'Shift', 'B', '1', '2', '3', '4', 'Enter'].map((key, at) => detector.key(key, at * 5))
    expect(keys.at(-1)).toBe('AB1234')
    const broken = ['A', 'B', 'C', 'Tab', '1', '2', '3', 'Enter'].map((key, at) => detector.key(key, 900 + at * 5))
    expect(broken.at(-1)).toBeNull()
  })
})

it('hears a whole patient card, and knows it from an identifier', () => {
  const card = encodeCardText({ cardId: 'c'.repeat(32), share: new Uint8Array(32).fill(7) })
  expect(typed(`${card}\n`, 3).at(-1)).toBe(card)
  expect(isCardText(card)).toBe(true)
  expect(isCardText(` ${card}`)).toBe(true)
  for (const other of ['9000012', card.slice(1), `2${card.slice(1)}`, '1'.repeat(120)])
    expect(isCardText(other)).toBe(false)
})

describe('identifierOf', () => {
  it.each([
    ['9000012', '9000012'],
    [' 9000012 ', '9000012'],
    [']C1801840000000000000001', '801840000000000000001'],
    [']C18018400000000000000017', '400000000000000017'],
    ['\u001d8018400000000000000017', '400000000000000017'],
    [']d28018400000000000000017', '400000000000000017'],
    ['(8018)400000000000000017', '400000000000000017'],
  ])('reads %s as %s', (scan, identifier) => {
    expect(identifierOf(scan)).toBe(identifier)
  })
})
