/**
 * `chartseal decode`: what a device said in a capture, as FHIR Observations. Loads no native module.
 *
 * @remarks
 * Proven by `tests/main/cli/decode.test.ts`.
 *
 * @packageDocumentation
 */
import { encodeDeviceObservations, type DeviceStatement } from '../../clinical/device-observation.ts'
import { instantText } from '../../clinical/instant.ts'
import { decodeCapture, type Decoded } from '../../devices/decode-capture.ts'
import { DRIVER_TABLE, rowOfFamily, type DriverRow } from '../../devices/driver-table.ts'
import type { LiveSample, RecordedSeries } from '../../devices/driver.ts'
import { DeviceError } from '../../devices/errors.ts'
import { measured } from '../../devices/measurement.ts'
import { UsageError } from '../shell/usage-error.ts'
import { EXIT, plain, printLine, readArguments, readText, Unreadable, type ExitCode } from './command.ts'

const USAGE = 'usage: chartseal decode FAMILY FILE|-'
/** Eight hours of an oximeter, as text. */
const MAX_BYTES = 160 * 1024 * 1024

/** Runs the command. */
export async function decode(args: readonly string[]): Promise<ExitCode> {
  const { positionals } = readArguments(args, {}, 2, USAGE)
  const [family = '', file = ''] = positionals
  const row = rowOfFamily(family)
  if (row === null) {
    const families = DRIVER_TABLE.map((one) => one.family).join(', ')
    throw new UsageError(`no family "${plain(family)}"; there are ${families}\n${USAGE}`)
  }
  try {
    const decoded = await decodeCapture(family, readText(file, MAX_BYTES))
    for (const line of linesOf(decoded, row)) printLine(line)
    return EXIT.valid
  } catch (error) {
    if (!(error instanceof DeviceError) && !isNoText(error)) throw error
    const reason =
      error instanceof DeviceError ? `${error.code} at ${error.message}` : 'CAPTURE at start: not UTF-8 text'
    process.stderr.write(`chartseal: ${plain(reason)}\n`)
    return EXIT.invalid
  }
}

/** A file that is there and holds something else than text is no capture. */
function isNoText(error: unknown): boolean {
  return error instanceof Unreadable && error.cause instanceof TypeError
}

function* linesOf(decoded: readonly Decoded[], row: DriverRow): Generator<string> {
  let second = 0
  for (const one of decoded) {
    if (one.kind === 'series') yield* linesOfSeries(one.series, row)
    else {
      const said = one.kind === 'live' ? ofSecond(one.sample, second++) : ofMeasurement(one)
      yield* encodeDeviceObservations({ ...NOTHING, device: deviceOf(row), ...said })
    }
  }
}

const NOTHING: Omit<DeviceStatement, 'quantities' | 'device'> = {
  effective: null,
  deviceTime: null,
  second: null,
  window: null,
  flags: [],
  control: false,
  recordKey: null,
  raw: null,
}

const deviceOf = ({ family, name }: DriverRow): DeviceStatement['device'] => ({ family, name })

function ofMeasurement({ measurement }: Decoded & { kind: 'measurement' }): Partial<DeviceStatement> & {
  quantities: DeviceStatement['quantities']
} {
  const { quantities, deviceTime, window = null, flags, control, recordKey, raw } = measurement
  return { quantities, effective: localInstant(deviceTime, 0), deviceTime, window, flags, control, recordKey, raw }
}

function ofSecond({ spo2, pulse, raw }: LiveSample, second: number) {
  const quantities = [measured('spo2', textOf(spo2)), measured('pulse', textOf(pulse))]
  return { quantities, second, raw: raw.slice(-8) }
}

/** One Observation for each second: the bytes of the whole stretch are not repeated with each. */
function* linesOfSeries({ quantity, start, values }: RecordedSeries, row: DriverRow): Generator<string> {
  for (const [second, value] of values.entries()) {
    const time = { effective: localInstant(start, second), second: start === null ? second : null }
    const quantities = [measured(quantity, textOf(value))]
    yield* encodeDeviceObservations({ ...NOTHING, ...time, quantities, device: deviceOf(row) })
  }
}

const textOf = (value: number | null): string | null => (value === null ? null : String(value))

/** The device's local time as an instant: where this computer stands, as nobody knows where the device was. */
function localInstant(deviceTime: string | null, second: number): string | null {
  if (deviceTime === null) return null
  const ms = new Date(deviceTime).getTime() + second * 1000
  return instantText(ms, -new Date(ms).getTimezoneOffset())
}
