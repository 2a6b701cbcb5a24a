import { ipcMain, type IpcMainEvent, type WebContents } from 'electron'
import type { CoreHost } from './core-host.ts'
import { APP_ORIGIN } from './scheme.ts'

const REQUEST = 'request-port'
const PORT = 'chartseal-port'

/**
 * Gives a window its port to the core when its page asks. Only the main frame of our own page is answered.
 *
 * @param core - Where the ports lead.
 */
export function handOverPorts(core: CoreHost): void {
  ipcMain.on(REQUEST, (event) => {
    if (isOurPage(event)) handOver(event.sender, core)
  })
}

/**
 * Sends a window a port: when it asked, and again after the core was restarted.
 *
 * @param contents - The window's content.
 * @param core - Where the port leads.
 */
export function handOver(contents: WebContents, core: CoreHost): void {
  const port = core.connectWindow()
  if (port !== null) contents.postMessage(PORT, null, [port])
}

function isOurPage(event: IpcMainEvent): boolean {
  const frame = event.senderFrame
  // A frame that is gone or embedded has no business here.
  return frame !== null && frame.parent === null && frame.url.startsWith(`${APP_ORIGIN}/`)
}
