import { EventEmitter } from 'node:events'

/**
 * As much of Electron's API as the shell uses, recording what it was told. Used through `vi.mock('electron')`, so the
 * shell's real modules run against it. Each test takes a fresh one from {@link createElectron}.
 */

/** An event as Electron's handlers see it. */
export class StandInEvent {
  defaultPrevented = false
  preventDefault(): void {
    this.defaultPrevented = true
  }
}

export class StandInPort {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

export class StandInContents extends EventEmitter {
  readonly posted: { channel: string; ports: unknown[] }[] = []
  windowOpenHandler: ((details: { url: string }) => { action: string }) | null = null
  url = ''

  setWindowOpenHandler(handler: (details: { url: string }) => { action: string }): void {
    this.windowOpenHandler = handler
  }
  postMessage(channel: string, _message: unknown, ports: unknown[]): void {
    this.posted.push({ channel, ports })
  }
  getURL(): string {
    return this.url
  }
}

export class StandInProcess extends EventEmitter {
  readonly sent: { message: { kind: string; [key: string]: unknown }; ports: unknown[] }[] = []
  killed = false
  readonly modulePath: string
  readonly env: Readonly<Record<string, string | undefined>>
  constructor(modulePath: string, env: Readonly<Record<string, string | undefined>> = {}) {
    super()
    this.modulePath = modulePath
    this.env = env
  }
  postMessage(message: { kind: string }, ports: unknown[] = []): void {
    this.sent.push({ message, ports })
    // A well-behaved core: it leaves when asked to.
    if (message.kind === 'close') queueMicrotask(() => this.emit('exit', 0))
  }
  kill(): boolean {
    this.killed = true
    this.emit('exit', 1)
    return true
  }
  kinds(): string[] {
    return this.sent.map(({ message }) => message.kind)
  }
}

type Handler = (...args: never[]) => unknown

export class StandInSession extends EventEmitter {
  readonly handlers = new Map<string, Handler>()
  readonly schemes = new Map<string, (request: Request) => Response | Promise<Response>>()
  cancelled: ((url: string) => boolean) | null = null
  spellChecker = true

  readonly protocol = {
    handle: (scheme: string, handler: (request: Request) => Response | Promise<Response>): void => {
      this.schemes.set(scheme, handler)
    },
  }
  readonly webRequest = {
    onBeforeRequest: (
      filter: { urls: string[] },
      listener: (details: { url: string }, respond: (answer: { cancel?: boolean }) => void) => void,
    ): void => {
      const schemes = filter.urls.map((pattern) => pattern.slice(0, pattern.indexOf(':')))
      this.cancelled = (url) => {
        if (!schemes.includes(new URL(url).protocol.slice(0, -1))) return false
        let cancel = false
        listener({ url }, (answer) => (cancel = answer.cancel ?? false))
        return cancel
      }
    },
  }
  setPermissionRequestHandler(handler: Handler): void {
    this.handlers.set('request', handler)
  }
  setPermissionCheckHandler(handler: Handler): void {
    this.handlers.set('check', handler)
  }
  setDevicePermissionHandler(handler: Handler): void {
    this.handlers.set('device', handler)
  }
  setDisplayMediaRequestHandler(handler: Handler): void {
    this.handlers.set('display', handler)
  }
  setSpellCheckerEnabled(enabled: boolean): void {
    this.spellChecker = enabled
  }
  handler(name: string): (...args: unknown[]) => unknown {
    const handler = this.handlers.get(name)
    if (handler === undefined) throw new Error(`the shell set no ${name} handler`)
    return handler as (...args: unknown[]) => unknown
  }
}

export interface StandInWindowOptions {
  title: string
  show: boolean
  backgroundColor: string
  webPreferences: Record<string, unknown>
}

/** A fresh Electron: the module's exports, and what tests look at. */
export function createElectron() {
  const sessions = new Map<string, StandInSession>()
  const seen = {
    windows: [] as StandInWindow[],
    processes: [] as StandInProcess[],
    sessions,
    schemes: [] as { scheme: string; privileges: Record<string, boolean> }[],
    menus: [] as MenuTemplate[],
    trays: [] as string[],
    exits: [] as number[],
    quits: 0,
    paths: new Map<string, string>(),
    errorBoxes: [] as string[],
    opened: [] as string[],
    /** What the person answers to the crash dialog: 0 starts again. */
    dialogAnswer: 0,
    firstInstance: true,
    storage: { available: true, backend: 'gnome_libsecret' },
  }

  class StandInWindow extends EventEmitter {
    readonly options: StandInWindowOptions
    readonly webContents = new StandInContents()
    readonly calls: string[] = []
    destroyed = false
    minimized = false
    constructor(options: StandInWindowOptions) {
      super()
      this.options = options
      seen.windows.push(this)
      app.emit('web-contents-created', new StandInEvent(), this.webContents)
    }
    loadURL(url: string): Promise<void> {
      this.webContents.url = url
      return Promise.resolve()
    }
    show(): void {
      this.calls.push('show')
    }
    focus(): void {
      this.calls.push('focus')
    }
    restore(): void {
      this.calls.push('restore')
    }
    isMinimized(): boolean {
      return this.minimized
    }
    isDestroyed(): boolean {
      return this.destroyed
    }
  }

  class StandInApp extends EventEmitter {
    readonly isPackaged = false
    setPath(name: string, path: string): void {
      seen.paths.set(name, path)
    }
    requestSingleInstanceLock(): boolean {
      return seen.firstInstance
    }
    whenReady(): Promise<void> {
      return Promise.resolve()
    }
    quit(): void {
      seen.quits += 1
      const event = new StandInEvent()
      this.emit('before-quit', event)
      if (!event.defaultPrevented) this.exit(0)
    }
    exit(code: number): void {
      seen.exits.push(code)
    }
  }

  class StandInTray extends EventEmitter {
    constructor(icon: string) {
      super()
      seen.trays.push(icon)
    }
    setToolTip(): void {}
    setContextMenu(menu: MenuTemplate): void {
      seen.menus.push(menu)
    }
    destroy(): void {}
  }

  type MenuTemplate = { label?: string; role?: string; click?: () => void; submenu?: MenuTemplate }[]

  const app = new StandInApp()
  const ipcMain = new EventEmitter()
  const powerMonitor = new EventEmitter()
  let channels = 0

  return {
    seen,
    app,
    ipcMain,
    powerMonitor,
    BrowserWindow: StandInWindow,
    Tray: StandInTray,
    Menu: {
      buildFromTemplate: (template: MenuTemplate): MenuTemplate => template,
      setApplicationMenu: (menu: MenuTemplate): void => void seen.menus.push(menu),
    },
    MessageChannelMain: class {
      readonly port1: StandInPort
      readonly port2: StandInPort
      constructor() {
        channels += 1
        this.port1 = new StandInPort(`core ${channels}`)
        this.port2 = new StandInPort(`window ${channels}`)
      }
    },
    nativeTheme: { shouldUseDarkColors: false },
    protocol: {
      registerSchemesAsPrivileged: (schemes: { scheme: string; privileges: Record<string, boolean> }[]): void =>
        void seen.schemes.push(...schemes),
    },
    safeStorage: {
      getSelectedStorageBackend: (): string => seen.storage.backend,
      isAsyncEncryptionAvailable: (): Promise<boolean> => Promise.resolve(seen.storage.available),
      // Reversible and recognisable is all that is needed to see what is written and read back.
      encryptStringAsync: (text: string): Promise<Buffer> =>
        Promise.resolve(Buffer.from(`wrapped:${text}`, 'utf8').map((byte) => byte ^ 0x55) as Buffer),
      decryptStringAsync: (bytes: Buffer): Promise<{ result: string; shouldReEncrypt: boolean }> => {
        const text = Buffer.from(bytes.map((byte) => byte ^ 0x55)).toString('utf8')
        if (!text.startsWith('wrapped:')) return Promise.reject(new Error('not wrapped by this key store'))
        return Promise.resolve({ result: text.slice('wrapped:'.length), shouldReEncrypt: false })
      },
    },
    session: {
      fromPartition: (name: string): StandInSession => {
        const known = sessions.get(name) ?? new StandInSession()
        sessions.set(name, known)
        return known
      },
    },
    shell: { openExternal: (url: string): Promise<void> => Promise.resolve(void seen.opened.push(url)) },
    dialog: {
      showMessageBox: (): Promise<{ response: number }> => Promise.resolve({ response: seen.dialogAnswer }),
      showErrorBox: (_title: string, text: string): void => void seen.errorBoxes.push(text),
    },
    utilityProcess: {
      fork: (
        modulePath: string,
        _args: readonly string[],
        { env }: { env?: Readonly<Record<string, string | undefined>> },
      ): StandInProcess => {
        const child = new StandInProcess(modulePath, env)
        seen.processes.push(child)
        return child
      },
    },
  }
}

export type StandInElectron = ReturnType<typeof createElectron>
