/**
 * Who is told what about the heads of all logs.
 *
 * @remarks
 * Each side says how far it has every log, and again what changed. Whoever sees that the other lacks something sends the
 * notes for it: a moment later, since the other may just be fetching it from somebody else. So every node learns the
 * newest cosigned head of every log from anybody, and a peer that keeps something back hides nothing. Proven by
 * `tests/sync/gossip.test.ts`.
 *
 * @packageDocumentation
 */
import { orNull } from './attempt.ts'
import { FRAME_TARGET, GOSSIP_DELAY_MS, GRACE_MS, HAVE_INTERVAL_MS, MAX_HAVE, MAX_NOTES, ROUND_MS } from './limits.ts'
import type { Hub } from './hub.ts'
import type { HaveLog } from './messages.ts'
import type { LogStanding, SignedHead } from './ports.ts'
import type { Session } from './session.ts'
import { NO_VOTES, type VoteMark, votesIn } from './votes.ts'

/** How far somebody has a log. */
export type Known = Omit<HaveLog, 'origin'>

/** How soon others are told. */
export type Urgency =
  | 'now' // nobody else can know
  | 'soon' // cosignatures are still coming in
  | 'if-needed' // the peer may hear it from somebody else

/** How many times longer than the grace a node with many peers may wait. */
const MAX_SPREAD = 4

const NOTHING: Known = { size: 0, final: 0, cosigned: 0, ...NO_VOTES }

/** What is still to be said to one peer. */
interface Telling {
  /** Logs about which the peer may lack something, and when it is told. */
  readonly due: Map<string, number>
  /** What the notes that were sent say; forgotten after a round, in case they came to nothing. */
  readonly told: Map<string, Known>
  /** Logs whose state here the peer was not told. */
  readonly unsaid: Set<string>
  /** Sizes of the largest heads that the peer showed. */
  readonly shown: Map<string, number>
  /** What the peer said to have in an earlier round, where nobody had shown that much. */
  readonly claimed: Map<string, number>
  /** Those of them that a whole round has not made true. */
  readonly unshown: Set<string>
  haveAtMs: number
  roundAtMs: number
}

/** Spreads heads. */
export class Gossip {
  readonly #hub: Hub
  readonly #tellings = new Map<Session, Telling>()
  /** Marks of the votes under the newest cosigned heads, worked out once. */
  readonly #marks = new Map<string, VoteMark & { readonly cosigned: number }>()

  constructor(hub: Hub) {
    this.#hub = hub
  }

  /** A peer is there: it is told how far every log is known here. */
  greeted(session: Session): void {
    const nowMs = this.#hub.nowMs()
    const unsaid = new Set<string>()
    for (const standing of this.#hub.store.standings()) if (sizeOf(standing) > 0) unsaid.add(standing.origin)
    const roundAtMs = nowMs + ROUND_MS * (0.5 + this.#hub.random())
    const claims = { shown: new Map(), claimed: new Map(), unshown: new Set<string>() }
    const telling = { due: new Map(), told: new Map(), unsaid, haveAtMs: nowMs, roundAtMs, ...claims }
    this.#tellings.set(session, telling)
    // Also when there is nothing to say: the peer waits for it.
    this.#sayHave(session, telling, nowMs)
  }

  left(session: Session): void {
    this.#tellings.delete(session)
  }

  /** See `PeerFacts.unshown`. */
  unshown(session: Session): ReadonlySet<string> {
    return this.#tellings.get(session)?.unshown ?? new Set()
  }

  /** A log of this node has grown, or has more cosignatures. */
  changed(standing: LogStanding, urgency: Urgency): void {
    const nowMs = this.#hub.nowMs()
    const atMs = nowMs + this.#delayOf(urgency)
    for (const [session, telling] of this.#tellings) {
      if (sizeOf(standing) > 0) telling.unsaid.add(standing.origin)
      if (this.#isBehind(session, telling, standing)) putEarlier(telling.due, standing.origin, atMs)
      if (atMs <= nowMs) this.#say(session, nowMs)
    }
  }

  /**
   * A peer said how far it has logs.
   *
   * @param logs - Untrusted: hints. Logs that no roster lists are left out.
   */
  heard(session: Session, logs: readonly HaveLog[]): void {
    const nowMs = this.#hub.nowMs()
    for (const { origin, ...known } of logs) {
      // What it says first it is not just fetching from somebody else; but it may be asked to cosign it right now.
      const isFirst = !session.known.has(origin)
      const standing = this.#hub.store.standing(origin)
      if (standing === null) continue
      session.known.set(origin, joined(session.known.get(origin), known))
      this.#expect(session, standing, nowMs + this.#delayOf(isFirst ? 'soon' : 'if-needed'))
    }
    if (!session.isIntroduced) this.#introduce(session, nowMs, logs.length < MAX_HAVE)
    this.#say(session, nowMs)
  }

  /** A peer said for the first time what it has: what it leaves out it probably lacks. */
  #introduce(session: Session, nowMs: number, isAll: boolean): void {
    session.introduced()
    const atMs = nowMs + this.#delayOf(isAll ? 'soon' : 'if-needed')
    for (const standing of this.#hub.store.standings()) {
      if (!session.known.has(standing.origin)) this.#expect(session, standing, atMs)
    }
  }

  /** A peer showed a note, so it has that much. */
  showed(session: Session, { origin, size, note }: SignedHead): void {
    const marked = votesIn(note, origin)
    const shown = { size, final: 0, cosigned: marked.votes > 0 ? size : 0, ...marked }
    session.known.set(origin, joined(session.known.get(origin), shown))
    const heads = this.#tellings.get(session)?.shown
    heads?.set(origin, Math.max(size, heads.get(origin) ?? 0))
    const standing = this.#hub.store.standing(origin)
    if (standing !== null) this.#expect(session, standing, this.#hub.nowMs() + this.#delayOf('if-needed'))
  }

  /** A peer was shown a head in another way than by gossip. */
  sent(session: Session, origin: string, size: number): void {
    const told = this.#tellings.get(session)?.told
    told?.set(origin, joined(told.get(origin), { ...NOTHING, size }))
  }

  /** Says what is due. */
  tick(): void {
    const nowMs = this.#hub.nowMs()
    for (const session of this.#tellings.keys()) this.#say(session, nowMs)
  }

  /** Plans to tell the peer what it lacks, or drops the plan when it lacks nothing any more. */
  #expect(session: Session, standing: LogStanding, atMs: number): void {
    const telling = this.#tellings.get(session)
    if (telling === undefined) return
    if (this.#isBehind(session, telling, standing)) putEarlier(telling.due, standing.origin, atMs)
    else telling.due.delete(standing.origin)
  }

  #delayOf(urgency: Urgency): number {
    if (urgency === 'now') return 0
    if (urgency === 'soon') return GOSSIP_DELAY_MS
    // The more there are who may say it, the longer each waits: the first of them is soon enough.
    const spread = Math.min(MAX_SPREAD, Math.max(1, this.#tellings.size / 4))
    return GRACE_MS * (1 + spread * this.#hub.random())
  }

  #isBehind(session: Session, { told }: Telling, standing: LogStanding): boolean {
    const has = joined(session.known.get(standing.origin), told.get(standing.origin) ?? NOTHING)
    return lacks(has, this.#knownOf(standing))
  }

  #say(session: Session, nowMs: number): void {
    const telling = this.#tellings.get(session)
    if (telling === undefined || !session.canWrite()) return
    if (telling.roundAtMs <= nowMs) this.#startRound(session, telling, nowMs)
    if (telling.unsaid.size > 0 && telling.haveAtMs <= nowMs) this.#sayHave(session, telling, nowMs)
    if (session.canWrite()) this.#sayNotes(session, telling, nowMs)
  }

  /** What was sent and had no effect is sent again. */
  #startRound(session: Session, telling: Telling, nowMs: number): void {
    telling.roundAtMs = nowMs + ROUND_MS
    telling.told.clear()
    for (const standing of this.#hub.store.standings()) {
      if (this.#isBehind(session, telling, standing)) putEarlier(telling.due, standing.origin, nowMs)
      weighClaim(telling, standing, session.known.get(standing.origin)?.size ?? 0)
    }
  }

  #sayHave(session: Session, telling: Telling, nowMs: number): void {
    telling.haveAtMs = nowMs + HAVE_INTERVAL_MS
    const origins = [...telling.unsaid].slice(0, MAX_HAVE)
    for (const origin of origins) telling.unsaid.delete(origin)
    const logs = origins.flatMap((origin): HaveLog[] => {
      const standing = this.#hub.store.standing(origin)
      return standing === null ? [] : [{ origin, ...this.#knownOf(standing) }]
    })
    if (telling.unsaid.size > 0) telling.haveAtMs = nowMs
    session.send({ kind: 'have', logs })
  }

  #sayNotes(session: Session, telling: Telling, nowMs: number): void {
    let batch: string[] = []
    let length = 0
    const send = (): void => {
      const [first] = batch
      if (batch.length > 1) session.send({ kind: 'heads', notes: batch })
      else if (first !== undefined) session.send({ kind: 'announce', note: first })
      batch = []
      length = 0
    }
    for (const [origin, atMs] of telling.due) {
      if (atMs > nowMs) continue
      telling.due.delete(origin)
      for (const note of this.#notesFor(session, telling, origin)) {
        if (batch.length >= MAX_NOTES || length + note.length > FRAME_TARGET) send()
        batch.push(note)
        length += note.length
      }
      if (!session.canWrite()) break
    }
    send()
  }

  /** How far a log is held here, as others are told. */
  #knownOf(standing: LogStanding): Known {
    const { origin, final, cosigned, votes } = standing
    let marked = this.#marks.get(origin)
    if (marked?.cosigned !== cosigned || marked.votes !== votes) {
      const note = cosigned === 0 ? null : orNull(() => this.#hub.store.note(origin, cosigned))
      marked = { cosigned, ...(note === null ? NO_VOTES : votesIn(note, origin)), votes }
      this.#marks.set(origin, marked)
    }
    return { size: sizeOf(standing), final, ...marked }
  }

  /** Notes that show a peer what it lacks of a log, smallest first. */
  #notesFor(session: Session, telling: Telling, origin: string): string[] {
    const { store } = this.#hub
    const standing = store.standing(origin)
    if (standing === null || session.who.kind === 'guest' || !this.#isBehind(session, telling, standing)) return []
    const has = joined(session.known.get(origin), telling.told.get(origin) ?? NOTHING)
    const own = this.#knownOf(standing)
    const { site, kind } = session.who
    const wanted = kind === 'witness' ? [] : (orNull(() => store.offersFor(origin, site)) ?? [])
    const chosen = wanted.filter((size) => size > has.size)
    // A site whose vote is given has other nodes, which need the newest head all the same; so does who has no vote.
    const offers = chosen.length === 0 && own.size > has.size ? [own.size] : chosen
    // Cosignatures mean nothing to a peer that has to fetch the entries first: it says when it has them.
    const isFinalDue = own.final > has.final && own.final <= has.size
    const areVotesDue = own.cosigned <= has.size && lacksVotes(has, own)
    telling.told.set(origin, {
      size: offers.length > 0 ? own.size : has.size,
      final: isFinalDue ? own.final : has.final,
      ...(areVotesDue ? votesOf(own) : votesOf(has)),
    })
    const sizes = [...offers, ...(isFinalDue ? [own.final] : []), ...(areVotesDue ? [own.cosigned] : [])]
    return [...new Set(sizes)].toSorted((x, y) => x - y).flatMap((size) => orNull(() => store.note(origin, size)) ?? [])
  }
}

/** Size up to which a log is held here. */
function sizeOf({ pending, stored, mirrored }: LogStanding): number {
  return stored === pending ? pending : mirrored
}

function lacks(has: Known, other: Known): boolean {
  return has.size < other.size || has.final < other.final || lacksVotes(has, other)
}

/** True when `other` may hold a cosignature that `has` does not: as many, but not the same, count as well. */
function lacksVotes(has: Known, other: Known): boolean {
  if (has.cosigned !== other.cosigned) return has.cosigned < other.cosigned
  return has.votes < other.votes || (has.votes === other.votes && has.mark !== other.mark)
}

function votesOf({ cosigned, votes, mark }: Known): Pick<Known, 'cosigned' | 'votes' | 'mark'> {
  return { cosigned, votes, mark }
}

/** Whatever was said once stays true: logs and their cosignatures only grow. Of two sets as large the later one counts. */
function joined(a: Known = NOTHING, b: Known = NOTHING): Known {
  const newer = lacksVotes(a, b) ? b : a
  return { size: Math.max(a.size, b.size), final: Math.max(a.final, b.final), ...votesOf(newer) }
}

/**
 * Compares what a peer says to have with what was shown. Whoever has a log shows its head when it hears that it is not
 * known here, so a claim that outlives a round is wrong, and nothing rests on it.
 *
 * @param said - By the peer, entries. Untrusted.
 */
function weighClaim({ shown, claimed, unshown }: Telling, { origin, pending }: LogStanding, said: number): void {
  const known = Math.max(pending, shown.get(origin) ?? 0)
  const before = claimed.get(origin) ?? 0
  if (before > known) unshown.add(origin)
  else unshown.delete(origin)
  if (said <= known) claimed.delete(origin)
  else if (before <= known) claimed.set(origin, said)
}

function putEarlier(due: Map<string, number>, origin: string, atMs: number): void {
  due.set(origin, Math.min(atMs, due.get(origin) ?? Infinity))
}
