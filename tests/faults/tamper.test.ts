/**
 * Somebody changes the files of a closed clinic. On the next start no wrong value is shown, what was reached names the
 * step that failed, everything else is as before, and the clinic can go on writing.
 */
import Database from 'better-sqlite3'
import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import type { VerifyStep } from '../../src/shared/api/codes.ts'
import { runs } from '../support/budget.ts'
import {
  codeOf,
  copyOf,
  databaseOf,
  forWholeFile,
  furnish,
  patientNumber,
  PIN,
  signFromDevice,
  signManual,
  type Staff,
  startVault,
  stateOf,
  temporaryFolder,
  tickingClock,
  weight,
} from './support/clinic.ts'
import { expectOnlyReached, indexOf, type Picture, type Reached, type Shown, takePicture } from './support/picture.ts'
import { type Random, SEED, seeded } from './support/seeded.ts'

/** A closed clinic, and what it showed. */
interface Closed {
  readonly folder: string
  readonly staff: Staff
  readonly patients: readonly string[]
  readonly before: Picture
  readonly entries: readonly { index: number; type: string | null; subject: string | null }[]
  readonly blocks: readonly { firstIndex: number; size: number; block: number }[]
}

const TRIALS = runs(2, 40)

/** Readings of three patients, from keyboard and device, in blocks of several entries. */
async function smallClinic(): Promise<Closed> {
  return closedClinic(async (open, patients) => {
    for (let n = 0; n < 10; n++) {
      const patient = patients[n % patients.length] ?? ''
      if (n % 2 === 0) await signFromDevice(open, patient, n)
      else await signManual(open, patient, [weight(`${60 + n}.${n}`), weight(`${61 + n}.${n}`)])
    }
  })
}

/** More than 256 entries: one full tile of leaves, and a tile above it. */
async function largeClinic(): Promise<Closed> {
  return closedClinic(async (open, patients) => {
    for (let n = 0; n < 9; n++) {
      const values = Array.from({ length: 30 }, (_, i) => weight(`${50 + n}.${i}`))
      await signManual(open, patients[n % patients.length] ?? '', values)
    }
    for (let n = 0; n < 4; n++) await signFromDevice(open, patients[n % patients.length] ?? '', n)
  })
}

async function closedClinic(
  work: (open: Awaited<ReturnType<typeof startVault>>, patients: readonly string[]) => Promise<void>,
): Promise<Closed> {
  const folder = temporaryFolder()
  const open = await startVault(folder, { nowMs: tickingClock() })
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const patients: string[] = []
  for (let n = 0; n < 3; n++) patients.push((await open.vault.registerPatient(patientNumber(n))).handle)
  await work(open, patients)
  await open.vault.close()
  const look = await startVault(copyOf(folder))
  await look.vault.signIn(staff.nurse, PIN)
  const { size } = await look.vault.ledgerSummary()
  const entries = await look.vault.entries(null, 0, size)
  const blocks = await look.vault.blocks(null, null, 1000)
  const before = await takePicture(look, staff, patients)
  await look.vault.close()
  return { folder, staff, patients, before, entries, blocks }
}

/** Attacks the database of a copy, and replies with the copy. */
function attacked({ folder }: Closed, attack: (db: Database.Database) => void): string {
  const copy = copyOf(folder)
  const db = new Database(databaseOf(copy))
  try {
    db.pragma('foreign_keys = OFF')
    attack(db)
  } finally {
    db.close()
  }
  return copy
}

/** The next start: shows what it may, and goes on writing, also after another start. */
async function expectStart(clinic: Closed, folder: string, reached: Reached): Promise<void> {
  const open = await startVault(folder)
  expect(stateOf(open)).toMatchObject({ state: 'ready', problem: null })
  const after = await takePicture(open, clinic.staff, clinic.patients)
  expectOnlyReached(clinic.before, after, reached)
  const healthy = clinic.before.rows.find((shown) => shown.seq === 0 && !reached.has(indexOf(shown)))
  const written = healthy === undefined ? null : await signManual(open, healthy.patient, [weight('88.8')])
  expect(written?.map(({ status }) => status) ?? ['verified']).toEqual(['verified'])
  await open.vault.close()
  const again = await startVault(folder)
  expect(stateOf(again)).toMatchObject({ state: 'ready', problem: null })
  const { rows } = await takePicture(again, clinic.staff, clinic.patients)
  for (const row of written ?? []) expect(rows.map((shown) => shown.row)).toContainEqual(row)
  expectNothingWrong(
    clinic.before,
    rows.filter(({ row }) => row !== written?.[0] && !isEqual(row, written?.[0])),
  )
  await again.vault.close()
}

/** Whatever is shown was shown before. */
function expectNothingWrong(before: Picture, rows: readonly Shown[]): void {
  const known = new Map(before.rows.map((shown) => [indexOf(shown), shown.row]))
  for (const { row } of rows) if (row.status === 'verified') expect(row).toEqual(known.get(row.position.index))
}

const isEqual = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)

/** Flips one bit or more of one byte of a blob or text. */
function flipped(stored: Uint8Array, random: Random): Uint8Array {
  const bytes = Uint8Array.from(stored)
  const at = random.below(bytes.length)
  bytes[at] = (bytes[at] ?? 0) ^ (1 + random.below(255))
  return bytes
}

function flipCell(db: Database.Database, table: string, column: string, where: string, random: Random): void {
  const row = db
    .prepare(`SELECT rowid AS "at", CAST(${column} AS BLOB) AS cell FROM ${table} WHERE ${where}`)
    .get() as {
    at: number
    cell: Uint8Array
  }
  const type = column === 'note' ? 'TEXT' : 'BLOB'
  db.prepare(`UPDATE ${table} SET ${column} = CAST(? AS ${type}) WHERE rowid = ?`).run(
    flipped(row.cell, random),
    row.at,
  )
}

/** What stands in the way of showing the entries from `first` to before `end`. */
function range(first: number, end: number, ...steps: VerifyStep[]): Reached {
  return new Map(Array.from({ length: end - first }, (_, i) => [first + i, steps]))
}
const one = (index: number, ...steps: VerifyStep[]): Reached => range(index, index + 1, ...steps)
const NOTHING: Reached = new Map()

/** Entries that decide about keys have copies beside the keystore, which stand in for their rows. */
const HAS_COPY = new Set(['roster', 'contract', 'practitioner.enrolled', 'device.enrolled'])

/** Changes the database and says what that reaches. */
type Attack = (clinic: Closed, db: Database.Database, random: Random) => Reached

/** An attack on the row of one entry. */
function onEntry(
  steps: readonly VerifyStep[],
  change: (db: Database.Database, index: number, random: Random) => void,
): Attack {
  return ({ entries }, db, random) => {
    const { index, type } = random.oneOf(entries)
    change(db, index, random)
    return HAS_COPY.has(type ?? '') ? NOTHING : one(index, ...steps)
  }
}

/** An attack on what lies beside an entry that shows a patient or a reading. */
function onValue(
  steps: readonly VerifyStep[],
  change: (db: Database.Database, index: number, random: Random) => void,
): Attack {
  return ({ before }, db, random) => {
    const index = indexOf(random.oneOf(before.rows))
    change(db, index, random)
    return one(index, ...steps)
  }
}

function onCheckpoint(change: (db: Database.Database, block: number, random: Random) => void): Attack {
  return ({ blocks }, db, random) => {
    const { block, firstIndex, size } = random.oneOf(blocks)
    change(db, block, random)
    return range(firstIndex, size, 'checkpoint')
  }
}

/** A slot of a tile holds the hashes of 256 ** level leaves. */
function onTile(level: number): Attack {
  return ({ entries }, db, random) => {
    const tiles = db.prepare('SELECT rowid, idx, hashes FROM tile WHERE level = ?').all(level) as {
      rowid: number
      idx: number
      hashes: Uint8Array
    }[]
    const { rowid, idx, hashes } = random.oneOf(tiles)
    const bytes = Uint8Array.from(hashes)
    const at = random.below(bytes.length)
    bytes[at] = (bytes[at] ?? 0) ^ (1 + random.below(255))
    db.prepare('UPDATE tile SET hashes = ? WHERE rowid = ?').run(bytes, rowid)
    const width = 256 ** level
    const first = (idx * 256 + Math.floor(at / 32)) * width
    return range(first, Math.min(first + width, entries.length), 'inclusion')
  }
}

const ATTACKS: readonly (readonly [title: string, attack: Attack])[] = [
  [
    'a byte of an entry',
    onEntry(['inclusion'], (db, index, random) => {
      flipCell(db, 'entry', 'bytes', `idx = ${index}`, random)
    }),
  ],
  ['an entry is deleted', onEntry(['present'], (db, index) => void db.exec(`DELETE FROM entry WHERE idx = ${index}`))],
  [
    'an entry is cut short',
    onEntry(['inclusion'], (db, index) => {
      db.exec(`UPDATE entry SET bytes = substr(bytes, 1, length(bytes) - 1) WHERE idx = ${index}`)
    }),
  ],
  [
    'a byte of a ciphertext',
    onValue(['ciphertext'], (db, index, random) => {
      flipCell(db, 'payload', 'ciphertext', `idx = ${index}`, random)
    }),
  ],
  [
    'a byte of a wrapped key',
    onValue(['decrypt'], (db, index, random) => {
      flipCell(db, 'payload', 'wrapped_key', `idx = ${index}`, random)
    }),
  ],
  [
    'a byte of a salt',
    onValue(['decrypt'], (db, index, random) => {
      flipCell(db, 'payload', 'salt', `idx = ${index}`, random)
    }),
  ],
  [
    'a payload is deleted',
    onValue(['ciphertext'], (db, index) => void db.exec(`DELETE FROM payload WHERE idx = ${index}`)),
  ],
  [
    'a payload is emptied',
    onValue(['ciphertext'], (db, index) => void db.exec(`UPDATE payload SET ciphertext = x'' WHERE idx = ${index}`)),
  ],
  [
    'two payloads are swapped',
    ({ before }, db, random) => {
      const [a, b] = twoValues(before, random)
      swap(db, 'payload', a, b)
      return new Map([...one(a, 'ciphertext'), ...one(b, 'ciphertext')])
    },
  ],
  [
    'the keys of two payloads are swapped',
    ({ before }, db, random) => {
      const [a, b] = twoValues(before, random)
      const key = (index: number) =>
        (db.prepare('SELECT wrapped_key AS k FROM payload WHERE idx = ?').get(index) as { k: Uint8Array }).k
      const keys = [key(a), key(b)]
      db.prepare('UPDATE payload SET wrapped_key = ? WHERE idx = ?').run(keys[1], a)
      db.prepare('UPDATE payload SET wrapped_key = ? WHERE idx = ?').run(keys[0], b)
      return new Map([...one(a, 'decrypt'), ...one(b, 'decrypt')])
    },
  ],
  [
    'two entries are swapped',
    ({ before }, db, random) => {
      const [a, b] = twoValues(before, random)
      swap(db, 'entry', a, b)
      return new Map([...one(a, 'inclusion'), ...one(b, 'inclusion')])
    },
  ],
  [
    'an entry is replaced by a copy of another',
    ({ before }, db, random) => {
      const [a, b] = twoValues(before, random)
      db.exec(`UPDATE entry SET bytes = (SELECT bytes FROM entry WHERE idx = ${b}) WHERE idx = ${a}`)
      return one(a, 'inclusion')
    },
  ],
  [
    'an entry and its payload are replaced by those of another',
    ({ before }, db, random) => {
      const [a, b] = twoValues(before, random)
      db.exec(`UPDATE entry SET bytes = (SELECT bytes FROM entry WHERE idx = ${b}) WHERE idx = ${a}`)
      for (const column of ['ciphertext', 'wrapped_key', 'salt'])
        db.exec(`UPDATE payload SET ${column} = (SELECT ${column} FROM payload WHERE idx = ${b}) WHERE idx = ${a}`)
      return one(a, 'inclusion')
    },
  ],
  ['a byte of a tile of leaves', onTile(0)],
  [
    'a tile of leaves is deleted',
    (_clinic, db, random) => {
      const { idx } = random.oneOf(db.prepare('SELECT idx FROM tile WHERE level = 0').all() as { idx: number }[])
      db.exec(`DELETE FROM tile WHERE level = 0 AND idx = ${idx}`)
      return NOTHING
    },
  ],
  [
    'a byte of a checkpoint',
    onCheckpoint((db, block, random) => {
      flipCell(db, 'checkpoint', 'note', `block = ${block}`, random)
    }),
  ],
  [
    'a checkpoint is deleted',
    onCheckpoint((db, block) => void db.exec(`DELETE FROM checkpoint WHERE block = ${block}`)),
  ],
  [
    'the newest checkpoint is deleted',
    ({ blocks }, db) => {
      const { block, firstIndex, size } = blocks[0] ?? { block: 0, firstIndex: 0, size: 0 }
      db.exec(`DELETE FROM checkpoint WHERE block = ${block}`)
      return range(firstIndex, size, 'checkpoint')
    },
  ],
  [
    'a patient’s epoch keys are deleted',
    ({ before, patients }, db, random) => {
      const patient = random.oneOf(patients)
      db.exec(`DELETE FROM epoch_key WHERE subject = x'${patient}'`)
      return new Map(
        before.rows.filter((shown) => shown.patient === patient).map((shown) => [indexOf(shown), ['decrypt']]),
      )
    },
  ],
  [
    'a byte of a patient’s epoch keys',
    ({ before, patients }, db, random) => {
      const patient = random.oneOf(patients)
      const rows = db.prepare(`SELECT recipient, sealed FROM epoch_key WHERE subject = x'${patient}'`).all() as {
        recipient: Uint8Array
        sealed: Uint8Array
      }[]
      for (const { recipient, sealed } of rows)
        db.prepare('UPDATE epoch_key SET sealed = ? WHERE recipient = ? AND subject = ?').run(
          flipped(sealed, random),
          recipient,
          Buffer.from(patient, 'hex'),
        )
      return new Map(
        before.rows.filter((shown) => shown.patient === patient).map((shown) => [indexOf(shown), ['decrypt']]),
      )
    },
  ],
  [
    'the index tables are emptied',
    (_clinic, db) => {
      db.exec('DELETE FROM subject_entry; DELETE FROM entry_id')
      return NOTHING
    },
  ],
  [
    'the index gives two entries one number',
    ({ before }, db, random) => {
      const { patient, seq } = random.oneOf(before.rows.filter((shown) => shown.seq > 0))
      db.exec(`UPDATE subject_entry SET seq = ${seq - 1} WHERE subject = x'${patient}' AND seq = ${seq}`)
      return NOTHING
    },
  ],
  [
    'an entry and its index rows are deleted',
    ({ before }, db, random) => {
      const index = indexOf(random.oneOf(before.rows))
      for (const table of ['entry', 'subject_entry', 'entry_id']) db.exec(`DELETE FROM ${table} WHERE idx = ${index}`)
      return one(index, 'present', 'completeness')
    },
  ],
  [
    'a registration and its index rows are deleted',
    ({ before, patients }, db, random) => {
      const patient = random.oneOf(patients)
      const shown = before.rows.find((row) => row.patient === patient && row.seq === 0)
      const index = shown === undefined ? 0 : indexOf(shown)
      for (const table of ['entry', 'subject_entry', 'entry_id']) db.exec(`DELETE FROM ${table} WHERE idx = ${index}`)
      return one(index, 'present', 'completeness')
    },
  ],
  [
    'the tree’s hash of an entry that decides about keys',
    ({ entries }, db, random) => {
      const { index } = random.oneOf(entries.filter(({ type }) => HAS_COPY.has(type ?? '')))
      const { hashes } = db.prepare('SELECT hashes FROM tile WHERE level = 0 AND idx = 0').get() as {
        hashes: Uint8Array
      }
      const bytes = Uint8Array.from(hashes)
      const at = index * 32 + random.below(32)
      bytes[at] = (bytes[at] ?? 0) ^ (1 + random.below(255))
      db.prepare('UPDATE tile SET hashes = ? WHERE level = 0 AND idx = 0').run(bytes)
      return NOTHING
    },
  ],
  [
    'an entry is deleted, and the index gives it an absurd number',
    ({ before }, db, random) => {
      const index = indexOf(random.oneOf(before.rows))
      db.exec(`DELETE FROM entry WHERE idx = ${index}`)
      db.exec(`UPDATE subject_entry SET seq = 9007199254740990 WHERE idx = ${index}`)
      return one(index, 'present', 'completeness')
    },
  ],
]

function twoValues({ rows }: Picture, random: Random): [number, number] {
  const a = indexOf(random.oneOf(rows))
  return [a, indexOf(random.oneOf(rows.filter((shown) => indexOf(shown) !== a)))]
}

function swap(db: Database.Database, table: string, a: number, b: number): void {
  const at = (index: number) => 2 ** 40 + index
  db.exec(`UPDATE ${table} SET pos = 1 WHERE pos = ${at(a)}`)
  db.exec(`UPDATE ${table} SET pos = ${at(a)} WHERE pos = ${at(b)}`)
  db.exec(`UPDATE ${table} SET pos = ${at(b)} WHERE pos = 1`)
}

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
