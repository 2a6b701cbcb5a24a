import { resolve } from 'node:path'
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { defaultDataFolder } from './data-folder.ts'
import type { Surroundings } from './surroundings.ts'
import { UsageError } from './usage-error.ts'

/** What `npm start` was asked for. */
export interface ShellOptions {
  /** Absolute. */
  readonly dataFolder: string
  readonly demo: boolean
  /** Print the address instead of opening a browser. */
  readonly headless: boolean
  /** Captured exchanges to play as if the device were plugged in. */
  readonly replays: { family: string; file: string }[]
  /** Absolute, or null. */
  readonly passphraseFile: string | null
  /** Loopback port of the browser shell; 0 lets the system choose. */
  readonly port: number
}

const OPTIONS = {
  demo: { type: 'boolean' },
  data: { type: 'string' },
  headless: { type: 'boolean' },
  // Decided by scripts/start.mjs before a shell runs; accepted here so that the arguments can be passed on whole.
  shell: { type: 'string' },
  replay: { type: 'string', multiple: true },
  'passphrase-file': { type: 'string' },
  port: { type: 'string' },
} as const satisfies ParseArgsConfig['options']

/**
 * Reads the arguments of `npm start`.
 *
 * @param args - Arguments after the program's name, untrusted.
 * @param around - The machine.
 * @returns The options, paths absolute.
 * @throws {@link UsageError} for anything unknown or malformed, and for a passphrase among the arguments.
 */
export function parseShellOptions(args: readonly string[], around: Surroundings): ShellOptions {
  refusePassphrase(args)
  const values = parse(args)
  const demo = values.demo ?? false
  return {
    dataFolder: resolve(around.cwd, values.data ?? defaultDataFolder(around, demo)),
    demo,
    headless: values.headless ?? false,
    replays: (values.replay ?? []).map((text) => parseReplay(text, around.cwd)),
    passphraseFile: values['passphrase-file'] === undefined ? null : resolve(around.cwd, values['passphrase-file']),
    port: parsePort(values.port ?? '0'),
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: false }).values
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : 'cannot read the arguments', { cause })
  }
}

/** Arguments are visible to every user of the machine, so one that holds a passphrase is refused, never used. */
function refusePassphrase(args: readonly string[]): void {
  if (args.some((arg) => arg === '--passphrase' || arg.startsWith('--passphrase='))) {
    throw new UsageError(
      'a passphrase on the command line can be read by every user of this machine; ' +
        'use --passphrase-file FILE (mode 0600), standard input, or a systemd credential',
    )
  }
}

function parseReplay(text: string, cwd: string): { family: string; file: string } {
  const [family, file] = split(text)
  if (!/^[a-z0-9-]{1,60}$/.test(family) || file === '')
    throw new UsageError(`--replay takes FAMILY=FILE, not "${text}"`)
  return { family, file: resolve(cwd, file) }
}

function split(text: string): [string, string] {
  const at = text.indexOf('=')
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function parsePort(text: string): number {
  const port = /^(?:0|[1-9][0-9]{0,4})$/.test(text) ? Number(text) : -1
  if (port < 0 || port > 65535) throw new UsageError(`--port takes a number from 0 to 65535, not "${text}"`)
  return port
}
