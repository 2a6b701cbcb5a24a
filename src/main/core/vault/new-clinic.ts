/**
 * Makes a clinic: its keys, its database, and its first entries.
 *
 * @remarks
 * Proven by `tests/main/core/vault/vault.test.ts`.
 *
 * @packageDocumentation
 */
import { readFileSync } from 'node:fs'
import { createKeystore, type KeystoreOptions } from '../../keystore/keystore.ts'
import type { Unlock } from '../../keystore/node-secret.ts'
import { wipe } from '../../keystore/sodium.ts'
import { openStore } from '../../store/open.ts'
import { resourceFile } from '../resource-file.ts'
import { type Assembly, assembleClinic } from './clinic-assembly.ts'
import { clinicPaths, closeFiles, closingOnFailure } from './clinic-files.ts'
import type { Clinic } from './clinic.ts'
import { writeGenesis } from './genesis.ts'
import { KeptCopies } from './kept-copies.ts'
import { recoveryKeyText } from './recovery-key.ts'
import { keepUnprinted } from './unprinted-key.ts'

/** What a clinic is made from. */
export interface NewClinic {
  /** Its name. */
  readonly clinic: string
  readonly demo: boolean
  readonly unlock: Unlock
  readonly costs: KeystoreOptions
  readonly assembly: Assembly
  /** Records what the first entries are. */
  readonly fill: (clinic: Clinic) => Promise<void>
}

/**
 * Makes a clinic in an empty folder, and closes it again.
 *
 * @returns The recovery key to print.
 */
export async function makeClinic(
  folder: string,
  { clinic: name, demo, unlock, costs, assembly, fill }: NewClinic,
): Promise<string> {
  const paths = clinicPaths(folder)
  const keystore = await createKeystore(paths.keystore, unlock, costs)
  const store = closingOnFailure(keystore, () => openStore(paths.database, { mode: 'create' }))
  try {
    const contract = new Uint8Array(readFileSync(resourceFile('contracts', 'default-v1.cedar')))
    const request = { clinic: name, demo, contract, nowMs: assembly.nowMs() }
    const { recoveryPrivateKey, identity } = await writeGenesis(keystore, store, request, assembly.random)
    const recoveryKey = recoveryKeyText(recoveryPrivateKey, identity.network)
    wipe(recoveryPrivateKey)
    // A demonstration is not recovered.
    if (!demo) await keepUnprinted(keystore, recoveryKey)
    const clinic = await assembleClinic({ keystore, store }, assembly)
    await fill(clinic)
    await new KeptCopies(clinic).keep()
    return recoveryKey
  } finally {
    closeFiles({ store, keystore })
  }
}
