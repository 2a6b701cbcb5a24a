/**
 * Opens a clinic on this computer from a copy of its database and the printed recovery key.
 *
 * @remarks
 * The copy may be a backup, or the database of any node that keeps a replica. Its own log is never continued: a new
 * incarnation follows. Proven by `tests/main/core/vault/restore.test.ts`.
 *
 * @packageDocumentation
 */
import { constants, copyFileSync, statSync } from 'node:fs'
import { decodeEntry } from '../../../ledger/entry.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { decodeRosterFields } from '../../../ledger/fields.ts'
import { networkIdOf, type RosterSite } from '../../../ledger/roster.ts'
import { equalBytes, fromHex } from '../../../shared/bytes.ts'
import { guardedFiles } from '../../keystore/errors.ts'
import { createKeystore, PEPPER_SECRET, type Keystore, type KeystoreOptions } from '../../keystore/keystore.ts'
import type { Unlock } from '../../keystore/node-secret.ts'
import { wipe } from '../../keystore/sodium.ts'
import { openStore } from '../../store/open.ts'
import type { Store, StoreReader } from '../../store/store.ts'
import { sharingPublicKeyOf } from '../epoch-keys.ts'
import { ApiFailure } from '../failure.ts'
import { nodeHasher as h } from '../hasher.ts'
import { clinicPaths, identityOf, type ClinicFiles } from './clinic-files.ts'
import { SECRETS } from './genesis.ts'
import { sealFromPaper } from './paper-keys.ts'
import { parseRecoveryKey, type RecoveryKey } from './recovery-key.ts'
import { Recovery, type RecoveryTools } from './recovery.ts'
import { settleSharing, SharingRing } from './sharing-ring.ts'
import { openSiteSecrets, secretOf, type SiteSecrets } from './site-secrets.ts'

/** What is restored, and for whom. */
export interface RestoreRequest {
  /** Path of the copy. Untrusted. */
  readonly file: string
  /** As printed. */
  readonly recoveryKey: string
  readonly unlock: Unlock
}

/** What a restore is given from outside. */
export interface RestoreTools extends RecoveryTools {
  /** Runs `use` with what other nodes hold of the log that is restored; with null when nobody answers. */
  readonly withRescued: (
    files: ClinicFiles,
    recovery: Recovery,
    use: (copy: StoreReader | null) => Promise<void>,
  ) => Promise<void>
}

/**
 * Fills an empty folder with the clinic of a copy.
 *
 * @param folder - Empty; removed by the caller when this throws.
 * @throws ApiFailure `BAD_BACKUP`, `BAD_RECOVERY_KEY`; StoreError, KeystoreError.
 */
export async function restoreClinic(
  folder: string,
  { file, recoveryKey, unlock }: RestoreRequest,
  options: KeystoreOptions,
  tools: RestoreTools,
): Promise<void> {
  const key = parseRecoveryKey(recoveryKey)
  const paths = clinicPaths(folder)
  copyDatabase(file, paths.database)
  const store = openStore(paths.database, { mode: 'existing' })
  try {
    const secrets = await secretsIn(store, key)
    const pepper = secretOf(secrets, PEPPER_SECRET) ?? badBackup()
    const keystore = await createKeystore(paths.keystore, unlock, { ...options, pepper })
    try {
      for (const [name, hex] of Object.entries(secrets.secrets)) await keystore.secrets.put(name, fromHex(hex))
      for (const [handle, practitioner] of Object.entries(secrets.practitioners))
        await keystore.practitioners.putFile(handle, fromHex(practitioner))
      for (const [cardId, card] of Object.entries(secrets.cards)) await keystore.cards.putFile(cardId, fromHex(card))
      checkIdentity(identityOf({ keystore, store }), key)
      const recovery = new Recovery({ keystore, store }, 'restored', tools, secrets.mark)
      // Anybody can seal to the printed key: what is recorded next must be sealed to a key that the network listed.
      if (!(await hasListedKey(recovery.ownSite(), keystore))) badBackup()
      await tools.withRescued({ keystore, store }, recovery, (copy) => recovery.run(copy))
      await openWithPaper({ keystore, store }, key, tools)
    } finally {
      keystore.close()
    }
  } finally {
    wipe(key.privateKey)
    store.close()
  }
}

/** Other nodes may have given back what was sealed to a key that the copy does not have. */
async function openWithPaper(files: ClinicFiles, { privateKey }: RecoveryKey, tools: RecoveryTools): Promise<void> {
  const { origin, recoveryKey: publicKey } = identityOf(files)
  const senders = new Recovery(files, 'restored', tools).sharingKeys()
  const ring = SharingRing.read(files.keystore.secrets)
  await sealFromPaper({ store: files.store, origin, paper: { publicKey, privateKey }, ring, senders })
}

/** The file may be at rest, or have a write-ahead log beside it. */
function copyDatabase(from: string, to: string): void {
  // A pipe would be waited for, and a device has no end.
  if (!isFile(from)) throw new ApiFailure('BAD_BACKUP')
  guardedFiles('copying the backup', () => {
    for (const suffix of ['', '-wal'])
      if (isFile(from + suffix)) copyFileSync(from + suffix, to + suffix, constants.COPYFILE_FICLONE)
  })
}

function isFile(path: string): boolean {
  return guardedFiles('looking at the backup', () => statSync(path, { throwIfNoEntry: false })?.isFile() === true)
}

async function secretsIn(store: Store, { privateKey, networkStart }: RecoveryKey): Promise<SiteSecrets> {
  const sealed = store.siteSecrets()
  const network = networkIn(store)
  if (sealed === null || network === null) throw new ApiFailure('BAD_BACKUP')
  // The paper says which network: a database of another one could carry secrets that anybody sealed.
  if (!equalBytes(network.subarray(0, networkStart.length), networkStart)) throw new ApiFailure('BAD_RECOVERY_KEY')
  return openSiteSecrets(sealed, privateKey, network)
}

/** Id of the network that the database claims to be: the hash of the roster it begins with. */
function networkIn(store: Store): Uint8Array | null {
  for (const { origin } of store.logs()) {
    const bytes = store.entry(origin, 0)
    const document = bytes === null ? null : rosterIn(bytes)
    if (document !== null) return networkIdOf(h, document)
  }
  return null
}

function rosterIn(bytes: Uint8Array): Uint8Array | null {
  try {
    const { body } = decodeEntry(bytes)
    return body.type === 'roster' ? decodeRosterFields(body.fields).document : null
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}

function checkIdentity(identity: ReturnType<typeof identityOf>, { privateKey, networkStart }: RecoveryKey): void {
  const isSite = equalBytes(identity.recoveryKey, sharingPublicKeyOf(privateKey))
  const isNetwork = equalBytes(identity.network.subarray(0, networkStart.length), networkStart)
  if (!isSite || !isNetwork) badBackup()
}

/** Whether the sharing key that the roster lists is here. It may have been replaced just before the copy was made. */
async function hasListedKey(site: RosterSite | null, { secrets }: Keystore): Promise<boolean> {
  if (site === null || secrets.get(SECRETS.sharing)?.length !== 32) return false
  await settleSharing(secrets, site.sharingKey)
  return equalBytes(site.sharingKey, SharingRing.read(secrets).now.publicKey)
}

function badBackup(): never {
  throw new ApiFailure('BAD_BACKUP')
}
