/**
 * Makes the roster that somebody here proposes: the one in force with one change, and the seeds that it needs.
 *
 * @remarks
 * A new seed is durable before anybody hears of its key; see `governance.ts` for the order, and what a crash means. Proven by
 * `tests/main/core/vault/governance.test.ts`.
 *
 * @packageDocumentation
 */
import { listedKey, sharingKeysOf } from '../../../ledger/directory.ts'
import type { FrozenLog, Roster, RosterSite } from '../../../ledger/roster.ts'
import type * as api from '../../../shared/api/schemas.ts'
import { assert } from '../../../shared/errors.ts'
import { ApiFailure } from '../failure.ts'
import type { Clinic } from './clinic.ts'
import { SECRETS } from './genesis.ts'
import { rosterInForce } from './governing.ts'
import { type Identity, readIdentity, writeIdentity } from './identity.ts'
import {
  followingRoster,
  withGovernanceKey,
  withLogKey,
  withMirrorKey,
  withoutMachine,
  withoutSite,
  withPolicy,
  withSharingKey,
} from './next-rosters.ts'
import { dropNextSeed, hasNextSeed, keepNextSeed, logSeedOf } from './role-keys.ts'
import { keepNextSharing } from './sharing-ring.ts'
import { logSecretOf } from './site-secrets.ts'

/** See the module's comment. */
export class RosterChanges {
  readonly #clinic: Clinic
  readonly #endsOf: (site: RosterSite) => readonly FrozenLog[]

  /** @param endsOf - Where logs of a site stand, for those that are to end. */
  constructor(clinic: Clinic, endsOf: (site: RosterSite) => readonly FrozenLog[]) {
    this.#clinic = clinic
    this.#endsOf = endsOf
  }

  /**
   * The next roster, with its seed kept.
   *
   * @throws ApiFailure `BAD_PROPOSAL` for a change of what is not there, or has to stay.
   */
  async make(change: Exclude<api.ProposedChange, { kind: 'ceremony' }>): Promise<Roster> {
    const { identity, keystore, random } = this.#clinic
    const { secrets } = keystore
    const next = followingRoster(rosterInForce(this.#clinic))
    switch (change.kind) {
      case 'policy':
        return withPolicy(next, change.policy)
      case 'custom-policy':
        return { ...next, policy: change.text }
      case 'remove-site': {
        const site = next.sites.find(({ id }) => id === change.site)
        // Who leaves could not record it: the others go on without them.
        if (site === undefined || site.id === identity.site) throw new ApiFailure('BAD_PROPOSAL')
        return withoutSite(next, site.id, this.#endsOf(site))
      }
      case 'remove-machine': {
        const site = next.sites.find(({ id }) => id === identity.site)
        const isThere =
          site?.nodes.some(({ log }) => log === change.name) === true ||
          site?.witnesses.some(({ name }) => name === change.name) === true
        // Who governs the site, or records for the network, cannot go this way: nobody would be left who does.
        const isNeeded = change.name === identity.log || change.name === next.coordinator
        if (site === undefined || !isThere || isNeeded) throw new ApiFailure('BAD_PROPOSAL')
        const without = withoutMachine(next, site.id, change.name, this.#endsOf(site))
        // A witness was never given any secret of the site; a node has them all.
        const isNode = site.nodes.some(({ log }) => log === change.name)
        return isNode ? withSharingKey(without, site.id, await this.#nextSharing()) : without
      }
      case 'sharing-key':
        return withSharingKey(next, identity.site, await this.#nextSharing())
      case 'governance-key':
        return withGovernanceKey(next, identity.site, await keepNextSeed(secrets, SECRETS.governance, random(32)))
      case 'mirror-key':
        return withMirrorKey(next, identity.site, await keepNextSeed(secrets, SECRETS.mirror, random(32)))
      case 'log-key': {
        const logKey = await keepNextSeed(secrets, logSecretOf(identity.origin), random(32))
        const kept = readIdentity(secrets)
        await writeIdentity(secrets, { ...kept, otherLogKeys: [logKey, ...kept.otherLogKeys] })
        return this.#withoutLostKey(withLogKey(next, identity.log, logKey))
      }
    }
  }

  #nextSharing(): Promise<Uint8Array> {
    const { identity, keystore, replica } = this.#clinic
    return keepNextSharing(keystore.secrets, sharingKeysOf(replica.directory, identity.site))
  }

  /** The old key cannot approve when it ended with another disk: that is what a ceremony does without. */
  #withoutLostKey(next: Roster): Roster {
    const { identity, keystore } = this.#clinic
    const listed = listedKey(rosterInForce(this.#clinic).roster, identity.log)
    assert(listed !== null, 'the log of an open node is listed')
    return logSeedOf(keystore.secrets, listed) === null ? { ...next, attempt: 1 } : next
  }

  /** Forgets the seeds of a proposal that this site did not approve. */
  async dropSeeds(): Promise<void> {
    const { keystore, identity } = this.#clinic
    for (const name of [...ownSeeds(identity), SECRETS.sharing]) await dropNextSeed(keystore.secrets, name)
  }

  /** Whether a seed waits for its roster that another change of keys would overwrite. */
  hasNextSeed(): boolean {
    const { keystore, identity } = this.#clinic
    return ownSeeds(identity).some((name) => hasNextSeed(keystore.secrets, name))
  }
}

/** Where the seeds lie that {@link isOwnKey} replaces. */
function ownSeeds({ origin }: Identity): readonly string[] {
  return [SECRETS.governance, SECRETS.mirror, logSecretOf(origin)]
}

/** Whether a change replaces a key of this site or node that is not kept beside the one before. */
export function isOwnKey({ kind }: api.ProposedChange): boolean {
  return kind === 'governance-key' || kind === 'mirror-key' || kind === 'log-key'
}
