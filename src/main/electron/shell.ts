import { join } from 'node:path'
import { app, dialog, shell as desktop, type BrowserWindow, type Tray } from 'electron'
import { loadAssets } from '../shell/assets.ts'
import { prepareDataFolder } from '../shell/data-folder.ts'
import { announceInstance, callInstance } from '../shell/instance.ts'
import type { ShellOptions } from '../shell/options.ts'
import { storedPassphrase } from '../shell/passphrase.ts'
import { startFailure } from '../shell/say.ts'
import { CoreHost } from './core-host.ts'
import { askToRestart } from './crash-dialog.ts'
import { setApplicationMenu, showTray, type MenuActions } from './menu.ts'
import { denyNavigationEverywhere } from './navigation.ts'
import { nodeSecret } from './node-secret.ts'
import { denyPermissions } from './permissions.ts'
import { handOver, handOverPorts } from './port-hand-over.ts'
import { lockWithWorkstation } from './power.ts'
import { registerAppScheme, serveAppScheme } from './scheme.ts'
import { bringToFront, openMainWindow, windowSession } from './window.ts'

/** What the Electron shell needs besides its options. */
export interface ElectronShellParts {
  /** Absolute path of `out`. */
  readonly outFolder: string
  /** Absolute path of the folder with `chartseal-256.png` and `chartseal-32.png`. */
  readonly iconFolder: string
  readonly say: (line: string) => void
  /** `$CREDENTIALS_DIRECTORY`. */
  readonly credentials: string | undefined
}

/**
 * Runs Chartseal in Electron until it is quit, or points at the one that already runs on this data folder.
 *
 * @remarks
 * Everything up to the first `await` happens before Electron is ready, as the scheme and the data path must.
 *
 * @param options - What was asked for.
 * @param parts - The rest of the world.
 */
export async function runElectronShell(options: ShellOptions, parts: ElectronShellParts): Promise<void> {
  prepareDataFolder(options.dataFolder)
  // Electron's own files and its single-instance lock belong to the data folder, so that two clinics can run at once.
  app.setPath('userData', join(options.dataFolder, 'electron'))
  if (!app.requestSingleInstanceLock()) {
    parts.say(`already running on ${options.dataFolder}; told it to come to the front`)
    app.quit()
    return
  }
  registerAppScheme()
  denyNavigationEverywhere()
  const passphrase = storedPassphrase(options.passphraseFile, parts.credentials)
  await app.whenReady()
  if (await handedOver(options, parts)) {
    app.quit()
    return
  }
  await new ElectronShell(options, parts).start(passphrase)
}

/** Another shell may hold the folder: it knows nothing of Electron's lock. */
async function handedOver(options: ShellOptions, parts: ElectronShellParts): Promise<boolean> {
  const call = await callInstance(options.dataFolder)
  if (call.kind === 'none') return false
  if (call.kind === 'silent') {
    parts.say(`already running on ${options.dataFolder} (process ${call.pid}), but it does not answer`)
    return true
  }
  parts.say(`already running on ${options.dataFolder} (process ${call.pid}); told it to come to the front`)
  const { windows, url } = call.reply
  if (windows === 0 && url !== null) await desktop.openExternal(url)
  return true
}

class ElectronShell {
  readonly #options: ShellOptions
  readonly #parts: ElectronShellParts
  readonly #actions: MenuActions
  #window: BrowserWindow | null = null
  #core: CoreHost | null = null
  #tray: Tray | null = null
  #silence: (() => Promise<void>) | null = null
  #leaving = false

  constructor(options: ShellOptions, parts: ElectronShellParts) {
    this.#options = options
    this.#parts = parts
    this.#actions = { open: () => this.#open(), lock: () => this.#core?.lockSession(), quit: () => app.quit() }
  }

  async start(passphrase: string | null): Promise<void> {
    this.#listen()
    const core = await this.#startCore()
    if (passphrase !== null) core.unlock(passphrase)
    const session = windowSession()
    denyPermissions(session)
    serveAppScheme(session, loadAssets(join(this.#parts.outFolder, 'renderer')))
    handOverPorts(core)
    lockWithWorkstation(this.#actions.lock)
    setApplicationMenu(this.#actions)
    this.#tray = showTray(join(this.#parts.iconFolder, 'chartseal-32.png'), this.#actions)
    this.#silence = await announceInstance(this.#options.dataFolder, () => {
      this.#open()
      core.focus()
      return { windows: 1, url: null }
    })
    this.#open()
  }

  async #startCore(): Promise<CoreHost> {
    const { dataFolder, demo, replays } = this.#options
    const secret = await nodeSecret(dataFolder, this.#parts.say)
    this.#core = new CoreHost(
      this.#parts.outFolder,
      { dataFolder, demo, shell: 'electron', nodeSecret: secret, replays, virtualDevices: demo },
      {
        log: this.#parts.say,
        failed: (code) => this.#giveUp(code),
        crashed: (exitCode) => void this.#recover(exitCode),
      },
    )
    this.#core.start()
    return this.#core
  }

  #listen(): void {
    app.on('second-instance', () => {
      this.#open()
      this.#core?.focus()
    })
    app.on('activate', () => this.#open())
    app.on('window-all-closed', () => {
      // On a Mac an application without windows goes on; its session must not.
      if (process.platform === 'darwin') this.#core?.lockSession()
      else app.quit()
    })
    app.on('before-quit', (event) => {
      // Held up until the core has shut down; app.exit then ends the process without asking again.
      event.preventDefault()
      void this.#leave(0)
    })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, this.#actions.quit)
  }

  #open(): void {
    if (this.#window === null || this.#window.isDestroyed()) {
      this.#window = openMainWindow(this.#parts.outFolder, join(this.#parts.iconFolder, 'chartseal-256.png'))
    } else {
      bringToFront(this.#window)
    }
  }

  async #recover(exitCode: number): Promise<void> {
    if (this.#leaving) return
    if (!(await askToRestart(exitCode))) {
      app.quit()
      return
    }
    this.#core?.start()
    if (this.#core !== null && this.#window?.isDestroyed() === false) handOver(this.#window.webContents, this.#core)
  }

  /** The core cannot serve any window, so a dialog of the system has to say why. */
  #giveUp(code: string): void {
    const { message } = startFailure(
      Object.assign(new Error(`the core did not start (${code})`), { code }),
      this.#options.dataFolder,
    )
    this.#parts.say(message)
    dialog.showErrorBox('Chartseal cannot start', message)
    void this.#leave(1)
  }

  async #leave(exitCode: number): Promise<void> {
    if (this.#leaving) return
    this.#leaving = true
    try {
      await this.#silence?.()
      await this.#core?.close()
    } finally {
      this.#tray?.destroy()
      app.exit(exitCode)
    }
  }
}
