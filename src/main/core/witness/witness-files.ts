/**
 * The folder of a witness: its keys and settings in a keystore, its memory in a database of its own.
 *
 * @remarks
 * `<data>/witness/` appears under its name when it is whole. A keystore without the database that it marked is the
 * keystore of a witness that forgot: nothing makes it a new one. Proven by
 * `tests/main/core/witness/witness-memory.test.ts`.
 *
 * @packageDocumentation
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { toHex, fromHex } from '../../../shared/bytes.ts'
import { guardedFiles, KeystoreError } from '../../keystore/errors.ts'
import { syncFolder } from '../../keystore/files.ts'
import { createKeystore, openKeystore, type Keystore, type KeystoreOptions } from '../../keystore/keystore.ts'
import type { Unlock } from '../../keystore/node-secret.ts'
import { keyPairFromSeed } from '../../keystore/sodium.ts'
import { StoreError } from '../../store/errors.ts'
import { openWitnessDatabase, type WitnessDatabase } from '../../store/witness-database.ts'
import { readJson, writeJson } from '../vault/identity.ts'
import type { OpeningKeeper } from '../vault/openings.ts'
import { RosterChain } from './roster-chain.ts'
import { WitnessError, WitnessMemory, type WitnessMemoryParts } from './witness-memory.ts'
import type { WitnessIdentity } from './witness-sync-store.ts'

/** Names of the secrets of a witness. */
export const WITNESS_SECRETS = {
  witness: 'witness-seed',
  transport: 'transport-seed',
  memory: 'witness-memory',
} as const
const IDENTITY = 'witness-identity'
const Identity = z.strictObject({
  network: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .transform(fromHex),
  site: z.string(),
  name: z.string(),
})

/** Where a witness lives inside a data folder. */
export const witnessFolder = (dataFolder: string): string => join(dataFolder, 'witness')
const databaseIn = (folder: string): string => join(folder, 'witness.db')
const keystoreIn = (folder: string): string => join(folder, 'keystore')

/** An open witness. */
export interface WitnessFiles {
  readonly keystore: Keystore
  readonly database: WitnessDatabase
  readonly identity: WitnessIdentity
  readonly rosters: RosterChain
  readonly memory: WitnessMemory
}

/** A witness that begins hears of later incarnations afterwards. */
const NOTHING_OPENED: OpeningKeeper = { kept: [], keep: () => undefined }

/** What tests replace. */
export interface WitnessFilesOptions {
  readonly costs?: KeystoreOptions
  readonly nowMs: () => number
}

/** Keys of a witness that is to be listed. */
export interface WitnessKeys {
  readonly witnessKey: Uint8Array
  readonly transportKey: Uint8Array
}

/** Makes the keys of a witness in an empty keystore. */
export async function makeWitnessKeys({ secrets }: Pick<Keystore, 'secrets'>): Promise<WitnessKeys> {
  for (const name of Object.values(WITNESS_SECRETS)) await secrets.put(name, new Uint8Array(randomBytes(32)))
  return witnessKeysIn({ secrets })
}

/** The public halves of its keys. */
export function witnessKeysIn({ secrets }: Pick<Keystore, 'secrets'>): WitnessKeys {
  return {
    witnessKey: keyPairFromSeed(secretOf({ secrets }, WITNESS_SECRETS.witness)).publicKey,
    transportKey: keyPairFromSeed(secretOf({ secrets }, WITNESS_SECRETS.transport)).publicKey,
  }
}

/**
 * Makes the folder of a witness that rosters list.
 *
 * @param making - Folder with nothing but the keystore that holds its keys; renamed when all is there.
 * @param rosters - Fields of roster entries from the first one on. Untrusted.
 * @throws {@link LedgerError} when they are no chain; {@link WitnessError} `WITNESS_NOT_LISTED`.
 */
export async function makeWitness(
  making: string,
  dataFolder: string,
  keystore: Keystore,
  identity: WitnessIdentity,
  rosters: readonly Uint8Array[],
  { nowMs }: WitnessFilesOptions,
): Promise<void> {
  const chain = new RosterChain(identity.network, rosters, NOTHING_OPENED)
  checkListed(chain, keystore, identity)
  const { network, site, name } = identity
  await writeJson(keystore.secrets, IDENTITY, { network: toHex(network), site, name })
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${databaseIn(making)}${suffix}`, { force: true })
  const database = openWitnessDatabase(databaseIn(making), { mode: 'create' })
  try {
    WitnessMemory.begin(memoryParts({ keystore, database, rosters: chain }, nowMs))
  } finally {
    database.close()
    keystore.close()
  }
  guardedFiles('putting the witness into its place', () => {
    renameSync(making, witnessFolder(dataFolder))
    syncFolder(dataFolder)
  })
}

/** True when a data folder is that of a clinic's node, which is no witness. */
export function isClinic(dataFolder: string): boolean {
  return existsSync(join(dataFolder, 'clinic'))
}

/** Folder of a witness that is not in its place yet. */
const makingIn = (dataFolder: string): string => `${witnessFolder(dataFolder)}.new`

/** True when a data folder holds keys of a witness that asked to be listed. */
export function isBeingMade(dataFolder: string): boolean {
  return existsSync(keystoreIn(makingIn(dataFolder)))
}

/** The keystore of such a witness. Throws KeystoreError `WRONG_PASSPHRASE`, `KEYSTORE_DAMAGED`. */
export async function resumeWitness(
  dataFolder: string,
  unlock: Unlock,
  costs: KeystoreOptions = {},
): Promise<{ making: string; keystore: Keystore }> {
  const making = makingIn(dataFolder)
  return { making, keystore: await openKeystore(keystoreIn(making), unlock, costs) }
}

/** A new keystore for a witness, in a folder that is not in its place yet. */
export async function beginWitness(
  dataFolder: string,
  unlock: Unlock,
  costs: KeystoreOptions = {},
): Promise<{ making: string; keystore: Keystore }> {
  const making = makingIn(dataFolder)
  rmSync(making, { recursive: true, force: true })
  mkdirSync(making, { recursive: true, mode: 0o700 })
  return { making, keystore: await createKeystore(keystoreIn(making), unlock, costs) }
}

/** True when a data folder is that of a witness. */
export function isWitness(dataFolder: string): boolean {
  return existsSync(witnessFolder(dataFolder))
}

/**
 * Opens the folder of a witness and checks everything in it.
 *
 * @throws KeystoreError `WRONG_PASSPHRASE`, `KEYSTORE_DAMAGED`; {@link WitnessError}; StoreError.
 */
export async function openWitness(
  dataFolder: string,
  unlock: Unlock,
  { costs = {}, nowMs }: WitnessFilesOptions,
): Promise<WitnessFiles> {
  const folder = witnessFolder(dataFolder)
  const keystore = await openKeystore(keystoreIn(folder), unlock, costs)
  try {
    return openOver(folder, keystore, nowMs)
  } catch (error) {
    keystore.close()
    throw error
  }
}

/** Closes both, the keystore also when the database does not close. */
export function closeWitness({ database, keystore }: Pick<WitnessFiles, 'database' | 'keystore'>): void {
  try {
    database.close()
  } finally {
    keystore.close()
  }
}

function openOver(folder: string, keystore: Keystore, nowMs: () => number): WitnessFiles {
  const identity = identityIn(keystore)
  const database = openMarked(databaseIn(folder))
  try {
    const rosters = new RosterChain(identity.network, database.rosters(), {
      kept: database.openings(),
      keep: (all) => {
        database.putOpenings(all)
      },
    })
    const memory = WitnessMemory.open(memoryParts({ keystore, database, rosters }, nowMs))
    return { keystore, database, identity, rosters, memory }
  } catch (error) {
    database.close()
    throw error
  }
}

/** A database that is gone or not whole is a memory that is lost. */
function openMarked(file: string): WitnessDatabase {
  try {
    return openWitnessDatabase(file, { mode: 'existing' })
  } catch (cause) {
    const isLost = cause instanceof StoreError && cause.code === 'DATABASE_DAMAGED'
    throw isLost ? new WitnessError('WITNESS_FORGOT', 'the database is missing or damaged', { cause }) : cause
  }
}

function identityIn({ secrets }: Keystore): WitnessIdentity {
  const kept = Identity.safeParse(readJson(secrets, IDENTITY))
  if (!kept.success) throw new KeystoreError('KEYSTORE_DAMAGED', 'identity of the witness')
  return kept.data
}

/** @throws {@link WitnessError} `WITNESS_NOT_LISTED` unless the newest roster lists it with the keys that are here. */
function checkListed(rosters: RosterChain, keystore: Keystore, { site, name }: WitnessIdentity): void {
  const listed = rosters.witness(name)
  const isOfSite = rosters.roster.sites.find(({ id }) => id === site)?.witnesses.includes(listed as never) === true
  const isOurs = (key: Uint8Array | undefined, secret: string): boolean =>
    key !== undefined && toHex(key) === toHex(keyPairFromSeed(secretOf(keystore, secret)).publicKey)
  if (
    !isOfSite ||
    !isOurs(listed?.witnessKey, WITNESS_SECRETS.witness) ||
    !isOurs(listed?.transportKey, WITNESS_SECRETS.transport)
  )
    throw new WitnessError('WITNESS_NOT_LISTED', 'not with these keys')
}

function memoryParts(
  { keystore, database, rosters }: Pick<WitnessFiles, 'keystore' | 'database' | 'rosters'>,
  nowMs: () => number,
): WitnessMemoryParts {
  const secret = secretOf(keystore, WITNESS_SECRETS.memory)
  return { database, highWater: keystore.highWater, rosters, secret, nowMs }
}

/** A secret of a witness. */
export function secretOf({ secrets }: Pick<Keystore, 'secrets'>, name: string): Uint8Array {
  const bytes = secrets.get(name)
  if (bytes === null) throw new KeystoreError('KEYSTORE_DAMAGED', `${name} is missing`)
  return bytes
}
