import { closeSync, openSync, readSync } from 'node:fs'
import { resolve } from 'node:path'
import process from 'node:process'
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { surroundings } from '../shell/surroundings.ts'
import { UsageError } from '../shell/usage-error.ts'

/** What every check can come to. Stable: scripts of auditors rely on it (`docs/guides/auditors.md`). */
export const EXIT = {
  /** Everything that was checked holds. */
  valid: 0,
  /** Something does not hold, or nothing that the reader trusts vouches for it. */
  invalid: 1,
  /** Nothing could be checked: wrong arguments, or what was given cannot be read. */
  unreadable: 2,
} as const

/** One of {@link EXIT}. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** A command writes its results to standard output and replies with the exit code. */
export type Command = (args: readonly string[]) => ExitCode | Promise<ExitCode>

/** Between two looks at a pipe. */
const WAIT_MS = 10

/** What was given cannot be read. */
export class Unreadable extends Error {}

/** Prints one line of results. */
export function printLine(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Prints one JSON object on a line of its own. */
export function printJson(value: Readonly<Record<string, unknown>>): void {
  printLine(JSON.stringify(value))
}

/**
 * Text that is safe on a terminal: names in files of others may hold anything.
 *
 * @param text - Untrusted.
 */
export function plain(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
}

/**
 * Reads arguments.
 *
 * @param positionals - How many there must be.
 * @throws {@link UsageError}.
 */
export function readArguments<Options extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: Options,
  positionals: number,
  usage: string,
) {
  try {
    const parsed = parseArgs({ args: [...args], options, strict: true, allowPositionals: true })
    if (parsed.positionals.length === positionals) return parsed
  } catch (cause) {
    throw new UsageError(`${cause instanceof Error ? cause.message : 'arguments'}\n${usage}`, { cause })
  }
  throw new UsageError(usage)
}

/** A path as its writer meant it: npm changes the folder before a script runs. */
export function pathOf(path: string): string {
  return resolve(surroundings().cwd, path)
}

/**
 * Text of a file or, for `-`, of standard input.
 *
 * @param limit - Longest text, in bytes.
 * @throws {@link Unreadable}.
 */
export function readText(path: string, limit: number): string {
  try {
    const bytes = readBytes(path === '-' ? 0 : pathOf(path), limit)
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new Unreadable(`cannot read ${path}: ${cause instanceof Error ? cause.message : 'unknown'}`, { cause })
  }
}

function readBytes(source: string | 0, limit: number): Uint8Array {
  const file = source === 0 ? 0 : openSync(source, 'r')
  try {
    const bytes = new Uint8Array(limit + 1)
    let length = 0
    for (let read = -1; read !== 0 && length < bytes.length; length += read) {
      read = readSome(file, bytes, length)
    }
    if (length > limit) throw new Error(`longer than ${limit} bytes`)
    return bytes.subarray(0, length)
  } finally {
    if (file !== 0) closeSync(file)
  }
}

/** Bytes read, 0 at the end. A pipe that another program still writes to may have nothing yet. */
function readSome(file: number, into: Uint8Array, at: number): number {
  for (;;) {
    try {
      return readSync(file, into, at, into.length - at, null)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS)
    }
  }
}
