import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import {
  furnish,
  patientNumber,
  PIN,
  signManual,
  startVault,
  stateOf,
  temporaryFolder,
  weight,
} from '../../faults/support/clinic.ts'
import { chartseal, chartsealBeside, jsonLines } from './run.ts'

const PASSPHRASE = 'oboe quarry lantern 52'

it('backs up a clinic that is in use, and restores it elsewhere', async () => {
  const open = await startVault(temporaryFolder())
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle } = await open.vault.registerPatient(patientNumber(1))
  await signManual(open, handle, [weight('71')])
  const folder = join(temporaryFolder(), 'backups')
  const made = await chartsealBeside(['backup', '--data', open.folder, '--to', folder, '--json'])
  expect(made.stderr).toBe('')
  const file = jsonLines(made.stdout)[0]?.file as string
  expect(readdirSync(folder).map((name) => join(folder, name))).toEqual([file])

  const data = join(temporaryFolder(), 'new')
  const restored = chartseal(['restore', file, '--data', data], `${staff.recoveryKey}\n${PASSPHRASE}\n`)
  expect(restored).toMatchObject({ status: 0, stderr: '' })
  const again = await startVault(data, { nodeSecret: null })
  await again.vault.unlock(PASSPHRASE)
  expect(stateOf(again).state).toBe('ready')
  await again.vault.signIn(staff.nurse, PIN)
  expect((await again.vault.chart(handle, 1)).readings).toMatchObject([{ status: 'verified' }])
})

it('says what stands in the way, and leaves no clinic behind', async () => {
  const open = await startVault(temporaryFolder())
  const { recoveryKey } = await furnish(open)
  const { stdout } = await chartsealBeside(['backup', '--data', open.folder, '--json'])
  const file = jsonLines(stdout)[0]?.file as string
  const cases: [string[], string, string][] = [
    [[file], `${recoveryKey}\n`, 'usage'],
    [[file], `wrong\n${PASSPHRASE}\n`, 'BAD_RECOVERY_KEY'],
    [[file], `${recoveryKey}\nshort\n`, 'WEAK_PASSPHRASE'],
    [[join(open.folder, 'no-such-file')], `${recoveryKey}\n${PASSPHRASE}\n`, 'BAD_BACKUP'],
  ]
  for (const [args, input, expected] of cases) {
    const data = join(temporaryFolder(), 'new')
    const run = chartseal(['restore', ...args, '--data', data], input)
    expect([run.status, run.stderr]).toEqual([2, expect.stringContaining(expected)])
    expect(existsSync(join(data, 'clinic'))).toBe(false)
  }
  const there = chartseal(['restore', file, '--data', open.folder], `${recoveryKey}\n${PASSPHRASE}\n`)
  expect(there.stderr).toContain('WRONG_STATE')
  expect(chartseal(['backup', '--data', temporaryFolder()]).status).toBe(2)
})
