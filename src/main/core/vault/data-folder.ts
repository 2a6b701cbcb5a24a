/**
 * What lies where in a data folder, and how a clinic gets into its place.
 *
 * @remarks
 * A clinic is made in `clinic.new/` and renamed when it is complete, so that a crash during setup leaves nothing half made.
 * Proven by `tests/main/core/vault/vault.test.ts` and `tests/faults/join-kill.test.ts`.
 *
 * @packageDocumentation
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { guardedFiles } from '../../keystore/errors.ts'
import { syncFolder } from '../../keystore/files.ts'

/** See the module's comment. Every name is a path. */
export class DataFolder {
  readonly path: string
  /** Keystore and database of the clinic. */
  readonly clinic: string
  /** Keys of a site, or a node, that asks to be taken in. */
  readonly joining: string
  readonly outbox: string
  readonly backups: string
  /** A database that lives as long as a rescue. */
  readonly rescue: string
  readonly #making: string
  readonly #demoSecret: string

  /** @param path - Empty while there is none yet. */
  constructor(path: string) {
    this.path = path
    this.clinic = join(path, 'clinic')
    this.joining = join(path, 'joining')
    this.outbox = join(path, 'outbox')
    this.backups = join(path, 'backups')
    this.rescue = join(path, 'rescue.db')
    this.#making = join(path, 'clinic.new')
    this.#demoSecret = join(path, 'demo-secret')
  }

  /** A folder of its own: the demonstration must never become this workstation's clinic. */
  demo(): DataFolder {
    const demo = new DataFolder(join(this.path, 'demo'))
    makeFolder(demo.path)
    return demo
  }

  get hasClinic(): boolean {
    return existsSync(this.clinic)
  }

  get isJoining(): boolean {
    return existsSync(this.joining)
  }

  /** Makes a clinic beside the place where it will be, and moves it there when it is complete. */
  async put(place: string, fill: (folder: string) => Promise<void>): Promise<void> {
    this.clear()
    makeFolder(this.#making)
    await fill(this.#making)
    guardedFiles('putting the clinic into its place', () => {
      renameSync(this.#making, place)
      syncFolder(this.path)
    })
  }

  /** What a crash during setup left is no clinic: nobody was told that there is one. */
  clear(): void {
    guardedFiles('clearing what an earlier attempt left', () => {
      rmSync(this.#making, { recursive: true, force: true })
    })
  }

  /** The demonstration's node secret lies beside it: it protects nothing, and its data are invented. Null elsewhere. */
  demoSecret(): Uint8Array | null {
    return existsSync(this.#demoSecret) ? fromHex(readFileSync(this.#demoSecret, 'utf8').trim()) : null
  }

  keepDemoSecret(secret: Uint8Array): void {
    guardedFiles('keeping the secret of the demonstration', () => {
      writeFileSync(this.#demoSecret, `${toHex(secret)}\n`, { mode: 0o600 })
    })
  }
}

/** The folder above it exists: with `recursive`, Node reports a read-only disk as a missing folder. */
function makeFolder(folder: string): void {
  guardedFiles('making a folder', () => {
    if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 })
  })
}
