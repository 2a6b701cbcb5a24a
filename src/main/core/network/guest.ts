/**
 * A site that waits to be taken in: the folder with its keys, the call to whoever invited it, and the clinic that comes of
 * it.
 *
 * @packageDocumentation
 */
import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { JoiningStatus } from '../../../shared/api/schemas.ts'
import { guardedFiles } from '../../keystore/errors.ts'
import { syncFolder } from '../../keystore/files.ts'
import { createKeystore, openKeystore, type Keystore, type KeystoreOptions } from '../../keystore/keystore.ts'
import type { Unlock } from '../../keystore/node-secret.ts'
import { openStore } from '../../store/open.ts'
import type { RecordedDocument } from '../../../sync/join.ts'
import type { PeerNetwork, PeerNetworkListeners, PeerSettings } from '../../peer/peer-thread.ts'
import type { RosterSite } from '../../../ledger/roster.ts'
import type { RandomBytes } from '../envelope.ts'
import { ApiFailure } from '../failure.ts'
import { decodeInvitation } from '../../../sync/invitation.ts'
import { toHex } from '../../../shared/bytes.ts'
import type { Clinic } from '../vault/clinic.ts'
import { clinicPaths } from '../vault/clinic-files.ts'
import type { People } from '../vault/people.ts'
import { recoveryKeyText } from '../vault/recovery-key.ts'
import { readSettings, writeSettings } from './network-settings.ts'
import {
  guestSite,
  JOINING_SECRET,
  JoinCall,
  makeGuestKeys,
  openInvitation,
  readDocuments,
  readJoining,
  writeJoined,
  type JoinRequestForm,
  type JoiningState,
} from './joining.ts'

/** What a guest is made of. */
export interface GuestParts {
  /** `<data>/joining`. */
  readonly folder: string
  /** `<data>/clinic`, which must not exist. */
  readonly clinicFolder: string
  readonly random: RandomBytes
  readonly nowMs: () => number
  readonly costs: KeystoreOptions
  readonly startPeers: (settings: PeerSettings, listeners: PeerNetworkListeners) => PeerNetwork
  readonly changed: (status: JoiningStatus) => void
  /** The clinic is there, and is to be opened. */
  readonly joined: (unlock: Unlock) => void
  /** It cannot go on. */
  readonly failed: (error: unknown) => void
}

/**
 * Makes the keys of a guest in a new folder.
 *
 * @returns The recovery key to print.
 * @throws ApiFailure `BAD_INVITATION`; KeystoreError `WEAK_PIN`, `WEAK_PASSPHRASE`.
 */
export async function makeGuest(
  making: string,
  unlock: Unlock,
  form: JoinRequestForm,
  { random, nowMs, costs }: Pick<GuestParts, 'random' | 'nowMs' | 'costs'>,
): Promise<string> {
  const { network } = openInvitation(form.invitation, nowMs())
  const keystore = await createKeystore(clinicPaths(making).keystore, unlock, costs)
  try {
    const { recoveryPrivateKey } = await makeGuestKeys(keystore, form, random)
    return recoveryKeyText(recoveryPrivateKey, network)
  } finally {
    keystore.close()
  }
}

/** See the module's comment. */
export class Guest {
  readonly #parts: GuestParts
  readonly #unlock: Unlock
  readonly #keystore: Keystore
  readonly #state: JoiningState
  readonly #call: JoinCall

  private constructor(parts: GuestParts, unlock: Unlock, keystore: Keystore) {
    this.#parts = parts
    this.#unlock = unlock
    this.#keystore = keystore
    this.#state = readJoining(keystore)
    const { random, nowMs, startPeers, changed, failed } = parts
    const site = guestSite(keystore, this.#state)
    this.#call = new JoinCall({
      ...{ keystore, state: this.#state, site, random, nowMs, startPeers, changed, fault: failed },
      admitted: (documents) => {
        this.#admitted(documents, site).catch(failed)
      },
    })
  }

  /**
   * Opens the keys of a guest and calls.
   *
   * @throws KeystoreError `WRONG_PASSPHRASE`, `KEYSTORE_DAMAGED`.
   */
  static async open(parts: GuestParts, unlock: Unlock): Promise<Guest> {
    const keystore = await openKeystore(clinicPaths(parts.folder).keystore, unlock, parts.costs)
    const guest = new Guest(parts, unlock, keystore)
    guest.#call.start()
    return guest
  }

  get status(): JoiningStatus {
    return this.#call.status
  }

  get clinic(): string {
    return this.#state.clinic
  }

  async close(): Promise<void> {
    await this.#call.close()
    this.#keystore.close()
  }

  /** Ends the attempt: nothing of it stays. */
  async abandon(): Promise<void> {
    await this.close()
    guardedFiles('removing the keys of an attempt to join', () => {
      rmSync(this.#parts.folder, { recursive: true, force: true })
      syncFolder(join(this.#parts.folder, '..'))
    })
  }

  async #admitted(documents: readonly RecordedDocument[], site: RosterSite): Promise<void> {
    try {
      readDocuments(documents, this.#state, site)
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error
      // Whoever invited lies. The attempt stays as it is, to be cancelled.
      this.#call.disbelieve(error.code)
      return
    }
    await this.#finish(documents)
  }

  /** Writes the first block, and makes the folder the clinic. */
  async #finish(documents: readonly RecordedDocument[]): Promise<void> {
    const { folder, clinicFolder, random, nowMs, joined } = this.#parts
    await this.#call.close()
    const site = guestSite(this.#keystore, this.#state)
    const { database } = clinicPaths(folder)
    // What an attempt before left is no database of anybody's: the log begins when its first block is marked.
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${database}${suffix}`, { force: true })
    const store = openStore(database, { mode: 'create' })
    try {
      const parts = { keystore: this.#keystore, store, state: this.#state, site }
      await writeJoined(parts, documents, { random, nowMs: nowMs() })
    } finally {
      store.close()
      this.#keystore.close()
    }
    guardedFiles('putting the clinic into its place', () => {
      renameSync(folder, clinicFolder)
      syncFolder(join(folder, '..'))
    })
    joined(this.#unlock)
  }
}

/**
 * After a clinic that joined was opened first: records its administrator, and keeps where the inviting node is reached.
 * Goes on where a crash cut it off.
 */
export async function settleGuest({ keystore, replica, nowMs }: Clinic, people: People): Promise<void> {
  if (keystore.secrets.get(JOINING_SECRET) === null) return
  const { administrator, invitation } = readJoining(keystore)
  if (administrator !== null && !replica.directory.bindings.has(toHex(administrator.publicKey))) {
    const { handle, name, publicKey } = administrator
    await people.enrolKnown({ handle, name, role: 'it' }, publicKey, nowMs())
  }
  const { log, addresses } = decodeInvitation(invitation)
  const settings = readSettings(keystore.secrets)
  const peers = [...settings.peers.filter((peer) => peer.log !== log), { log, addresses: [...addresses] }]
  await writeSettings(keystore.secrets, { ...settings, peers })
  keystore.secrets.remove(JOINING_SECRET)
}
