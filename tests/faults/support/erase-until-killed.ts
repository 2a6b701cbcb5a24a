/** A process of its own to be killed: says that it begins, and erases everything about one patient. */
import { writeSync } from 'node:fs'
import { Vault } from '../../../src/main/core/vault/vault.ts'
import { NODE_SECRET, PIN } from './values.ts'

const [folder = '', it = '', physician = '', patient = ''] = process.argv.slice(2)
const vault = new Vault(() => undefined, Date.now)
await vault.start({ dataFolder: folder, demo: false, nodeSecret: NODE_SECRET, scryptLogN: 10 })
await vault.signIn(it, PIN)
const why = { reason: 'patient-request', authority: 'gdpr-17', pin: PIN }
const { id } = await vault.requestErasure({ handle: patient, records: null, ...why })
await vault.signIn(physician, PIN)
writeSync(1, 'begin\n')
await vault.approveErasure({ id, pin: PIN })
writeSync(1, 'done\n')
setInterval(() => undefined, 1000)
