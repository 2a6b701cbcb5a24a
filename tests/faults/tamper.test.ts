/**
 * Somebody changes the files of a closed clinic. On the next start no wrong value is shown, what was reached names the
 * step that failed, everything else is as before, and the clinic can go on writing.
 */
import Database from 'better-sqlite3'
import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { runs } from '../support/budget.ts'
import {
  codeOf,
  copyOf,
  databaseOf,
  forWholeFile,
  PIN,
  signManual,
  startVault,
  stateOf,
  temporaryFolder,
  weight,
} from './support/clinic.ts'
import { ATTACKS, attacked, type Closed, largeClinic, NOTHING, onTile, range, smallClinic } from './support/attacks.ts'
import {
  expectOnlyReached,
  indexOf,
  type Picture,
  type Reached,
  type Shown,
  takePicture,
  withoutGrade,
} from './support/picture.ts'
import { SEED, seeded } from './support/seeded.ts'

const TRIALS = runs(2, 40)

/** The next start: shows what it may, and goes on writing, also after another start. */
async function expectStart(clinic: Closed, folder: string, reached: Reached): Promise<void> {
  const open = await startVault(folder)
  expect(stateOf(open)).toMatchObject({ state: 'ready', problem: null })
  const after = await takePicture(open, clinic.staff, clinic.patients)
  expectOnlyReached(clinic.before, after, reached)
  const healthy = clinic.before.rows.find((shown) => shown.seq === 0 && !reached.has(indexOf(shown)))
  const signed = healthy === undefined ? null : await signManual(open, healthy.patient, [weight('88.8')])
  const written = signed?.map(withoutGrade)
  expect(written?.map(({ status }) => status) ?? ['verified']).toEqual(['verified'])
  await open.vault.close()
  const again = await startVault(folder)
  expect(stateOf(again)).toMatchObject({ state: 'ready', problem: null })
  const { rows } = await takePicture(again, clinic.staff, clinic.patients)
  for (const row of written ?? []) expect(rows.map((shown) => shown.row)).toContainEqual(row)
  expectNothingWrong(
    clinic.before,
    rows.filter(({ row }) => !isEqual(row, written?.[0])),
  )
  await again.vault.close()
}

/** Whatever is shown was shown before. */
function expectNothingWrong(before: Picture, rows: readonly Shown[]): void {
  const known = new Map(before.rows.map((shown) => [indexOf(shown), shown.row]))
  for (const { row } of rows) if (row.status === 'verified') expect(row).toEqual(known.get(row.position.index))
}

const isEqual = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)

describe(`a clinic whose closed database is changed (seed ${SEED})`, () => {
  let small: Closed
  let large: Closed
  beforeAll(async () => {
    small = await forWholeFile(smallClinic)
    large = await forWholeFile(largeClinic)
  })

  it('shows everything again when nothing was changed', async () => {
    expect(small.before.rows.length).toBeGreaterThanOrEqual(18)
    await expectStart(small, copyOf(small.folder), NOTHING)
    expect(large.entries.length).toBeGreaterThan(256)
    await expectStart(large, copyOf(large.folder), NOTHING)
  })

  it.each(ATTACKS)('%s', { timeout: 600_000 }, async (title, attack) => {
    const random = seeded(title)
    for (let trial = 0; trial < TRIALS; trial++) {
      const reached: { value: Reached } = { value: NOTHING }
      const folder = attacked(small, (db) => (reached.value = attack(small, db, random)))
      await expectStart(small, folder, reached.value)
    }
  })

  it.each([
    ['a byte of a full or partial tile', onTile(0)],
    ['a byte of a tile of tiles', onTile(1)],
  ])('%s of a larger log', { timeout: 600_000 }, async (title, attack) => {
    const random = seeded(title)
    for (let trial = 0; trial < TRIALS; trial++) {
      const reached: { value: Reached } = { value: NOTHING }
      const folder = attacked(large, (db) => (reached.value = attack(large, db, random)))
      await expectStart(large, folder, reached.value)
    }
  })

  it.each([
    ['every tile', 'DELETE FROM tile'],
    ['the tile of tiles', 'DELETE FROM tile WHERE level = 1'],
    ['the full tile of leaves', 'DELETE FROM tile WHERE level = 0 AND idx = 0'],
  ])('finds %s again that was deleted', { timeout: 60_000 }, async (_title, sql) => {
    const folder = attacked(large, (db) => void db.exec(sql))
    await expectStart(large, folder, NOTHING)
  })

  it('refuses to sign over a database that was rolled back', async () => {
    const { folder, staff, patients } = small
    const later = copyOf(folder)
    const old = readFileSync(databaseOf(later))
    const open = await startVault(later)
    await open.vault.signIn(staff.nurse, PIN)
    await signManual(open, patients[0] ?? '', [weight('99.9')])
    await open.vault.close()
    writeFileSync(databaseOf(later), old)
    await expectRecovery(later, small)
  })

  it('refuses to sign over a log whose newest block was cut off without a trace', async () => {
    const { folder, staff, patients } = small
    const later = copyOf(folder)
    const earlier = new Database(databaseOf(later))
    const tiles = earlier.prepare('SELECT * FROM tile').all() as Record<string, unknown>[]
    earlier.close()
    const open = await startVault(later)
    await open.vault.signIn(staff.nurse, PIN)
    await signManual(open, patients[0] ?? '', [weight('99.9')])
    await open.vault.close()
    const db = new Database(databaseOf(later))
    const { size } = db.prepare('SELECT size FROM checkpoint ORDER BY size DESC LIMIT 1 OFFSET 1').get() as {
      size: number
    }
    for (const table of ['entry', 'payload', 'subject_entry', 'entry_id'])
      db.exec(`DELETE FROM ${table} WHERE idx >= ${size}`)
    db.exec(`DELETE FROM checkpoint WHERE size > ${size}`)
    for (const { level, idx, hashes } of tiles)
      db.prepare('UPDATE tile SET hashes = ? WHERE level = ? AND idx = ?').run(hashes, level, idx)
    db.close()
    await expectRecovery(later, small)
  })

  it('names the entries of a newest block whose rows were deleted, when the tree still holds them', async () => {
    const { folder, blocks } = small
    const { firstIndex, size, block } = blocks[0] ?? { firstIndex: 0, size: 0, block: 0 }
    const cut = attacked(small, (db) => {
      for (const table of ['entry', 'payload']) db.exec(`DELETE FROM ${table} WHERE idx >= ${firstIndex}`)
      db.exec(`DELETE FROM checkpoint WHERE block = ${block}`)
    })
    expect(statSync(databaseOf(folder)).isFile()).toBe(true)
    await expectStart(small, cut, range(firstIndex, size, 'present', 'completeness'))
  })

  it('shows nothing wrong whichever bytes of the file are changed', { timeout: 900_000 }, async () => {
    const random = seeded('file')
    let shown = 0
    for (let trial = 0; trial < runs(60, 2000); trial++) {
      const folder = copyOf(small.folder)
      const bytes = readFileSync(databaseOf(folder))
      const at = random.below(bytes.length)
      bytes[at] = (bytes[at] ?? 0) ^ (1 + random.below(255))
      writeFileSync(databaseOf(folder), bytes)
      shown += await expectNothingWrongIn(folder, small, at)
    }
    // Most flips reach one row or none.
    expect(shown).toBeGreaterThan(0)
  })
})

/** Starts on a damaged file: a named failure at some point, or only right values. Replies with how many. */
async function expectNothingWrongIn(folder: string, clinic: Closed, at: number): Promise<number> {
  const open = await startVault(folder)
  try {
    if (stateOf(open).state !== 'ready') {
      expect({ at, state: stateOf(open).state, problem: stateOf(open).problem }).toMatchObject({
        problem: expect.stringMatching(/^(DATABASE_DAMAGED|DATABASE_NEWER|RECOVERY_NEEDED)$/) as string,
      })
      return 0
    }
    const seen: Shown[] = []
    const code = await codeOf(async () => {
      seen.push(...(await takePicture(open, clinic.staff, clinic.patients)).rows)
    })
    expect([at, code ?? 'fine']).toEqual([
      at,
      expect.stringMatching(/^(fine|DATABASE_DAMAGED|RECORD_NOT_VERIFIED|STATE_UNKNOWN|WRONG_STATE)$/),
    ])
    expectNothingWrong(clinic.before, seen)
    return seen.filter(({ row }) => row.status === 'verified').length
  } finally {
    await open.vault.close().catch(() => undefined)
  }
}

/** A state with a name, in which nothing is shown or signed. */
async function expectRecovery(folder: string, { staff }: Closed): Promise<void> {
  const before = readFileSync(databaseOf(folder))
  const open = await startVault(folder)
  expect(stateOf(open)).toMatchObject({ state: 'recovery-needed', problem: 'RECOVERY_NEEDED' })
  expect(await codeOf(() => open.vault.signIn(staff.nurse, PIN))).toBe('WRONG_STATE')
  expect(await codeOf(() => open.vault.signReadings({ as: '', handle: '', drafts: [], manual: [], late: null }))).toBe(
    'WRONG_STATE',
  )
  await open.vault.close()
  const kept = temporaryFolder()
  copyFileSync(databaseOf(folder), `${kept}/after`)
  expect(readFileSync(`${kept}/after`).equals(before)).toBe(true)
}
