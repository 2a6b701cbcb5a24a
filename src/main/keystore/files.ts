/**
 * Files of the keystore: private to the account, and replaced whole or not at all.
 *
 * @packageDocumentation
 */
import {
  closeSync,
  chmodSync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { guardedFiles } from './errors.ts'

/** Makes a folder that only this account may enter, and keeps an existing one so. */
export function makePrivateFolder(folder: string): void {
  guardedFiles('making a keystore folder', () => {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const { mode } = statSync(folder)
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) chmodSync(folder, mode & 0o700)
  })
}

/** The file's bytes, null when there is none. */
export function readFileIfAny(file: string): Uint8Array | null {
  return guardedFiles('reading a keystore file', () => {
    try {
      return new Uint8Array(readFileSync(file))
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
      throw error
    }
  })
}

/** Removes a file. Durable when this returns. */
export function removeFile(file: string): void {
  guardedFiles('removing a keystore file', () => {
    rmSync(file, { force: true })
    syncFolder(dirname(file))
  })
}

/**
 * Replaces a file. After a crash at any point the old content or the new one is there in full: the new one is synced
 * before it takes the name, and the name is synced before this returns.
 */
export function writeFileAtomically(file: string, content: Uint8Array): void {
  guardedFiles('writing a keystore file', () => {
    const draft = `${file}.new`
    rmSync(draft, { force: true })
    try {
      writeAndSync(draft, content)
      renameSync(draft, file)
    } catch (error) {
      rmSync(draft, { force: true })
      throw error
    }
    syncFolder(dirname(file))
  })
}

function writeAndSync(file: string, content: Uint8Array): void {
  const handle = openSync(file, 'wx', 0o600)
  try {
    writeWhole(handle, content, 0)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

/** Overwrites part of an open file and syncs it. Not atomic: a crash may leave any mix of old and new bytes. */
export function overwriteAndSync(handle: number, content: Uint8Array, position: number): void {
  guardedFiles('overwriting a keystore file', () => {
    writeWhole(handle, content, position)
    fdatasyncSync(handle)
  })
}

/** A write may be short; the rest follows, and reports why when it cannot. */
function writeWhole(handle: number, content: Uint8Array, position: number): void {
  let done = 0
  while (done < content.length) {
    done += writeSync(handle, content, done, content.length - done, position + done)
  }
}

/** Makes names in a folder durable. Windows has no such call and keeps the order of renames by itself. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
