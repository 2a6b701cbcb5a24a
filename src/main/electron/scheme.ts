import { protocol, type Session } from 'electron'
import type { Asset } from '../shell/assets.ts'
import { SECURITY_HEADERS } from '../shell/headers.ts'

const SCHEME = 'app'
const HOST = 'chartseal'

/** Origin of every page of ours. */
export const APP_ORIGIN = `${SCHEME}://${HOST}`
/** The one page. */
export const APP_PAGE = `${APP_ORIGIN}/`

/** Makes the scheme behave like https for origins and storage. Must run before Electron is ready. */
export function registerAppScheme(): void {
  protocol.registerSchemesAsPrivileged([{ scheme: SCHEME, privileges: { standard: true, secure: true } }])
}

/**
 * Serves the built window under our scheme, from a list made at start, and cuts the session off every other scheme.
 *
 * @param session - The window's session.
 * @param assets - The built window.
 */
export function serveAppScheme(session: Session, assets: ReadonlyMap<string, Asset>): void {
  session.protocol.handle(SCHEME, (request) => answer(request, assets))
  const elsewhere = ['http', 'https', 'ws', 'wss', 'ftp', 'file'].map((scheme) => `${scheme}://*/*`)
  session.webRequest.onBeforeRequest({ urls: elsewhere }, (_details, respond) => respond({ cancel: true }))
}

function answer(request: Request, assets: ReadonlyMap<string, Asset>): Response {
  const url = new URL(request.url)
  const asset = url.host === HOST && request.method === 'GET' ? assets.get(url.pathname) : undefined
  if (asset === undefined) return new Response(null, { status: 404, headers: SECURITY_HEADERS })
  return new Response(asset.bytes, { headers: { ...SECURITY_HEADERS, 'content-type': asset.type } })
}
