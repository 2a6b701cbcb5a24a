/**
 * How a witness comes into a network: it asks with an invitation of a clinic, under a code that somebody there compares.
 *
 * @remarks
 * The keys are made at once and lie in `<data>/witness.new/` until the roster lists them. What comes back is believed as a
 * chain of rosters from the network that the invitation names, which lists exactly these keys under the site that signed the
 * invitation. It is given no secret. Proven by `tests/main/cli/witness.test.ts`.
 *
 * @packageDocumentation
 */
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { LedgerError } from '../../../ledger/errors.ts'
import type { JoiningStatus } from '../../../shared/api/schemas.ts'
import { toHex } from '../../../shared/bytes.ts'
import { decodeInvitation } from '../../../sync/invitation.ts'
import type { Keystore } from '../../keystore/keystore.ts'
import type { Unlock } from '../../keystore/node-secret.ts'
import { startPeerThread } from '../../peer/peer-thread.ts'
import { ApiFailure } from '../failure.ts'
import { rosterIn } from '../governed-fields.ts'
import { type Admission, JoinCall } from '../network/join-call.ts'
import { checkInviter } from '../network/joined-documents.ts'
import type { JoiningState } from '../network/joining-state.ts'
import { openInvitation } from '../network/joining.ts'
import { readSettings, writeSettings } from '../network/network-settings.ts'
import { readJson, writeJson } from '../vault/identity.ts'
import {
  beginWitness,
  isBeingMade,
  makeWitness,
  makeWitnessKeys,
  resumeWitness,
  witnessKeysIn,
} from './witness-files.ts'
import { WitnessError } from './witness-memory.ts'

const JOINING = 'witness-joining'
const Kept = z.strictObject({ name: z.string(), invitation: z.string() })

/** What joining needs. */
export interface WitnessJoiningParts {
  readonly dataFolder: string
  readonly unlock: Unlock
  /** Text of an invitation; null to go on with one that was given before. Untrusted. */
  readonly invitation: string | null
  readonly nowMs: () => number
  readonly changed: (status: JoiningStatus) => void
  /** The folder of the witness is in its place. */
  readonly joined: () => void
  readonly fault: (error: unknown) => void
}

/** A witness that waits to be listed. */
export class WitnessJoining {
  readonly #parts: WitnessJoiningParts
  readonly #making: string
  readonly #keystore: Keystore
  readonly #state: JoiningState
  readonly #call: JoinCall
  #isClosed = false

  /**
   * Makes the keys, or opens those that were made, and calls.
   *
   * @throws ApiFailure `WRONG_STATE` without an invitation, `BAD_INVITATION`; KeystoreError.
   */
  static async start(parts: WitnessJoiningParts): Promise<WitnessJoining> {
    const { making, keystore } = await keysFor(parts)
    try {
      return new WitnessJoining(parts, making, keystore)
    } catch (error) {
      keystore.close()
      throw error
    }
  }

  private constructor(parts: WitnessJoiningParts, making: string, keystore: Keystore) {
    this.#parts = parts
    this.#making = making
    this.#keystore = keystore
    const kept = Kept.safeParse(readJson(keystore.secrets, JOINING))
    if (!kept.success) throw new ApiFailure('KEYSTORE_DAMAGED')
    const { name, invitation } = kept.data
    const { site } = decodeInvitation(invitation)
    this.#state = {
      ...{ kind: 'workstation', clinic: '', site, log: name, invitation, recoveryKey: null, administrator: null },
    }
    const { nowMs, changed, fault } = parts
    this.#call = new JoinCall({
      ...{ keystore, state: this.#state, nowMs, changed, fault, startPeers: startPeerThread },
      asks: { first: { step: 'witness', witness: { name, ...witnessKeysIn(keystore) } }, approve: () => null },
      random: (size) => new Uint8Array(randomBytes(size)),
      admitted: (admission) => {
        this.#admitted(admission).catch(fault)
      },
    })
    this.#call.start()
  }

  get status(): JoiningStatus {
    return this.#call.status
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#call.close()
    this.#keystore.close()
  }

  async #admitted({ documents }: Admission): Promise<void> {
    const { dataFolder, joined, nowMs } = this.#parts
    const invitation = decodeInvitation(this.#state.invitation)
    try {
      const fields = documents.flatMap((one) => (one.type === 'roster' ? [one.fields] : []))
      checkInviter(fields.map(rosterIn), invitation)
      await this.#call.close()
      this.#isClosed = true
      const { log, network, site, addresses } = invitation
      const { secrets } = this.#keystore
      await writeSettings(secrets, { ...readSettings(secrets), peers: [{ log, addresses: [...addresses] }] })
      const identity = { network, site, name: this.#state.log }
      await makeWitness(this.#making, dataFolder, this.#keystore, identity, fields, { nowMs })
      joined()
    } catch (error) {
      const isLie = error instanceof LedgerError || error instanceof ApiFailure || error instanceof WitnessError
      if (!isLie) throw error
      // Whoever invited lies. The attempt stays as it is.
      this.#call.disbelieve(error.code)
    }
  }
}

async function keysFor({ dataFolder, unlock, invitation, nowMs }: WitnessJoiningParts) {
  if (isBeingMade(dataFolder)) {
    const resumed = await resumeWitness(dataFolder, unlock)
    const kept = Kept.safeParse(readJson(resumed.keystore.secrets, JOINING))
    const isSame = kept.success && (invitation === null || kept.data.invitation === invitation.trim())
    if (isSame) return resumed
    resumed.keystore.close()
  }
  if (invitation === null) throw new ApiFailure('WRONG_STATE')
  const { kind, site } = openInvitation(invitation, nowMs())
  if (kind !== 'workstation') throw new ApiFailure('BAD_INVITATION', { detail: kind })
  const begun = await beginWitness(dataFolder, unlock)
  await makeWitnessKeys(begun.keystore)
  const name = `${site}/witness-${toHex(new Uint8Array(randomBytes(4)))}`
  await writeJson(begun.keystore.secrets, JOINING, { name, invitation: invitation.trim() })
  return begun
}
