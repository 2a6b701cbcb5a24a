/**
 * Joining the own clinic: a further workstation, or a server, of a site that is in a network already.
 *
 * @remarks
 * The node makes the keys of its log and of its transport, and one key for this request, and asks. Somebody at the
 * inviting workstation compares a code and lets it in; the roster then lists it under its site, and what the site shares
 * comes sealed to the key of the request. The node signs nothing for the site: governance and mirror keys stay where they
 * are. What comes back is believed as {@link checkDocuments} says. Proven by
 * `tests/main/core/network/second-node.test.ts`.
 *
 * @packageDocumentation
 */
import type { RosterNode, RosterSite } from '../../../ledger/roster.ts'
import { siteOf } from '../../../ledger/roster-change.ts'
import { equalBytes, toHex } from '../../../shared/bytes.ts'
import type { NodeJoinRequest } from '../../../sync/join.ts'
import type { Keystore } from '../../keystore/keystore.ts'
import { keyPairFromSeed, wipe } from '../../keystore/sodium.ts'
import type { Store } from '../../store/store.ts'
import type { RandomBytes } from '../envelope.ts'
import { generateSharingKeyPair, sharingPublicKeyOf } from '../epoch-keys.ts'
import { ApiFailure } from '../failure.ts'
import { secretOf, SECRETS } from '../vault/genesis.ts'
import { writeJson, type Identity } from '../vault/identity.ts'
import { takeSharing } from '../vault/sharing-ring.ts'
import type { Admission, Asks } from './join-call.ts'
import { checkDocuments } from './joined-documents.ts'
import { JOINING_SECRET, type JoiningState } from './joining-state.ts'
import { openInvitation, writeFirstOf } from './joining.ts'
import { openNodeSecrets } from './node-secrets.ts'

/** Name of the secret that opens what the site shares. Removed when it was opened. */
export const AGREEMENT_SECRET = 'joining-agreement'

/** Makes the keys of a node that is to join the clinic that invites it. `keystore` is new and empty. */
export async function makeNodeKeys(
  { secrets }: Keystore,
  invitation: string,
  { random, nowMs }: { readonly random: RandomBytes; readonly nowMs: number },
): Promise<void> {
  const { site } = openInvitation(invitation, nowMs)
  for (const name of [SECRETS.log, SECRETS.transport]) await secrets.put(name, random(32))
  const agreement = await generateSharingKeyPair()
  await secrets.put(AGREEMENT_SECRET, agreement.privateKey)
  wipe(agreement.privateKey)
  await writeJson(secrets, JOINING_SECRET, {
    ...{ kind: 'workstation', clinic: '', site, log: `${site}/node-${toHex(random(4))}`, invitation },
    ...{ recoveryKey: null, administrator: null },
  })
}

/** What the node asks for. It approves no roster: it has no vote. */
export function nodeAsks(keystore: Keystore, state: JoiningState): Asks {
  const agreementKey = sharingPublicKeyOf(secretOf(keystore, AGREEMENT_SECRET))
  return { first: { step: 'node', node: guestNode(keystore, state), agreementKey }, approve: () => null }
}

function guestNode(keystore: Keystore, { log }: JoiningState): NodeJoinRequest['node'] {
  const publicKey = (name: string) => keyPairFromSeed(secretOf(keystore, name)).publicKey
  return { log, logKey: publicKey(SECRETS.log), transportKey: publicKey(SECRETS.transport) }
}

/**
 * Checks what a node is told, and opens what its site shares. Changes nothing.
 *
 * @param admission - Untrusted.
 * @throws ApiFailure `BAD_INVITATION`.
 */
export async function readAdmission(keystore: Keystore, state: JoiningState, { documents, secrets }: Admission) {
  const node = guestNode(keystore, state)
  const joined = checkDocuments(documents, state, (roster) => isListed(siteOf(roster, state.site), node))
  const site = siteOf(joined.roster, state.site)
  if (site === null || secrets === null) throw new ApiFailure('BAD_INVITATION', { detail: 'secrets' })
  const to = { network: joined.invitation.network, site: state.site, log: state.log }
  const shared = await openNodeSecrets(secrets, secretOf(keystore, AGREEMENT_SECRET), to)
  const sharing = shared.secrets.get(SECRETS.sharing)
  if (sharing === undefined || !equalBytes(sharingPublicKeyOf(sharing), site.sharingKey))
    throw new ApiFailure('BAD_INVITATION', { detail: 'sharing key' })
  return { joined, site, shared }
}

/**
 * Keeps what the site shares, writes the first block of the node's log, and pins the identity.
 *
 * @param store - New and empty.
 * @throws ApiFailure `BAD_INVITATION`.
 */
export async function writeJoinedNode(
  { keystore, store, state }: { keystore: Keystore; store: Store; state: JoiningState },
  admission: Admission,
  { random, nowMs }: { random: RandomBytes; nowMs: number },
): Promise<Identity> {
  const { joined, site, shared } = await readAdmission(keystore, state, admission)
  for (const [name, bytes] of shared.secrets) await keystore.secrets.put(name, bytes)
  await takeSharing(keystore.secrets, secretOf(keystore, SECRETS.sharing), shared.earlier)
  const { clinic, demo } = shared
  return writeFirstOf({ keystore, store, state }, joined, site, { clinic, demo, random, nowMs })
}

/** The site that invited lists exactly these keys for the node. */
function isListed(site: RosterSite | null, { log, logKey, transportKey }: RosterNode): boolean {
  const listed = site?.nodes.find((node) => node.log === log)
  return listed !== undefined && equalBytes(listed.logKey, logKey) && equalBytes(listed.transportKey, transportKey)
}
