import { spawn } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

/** The real scripts in a small project, with an npm and a bundler that only leave a trace of each run. */
const root = join(import.meta.dirname, '../..')
let project: string

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'chartseal-scripts-'))
  cpSync(join(root, 'scripts'), join(project, 'scripts'), { recursive: true })
  put('package.json', '{"type":"module"}')
  put('package-lock.json', '{"packages":{}}')
  put('src/main.ts', 'first')
  put('resources/notices/table.txt', 'a table')
  put('bin/npm', '#!/bin/sh\necho run >> "$PWD/npm-runs"\n[ ! -e "$PWD/npm-fails" ] && mkdir -p node_modules\n')
  chmodSync(join(project, 'bin/npm'), 0o755)
  putBundler()
})
afterEach(() => rmSync(project, { recursive: true, force: true }))

function put(path: string, text: string): void {
  mkdirSync(dirname(join(project, path)), { recursive: true })
  writeFileSync(join(project, path), text)
}

function putBundler(): void {
  put(
    'node_modules/electron-vite/bin/electron-vite.js',
    `import { appendFileSync, existsSync, mkdirSync } from 'node:fs'
     appendFileSync('bundler-runs', 'run\\n')
     await new Promise((resolve) => setTimeout(resolve, 100))
     if (existsSync('bundler-fails')) { console.error('cannot bundle'); process.exit(1) }
     mkdirSync('out/main', { recursive: true })`,
  )
  put('node_modules/electron-vite/package.json', '{"type":"module"}')
}

const runs = (what: 'npm' | 'bundler') =>
  existsSync(join(project, `${what}-runs`))
    ? readFileSync(join(project, `${what}-runs`), 'utf8')
        .trim()
        .split('\n').length
    : 0

/** Calls one function of the scripts, as a start does. */
function call(code: string): Promise<{ status: number | null; stderr: string }> {
  const program = `
    import { runMain } from './scripts/lib/project.mjs'
    import { ensureBuilt } from './scripts/lib/build.mjs'
    import { ensureInstalled } from './scripts/lib/install.mjs'
    await runMain(async () => { ${code}; return 0 })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: project,
    env: { ...process.env, PATH: `${join(project, 'bin')}:${process.env.PATH ?? ''}` },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  return new Promise((resolve) => child.once('close', (status) => resolve({ status, stderr })))
}
const build = () => call('await ensureBuilt()')
const install = () => call('await ensureInstalled()')

describe.skipIf(process.platform === 'win32')('building', () => {
  it('happens once, and again when a source, a resource or the lockfile changes', async () => {
    expect(await build()).toMatchObject({ status: 0 })
    expect(await build()).toEqual({ status: 0, stderr: '' })
    expect(runs('bundler')).toBe(1)
    const changes = {
      'src/main.ts': 'second',
      'src/new.ts': '',
      'resources/x.svg': '<svg/>',
      'package-lock.json': '{"packages":{"":{}}}',
    }
    let expected = 1
    for (const [path, text] of Object.entries(changes)) {
      put(path, text)
      await build()
      expected += 1
      expect(runs('bundler'), path).toBe(expected)
    }
    rmSync(join(project, 'src/new.ts'))
    await build()
    expect(runs('bundler')).toBe(expected + 1)
  })

  it('does not depend on file times', async () => {
    await build()
    put('src/main.ts', 'first')
    await build()
    expect(runs('bundler')).toBe(1)
  })

  it('that fails says why and is tried again', async () => {
    put('bundler-fails', '')
    expect(await build()).toMatchObject({ status: 1, stderr: expect.stringContaining('cannot bundle') })
    rmSync(join(project, 'bundler-fails'))
    expect(await build()).toMatchObject({ status: 0 })
    expect(runs('bundler')).toBe(2)
  })

  it('is done by one of two starts', async () => {
    const both = await Promise.all([build(), build()])
    expect(both.map(({ status }) => status)).toEqual([0, 0])
    expect(runs('bundler')).toBe(1)
  })

  it('takes over from a start that was killed', async () => {
    put('.cache/scripts.lock', '4194305')
    expect(await build()).toMatchObject({ status: 0 })
    expect(runs('bundler')).toBe(1)
  })
})

describe.skipIf(process.platform === 'win32')('installing', () => {
  it('happens once for each lockfile', async () => {
    expect((await install()).status).toBe(0)
    expect(await install()).toEqual({ status: 0, stderr: '' })
    expect(runs('npm')).toBe(1)
    put('package-lock.json', '{"packages":{"":{}}}')
    await install()
    expect(runs('npm')).toBe(2)
    rmSync(join(project, 'node_modules'), { recursive: true })
    await install()
    expect(runs('npm')).toBe(3)
  })

  it('that fails says so and is tried again', async () => {
    put('npm-fails', '')
    expect(await install()).toMatchObject({ status: 1, stderr: expect.stringContaining('npm ci failed') })
    rmSync(join(project, 'npm-fails'))
    expect((await install()).status).toBe(0)
    expect(runs('npm')).toBe(2)
  })
})
