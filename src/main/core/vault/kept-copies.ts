/**
 * Copies that are kept where a damaged file cannot take them along: of the directory's entries beside the keystore, and of
 * the site's secrets, sealed to the printed recovery key, in the database.
 *
 * @packageDocumentation
 */
import { writeCopies } from './clinic-files.ts'
import type { Clinic } from './clinic.ts'
import { storeSiteSecrets } from './site-secrets.ts'

/** See the module's comment. */
export class KeptCopies {
  readonly #clinic: Pick<Clinic, 'replica' | 'keystore' | 'store' | 'identity'>
  /** How many entries the directory had when they were written last. */
  #count = -1

  constructor(clinic: Pick<Clinic, 'replica' | 'keystore' | 'store' | 'identity'>) {
    this.#clinic = clinic
  }

  /** Writes them when the directory has grown. */
  async keep(): Promise<void> {
    const { replica, keystore, store, identity } = this.#clinic
    // Entries are only ever added: as many as before are the same.
    const count = replica.logs.reduce((sum, { directoryEntries }) => sum + directoryEntries.size, 0)
    if (this.#count === count) return
    await writeCopies(keystore, replica)
    await storeSiteSecrets(keystore, store, identity)
    this.#count = count
  }

  /** Writes them in any case: other secrets are kept than before. */
  async keepAgain(): Promise<void> {
    this.#count = -1
    await this.keep()
  }
}
