/** More of what somebody may do to the database who knows every table, and has keys of their own but none of ours. */
import type Database from 'better-sqlite3'
import { randomBytes } from 'node:crypto'
import { signCheckpoint } from '../../../src/ledger/checkpoint.ts'
import { cosign } from '../../../src/ledger/cosignature.ts'
import { decodeEntry, encodeBody, encodeEntry, signedMessage } from '../../../src/ledger/entry.ts'
import { leafHash } from '../../../src/ledger/hash.ts'
import { formatSignature, parseNote } from '../../../src/ledger/note.ts'
import { TreeWriter } from '../../../src/ledger/tree-writer.ts'
import { nodeHasher as h } from '../../../src/main/core/hasher.ts'
import { keyPairFromSeed, sign } from '../../../src/main/keystore/sodium.ts'
import type { Closed } from './attacks.ts'
import { indexOf } from './picture.ts'
import type { Random } from './seeded.ts'

/** Changes the database. */
export type Change = (db: Database.Database, clinic: Closed, random: Random) => void

interface CheckpointRow {
  readonly block: number
  readonly size: number
  readonly note: string
}

const SEED = new Uint8Array(32).fill(0x66)
const KEY = keyPairFromSeed(SEED).publicKey
const mine = (message: Uint8Array): Uint8Array => sign(SEED, message)

const checkpoints = (db: Database.Database) =>
  db.prepare('SELECT block, size, note FROM checkpoint ORDER BY size').all() as CheckpointRow[]
const newest = (db: Database.Database) => checkpoints(db).at(-1) ?? { block: 0, size: 0, note: '' }
const originOf = (db: Database.Database) => db.prepare('SELECT origin FROM log').pluck().get() as string
const entryAt = (db: Database.Database, index: number) =>
  new Uint8Array(db.prepare('SELECT bytes FROM entry WHERE idx = ?').pluck().get(index) as Buffer)
const readingOf = ({ before }: Closed, random: Random) =>
  indexOf(random.oneOf(before.rows.filter((shown) => shown.seq > 0)))

/** An entry like that of `index`, changed and signed with keys of the attacker's. */
function forged(db: Database.Database, index: number, time: number): Uint8Array {
  const { body, placement, signatures } = decodeEntry(entryAt(db, index))
  const bodyBytes = encodeBody({ ...body, time, id: new Uint8Array(randomBytes(16)) })
  return encodeEntry({
    bodyBytes,
    placement,
    signatures: signatures.map(({ role }) => ({
      role,
      publicKey: KEY,
      signature: mine(signedMessage(role, bodyBytes)),
    })),
  })
}

/** The whole tree over what stands in the table, under a key of the attacker's. */
function resign(db: Database.Database, key: (origin: string) => { name: string; publicKey: Uint8Array }): void {
  const origin = originOf(db)
  const rows = db.prepare('SELECT bytes FROM entry ORDER BY pos').pluck().all() as Buffer[]
  const { size, root, tiles } = new TreeWriter(h, 0, []).append(rows.map((bytes) => leafHash(h, new Uint8Array(bytes))))
  for (const { level, index, bytes } of tiles)
    db.prepare('UPDATE tile SET hashes = ? WHERE level = ? AND idx = ?').run(bytes, level, index)
  const note = signCheckpoint({ origin, size, root }, key(origin), mine)
  db.prepare('UPDATE checkpoint SET note = ? WHERE size = ?').run(note, size)
}

/** What each does, by name. */
export const MORE_ATTACKS: readonly (readonly [title: string, change: Change])[] = [
  [
    'an entry is replaced by one of the attacker’s, signed with their key',
    (db, clinic, random) => {
      const index = readingOf(clinic, random)
      db.prepare('UPDATE entry SET bytes = ? WHERE idx = ?').run(forged(db, index, 1), index)
    },
  ],
  [
    'an entry is replaced, and tree and checkpoint are made again under another key',
    (db, clinic, random) => {
      const index = readingOf(clinic, random)
      db.prepare('UPDATE entry SET bytes = ? WHERE idx = ?').run(forged(db, index, 1), index)
      resign(db, (origin) => ({ name: origin, publicKey: KEY }))
    },
  ],
  [
    'the log’s key is replaced, and everything is signed again',
    (db) => {
      db.prepare('UPDATE log SET log_key = ?').run(KEY)
      db.prepare('UPDATE entry SET bytes = ? WHERE idx = 2').run(forged(db, 2, 1))
      resign(db, (origin) => ({ name: origin, publicKey: KEY }))
    },
  ],
  [
    'the roster is replaced by one of the attacker’s',
    (db) => {
      db.prepare('UPDATE entry SET bytes = ? WHERE idx = 0').run(forged(db, 0, 1))
    },
  ],
  [
    'the contract is replaced by one of the attacker’s',
    (db) => {
      db.prepare('UPDATE entry SET bytes = ? WHERE idx = 1').run(forged(db, 1, 1))
    },
  ],
  [
    'an enrolment is replaced by one for the attacker’s key',
    (db, { entries }) => {
      const index = entries.find(({ type }) => type === 'practitioner.enrolled')?.index ?? 0
      db.prepare('UPDATE entry SET bytes = ? WHERE idx = ?').run(forged(db, index, 1), index)
    },
  ],
  [
    'an entry of the attacker’s is planted after the newest',
    (db, clinic, random) => {
      const { size } = newest(db)
      const bytes = forged(db, readingOf(clinic, random), 1)
      db.prepare('INSERT INTO entry (pos, bytes) SELECT max(pos) + 1, ? FROM entry').run(bytes)
      db.prepare('INSERT INTO entry_id (id, log, idx) VALUES (?, 1, ?)').run(decodeEntry(bytes).body.id, size)
    },
  ],
  [
    'entries are planted far beyond the newest',
    (db) => {
      db.exec('INSERT INTO entry (pos, bytes) SELECT max(pos) + 1000, bytes FROM entry')
    },
  ],
  [
    'a checkpoint of a larger tree is planted, under another key',
    (db) => {
      const { block, size } = newest(db)
      const origin = originOf(db)
      const note = signCheckpoint({ origin, size: size + 3, root: KEY }, { name: origin, publicKey: KEY }, mine)
      db.prepare('INSERT INTO checkpoint (log, block, size, note) VALUES (1, ?, ?, ?)').run(block + 1, size + 3, note)
    },
  ],
  [
    'an old checkpoint is put in place of the newest',
    (db) => {
      const [first] = checkpoints(db)
      db.prepare('UPDATE checkpoint SET note = ? WHERE size = ?').run(first?.note, newest(db).size)
    },
  ],
  [
    'an old checkpoint is copied above the newest',
    (db) => {
      const [first] = checkpoints(db)
      const { block, size } = newest(db)
      db.prepare('INSERT INTO checkpoint (log, block, size, note) VALUES (1, ?, ?, ?)').run(
        block + 1,
        size + 5,
        first?.note,
      )
    },
  ],
  [
    'two checkpoints are swapped',
    (db) => {
      const [a, b] = checkpoints(db)
      db.prepare('UPDATE checkpoint SET note = ? WHERE size = ?').run(a?.note, b?.size)
      db.prepare('UPDATE checkpoint SET note = ? WHERE size = ?').run(b?.note, a?.size)
    },
  ],
  [
    'blocks are numbered anew',
    (db) => {
      db.exec('UPDATE checkpoint SET block = -block - 1')
    },
  ],
  [
    'a checkpoint carries a signature more, of the attacker’s',
    (db) => {
      const { size, note } = newest(db)
      const { text } = parseNote(note)
      const line = formatSignature(cosign(text, { name: 'attacker.example/mirror', publicKey: KEY }, 1, mine))
      db.prepare('UPDATE checkpoint SET note = ? WHERE size = ?').run(`${note}${line}`, size)
    },
  ],
  [
    'a cosignature of the attacker’s is planted under the site’s name',
    (db) => {
      const { size, note } = newest(db)
      const name = `${originOf(db).replace(/\/node-.*$/, '')}/mirror`
      const line = formatSignature(cosign(parseNote(note).text, { name, publicKey: KEY }, 1, mine))
      db.prepare('INSERT OR REPLACE INTO cosignature (log, size, name, line) VALUES (1, ?, ?, ?)').run(size, name, line)
    },
  ],
  [
    'a cosignature is moved to a larger tree',
    (db) => {
      db.exec('UPDATE OR IGNORE cosignature SET size = (SELECT max(size) FROM checkpoint) + 4')
    },
  ],
  ['all cosignatures are deleted', (db) => void db.exec('DELETE FROM cosignature')],
  [
    'the mirror’s memory is set back',
    (db) => {
      const [first] = checkpoints(db)
      db.prepare('UPDATE mirror SET pending = ?, mirrored = ?, stored = ?').run(first?.note, first?.note, first?.size)
    },
  ],
  [
    'the mirror’s memory is made up',
    (db) => {
      const origin = originOf(db)
      const note = signCheckpoint({ origin, size: 1_000_000, root: KEY }, { name: origin, publicKey: KEY }, mine)
      db.prepare('INSERT OR REPLACE INTO mirror (origin, pending, stored, mirrored) VALUES (?, ?, 1000000, ?)').run(
        origin,
        note,
        note,
      )
    },
  ],
  [
    'a fork proof is made up',
    (db) => {
      const text = 'chartseal/fork/v1\n\nnot a proof\n'
      db.prepare('INSERT INTO evidence (id, origin, text, received_at) VALUES (?, ?, ?, 1)').run(
        KEY,
        originOf(db),
        text,
      )
    },
  ],
  [
    'a payload is planted beside an entry that has none',
    (db, { entries }) => {
      const index = entries.find(({ type }) => type === 'access')?.index ?? 2
      db.exec(`INSERT INTO payload (pos, ciphertext, wrapped_key, salt)
               SELECT (1 << 40) + ${index}, ciphertext, wrapped_key, salt FROM payload LIMIT 1`)
    },
  ],
  [
    'the epoch keys of two patients are swapped',
    (db, { patients }) => {
      const [a, b] = patients.map((patient) => Buffer.from(patient, 'hex'))
      const other = Buffer.alloc(16, 0xee)
      const move = db.prepare('UPDATE epoch_key SET subject = ? WHERE subject = ?')
      move.run(other, a)
      move.run(a, b)
      move.run(b, other)
    },
  ],
  [
    'a patient’s epoch keys get the number of a later epoch',
    (db, { patients }) => {
      db.prepare('UPDATE epoch_key SET epoch = 7 WHERE subject = ?').run(Buffer.from(patients[0] ?? '', 'hex'))
    },
  ],
  [
    'the newest reading of a patient is left out of every table',
    (db, { before, patients }) => {
      const own = before.rows.filter((shown) => shown.patient === patients[0] && shown.seq > 0).map(indexOf)
      for (const table of ['entry', 'payload', 'subject_entry', 'entry_id'])
        db.exec(`DELETE FROM ${table} WHERE idx = ${Math.max(...own)}`)
    },
  ],
  [
    'every reading of a patient is left out of every table',
    (db, { before, patients }) => {
      const own = before.rows.filter((shown) => shown.patient === patients[1]).map(indexOf)
      for (const table of ['entry', 'payload', 'subject_entry', 'entry_id'])
        db.exec(`DELETE FROM ${table} WHERE idx IN (${own.join()})`)
    },
  ],
  [
    'a reading is given to another patient in the index',
    (db, clinic, random) => {
      const to = Buffer.from(clinic.patients[2] ?? '', 'hex')
      const index = readingOf(clinic, random)
      db.prepare('UPDATE OR IGNORE subject_entry SET subject = ?, seq = 77 WHERE idx = ?').run(to, index)
    },
  ],
  [
    'ids of entries are exchanged in the index',
    (db) => {
      db.exec('UPDATE entry_id SET idx = (SELECT max(idx) FROM entry_id) - idx')
    },
  ],
  [
    'the digest of the index tables is made up',
    (db) => {
      db.exec('DELETE FROM subject_entry WHERE idx % 2 = 0')
      db.prepare('INSERT OR REPLACE INTO projection (log, size, digest) VALUES (1, 999999, ?)').run(KEY)
    },
  ],
  [
    'entries are pushed up by one place',
    (db) => {
      db.exec('UPDATE entry SET pos = -(pos + 1); UPDATE entry SET pos = -pos')
    },
  ],
  [
    'the last entries are cut off, tree and checkpoint stay',
    (db) => {
      db.exec(`DELETE FROM entry WHERE idx >= ${newest(db).size - 6}`)
    },
  ],
  [
    'tiles are exchanged for those of another tree',
    (db) => {
      const leaves = Array.from({ length: newest(db).size }, () => new Uint8Array(randomBytes(32)))
      for (const { level, index, bytes } of new TreeWriter(h, 0, []).append(leaves).tiles)
        db.prepare('UPDATE tile SET hashes = ? WHERE level = ? AND idx = ?').run(bytes, level, index)
    },
  ],
  [
    'a tile is longer than its tree',
    (db) => {
      db.exec("UPDATE tile SET hashes = CAST(hashes || x'" + 'ab'.repeat(32) + "' AS BLOB)")
    },
  ],
  [
    'the newest block is cut off everywhere',
    (db) => {
      const [before, last] = checkpoints(db).slice(-2)
      for (const table of ['entry', 'payload', 'subject_entry', 'entry_id'])
        db.exec(`DELETE FROM ${table} WHERE idx >= ${before?.size ?? 0}`)
      db.exec(
        `DELETE FROM checkpoint WHERE size = ${last?.size ?? 0}; DELETE FROM cosignature WHERE size = ${last?.size ?? 0}`,
      )
      const rows = db.prepare('SELECT bytes FROM entry ORDER BY pos').pluck().all() as Buffer[]
      for (const { level, index, bytes } of new TreeWriter(h, 0, []).append(
        rows.map((row) => leafHash(h, new Uint8Array(row))),
      ).tiles)
        db.prepare('UPDATE tile SET hashes = ? WHERE level = ? AND idx = ?').run(bytes, level, index)
    },
  ],
]
