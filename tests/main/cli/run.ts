import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../../..')
const MAIN = join(root, 'src/main/cli/main.ts')

/** The command line from its sources: Node strips the types itself. */
export function chartseal(args: readonly string[], input = '', nodeOptions: readonly string[] = []) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...nodeOptions, MAIN, ...args], {
    encoding: 'utf8',
    input,
    maxBuffer: 64 << 20,
  })
  return { status, stdout, stderr }
}

/** The same without holding up this process, which may be the one that has the database open. */
export async function chartsealBeside(args: readonly string[]) {
  const child = spawn(process.execPath, [MAIN, ...args])
  const [stdout, stderr] = await Promise.all([textOf(child.stdout), textOf(child.stderr)])
  return { status: child.exitCode ?? (await new Promise((resolve) => child.once('close', resolve))), stdout, stderr }
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const part of stream) text += String(part)
  return text
}

/** The lines of a `--json` run, read; the last is the result. */
export function jsonLines(stdout: string): Record<string, unknown>[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

/** Options for a Node in which the core, native modules and sockets cannot be loaded. */
export const WITHOUT_CORE = [
  '--import',
  `data:text/javascript,${encodeURIComponent(`
    import { registerHooks } from 'node:module'
    registerHooks({
      resolve(name, context, next) {
        const { url, ...rest } = next(name, context)
        if (/better-sqlite3|node-hid|main.core|main.store|main.devices/.test(url)) throw new Error('loads ' + url)
        if (/^node:(net|http|https|http2|tls|dgram|dns)$/.test(url) && !context.parentURL?.startsWith('node:')) throw new Error('loads ' + url)
        return { url, ...rest }
      },
    })`)}`,
]
