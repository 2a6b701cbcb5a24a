import type { Session } from 'electron'
import { APP_ORIGIN } from './scheme.ts'

/** Copying a proof to the clipboard is the only thing a page of ours asks of the machine. */
const GRANTED = 'clipboard-sanitized-write'

/**
 * Denies pages every permission but copying, and every device, capture and download that is not a file they made
 * themselves. Such a file goes where the person says, and nowhere when they say nothing.
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
  session.on('will-download', (event, item) => {
    // Without a path of ours, Electron asks the person where to.
    if (isOurFile(item.getURL())) item.setSaveDialogOptions({ defaultPath: plainName(item.getFilename()) })
    else event.preventDefault()
  })
}

/** A receipt, an export or an exchange that our own page put together. */
function isOurFile(address: string): boolean {
  return address.startsWith(`blob:${APP_ORIGIN}/`)
}

/** The names that we give to files; a page that says otherwise gets none of its choice. */
function plainName(name: string): string {
  return /^[a-z0-9][a-z0-9.-]{0,199}$/.test(name) ? name : 'chartseal-file'
}

function isOurs(address: string): boolean {
  return address === APP_ORIGIN || address.startsWith(`${APP_ORIGIN}/`)
}
