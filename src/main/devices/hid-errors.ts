/**
 * What the texts of hidapi and of the operating system mean. There are no codes to go by.
 *
 * @remarks
 * Texts were seen with node-hid 3.4 on Linux; those of Windows and macOS are from their manuals and unverified.
 *
 * @packageDocumentation
 */
import { DeviceError, type DeviceErrorCode } from '../../devices/errors.ts'

type Rule = readonly [RegExp, DeviceErrorCode]

const OPEN_RULES: readonly Rule[] = [
  [/being used by another process|sharing violation|exclusive access|e00002c5|resource busy|EBUSY/i, 'BUSY'],
  [/permission denied|access is denied|not permitted|e00002e2|EACCES|EPERM/i, 'PERMISSION'],
]
const EXCHANGE_RULES: readonly Rule[] = [
  // The device is there and does not take the report.
  [/timed out|timeout (?:waiting|expired)/i, 'SILENT'],
  [/broken pipe|protocol error/i, 'PROTOCOL'],
]

/** Texts reach us as Errors and as plain strings. */
function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

function apply(rules: readonly Rule[], otherwise: DeviceErrorCode, cause: unknown): DeviceError {
  const text = textOf(cause)
  const code = rules.find(([pattern]) => pattern.test(text))?.[1] ?? otherwise
  return new DeviceError(code, text, { cause })
}

/** Why a device could not be opened. What is neither forbidden nor taken has gone away since it was listed. */
export function openError(cause: unknown): DeviceError {
  return isMissingLibrary(cause) ? listError(cause) : apply(OPEN_RULES, 'UNPLUGGED', cause)
}

/** Why a report could not be sent or read. */
export function exchangeError(cause: unknown): DeviceError {
  return apply(EXCHANGE_RULES, 'UNPLUGGED', cause)
}

/** Why devices could not be listed: node-hid has no other reason than its own parts. */
export function listError(cause: unknown): DeviceError {
  return new DeviceError('STACK_MISSING', textOf(cause), { cause })
}

function isMissingLibrary(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ERR_DLOPEN_FAILED'
}
