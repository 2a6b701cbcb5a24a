/**
 * The seeds of a site's and a node's own keys, while they change: the key that is used is the one that the proven log
 * says is in force, and the keystore holds every key that this can be.
 *
 * @remarks
 * A new seed is durable in the keystore before a roster that lists its key is approved. From then on a crash may come at
 * any moment: which of the keys is in force is read from the log at the next start. Once it is the new one, the seed
 * takes the place of the old one, which is kept for a database that is put back to before the change. Proven by
 * `tests/main/core/vault/governance.test.ts`.
 *
 * @packageDocumentation
 */
import { rosterAt } from '../../../ledger/directory.ts'
import { equalBytes } from '../../../shared/bytes.ts'
import type { Keystore } from '../../keystore/keystore.ts'
import { keyPairFromSeed } from '../../keystore/sodium.ts'
import type { Secrets } from '../../keystore/secrets.ts'
import type { Store } from '../../store/store.ts'
import { ApiFailure } from '../failure.ts'
import { SECRETS, signerOf } from './genesis.ts'
import { readIdentity, writeIdentity, type Identity } from './identity.ts'
import type { Replica } from './replica.ts'
import { settleSharing, SharingRing } from './sharing-ring.ts'
import { logSecretOf } from './site-secrets.ts'
import type { EntrySigner } from './entry-signer.ts'

/** Where a seed waits for its roster, and where the one before is kept. */
const NEXT = '.next'
const BEFORE = '.before'
const NONE = new Uint8Array(0)

/**
 * The seed of a key that the log says is in force, or null when it is not here.
 *
 * @param name - Of the secret that usually holds it.
 * @param publicKey - Ed25519, 32 bytes. From the proven log.
 */
export function seedOf(secrets: Secrets, name: string, publicKey: Uint8Array): Uint8Array | null {
  for (const candidate of [name, name + NEXT, name + BEFORE]) {
    const seed = seedIn(secrets, candidate)
    if (seed !== null && equalBytes(keyPairFromSeed(seed).publicKey, publicKey)) return seed
  }
  return null
}

/** The same for the log, also for keys of earlier incarnations. */
export function logSeedOf(secrets: Secrets, publicKey: Uint8Array): Uint8Array | null {
  for (const name of secrets.names().filter((one) => one.startsWith(SECRETS.log))) {
    const seed = seedIn(secrets, name)
    if (seed !== null && equalBytes(keyPairFromSeed(seed).publicKey, publicKey)) return seed
  }
  return null
}

/** Keeps a new seed beside the one in use. Durable when the promise resolves. */
export async function keepNextSeed(secrets: Secrets, name: string, seed: Uint8Array): Promise<Uint8Array> {
  await secrets.put(name + NEXT, seed)
  return keyPairFromSeed(seed).publicKey
}

/** Puts the waiting seed in the place of the one before, once the log says that its key is in force. */
export async function settleSeed(secrets: Secrets, name: string, inForce: Uint8Array): Promise<boolean> {
  const next = seedIn(secrets, name + NEXT)
  if (next === null || !equalBytes(keyPairFromSeed(next).publicKey, inForce)) return false
  const main = seedIn(secrets, name)
  // Each step can be repeated: the key is found wherever a crash leaves it.
  if (main !== null && !equalBytes(keyPairFromSeed(main).publicKey, inForce)) await secrets.put(name + BEFORE, main)
  await secrets.put(name, next)
  await secrets.put(name + NEXT, NONE)
  return true
}

/** Whether a new seed waits for its roster. */
export function hasNextSeed(secrets: Secrets, name: string): boolean {
  return seedIn(secrets, name + NEXT) !== null
}

/** Forgets a seed that no roster lists. */
export async function dropNextSeed(secrets: Secrets, name: string): Promise<void> {
  if (hasNextSeed(secrets, name)) await secrets.put(name + NEXT, NONE)
}

function seedIn(secrets: Secrets, name: string): Uint8Array | null {
  const seed = secrets.get(name)
  return seed?.length === 32 ? seed : null
}

/** Signs as the log: with the key that is in force now. */
export class LogSigner implements EntrySigner {
  readonly role = 'log'
  #now: EntrySigner

  constructor(seed: Uint8Array) {
    this.#now = signerOf('log', seed)
  }

  get publicKey(): Uint8Array {
    return this.#now.publicKey
  }

  sign(message: Uint8Array): Uint8Array {
    return this.#now.sign(message)
  }

  /** Signs with another key from now on. */
  replace(next: EntrySigner): void {
    this.#now = next
  }
}

/** What says which key of this site is in force, and where its seed is. */
export interface KeyHolder {
  readonly identity: Pick<Identity, 'site'>
  readonly keystore: Pick<Keystore, 'secrets'>
  readonly replica: Pick<Replica, 'directory' | 'head' | 'live'>
}

/**
 * Signs for the site, with the governance key that the newest roster lists.
 *
 * @throws ApiFailure `COORDINATOR_ONLY` on a node of the site that was never given it, `KEYSTORE_DAMAGED` when its seed is
 * not here.
 */
export function governanceSignerOf({ identity, keystore, replica }: KeyHolder): EntrySigner {
  const site = rosterAt(replica.directory, replica.head.size)?.roster.sites.find(({ id }) => id === identity.site)
  const seed = site === undefined ? null : seedOf(keystore.secrets, SECRETS.governance, site.governanceKey)
  if (seed === null) throw new ApiFailure(governs({ keystore }) ? 'KEYSTORE_DAMAGED' : 'COORDINATOR_ONLY')
  return signerOf('governance', seed)
}

/** Whether this node was ever given the governance key of its site: one node is, all others work under it. */
export function governs({ keystore }: Pick<KeyHolder, 'keystore'>): boolean {
  return keystore.secrets.names().some((name) => name.startsWith(SECRETS.governance))
}

/**
 * Signs as the live log, with the key that it has at its end.
 *
 * @throws ApiFailure `KEYSTORE_DAMAGED` when its seed is not here.
 */
export function logSignerOf({ keystore, replica }: Pick<KeyHolder, 'keystore' | 'replica'>): LogSigner {
  const seed = logSeedOf(keystore.secrets, replica.live.logKey)
  if (seed === null) throw new ApiFailure('KEYSTORE_DAMAGED')
  return new LogSigner(seed)
}

/**
 * Makes keystore and log table say what the proven log says: after a change, and at each start, because a crash may have
 * come between the change and this.
 */
export async function settleKeys({ keystore, store, replica }: SettledFiles): Promise<void> {
  const { secrets } = keystore
  const identity = readIdentity(secrets)
  const roster = rosterAt(replica.directory, replica.head.size)?.roster
  const site = roster?.sites.find(({ id }) => id === identity.site)
  if (site !== undefined) {
    await settleSeed(secrets, SECRETS.governance, site.governanceKey)
    await settleSeed(secrets, SECRETS.mirror, site.mirrorKey)
    await settleSharing(secrets, site.sharingKey)
  }
  const { logKey } = replica.live
  await settleSeed(secrets, logSecretOf(identity.origin), logKey)
  for (const log of replica.logs) {
    const row = store.logs().find(({ origin }) => origin === log.origin)
    if (row !== undefined && !equalBytes(row.logKey, log.logKey)) store.addLog(log.origin, log.logKey)
  }
  const { publicKey: sharingKey } = SharingRing.read(secrets).now
  if (!equalBytes(identity.sharingKey, sharingKey)) await writeIdentity(secrets, { ...identity, sharingKey })
  if (equalBytes(identity.logKey, logKey) || logSeedOf(secrets, logKey) === null) return
  const others = [identity.logKey, ...identity.otherLogKeys].filter((key) => !equalBytes(key, logKey))
  await writeIdentity(secrets, { ...identity, sharingKey, logKey, otherLogKeys: others })
}

interface SettledFiles {
  readonly keystore: Pick<Keystore, 'secrets'>
  readonly store: Pick<Store, 'addLog' | 'logs'>
  readonly replica: Pick<Replica, 'directory' | 'head' | 'live' | 'logs'>
}
