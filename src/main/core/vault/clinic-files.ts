/**
 * The files of one clinic: the keystore and the database that belong together.
 *
 * @packageDocumentation
 */
import { z } from 'zod'
import { join } from 'node:path'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { KeystoreError } from '../../keystore/errors.ts'
import { openKeystore, type Keystore, type KeystoreOptions } from '../../keystore/keystore.ts'
import type { Unlock } from '../../keystore/node-secret.ts'
import { openStore } from '../../store/open.ts'
import type { Store } from '../../store/store.ts'
import { readIdentity, readJson, writeJson, type Identity } from './identity.ts'
import type { DirectoryCopies, Replica } from './replica.ts'

/** An open keystore and an open database, and who they say this node is. */
export interface ClinicFiles {
  readonly keystore: Keystore
  readonly store: Store
}

/** Paths inside a clinic's folder. */
export const clinicPaths = (folder: string) => ({
  keystore: join(folder, 'keystore'),
  database: join(folder, 'ledger.db'),
})

/**
 * Opens the files of an existing clinic.
 *
 * @throws KeystoreError, StoreError; nothing is left open then.
 */
export async function openClinicFiles(folder: string, unlock: Unlock, options: KeystoreOptions): Promise<ClinicFiles> {
  const paths = clinicPaths(folder)
  const keystore = await openKeystore(paths.keystore, unlock, options)
  return { keystore, store: closingOnFailure(keystore, () => openStore(paths.database, { mode: 'existing' })) }
}

/** What `open` opens lives as long as the keystore, and the keystore no longer than that. */
export function closingOnFailure(keystore: Keystore, open: () => Store): Store {
  try {
    return open()
  } catch (error) {
    keystore.close()
    throw error
  }
}

/** Closes both, the keystore also when the database does not close. */
export function closeFiles({ store, keystore }: ClinicFiles): void {
  try {
    store.close()
  } finally {
    keystore.close()
  }
}

const COPIES_SECRET = 'directory'
const Copies = z.record(z.string().max(200), z.record(z.string().regex(/^\d+$/), z.string()))

/** Copies of directory entries kept with the keystore. */
export function readCopies(keystore: Keystore): DirectoryCopies {
  const stored = copiesIn(keystore)
  return new Map(
    Object.entries(stored).map(([origin, entries]) => [
      origin,
      new Map(Object.entries(entries).map(([index, hex]) => [Number(index), fromHex(hex)])),
    ]),
  )
}

function copiesIn({ secrets }: Keystore): z.infer<typeof Copies> {
  try {
    return Copies.parse(readJson(secrets, COPIES_SECRET) ?? {})
  } catch (cause) {
    throw new KeystoreError('KEYSTORE_DAMAGED', COPIES_SECRET, { cause })
  }
}

/** Keeps copies of the verified directory entries where a damaged database cannot take them along. */
export async function writeCopies(keystore: Keystore, replica: Pick<Replica, 'logs'>): Promise<void> {
  const copies = replica.logs.map(({ origin, directoryEntries }) => [
    origin,
    Object.fromEntries([...directoryEntries].map(([index, bytes]) => [index, toHex(bytes)])),
  ])
  await writeJson(keystore.secrets, COPIES_SECRET, Object.fromEntries(copies))
}

/** The identity in a keystore. */
export function identityOf({ keystore }: ClinicFiles): Identity {
  return readIdentity(keystore.secrets)
}
