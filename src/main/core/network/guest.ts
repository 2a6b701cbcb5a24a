/**
 * A site, or a node of one, that waits to be taken in: the folder with its keys, the call to whoever invited it, and the clinic that comes of
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
import { wipe } from '../../keystore/sodium.ts'
import { openStore } from '../../store/open.ts'
import type { RandomBytes } from '../envelope.ts'
import { ApiFailure } from '../failure.ts'
import { decodeInvitation } from '../../../sync/invitation.ts'
import { toHex } from '../../../shared/bytes.ts'
import type { Clinic } from '../vault/clinic.ts'
import { clinicPaths } from '../vault/clinic-files.ts'
import type { People } from '../vault/people.ts'
import { recoveryKeyText } from '../vault/recovery-key.ts'
import { keepUnprinted } from '../vault/unprinted-key.ts'
import { readSettings, writeSettings } from './network-settings.ts'
import type { StartPeers } from './sockets.ts'
import { type Admission, JoinCall } from './join-call.ts'
import { readDocuments } from './joined-documents.ts'
import { JOINING_SECRET, type JoiningState, readJoining } from './joining-state.ts'
import { guestSite, makeGuestKeys, openInvitation, siteAsks, writeJoined, type JoinRequestForm } from './joining.ts'
import { AGREEMENT_SECRET, makeNodeKeys, nodeAsks, readAdmission, writeJoinedNode } from './node-joining.ts'

/** What a guest is made of. */
export interface GuestParts {
  /** `<data>/joining`. */
  readonly folder: string
  /** `<data>/clinic`, which must not exist. */
  readonly clinicFolder: string
  readonly random: RandomBytes
  readonly nowMs: () => number
  readonly costs: KeystoreOptions
  readonly startPeers: StartPeers
  readonly changed: (status: JoiningStatus) => void
  /** The clinic is there, and is to be opened. */
  readonly joined: (unlock: Unlock) => void
  /** It cannot go on. */
  readonly failed: (error: unknown) => void
}

/** What was typed by somebody who joins: with a clinic of their own, or with a node of the clinic that invites. */
export type GuestForm =
  ({ readonly kind: 'site' } & JoinRequestForm) | { readonly kind: 'workstation'; readonly invitation: string }

/**
 * Makes the keys of a guest in a new folder.
 *
 * @returns The recovery key to print; null for a node of a clinic that has one.
 * @throws ApiFailure `BAD_INVITATION`; KeystoreError `WEAK_PIN`, `WEAK_PASSPHRASE`.
 */
export async function makeGuest(
  making: string,
  unlock: Unlock,
  form: GuestForm,
  { random, nowMs, costs }: Pick<GuestParts, 'random' | 'nowMs' | 'costs'>,
): Promise<string | null> {
  const { network, kind } = openInvitation(form.invitation, nowMs())
  if (kind !== form.kind) throw new ApiFailure('BAD_INVITATION', { detail: kind })
  const keystore = await createKeystore(clinicPaths(making).keystore, unlock, costs)
  try {
    if (form.kind === 'workstation') {
      await makeNodeKeys(keystore, form.invitation, { random, nowMs: nowMs() })
      return null
    }
    const { recoveryPrivateKey } = await makeGuestKeys(keystore, form, random)
    const recoveryKey = recoveryKeyText(recoveryPrivateKey, network)
    wipe(recoveryPrivateKey)
    await keepUnprinted(keystore, recoveryKey)
    return recoveryKey
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
    const asks = this.#isNode ? nodeAsks(keystore, this.#state) : siteAsks(keystore, guestSite(keystore, this.#state))
    this.#call = new JoinCall({
      ...{ keystore, state: this.#state, asks, random, nowMs, startPeers, changed, fault: failed },
      admitted: (admission) => {
        this.#admitted(admission).catch(failed)
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

  get keystore(): Keystore {
    return this.#keystore
  }

  get #isNode(): boolean {
    return this.#state.kind === 'workstation'
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

  async #admitted(admission: Admission): Promise<void> {
    try {
      if (this.#isNode) await readAdmission(this.#keystore, this.#state, admission)
      else readDocuments(admission.documents, this.#state, guestSite(this.#keystore, this.#state))
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error
      // Whoever invited lies. The attempt stays as it is, to be cancelled.
      this.#call.disbelieve(error.code)
      return
    }
    await this.#finish(admission)
  }

  /** Writes the first block, and makes the folder the clinic. */
  async #finish(admission: Admission): Promise<void> {
    const { folder, clinicFolder, random, nowMs, joined } = this.#parts
    await this.#call.close()
    const { database } = clinicPaths(folder)
    // What an attempt before left is no database of anybody's: the log begins when its first block is marked.
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${database}${suffix}`, { force: true })
    const store = openStore(database, { mode: 'create' })
    try {
      const parts = { keystore: this.#keystore, store, state: this.#state }
      const tools = { random, nowMs: nowMs() }
      if (this.#isNode) await writeJoinedNode(parts, admission, tools)
      else {
        const site = guestSite(this.#keystore, this.#state)
        await writeJoined({ ...parts, site }, admission.documents, tools)
      }
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
  keystore.secrets.remove(AGREEMENT_SECRET)
  keystore.secrets.remove(JOINING_SECRET)
}
