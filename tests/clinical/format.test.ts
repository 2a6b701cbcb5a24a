import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ageYears,
  bannerName,
  formatAge,
  formatDate,
  formatDateTime,
  formatQuantities,
  formatQuantity,
  formatRelative,
  formatTime,
  showNumber,
} from '../../src/clinical/format.ts'
import { answered, measured } from '../../src/clinical/quantity.ts'

describe('dates and times', () => {
  it.each([
    ['2026-11-20', '20-Nov-2026'],
    ['1969-03-04', '04-Mar-1969'],
    ['2026-11-20T23:50:00-05:00', '20-Nov-2026'],
  ])('%s is %s', (text, shown) => expect(formatDate(text)).toBe(shown))
  it('shows the clock that wrote the time, and names it to a reader elsewhere', () => {
    const text = '2026-11-20T08:04:59+01:00'
    expect(formatTime(text)).toBe('08:04')
    expect(formatTime(text, 60)).toBe('08:04')
    expect(formatTime(text, 0)).toBe('08:04 (UTC+01:00)')
    expect(formatTime('2026-11-20T00:00:00-03:30', 0)).toBe('00:00 (UTC-03:30)')
    expect(formatDateTime(text, 0)).toBe('20-Nov-2026 08:04 (UTC+01:00)')
  })
  it.each([
    [0, 'just now'],
    [59, 'just now'],
    [60, '1 min ago'],
    [3599, '59 min ago'],
    [3600, '1 h ago'],
    [86399, '23 h ago'],
    [86400, '1 d ago'],
    [86400 * 400, '400 d ago'],
    [-61, 'in 1 min'],
  ])('%d seconds ago is %s', (seconds, shown) => {
    expect(formatRelative('2026-11-20T08:00:00Z', Date.UTC(2026, 10, 20, 8) + seconds * 1000)).toBe(shown)
  })
  it('refuses what is no time', () => {
    expect(() => formatDate('yesterday')).toThrow(expect.objectContaining({ code: 'WRONG_TIME' }))
    expect(() => formatTime('08:00')).toThrow(expect.objectContaining({ code: 'WRONG_TIME' }))
  })
})

describe('age', () => {
  it.each([
    ['1969-03-04', '2026-03-03', '56 y'],
    ['1969-03-04', '2026-03-04', '57 y'],
    ['2024-02-29', '2026-02-28', '23 m'],
    ['2024-02-29', '2026-03-01', '2 y'],
    ['2024-11-20', '2026-11-19', '23 m'],
    ['2024-11-20', '2026-11-20', '2 y'],
    ['2026-11-20', '2026-11-20', '0 d'],
    ['2026-10-24', '2026-11-20', '27 d'],
    ['2026-10-23', '2026-11-20', '4 w'],
    ['2026-08-20', '2026-11-20', '3 m'],
    ['2026-11-21', '2026-11-20', ''],
  ])('born %s is on %s: %s', (birth, on, shown) => expect(formatAge(birth, on)).toBe(shown))
  it('is counted on the day of the clock that wrote the time', () => {
    expect(ageYears('2010-11-20', '2026-11-19T23:59:00-05:00')).toBe(15)
    expect(ageYears('2010-11-20', '2026-11-20T00:00:00+13:00')).toBe(16)
    expect(ageYears('2026-11-21', '2026-11-20')).toBeNull()
  })
  it('never falls as time passes', () => {
    const day = fc
      .date({ min: new Date('1930-01-01'), max: new Date('2060-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString().slice(0, 10))
    fc.assert(
      fc.property(day, day, day, (birth, a, b) => {
        const [first, second] = a < b ? [a, b] : [b, a]
        if (first >= birth) expect(ageYears(birth, first)).toBeLessThanOrEqual(ageYears(birth, second)!)
      }),
    )
  })
})

describe('quantities', () => {
  it.each([
    [measured('systolic', '128'), '128'],
    [measured('temperature', '37'), '37.0'],
    [measured('temperature', '36.50'), '36.5'],
    [measured('temperature', '36.55'), '36.6'],
    [measured('glucose', '5.0', 'mmol/L'), '5.0'],
    [measured('glucose', '112'), '112'],
    [measured('weight', '71.44'), '71.4'],
    [measured('weight', '3.42'), '3.42'],
    [measured('weight', '3420', 'g'), '3420'],
    [measured('oxygen-flow', '0.5'), '0.5'],
    [measured('glucose', '600', 'mg/dL', '>'), '> 600'],
    [{ ...measured('glucose', '600', 'mg/dL', '>'), value: null }, 'HI'],
    [{ ...measured('glucose', '20', 'mg/dL', '<'), value: null }, 'LO'],
    [answered('consciousness', 'confusion'), 'New confusion'],
    [answered('oxygen', 'air'), 'Breathing air'],
    [{ ...measured('spo2', '97'), value: null }, '–'],
    [{ ...answered('oxygen', 'air'), coded: 'helium' }, 'helium'],
    [{ ...measured('weight', '1.25'), name: 'unknown' }, '1.25'],
  ])('%j reads %s', (quantity, shown) => expect(formatQuantity(quantity)).toBe(shown))
  it('can be aligned at the point', () => {
    expect(showNumber(measured('temperature', '37.25'))).toEqual({ comparator: '', whole: '37', fraction: '.3' })
    expect(showNumber(measured('pulse', '72'))).toEqual({ comparator: '', whole: '72', fraction: '' })
    expect(showNumber(answered('oxygen', 'air'))).toBeNull()
  })
  it('carries its unit where asked', () => {
    expect(formatQuantity(measured('temperature', '36.5'), true)).toBe('36.5 °C')
    expect(formatQuantity(measured('pulse', '72'), true)).toBe('72 /min')
    expect(formatQuantity(answered('consciousness', 'alert'), true)).toBe('Alert')
  })
  it('writes pressures together', () => {
    const pressures = [measured('diastolic', '82'), measured('systolic', '128')]
    expect(formatQuantities(pressures)).toBe('128/82')
    expect(formatQuantities([...pressures, measured('mean', '97')], true)).toBe('128/82 (97) mmHg')
    expect(formatQuantities([measured('spo2', '96')], true)).toBe('96 %')
  })
  it('writes a name as a banner does', () => {
    expect(bannerName({ familyName: 'Okafor', givenName: 'Ada' })).toBe('OKAFOR, Ada')
    expect(bannerName({ familyName: 'Weiß', givenName: 'Jürgen' })).toBe('WEISS, Jürgen')
  })
})
