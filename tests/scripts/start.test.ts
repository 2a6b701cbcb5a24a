import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { shellEnvironment } from '../../scripts/lib/project.mjs'
import { parseShellOptions } from '../../src/main/shell/options.ts'

const script = join(import.meta.dirname, '../../scripts/start.mjs')
const start = (...args: string[]) => spawnSync(process.execPath, [script, ...args], { encoding: 'utf8', input: '' })

describe('npm start', () => {
  it.each([['--passphrase', 'hunter2'], ['--passphrase=hunter2']])('refuses %s before it does anything', (...args) => {
    const { status, stdout, stderr } = start(...args)
    expect(status).toBe(1)
    expect(stderr).toContain('--passphrase-file')
    expect(stdout + stderr).not.toContain('hunter2')
  })

  it('gives the core threads for more devices than libuv’s usual four, unless told otherwise', () => {
    const threads = `console.log(process.env.UV_THREADPOOL_SIZE)`
    const run = () => spawnSync(process.execPath, ['-e', threads], { encoding: 'utf8', env: shellEnvironment() })
    vi.stubEnv('UV_THREADPOOL_SIZE', undefined)
    expect(run().stdout).toBe('16\n')
    vi.stubEnv('UV_THREADPOOL_SIZE', '24')
    expect(run().stdout).toBe('24\n')
    vi.unstubAllEnvs()
  })

  it('refuses a shell that does not exist', () => {
    expect(start('--shell', 'emacs')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('electron or browser'),
    })
  })

  it('explains every option that a shell knows, and no other', () => {
    const { status, stdout } = start('--help')
    expect(status).toBe(0)
    const explained = [...stdout.matchAll(/^ {2}(--[a-z-]+)( \S+)?/gm)].map(([, option, value]) =>
      value === undefined || value.trim() === ''
        ? [option!]
        : [option!, { '--port': '1', '--replay': 'a=b' }[option!] ?? 'x'],
    )
    const around = { platform: 'linux', env: {}, home: '/h', cwd: '/c' } as const
    expect(explained).toHaveLength(7)
    for (const args of explained) expect(() => parseShellOptions(args, around)).not.toThrow()
  })
})
