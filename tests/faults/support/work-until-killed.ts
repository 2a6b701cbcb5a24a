/** A process of its own to be killed: registers a patient with planted names and signs planted values for ever. */
import { writeSync } from 'node:fs'
import { Vault } from '../../../src/main/core/vault/vault.ts'
import { PLANTED } from './planted.ts'
import { NODE_SECRET, PIN, weight } from './values.ts'

const [folder = '', nurse = ''] = process.argv.slice(2)
const vault = new Vault(() => undefined, Date.now)
await vault.start({ dataFolder: folder, demo: false, nodeSecret: NODE_SECRET, scryptLogN: 10 })
await vault.signIn(nurse, PIN)
const { handle } = await vault.registerPatient({
  familyName: PLANTED[0],
  givenName: PLANTED[1],
  birthDate: PLANTED[2],
  gender: 'female',
  identifier: PLANTED[3],
})
for (;;) {
  await vault.signReadings({ as: nurse, handle, drafts: [], manual: [weight('137.25')], late: null })
  await vault.chart(handle, 1)
  writeSync(1, 'recorded\n')
}
