/**
 * Invitations of this site: which one-time keys may ask to join, and what became of them.
 *
 * @remarks
 * An invitation is used by one site, or one node of this site. What is kept is the public half of its key: the text, which
 * holds the other, is shown once. The roster that lists a site is approved for this one when the guest has approved it: IT
 * did so by inviting. A node gets what this site can read, so that the invitation alone is not enough: IT compares a code
 * that the new machine shows, and only then the node is listed and is sealed anything. Proven by `tests/main/core/network/invitations.test.ts`.
 *
 * @packageDocumentation
 */
import { z } from 'zod'
import type { RosterNode, RosterSite, RosterWitness } from '../../../ledger/roster.ts'
import {
  admittedFrom,
  decodeJoinRequest,
  encodeJoinAnswer,
  encodeJoinRequest,
  joinCode,
  type JoinAnswer,
  type JoinRequest,
  type NodeJoinRequest,
  type RecordedDocument,
  type WitnessJoinRequest,
} from '../../../sync/join.ts'
import { encodeInvitation, type InvitationKind, oneTimeKeyOf } from '../../../sync/invitation.ts'
import { SyncError } from '../../../sync/errors.ts'
import { type NetworkInvitation, SiteLabel } from '../../../shared/api/schemas.ts'
import { equalBytes, fromHex, toHex } from '../../../shared/bytes.ts'
import { CodedError } from '../../../shared/errors.ts'
import { keyPairFromSeed } from '../../keystore/sodium.ts'
import { ApiFailure } from '../failure.ts'
import { governedDocuments } from '../governed-documents.ts'
import { nodeHasher } from '../hasher.ts'
import { type Clinic } from '../vault/clinic.ts'
import { localInstant } from '../vault/local-time.ts'
import { secretOf, SECRETS } from '../vault/genesis.ts'
import type { Governance } from '../vault/governance.ts'
import { readJson, writeJson } from '../vault/identity.ts'
import { governanceSignerOf } from '../vault/role-keys.ts'
import { sealNodeSecrets } from './node-secrets.ts'

const SECRET = 'invitations'
const DAY_MS = 86_400_000
/** Kept for the list at most; the oldest that are over are forgotten. */
const MAX_KEPT = 100
/** Open ones at most: each is a key that is let in. */
const MAX_OPEN = 16
/**
 * How long a site that asked in time is let in after that: the others may take their time to vote, and an answer that was
 * lost is asked for again.
 */
const GRACE_MS = 30 * DAY_MS

const Kept = z.strictObject({
  id: z.string(),
  kind: z.enum(['site', 'workstation']).default('site'),
  /** Public one-time key, lower-case hex. */
  key: z.string(),
  createdAtMs: z.number(),
  expiresAtMs: z.number(),
  isWithdrawn: z.boolean(),
  /** Site that asked with it, or log of the node. */
  site: z.string().nullable(),
  isUsed: z.boolean(),
  /** SHA-256 of what a site asked first, with all its keys, lower-case hex; null for a node, and before. */
  siteHash: z.string().length(64).nullable().default(null),
  /** What the node asked, exactly, lower-case hex; null for a site, and before. */
  request: z.string().max(2048).nullable().default(null),
  /** What people here call the clinic that is invited; null where nobody said. */
  name: SiteLabel.nullable().default(null),
  /** IT compared the code of that request, and let the node in. */
  isLetIn: z.boolean().default(false),
})
type Kept = z.infer<typeof Kept>

/** What invitations need. */
export interface InvitationParts {
  readonly clinic: Clinic
  readonly governance: Pick<Governance, 'rosterWith' | 'rosterWithNode' | 'rosterWithWitness' | 'admit' | 'dropGuest'>
  /** Told that a clinic which was invited under a name is in. */
  readonly named: (site: string, name: string) => void
  /** Told when keys that are let in changed. */
  readonly changed: () => void
  /** Told of failures while a guest is admitted. */
  readonly fault: (error: unknown) => void
}

/** See the module's comment. */
export class Invitations {
  readonly #parts: InvitationParts
  #kept: Kept[]
  /** The roster that each guest was asked to approve. */
  readonly #proposed = new Map<string, Uint8Array>()
  /** What nodes that were let in are given, by invitation and sharing key: it may be another before they fetch it. */
  readonly #sealed = new Map<string, Uint8Array>()

  constructor(parts: InvitationParts) {
    this.#parts = parts
    const kept = z.array(Kept).safeParse(readJson(parts.clinic.keystore.secrets, SECRET) ?? [])
    this.#kept = kept.success ? kept.data : []
  }

  /** One-time keys that are let in now. */
  keys(): string[] {
    return this.#kept.filter((one) => this.#isOpen(one) || this.#isBeingSettled(one)).map(({ key }) => key)
  }

  /** Newest first. */
  list(): NetworkInvitation[] {
    return this.#kept
      .map((one) => ({
        ...{
          id: one.id,
          kind: kindOf(one),
          createdAt: localInstant(one.createdAtMs),
          expiresAt: localInstant(one.expiresAtMs),
        },
        ...{ site: one.site, name: one.name, state: this.#stateOf(one), isLetIn: one.isLetIn },
      }))
      .reverse()
  }

  /**
   * Makes an invitation.
   *
   * @param addresses - Multiaddrs of this node, most likely ones first.
   * @param name - What people here call the clinic.
   * @throws ApiFailure `INVALID_REQUEST` while too many are open.
   */
  async make(
    days: number,
    addresses: readonly string[],
    kind: InvitationKind = 'site',
    name: string | null = null,
  ): Promise<{ id: string; text: string; expiresAt: string }> {
    const { clinic, changed } = this.#parts
    const { identity, keystore, random, nowMs } = clinic
    if (this.#kept.filter((one) => this.#isOpen(one)).length >= MAX_OPEN)
      throw new ApiFailure('INVALID_REQUEST', { detail: 'invitations' })
    const seed = random(32)
    const expiresS = Math.floor(nowMs() / 1000) + days * (DAY_MS / 1000)
    const { network, site, log } = identity
    const transportKey = keyPairFromSeed(secretOf(keystore, SECRETS.transport)).publicKey
    const governance = governanceSignerOf(clinic)
    const invitation = {
      ...{ kind, network, site, log, transportKey, addresses: [...addresses], seed, expiresS },
    }
    const text = encodeInvitation(invitation, (message) => governance.sign(message))
    const id = toHex(random(16))
    const kept = { id, kind, key: oneTimeKeyOf({ seed }), createdAtMs: nowMs(), expiresAtMs: expiresS * 1000 }
    const fresh = { isWithdrawn: false, site: null, siteHash: null, isUsed: false, request: null, isLetIn: false }
    await this.#save([...this.#kept, { ...kept, name, ...fresh }].slice(-MAX_KEPT))
    changed()
    return { id, text, expiresAt: localInstant(expiresS * 1000) }
  }

  /**
   * Ends an invitation. Whoever asked with it is not voted for here any more, unless they are in already.
   *
   * @throws ApiFailure `UNKNOWN_INVITATION`.
   */
  async withdraw(id: string): Promise<void> {
    const guest = this.#kept.find((one) => one.id === id)
    if (guest === undefined) throw new ApiFailure('UNKNOWN_INVITATION')
    await this.#save(this.#kept.map((one) => (one.id === id ? { ...one, isWithdrawn: true } : one)))
    this.#parts.changed()
    if (guest.site !== null) await this.#parts.governance.dropGuest(guest.site)
  }

  /**
   * Lets a node in that asked, once somebody read the code at it.
   *
   * @param code - As typed.
   * @throws ApiFailure `UNKNOWN_INVITATION` when no node asked with it, or it is over; `WRONG_JOIN_CODE`.
   */
  async letIn(id: string, code: string): Promise<void> {
    const invitation = this.#kept.find((one) => one.id === id)
    const request = invitation?.request ?? null
    if (invitation?.kind !== 'workstation' || request === null || !this.#isOpen(invitation))
      throw new ApiFailure('UNKNOWN_INVITATION')
    if (plainCode(code) !== plainCode(joinCode(this.#parts.clinic.identity.network, fromHex(request))))
      throw new ApiFailure('WRONG_JOIN_CODE')
    await this.#save(this.#kept.map((one) => (one.id === id ? { ...one, isLetIn: true } : one)))
    this.#parts.changed()
  }

  /**
   * Answers a guest. What takes time goes on behind it: the guest asks again.
   *
   * @param transportKey - One-time key that the transport proved.
   * @param body - Untrusted.
   * @returns Null when the key is of no invitation.
   */
  answer(transportKey: Uint8Array, body: Uint8Array): Uint8Array | null {
    const key = toHex(transportKey)
    const invitation = this.#kept.find((one) => one.key === key)
    if (invitation === undefined) return null
    try {
      const { request, from } = decodeJoinRequest(body)
      return encodeJoinAnswer(this.#answer(invitation, request, from))
    } catch (error) {
      if (error instanceof SyncError) return encodeJoinAnswer({ state: 'refused' })
      throw error
    }
  }

  #answer(invitation: Kept, request: JoinRequest, from: number): JoinAnswer {
    const isOfThisSite = request.step === 'node' || request.step === 'witness'
    if (isOfThisSite !== (invitation.kind === 'workstation')) return { state: 'refused' }
    if (isOfThisSite) return this.#answerNode(invitation, request, from)
    const { site } = request
    // An invitation is for whoever asked first with it, and what became of it is asked for under no other name.
    if (invitation.site !== null && invitation.site !== site.id) return { state: 'refused' }
    // An id is a name that anybody can say: what was asked for is this site with these very keys.
    const asked = toHex(nodeHasher.sha256(encodeJoinRequest({ step: 'ask', site })))
    if (invitation.siteHash !== null && invitation.siteHash !== asked) return { state: 'refused' }
    if (this.#isMember(site) && (this.#isOpen(invitation) || this.#isBeingSettled(invitation))) {
      if (!invitation.isUsed && invitation.name !== null) this.#parts.named(site.id, invitation.name)
      this.#note(invitation, { site: site.id, isUsed: true })
      return admittedFrom(this.#documents(), null, from)
    }
    if (!this.#isOpen(invitation)) return { state: this.#isBeingSettled(invitation) ? 'waiting' : 'refused' }
    if (invitation.siteHash === null) this.#note(invitation, { site: site.id, siteHash: asked })
    return request.step === 'ask' ? this.#propose(invitation, site) : this.#approved(invitation, request)
  }

  #answerNode(invitation: Kept, request: NodeJoinRequest | WitnessJoinRequest, from: number): JoinAnswer {
    const asked = toHex(encodeJoinRequest(request))
    if (invitation.request !== null && invitation.request !== asked) return { state: 'refused' }
    const isOpen = this.#isOpen(invitation)
    if (!isOpen && !this.#isBeingSettled(invitation)) return { state: 'refused' }
    if (invitation.request === null) {
      this.#note(invitation, { site: nameIn(request), request: asked })
      return { state: 'waiting' }
    }
    if (!invitation.isLetIn) return { state: 'waiting' }
    if (this.#isOwn(request))
      return request.step === 'node'
        ? this.#admitted(invitation, request, from)
        : this.#admittedWitness(invitation, from)
    const { governance, fault } = this.#parts
    const document = isOpen ? this.#rosterWith(request) : null
    // Null while something else is decided: the node asks again.
    if (document !== null)
      governance.admit(document, null).catch((error: unknown) => {
        if (!(error instanceof CodedError)) fault(error)
      })
    return { state: 'waiting' }
  }

  #admitted(invitation: Kept, { node, agreementKey }: NodeJoinRequest, from: number): JoinAnswer {
    const { identity, keystore, ring } = this.#parts.clinic
    const name = `${invitation.id} ${toHex(ring.now.publicKey)}`
    const secrets = this.#sealed.get(name)
    if (secrets !== undefined) {
      this.#note(invitation, { isUsed: true })
      return admittedFrom(this.#documents(), secrets, from)
    }
    const to = { network: identity.network, site: identity.site, log: node.log }
    sealNodeSecrets(identity, keystore, agreementKey, to)
      .then((sealed) => this.#sealed.set(name, sealed))
      .catch(this.#parts.fault)
    return { state: 'waiting' }
  }

  /** A witness is given rosters alone: no rules about entries, no secret. */
  #admittedWitness(invitation: Kept, from: number): JoinAnswer {
    this.#note(invitation, { isUsed: true })
    const documents = this.#documents().filter(({ type }) => type === 'roster')
    return admittedFrom(documents, null, from)
  }

  #rosterWith(request: NodeJoinRequest | WitnessJoinRequest): Uint8Array | null {
    const { governance } = this.#parts
    return request.step === 'node'
      ? governance.rosterWithNode(request.node)
      : governance.rosterWithWitness(request.witness)
  }

  #isOwn(request: NodeJoinRequest | WitnessJoinRequest): boolean {
    return request.step === 'node' ? this.#isOwnNode(request.node) : this.#isOwnWitness(request.witness)
  }

  #isOwnWitness({ name, witnessKey, transportKey }: RosterWitness): boolean {
    const { replica, identity } = this.#parts.clinic
    const own = replica.directory.rosters.at(-1)?.roster.sites.find(({ id }) => id === identity.site)
    const listed = own?.witnesses.find((witness) => witness.name === name)
    return (
      listed !== undefined && equalBytes(listed.witnessKey, witnessKey) && equalBytes(listed.transportKey, transportKey)
    )
  }

  /** True when the roster in force lists this very node under this site. */
  #isOwnNode({ log, logKey, transportKey }: RosterNode): boolean {
    const { replica, identity } = this.#parts.clinic
    const own = replica.directory.rosters.at(-1)?.roster.sites.find(({ id }) => id === identity.site)
    const listed = own?.nodes.find((node) => node.log === log)
    return listed !== undefined && equalBytes(listed.logKey, logKey) && equalBytes(listed.transportKey, transportKey)
  }

  #propose(invitation: Kept, site: RosterSite): JoinAnswer {
    const document = this.#parts.governance.rosterWith(site)
    // Something else is being decided.
    if (document === null) return { state: 'waiting' }
    this.#proposed.set(invitation.id, document)
    return { state: 'propose', document }
  }

  #approved(
    invitation: Kept,
    { site, document, signature }: Extract<JoinRequest, { readonly step: 'approve' }>,
  ): JoinAnswer {
    const proposed = this.#proposed.get(invitation.id)
    if (proposed === undefined || !equalBytes(proposed, document)) return { state: 'waiting' }
    this.#proposed.delete(invitation.id)
    const { governance, fault } = this.#parts
    governance.admit(document, { publicKey: site.governanceKey, signature }).catch((error: unknown) => {
      // The guest's approval does not verify, or another roster was approved meanwhile: it is proposed again.
      if (!(error instanceof CodedError)) fault(error)
    })
    return { state: 'waiting' }
  }

  /** True when the roster in force lists this very site. */
  #isMember(site: RosterSite): boolean {
    const { directory } = this.#parts.clinic.replica
    const listed = directory.rosters.at(-1)?.roster.sites.find(({ id }) => id === site.id)
    return listed !== undefined && equalBytes(listed.governanceKey, site.governanceKey)
  }

  /** Every roster and contract. */
  #documents(): RecordedDocument[] {
    return governedDocuments(this.#parts.clinic.replica.directory).map(({ type, fields }) => ({ type, fields }))
  }

  #isOpen({ isWithdrawn, isUsed, expiresAtMs }: Kept): boolean {
    return !isWithdrawn && !isUsed && expiresAtMs > this.#nowMs()
  }

  /** A site asked with it in time, and may not know yet what became of it. */
  #isBeingSettled({ site, isWithdrawn, isUsed, expiresAtMs }: Kept): boolean {
    return site !== null && (isUsed || !isWithdrawn) && expiresAtMs + GRACE_MS > this.#nowMs()
  }

  /** Never before the latest seal: a clock that is put back opens nothing again. */
  #nowMs(): number {
    return this.#parts.clinic.gate.dayMs()
  }

  #stateOf(one: Kept): NetworkInvitation['state'] {
    if (one.isUsed) return 'used'
    if (one.isWithdrawn) return 'withdrawn'
    if (!this.#isOpen(one)) return 'expired'
    return one.site === null ? 'open' : 'asked'
  }

  #note(invitation: Kept, change: Partial<Kept>): void {
    if (Object.entries(change).every(([name, value]) => invitation[name as keyof Kept] === value)) return
    const next = this.#kept.map((one) => (one.id === invitation.id ? { ...one, ...change } : one))
    this.#save(next).catch(this.#parts.fault)
  }

  async #save(kept: Kept[]): Promise<void> {
    this.#kept = kept
    await writeJson(this.#parts.clinic.keystore.secrets, SECRET, kept)
  }
}

function nameIn(request: NodeJoinRequest | WitnessJoinRequest): string {
  return request.step === 'node' ? request.node.log : request.witness.name
}

/** Who an invitation of the own clinic is used by shows when it was used. */
function kindOf({ kind, request }: Kept): NetworkInvitation['kind'] {
  return request !== null && decodeJoinRequest(fromHex(request)).request.step === 'witness' ? 'witness' : kind
}

/** Without what people add or change when they read something out. */
function plainCode(code: string): string {
  return code
    .toUpperCase()
    .replaceAll('0', 'O')
    .replaceAll('1', 'I')
    .replace(/[^A-Z2-7]/g, '')
}
