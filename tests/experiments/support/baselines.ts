/** What the cheapest honest things cost, in the same run as an experiment: they do far less than a node does. */
import Database from 'better-sqlite3'
import { generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto'
import { join } from 'node:path'
import { keyPairFromSeed, sign as signBySeed, verifier } from '../../../src/main/keystore/sodium.ts'

const ENTRY_BYTES = 400
const PACKAGE = 256

/** Ms to check one signature of each of `count` entries with node:crypto. */
export function naiveSignatures(count: number): number {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const message = randomBytes(ENTRY_BYTES)
  const signature = sign(null, message, privateKey)
  return timed(count, () => verify(null, message, publicKey, signature))
}

/** The same with the ledger's own verifier. */
export function ownSignatures(count: number): number {
  const seed = new Uint8Array(randomBytes(32))
  const { publicKey } = keyPairFromSeed(seed)
  const message = new Uint8Array(randomBytes(ENTRY_BYTES))
  const signature = signBySeed(seed, message)
  return timed(count, () => verifier.verify(signature, message, publicKey))
}

function timed(count: number, isGood: () => boolean): number {
  const started = performance.now()
  for (let n = 0; n < count; n++) if (!isGood()) throw new Error('bug: it verifies')
  return performance.now() - started
}

/** Ms to insert `count` rows with better-sqlite3, durably, in transactions of 256. */
export function naiveInserts(folder: string, count: number): number {
  const database = new Database(join(folder, 'naive.db'))
  database.exec(
    'PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE row (id INTEGER PRIMARY KEY, bytes BLOB)',
  )
  const insert = database.prepare('INSERT INTO row (bytes) VALUES (?)')
  const bytes = randomBytes(ENTRY_BYTES)
  const put = database.transaction((rows: number) => {
    for (let n = 0; n < rows; n++) insert.run(bytes)
  })
  const started = performance.now()
  for (let n = 0; n < count; n += PACKAGE) put(Math.min(PACKAGE, count - n))
  const took = performance.now() - started
  database.close()
  return took
}
