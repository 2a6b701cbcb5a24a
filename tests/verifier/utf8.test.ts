import fc from 'fast-check'
import { expect, it } from 'vitest'
import { readUtf8 } from '../../src/verifier/utf8.ts'

const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const platform = (bytes: Uint8Array): string | null => {
  try {
    return fatal.decode(bytes)
  } catch {
    return null
  }
}

it('reads what a fatal platform decoder reads, and nothing else', () => {
  const byte = fc.oneof(
    fc.integer({ min: 0, max: 255 }),
    fc.constantFrom(0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5),
  )
  const bytes = fc.array(byte, { maxLength: 6 }).map((list) => Uint8Array.from(list))
  fc.assert(
    fc.property(bytes, (any) => readUtf8(any) === platform(any)),
    { numRuns: 5000 },
  )
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => readUtf8(new TextEncoder().encode(text)) === text))
})

it.each(['c080', 'e08080', 'eda080', 'f08080' + '80', 'f4908080', '80', 'c2', 'f0908d'])('refuses %s', (hex) => {
  expect(readUtf8(Uint8Array.from(Buffer.from(hex, 'hex')))).toBeNull()
})
