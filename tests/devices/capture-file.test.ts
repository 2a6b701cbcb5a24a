import fc from 'fast-check'
import { expect, it } from 'vitest'
import { encodeCapture, parseCapture, parsePlacedCapture, type CaptureLine } from '../../src/devices/capture-file.ts'
import { DeviceError } from '../../src/devices/errors.ts'
import { bytes } from '../support/device-world.ts'

it('reads the three directions, plain hex, comments and empty lines', () => {
  const text = '# a session\r\nFEAT> 01 02\n\nOUT> 02 AB cd\n IN<024f4b\neb 00\n'
  expect(parseCapture(text)).toEqual([
    { direction: 'feature', bytes: bytes('0102') },
    { direction: 'out', bytes: bytes('02abcd') },
    { direction: 'in', bytes: bytes('024f4b') },
    { direction: 'in', bytes: bytes('eb00') },
  ])
})

it.each([
  ['', 'no report'],
  ['# nothing', 'no report'],
  ['IN< 01\nOUT> 0', 'line 2'],
  ['IN< zz', 'line 1'],
  ['IN<', 'line 1'],
  [`IN< ${'00'.repeat(65)}`, 'line 1'],
  ['BACK> 01', 'line 1'],
])('refuses %j and says where', (text, where) => {
  expect(() => parseCapture(text)).toThrow(
    expect.objectContaining({ code: 'CAPTURE', message: expect.stringContaining(where) }),
  )
})

it('gives back what was written', () => {
  const line: fc.Arbitrary<CaptureLine> = fc.record({
    direction: fc.constantFrom('in', 'out', 'feature'),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 64 }),
  })
  fc.assert(
    fc.property(fc.array(line, { minLength: 1 }), (lines) => {
      expect(parseCapture(encodeCapture(lines))).toEqual(lines)
    }),
  )
})

it('gives a capture or a coded error, whatever the text', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^(?:IN<|OUT>|[0-9a-f ]|\n){0,60}$/))
  fc.assert(
    fc.property(text, (input) => {
      try {
        parseCapture(input)
      } catch (error) {
        expect(error).toBeInstanceOf(DeviceError)
      }
    }),
  )
})

it('tells where each report stands, and skips comments and descriptors', () => {
  const placed = parsePlacedCapture('# a comment\r\nDESC< 12 01\n\nOUT> 01\r\nIN< 02\n')
  expect(placed.map(({ direction, place }) => [direction, place.line, place.offset])).toEqual([
    ['out', 4, 26],
    ['in', 5, 35],
  ])
})

it('takes a whole record as a line without a mark, and no longer report with one', () => {
  expect(parseCapture('00'.repeat(245))[0]?.bytes).toHaveLength(245)
  expect(() => parseCapture(`IN< ${'00'.repeat(245)}`)).toThrow(/report of 245 bytes/)
})
