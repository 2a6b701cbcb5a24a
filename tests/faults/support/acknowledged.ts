/** What a process said before it ended, and that it still holds afterwards. */
import Database from 'better-sqlite3'
import { join } from 'node:path'
import { expect } from 'vitest'
import { openKeystore } from '../../../src/main/keystore/keystore.ts'
import { copyOf, databaseOf, NODE_SECRET, PIN, type Staff, startVault, stateOf } from './clinic.ts'

/** A reading of which a process said that it is recorded. */
export interface Acknowledged {
  readonly entryId: string
  readonly value: string
}

/** Every checkpoint text ever seen, by tree size: a second one of the same size is a fork of the log. */
export class Checkpoints {
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

/** Whole lines of JSON; the last may have been cut. */
export function linesOf<Line>(said: string): Line[] {
  const whole = said.slice(0, said.lastIndexOf('\n') + 1).split('\n')
  return whole.filter((line) => line !== '').map((line) => JSON.parse(line) as Line)
}

/** Notes that a stopped process left behind: in the database, and as its high-water mark. */
export async function notesIn(folder: string): Promise<string[]> {
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

/** Opens the clinic: it is ready, everything in it verifies, and all that was acknowledged is there. */
export async function expectAllThere(folder: string, staff: Staff, patient: string, all: readonly Acknowledged[]) {
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
