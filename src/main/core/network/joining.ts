/**
 * Joining the network of another clinic: keys first, then the vote of those who are there, then a log of one's own.
 *
 * @remarks
 * The keys are made at once and lie in `<data>/joining/`. Whoever was invited calls with the one-time key of the
 * invitation, says which keys the site will have, approves the roster that lists them, and asks until it is in force. What
 * comes back is believed only as a chain of rosters from the network that the invitation names, by a site that signed the
 * invitation. Then the first block of the own log is written, and the folder becomes the clinic. Proven by
 * `tests/main/core/network/two-clinics.test.ts`.
 *
 * @packageDocumentation
 */
import { encodeNodeOpened } from '../../../ledger/fields.ts'
import { rosterMessage } from '../../../ledger/governance.ts'
import { originOf } from '../../../ledger/names.ts'
import type { RosterSite } from '../../../ledger/roster.ts'
import { SyncError } from '../../../sync/errors.ts'
import { decodeInvitation, isExpired, type ReadInvitation } from '../../../sync/invitation.ts'
import type { RecordedDocument } from '../../../sync/join.ts'
import { toHex } from '../../../shared/bytes.ts'
import type { Keystore } from '../../keystore/keystore.ts'
import { keyPairFromSeed, wipe } from '../../keystore/sodium.ts'
import type { Store } from '../../store/store.ts'
import type { RandomBytes } from '../envelope.ts'
import { generateSharingKeyPair, sharingPublicKeyOf } from '../epoch-keys.ts'
import { ApiFailure } from '../failure.ts'
import { nodeHasher as h } from '../hasher.ts'
import { writeFirstBlock, type PlainEntry } from '../vault/first-block.ts'
import { secretOf, SECRETS, signerOf } from '../vault/genesis.ts'
import { writeIdentity, writeJson, type Identity } from '../vault/identity.ts'
import type { Asks } from './join-call.ts'
import { type checkDocuments, isSameSite, listedIn, readDocuments } from './joined-documents.ts'
import { JOINING_SECRET, type JoiningState } from './joining-state.ts'

/** What was typed. */
export interface JoinRequestForm {
  readonly clinicName: string
  /** Null for a node without people. */
  readonly administrator: { readonly name: string; readonly pin: string } | null
  readonly invitation: string
}

/**
 * Reads an invitation that can still be used.
 *
 * @param text - Untrusted.
 * @throws ApiFailure `BAD_INVITATION`.
 */
export function openInvitation(text: string, nowMs: number): ReadInvitation {
  try {
    const invitation = decodeInvitation(text)
    if (isExpired(invitation, nowMs)) throw new ApiFailure('BAD_INVITATION', { detail: 'expired' })
    return invitation
  } catch (cause) {
    if (cause instanceof SyncError) throw new ApiFailure('BAD_INVITATION', { cause })
    throw cause
  }
}

/**
 * Makes the keys of a site that is to join.
 *
 * @param keystore - New and empty.
 * @returns The private half of the recovery key: for paper.
 * @throws KeystoreError `WEAK_PIN`.
 */
export async function makeGuestKeys(
  keystore: Keystore,
  { clinicName, administrator, invitation }: JoinRequestForm,
  random: RandomBytes,
): Promise<{ recoveryPrivateKey: Uint8Array }> {
  const sharing = await generateSharingKeyPair()
  const recovery = await generateSharingKeyPair()
  for (const name of [SECRETS.log, SECRETS.governance, SECRETS.mirror, SECRETS.transport, SECRETS.dedupe, SECRETS.tray])
    await keystore.secrets.put(name, random(32))
  await keystore.secrets.put(SECRETS.sharing, sharing.privateKey)
  const site = `chartseal.local/site-${toHex(random(8))}`
  await writeJson(keystore.secrets, JOINING_SECRET, {
    ...{ kind: 'site', clinic: clinicName, site, log: `${site}/node-${toHex(random(4))}`, invitation },
    recoveryKey: toHex(recovery.publicKey),
    administrator: administrator === null ? null : await keyOfAdministrator(keystore, administrator, random),
  })
  return { recoveryPrivateKey: recovery.privateKey }
}

async function keyOfAdministrator(
  keystore: Keystore,
  { name, pin }: { readonly name: string; readonly pin: string },
  random: RandomBytes,
) {
  const seed = random(32)
  const handle = toHex(random(16))
  await keystore.practitioners.add(handle, pin, seed)
  const publicKey = toHex(keyPairFromSeed(seed).publicKey)
  wipe(seed)
  return { handle, name, publicKey }
}

/** The site as the roster will list it. */
export function guestSite(keystore: Keystore, { site, log, recoveryKey }: JoiningState): RosterSite {
  if (recoveryKey === null) throw new ApiFailure('KEYSTORE_DAMAGED')
  const publicKey = (name: string) => keyPairFromSeed(secretOf(keystore, name)).publicKey
  return {
    id: site,
    governanceKey: publicKey(SECRETS.governance),
    sharingKey: sharingPublicKeyOf(secretOf(keystore, SECRETS.sharing)),
    recoveryKey,
    mirrorKey: publicKey(SECRETS.mirror),
    nodes: [{ log, logKey: publicKey(SECRETS.log), transportKey: publicKey(SECRETS.transport) }],
    witnesses: [],
  }
}

/** What a clinic that joins with its own site asks for. */
export function siteAsks(keystore: Keystore, site: RosterSite): Asks {
  return {
    first: { step: 'ask', site },
    approve: (document, { network }) => {
      const listed = listedIn(document, site.id)
      if (listed === null || !isSameSite(listed, site)) return null
      const governance = signerOf('governance', secretOf(keystore, SECRETS.governance))
      return { step: 'approve', site, document, signature: governance.sign(rosterMessage(network, document)) }
    },
  }
}

/**
 * Writes the first block of a log in a network that took this site in, and pins the identity.
 *
 * @param store - New and empty.
 * @param documents - Untrusted.
 * @throws ApiFailure `BAD_INVITATION` when they are not of the network that the invitation names.
 */
export async function writeJoined(
  { keystore, store, state, site }: { keystore: Keystore; store: Store; state: JoiningState; site: RosterSite },
  documents: readonly RecordedDocument[],
  { random, nowMs }: { random: RandomBytes; nowMs: number },
): Promise<Identity> {
  const joined = readDocuments(documents, state, site)
  const { clinic } = state
  return writeFirstOf({ keystore, store, state }, joined, site, { clinic, demo: false, random, nowMs })
}

/** What the identity of a node says beside its keys, and what it is made with. */
export interface FirstWords {
  readonly clinic: string
  readonly demo: boolean
  readonly random: RandomBytes
  readonly nowMs: number
}

/** Writes block 0 of a node's log, marks it, and pins the identity under a site that was checked. */
export async function writeFirstOf(
  { keystore, store, state }: { keystore: Keystore; store: Store; state: JoiningState },
  { invitation, rosters, newest, entries }: ReturnType<typeof checkDocuments>,
  { sharingKey, recoveryKey }: Pick<RosterSite, 'sharingKey' | 'recoveryKey'>,
  { clinic, demo, random, nowMs }: FirstWords,
): Promise<Identity> {
  const log = signerOf('log', secretOf(keystore, SECRETS.log))
  const opened = { incarnation: 1, instance: random(16), previous: null, logKey: null, rosterVersion: null }
  const identity: Identity = {
    ...{ version: 1, network: invitation.network, origin: originOf(state.log, 1), log: state.log },
    ...{ logKey: log.publicKey, otherLogKeys: [], site: state.site, clinic, demo },
    ...{ sharingKey, recoveryKey, closed: [], openedWith: null },
  }
  const mark = writeFirstBlock(store, {
    ...{ identity, log, random, nowMs, rosterVersion: rosters.length, contractHash: h.sha256(newest.document) },
    entries: [
      ...entries.map((entry): PlainEntry => ({ ...entry, signers: [log] })),
      { type: 'node.opened', fields: encodeNodeOpened(opened), signers: [log] },
    ],
  })
  keystore.highWater.write(mark)
  await writeIdentity(keystore.secrets, identity)
  return identity
}
