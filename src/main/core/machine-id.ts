/**
 * A mark of this computer, to notice that a data folder was copied from another.
 *
 * @remarks
 * What the operating system calls its machine id is hashed with a name of ours: the id itself is private. Where there is
 * none, nothing is noticed. Proven by `tests/main/core/machine-id.test.ts`.
 *
 * @packageDocumentation
 */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { nodeHasher } from './hasher.ts'

const TIMEOUT_MS = 3000
const REGISTRY_KEY = 'HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography'

/** How the id is asked for; tests replace it. */
export interface MachineIdSources {
  readonly platform: NodeJS.Platform
  readonly read: (file: string) => Promise<string>
  readonly run: (command: string, args: readonly string[]) => Promise<string>
}

const SYSTEM: MachineIdSources = {
  platform: process.platform,
  read: (file) => readFile(file, 'utf8'),
  run: async (command, args) =>
    (await promisify(execFile)(command, [...args], { timeout: TIMEOUT_MS, windowsHide: true })).stdout,
}

/** 32 bytes that stand for this computer, or null. */
export async function machineId(sources: MachineIdSources = SYSTEM): Promise<Uint8Array | null> {
  const id = await systemId(sources).catch(() => null)
  return id === null ? null : nodeHasher.sha256(new TextEncoder().encode(`chartseal/machine/v1\n${id}`))
}

async function systemId({ platform, read, run }: MachineIdSources): Promise<string | null> {
  if (platform === 'linux') return idIn(/^([0-9a-f]{32})\s*$/i, await read('/etc/machine-id'))
  if (platform === 'darwin')
    return idIn(
      /"IOPlatformUUID" = "([0-9A-F-]{36})"/i,
      await run('/usr/sbin/ioreg', ['-rd1', '-c', 'IOPlatformExpertDevice']),
    )
  if (platform !== 'win32') return null
  const reg = `${process.env.SystemRoot ?? 'C:\\Windows'}\\System32\\reg.exe`
  return idIn(/MachineGuid\s+REG_SZ\s+([0-9a-f-]{36})/i, await run(reg, ['query', REGISTRY_KEY, '/v', 'MachineGuid']))
}

function idIn(pattern: RegExp, text: string): string | null {
  return pattern.exec(text)?.[1]?.toLowerCase() ?? null
}
