/**
 * A process of its own whose calls to the operating system fail: opens a clinic, signs readings one after the other,
 * says of each what became of it, and closes.
 */
import { writeSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { Vault } from '../../../src/main/core/vault/vault.ts'
import { CodedError } from '../../../src/shared/errors.ts'
import { NODE_SECRET, PIN, weight } from './values.ts'

const [folder = '', nurse = '', patient = '', first = '0', count = '0'] = process.argv.slice(2)
const say = (what: object): void => {
  writeSync(1, `${JSON.stringify(what)}\n`)
}

/** Says which failure `body` met. One that is neither known nor the operating system's ends the process. */
async function attempt(body: () => Promise<void>): Promise<boolean> {
  try {
    await body()
    return true
  } catch (error) {
    const isKnown = error instanceof CodedError || (error instanceof Error && 'syscall' in error)
    if (!isKnown) throw error
    say({ failed: 'code' in error ? String(error.code) : '' })
    return false
  }
}

async function record(vault: Vault, n: number): Promise<void> {
  const value = `${50 + Math.floor(n / 100)}.${String(n % 100).padStart(2, '0')}`
  const manual = [weight(value)]
  const [row] = await vault.signReadings({ as: nurse, handle: patient, drafts: [], manual, late: null })
  if (row?.status !== 'verified') throw new Error('not verified')
  const { entryId, index } = row.position
  say({ entryId, value })
  say({ checkpoint: (await vault.proof(null, index)).checkpoint })
}

const vault = new Vault(() => undefined, Date.now)
const isSignedIn = await attempt(async () => {
  const { state } = await vault.start({ dataFolder: folder, demo: false, nodeSecret: NODE_SECRET, scryptLogN: 10 })
  say({ state })
  if (state === 'ready') await vault.signIn(nurse, PIN)
})
if (isSignedIn) {
  for (let n = Number(first); n < Number(first) + Number(count); n++) await attempt(() => record(vault, n))
  // Long enough for the own mirror, which cosigns once blocks stop coming.
  await wait(60)
}
await attempt(() => vault.close())
