import type { ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import { RPCHandler } from '@orpc/server/ws'
import type { Core, CoreOptions } from '../core/index.ts'
import { loadAssets } from '../shell/assets.ts'
import { prepareDataFolder } from '../shell/data-folder.ts'
import { announceInstance, callInstance } from '../shell/instance.ts'
import type { ShellOptions } from '../shell/options.ts'
import { passphraseFromInput, storedPassphrase } from '../shell/passphrase.ts'
import { startFailure } from '../shell/say.ts'
import { serveApi, type ApiSocket } from './api-socket.ts'
import { serveWindow, type WindowServer } from './http-server.ts'
import { openWindow } from './open-window.ts'
import { Tickets } from './tickets.ts'

/** What the browser shell needs besides its options. */
export interface BrowserShellParts {
  readonly startCore: (options: CoreOptions) => Promise<Core>
  /** Absolute path of the built window. */
  readonly windowFolder: string
  /** For people, on standard error. */
  readonly say: (line: string) => void
  /** For addresses, on standard output. */
  readonly print: (line: string) => void
  /** Standard input, from which a headless start takes its passphrase; null when it is not to be read. */
  readonly input: (Readable & { isTTY?: boolean }) | null
  /** `$CREDENTIALS_DIRECTORY`. */
  readonly credentials: string | undefined
}

/** A running browser shell. */
export interface BrowserShell {
  /** Settles when the person closes the application window; never while other windows are connected. */
  readonly windowClosed: Promise<void>
  close(): Promise<void>
}

/**
 * Starts the core and serves its window on loopback, or hands over to the Chartseal that already runs on the data
 * folder.
 *
 * @param options - What was asked for.
 * @param parts - The rest of the world.
 * @returns The running shell, or null when another one runs and was told.
 * @throws UsageError and Error with a sentence for the person.
 */
export async function runBrowserShell(options: ShellOptions, parts: BrowserShellParts): Promise<BrowserShell | null> {
  prepareDataFolder(options.dataFolder)
  if (await handedOver(options, parts)) return null
  // Read before anything is opened: a passphrase file that is open to others must stop the start.
  const passphrase = storedPassphrase(options.passphraseFile, parts.credentials)
  const core = await startOwnCore(options, parts)
  try {
    const served = await serve(options, parts, core)
    await unlockWith(core, passphrase, parts)
    if (passphrase === null && options.headless) void unlockFromInput(core, parts)
    const browser = await show(served.launchUrl(), options, parts)
    return {
      windowClosed: browser === null ? new Promise(() => undefined) : closingOf(browser, served.api),
      close: async () => {
        browser?.kill()
        await served.close()
      },
    }
  } catch (error) {
    await core.close()
    throw error
  }
}

async function startOwnCore(options: ShellOptions, parts: BrowserShellParts): Promise<Core> {
  const { dataFolder, demo, headless, replays } = options
  try {
    return await parts.startCore({
      dataFolder,
      demo,
      shell: headless ? 'headless' : 'browser',
      nodeSecret: null,
      replays,
      virtualDevices: demo,
      log: parts.say,
    })
  } catch (error) {
    throw startFailure(error, dataFolder)
  }
}

/** A browser that only passed the address on to one that was open already ends before any window connected. */
function closingOf(browser: ChildProcess, api: ApiSocket): Promise<void> {
  return new Promise((resolve) => {
    browser.once('exit', () => {
      if (api.wasUsed() && api.windows() === 0) resolve()
    })
  })
}

async function serve(options: ShellOptions, parts: BrowserShellParts, core: Core) {
  const tickets = new Tickets()
  const http = await serveOn(options.port, loadAssets(parts.windowFolder), tickets)
  const handler = new RPCHandler(core.router)
  const api = serveApi(http, (socket) => void handler.upgrade(socket, { context: {} }))
  const launchUrl = (): string => `${http.address.origin}/launch/${tickets.issue()}`
  const silence = await announceInstance(options.dataFolder, () => {
    core.focus()
    return { windows: api.windows(), url: launchUrl() }
  })
  return {
    api,
    launchUrl,
    close: async () => {
      await silence()
      api.close()
      await http.close()
      await core.close()
    },
  }
}

async function serveOn(
  port: number,
  ...[assets, tickets]: [ReturnType<typeof loadAssets>, Tickets]
): Promise<WindowServer> {
  try {
    return await serveWindow(assets, tickets, port)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : null
    if (code === 'EADDRINUSE')
      throw new Error(`port ${port} is in use; choose another with --port, or leave it out`, { cause })
    if (code === 'EACCES') throw new Error(`port ${port} is not ours to use; choose one above 1023`, { cause })
    throw cause
  }
}

/** A second start only points at the first. */
async function handedOver(options: ShellOptions, parts: BrowserShellParts): Promise<boolean> {
  const call = await callInstance(options.dataFolder)
  if (call.kind === 'none') return false
  if (call.kind === 'silent') {
    throw new Error(
      `Chartseal (process ${call.pid}) already runs on ${options.dataFolder} but does not answer; end that process, then start again`,
    )
  }
  parts.say(`already running on ${options.dataFolder} (process ${call.pid}); told it to come to the front`)
  const { windows, url } = call.reply
  if (url !== null && (options.headless || windows === 0)) await show(url, options, parts)
  return true
}

/** Opens the address, or prints it where that is wanted or all that can be done. Returns a browser of our own. */
async function show(url: string, options: ShellOptions, parts: BrowserShellParts): Promise<ChildProcess | null> {
  const opened = options.headless ? null : await openWindow(url, options.dataFolder)
  if (opened !== null) {
    parts.say(`opened in ${opened.how}`)
    return opened.own
  }
  if (!options.headless) parts.say('no browser could be opened here; open this address, which works once:')
  parts.print(url)
  return null
}

async function unlockWith(core: Core, passphrase: string | null, parts: BrowserShellParts): Promise<void> {
  if (passphrase === null) return
  const result = await core.unlock(passphrase)
  if (!result.ok) parts.say(`the start passphrase was not accepted (${result.code}); it can be entered in the window`)
}

async function unlockFromInput(core: Core, parts: BrowserShellParts): Promise<void> {
  if (parts.input === null) return
  try {
    await unlockWith(core, await passphraseFromInput(parts.input), parts)
  } catch (error) {
    parts.say(error instanceof Error ? error.message : 'standard input cannot be read')
  } finally {
    // An open standard input must not keep the process alive, nor a closed one end it.
    parts.input.destroy()
  }
}
