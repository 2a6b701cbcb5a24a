/**
 * Lines of a FreeStyle meter's log: InsuLinx and Precision/Optium Neo.
 *
 * @remarks
 * Comma separated: type, id, month, day, year, hour, minute, 1 when that time is valid, and fields of the type.
 * Glucose is always in mg/dL on the wire, whatever the meter shows. A ketone value is in eighteenths of a mmol/L and is given
 * as the meter shows it, with one decimal. Fields that nobody has explained are kept as `status-f<field>-<value>`
 * when they are not 0. Proven by `tests/devices/abbott-records.test.ts`.
 *
 * @packageDocumentation
 */
import type { Quantity } from '../shared/api/schemas.ts'
import { toLatin1 } from './abbott-frames.ts'
import type { LogEntry } from './device-log.ts'
import { DeviceError } from './errors.ts'
import { measured, offScale, ORDINARY, type Measurement } from './measurement.ts'
import { localTime, TIME_INVALID } from './timeline.ts'

type Fields = readonly string[]

/** What a type of record looks like: number of fields, and how it is read. */
interface Layout {
  fields: number
  decode(fields: Fields): LogEntry
}

/** InsuLinx glucose; 11 is the mark "meal" of the meter's own export, whose values nobody has explained. */
const INSULINX = { value: 13, meal: 11, unknown: [8, 9, 10, 12, 14, 15] } as const
/** Precision Neo glucose: off scale below 20 and above 500 mg/dL; 10 is 0 for control solution. */
const NEO = { value: 8, notControl: 10, unknown: [9, 11, 12, 13, 14, 15, 16, 17, 18], low: '20', high: '500' } as const
/** Precision Neo ketone: off scale above 8.0 mmol/L; 9 is 0 for control solution. */
const KETONE = { value: 8, notControl: 9, unknown: [10], high: '8.0' } as const
const MGDL_PER_MMOL = 18

const LAYOUTS: ReadonlyMap<string, Layout> = new Map([
  ['0', { fields: 16, decode: decodeInsulinx }],
  ['6', { fields: 13, decode: decodeClockSet }],
  ['7', { fields: 19, decode: decodeNeo }],
  ['9', { fields: 11, decode: decodeKetone }],
])

/**
 * One line.
 *
 * @param line - Without line end. Untrusted.
 * @throws {@link DeviceError} `PROTOCOL` when a known type has another shape than the known one.
 */
export function decodeLine(line: string): LogEntry {
  const fields = line.split(',')
  const type = fields[0] ?? ''
  if (!/^\d{1,3}$/.test(type) || fields.length < 8) throw new DeviceError('PROTOCOL', `record ${JSON.stringify(line)}`)
  const layout = LAYOUTS.get(type)
  if (layout === undefined) return { kind: 'other' }
  if (layout.fields !== fields.length) {
    throw new DeviceError('PROTOCOL', `record of type ${type} with ${fields.length} fields`)
  }
  return layout.decode(fields)
}

const ID_RANGE = 0x1_0000

/**
 * A log.
 *
 * @param lines - Newest first, as a meter sends it. Untrusted.
 * @returns Oldest first.
 * @throws {@link DeviceError} `PROTOCOL` also when the records' numbers do not go down: a sum does not notice when
 *   parts of a reply have changed places.
 */
export function decodeLog(lines: readonly string[]): LogEntry[] {
  const ids = lines.map((line) => number(line.split(',')[1] ?? '', ID_DIGITS) ?? 0)
  const isAscending = ids.some((id, index) => {
    const down = ((ids[index - 1] ?? id) - id + ID_RANGE) % ID_RANGE
    return down >= ID_RANGE / 2
  })
  if (isAscending) throw new DeviceError('PROTOCOL', 'records are out of order')
  return lines.map(decodeLine).toReversed()
}

function decodeInsulinx(fields: Fields): LogEntry {
  const value = fields[INSULINX.value] ?? ''
  const quantity = number(value) === null ? offScale('glucose', null, signOf(value)) : measured('glucose', value)
  const meal = fields[INSULINX.meal] ?? ''
  const flags = meal === '0' ? [] : [flagOf('meal-mark', meal)]
  return reading(fields, value, { kind: 'glucose', quantity, control: false, flags }, INSULINX.unknown)
}

function decodeNeo(fields: Fields): LogEntry {
  const value = fields[NEO.value] ?? ''
  const quantity = number(value) === null ? neoOffScale(value) : measured('glucose', value)
  const control = fields[NEO.notControl] === '0'
  return reading(fields, value, { kind: 'glucose', quantity, control, flags: [] }, NEO.unknown)
}

function neoOffScale(value: string): ReturnType<typeof offScale> {
  const sign = signOf(value)
  return offScale('glucose', sign === '<' ? NEO.low : NEO.high, sign)
}

function decodeKetone(fields: Fields): LogEntry {
  const value = fields[KETONE.value] ?? ''
  const raw = number(value)
  const isHigh = raw === null && signOf(value) === '>'
  if (raw === null && !isHigh) throw new DeviceError('PROTOCOL', `ketone value ${JSON.stringify(value)}`)
  const quantity =
    raw === null ? offScale('ketone', KETONE.high, '>') : measured('ketone', (raw / MGDL_PER_MMOL).toFixed(1))
  const control = fields[KETONE.notControl] === '0'
  return reading(fields, value, { kind: 'ketone', quantity, control, flags: [] }, KETONE.unknown)
}

function decodeClockSet(fields: Fields): LogEntry {
  return { kind: 'clock-set', from: timeAt(fields, 8), to: timeAt(fields, 2) }
}

function reading(
  fields: Fields,
  value: string,
  { kind, quantity, control, flags }: Pick<Measurement, 'kind' | 'control' | 'flags'> & { quantity: Quantity },
  unknown: readonly number[],
): LogEntry {
  const deviceTime = fields[7] === '1' ? timeAt(fields, 2) : null
  const unexplained = unknown.filter((index) => fields[index] !== '0')
  return {
    kind: 'reading',
    measurement: {
      ...ORDINARY,
      kind,
      quantities: [quantity],
      deviceTime,
      control,
      flags: [
        ...(deviceTime === null ? [TIME_INVALID] : []),
        ...(quantity.comparator === null ? [] : ['off-scale']),
        ...flags,
        ...unexplained.map((index) => flagOf(`status-f${index}`, fields[index] ?? '')),
      ],
      recordKey: [...fields.slice(0, 7), value].join(','),
      raw: toLatin1(fields.join(',')),
    },
  }
}

/** Month, day, year, hour and minute from `at` on. */
function timeAt(fields: Fields, at: number): string | null {
  const [month = NaN, day = NaN, year = NaN, hour = NaN, minute = NaN] = fields
    .slice(at, at + 5)
    .map((text) => number(text) ?? NaN)
  return localTime(2000 + year, month, day, hour, minute)
}

/** Digits that a value may have, and an id. */
const VALUE_DIGITS = 4
const ID_DIGITS = 10

function number(text: string, digits = VALUE_DIGITS): number | null {
  return /^\d+$/.test(text) && text.length <= digits ? Number(text) : null
}

function signOf(value: string): '<' | '>' {
  if (value === 'LO') return '<'
  if (value === 'HI') return '>'
  throw new DeviceError('PROTOCOL', `value ${JSON.stringify(value)}`)
}

/** A flag with the device's own digits in it; other characters do not get into a code. */
function flagOf(name: string, value: string): string {
  return /^[\dA-Za-z.]{1,12}$/.test(value) ? `${name}-${value}` : name
}
