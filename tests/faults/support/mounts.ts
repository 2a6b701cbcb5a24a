/** Disks that are full or read-only: file systems of their own, which only an administrator of Linux can mount. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** Mounted and unmounted once, to see whether we may. */
export function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  const folder = mkdtempSync(join(tmpdir(), 'chartseal-mount-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' })
    execFileSync('umount', [folder], { stdio: 'ignore' })
    return true
  } catch {
    return false
  } finally {
    rmdirSync(folder)
  }
}

/** A disk of `size` (as `mount` writes it), gone after the test. */
export function smallDisk(size: string): string {
  return mounted(['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs'])
}

/** The same files as in `folder`, where nobody can change them. */
export function readOnlyView(folder: string): string {
  const view = mounted(['--bind', folder])
  execFileSync('mount', ['-o', 'remount,bind,ro', view])
  return view
}

function mounted(args: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'chartseal-mount-'))
  execFileSync('mount', [...args, folder])
  onTestFinished(() => {
    // Lazy: a connection that a failed test left open must not keep it.
    execFileSync('umount', ['--lazy', folder])
    rmdirSync(folder)
  })
  return folder
}
