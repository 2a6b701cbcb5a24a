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
import { z } from 'zod'
import { instantText } from '../../../clinical/instant.ts'
import { decodeCbor, type CborMap } from '../../../ledger/cbor.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import {
  type ContractPublished,
  decodeContractFields,
  decodeRosterFields,
  encodeContractFields,
  encodeNodeOpened,
  encodeRosterFields,
} from '../../../ledger/fields.ts'
import { parseContract } from '../../../ledger/contract.ts'
import { checkContractApprovals, rosterMessage, type SignedRoster } from '../../../ledger/governance.ts'
import { MAX_ENTRY_SIZE } from '../../../ledger/body.ts'
import { originOf } from '../../../ledger/names.ts'
import { checkRosterChain } from '../../../ledger/next-roster.ts'
import { decodeRoster, type Roster, type RosterSite } from '../../../ledger/roster.ts'
import { decodeMessage, encodeMessage } from '../../../sync/codec.ts'
import { SyncError } from '../../../sync/errors.ts'
import { checkInvitation, decodeInvitation, isExpired, type ReadInvitation } from '../../../sync/invitation.ts'
import {
  decodeJoinAnswer,
  encodeJoinRequest,
  joinCode,
  type JoinAnswer,
  type JoinRequest,
  MAX_DOCUMENTS,
  type RecordedDocument,
} from '../../../sync/join.ts'
import { PROTOCOL_VERSION } from '../../../sync/limits.ts'
import type { JoiningStatus } from '../../../shared/api/schemas.ts'
import { equalBytes, fromHex, toHex } from '../../../shared/bytes.ts'
import type { Keystore } from '../../keystore/keystore.ts'
import { keyPairFromSeed, verifier, wipe } from '../../keystore/sodium.ts'
import type { PeerChannel, PeerNetwork, PeerNetworkListeners, PeerSettings } from '../../peer/peer-thread.ts'
import type { Store } from '../../store/store.ts'
import type { RandomBytes } from '../envelope.ts'
import { generateSharingKeyPair, sharingPublicKeyOf } from '../epoch-keys.ts'
import { ApiFailure } from '../failure.ts'
import { nodeHasher as h } from '../hasher.ts'
import { policyEngine } from '../policy-engine.ts'
import { writeFirstBlock, type PlainEntry } from '../vault/first-block.ts'
import { SECRETS, signerOf } from '../vault/genesis.ts'
import { readJson, writeIdentity, writeJson, type Identity } from '../vault/identity.ts'
import { offsetMinAt } from '../vault/local-time.ts'

/** Name of the secret that holds {@link JoiningState}. */
export const JOINING_SECRET = 'joining'
/** How often the guest asks whether it was taken in. */
const ASK_MS = 1500

const Bytes = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .transform(fromHex)
const Kept = z.strictObject({
  /** A clinic of its own, or a node of the clinic that invites. */
  kind: z.enum(['site', 'workstation']).default('site'),
  /** Empty for a node: its clinic says what it is called. */
  clinic: z.string(),
  site: z.string(),
  log: z.string(),
  invitation: z.string(),
  /** Null for a node: its clinic has one. */
  recoveryKey: Bytes.nullable(),
  /** Null for a node without people. */
  administrator: z.strictObject({ handle: z.string(), name: z.string(), publicKey: Bytes }).nullable(),
})
/** What is remembered while somebody joins. */
export type JoiningState = z.infer<typeof Kept>

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
 * @returns The private half of the recovery key: to be printed once and kept nowhere.
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

/** What a keystore remembers of joining. */
export function readJoining({ secrets }: Keystore): JoiningState {
  const kept = Kept.safeParse(readJson(secrets, JOINING_SECRET))
  if (!kept.success) throw new ApiFailure('KEYSTORE_DAMAGED')
  return kept.data
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

/** What a guest asks for. */
export interface Asks {
  readonly first: Exclude<JoinRequest, { step: 'approve' }>
  /** The approval of a roster, as it was proposed; null for one that this guest does not approve. */
  readonly approve: (document: Uint8Array, invitation: ReadInvitation) => JoinRequest | null
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

/** What a call to the inviting node needs. */
export interface JoinCallParts {
  readonly keystore: Keystore
  readonly state: JoiningState
  /** What is asked for. */
  readonly asks: Asks
  readonly random: RandomBytes
  readonly nowMs: () => number
  readonly startPeers: (settings: PeerSettings, listeners: PeerNetworkListeners) => PeerNetwork
  /** Told whenever it stands somewhere else. */
  readonly changed: (status: JoiningStatus) => void
  /** Told once, with what was not checked. */
  readonly admitted: (admission: Admission) => void
  readonly fault: (error: unknown) => void
}

/** What a guest is given once it was taken in. Untrusted. */
export type Admission = Pick<Extract<JoinAnswer, { state: 'admitted' }>, 'documents' | 'secrets'>

/** Calls the inviting node until the guest was taken in. */
export class JoinCall {
  readonly #parts: JoinCallParts
  readonly #invitation: ReadInvitation
  #peers: PeerNetwork | null = null
  #channel: PeerChannel | null = null
  #timer: NodeJS.Timeout | null = null
  #req = 1
  #state: JoiningStatus['state'] = 'calling'
  #problem: string | null = null
  #next: JoinRequest
  /** What was told so far, once it was taken in. */
  readonly #documents: RecordedDocument[] = []
  #isOver = false

  constructor(parts: JoinCallParts) {
    this.#parts = parts
    this.#invitation = decodeInvitation(parts.state.invitation)
    this.#next = parts.asks.first
  }

  get status(): JoiningStatus {
    const { site, expiresS, network } = this.#invitation
    const { first } = this.#parts.asks
    const code = first.step !== 'ask' ? joinCode(network, encodeJoinRequest(first)) : null
    return { inviter: site, state: this.#state, problem: this.#problem, expiresAt: at(expiresS * 1000), code }
  }

  start(): void {
    const { startPeers, fault } = this.#parts
    const { seed, transportKey, addresses } = this.#invitation
    const peer = toHex(transportKey)
    this.#peers = startPeers(
      {
        ...{ seed, members: [peer], guests: [], listen: [], isRelay: false, isDiscoverable: false },
        wanted: [{ peer, addresses }],
      },
      {
        up: (channel) => this.#up(channel),
        message: (channel, message) => this.#received(channel, message),
        drained: () => undefined,
        down: (channel) => {
          if (this.#channel === channel) this.#channel = null
        },
        listening: () => undefined,
        failed: (code) => this.#set(this.#state, code),
        fault,
      },
    )
    this.#timer = setInterval(() => this.#tick(), ASK_MS)
  }

  async close(): Promise<void> {
    this.#isOver = true
    if (this.#timer !== null) clearInterval(this.#timer)
    await this.#peers?.end()
  }

  /** What came as the end of it was not believed: nothing more is asked. */
  disbelieve(code: string): void {
    this.#isOver = true
    this.#set('refused', code)
  }

  #tick(): void {
    if (this.#isOver) return
    if (isExpired(this.#invitation, this.#parts.nowMs()) && this.#state !== 'voting') this.#set('expired', null)
    else if (this.#channel !== null) this.#ask()
    else this.#report().catch(this.#parts.fault)
  }

  /** Why nobody answers. */
  async #report(): Promise<void> {
    const report = await this.#peers?.report()
    if (this.#channel === null && !this.#isOver) this.#set(this.#state, report?.peers[0]?.lastFailure ?? null)
  }

  #up(channel: PeerChannel): void {
    const { random, state } = this.#parts
    this.#channel = channel
    const { network } = this.#invitation
    channel.send(
      encodeMessage({
        ...{ kind: 'hello', version: PROTOCOL_VERSION, network, rosterVersion: 0, contractVersion: 0 },
        ...{ site: state.site, log: state.log, instance: random(16), role: 'node' },
      }),
    )
    this.#set(this.#state === 'calling' ? 'asked' : this.#state, null)
    this.#ask()
  }

  #ask(): void {
    if (this.#isOver) return
    const body = encodeJoinRequest(this.#next, this.#documents.length)
    this.#channel?.send(encodeMessage({ kind: 'join-request', req: this.#req++, body }))
  }

  #received(channel: PeerChannel, bytes: Uint8Array): void {
    try {
      const message = decodeMessage(bytes)
      if (message.kind === 'join-answer') this.#answered(decodeJoinAnswer(message.body))
      else if (message.kind === 'error') this.#set('refused', message.code)
    } catch (error) {
      if (!(error instanceof SyncError)) throw error
      channel.hangUp()
    }
  }

  #answered(answer: JoinAnswer): void {
    if (this.#isOver) return
    switch (answer.state) {
      case 'propose':
        return this.#approve(answer.document)
      case 'waiting':
        // What was approved may have been overtaken: the next question finds out.
        this.#next = this.#parts.asks.first
        return this.#set('voting', null)
      case 'refused':
        return this.#set('refused', null)
      case 'admitted':
        return this.#take(answer)
    }
  }

  /** A long history comes in parts; one that was asked for twice counts once. */
  #take({ documents, secrets, from, isMore }: Extract<JoinAnswer, { state: 'admitted' }>): void {
    if (from !== this.#documents.length) return
    this.#documents.push(...documents)
    if (isMore && this.#documents.length < MAX_DOCUMENTS) return this.#ask()
    this.#isOver = true
    this.#parts.admitted({ documents: this.#documents, secrets })
  }

  #approve(document: Uint8Array): void {
    const next = this.#parts.asks.approve(document, this.#invitation)
    if (next === null) return this.#set('refused', 'OTHER_KEYS')
    this.#next = next
    this.#ask()
  }

  #set(state: JoiningStatus['state'], problem: string | null): void {
    if (this.#state === state && this.#problem === problem) return
    this.#state = state
    this.#problem = problem
    this.#parts.changed(this.status)
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

/**
 * Checks what a guest is told of a network that took it in. Changes nothing.
 *
 * @param documents - Untrusted.
 * @throws ApiFailure `BAD_INVITATION` as {@link writeJoined}.
 */
export function readDocuments(documents: readonly RecordedDocument[], state: JoiningState, site: RosterSite) {
  return checkDocuments(documents, state, (roster) => {
    const listed = roster.sites.find(({ id }) => id === site.id)
    return listed !== undefined && isSameSite(listed, site)
  })
}

/**
 * Checks the chain of rosters, the contracts, and that the site which invited has made the invitation. Changes nothing.
 *
 * @param documents - Untrusted.
 * @param isTakenIn - Whether the newest roster lists this guest as it asked.
 * @throws ApiFailure `BAD_INVITATION`.
 */
export function checkDocuments(
  documents: readonly RecordedDocument[],
  state: JoiningState,
  isTakenIn: (roster: Roster) => boolean,
) {
  const invitation = decodeInvitation(state.invitation)
  const { rosters, contracts, entries } = read(documents, invitation.network)
  const last = rosters.at(-1)
  const roster = last === undefined ? null : decodeRoster(last.document)
  if (roster === null || !isTakenIn(roster)) throw new ApiFailure('BAD_INVITATION', { detail: 'roster' })
  checkInviter(rosters, invitation)
  const newest = contracts.at(-1)
  if (newest === undefined) throw new ApiFailure('BAD_INVITATION', { detail: 'contract' })
  return { invitation, rosters, roster, newest, entries }
}

function read(documents: readonly RecordedDocument[], network: Uint8Array) {
  const rosters: SignedRoster[] = []
  const contracts: ContractPublished[] = []
  try {
    const entries = documents.map(({ type, fields }) => {
      const map = decodeCbor(fields, MAX_ENTRY_SIZE) as CborMap
      if (type === 'roster') {
        const signed = decodeRosterFields(map)
        rosters.push(signed)
        return { type, fields: encodeRosterFields(signed) }
      }
      const published = decodeContractFields(map)
      checkContract(network, rosters, contracts.length, published)
      contracts.push(published)
      return { type, fields: encodeContractFields(published) }
    })
    checkRosterChain(verifier, network, rosters)
    return { rosters, contracts, entries }
  } catch (cause) {
    if (cause instanceof LedgerError) throw new ApiFailure('BAD_INVITATION', { cause, detail: cause.code })
    throw cause
  }
}

/** As every replica asks of an entry: the next contract, approved by the sites of the roster before it. */
function checkContract(
  network: Uint8Array,
  rosters: readonly SignedRoster[],
  version: number,
  published: ContractPublished,
): void {
  const current = rosters.at(-1)
  if (current === undefined) throw new LedgerError('NO_ROSTER', 'nothing comes before the roster')
  if (published.version !== version + 1) throw new LedgerError('CONTRACT_NOT_NEXT', `version ${published.version}`)
  checkContractApprovals(verifier, network, decodeRoster(current.document), published)
  parseContract(policyEngine(), published.document)
}

/**
 * The site that invited, by any roster of the chain, made the invitation.
 *
 * @throws ApiFailure `BAD_INVITATION`.
 */
export function checkInviter(rosters: readonly SignedRoster[], invitation: ReadInvitation): void {
  const keys = rosters.flatMap(({ document }) => listedIn(document, invitation.site)?.governanceKey ?? [])
  const isTheirs = keys.some((key) => {
    try {
      checkInvitation(verifier, invitation, key)
      return true
    } catch (error) {
      if (error instanceof SyncError) return false
      throw error
    }
  })
  if (!isTheirs) throw new ApiFailure('BAD_INVITATION', { detail: 'signature' })
}

function listedIn(document: Uint8Array, id: string): RosterSite | null {
  try {
    return decodeRoster(document).sites.find((site) => site.id === id) ?? null
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}

function isSameSite(a: RosterSite, b: RosterSite): boolean {
  const keysOf = (site: RosterSite) => [
    ...[site.governanceKey, site.sharingKey, site.recoveryKey, site.mirrorKey],
    ...site.nodes.flatMap(({ logKey, transportKey }) => [logKey, transportKey]),
  ]
  const [one, other] = [keysOf(a), keysOf(b)]
  return one.length === other.length && one.every((key, i) => equalBytes(key, other[i] ?? new Uint8Array()))
}

/** @throws ApiFailure `KEYSTORE_DAMAGED`. */
export function secretOf({ secrets }: Keystore, name: string): Uint8Array {
  const bytes = secrets.get(name)
  if (bytes === null) throw new ApiFailure('KEYSTORE_DAMAGED')
  return bytes
}

function at(ms: number): string {
  return instantText(ms, offsetMinAt(ms))
}
