/** Other sites of the network, held by the test: let into a clinic's roster, and trying whatever keys they were given. */
import { nobleHasher } from '../../src/ledger/hash.ts'
import { quorumPolicy, type PolicySite } from '../../src/ledger/policy.ts'
import { rosterAt } from '../../src/ledger/directory.ts'
import { encodeRoster, mirrorNameOf, rosterHash, type Roster, type RosterSite } from '../../src/ledger/roster.ts'
import { addApproval, decodeProposal, encodeProposal } from '../../src/ledger/roster-proposal.ts'
import { COSIGNATURE_V1 } from '../../src/ledger/vkey.ts'
import {
  heldClassKeys,
  likelyClasses,
  openClassKeys,
  openUnderClasses,
  type KeyClass,
} from '../../src/main/core/class-keys.ts'
import { EnvelopeError } from '../../src/main/core/envelope.ts'
import { generateSharingKeyPair, type SharingKeyPair } from '../../src/main/core/epoch-keys.ts'
import { keyPairFromSeed, sign } from '../../src/main/keystore/sodium.ts'
import { equalBytes, fromHex } from '../../src/shared/bytes.ts'
import { PIN, type World } from './consent-world.ts'

/** Another site. */
export class OtherSite {
  readonly site: RosterSite
  readonly #pair: SharingKeyPair
  readonly #governanceSeed: Uint8Array
  /** Every key that was ever handed to it, by epoch: what was given cannot be taken back. */
  readonly #held = new Map<number, Map<string, KeyClass>>()

  private constructor(site: RosterSite, pair: SharingKeyPair, governanceSeed: Uint8Array) {
    this.site = site
    this.#pair = pair
    this.#governanceSeed = governanceSeed
  }

  static async make(n: number): Promise<OtherSite> {
    const seed = (role: number) => new Uint8Array(32).fill(16 * n + role)
    const keyOf = (role: number) => keyPairFromSeed(seed(role)).publicKey
    const [sharing, recovery] = [await generateSharingKeyPair(), await generateSharingKeyPair()]
    const id = `test.local/site-${n}`
    const keys = { governanceKey: keyOf(1), mirrorKey: keyOf(2), sharingKey: sharing.publicKey }
    const nodes = [{ log: `${id}/node-1`, logKey: keyOf(3), transportKey: keyOf(4) }]
    return new OtherSite({ id, ...keys, recoveryKey: recovery.publicKey, nodes, witnesses: [] }, sharing, seed(1))
  }

  get id(): string {
    return this.site.id
  }

  approve(text: string): string {
    return encodeProposal(
      addApproval(decodeProposal(text), this.site.governanceKey, (message) => sign(this.#governanceSeed, message)),
    )
  }

  /** Takes whatever rows of keys are there for it now. */
  async collect({ clinic }: World, handle: string): Promise<void> {
    const { store, identity } = clinic()
    for (const { epoch, recipient, sealed } of store.epochKeys(fromHex(handle))) {
      if (!equalBytes(recipient, this.#pair.publicKey)) continue
      const context = { subject: fromHex(handle), epoch, sender: identity.sharingKey }
      const bundle = await openClassKeys(sealed, this.#pair, context)
      const held = this.#held.get(epoch) ?? new Map<string, KeyClass>()
      for (const [keyClass, key] of bundle) held.set(Buffer.from(key).toString('hex'), keyClass)
      this.#held.set(epoch, held)
    }
  }

  /** Indexes of the entries about a patient that any key it ever held opens. */
  opens({ clinic }: World, handle: string): number[] {
    const { replica, store, identity } = clinic()
    return replica.chain(handle).links.flatMap(({ log, index }) => {
      const verified = log.verifiedEntry(index)
      const stored = store.payload(identity.origin, index)
      if ('step' in verified || stored === null) return []
      const { body } = verified.entry
      const { subject, payload, id } = body
      if (subject === null || payload === null) return []
      const context = { subject, entryId: id, epoch: payload.epoch }
      // Also keys of other epochs are tried: nothing but the key decides.
      const isOpen = [...this.#held.values()].some((held) =>
        [...held].some(([hex, keyClass]) => {
          const keys = heldClassKeys(new Map([[keyClass, fromHex(hex)]]))
          return opensUnder(() => openUnderClasses(stored, keys, [keyClass, ...likelyClasses(body)], context))
        }),
      )
      return isOpen ? [index] : []
    })
  }
}

function opensUnder(body: () => unknown): boolean {
  try {
    body()
    return true
  } catch (error) {
    if (error instanceof EnvelopeError) return false
    throw error
  }
}

/** Lets other sites into the clinic's roster, one after the other. */
export async function letIn(world: World, sites: readonly OtherSite[]): Promise<void> {
  const { vault, team } = world
  await vault.signIn(team.it, PIN)
  const inside: OtherSite[] = []
  for (const other of sites) {
    const { replica, identity } = world.clinic()
    const roster = rosterAt(replica.directory, replica.head.size)?.roster
    if (roster === undefined) throw new Error('a clinic has a roster')
    const document = encodeRoster(joined(roster, other.site))
    const proposal = encodeProposal({ network: identity.network, document, approvals: [] })
    const text = [other, ...inside].reduce((before, site) => site.approve(before), proposal)
    await vault.importProposal(text)
    await vault.approveProposal()
    inside.push(other)
  }
  await vault.signOut()
}

/** With one site more, as that site would propose it. */
function joined(roster: Roster, site: RosterSite): Roster {
  const sites = [...roster.sites, site].sort((a, b) => (a.id < b.id ? -1 : 1))
  const names = sites.map(({ id, mirrorKey }, i): PolicySite => ({
    name: `site-${i + 1}`,
    key: { name: mirrorNameOf(id), type: COSIGNATURE_V1, publicKey: mirrorKey },
  }))
  const previous = rosterHash(nobleHasher, roster)
  return { ...roster, version: roster.version + 1, previous, sites, policy: quorumPolicy(names) }
}
