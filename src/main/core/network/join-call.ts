/**
 * A guest's call to the node that invited it: asks again and again, until it was taken in or refused.
 *
 * @remarks
 * What it is told is handed on unchecked. Proven by `tests/main/core/network/joining.test.ts`.
 *
 * @packageDocumentation
 */
import { decodeMessage, encodeMessage } from '../../../sync/codec.ts'
import { SyncError } from '../../../sync/errors.ts'
import { decodeInvitation, isExpired, type ReadInvitation } from '../../../sync/invitation.ts'
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
import { toHex } from '../../../shared/bytes.ts'
import type { Keystore } from '../../keystore/keystore.ts'
import type { PeerChannel, PeerNetwork } from '../../peer/peer-thread.ts'
import type { RandomBytes } from '../envelope.ts'
import { localInstant } from '../vault/local-time.ts'
import type { JoiningState } from './joining-state.ts'
import type { StartPeers } from './sockets.ts'

/** How often the guest asks whether it was taken in. */
const ASK_MS = 1500

/** What a guest asks for. */
export interface Asks {
  readonly first: Exclude<JoinRequest, { step: 'approve' }>
  /** The approval of a roster, as it was proposed; null for one that this guest does not approve. */
  readonly approve: (document: Uint8Array, invitation: ReadInvitation) => JoinRequest | null
}

/** What a call to the inviting node needs. */
export interface JoinCallParts {
  readonly keystore: Keystore
  readonly state: JoiningState
  /** What is asked for. */
  readonly asks: Asks
  readonly random: RandomBytes
  readonly nowMs: () => number
  readonly startPeers: StartPeers
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
    return { inviter: site, state: this.#state, problem: this.#problem, expiresAt: localInstant(expiresS * 1000), code }
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
