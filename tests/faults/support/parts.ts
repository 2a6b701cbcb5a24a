/** A clinic opened as its parts, below the vault's own checks: to write what the vault never would. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { SubjectKeys } from '../../../src/main/core/vault/subject-keys.ts'
import { SECRETS, signerOf } from '../../../src/main/core/vault/genesis.ts'
import { LogSigner } from '../../../src/main/core/vault/role-keys.ts'
import { readIdentity } from '../../../src/main/core/vault/identity.ts'
import { SharingRing } from '../../../src/main/core/vault/sharing-ring.ts'
import { Replica } from '../../../src/main/core/vault/replica.ts'
import type { EntrySigner } from '../../../src/main/core/vault/entry-signer.ts'
import { type Draft, Writer } from '../../../src/main/core/vault/writer.ts'
import { openKeystore } from '../../../src/main/keystore/keystore.ts'
import type { HighWater } from '../../../src/main/keystore/high-water.ts'
import { openStore } from '../../../src/main/store/open.ts'
import type { Store } from '../../../src/main/store/store.ts'
import { encodeAccess } from '../../../src/ledger/fields.ts'
import { fromHex } from '../../../src/shared/bytes.ts'
import { cleanUp, databaseOf, NODE_SECRET, PIN } from './clinic.ts'

export const random = (size: number): Uint8Array => new Uint8Array(randomBytes(size))

/** What a test may put between the writer and its files. */
export interface Between {
  readonly store?: (store: Store) => Store
  readonly highWater?: (highWater: HighWater) => HighWater
}

/** Opens the closed clinic in `folder`, with the key of `practitioner`. */
export async function openParts(folder: string, practitioner: string, between: Between = {}) {
  const unlock = { kind: 'system' as const, nodeSecret: NODE_SECRET }
  const keystore = await openKeystore(join(folder, 'clinic', 'keystore'), unlock, { scryptLogN: 10 })
  const store = (between.store ?? ((same) => same))(openStore(databaseOf(folder), { mode: 'existing' }))
  cleanUp(() => {
    store.close()
    keystore.close()
  })
  const identity = readIdentity(keystore.secrets)
  const highWater = (between.highWater ?? ((same) => same))(keystore.highWater)
  const replica = Replica.open(store, identity, highWater.read(), new Map())
  const secret = (name: string) => keystore.secrets.get(name) ?? new Uint8Array(0)
  const keys = new SubjectKeys({
    store,
    log: identity.log,
    ring: SharingRing.read(keystore.secrets),
    recoveryKey: identity.recoveryKey,
    newestEpoch: (subject) => replica.newestEpoch(subject),
    random,
  })
  const told: { sizes: number[]; failures: unknown[] } = { sizes: [], failures: [] }
  const writer = new Writer({
    replica,
    keys,
    highWater,
    logSigner: new LogSigner(secret(SECRETS.log)),
    random,
    nowMs: Date.now,
    committed: (size) => told.sizes.push(size),
    failed: (error) => told.failures.push(error),
  })
  const signer = signerOf('practitioner', await keystore.practitioners.unlock(practitioner, PIN))
  return { store, keystore, replica, keys, writer, signer, told, identity }
}

export type Parts = Awaited<ReturnType<typeof openParts>>

/** A record that somebody saw a patient's data: the smallest entry that a practitioner signs. */
export function accessOf({ replica }: Pick<Parts, 'replica'>, signer: EntrySigner, subject: string): Draft {
  const { origin, size, root } = replica.head
  return {
    id: random(16),
    type: 'access',
    subject: fromHex(subject),
    timeMs: Date.now(),
    payload: null,
    fields: encodeAccess({ purpose: 'care', heads: [{ origin, size, root }], subjects: null }),
    signers: [signer],
  }
}
