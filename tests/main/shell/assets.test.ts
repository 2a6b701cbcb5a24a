import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadAssets } from '../../../src/main/shell/assets.ts'
import { CONTENT_SECURITY_POLICY } from '../../../src/main/shell/headers.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chartseal-assets-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('loadAssets', () => {
  it('lists what is there by request path, and leaves out what a window has no use for', () => {
    mkdirSync(join(folder, 'assets'))
    for (const name of ['index.html', 'assets/a.js', 'assets/a.js.map', 'assets/b.css', 'assets/c.woff2', 'secret']) {
      writeFileSync(join(folder, name), name)
    }
    const assets = loadAssets(folder)
    expect([...assets.keys()].sort()).toEqual(['/', '/assets/a.js', '/assets/b.css', '/assets/c.woff2', '/index.html'])
    expect(assets.get('/')).toBe(assets.get('/index.html'))
    expect(new TextDecoder().decode(assets.get('/assets/a.js')?.bytes)).toBe('assets/a.js')
  })

  it('keeps what was built even when the files change later', () => {
    writeFileSync(join(folder, 'index.html'), 'first')
    const assets = loadAssets(folder)
    writeFileSync(join(folder, 'index.html'), 'second')
    expect(new TextDecoder().decode(assets.get('/')?.bytes)).toBe('first')
  })
})

describe('the content security policy', () => {
  it('is the same in the page and in the headers', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../src/renderer/index.html'), 'utf8')
    const inPage = /http-equiv="Content-Security-Policy"\s+content="([^"]+)"/.exec(page)?.[1]
    // A page cannot forbid its own framing; only the header can.
    expect(inPage).toBe(CONTENT_SECURITY_POLICY.replace("frame-ancestors 'none'; ", ''))
  })

  it('allows nothing inline, nothing evaluated and nothing from elsewhere', () => {
    expect(CONTENT_SECURITY_POLICY).not.toMatch(/unsafe|https?:|\*/)
    expect(CONTENT_SECURITY_POLICY).toMatch(/^default-src 'none'/)
  })
})
