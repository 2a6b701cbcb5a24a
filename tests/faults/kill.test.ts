/**
 * The process is killed at random moments of its work. Whatever was acknowledged is there and verifies, the log goes on
 * from where it was, and there are never two checkpoints of one size.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { runs } from '../support/budget.ts'
import { type Acknowledged, Checkpoints, expectAllThere, linesOf, notesIn } from './support/acknowledged.ts'
import { furnish, patientNumber, PIN, startVault, temporaryFolder } from './support/clinic.ts'
import { type Random, SEED, seeded } from './support/seeded.ts'

const PROGRAM = join(import.meta.dirname, 'support', 'record-until-killed.ts')
const RECORDINGS = runs(200, 3000)

interface Line extends Acknowledged {
  readonly checkpoint: string
}

/** Lets the program record, kills it at a random moment, and replies with what it had acknowledged. */
async function recordAndKill(args: readonly string[], random: Random): Promise<Line[]> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const enough = random.below(30)
  const moment = random.below(25)
  let said = ''
  let isDying = false
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    if (isDying || said.split('\n').length <= enough) return
    isDying = true
    // Any moment between two acknowledgements.
    setTimeout(() => child.kill('SIGKILL'), moment)
  })
  const [, signal] = (await once(child, 'close')) as [number | null, string | null]
  expect(signal).toBe('SIGKILL')
  return linesOf<Line>(said)
}

it(`keeps ${RECORDINGS} recordings through kills (seed ${SEED})`, { timeout: 1_800_000 }, async () => {
  const random = seeded('kill')
  const folder = temporaryFolder()
  const open = await startVault(folder)
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle } = await open.vault.registerPatient(patientNumber(1))
  await open.vault.close()
  const checkpoints = new Checkpoints()
  const all: Acknowledged[] = []
  let kills = 0
  while (all.length < RECORDINGS) {
    // Leaves a gap: what was not acknowledged may have been recorded.
    const args = [folder, staff.nurse, handle, String(all.length + kills * 6)]
    const acknowledged = await recordAndKill(args, random)
    kills += 1
    all.push(...acknowledged)
    for (const { checkpoint } of acknowledged) checkpoints.see(checkpoint)
    for (const note of await notesIn(folder)) checkpoints.see(note)
    await expectAllThere(folder, staff, handle, all)
    for (const note of await notesIn(folder)) checkpoints.see(note)
  }
  expect(kills).toBeGreaterThan(3)
  expect(checkpoints.count).toBeGreaterThan(RECORDINGS / 3)
})
