/**
 * A process of its own to be killed: opens a clinic that invites, or joins one with an invitation, and says where it
 * stands. Started again, it goes on wherever it was. Ends in order when its input ends.
 */
import { writeSync } from 'node:fs'
import type { VaultEvent } from '../../../src/main/core/vault-service.ts'
import { Vault } from '../../../src/main/core/vault/vault.ts'
import { NODE_SECRET, PIN } from './values.ts'

const [folder = '', invitation = ''] = process.argv.slice(2)
const say = (what: object): void => {
  writeSync(1, `${JSON.stringify(what)}\n`)
}
const tell = (event: VaultEvent): void => {
  if (event.kind === 'state') say({ state: event.state.state, problem: event.state.problem })
}
const vault = new Vault(tell, Date.now)
const { state } = await vault.start({ dataFolder: folder, demo: false, nodeSecret: NODE_SECRET, scryptLogN: 10 })
if (state === 'first-run') {
  const administrator = { name: 'Ivo Admin', pin: PIN }
  await vault.joinNetwork({ clinicName: 'Hill', passphrase: null, administrator, invitation })
}
process.stdin.resume().on('end', () => {
  void vault.close().then(() => process.exit(0))
})
