import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addDays, checkLocalTime, instantText, parseDate, parseInstant } from '../../src/clinical/instant.ts'

const refusal = expect.objectContaining({ name: 'ClinicalError', code: 'WRONG_TIME' })

describe('instants', () => {
  it('agree with the platform on every moment of two centuries', () => {
    const moments = fc.date({
      min: new Date('1900-01-01T00:00:00Z'),
      max: new Date('2099-12-31T23:59:59Z'),
      noInvalidDate: true,
    })
    fc.assert(
      fc.property(moments, (moment) => {
        expect(parseInstant(moment.toISOString()).epochMs).toBe(moment.getTime())
      }),
    )
  })
  it('survive being written with any offset', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4_000_000_000 }),
        fc.integer({ min: -840, max: 840 }),
        (seconds, offsetMin) => {
          const moment = parseInstant(instantText(seconds * 1000, offsetMin))
          expect([moment.epochMs, moment.offsetMin]).toEqual([seconds * 1000, offsetMin])
        },
      ),
    )
  })
  it('keep the clock that wrote them', () => {
    expect(parseInstant('2026-11-20T08:14:05.120+01:00')).toMatchObject({
      year: 2026,
      month: 11,
      day: 20,
      hour: 8,
      minute: 14,
      second: 5,
      offsetMin: 60,
    })
    expect(parseInstant('2026-11-20T08:14:05-03:30').offsetMin).toBe(-210)
  })
  it.each(['2024-02-29', '2000-02-29', '2026-12-31', '0001-01-01'])('%s is a date', (text) => {
    expect(() => parseDate(text)).not.toThrow()
  })
  it.each([
    '2026-02-29',
    '1900-02-29',
    '2026-04-31',
    '2026-13-01',
    '2026-00-10',
    '2026-01-00',
    '0000-01-01',
    '26-01-01',
    '2026-1-1',
    '2026-01-01 ',
    '',
  ])('%j is not', (text) => {
    expect(() => parseDate(text)).toThrow(refusal)
  })
  it.each([
    '2026-11-20T08:14:05',
    '2026-11-20T08:14+01:00',
    '2026-11-20 08:14:05Z',
    '2026-11-20T24:00:00Z',
    '2026-11-20T08:60:00Z',
    '2026-11-20T08:14:60Z',
    '2026-11-20T08:14:05+14:01',
    '2026-11-20T08:14:05+01:60',
    '2026-11-20T08:14:05+0100',
    '2026-11-20T08:14:05z',
    '2026-11-20T08:14:05.Z',
    '2026-02-30T08:14:05Z',
    '2026-11-20',
  ])('%s is not an instant', (text) => {
    expect(() => parseInstant(text)).toThrow(refusal)
  })
  it('take a device clock without offset and nothing else', () => {
    expect(() => checkLocalTime('2007-01-01T00:06:38')).not.toThrow()
    for (const text of ['2007-01-01T00:06:38Z', '2007-01-01T00:06', '2007-01-32T00:06:38', '2007-01-01T25:06:38']) {
      expect(() => checkLocalTime(text)).toThrow(refusal)
    }
  })
  it('count days over every end of a month, as a clock that is turned by hours does', () => {
    const day = fc.date({ min: new Date('1900-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
    fc.assert(
      fc.property(day, fc.integer({ min: -4000, max: 4000 }), (from, days) => {
        const text = from.toISOString().slice(0, 10)
        const expected = new Date(Date.parse(`${text}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10)
        expect(addDays(text, days)).toBe(expected)
        expect(addDays(expected, -days)).toBe(text)
      }),
    )
    expect(addDays('2028-02-28', 1)).toBe('2028-02-29')
  })
  it.each([
    ['2026-02-30', 1],
    ['9999-12-31', 1],
    ['0001-01-01', -1],
  ])('count no days from %s by %i', (date, days) => {
    expect(() => addDays(date, days)).toThrow(refusal)
  })
})
