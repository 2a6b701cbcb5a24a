/**
 * The chain of every subject, across the incarnations of its log: which entries are about it, and which are gone.
 *
 * @remarks
 * Links come from proven entries alone. The index tables of the database are only asked whose an entry was that is
 * gone, and what they say is believed as far as proven neighbours allow. Proven by
 * `tests/main/core/vault/replica.test.ts` and the fault suites.
 *
 * @packageDocumentation
 */
import type { EntryType } from '../../../ledger/entry-types.ts'
import { decodeIncident, readEntriesLost, type EntriesLost } from '../../../ledger/fields.ts'
import { equalBytes, fromHex, toHex } from '../../../shared/bytes.ts'
import type { Store } from '../../store/store.ts'
import { unlessDamaged, type Failed, type LogReplica, type TakenEntry } from './log-replica.ts'

/** An entry in the chain of its subject. */
export interface Link {
  /** The log that holds it. */
  readonly log: LogReplica
  readonly index: number
  readonly seq: number
  readonly type: EntryType
  readonly leaf: Uint8Array
  readonly previousLeaf: Uint8Array | null
}

/** Where an entry that is gone stood. */
export interface Place {
  readonly log: LogReplica
  readonly index: number
}

/** Where it is recorded that somebody looked. */
export interface AccessPlace extends Place {
  readonly type: EntryType
  /** It is about several patients at once. */
  readonly isList: boolean
}

/** Types of entries that say that data was seen, or left. */
export const ACCESS_TYPES: ReadonlySet<EntryType> = new Set(['access', 'access.emergency', 'export'])

/** A link that is gone: damaged or missing. */
export interface LostLink {
  readonly seq: number
  /** Its place, as far as the database's own index tells. */
  readonly place: Place | null
  readonly failed: Failed
}

/** All that is known of a subject's chain. */
export interface Chain {
  /** In the order of the logs. */
  readonly links: readonly Link[]
  /** In order of `seq`. */
  readonly gone: readonly LostLink[]
  /** The links that claim a place: one, unless somebody cheats. Those that were declared lost first are not counted. */
  readonly claims: ReadonlyMap<number, readonly Link[]>
}

/** Entries that the log itself declared lost. */
interface Loss {
  readonly origin: string
  readonly ranges: readonly (readonly [number, number])[]
  /** How many entries had been read before the declaration. */
  readonly at: number
}

/** What the database's index says of an entry that is damaged. */
interface Hint extends Place {
  readonly subject: string
  readonly seq: number
  readonly type: string
}

const NO_EPOCHS: ReadonlyMap<number, number> = new Map()

/** Types by which a subject begins. */
const FIRST_TYPES = ['patient.registered', 'practitioner.enrolled', 'device.enrolled'] as const

/** Chains of all subjects. */
export class Chains {
  readonly #store: Store
  readonly #logs: () => readonly LogReplica[]
  readonly #subjects = new Map<string, Link[]>()
  /** Worked out from the links when asked for, until another link comes. */
  readonly #chains = new Map<string, Chain>()
  readonly #ids = new Map<string, Place>()
  /** By subject: when each epoch began, in ascending order. */
  readonly #epochs = new Map<string, Map<number, number>>()
  readonly #incidents: Place[] = []
  readonly #accesses: AccessPlace[] = []
  #hints: readonly Hint[] = []
  readonly #losses: Loss[] = []
  /** Order in which entries were read: oldest incarnation first. */
  readonly #order = new Map<Link, number>()
  #taken = 0
  #latestSealMs = 0

  /**
   * @param store - For the index tables.
   * @param logs - Every open log.
   */
  constructor(store: Store, logs: () => readonly LogReplica[]) {
    this.#store = store
    this.#logs = logs
  }

  /** Takes in a proven entry. */
  take(log: LogReplica, { index, entry, leaf }: TakenEntry): void {
    const { type, subject, id, payload, fields } = entry.body
    const at = this.#taken++
    this.#ids.set(toHex(id), { log, index })
    if (ACCESS_TYPES.has(type)) this.#accesses.push({ log, index, type, isList: type === 'access' && subject === null })
    if (type === 'seal') this.#latestSealMs = Math.max(this.#latestSealMs, entry.body.time)
    if (type === 'incident') {
      this.#incidents.push({ log, index })
      this.#takeLoss(readEntriesLost(decodeIncident(fields)), at)
    }
    if (subject === null || entry.placement === null) return
    const key = toHex(subject)
    if (payload !== null) this.#takeEpoch(key, payload.epoch, entry.body.time)
    const link = { log, index, seq: entry.placement.subjectSeq, type, leaf, previousLeaf: entry.placement.previousLeaf }
    const links = this.#subjects.get(key)
    if (links === undefined) this.#subjects.set(key, [link])
    else links.push(link)
    this.#order.set(link, at)
    this.#chains.delete(key)
  }

  #takeEpoch(subject: string, epoch: number, atMs: number): void {
    const starts = this.#epochs.get(subject) ?? new Map<number, number>()
    if ([...starts.keys()].some((known) => known >= epoch)) return
    this.#epochs.set(subject, starts.set(epoch, atMs))
  }

  #takeLoss(lost: EntriesLost | null, at: number): void {
    if (lost === null) return
    this.#losses.push({ ...lost, at })
    this.#chains.clear()
  }

  /** Damage that may be anybody's and that no entry declares lost: whoever writes about a subject must say so first. */
  undeclaredLoss(): Place[] {
    return this.unattributedDamage().filter((place) => this.#lossOf(place) === null)
  }

  #lossOf({ log, index }: Place): Loss | null {
    const covers = ({ origin, ranges }: Loss) =>
      origin === log.origin && ranges.some(([from, to]) => index >= from && index < to)
    return this.#losses.find(covers) ?? null
  }

  /** True when `link` was declared lost before `other` took its place: it came back, and both stand. */
  #gaveWayTo(link: Link, other: Link): boolean {
    const loss = this.#lossOf(link)
    return loss !== null && loss.at < (this.#order.get(other) ?? -1)
  }

  /** Forgets everything: all entries are about to be taken in again. */
  clear(): void {
    for (const known of [this.#subjects, this.#chains, this.#ids, this.#epochs]) known.clear()
    this.#incidents.length = 0
    this.#accesses.length = 0
    this.#losses.length = 0
    this.#order.clear()
    this.#taken = 0
    this.#hints = []
  }

  /** The latest time that any seal says, by the clock of the time: no day before it comes again. */
  get latestSealMs(): number {
    return this.#latestSealMs
  }

  /** Where it is recorded that somebody looked, exported, or broke the glass, in the order of the logs. */
  get accesses(): readonly AccessPlace[] {
    return this.#accesses
  }

  /** Where incidents are recorded, in the order of the logs. */
  get incidents(): readonly Place[] {
    return this.#incidents
  }

  /** A subject's chain: its links, and what is known of links that are gone. */
  of(subject: string): Chain {
    const known = this.#chains.get(subject)
    if (known !== undefined) return known
    const hints = this.#hints.filter((hint) => hint.subject === subject)
    const chain = chainOf(this.#subjects.get(subject) ?? [], hints, (link, other) => this.#gaveWayTo(link, other))
    this.#chains.set(subject, chain)
    return chain
  }

  newestLink(subject: string): Link | null {
    return this.#subjects.get(subject)?.at(-1) ?? null
  }

  /**
   * When each epoch of a subject began that a proven payload names, by the clock of its first author; in ascending order.
   * An epoch that is named after a later one only, as a lost entry that was found again, is not among them.
   */
  epochStarts(subject: string): ReadonlyMap<number, number> {
    return this.#epochs.get(subject) ?? NO_EPOCHS
  }

  /** Where a proven entry of this id stands, or null. */
  placeOfId(id: string): Place | null {
    return this.#ids.get(id) ?? null
  }

  /** Subjects whose chain holds an entry of `type`, in the order of those entries. */
  subjectsWith(type: EntryType): string[] {
    return [...this.#subjects]
      .filter(([, links]) => links.some((link) => link.type === type))
      .map(([subject]) => subject)
  }

  /** Subjects that only the database's index knows by an entry of `type`: their entry is damaged. */
  lostSubjectsWith(type: string): { subject: string; place: Place }[] {
    return this.#hints
      .filter(
        (hint) =>
          hint.type === type && !(this.#subjects.get(hint.subject)?.some((link) => link.type === type) ?? false),
      )
      .map(({ subject, log, index }) => ({ subject, place: { log, index } }))
  }

  /** Subjects known by later entries only, not even by the database's index: the first of their chain is gone. */
  headlessSubjects(): string[] {
    const hinted = new Set(this.#hints.filter(({ seq }) => seq === 0).map(({ subject }) => subject))
    return [...this.#subjects]
      .filter(([subject, links]) => !hinted.has(subject) && links.every(({ seq }) => seq !== 0))
      .map(([subject]) => subject)
  }

  /** Damaged entries that may belong to any subject. Seals are known by their place. */
  unattributedDamage(): Place[] {
    return this.#logs().flatMap((log) =>
      [...log.damaged.keys()]
        .filter((index) => !(log.isUnderstood(index) || this.#isProvenHint(log, index) || log.isSealPlace(index)))
        .map((index) => ({ log, index })),
    )
  }

  /** A hint says whose a lost entry was, and whoever writes the database writes hints: only a successor proves one. */
  #isProvenHint(log: LogReplica, index: number): boolean {
    const hint = this.#hints.find((other) => other.log === log && other.index === index)
    if (hint === undefined) return false
    const leaf = log.leafAt(index)
    const successors = this.of(hint.subject).claims.get(hint.seq + 1) ?? []
    return successors.some(({ previousLeaf }) => previousLeaf !== null && equalBytes(previousLeaf, leaf))
  }

  /**
   * Asks the untrusted index tables whose damaged entries were, so that the right chart can say so. What cannot be is
   * not believed: a place that a proven link holds, or one further away than entries are damaged.
   */
  readHints(): void {
    this.#chains.clear()
    this.#hints = []
    const damaged = this.#logs().reduce((sum, log) => sum + log.damaged.size, 0)
    if (damaged === 0) return
    const subjects = new Set(this.#subjects.keys())
    for (const type of FIRST_TYPES) {
      for (const row of unlessDamaged(() => this.#store.subjectsByType(type)) ?? []) subjects.add(toHex(row.subject))
    }
    this.#hints = [...subjects].flatMap((subject) => this.#hintsOf(subject, damaged))
  }

  #hintsOf(subject: string, damaged: number): Hint[] {
    const links = this.#subjects.get(subject) ?? []
    const taken = new Set(links.map(({ seq }) => seq))
    const hints: Hint[] = []
    for (const row of unlessDamaged(() => this.#store.subjectEntries(fromHex(subject))) ?? []) {
      const { index, seq, type } = row
      const log = this.#logs().find(({ origin }) => origin === row.origin)
      if (log?.damaged.has(index) !== true || taken.has(seq) || seq >= links.length + damaged) continue
      taken.add(seq)
      hints.push({ log, index, subject, seq, type })
    }
    return hints
  }
}

const MISSING_LINK: Failed = { step: 'completeness', reason: 'an entry of this record is missing' }

function chainOf(links: readonly Link[], hints: readonly Hint[], gaveWay: (link: Link, other: Link) => boolean): Chain {
  const places = Map.groupBy(links, ({ seq }) => seq)
  const claims = new Map([...places].map(([seq, all]) => [seq, standing(all, gaveWay)]))
  let length = 0
  for (const { seq } of [...links, ...hints]) length = Math.max(length, seq + 1)
  const gone: LostLink[] = []
  // A forged number must not make a list of a billion gaps: what is missing is bounded by what can be.
  for (let seq = 0; seq < length && gone.length < MAX_GONE; seq++) {
    if (claims.has(seq)) continue
    const hint = hints.find((other) => other.seq === seq)
    const place = hint === undefined ? null : { log: hint.log, index: hint.index }
    gone.push({ seq, place, failed: hint?.log.damaged.get(hint.index) ?? MISSING_LINK })
  }
  return { links, gone, claims }
}

/** The links of one place without those that gave way to another. */
function standing(links: readonly Link[], gaveWay: (link: Link, other: Link) => boolean): readonly Link[] {
  return links.length < 2 ? links : links.filter((link) => !links.some((other) => gaveWay(link, other)))
}

/** More gaps than this in one chain are not listed one by one. */
const MAX_GONE = 10_000
