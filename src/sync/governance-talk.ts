/**
 * What nodes tell each other beside the logs: fork proofs, governed documents, later incarnations, and how far a node's own log had come.
 *
 * @remarks
 * All of it is small, and passed on by everybody who learns something new from it. Proven by
 * `tests/sync/governance-talk.test.ts`.
 *
 * @packageDocumentation
 */
import { toHex } from '../shared/bytes.ts'
import { assert } from '../shared/errors.ts'
import { orNull } from './attempt.ts'
import type { Hub } from './hub.ts'
import { ROUND_MS } from './limits.ts'
import type { Governance, Hello, MessageOf } from './messages.ts'
import type { Session } from './session.ts'

/** Fork proofs told to one peer in a row. */
const PROOFS_PER_TICK = 4

/** The same of governed documents: a peer that was away for years is told no faster than it listens. */
const DOCUMENTS_PER_TICK = 2

/** What one peer was told. */
interface Told {
  readonly proofs: Set<string>
  /** Openings, in hex. */
  readonly openings: Set<string>
  rosterVersion: number
  contractVersion: number
  readonly proposals: Set<string>
  readonly monitorAtMs: Map<string, number>
}

/** See above. */
export class GovernanceTalk {
  readonly #hub: Hub
  readonly #told = new Map<Session, Told>()

  constructor(hub: Hub) {
    this.#hub = hub
  }

  greeted(session: Session, { rosterVersion, contractVersion }: Hello): void {
    // Who sees no entry has no use for the rules about them.
    const versions = { rosterVersion, contractVersion: session.who.kind === 'node' ? contractVersion : Infinity }
    const nothing = { proofs: new Set<string>(), openings: new Set<string>(), proposals: new Set<string>() }
    this.#told.set(session, { ...versions, ...nothing, monitorAtMs: new Map() })
    this.#say(session)
  }

  left(session: Session): void {
    this.#told.delete(session)
  }

  /** Documents here are newer than they were. */
  changed(): void {
    this.tick()
  }

  /** A fork proof may have been found. */
  evidenceFound(): void {
    this.tick()
  }

  /** A peer tells something. What is new is passed on. */
  heard(session: Session, message: MessageOf<'evidence' | 'governance' | 'opened'>): void {
    const told = this.#told.get(session)
    if (told === undefined) return
    if (message.kind === 'opened') {
      this.#takeOpening(told, message.entry)
      return
    }
    const isNew = orNull(() => {
      if (message.kind === 'governance') return this.#takeGovernance(told, message)
      if (told.proofs.size < MAX_REMEMBERED) told.proofs.add(message.text)
      return this.#hub.store.addEvidence(message.text)
    })
    if (isNew !== true) return
    for (const { origin } of this.#hub.store.standings()) this.#hub.changed(origin)
    this.tick()
  }

  /** Says what was not said yet, to everybody who can hear it. */
  tick(): void {
    for (const session of this.#told.keys()) this.#say(session)
  }

  #takeGovernance(told: Told, { rosters, contracts, proposals }: Governance): boolean {
    for (const text of proposals) if (told.proposals.size < MAX_REMEMBERED) told.proposals.add(text)
    return this.#hub.store.addGovernance({ rosters, contracts, proposals })
  }

  #takeOpening({ openings }: Told, entry: Uint8Array): void {
    if (openings.size < MAX_REMEMBERED) openings.add(toHex(entry))
    const origin = orNull(() => this.#hub.store.addOpening(entry))
    if (origin === null) return
    this.#hub.changed(origin)
    this.tick()
  }

  #say(session: Session): void {
    const told = this.#told.get(session)
    if (told === undefined || !session.canWrite()) return
    this.#sayOpenings(session, told)
    this.#sayEvidence(session, told)
    if (session.canWrite()) this.#sayGovernance(session, told)
    if (session.canWrite()) this.#askMonitor(session, told)
  }

  /** First of all: without it no head of the incarnation is one. */
  #sayOpenings(session: Session, { openings }: Told): void {
    for (const entry of this.#hub.store.openings()) {
      const name = toHex(entry)
      if (openings.has(name)) continue
      openings.add(name)
      session.send({ kind: 'opened', entry })
    }
  }

  #sayEvidence(session: Session, { proofs }: Told): void {
    const news = this.#hub.store.evidence().filter((text) => !proofs.has(text))
    for (const text of news.slice(0, PROOFS_PER_TICK)) {
      proofs.add(text)
      session.send({ kind: 'evidence', text })
    }
  }

  #sayGovernance(session: Session, told: Told): void {
    const { documents, proposals } = this.#hub.store.governanceAfter(told.rosterVersion, told.contractVersion)
    // One document for each message: each is nearly as long as a message can be.
    for (const { type, version, fields } of documents.slice(0, DOCUMENTS_PER_TICK)) {
      session.send(type === 'roster' ? { ...NOTHING, rosters: [fields] } : { ...NOTHING, contracts: [fields] })
      if (type === 'roster') told.rosterVersion = version
      else told.contractVersion = version
    }
    // A proposal follows what is in force, and is of no use to who has no vote.
    if (documents.length > DOCUMENTS_PER_TICK || session.who.kind !== 'node') return
    for (const text of proposals) {
      if (told.proposals.has(text)) continue
      told.proposals.add(text)
      session.send({ ...NOTHING, proposals: [text] })
    }
  }

  /** Asks how far the own log had come, as long as the start of this node waits for it. */
  #askMonitor(session: Session, { monitorAtMs }: Told): void {
    const nowMs = this.#hub.nowMs()
    for (const origin of this.#hub.store.monitorQuestions(session.who)) {
      if ((monitorAtMs.get(origin) ?? -Infinity) > nowMs) continue
      monitorAtMs.set(origin, nowMs + ROUND_MS)
      session.ask(
        { kind: 'want-monitor', origin },
        {
          isWant: false,
          expects: 'monitored',
          part: (answer) => {
            assert(answer.kind === 'monitored', 'the session passes on what was asked for')
            orNull(() => {
              this.#hub.store.monitored(session.who, origin, answer.note)
              return null
            })
            return true
          },
          failed: () => undefined,
        },
        nowMs,
      )
    }
  }
}

const NOTHING: Governance = { kind: 'governance', rosters: [], contracts: [], proposals: [] }

/** Proofs and proposals of one peer that are remembered, so that they are not told back to it. */
const MAX_REMEMBERED = 1024
