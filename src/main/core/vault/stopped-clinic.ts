/**
 * A clinic whose log may not be continued: its files stay open for a recovery, and nothing is signed.
 *
 * @remarks
 * Proven by `tests/main/core/vault/recovery.test.ts`.
 *
 * @packageDocumentation
 */
import type { RecoveryStatus } from '../../../shared/api/schemas.ts'
import type { Unlock } from '../../keystore/node-secret.ts'
import type { VaultService } from '../vault-service.ts'
import { rememberMachine } from './clinic-assembly.ts'
import { clinicPaths, closeFiles, identityOf, type ClinicFiles } from './clinic-files.ts'
import type { RecoveryNeeded } from './errors.ts'
import type { Identity } from './identity.ts'
import { Recovery } from './recovery.ts'
import { openReplicaFile } from './repair.ts'
import type { RestoreTools } from './restore.ts'

/** See the module's comment. */
export class StoppedClinic {
  readonly unlock: Unlock
  readonly identity: Identity
  readonly status: RecoveryStatus
  readonly #files: ClinicFiles
  readonly #recovery: Recovery
  readonly #tools: RestoreTools

  /**
   * @param files - Open. They stay the caller's when this throws.
   * @param unlock - What opened them.
   */
  constructor(files: ClinicFiles, { reason }: RecoveryNeeded, unlock: Unlock, tools: RestoreTools) {
    this.#files = files
    this.#recovery = new Recovery(files, reason, tools)
    this.#tools = tools
    this.unlock = unlock
    this.identity = identityOf(files)
    this.status = this.#recovery.status()
  }

  /**
   * Goes on in a new incarnation, from what other nodes hold, or from a file.
   *
   * @param clinicFolder - Folder of the clinic that is recovered.
   * @param machineId - The computer on which it is used from now on.
   */
  async recover(
    { recoveryKey, file }: Parameters<VaultService['recover']>[0],
    clinicFolder: string,
    machineId: Uint8Array | null,
  ): Promise<void> {
    this.#recovery.authorize(recoveryKey)
    if (file === null) await this.#tools.withRescued(this.#files, this.#recovery, (copy) => this.#recovery.run(copy))
    else await this.#recoverFrom(file, clinicFolder)
    await rememberMachine(this.#files.keystore, machineId)
  }

  async #recoverFrom(file: string, clinicFolder: string): Promise<void> {
    const copy = openReplicaFile(file, clinicPaths(clinicFolder).database)
    try {
      await this.#recovery.run(copy.reader)
    } finally {
      copy.close()
    }
  }

  close(): void {
    closeFiles(this.#files)
  }
}
