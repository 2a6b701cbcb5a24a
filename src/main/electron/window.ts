import { join } from 'node:path'
import { app, BrowserWindow, nativeTheme, session, type Session } from 'electron'
import { APP_PAGE } from './scheme.ts'

/** Without `persist:`, so that nothing a page stores or caches reaches the disk. */
const PARTITION = 'chartseal'
/** Page colours of the window's two themes (src/renderer/styles/tokens.css), shown until the page is painted. */
const CANVAS = { light: '#f3f5f7', dark: '#0b111a' }

/** The session that every window of ours shares. */
export function windowSession(): Session {
  return session.fromPartition(PARTITION, { cache: false })
}

/**
 * Opens the application window. It is shown once its page is painted.
 *
 * @param outFolder - Absolute path of `out`, which holds the preload script.
 * @param icon - Absolute path of a PNG.
 */
export function openMainWindow(outFolder: string, icon: string): BrowserWindow {
  const window = new BrowserWindow({
    title: 'Chartseal',
    icon,
    width: 1280,
    height: 860,
    minWidth: 900,
    minHeight: 600,
    show: false,
    backgroundColor: nativeTheme.shouldUseDarkColors ? CANVAS.dark : CANVAS.light,
    webPreferences: {
      preload: join(outFolder, 'preload', 'index.cjs'),
      partition: PARTITION,
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      webviewTag: false,
      navigateOnDragDrop: false,
      spellcheck: false,
      devTools: !app.isPackaged,
    },
  })
  window.once('ready-to-show', () => window.show())
  void window.loadURL(APP_PAGE)
  return window
}

/**
 * Brings a window to the front, from the task bar if need be.
 *
 * @param window - The main window.
 */
export function bringToFront(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore()
  window.show()
  window.focus()
}
