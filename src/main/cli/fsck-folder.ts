import { open, opendir, readdir } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { MAX_BUNDLE_SIZE } from '../../ledger/bundle.ts'
import type { LogFiles } from '../../ledger/check-log-files.ts'
import { hashesOnLevel, TILE_WIDTH } from '../../ledger/tile-layout.ts'

const TILE = /^tile\/(entries|0|[1-9][0-9]?)\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/

/** The files of a log in a folder. What is not a file counts as missing. */
export function logFolder(folder: string): LogFiles {
  return {
    read: (path) => readAtMost(join(folder, path), MAX_BUNDLE_SIZE + 1),
    async partials(path) {
      const names = await unlessAbsent(readdir(join(folder, `${path}.p`)), [])
      return names.filter((name) => /^[1-9][0-9]{0,2}$/.test(name)).map(Number)
    },
  }
}

/**
 * Bytes of a file, no more than `limit`; null when there is no such file.
 *
 * @param limit - A longer file is as wrong as its beginning already is.
 */
export async function readAtMost(path: string, limit: number): Promise<Uint8Array | null> {
  const file = await unlessAbsent(open(path), null)
  if (file === null) return null
  try {
    const stat = await file.stat()
    if (!stat.isFile()) return null
    const bytes = new Uint8Array(Math.min(stat.size, limit))
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0)
    return bytes.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

/** How many files below `tile` belong to no tree of `size` entries or to none at all, so that nothing vouches for them. */
export async function countNotCovered(folder: string, size: number): Promise<number> {
  const root = join(folder, 'tile')
  const walk = await unlessAbsent(opendir(root, { recursive: true }), null)
  if (walk === null) return 0
  let count = 0
  for await (const entry of walk) {
    const path = ['tile', ...relative(root, join(entry.parentPath, entry.name)).split(sep)].join('/')
    if (!entry.isDirectory() && !isCovered(path, size)) count += 1
  }
  return count
}

function isCovered(path: string, size: number): boolean {
  const [, level, groups, width] = TILE.exec(path) ?? []
  if (level === undefined || groups === undefined) return false
  const index = Number(groups.replaceAll(/[x/]/g, ''))
  const hashes = level === 'entries' ? size : hashesOnLevel(size, Number(level))
  return index * TILE_WIDTH + Number(width ?? TILE_WIDTH) <= hashes
}

async function unlessAbsent<Value, Absent>(work: Promise<Value>, absent: Absent): Promise<Value | Absent> {
  try {
    return await work
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return absent
    throw error
  }
}
