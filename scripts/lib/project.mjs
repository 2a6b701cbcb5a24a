// Where things are, and how the scripts start other programs. Plain JavaScript for Node 20: it runs before anything is installed.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'

/** The checkout. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

/** A path inside the checkout. */
export const inProject = (...parts) => join(root, ...parts)

/** One line for people. Standard output belongs to results. */
export const say = (line) => process.stderr.write(`chartseal: ${line}\n`)

/** A failure whose message is all there is to say. */
export class ScriptError extends Error {}

/** Runs a script's main function; a ScriptError becomes one line, anything else its stack. */
export async function runMain(main) {
  try {
    process.exitCode = await main()
  } catch (error) {
    say(error instanceof ScriptError ? error.message : error.stack)
    process.exitCode = 1
  }
}

/** The pinned Node for this machine; the running one where no package carries one and it is new enough. */
export function pinnedNode() {
  const name = process.platform === 'win32' ? 'node.exe' : 'node'
  const platform = process.platform === 'win32' ? 'win' : process.platform
  for (const prefix of ['node', 'node-bin']) {
    const file = inProject('node_modules', `${prefix}-${platform}-${process.arch}`, 'bin', name)
    if (existsSync(file)) return file
  }
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
  throw new ScriptError(
    `no Node 24 package exists for ${process.platform}-${process.arch}; start with Node 24 or newer (this is ${process.version})`,
  )
}

/** Environment in which `node` is the pinned one. */
export function pinnedEnvironment(extra = {}) {
  const separator = process.platform === 'win32' ? ';' : ':'
  const bin = inProject('node_modules', '.bin')
  return { ...process.env, ...extra, PATH: `${bin}${separator}${process.env.PATH ?? ''}` }
}

/**
 * The environment of a shell, whose process is that of the core in the browser shell.
 *
 * Every open HID device keeps one thread of libuv's pool in a blocking read. With the usual four, a fifth device would wait
 * for one of them to say something, and so would every file. It has to be set before the process starts.
 */
export function shellEnvironment() {
  return pinnedEnvironment({ UV_THREADPOOL_SIZE: process.env.UV_THREADPOOL_SIZE ?? '16' })
}

/** Path of a package's program, to be run with the pinned Node: the same on every system, without shell scripts. */
export const tool = (...parts) => inProject('node_modules', ...parts)

/**
 * Runs a program to its end.
 *
 * @returns {Promise<{code: number, output: string}>} its exit code and, where `quiet`, what it printed.
 */
export function run(program, args, { quiet = false, env = process.env, timeoutMs = 0, cwd = root } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env,
      stdio: ['ignore', quiet ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit'],
    })
    const chunks = []
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => chunks.push(chunk))
    const timer = timeoutMs > 0 ? setTimeout(() => child.kill('SIGKILL'), timeoutMs) : undefined
    child.once('error', reject)
    child.once('close', (code) => {
      clearTimeout(timer)
      resolve({ code: code ?? 1, output: stripVTControlCharacters(Buffer.concat(chunks).toString('utf8')) })
    })
  })
}
