/**
 * A process of its own to be killed: signs readings for ever, a few at a time, and prints each one after it was
 * acknowledged, with the checkpoint that holds it.
 */
import { writeSync } from 'node:fs'
import { Vault } from '../../../src/main/core/vault/vault.ts'
import { NODE_SECRET, PIN, weight } from './values.ts'

const [folder = '', nurse = '', patient = '', first = '0'] = process.argv.slice(2)
const vault = new Vault(() => undefined, Date.now)
const { state } = await vault.start({ dataFolder: folder, demo: false, nodeSecret: NODE_SECRET, scryptLogN: 10 })
if (state !== 'ready') throw new Error(`the vault is ${state}`)
await vault.signIn(nurse, PIN)

async function record(n: number): Promise<void> {
  const value = `${50 + Math.floor(n / 100)}.${String(n % 100).padStart(2, '0')}`
  const [row] = await vault.signReadings({
    as: nurse,
    handle: patient,
    drafts: [],
    manual: [weight(value)],
    late: null,
  })
  if (row?.status !== 'verified') throw new Error('not verified')
  const { checkpoint } = await vault.proof(null, row.position.index)
  writeSync(1, `${JSON.stringify({ entryId: row.position.entryId, value, checkpoint })}\n`)
}

for (let n = Number(first); ; n += 3) await Promise.all([record(n), record(n + 1), record(n + 2)])
