/**
 * All keys of this node, outside the database and outside its backup.
 *
 * @remarks
 * A copied disk opens nothing: everything is sealed under keys derived from the node secret, which is not on it
 * (see `node-secret.ts`). Proven by `tests/main/keystore/`.
 *
 * @packageDocumentation
 */
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { assert } from '../../shared/errors.ts'
import { KeystoreError } from './errors.ts'
import { makePrivateFolder } from './files.ts'
import { HighWaterFile, type HighWater } from './high-water.ts'
import { createNodeSecret, nodeSecretKind, openNodeSecret, type Unlock } from './node-secret.ts'
import { openCards, openPractitioners, type Cards, type PinFilesSetup, type Practitioners } from './pin-files.ts'
import { openSecrets, type Secrets } from './secrets.ts'
import { wipe } from './sodium.ts'

/** 128 MiB and about half a second: nothing but the passphrase stands between a copied disk and the keys. */
const PASSPHRASE_LOG_N = 17
/** 32 MiB: a PIN is useless without the node secret, and a nurse waits for this. */
const PIN_LOG_N = 15

/** Name of the secret that PINs are combined with. */
export const PEPPER_SECRET = 'pin-pepper'

/** An open keystore. */
export interface Keystore {
  readonly secrets: Secrets
  readonly practitioners: Practitioners
  readonly cards: Cards
  readonly highWater: HighWater
  /** Wipes the node secret: every later call fails. */
  close(): void
}

/** What tests replace. */
export interface KeystoreOptions {
  /** Cost of scrypt for passphrase and PINs, and the least accepted; the production costs when left out. */
  readonly scryptLogN?: number
  /** Wall clock, ms since 1970. */
  readonly now?: () => number
  /** What PINs are combined with, when a clinic is restored; random when left out. 32 bytes. */
  readonly pepper?: Uint8Array
}

/**
 * What is in `folder`: nothing, or a keystore that opens with a passphrase or with the system's node secret.
 *
 * @throws {@link KeystoreError} `KEYSTORE_DAMAGED` when there are files but not the one that opens them: never taken
 * for a fresh start.
 */
export function keystoreState(folder: string): 'missing' | Unlock['kind'] {
  const kind = nodeSecretKind(folder)
  if (kind !== null) return kind
  const leftOver = existsSync(folder) ? readdirSync(folder).filter((name) => !name.endsWith('.new')) : []
  if (leftOver.length > 0) throw new KeystoreError('KEYSTORE_DAMAGED', 'the node secret is missing')
  return 'missing'
}

/**
 * Makes a keystore where there is none.
 *
 * @throws {@link KeystoreError} `WEAK_PASSPHRASE`, `DATA_FOLDER_READ_ONLY`, `DISK_FULL`.
 */
export async function createKeystore(folder: string, unlock: Unlock, options: KeystoreOptions = {}): Promise<Keystore> {
  assert(keystoreState(folder) === 'missing', 'a keystore is made once')
  makePrivateFolder(folder)
  const logN = options.scryptLogN ?? PASSPHRASE_LOG_N
  const keystore = keystoreOver(folder, await createNodeSecret(folder, unlock, logN), options)
  await keystore.secrets.put(PEPPER_SECRET, options.pepper ?? new Uint8Array(randomBytes(32)))
  return keystore
}

/**
 * Opens a keystore.
 *
 * @throws {@link KeystoreError} `WRONG_PASSPHRASE` or `KEYSTORE_DAMAGED`.
 */
export async function openKeystore(folder: string, unlock: Unlock, options: KeystoreOptions = {}): Promise<Keystore> {
  const floor = options.scryptLogN ?? PASSPHRASE_LOG_N
  return keystoreOver(folder, await openNodeSecret(folder, unlock, floor), options)
}

function pepperIsGone(): never {
  throw new KeystoreError('KEYSTORE_DAMAGED', 'the pepper is missing')
}

function keystoreOver(folder: string, secret: Uint8Array, options: KeystoreOptions): Keystore {
  let open = true
  const nodeSecret = () => {
    assert(open, 'a closed keystore is not used')
    return secret
  }
  const highWater = new HighWaterFile(folder, nodeSecret)
  const secrets = openSecrets(folder, nodeSecret)
  const setup: PinFilesSetup = {
    folder,
    pepper: () => secrets.get(PEPPER_SECRET) ?? pepperIsGone(),
    logN: options.scryptLogN ?? PIN_LOG_N,
    now: options.now ?? (() => Date.now()),
  }
  return {
    secrets,
    practitioners: openPractitioners(setup),
    cards: openCards(setup),
    highWater,
    close: () => {
      open = false
      wipe(secret)
      highWater.close()
    },
  }
}
