// Builds out/ when a source is newer than it. "Newer" is decided by content, so a checkout's file times do not matter.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exclusively } from './lock.mjs'
import { writeNotices } from './notices.mjs'
import { inProject, pinnedEnvironment, pinnedNode, root, run, say, ScriptError, tool } from './project.mjs'

const INPUTS = [
  'src',
  'resources',
  'scripts/lib',
  'package-lock.json',
  'package.json',
  'electron.vite.config.ts',
  'tsconfig.base.json',
]
const STAMP = inProject('out', '.stamp')

/** Brings out/ up to date. */
export async function ensureBuilt({ force = false, quiet = false } = {}) {
  if (!force && isBuilt()) return
  await exclusively(async () => {
    if (!force && isBuilt()) return
    if (!quiet) say('building')
    await build()
  })
}

async function build() {
  const stamp = expectedStamp()
  // Without its stamp a half-written out/ is rebuilt next time.
  rmSync(STAMP, { force: true })
  const args = [tool('electron-vite', 'bin', 'electron-vite.js'), 'build', '--logLevel', 'warn']
  const { code, output } = await run(pinnedNode(), args, {
    quiet: true,
    env: pinnedEnvironment({ NO_COLOR: '1', NODE_ENV: 'production' }),
  })
  if (code !== 0) throw new ScriptError(`the build failed\n${output}`)
  mkdirSync(inProject('out'), { recursive: true })
  writeNotices(inProject('out', 'third-party-notices.txt'))
  writeFileSync(STAMP, stamp)
}

function isBuilt() {
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8') === expectedStamp()
}

function expectedStamp() {
  const hash = createHash('sha256')
  for (const file of INPUTS.flatMap(filesBelow)) {
    const bytes = readFileSync(join(root, file))
    hash.update(`${file}\0${bytes.length}\0`).update(bytes)
  }
  return `${hash.digest('hex')}\n`
}

function filesBelow(input) {
  const path = inProject(input)
  if (!existsSync(path)) return []
  if (!input.includes('.')) {
    return readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length + 1))
      .sort()
  }
  return [input]
}
