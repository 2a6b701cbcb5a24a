// One installation or build at a time: two starts of a fresh checkout must not write the same folders.
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { setTimeout as wait } from 'node:timers/promises'
import { inProject } from './project.mjs'

/** Runs `work` while no other script of this checkout does. A lock whose process is gone is taken over. */
export async function exclusively(work) {
  const file = inProject('.cache', 'scripts.lock')
  mkdirSync(inProject('.cache'), { recursive: true })
  while (!acquire(file)) await wait(200)
  try {
    return await work()
  } finally {
    rmSync(file, { force: true })
  }
}

function acquire(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    if (isAbandoned(file)) rmSync(file, { force: true })
    return false
  }
}

function isAbandoned(file) {
  try {
    const pid = Number(readFileSync(file, 'utf8'))
    // Its owner is just about to write its number, or crashed while it was.
    return pid > 0 ? !isAlive(pid) : Date.now() - statSync(file).mtimeMs > 10_000
  } catch {
    // Released in the meantime.
    return false
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}
