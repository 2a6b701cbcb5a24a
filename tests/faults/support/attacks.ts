/**
 * What somebody who knows the code and can write the database file may do to a closed clinic, and what each change
 * reaches.
 */
import Database from 'better-sqlite3'
import type { VerifyStep } from '../../../src/shared/api/codes.ts'
import {
  copyOf,
  databaseOf,
  furnish,
  type OpenVault,
  patientNumber,
  PIN,
  signedInTo,
  signFromDevice,
  signManual,
  type Staff,
  startVault,
  temporaryFolder,
  tickingClock,
  weight,
} from './clinic.ts'
import { indexOf, type Picture, type Reached, takePicture } from './picture.ts'
import type { Random } from './seeded.ts'

/** A closed clinic, and what it showed. */
export interface Closed {
  readonly folder: string
  readonly staff: Staff
  readonly patients: readonly string[]
  readonly before: Picture
  readonly entries: readonly { index: number; type: string | null; subject: string | null }[]
  readonly blocks: readonly { firstIndex: number; size: number; block: number }[]
}

/** Readings of three patients, from keyboard and device, in blocks of several entries. */
export async function smallClinic(): Promise<Closed> {
  return closedClinic(async (open, patients) => {
    for (let n = 0; n < 10; n++) {
      await present(open)
      const patient = patients[n % patients.length] ?? ''
      if (n % 2 === 0) await signFromDevice(open, patient, n)
      else await signManual(open, patient, [weight(`${60 + n}.${n}`), weight(`${61 + n}.${n}`)])
    }
  })
}

/** More than 256 entries: one full tile of leaves, and a tile above it. */
export async function largeClinic(): Promise<Closed> {
  return closedClinic(async (open, patients) => {
    for (let n = 0; n < 9; n++) {
      await present(open)
      const values = Array.from({ length: 30 }, (_, i) => weight(`${50 + n}.${i}`))
      await signManual(open, patients[n % patients.length] ?? '', values)
    }
    await present(open)
    for (let n = 0; n < 4; n++) await signFromDevice(open, patients[n % patients.length] ?? '', n)
  })
}

/** Types the PIN again: every question to the clock takes a second of it. */
async function present({ vault }: OpenVault): Promise<void> {
  await vault.signIn(signedInTo(vault), PIN)
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
export function attacked({ folder }: Closed, attack: (db: Database.Database) => void): string {
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

/** Flips one bit or more of one byte of a blob or text. */
export function flipped(stored: Uint8Array, random: Random): Uint8Array {
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
export function range(first: number, end: number, ...steps: VerifyStep[]): Reached {
  return new Map(Array.from({ length: end - first }, (_, i) => [first + i, steps]))
}
const one = (index: number, ...steps: VerifyStep[]): Reached => range(index, index + 1, ...steps)
export const NOTHING: Reached = new Map()

/** Entries that decide about keys have copies beside the keystore, which stand in for their rows. */
const HAS_COPY = new Set(['roster', 'contract', 'practitioner.enrolled', 'device.enrolled'])

/** Changes the database and says what that reaches. */
export type Attack = (clinic: Closed, db: Database.Database, random: Random) => Reached

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
export function onTile(level: number): Attack {
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

export const ATTACKS: readonly (readonly [title: string, attack: Attack])[] = [
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
