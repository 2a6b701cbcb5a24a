import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatDate } from '../../../../src/clinical/format.ts'
import { readBirthDate } from '../../../../src/renderer/components/patient/birth-date.ts'

const TODAY = '2026-11-20'

describe('readBirthDate', () => {
  it.each([
    ['1957-03-14', '1957-03-14'],
    ['14-Mar-1957', '1957-03-14'],
    ['14 march 1957', '1957-03-14'],
    ['14mar1957', '1957-03-14'],
    ['4.3.1957', '1957-03-04'],
    ['29-Feb-2024', '2024-02-29'],
    ['2026-11-20', '2026-11-20'],
  ])('reads %j', (text, date) => {
    expect(readBirthDate(text, TODAY)).toEqual({ date })
  })

  it.each([
    ['', 'empty'],
    ['03/04/1957', 'form'],
    ['14-Foo-1957', 'form'],
    ['29-Feb-2023', 'form'],
    ['1957-13-01', 'form'],
    ['14-Mar-57', 'form'],
    ['2026-11-21', 'range'],
    ['1890-01-01', 'range'],
  ])('refuses %j: %s', (text, wrong) => {
    expect(readBirthDate(text, TODAY)).toEqual({ wrong })
  })

  it('reads back every date as the window shows it, and never throws (property)', () => {
    const day = fc.date({ min: new Date('1900-01-01'), max: new Date('2026-11-20'), noInvalidDate: true })
    fc.assert(
      fc.property(day, (date) => {
        const iso = date.toISOString().slice(0, 10)
        expect(readBirthDate(formatDate(iso), TODAY)).toEqual({ date: iso })
      }),
    )
    fc.assert(fc.property(fc.string(), (text) => void readBirthDate(text, TODAY)))
  })
})
