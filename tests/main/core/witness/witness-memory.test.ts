import Database from 'better-sqlite3'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { nobleHasher as h } from '../../../../src/ledger/hash.ts'
import { forkOfSuspicion } from '../../../../src/ledger/evidence.ts'
import type { WitnessedHead } from '../../../../src/ledger/witness.ts'
import { closeWitness, type WitnessFiles, witnessFolder } from '../../../../src/main/core/witness/witness-files.ts'
import { KeystoreError } from '../../../../src/main/keystore/errors.ts'
import { KEPT_HEADS } from '../../../../src/main/store/witness-database.ts'
import { cleanUp, temporaryFolder } from '../../../faults/support/clinic.ts'
import { logs, newWitness, reopened } from '../../../support/witness-world.ts'

const [log] = logs
const origin = log.logKey.name
const head = (size: number): WitnessedHead => ({ origin, size, root: log.root(size), note: log.note(size) })

async function opened(folder = temporaryFolder()): Promise<WitnessFiles & { readonly folder: string }> {
  await newWitness(folder)
  return again(folder)
}

async function again(folder: string) {
  const files = await reopened(folder)
  cleanUp(() => closeWitness(files))
  return { ...files, folder }
}

const forgot = (folder: string) => expect(reopened(folder)).rejects.toMatchObject({ code: 'WITNESS_FORGOT' })

/** Stores heads of the log, one after the other. */
function accept({ memory }: WitnessFiles, ...sizes: readonly number[]): void {
  for (const size of sizes) expect(memory.replace(memory.read(origin), head(size))).toBe(true)
}

describe('the memory of a witness', () => {
  it('survives, with lines and fork proofs', async () => {
    const files = await opened()
    accept(files, 3, 7)
    files.memory.addLines(origin, [{ origin, size: 7, name: 'x/mirror', line: 'a line' }])
    const fork = forkOfSuspicion(h, { kept: log.note(7), offered: log.note(9, 1, 2), proof: log.proof(7, 9, 1, 2) })
    expect(files.memory.addProof(fork!)).toBe(true)
    expect(files.memory.addProof(fork!)).toBe(false)
    closeWitness(files)
    const { memory } = await again(files.folder)
    expect([memory.read(origin)?.size, memory.headAt(origin, 3)?.note]).toEqual([7, log.note(3)])
    expect([memory.lines(origin, 7).length, memory.proofs.length, memory.isContested(origin)]).toEqual([1, 1, true])
  })

  it('replaces the head that was judged against, and no other', async () => {
    const { memory, ...files } = await opened()
    accept({ memory, ...files }, 3, 7)
    expect(memory.replace(head(3), head(9))).toBe(false)
    expect(memory.replace(null, head(9))).toBe(false)
    expect(memory.read(origin)?.size).toBe(7)
  })

  it('keeps some heads of a log and not all', async () => {
    const files = await opened()
    for (let size = 1; size <= KEPT_HEADS + 6; size++) accept(files, size)
    expect([files.memory.headAt(origin, 6), files.memory.headAt(origin, 7)?.size]).toEqual([null, 7])
    expect(files.database.heads().length).toBe(KEPT_HEADS)
  })
})

describe('a witness that forgot', () => {
  const database = (folder: string) => join(witnessFolder(folder), 'witness.db')

  it('is not started again: the database is gone', async () => {
    const files = await opened()
    closeWitness(files)
    for (const suffix of ['', '-wal', '-shm']) rmSync(database(files.folder) + suffix, { force: true })
    await forgot(files.folder)
  })

  it('nor when the database was put back', async () => {
    const files = await opened()
    accept(files, 3)
    files.database.close()
    cpSync(database(files.folder), `${database(files.folder)}.old`)
    const later = await again(files.folder)
    accept(later, 7)
    later.database.close()
    cpSync(`${database(files.folder)}.old`, database(files.folder))
    await forgot(files.folder)
  })

  it.each([
    ['a head is deleted', 'DELETE FROM head WHERE size = 7'],
    ['all heads are', 'DELETE FROM head'],
    ['a fork proof is', 'DELETE FROM evidence'],
    ['it says that less has happened', 'UPDATE state SET count = count - 1'],
    ['it says that more has', 'DELETE FROM head WHERE size = 7; UPDATE state SET count = count + 1'],
    ['a head is another', "UPDATE head SET note = replace(note, 'test', 'best') WHERE size = 7"],
  ])('nor when %s', async (_what, sql) => {
    const files = await opened()
    accept(files, 3, 7)
    const fork = forkOfSuspicion(h, { kept: log.note(7), offered: log.note(9, 1, 2), proof: log.proof(7, 9, 1, 2) })
    files.memory.addProof(fork!)
    closeWitness(files)
    const db = new Database(database(files.folder))
    db.exec(sql)
    db.close()
    await forgot(files.folder)
  })

  it('nor when its mark is gone', async () => {
    const files = await opened()
    closeWitness(files)
    rmSync(join(witnessFolder(files.folder), 'keystore', 'high-water'))
    await forgot(files.folder)
  })
})

describe('a witness that cannot mark', () => {
  it('takes no further head and says why, and goes on when there is room again', async () => {
    const files = await opened()
    const { memory, keystore } = files
    const full = vi.spyOn(keystore.highWater, 'write').mockImplementation(() => {
      throw new KeystoreError('DISK_FULL', 'no room')
    })
    expect(() => memory.replace(null, head(3))).toThrow('no room')
    expect(memory.problem).toBe('DISK_FULL')
    expect(() => memory.replace(head(3), head(7))).toThrow('no room')
    full.mockRestore()
    memory.settle()
    expect([memory.problem, memory.read(origin)?.size]).toEqual([null, 3])
    accept(files, 7)
  })

  it('and was stopped there goes on with what was stored', async () => {
    const files = await opened()
    vi.spyOn(files.keystore.highWater, 'write').mockImplementation(() => {
      throw new KeystoreError('DISK_FULL', 'no room')
    })
    expect(() => files.memory.replace(null, head(3))).toThrow('no room')
    closeWitness(files)
    const { memory } = await again(files.folder)
    expect(memory.read(origin)?.size).toBe(3)
  })
})
