/**
 * What can go wrong between us and a device, as one closed list.
 *
 * @remarks
 * Drivers, replays and the hub throw nothing else for what comes from outside. Proven by
 * `tests/devices/errors.test.ts` (every code has its API code) and the "any bytes" tests of each driver.
 *
 * @packageDocumentation
 */
import type { ApiCode } from '../shared/api/codes.ts'
import { CodedError } from '../shared/errors.ts'

/** Each code, and the code under which it crosses the API. */
const API_CODE_OF = {
  NOT_CONNECTED: 'DEVICE_NOT_CONNECTED', // no such connection
  BUSY: 'DEVICE_BUSY', // another program, or another exchange of ours, holds it
  PERMISSION: 'DEVICE_PERMISSION', // the operating system refuses to open it
  SILENT: 'DEVICE_SILENT', // opened, and nothing answers
  UNPLUGGED: 'DEVICE_UNPLUGGED', // went away while open
  PROTOCOL: 'DEVICE_PROTOCOL', // answered with bytes that are not its protocol
  CHECKSUM: 'DEVICE_CHECKSUM', // a frame failed its checksum
  WRONG_MODEL: 'DEVICE_WRONG_MODEL', // the ids fit, the device behind them does not
  NO_FINGER: 'DEVICE_NO_FINGER', // oximeter: no finger
  NOT_SETTLED: 'DEVICE_NOT_SETTLED', // oximeter: no stable window yet
  STACK_MISSING: 'DEVICE_STACK_MISSING', // libusb or libudev is not installed
  CANCELLED: 'CANCELLED', // the caller gave up
  CAPTURE: 'INVALID_REQUEST', // a capture file that is none, or an exchange that is not the recorded one
} as const satisfies Record<string, ApiCode>

/** Codes of {@link DeviceError}. */
export type DeviceErrorCode = keyof typeof API_CODE_OF

/** All codes, for tests and tables. */
export const DEVICE_ERROR_CODES = Object.keys(API_CODE_OF) as DeviceErrorCode[]

/** An expected failure of a device, its bytes, or the way to it. */
export class DeviceError extends CodedError<DeviceErrorCode> {}

/** The API code of a {@link DeviceError}'s code. */
export function apiCodeOf(code: DeviceErrorCode): ApiCode {
  return API_CODE_OF[code]
}
