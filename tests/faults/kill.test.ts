/**
 * The process is killed at random moments of its work. Whatever was acknowledged is there and verifies, the log goes on
 * from where it was, and there are never two checkpoints of one size.
 */
import Database from 'better-sqlite3'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openKeystore } from '../../src/main/keystore/keystore.ts'
import { runs } from '../support/budget.ts'
import {
  copyOf,
  databaseOf,
  furnish,
  NODE_SECRET,
  patientNumber,
  PIN,
  type Staff,
  startVault,
  stateOf,
  temporaryFolder,
} from './support/clinic.ts'
import { type Random, SEED, seeded } from './support/seeded.ts'

const PROGRAM = join(import.meta.dirname, 'support', 'record-until-killed.ts')
const RECORDINGS = runs(200, 3000)

/** A reading of which the process said that it is recorded. */
interface Acknowledged {
  readonly entryId: string
  readonly value: string
  readonly checkpoint: string
}

/** Every checkpoint text ever seen, by tree size: a second one of the same size is a fork of the log. */
class Checkpoints {
  readonly #bySize = new Map<number, string>()

  see(note: string): void {
    const [, size = ''] = note.split('\n')
    const text = note.slice(0, note.indexOf('\n\n'))
    const known = this.#bySize.get(Number(size)) ?? text
    expect(text).toBe(known)
    this.#bySize.set(Number(size), text)
  }

  get count(): number {
    return this.#bySize.size
  }
}

/** Lets the program record, kills it at a random moment, and replies with what it had acknowledged. */
async function recordAndKill(args: readonly string[], random: Random): Promise<Acknowledged[]> {
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
  // The last line may have been cut.
  return said
    .slice(0, said.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Acknowledged)
}

/** Notes that a stopped process left behind: in the database, and as its high-water mark. */
async function notesIn(folder: string): Promise<string[]> {
  // A copy, so that it is the vault that recovers the write-ahead log of the killed process.
  const copy = copyOf(folder)
  const db = new Database(databaseOf(copy))
  const rows = db.prepare('SELECT note FROM checkpoint').all() as { note: string }[]
  db.close()
  const unlock = { kind: 'system' as const, nodeSecret: NODE_SECRET }
  const keystore = await openKeystore(join(copy, 'clinic', 'keystore'), unlock, { scryptLogN: 10 })
  const mark = keystore.highWater.read()
  keystore.close()
  expect(mark).toBeTypeOf('object')
  return [...rows.map(({ note }) => note), ...(typeof mark === 'object' ? [mark.note] : [])]
}

async function expectAllThere(folder: string, staff: Staff, patient: string, all: readonly Acknowledged[]) {
  const open = await startVault(folder)
  expect(stateOf(open)).toMatchObject({ state: 'ready', problem: null })
  await open.vault.signIn(staff.physician, PIN)
  const { readings } = await open.vault.chart(patient, 1)
  expect(readings.filter(({ status }) => status !== 'verified')).toEqual([])
  const values = new Map(
    readings.flatMap((row) =>
      row.status === 'verified' ? [[row.position.entryId, row.record.quantities[0]?.value]] : [],
    ),
  )
  for (const { entryId, value } of all) expect(values.get(entryId)).toBe(value)
  await open.vault.verifyAll(1)
  const done = open.events.findLast((event) => event.kind === 'verify-all')
  expect(done?.event).toMatchObject({ kind: 'done', findings: 0 })
  expect((await open.vault.ledgerSummary()).highWaterMark).toBe('equal')
  await open.vault.close()
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
