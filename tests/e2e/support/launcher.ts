import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { _electron, chromium, type Browser, type Page } from 'playwright-core'
import { electronBinary } from '../../../scripts/lib/electron.mjs'
import { findBrowser } from '../../../scripts/lib/system.mjs'

/**
 * Starts the built application as a person would, on whichever shells this machine can run. Suites are written once:
 *
 * ```ts
 * describe.each(SHELLS)('$title', ({ name, missing }) => {
 *   it.skipIf(missing)('...', async () => { const app = await launch(name, { demo: true }) ... })
 * })
 * ```
 */
const root = join(import.meta.dirname, '../../..')

/** Quiet, and fit for containers: root has no sandbox, and there may be no graphics. */
const CHROMIUM_FLAGS = [
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** No step of a person takes this long on a busy machine with two cores. */
const STEP_TIMEOUT_MS = 60_000

/** A shell, and why it cannot run here if it cannot. */
export interface Shell {
  readonly name: 'browser' | 'electron'
  readonly missing: boolean
  /** Names the reason for a skip, so that it can be read in the report. */
  readonly title: string
}

/** The shells of this product. */
export const SHELLS: readonly Shell[] = [
  { name: 'browser', missing: false, title: 'browser shell' },
  electronBinary() === null
    ? { name: 'electron', missing: true, title: 'no Electron binary: Electron shell' }
    : { name: 'electron', missing: false, title: 'Electron shell' },
]

export interface LaunchOptions {
  /** An existing folder to go on with; otherwise a fresh one, removed at the end. */
  readonly dataFolder?: string
  readonly demo?: boolean
  readonly replays?: Readonly<Record<string, string>>
  /** Written to standard input of the browser shell. */
  readonly passphrase?: string
  readonly colorScheme?: 'light' | 'dark'
  readonly viewport?: { width: number; height: number }
  /** Another program than the built browser shell. Electron has none. */
  readonly program?: string
}

/** A running application. */
export interface App {
  readonly page: Page
  readonly dataFolder: string
  /** Process that holds the data folder. */
  readonly pid: number
  /** What the page did that it must not: script errors, refused content, requests to elsewhere. */
  readonly problems: readonly string[]
  /** Everything the application printed. */
  output(): string
  /** Asks it to stop as Ctrl-C does; resolves to its exit code. */
  stop(): Promise<number | null>
  /** Ends it without any warning, as a power cut would. */
  kill(): Promise<void>
}

/**
 * Starts the application and waits for its page.
 *
 * @param shell - One of {@link SHELLS} that is not missing.
 */
export async function launch(shell: Shell['name'], options: LaunchOptions = {}): Promise<App> {
  const dataFolder = options.dataFolder ?? mkdtempSync(join(tmpdir(), 'chartseal-e2e-'))
  const app = shell === 'browser' ? await launchBrowser(dataFolder, options) : await launchElectron(dataFolder, options)
  const remove = (): void => {
    if (options.dataFolder === undefined) rmSync(dataFolder, { recursive: true, force: true })
  }
  return {
    ...app,
    stop: async () => {
      const code = await app.stop()
      remove()
      return code
    },
    kill: async () => {
      await app.kill()
      remove()
    },
  }
}

/** What a failed test left running, to be ended so that the next one starts on a quiet machine. */
const leftovers = new Set<() => unknown>()

/** Ends whatever a test did not end itself. For `afterEach`. */
export async function endLeftovers(): Promise<void> {
  for (const end of leftovers) await end()
  leftovers.clear()
}

/** Starts the browser shell's process alone. */
export async function launchHeadless(dataFolder: string, options: LaunchOptions = {}) {
  const program = options.program ?? join(root, 'out', 'main', 'browser.js')
  const args = [program, '--headless', ...applicationArguments(dataFolder, options)]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.end(options.passphrase === undefined ? '' : `${options.passphrase}\n`)
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const ended = endOf(child)
  leftovers.add(() => child.kill('SIGKILL'))
  const url = await waitForAddress(child, () => output)
  return { child, url, ended, output: () => output }
}

async function launchBrowser(dataFolder: string, options: LaunchOptions): Promise<App> {
  const core = await launchHeadless(dataFolder, options)
  const browser = await startChromium()
  const context = await browser.newContext({
    viewport: options.viewport ?? { width: 1280, height: 800 },
    colorScheme: options.colorScheme ?? 'light',
    reducedMotion: 'reduce',
  })
  const page = await context.newPage()
  const problems = watch(page, new URL(core.url).origin)
  await page.goto(core.url)
  await page.waitForURL((url) => !url.pathname.startsWith('/launch/'))
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    await browser.close()
    core.child.kill(signal)
    return core.ended
  }
  return {
    page,
    dataFolder,
    pid: core.child.pid!,
    problems,
    output: core.output,
    stop: () => end('SIGINT'),
    kill: async () => {
      await end('SIGKILL')
    },
  }
}

async function launchElectron(dataFolder: string, options: LaunchOptions): Promise<App> {
  const rootFlags = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const app = await _electron.launch({
    executablePath: electronBinary() ?? '',
    args: [...rootFlags, root, ...applicationArguments(dataFolder, options)],
    colorScheme: options.colorScheme ?? 'light',
  })
  let output = ''
  const child = app.process()
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text))
  const ended = endOf(child)
  leftovers.add(() => child.kill('SIGKILL'))
  const page = await app.firstWindow()
  const problems = watch(page, 'app://chartseal')
  return {
    page,
    dataFolder,
    pid: child.pid!,
    problems,
    output: () => output,
    stop: async () => {
      await app.close()
      return ended
    },
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

function applicationArguments(dataFolder: string, { demo, replays = {} }: LaunchOptions): string[] {
  const replayArguments = Object.entries(replays).flatMap(([family, file]) => ['--replay', `${family}=${file}`])
  return ['--data', dataFolder, ...(demo === true ? ['--demo'] : []), ...replayArguments]
}

/** A browser of its own for one test. */
export async function startChromium(): Promise<Browser> {
  const executablePath = findBrowser()
  if (executablePath === null || !existsSync(executablePath)) throw new Error('npm test installs a browser or says how')
  const browser = await chromium.launch({ executablePath, args: CHROMIUM_FLAGS })
  leftovers.add(() => browser.close())
  return browser
}

function watch(page: Page, origin: string): string[] {
  page.setDefaultTimeout(STEP_TIMEOUT_MS)
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(`script error: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(`console: ${message.text()}`)
  })
  const look = (url: string): void => {
    if (!url.startsWith(origin) && !url.startsWith('data:')) problems.push(`request: ${url}`)
  }
  page.on('request', (request) => look(request.url()))
  page.on('websocket', (socket) => look(socket.url().replace(/^ws:/, 'http:')))
  return problems
}

function endOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('close', (code) => resolve(code)))
}

async function waitForAddress(child: ChildProcess, output: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const address = /^http:\/\/127\.0\.0\.1:\d+\/launch\/\S+$/m.exec(output())?.[0]
      if (address !== undefined) resolve(address)
    }
    child.stdout?.on('data', look)
    child.once('close', (code) =>
      reject(new Error(`the shell ended with ${code} before it served a window:\n${output()}`)),
    )
  })
}
