/** Faults of the operating system, injected into a child process by strace. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Calls that change files. */
export const CALLS = ['pwrite64', 'write', 'fdatasync', 'fsync', 'ftruncate', 'rename'] as const

/** What happens instead of, or at, a call. */
export interface Fault {
  readonly call: (typeof CALLS)[number]
  /** 1 or more. */
  readonly when: number
  readonly effect: 'signal=KILL' | 'error=EIO' | 'error=ENOSPC'
}

/** What a child did. */
export interface Traced {
  readonly said: string
  readonly signal: string | null
  readonly code: number | null
  /** How often each call was made on the files. */
  readonly calls: ReadonlyMap<string, number>
  readonly injected: boolean
}

/** True where strace is installed and may trace: tried, because containers often forbid it. */
export function canTrace(): boolean {
  if (process.platform !== 'linux') return false
  const { status } = spawnSync(
    'strace',
    ['-qq', '-e', 'trace=write', '-e', 'inject=write:error=EIO:when=9999', 'true'],
    {
      stdio: 'ignore',
    },
  )
  return status === 0
}

/**
 * Runs a program of Node under strace.
 *
 * @param files - Only calls on these are traced, counted and made to fail.
 * @param fault - Null to count calls only.
 */
export async function traced(args: readonly string[], files: readonly string[], fault: Fault | null): Promise<Traced> {
  const folder = mkdtempSync(join(tmpdir(), 'chartseal-strace-'))
  try {
    const log = join(folder, 'log')
    const inject = fault === null ? [] : ['-e', `inject=${fault.call}:${fault.effect}:when=${fault.when}`]
    const paths = files.flatMap((file) => ['-P', file])
    const options = ['-f', '-qq', '-o', log, '-e', `trace=${CALLS.join(',')}`, ...inject, ...paths]
    const child = spawn('strace', [...options, process.execPath, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
    return { said, code, signal, ...readLog(readFileSync(log, 'utf8')) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function readLog(log: string): Pick<Traced, 'calls' | 'injected'> {
  const calls = new Map<string, number>()
  for (const line of log.split('\n')) {
    const [, call] = /^\d+ +([a-z0-9]+)\(/.exec(line) ?? []
    if (call !== undefined) calls.set(call, (calls.get(call) ?? 0) + 1)
  }
  return { calls, injected: log.includes('INJECTED') || log.includes('killed by SIGKILL') }
}
