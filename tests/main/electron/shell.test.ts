import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { announceInstance } from '../../../src/main/shell/instance.ts'
import type { ShellOptions } from '../../../src/main/shell/options.ts'
import { createElectron, StandInEvent, type StandInElectron } from '../../support/electron-stand-in.ts'

/**
 * The wiring of the Electron shell, driven through its real modules. What Electron itself does with these settings is
 * covered by the end-to-end suite wherever its binary exists.
 */
let folder: string
let electron: StandInElectron
let said: string[]
const signalListeners = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chartseal-electron-'))
  mkdirSync(join(folder, 'out', 'renderer', 'assets'), { recursive: true })
  writeFileSync(join(folder, 'out', 'renderer', 'index.html'), '<!doctype html><title>Chartseal</title>')
  writeFileSync(join(folder, 'out', 'renderer', 'assets', 'main.js'), 'export {}')
  electron = createElectron()
  said = []
  vi.resetModules()
  vi.doMock('electron', () => electron)
})

afterEach(() => {
  vi.doUnmock('electron')
  for (const signal of signalListeners) process.removeAllListeners(signal)
  rmSync(folder, { recursive: true, force: true })
})

const options = (changes: Partial<ShellOptions> = {}): ShellOptions => ({
  dataFolder: join(folder, 'data'),
  demo: false,
  headless: false,
  replays: [],
  passphraseFile: null,
  port: 0,
  ...changes,
})

async function start(changes: Partial<ShellOptions> = {}): Promise<void> {
  const { runElectronShell } = await import('../../../src/main/electron/shell.ts')
  await runElectronShell(options(changes), {
    outFolder: join(folder, 'out'),
    iconFolder: join(folder, 'icons'),
    say: (line) => said.push(line),
    credentials: undefined,
  })
}

const theWindow = () => electron.seen.windows[0]!
const theCore = () => electron.seen.processes[0]!
const theSession = () => electron.seen.sessions.get('chartseal')!

/** The page asks for its port, as the preload script passes it on. */
function requestPort(frame: { url: string; parent: unknown } | null): void {
  electron.ipcMain.emit('request-port', { sender: theWindow().webContents, senderFrame: frame })
}

describe('the window', () => {
  it('is isolated, sandboxed and without Node', async () => {
    await start()
    expect(theWindow().options.webPreferences).toMatchObject({
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      webviewTag: false,
      spellcheck: false,
      preload: join(folder, 'out', 'preload', 'index.cjs'),
    })
  })

  it('keeps nothing on the disk', async () => {
    await start()
    const { partition } = theWindow().options.webPreferences
    expect(partition).toBe('chartseal')
    expect(String(partition).startsWith('persist:')).toBe(false)
  })

  it('loads our page and shows once it is painted', async () => {
    await start()
    expect(theWindow().webContents.url).toBe('app://chartseal/')
    expect(theWindow().options.show).toBe(false)
    expect(theWindow().calls).toEqual([])
    theWindow().emit('ready-to-show')
    expect(theWindow().calls).toEqual(['show'])
  })

  it('starts in the colour of the theme', async () => {
    await start()
    const light = theWindow().options.backgroundColor
    electron.nativeTheme.shouldUseDarkColors = true
    electron.seen.windows[0]!.destroyed = true
    electron.app.emit('activate')
    expect(electron.seen.windows[1]!.options.backgroundColor).not.toBe(light)
  })
})

const fileAt = (url: string, name = 'x') => ({
  getURL: () => url,
  getFilename: () => name,
  setSaveDialogOptions: vi.fn(),
})

describe('permissions', () => {
  const denied = [
    'hid',
    'usb',
    'serial',
    'media',
    'geolocation',
    'notifications',
    'clipboard-read',
    'fileSystem',
    'unknown',
  ]

  it.each(denied)('denies %s when asked and when checked', async (permission) => {
    await start()
    const respond = vi.fn()
    theSession().handler('request')(theWindow().webContents, permission, respond)
    expect(respond).toHaveBeenCalledExactlyOnceWith(false)
    expect(theSession().handler('check')(theWindow().webContents, permission, 'app://chartseal')).toBe(false)
  })

  it('lets our own page copy, and no other', async () => {
    await start()
    const check = theSession().handler('check')
    expect(check(null, 'clipboard-sanitized-write', 'app://chartseal/')).toBe(true)
    expect(check(null, 'clipboard-sanitized-write', 'app://chartseal.example/')).toBe(false)
    expect(check(null, 'clipboard-sanitized-write', 'https://example.org/')).toBe(false)
  })

  it('denies devices, screen capture and downloads from elsewhere', async () => {
    await start()
    expect(theSession().handler('device')({ deviceType: 'hid' })).toBe(false)
    const respond = vi.fn()
    theSession().handler('display')({}, respond)
    expect(respond).toHaveBeenCalledExactlyOnceWith(null)
    const download = new StandInEvent()
    theSession().emit('will-download', download, fileAt('https://example.org/x'))
    expect(download.defaultPrevented).toBe(true)
    expect(theSession().spellChecker).toBe(false)
  })

  it.each([
    ['receipts.txt', 'receipts.txt'],
    ['../../.profile', 'chartseal-file'],
  ])('asks where a file of our own page goes: %s', async (name, proposed) => {
    await start()
    const download = new StandInEvent()
    const file = fileAt('blob:app://chartseal/0d1f', name)
    theSession().emit('will-download', download, file)
    expect(download.defaultPrevented).toBe(false)
    expect(file.setSaveDialogOptions).toHaveBeenCalledExactlyOnceWith({ defaultPath: proposed })
  })

  it.each(['blob:https://example.org/0d1f', 'blob:app://chartseal.example/0d1f', 'app://chartseal/', 'data:,x'])(
    'denies the download of %s',
    async (url) => {
      await start()
      const download = new StandInEvent()
      theSession().emit('will-download', download, fileAt(url))
      expect(download.defaultPrevented).toBe(true)
    },
  )
})

describe('navigation', () => {
  const elsewhere = [
    'https://example.org/',
    'file:///etc/passwd',
    'app://chartseal/other.html',
    'app://evil/',
    'data:text/html,x',
  ]

  it.each(elsewhere)('denies going to %s', async (url) => {
    await start()
    const event = Object.assign(new StandInEvent(), { url, isMainFrame: true })
    theWindow().webContents.emit('will-navigate', event)
    expect(event.defaultPrevented).toBe(true)
  })

  it('lets the page reload itself', async () => {
    await start()
    const event = Object.assign(new StandInEvent(), { url: 'app://chartseal/' })
    theWindow().webContents.emit('will-navigate', event)
    expect(event.defaultPrevented).toBe(false)
  })

  it('denies new windows, redirects, frames and webviews', async () => {
    await start()
    const contents = theWindow().webContents
    expect(contents.windowOpenHandler?.({ url: 'app://chartseal/' })).toEqual({ action: 'deny' })
    for (const name of ['will-redirect', 'will-attach-webview']) {
      const event = new StandInEvent()
      contents.emit(name, event)
      expect(event.defaultPrevented, name).toBe(true)
    }
    const frame = Object.assign(new StandInEvent(), { isMainFrame: false })
    contents.emit('will-frame-navigate', frame)
    expect(frame.defaultPrevented).toBe(true)
  })

  it('cuts the session off every other scheme', async () => {
    await start()
    for (const url of ['https://example.org/x', 'http://127.0.0.1/', 'wss://example.org/', 'file:///etc/passwd']) {
      expect(theSession().cancelled?.(url), url).toBe(true)
    }
    expect(theSession().cancelled?.('app://chartseal/assets/main.js')).toBe(false)
  })
})

describe('the app scheme', () => {
  const get = async (url: string, init?: RequestInit): Promise<Response> => {
    const handler = theSession().schemes.get('app')!
    return handler(new Request(url, init))
  }

  it('is registered as a standard, secure scheme before anything else', async () => {
    await start()
    expect(electron.seen.schemes).toEqual([{ scheme: 'app', privileges: { standard: true, secure: true } }])
  })

  it('serves the built files with the security headers', async () => {
    await start()
    const page = await get('app://chartseal/')
    expect(page.status).toBe(200)
    expect(page.headers.get('content-type')).toContain('text/html')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect((await get('app://chartseal/assets/main.js')).headers.get('content-type')).toContain('javascript')
  })

  it.each([
    'app://chartseal/../preload/index.cjs',
    'app://chartseal/%2e%2e/%2e%2e/etc/passwd',
    'app://chartseal/assets',
    'app://other/',
  ])('has no %s', async (url) => {
    await start()
    expect((await get(url)).status).toBe(404)
  })

  it('answers only GET', async () => {
    await start()
    expect((await get('app://chartseal/', { method: 'POST', body: 'x' })).status).toBe(404)
  })
})

describe('the core', () => {
  it('starts in a utility process, the options and the unwrapped secret being its first message', async () => {
    await start({ demo: true, replays: [{ family: 'omron', file: '/x' }] })
    expect(theCore().modulePath).toBe(join(folder, 'out', 'main', 'core.js'))
    // One thread for each open device, and some for files.
    expect(theCore().env).toEqual({ UV_THREADPOOL_SIZE: '16', ...process.env })
    const first = theCore().sent[0]!.message as unknown as { kind: string; options: Record<string, unknown> }
    expect(first.kind).toBe('start')
    expect(first.options).toMatchObject({
      dataFolder: join(folder, 'data'),
      demo: true,
      shell: 'electron',
      virtualDevices: true,
      replays: [{ family: 'omron', file: '/x' }],
    })
    expect(first.options.nodeSecret).toHaveLength(32)
  })

  it('hands one end of a channel to the core and the other to the page that asked', async () => {
    await start()
    requestPort({ url: 'app://chartseal/', parent: null })
    const toCore = theCore().sent.at(-1)!
    expect(toCore.message.kind).toBe('window')
    expect(toCore.ports).toMatchObject([{ name: 'core 1' }])
    expect(theWindow().webContents.posted).toMatchObject([{ channel: 'chartseal-port', ports: [{ name: 'window 1' }] }])
  })

  it.each([
    ['a frame inside our page', { url: 'app://chartseal/', parent: {} }],
    ['another page', { url: 'https://example.org/', parent: null }],
    ['a look-alike', { url: 'app://chartseal.example/', parent: null }],
    ['a frame that is gone', null],
  ])('gives no port to %s', async (_who, frame) => {
    await start()
    requestPort(frame)
    expect(theCore().kinds()).toEqual(['start'])
    expect(theWindow().webContents.posted).toEqual([])
  })

  it('starts again after a crash and hands the window a new port', async () => {
    await start()
    requestPort({ url: 'app://chartseal/', parent: null })
    theCore().emit('exit', 139)
    await vi.waitFor(() => expect(electron.seen.processes).toHaveLength(2))
    const second = electron.seen.processes[1]!
    expect(second.kinds()).toEqual(['start', 'window'])
    expect(second.sent[0]!.message).toEqual(theCore().sent[0]!.message)
    expect(theWindow().webContents.posted.at(-1)).toMatchObject({ ports: [{ name: 'window 2' }] })
  })

  it('quits after a crash when the person says so', async () => {
    electron.seen.dialogAnswer = 1
    await start()
    theCore().emit('exit', 139)
    await vi.waitFor(() => expect(electron.seen.exits).toEqual([0]))
    expect(electron.seen.processes).toHaveLength(1)
  })

  it('says why when the core cannot start, and leaves', async () => {
    await start()
    theCore().emit('message', { kind: 'failed', code: 'DATA_FOLDER_IN_USE' })
    await vi.waitFor(() => expect(electron.seen.exits).toEqual([1]))
    expect(electron.seen.errorBoxes[0]).toContain(join(folder, 'data'))
  })
})

describe('the session', () => {
  it.each(['suspend', 'lock-screen', 'user-did-resign-active', 'shutdown'])('is locked on %s', async (event) => {
    await start()
    electron.powerMonitor.emit(event)
    expect(theCore().kinds().at(-1)).toBe('lock')
  })

  it('is locked from the menu and the tray', async () => {
    await start()
    const entries = electron.seen.menus.flat().flatMap((item) => [item, ...(item.submenu ?? [])])
    const locks = entries.filter(({ label }) => label === 'Lock session')
    expect(locks).toHaveLength(2)
    for (const { click } of locks) click?.()
    expect(theCore().kinds()).toEqual(['start', 'lock', 'lock'])
  })
})

describe('a second start', () => {
  it('in Electron brings the first to the front', async () => {
    await start()
    theWindow().minimized = true
    electron.app.emit('second-instance')
    expect(theWindow().calls).toEqual(['restore', 'show', 'focus'])
    expect(theCore().kinds().at(-1)).toBe('focus')
  })

  it('starts nothing itself', async () => {
    electron.seen.firstInstance = false
    await start()
    expect(electron.seen.processes).toEqual([])
    expect(electron.seen.windows).toEqual([])
    expect(electron.seen.exits).toEqual([0])
    expect(said.join()).toContain('already running')
  })

  it('finds a Chartseal that runs in another shell and opens its window', async () => {
    mkdirSync(join(folder, 'data'))
    const url = `http://127.0.0.1:1/launch/${'a'.repeat(43)}`
    const focus = vi.fn(() => ({ windows: 0, url }))
    const stop = await announceInstance(join(folder, 'data'), focus)
    await start()
    await stop()
    expect(focus).toHaveBeenCalledOnce()
    expect(electron.seen.opened).toEqual([url])
    expect(electron.seen.processes).toEqual([])
    expect(electron.seen.exits).toEqual([0])
  })

  it('keeps its lock and its files with the data folder', async () => {
    await start()
    expect(electron.seen.paths.get('userData')).toBe(join(folder, 'data', 'electron'))
  })
})

describe('leaving', () => {
  it('waits for the core to shut down, however often it is asked', async () => {
    await start()
    electron.app.quit()
    electron.app.quit()
    expect(electron.seen.exits).toEqual([])
    await vi.waitFor(() => expect(electron.seen.exits).toEqual([0]))
    expect(
      theCore()
        .kinds()
        .filter((kind) => kind === 'close'),
    ).toHaveLength(1)
  })

  it('follows the last window', async () => {
    await start()
    electron.app.emit('window-all-closed')
    await vi.waitFor(() => expect(electron.seen.exits).toEqual([0]))
  })

  it('removes the trace that a second start looks for', async () => {
    await start()
    electron.app.quit()
    await vi.waitFor(() => expect(electron.seen.exits).toEqual([0]))
    expect(() => statSync(join(folder, 'data', 'instance.json'))).toThrow('ENOENT')
  })
})

describe('the node secret', () => {
  const secretOf = (index: number): Uint8Array | null => {
    const { options: sent } = electron.seen.processes[index]!.sent[0]!.message as unknown as {
      options: { nodeSecret: Uint8Array | null }
    }
    return sent.nodeSecret
  }
  const file = () => join(folder, 'data', 'keystore', 'node-secret.safe')

  it('is created once, kept wrapped, and unwrapped at the next start', async () => {
    await start()
    const first = secretOf(0)!
    expect(statSync(file()).mode & 0o777).toBe(0o600)
    expect(readFileSync(file()).includes(Buffer.from(first).toString('hex'))).toBe(false)
    electron.app.quit()
    await vi.waitFor(() => expect(electron.seen.exits).toEqual([0]))
    electron = createElectron()
    vi.resetModules()
    vi.doMock('electron', () => electron)
    await start()
    expect(secretOf(0)).toEqual(first)
  })

  it.each([
    ['there is no key store', { available: false, backend: 'gnome_libsecret' }],
    ['Electron would use a fixed password', { available: true, backend: 'basic_text' }],
  ])('does not exist where %s', async (_why, storage) => {
    vi.spyOn(process, 'platform', 'get').mockReturnValue('linux')
    electron.seen.storage = storage
    await start()
    expect(secretOf(0)).toBeNull()
    expect(() => statSync(file())).toThrow('ENOENT')
    vi.restoreAllMocks()
  })

  it('is not made for a folder that was set up with a passphrase', async () => {
    mkdirSync(join(folder, 'data', 'clinic', 'keystore'), { recursive: true })
    writeFileSync(join(folder, 'data', 'clinic', 'keystore', 'node-secret.json'), '{}')
    await start()
    expect(secretOf(0)).toBeNull()
    expect(() => statSync(file())).toThrow('ENOENT')
  })

  it('is not replaced when it cannot be unwrapped', async () => {
    mkdirSync(join(folder, 'data', 'keystore'), { recursive: true })
    writeFileSync(file(), 'made on another machine')
    await start()
    expect(secretOf(0)).toBeNull()
    expect(readFileSync(file(), 'utf8')).toBe('made on another machine')
  })
})
