import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeCounted } from '../../src/devices/counted-reports.ts'
import { DeviceError } from '../../src/devices/errors.ts'
import { decodeGlucoTeqLine, GLUCOTEQ, glucoTeqRecords } from '../../src/devices/microlife-04d9-b564.ts'
import { concatBytes } from '../../src/shared/bytes.ts'
import { line } from '../support/readings-text.ts'

const ascii = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'))
const answer = (body: string): Uint8Array[] => encodeCounted(concatBytes(GLUCOTEQ.head, ascii(body), GLUCOTEQ.tail))

describe('a result', () => {
  it.each([
    ['1,2024,02,29,07,05,101,0,0', '2024-02-29T07:05:00 101'],
    ['12,2024,2,9,7,5,096,,1', '2024-02-09T07:05:00 96 before-meal'],
    ['1,2024,02,29,07,05,142,0,2', '2024-02-29T07:05:00 142 after-meal'],
    ['1,2024,02,29,07,05,142,0,7', '2024-02-29T07:05:00 142 status-meal-7'],
    ['1,2024,02,29,07,05,142,C3,0', '2024-02-29T07:05:00 142 status-field8-c3'],
    ['1,2024,02,30,07,05,142,0,0', 'no-time 142 device-time-invalid'],
    // Off the scale, whose ends are not documented: no number at all.
    ['1,2024,02,29,07,05,HI,0,0', '2024-02-29T07:05:00 >-'],
    ['1,2024,02,29,07,05,Lo,0,0', '2024-02-29T07:05:00 <-'],
  ])('%s: %s', (text, expected) => {
    const found = decodeGlucoTeqLine(text)
    expect(line(found)).toBe(expected)
    expect(found.quantities[0]?.ucum).toBe('mg/dL')
  })

  it('has a key that its number, which changes with each new result, is not in', () => {
    const [first, second] = ['1,2024,02,29,07,05,101,0,0', '2,2024,02,29,07,05,101,0,0'].map(decodeGlucoTeqLine)
    expect(first?.recordKey).toBe(second?.recordKey)
  })

  it.each([
    '',
    '1,2024,02,29,07,05,101,0',
    '1,2024,02,29,07,05,-5,0,0',
    '1,2024,02,29,07,05,1.5,0,0',
    'x,2024,02,29,07,05,9,0,0',
  ])('%j is none', (text) =>
    expect(() => decodeGlucoTeqLine(text)).toThrow(expect.objectContaining({ code: 'PROTOCOL' })),
  )
})

describe('an answer', () => {
  it('is put in order, the oldest first', () => {
    const body = '1,2024,03,02,07,05,110,0,0\r\n2,2024,03,01,07,05,100,0,0\r\n'
    expect(glucoTeqRecords(answer(body)).map(line)).toEqual(['2024-03-01T07:05:00 100', '2024-03-02T07:05:00 110'])
  })

  it('may have no results', () => expect(glucoTeqRecords(answer(''))).toEqual([]))

  it('that is cut off anywhere is refused as a whole', () => {
    const whole = concatBytes(GLUCOTEQ.head, ascii('1,2024,03,02,07,05,110,0,0\r\n'), GLUCOTEQ.tail)
    for (let length = 1; length < whole.length; length++) {
      expect(() => glucoTeqRecords(encodeCounted(whole.slice(0, length)))).toThrow(DeviceError)
    }
  })

  it('is results or a coded error, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from('0123456789,\r\nHILO')), maxLength: 80 }), (body) => {
        try {
          glucoTeqRecords(answer(body))
        } catch (error) {
          expect(error).toBeInstanceOf(DeviceError)
        }
      }),
    )
  })
})
