import Database from 'better-sqlite3'
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { forWholeFile, type OpenVault, temporaryFolder } from '../../faults/support/clinic.ts'
import { smallClinic } from './clinic.ts'
import { chartseal, chartsealBeside, jsonLines } from './run.ts'

let open: OpenVault & { database: string; network: string; origin: string }
let sound: string
let size: number
let firstReading: number
beforeAll(() =>
  forWholeFile(async () => {
    open = await smallClinic()
    ;({ size } = await open.vault.ledgerSummary())
    firstReading = (await open.vault.entries(null, 0, 500)).find(({ type }) => type === 'reading')!.index
    sound = join(temporaryFolder(), 'ledger.db')
    const db = new Database(open.database, { readonly: true })
    db.exec(`VACUUM INTO '${sound}'`)
    db.close()
  }),
)

/** A copy of the replica that somebody who can write the file has worked on. */
function tampered(...statements: string[]): string {
  const file = join(temporaryFolder(), 'ledger.db')
  copyFileSync(sound, file)
  const db = new Database(file)
  db.pragma('foreign_keys = OFF')
  for (const sql of statements) db.exec(sql)
  db.close()
  return file
}

function auditOf(file: string, network = open.network) {
  const { status, stdout, stderr } = chartseal(['audit', file, '--network', network, '--json'])
  const lines = jsonLines(stdout)
  return { status, stderr, result: lines.at(-1), findings: lines.filter(({ kind }) => kind === 'finding') }
}

describe('chartseal audit', () => {
  it('finds nothing wrong in a replica that the vault has open', async () => {
    const { status, stdout, stderr } = await chartsealBeside(['audit', open.database, '--network', open.network])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(/^valid: 1 logs, \d+ entries, \d+ blocks, \d+ encrypted records\nnot checked: .+\n$/)
  })

  it('says the same as JSON, and leaves no trace', () => {
    const bytes = readFileSync(sound)
    const { status, result, findings } = auditOf(sound)
    expect({ status, findings, result }).toMatchObject({
      status: 0,
      findings: [],
      result: {
        kind: 'result',
        command: 'audit',
        valid: true,
        findings: 0,
        network: open.network,
        logs: 1,
        entries: size,
      },
    })
    expect(readFileSync(sound).equals(bytes)).toBe(true)
    expect(readdirSync(join(sound, '..'))).toEqual(['ledger.db'])
  })

  // One line each: what was done, and what must be found where.
  const last = () => size - 1
  const reading = () => firstReading
  it.each<[string, () => string[], () => Record<string, unknown>]>([
    [
      'an entry',
      () => [
        `UPDATE entry SET bytes = CAST(substr(bytes, 1, 80) || x'00' || substr(bytes, 82) AS BLOB) WHERE idx = ${reading()}`,
      ],
      () => ({ step: 'inclusion', code: 'ROOT_MISMATCH', index: reading() }),
    ],
    [
      'an entry that is gone',
      () => [`DELETE FROM entry WHERE idx = ${reading()}`],
      () => ({ step: 'present', code: 'MISSING', index: reading() }),
    ],
    [
      'two entries that changed places',
      () => [
        `UPDATE entry SET pos = pos + 1000 WHERE idx = ${reading()}`,
        `UPDATE entry SET pos = pos - 1 WHERE idx = ${reading() + 1}`,
        `UPDATE entry SET pos = pos - 999 WHERE idx = ${reading() + 1000}`,
      ],
      () => ({ step: 'inclusion', index: reading() }),
    ],
    [
      'an entry behind the newest checkpoint',
      () => [`INSERT INTO entry (pos, bytes) SELECT pos + 1, bytes FROM entry WHERE idx = ${last()}`],
      () => ({ step: 'checkpoint', code: 'NOT_SEALED', index: size }),
    ],
    [
      'a payload',
      () => [`UPDATE payload SET ciphertext = zeroblob(64) WHERE idx = ${reading()}`],
      () => ({ step: 'ciphertext', code: 'CIPHERTEXT_MISMATCH', index: reading() }),
    ],
    [
      'a payload that is gone',
      () => [`DELETE FROM payload WHERE idx = ${reading()}`],
      () => ({ step: 'ciphertext', code: 'MISSING', index: reading() }),
    ],
    [
      'a payload too many',
      () => [
        'INSERT INTO payload (pos, ciphertext, wrapped_key, salt) SELECT (1 << 40), ciphertext, wrapped_key, salt FROM payload LIMIT 1',
      ],
      () => ({ step: 'index', code: 'SURPLUS_ROWS' }),
    ],
    ['the sealed keys', () => ['DELETE FROM epoch_key'], () => ({ step: 'decrypt', code: 'KEY_MISSING' })],
    [
      'a tree row',
      () => ['UPDATE tile SET hashes = CAST(zeroblob(32) || substr(hashes, 33) AS BLOB)'],
      () => ({ step: 'inclusion', code: 'TILE_DAMAGED' }),
    ],
    ['tree rows that are gone', () => ['DELETE FROM tile'], () => ({ step: 'inclusion', code: 'TILE_DAMAGED' })],
    [
      'a checkpoint',
      () => ["UPDATE checkpoint SET note = replace(note, '=', 'A=') WHERE block = 1"],
      () => ({ step: 'checkpoint' }),
    ],
    [
      'a checkpoint that is gone',
      () => ['DELETE FROM checkpoint WHERE block = 1'],
      () => ({ step: 'checkpoint', code: 'MISSING' }),
    ],
    [
      'the note of another block',
      () => ['UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE block = 0) WHERE block = 1'],
      () => ({ step: 'checkpoint', code: 'WRONG_SIZE' }),
    ],
    ['every checkpoint', () => ['DELETE FROM checkpoint'], () => ({ step: 'checkpoint', code: 'NO_CHECKPOINT' })],
    [
      'the newest checkpoint',
      () => ['DELETE FROM checkpoint WHERE block = (SELECT max(block) FROM checkpoint)'],
      () => ({ step: 'checkpoint', code: 'NOT_SEALED' }),
    ],
    [
      'a cosignature by a stranger',
      () => [
        `INSERT INTO cosignature SELECT log, size, 'stranger', '\u2014 stranger AAAAAAAAAAA=' FROM checkpoint WHERE block = 1`,
      ],
      () => ({ step: 'cosignature', code: 'NOTE_UNSIGNED' }),
    ],
    [
      'the index of ids',
      () => ['UPDATE entry_id SET idx = idx + 1 WHERE idx = 2'],
      () => ({ step: 'index', code: 'ENTRY_ID', index: 2 }),
    ],
    [
      'the index of subjects',
      () => [`UPDATE subject_entry SET seq = seq + 40 WHERE idx = ${reading()}`],
      () => ({ step: 'index', code: 'SUBJECT_ENTRY', index: reading() }),
    ],
    [
      'an index row that is gone',
      () => [`DELETE FROM subject_entry WHERE idx = ${reading()}`],
      () => ({ step: 'index', code: 'SUBJECT_ENTRY', index: reading() }),
    ],
    [
      'an index row too many',
      () => ["INSERT INTO subject_entry VALUES (zeroblob(16), 0, 1, 1, 'reading')"],
      () => ({ step: 'index', code: 'SURPLUS_ROWS' }),
    ],
    [
      'the key of the log',
      () => ['UPDATE log SET log_key = zeroblob(32)'],
      () => ({ step: 'checkpoint', code: 'LOG_KEY' }),
    ],
    [
      'a log that is not there',
      () => ["INSERT INTO log (origin, log_key) VALUES ('a/b/1', zeroblob(32))"],
      () => ({ step: 'checkpoint', log: 'a/b/1' }),
    ],
    [
      'rows of no log',
      () => ['INSERT INTO entry (pos, bytes) VALUES (9 << 40, zeroblob(1))'],
      () => ({ step: 'database', code: 'INTEGRITY' }),
    ],
    [
      'a trigger',
      () => ['CREATE TRIGGER t AFTER INSERT ON entry BEGIN SELECT 1; END'],
      () => ({ step: 'database', code: 'SCHEMA' }),
    ],
    ['a table that is gone', () => ['DROP TABLE entry_id'], () => ({ step: 'database', code: 'SCHEMA' })],
  ])('finds %s', (_name, statements, expected) => {
    const { status, stderr, findings, result } = auditOf(tampered(...statements()))
    expect({ status, stderr, valid: result?.valid, found: findings }).toMatchObject({
      status: 1,
      stderr: '',
      valid: false,
      found: expect.arrayContaining([expect.objectContaining(expected())]) as unknown,
    })
    expect(result?.findings).toBe(findings.length)
  })

  it('names no entry but the one that was changed', () => {
    const file = tampered(`UPDATE payload SET ciphertext = zeroblob(64) WHERE idx = ${reading()}`)
    expect(auditOf(file).findings.map(({ index }) => index)).toEqual([reading()])
  })

  it('is not content with another network', () => {
    const { status, findings } = auditOf(sound, 'ab'.repeat(32))
    const detail = `a log of network ${open.network}`
    expect({ status, findings }).toMatchObject({ status: 1, findings: [{ code: 'WRONG_NETWORK', index: 0, detail }] })
  })

  it('survives damage to any page of the file', { timeout: 120_000 }, () => {
    const bytes = readFileSync(sound)
    for (let page = 1; page < bytes.length / 8192; page += Math.ceil(bytes.length / 8192 / 16)) {
      const file = join(temporaryFolder(), 'ledger.db')
      const bent = Buffer.from(bytes)
      bent.fill(0x5a, page * 8192, page * 8192 + 4096)
      writeFileSync(file, bent)
      const { status, stderr } = auditOf(file)
      expect({ page, status, stack: stderr.includes('    at ') }).toEqual({ page, status: 1, stack: false })
    }
  })

  it.each<[string, string[]]>([
    ['without a database', ['audit']],
    ['without a network', ['audit', import.meta.filename]],
    ['with a file that is not there', ['audit', '/nowhere/ledger.db', '--network', '00'.repeat(32)]],
    ['with a file that is no database', ['audit', import.meta.filename, '--network', '00'.repeat(32)]],
    ['with a folder', ['audit', import.meta.dirname, '--network', '00'.repeat(32)]],
  ])('ends with 2 %s', (_name, args) => {
    const { status, stdout, stderr } = chartseal(args)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(/^chartseal: /)
    expect(stderr).not.toContain('    at ')
  })
})
