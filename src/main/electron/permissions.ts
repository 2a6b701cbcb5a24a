import type { Session } from 'electron'
import { APP_ORIGIN } from './scheme.ts'

/** Copying a proof to the clipboard is the only thing a page of ours asks of the machine. */
const GRANTED = 'clipboard-sanitized-write'

/**
 * Denies pages every permission but copying, and every device, download and capture.
 *
 * @param session - The window's session.
 */
export function denyPermissions(session: Session): void {
  session.setPermissionRequestHandler((contents, permission, respond) =>
    respond(permission === GRANTED && isOurs(contents.getURL())),
  )
  session.setPermissionCheckHandler((_contents, permission, origin) => permission === GRANTED && isOurs(origin))
  session.setDevicePermissionHandler(() => false)
  session.setDisplayMediaRequestHandler((_request, respond) => respond(null))
  session.setSpellCheckerEnabled(false)
  session.on('will-download', (event) => event.preventDefault())
}

function isOurs(address: string): boolean {
  return address === APP_ORIGIN || address.startsWith(`${APP_ORIGIN}/`)
}
