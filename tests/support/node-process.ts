/** Headless nodes in processes of their own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { cleanUp } from '../faults/support/clinic.ts'

const MAIN = new URL('../../src/main/cli/main.ts', import.meta.url).pathname
export const PASSPHRASE = 'correct horse battery staple'

/** `chartseal node` with these arguments, and what it says. */
export function startNode(args: readonly string[]) {
  const child: ChildProcess = spawn(process.execPath, [MAIN, 'node', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { out: '', err: '' }
  child.stdout?.on('data', (chunk) => (said.out += String(chunk)))
  child.stderr?.on('data', (chunk) => (said.err += String(chunk)))
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve))
  cleanUp(async () => {
    child.kill('SIGKILL')
    await exit
  })
  return { child, said, exit }
}

/** What the health endpoint says; null when nobody answers. */
export async function healthAt(port: number): Promise<{ status: number; body: Record<string, unknown> } | null> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/health`)
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  } catch {
    return null
  }
}
