/**
 * How a machine of a clinic gets the sharing key that replaced the one it was let in with.
 *
 * @remarks
 * A machine that hears of a roster with another sharing key asks, with a one-time key, and the machine that made it answers:
 * sealed as for a machine that joins (`node-secrets.ts`), to a machine that the newest roster lists and the transport
 * proved. Whoever was taken out is none of those. What comes is kept only when it is the key that the roster lists. A
 * crash anywhere in between asks again. Proven by `tests/main/core/network/machine-removed.test.ts`.
 *
 * @packageDocumentation
 */
import { rosterAt } from '../../../ledger/directory.ts'
import type { RosterSite } from '../../../ledger/roster.ts'
import { equalBytes, toHex } from '../../../shared/bytes.ts'
import { wipe } from '../../keystore/sodium.ts'
import { generateSharingKeyPair, sharingPublicKeyOf, type SharingKeyPair } from '../epoch-keys.ts'
import { ApiFailure } from '../failure.ts'
import type { Clinic } from '../vault/clinic.ts'
import { SECRETS } from '../vault/genesis.ts'
import { settleKeys } from '../vault/role-keys.ts'
import { takeSharing } from '../vault/sharing-ring.ts'
import { openNodeSecrets, sealNodeSecrets } from './node-secrets.ts'

/** The own site in the roster in force. */
function ownSite({ replica, identity }: Clinic): RosterSite | null {
  const { sites } = rosterAt(replica.directory, replica.head.size)?.roster ?? { sites: [] }
  return sites.find(({ id }) => id === identity.site) ?? null
}

/** True while the sharing key that the roster lists is not here. */
function isBehind(clinic: Clinic): boolean {
  const site = ownSite(clinic)
  return site !== null && !equalBytes(site.sharingKey, clinic.ring.now.publicKey)
}

/** Seals the site's secrets to its other machines. */
export class SiteSecretsDesk {
  readonly #clinic: Clinic
  readonly #fault: (error: unknown) => void
  /** By log: for what it was made, and what was made; null while it is being made. */
  readonly #made = new Map<string, { readonly stamp: string; sealed: Uint8Array | null }>()

  constructor(clinic: Clinic, fault: (error: unknown) => void) {
    this.#clinic = clinic
    this.#fault = fault
  }

  /**
   * The secrets for a machine; null while they are being sealed, and for one that is not of this clinic any more.
   *
   * @param log - Of the machine, as the transport proved it.
   * @param agreementKey - X25519, 32 bytes, of its request.
   */
  sealedTo(log: string, agreementKey: Uint8Array): Uint8Array | null {
    const isListed = ownSite(this.#clinic)?.nodes.some((node) => node.log === log) === true
    if (!isListed || isBehind(this.#clinic)) return null
    const { identity, keystore, ring } = this.#clinic
    const stamp = `${toHex(agreementKey)} ${toHex(ring.now.publicKey)}`
    const known = this.#made.get(log)
    if (known?.stamp === stamp) return known.sealed
    const making = { stamp, sealed: null as Uint8Array | null }
    this.#made.set(log, making)
    sealNodeSecrets(identity, keystore, agreementKey, { network: identity.network, site: identity.site, log })
      .then((sealed) => (making.sealed = sealed))
      .catch(this.#fault)
    return null
  }
}

/** Asks for them, and keeps what is right. */
export class SiteSecretsRequest {
  readonly #clinic: Clinic
  readonly #fault: (error: unknown) => void
  /** Opens the answer; null before it is needed. */
  #agreement: SharingKeyPair | null = null
  #isMaking = false

  constructor(clinic: Clinic, fault: (error: unknown) => void) {
    this.#clinic = clinic
    this.#fault = fault
  }

  /** The one-time key to ask with; null when nothing is missing, and for a moment before there is one. */
  key(): Uint8Array | null {
    if (!isBehind(this.#clinic)) return null
    if (this.#agreement === null) this.#make()
    return this.#agreement?.publicKey ?? null
  }

  #make(): void {
    if (this.#isMaking) return
    this.#isMaking = true
    generateSharingKeyPair()
      .then((pair) => (this.#agreement = pair))
      .catch(this.#fault)
      .finally(() => (this.#isMaking = false))
  }

  /**
   * Keeps what came. Durable when the promise resolves.
   *
   * @param sealed - Untrusted.
   * @returns True when the key in force is here now.
   */
  async take(sealed: Uint8Array): Promise<boolean> {
    const { identity, keystore, ring } = this.#clinic
    const [site, agreement] = [ownSite(this.#clinic), this.#agreement]
    if (site === null || agreement === null) return false
    const { network, log } = identity
    const shared = await openNodeSecrets(sealed, agreement.privateKey, { network, site: site.id, log }).catch(orNull)
    const newest = shared?.secrets.get(SECRETS.sharing)
    if (shared === null || newest === undefined || !equalBytes(sharingPublicKeyOf(newest), site.sharingKey))
      return false
    await takeSharing(keystore.secrets, newest, shared.earlier)
    await settleKeys(this.#clinic)
    ring.reload(keystore.secrets)
    wipe(newest, agreement.privateKey)
    this.#agreement = null
    await this.#clinic.keepSecrets()
    return true
  }
}

/** Sealed to another key, or nothing that a machine of this clinic seals. */
function orNull(error: unknown): null {
  if (error instanceof ApiFailure && error.code === 'BAD_INVITATION') return null
  throw error
}
