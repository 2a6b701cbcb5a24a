/** A process of its own to be killed: says that it begins, and erases everything about one patient. */
import { writeSync } from 'node:fs'
import { Vault } from '../../../src/main/core/vault/vault.ts'
import { eraseByTwo } from './erasing.ts'
import { NODE_SECRET, PIN } from './values.ts'

const [folder = '', it = '', physician = '', patient = ''] = process.argv.slice(2)
const vault = new Vault(() => undefined, Date.now)
await vault.start({ dataFolder: folder, demo: false, nodeSecret: NODE_SECRET, scryptLogN: 10 })
await vault.signIn(it, PIN)
writeSync(1, 'begin\n')
await eraseByTwo(vault, { it, physician }, { handle: patient })
writeSync(1, 'done\n')
setInterval(() => undefined, 1000)
