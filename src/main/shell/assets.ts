import { readdirSync, readFileSync } from 'node:fs'
import { extname, join, sep } from 'node:path'

/** One file of the built window. */
export interface Asset {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly type: string
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
}

/**
 * Reads the built window once. What is not in this list does not exist for whoever asks later, so no request can
 * name a path on the disk. Source maps and files of unknown type are left out.
 *
 * @param folder - Absolute path of `out/renderer`.
 * @returns Files by request path, `/` being the page.
 */
export function loadAssets(folder: string): ReadonlyMap<string, Asset> {
  const assets = new Map<string, Asset>()
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const type = TYPES[extname(name)]
    if (type === undefined) continue
    assets.set(`/${name.split(sep).join('/')}`, { bytes: new Uint8Array(readFileSync(join(folder, name))), type })
  }
  const page = assets.get('/index.html')
  if (page !== undefined) assets.set('/', page)
  return assets
}
