/**
 * What TaiDoc's instruments store: which models are known, and what their records say.
 *
 * @remarks
 * The same four bytes mean glucose, pressures or a temperature: only the model tells which, so that a model that is
 * not in the table is not read. Glucose is in mg/dL on the wire, whatever the meter shows; a temperature in tenths
 * or, from 1000 on, hundredths of a degree Celsius. Bits that nobody has explained are kept. Unknown: the scale of
 * ketone values (published programs differ by ten), so that such a record is given without its number; uric acid and
 * others are left out. Proven by `tests/devices/taidoc-records.test.ts`.
 *
 * @packageDocumentation
 */
import { toHex } from '../shared/bytes.ts'
import type { Quantity } from '../shared/api/schemas.ts'
import type { LogEntry } from './device-log.ts'
import { DeviceError } from './errors.ts'
import { measured, offScale, ORDINARY, type Measurement } from './measurement.ts'
import { sumOf } from './taidoc-packets.ts'
import { localTime, TIME_INVALID } from './timeline.ts'

/** What an instrument measures. */
export type TaidocKind = 'glucose' | 'blood-pressure' | 'temperature' | 'spo2' | 'weight'

/** Models by number. Glucose meters were read over USB by other programs, the rest over Bluetooth only. */
const MODELS: ReadonlyMap<string, TaidocKind> = new Map(
  Object.entries({
    glucose: ['4277', '4235', '4279', '4141', '4283', '4257'],
    'blood-pressure': ['3128'],
    temperature: ['1241', '1261', '1035'],
    spo2: ['8201', '8255'],
    weight: ['2555'],
  } satisfies Record<TaidocKind, string[]>).flatMap(([kind, models]) =>
    models.map((model) => [model, kind as TaidocKind] as const),
  ),
)

/** Flag of values of instruments that nobody is known to have read over USB. */
const EXPERIMENTAL = 'experimental-decoder'

/**
 * Model and kind.
 *
 * @param data - Answer to the question for the model: its number in binary-coded decimals, least significant first.
 * @throws {@link DeviceError} `WRONG_MODEL`.
 */
export function modelOf(data: Uint8Array): { model: string; kind: TaidocKind } {
  const number = toHex(data.slice(0, 2).toReversed())
  const kind = MODELS.get(number)
  if (kind === undefined) throw new DeviceError('WRONG_MODEL', `model ${number}`)
  return { model: `TD-${number}`, kind }
}

/** Time of a record, or of the clock: day 5 bits, month 4, year - 2000 7, minute, hour. */
export function timeOf(data: Uint8Array): string | null {
  const [low = 0, high = 0, minute = 0, hour = 0] = data
  const day = low | (high << 8)
  return localTime(2000 + (day >> 9), (day >> 5) & 0x0f, day & 0x1f, hour & 0x1f, minute & 0x3f)
}

/**
 * One record.
 *
 * @param kind - Of the model.
 * @param time - Answer to the question for the record's time, 4 bytes. Untrusted.
 * @param value - Answer to the question for its value, 4 bytes. Untrusted.
 * @throws {@link DeviceError} `PROTOCOL`.
 */
export function decodeRecord(kind: TaidocKind, time: Uint8Array, value: Uint8Array): LogEntry {
  const decoded = VALUES[kind](value)
  if (decoded === null) return { kind: 'other' }
  const deviceTime = timeOf(time)
  const measurement: Measurement = {
    ...ORDINARY,
    kind: decoded.kind ?? kind,
    quantities: decoded.quantities,
    deviceTime,
    control: decoded.control ?? false,
    flags: [
      ...(deviceTime === null ? [TIME_INVALID] : []),
      ...(decoded.quantities.some(({ comparator }) => comparator !== null) ? ['off-scale'] : []),
      ...decoded.flags,
      ...unexplained('time', ((time[2] ?? 0) & 0xc0) | (((time[3] ?? 0) & 0xe0) << 8)),
      ...(kind === 'glucose' ? [] : [EXPERIMENTAL]),
    ],
    recordKey: `${toHex(time)}:${toHex(kind === 'glucose' ? value.with(3, (value[3] ?? 0) & ~MEAL_BITS) : value)}`,
    raw: Uint8Array.of(...time, ...value),
  }
  return { kind: 'reading', measurement }
}

interface Value {
  kind?: Measurement['kind']
  quantities: Quantity[]
  flags: string[]
  control?: boolean
}

const GLUCOSE = { low: 20, high: 600 } as const
/** Meal and control, in the two top bits of the last byte. A person can change them: they are not in the key. */
const MEAL_BITS = 0xc0
const MEAL = [null, 'before-meal', 'after-meal', null] as const
const CONTROL_SOLUTION = 3
/** What a meter for several substances measured, in the four bits below. */
const SUBSTANCE = { glucose: 0, ketone: 7 } as const

function glucose(data: Uint8Array): Value | null {
  const [, , extra = 0, mark = 0] = data
  const substance = (mark >> 2) & 0x0f
  if (substance !== SUBSTANCE.glucose && substance !== SUBSTANCE.ketone) return null
  const isKetone = substance === SUBSTANCE.ketone
  const meal = MEAL[mark >> 6] ?? null
  return {
    kind: isKetone ? 'ketone' : 'glucose',
    quantities: [isKetone ? measured('ketone', null) : glucoseQuantity(u16(data))],
    control: mark >> 6 === CONTROL_SOLUTION,
    flags: [...(meal === null ? [] : [meal]), ...unexplained('status', extra | ((mark & 0x03) << 8))],
  }
}

function glucoseQuantity(mgdl: number): Quantity {
  if (mgdl < GLUCOSE.low) return offScale('glucose', String(GLUCOSE.low), '<')
  if (mgdl > GLUCOSE.high) return offScale('glucose', String(GLUCOSE.high), '>')
  return measured('glucose', String(mgdl))
}

/** Zero systolic or pulse means that the measurement failed. */
function pressure(data: Uint8Array): Value | null {
  const [, , diastolic = 0, pulse = 0] = data
  const systolic = u16(data)
  if (systolic === 0 || pulse === 0) return null
  if (systolic > 400) throw new DeviceError('PROTOCOL', `pressures ${toHex(data)}`)
  const quantities = [
    measured('systolic', String(systolic)),
    measured('diastolic', String(diastolic)),
    measured('pulse', String(pulse)),
  ]
  return { quantities, flags: [] }
}

/** From here on a value is in hundredths. */
const HUNDREDTHS = 1000

function temperature(data: Uint8Array): Value | null {
  const raw = u16(data)
  if (raw === 0) return null
  const value = raw < HUNDREDTHS ? (raw / 10).toFixed(1) : (raw / 100).toFixed(2)
  const rest = (data[2] ?? 0) | ((data[3] ?? 0) << 8)
  return { quantities: [measured('temperature', value, 'Cel')], flags: unexplained('status', rest) }
}

/** Saturation and pulse; either is 0 while the instrument is not ready. */
function oximetry(data: Uint8Array): Value | null {
  const [spo2 = 0, b = 0, c = 0, pulse = 0] = data
  if (spo2 === 0 || pulse === 0) return null
  if (spo2 > 100) throw new DeviceError('PROTOCOL', `saturation ${spo2}`)
  const quantities = [measured('spo2', String(spo2)), measured('pulse', String(pulse))]
  return { quantities, flags: unexplained('status', b | (c << 8)) }
}

const VALUES: Readonly<Record<TaidocKind, (data: Uint8Array) => Value | null>> = {
  glucose,
  'blood-pressure': pressure,
  temperature,
  spo2: oximetry,
  // A scale answers with a longer packet: `decodeWeight`.
  weight: () => null,
}

/** Lengths of a scale's answer, and where the weight stands. */
const WEIGHT_BYTES = [32, 40] as const
const WEIGHT_AT = 16

/**
 * The last weight of a scale.
 *
 * @param answer - Untrusted.
 * @returns null when it holds none.
 * @throws {@link DeviceError} `PROTOCOL`, `CHECKSUM`.
 */
export function decodeWeight(answer: Uint8Array): Measurement | null {
  const { length } = answer
  if (!(WEIGHT_BYTES as readonly number[]).includes(length) || answer[0] !== 0x51 || answer[length - 2] !== 0xa5) {
    throw new DeviceError('PROTOCOL', `scale's answer ${toHex(answer.subarray(0, 8))} of ${length} bytes`)
  }
  if (answer[length - 1] !== sumOf(answer.subarray(0, length - 1))) throw new DeviceError('CHECKSUM', 'scale')
  const tenths = ((answer[WEIGHT_AT] ?? 0) << 8) | (answer[WEIGHT_AT + 1] ?? 0)
  if (tenths === 0) return null
  return {
    ...ORDINARY,
    kind: 'weight',
    quantities: [measured('weight', (tenths / 10).toFixed(1), 'kg')],
    // When it was weighed stands in bytes that nobody has explained.
    deviceTime: null,
    flags: [TIME_INVALID, EXPERIMENTAL],
    recordKey: toHex(answer),
    raw: answer.slice(),
  }
}

function u16(data: Uint8Array): number {
  return (data[0] ?? 0) | ((data[1] ?? 0) << 8)
}

function unexplained(name: string, bits: number): string[] {
  return bits === 0 ? [] : [`${name}-0x${bits.toString(16).padStart(4, '0')}`]
}
