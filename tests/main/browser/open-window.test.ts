import { describe, expect, it } from 'vitest'
import { findAppBrowser } from '../../../src/main/browser/find-browser.ts'
import { appWindowArguments } from '../../../src/main/browser/open-window.ts'

const machine = (platform: NodeJS.Platform, env: Record<string, string>, ...programs: string[]) => ({
  platform,
  env,
  isProgram: (path: string) => programs.includes(path),
})

describe('findAppBrowser', () => {
  it('prefers Chromium on Linux, wherever the path leads', () => {
    const env = { PATH: '/usr/local/bin:/usr/bin' }
    expect(findAppBrowser(machine('linux', env, '/usr/bin/google-chrome', '/usr/bin/chromium'))).toBe(
      '/usr/bin/chromium',
    )
    expect(findAppBrowser(machine('linux', env, '/usr/bin/microsoft-edge'))).toBe('/usr/bin/microsoft-edge')
    expect(findAppBrowser(machine('linux', env))).toBeNull()
  })

  it('starts nothing from a relative path', () => {
    expect(findAppBrowser({ platform: 'linux', env: { PATH: '.:bin' }, isProgram: () => true })).toBeNull()
  })

  it('knows where macOS keeps applications', () => {
    const chrome = '/Users/ana/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'
    expect(findAppBrowser(machine('darwin', { HOME: '/Users/ana' }, chrome))).toBe(chrome)
  })
})

describe('appWindowArguments', () => {
  const url = 'http://127.0.0.1:1/launch/x'

  it('opens an application window in a private profile of its own', () => {
    const args = appWindowArguments('/usr/bin/chromium', url, '/data/browser-profile', false)
    expect(args).toContain(`--app=${url}`)
    expect(args).toContain('--user-data-dir=/data/browser-profile')
    expect(args).toContain('--incognito')
    expect(args).not.toContain('--no-sandbox')
  })

  it('gives up the sandbox for root alone, and knows the word of Edge', () => {
    expect(appWindowArguments('/usr/bin/chromium', url, '/p', true)).toContain('--no-sandbox')
    expect(appWindowArguments('/usr/bin/microsoft-edge', url, '/p', false)).toContain('--inprivate')
  })
})
