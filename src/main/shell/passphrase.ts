import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { UsageError } from './usage-error.ts'

const MAX_BYTES = 1024
const CREDENTIAL = 'chartseal-passphrase'

/**
 * The start passphrase, if it was left for us: a file of ours that nobody else can read, else a systemd credential.
 *
 * @param file - Absolute path from `--passphrase-file`, or null.
 * @param credentials - `$CREDENTIALS_DIRECTORY`, which systemd makes readable for the service alone; or undefined.
 * @returns The passphrase without its line end, or null when there is none.
 * @throws {@link UsageError} when the file is missing, open to others, empty, or larger than 1 KiB.
 */
export function storedPassphrase(file: string | null, credentials: string | undefined): string | null {
  if (file !== null) return readSecret(file, refuseOpenToOthers)
  if (credentials === undefined || credentials === '') return null
  try {
    return readSecret(join(credentials, CREDENTIAL), () => undefined)
  } catch (error) {
    if (error instanceof UsageError && isMissing(error.cause)) return null
    throw error
  }
}

/**
 * The first line of standard input. Waits as long as the other side keeps it open, so callers must not wait for it
 * before they serve windows.
 *
 * @param input - Standard input. Not used when it is a terminal: a passphrase is typed in the window, not echoed here.
 * @returns The line, or null when the input ends without one.
 * @throws {@link UsageError} when the line is longer than 1 KiB.
 */
export async function passphraseFromInput(input: Readable & { isTTY?: boolean }): Promise<string | null> {
  if (input.isTTY === true) return null
  let text = ''
  for await (const chunk of input.setEncoding('utf8')) {
    text += String(chunk)
    if (Buffer.byteLength(text) > MAX_BYTES) throw new UsageError('the passphrase on standard input is too long')
    if (text.includes('\n')) break
  }
  return firstLine(text)
}

function readSecret(file: string, check: (stat: Stats, file: string) => void): string {
  const handle = open(file)
  try {
    // The checks and the reading use one handle, so that the file cannot be swapped in between.
    const stat = fstatSync(handle)
    if (!stat.isFile() || stat.size > MAX_BYTES) throw new UsageError(`${file} is not a passphrase file`)
    check(stat, file)
    const secret = firstLine(readFileSync(handle, 'utf8'))
    if (secret === null) throw new UsageError(`${file} is empty`)
    return secret
  } finally {
    closeSync(handle)
  }
}

function open(file: string): number {
  try {
    return openSync(file, constants.O_RDONLY)
  } catch (cause) {
    throw new UsageError(`cannot read the passphrase file ${file}`, { cause })
  }
}

function refuseOpenToOthers(stat: Stats, file: string): void {
  // Windows has no such mode; there the folder's access list protects the file.
  if (process.platform === 'win32') return
  if ((stat.mode & 0o077) !== 0) throw new UsageError(`${file} can be read by other users; run: chmod 600 ${file}`)
  const uid = process.getuid?.()
  if (stat.uid !== uid && uid !== 0) throw new UsageError(`${file} belongs to another user`)
}

function firstLine(text: string): string | null {
  const line = text.split(/\r?\n/, 1)[0] ?? ''
  return line === '' ? null : line
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
}
