import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { flowsheetCsv } from '../../src/clinical/flowsheet-csv.ts'
import { measured } from '../../src/clinical/quantity.ts'
import { CONTENTS, exportedReading } from '../support/exports.ts'

/** A slow reader of RFC 4180, character by character. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = []
  let [row, cell, isQuoted]: [string[], string, boolean] = [[], '', false]
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!
    if (isQuoted && character === '"' && text[i + 1] === '"') cell += text[++i]!
    else if (character === '"') isQuoted = !isQuoted
    else if (!isQuoted && character === ',') [row, cell] = [[...row, cell], '']
    else if (!isQuoted && character === '\r' && text[i + 1] === '\n') {
      rows.push([...row, cell])
      ;[row, cell] = [[], '']
      i++
    } else cell += character
  }
  expect([row, cell, isQuoted]).toEqual([[], '', false])
  return rows
}
const table = (records: Parameters<typeof flowsheetCsv>[0]) => {
  const text = flowsheetCsv(records)
  expect(text.startsWith('\uFEFF')).toBe(true)
  return parseCsv(text.slice(1))
}
/** A cell by the name of its column. */
const at = (rows: string[][], row: number, column: string) => rows[row]?.[rows[0]!.indexOf(column)]

describe('a flowsheet as CSV', () => {
  const rows = table(CONTENTS.records)

  it('has a column for each quantity and unit, and where the proof is at the end', () => {
    expect(rows[0]).toEqual([
      'Measured at',
      'Recorded at',
      'Systolic blood pressure (mmHg)',
      'Diastolic blood pressure (mmHg)',
      'Temperature (°C)',
      'Weight (kg)',
      'Blood glucose (meter) (mmol/L)',
      'Blood glucose (meter) (mg/dL)',
      'Site',
      'Method',
      'Device',
      'Flags',
      'Recorded by',
      'Origin',
      'Index',
      'Leaf',
    ])
    expect(rows.slice(1).map((row) => row.slice(-3))).toEqual(
      CONTENTS.records.slice(0, 5).map(({ ref, leaf }) => [ref.origin, String(ref.index), leaf]),
    )
  })

  it('has one row for each reading, and none for scores and reports', () => {
    expect(rows).toHaveLength(6)
    for (const row of rows) expect(row).toHaveLength(rows[0]!.length)
  })

  it('keeps digits, and never makes a number of what was off the scale', () => {
    expect(at(rows, 1, 'Temperature (°C)')).toBe('36.50')
    expect(at(rows, 2, 'Systolic blood pressure (mmHg)')).toBe('128')
    expect(at(rows, 4, 'Blood glucose (meter) (mg/dL)')).toBe('> 600')
    const missing = exportedReading(1, {
      quantities: [{ ...measured('temperature', '1'), value: null, comparator: '>', ucum: '', unit: '' }],
    })
    expect(at(table([missing]), 1, 'Temperature')).toBe('HI')
  })

  it('is a header alone without readings', () => {
    expect(table([])).toHaveLength(1)
  })

  it.each([
    ['=1+1', "'=1+1"],
    ['+49 30', "'+49 30"],
    ['-2+3', "'-2+3"],
    ['@SUM(A1)', "'@SUM(A1)"],
    [' =1', " '=1"],
    ['＝1', "'＝1"],
    ['a;=1', "a;'=1"],
    ['a,=1', "a,'=1"],
    ['"=1"', '"=1"'],
    ['Cuff-3', 'Cuff-3'],
    ['-4.5', '-4.5'],
  ])('makes no formula of %s', (text, cell) => {
    const device = { handle: null, label: text.trim() }
    const record = exportedReading(1, { method: 'unauthenticated-device', device })
    expect(at(table([record]), 1, 'Device')).toBe(cell.trim())
  })

  it('says what was put into it, and no cell begins a formula, whatever it holds', () => {
    const dangerous = fc.string({
      unit: fc.constantFrom('=', '+', '-', '@', ';', ',', '"', 'a', ' ', '＝'),
      minLength: 1,
    })
    const label = fc.oneof(dangerous, fc.string({ unit: 'grapheme' })).map((text) => `x${text}x`.slice(1, -1).trim())
    fc.assert(
      fc.property(
        label.filter((text) => text.length > 0 && text.isWellFormed() && !/\p{Cc}/u.test(text)),
        (given) => {
          const record = exportedReading(1, {
            method: 'unauthenticated-device',
            device: { handle: null, label: given },
          })
          const cell = at(table([record]), 1, 'Device') ?? ''
          expect(cell.replaceAll("'", '')).toBe(given.replaceAll("'", ''))
          const isNumber = /^-?[0-9]+(?:\.[0-9]+)?$/.test(cell)
          if (!isNumber) for (const part of cell.split(/[;,\t|]/)) expect(part.trim()).not.toMatch(/^[=+\-@＝＋－＠]/)
        },
      ),
      { numRuns: 500 },
    )
  })
})
