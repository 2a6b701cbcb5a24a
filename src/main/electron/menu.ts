import { app, Menu, Tray, type MenuItemConstructorOptions } from 'electron'

/** What menus can do. */
export interface MenuActions {
  readonly open: () => void
  readonly lock: () => void
  readonly quit: () => void
}

/**
 * Sets the application menu. The window has its own navigation; this one holds what the system expects.
 *
 * @param actions - What the entries do.
 */
export function setApplicationMenu(actions: MenuActions): void {
  const file: MenuItemConstructorOptions = {
    label: '&File',
    submenu: [
      { label: 'Lock session', accelerator: 'CommandOrControl+L', click: actions.lock },
      { type: 'separator' },
      { label: 'Quit Chartseal', accelerator: 'CommandOrControl+Q', click: actions.quit },
    ],
  }
  const view: MenuItemConstructorOptions = {
    label: '&View',
    submenu: [
      { role: 'resetZoom' },
      { role: 'zoomIn' },
      { role: 'zoomOut' },
      { type: 'separator' },
      { role: 'togglefullscreen' },
      // Developer tools can read what a page shows; installed copies have none.
      ...(app.isPackaged ? [] : ([{ role: 'toggleDevTools' }] satisfies MenuItemConstructorOptions[])),
    ],
  }
  const mac: MenuItemConstructorOptions[] = process.platform === 'darwin' ? [{ role: 'appMenu' }] : []
  Menu.setApplicationMenu(Menu.buildFromTemplate([...mac, file, { role: 'editMenu' }, view, { role: 'windowMenu' }]))
}

/**
 * Puts Chartseal into the notification area.
 *
 * @param icon - Absolute path of a PNG.
 * @param actions - What the entries do.
 * @returns The tray entry, which must be kept: one that is garbage collected disappears.
 */
export function showTray(icon: string, actions: MenuActions): Tray {
  const tray = new Tray(icon)
  tray.setToolTip('Chartseal')
  tray.setContextMenu(
    Menu.buildFromTemplate([
      { label: 'Open Chartseal', click: actions.open },
      { label: 'Lock session', click: actions.lock },
      { type: 'separator' },
      { label: 'Quit', click: actions.quit },
    ]),
  )
  tray.on('click', actions.open)
  return tray
}
