/**
 * The replica in memory: the own log, its earlier incarnations, and what they say together.
 *
 * @remarks
 * The live log is anchored in the high-water mark of the keystore, each closed incarnation in the note at which it was
 * closed, kept in the keystore as well. Keys and rules carry over from one incarnation to the next. Proven by
 * `tests/main/core/vault/replica.test.ts` and the fault suites.
 *
 * @packageDocumentation
 */
import { emptyDirectory, nextIncarnation, rosterAt, type Directory } from '../../../ledger/directory.ts'
import type { EntryType } from '../../../ledger/entry-types.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { quorumOf } from '../../../ledger/quorum.ts'
import { decideStart } from '../../../ledger/start-up.ts'
import { toHex } from '../../../shared/bytes.ts'
import { assert } from '../../../shared/errors.ts'
import type { HighWaterMark } from '../../keystore/high-water.ts'
import type { Store } from '../../store/store.ts'
import { type AccessPlace, Chains, type Chain, type Link, type Place } from './chains.ts'
import { RecoveryNeeded } from './errors.ts'
import type { Identity } from './identity.ts'
import { LogReplica, openNote, unlessDamaged, type Head, type LogReplicaParts } from './log-replica.ts'
import { policyEngine } from '../policy-engine.ts'

/** Copies of directory entries kept with the keystore, by origin and index. */
export type DirectoryCopies = ReadonlyMap<string, ReadonlyMap<number, Uint8Array>>

/** The proven replica of one log and its earlier incarnations. */
export class Replica {
  readonly store: Store
  readonly identity: Identity
  /** The log that this node writes. */
  readonly live: LogReplica
  /** Every log, oldest incarnation first, the live one last. */
  readonly logs: readonly LogReplica[]
  readonly #chains: Chains

  private constructor(store: Store, identity: Identity, logs: readonly LogReplica[], chains: Chains) {
    this.store = store
    this.identity = identity
    this.logs = logs
    this.live = logs.at(-1) ?? noLog()
    this.#chains = chains
  }

  /**
   * Opens the replica.
   *
   * @param mark - From the keystore.
   * @param copies - Directory entries kept with the keystore.
   * @param isSamePlace - False when the keystore was made for another computer.
   * @throws {@link RecoveryNeeded} when the log must not be continued as it is (`ledger/start-up.ts`).
   */
  static open(
    store: Store,
    identity: Identity,
    mark: HighWaterMark | 'missing' | 'damaged',
    copies: DirectoryCopies,
    isSamePlace = true,
  ): Replica {
    const logs: LogReplica[] = []
    const chains = new Chains(store, () => logs)
    for (const { origin, logKey, note } of identity.closed) {
      const parts = partsOf(store, identity, copies, { origin, logKey }, logs.at(-1) ?? null)
      logs.push(openClosed(parts, note, chains))
    }
    const parts = partsOf(store, identity, copies, identity, logs.at(-1) ?? null)
    logs.push(openLive(parts, mark, isSamePlace, chains))
    chains.readHints()
    return new Replica(store, identity, logs, chains)
  }

  /** The newest checkpoint of the live log. */
  get head(): Head {
    return this.live.head
  }

  /** Who holds which key and which rules are in force in the live log. */
  get directory(): Directory {
    return this.live.directory
  }

  /** The contract in force now. */
  contract() {
    return this.live.contract()
  }

  /** The log of this origin, or null when it is none of ours. */
  log(origin: string): LogReplica | null {
    return this.logs.find((log) => log.origin === origin) ?? null
  }

  /** A subject's chain: its links, and what is known of links that are gone. */
  chain(subject: string): Chain {
    return this.#chains.of(subject)
  }

  newestLink(subject: string): Link | null {
    return this.#chains.newestLink(subject)
  }

  newestEpoch(subject: string): number | null {
    return [...this.#chains.epochStarts(subject).keys()].at(-1) ?? null
  }

  /** When each epoch of a subject began, by the clock of its first author; in ascending order. */
  epochStarts(subject: string): ReadonlyMap<number, number> {
    return this.#chains.epochStarts(subject)
  }

  subjectsWith(type: EntryType): string[] {
    return this.#chains.subjectsWith(type)
  }

  lostSubjectsWith(type: string): { subject: string; place: Place }[] {
    return this.#chains.lostSubjectsWith(type)
  }

  headlessSubjects(): string[] {
    return this.#chains.headlessSubjects()
  }

  undeclaredLoss(): Place[] {
    return this.#chains.undeclaredLoss()
  }

  unattributedDamage(): Place[] {
    return this.#chains.unattributedDamage()
  }

  /** Whether an entry has this id, also one that is damaged: the database's index still knows it, as far as it goes. */
  holdsId(id: Uint8Array): boolean {
    return this.#chains.placeOfId(toHex(id)) !== null || unlessDamaged(() => this.store.indexOfEntryId(id)) !== null
  }

  /** The latest time that any seal says. */
  get latestSealMs(): number {
    return this.#chains.latestSealMs
  }

  /** Where it is recorded that somebody looked, in the order of the logs. */
  get accesses(): readonly AccessPlace[] {
    return this.#chains.accesses
  }

  /** Where incidents are recorded, in the order of the logs. */
  get incidents(): readonly Place[] {
    return this.#chains.incidents
  }

  /** Looks at everything again, after rows were repaired. */
  reread(): void {
    this.#chains.clear()
    let before: LogReplica | null = null
    for (const log of this.logs) {
      log.reread(baseAfter(before, this.identity), (entry) => {
        this.#chains.take(log, entry)
      })
      before = log
    }
    this.#chains.readHints()
  }

  /** Takes over a block that was committed to the live log. See {@link LogReplica.committed}. */
  committed(
    checkpoint: Head,
    block: number,
    entries: readonly { index: number; bytes: Uint8Array; leaf: Uint8Array }[],
  ): void {
    this.live.committed(checkpoint, block, entries, (entry) => {
      this.#chains.take(this.live, entry)
    })
  }
}

/** What is in force before the first entry of the log that follows `before`. */
function baseAfter(before: LogReplica | null, { network }: Pick<Identity, 'network'>): Directory {
  return before === null ? emptyDirectory(network, policyEngine()) : nextIncarnation(before.directory, before.head.size)
}

/** What a log of this site is opened from, when `before` is the incarnation before it. */
export function partsOf(
  store: Store,
  { network, otherLogKeys, fetched = [] }: Pick<Identity, 'network' | 'otherLogKeys' | 'fetched'>,
  copies: DirectoryCopies,
  { origin, logKey }: Pick<Identity, 'origin' | 'logKey'>,
  before: LogReplica | null,
): LogReplicaParts {
  const base = baseAfter(before, { network })
  const copiesOf = copies.get(origin) ?? new Map<number, Uint8Array>()
  const covers = fetched.includes(origin) ? { isMirrored: true as const } : {}
  return { store, network, origin, logKey, otherKeys: otherLogKeys, base, copies: copiesOf, ...covers }
}

/** A log at a head, or null when the database does not hold its tree. */
function openLog(parts: LogReplicaParts, head: Head, chains: Chains): LogReplica | null {
  try {
    // One by one: the entries of a long log together need more memory than all that is known of them afterwards.
    return LogReplica.open(parts, head, (entry, log) => {
      chains.take(log, entry)
    })
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}

/** A closed incarnation, at the note that the keystore keeps of it. */
function openClosed(parts: LogReplicaParts, note: string, chains: Chains): LogReplica {
  const head = noteHead(parts, note)
  if (head === null) throw new RecoveryNeeded('mark-damaged', 'the keystore holds a note of another log')
  const log = openLog(parts, head, chains)
  if (log === null) throw new RecoveryNeeded('tree-damaged', 'the database does not hold the tree of a closed log')
  return log
}

/** The live log, when it may be continued. */
function openLive(
  parts: LogReplicaParts,
  mark: HighWaterMark | 'missing' | 'damaged',
  isSamePlace: boolean,
  chains: Chains,
): LogReplica {
  const marked = typeof mark === 'object' ? noteHead(parts, mark.note) : null
  const stored = newestSigned(parts)
  // The row of the newest checkpoint may be gone while the tree is there: the mark stands in for it.
  const newest = stored === null || (marked !== null && marked.size > stored.size) ? marked : stored
  const log = newest === null ? null : openLog(parts, newest, chains)
  const isOlder = marked !== null && (stored?.size ?? 0) < marked.size
  const { n, q } = votesOf(log)
  const decision = decideStart({
    head: log?.head ?? stored,
    isTreeDamaged: log === null && !isOlder,
    rootAt: (size) => (log === null ? new Uint8Array() : log.trusted.tree.rootAt(size)),
    mark: marked !== null ? { kind: 'note', head: marked } : { kind: mark === 'missing' ? 'missing' : 'damaged' },
    isRestored: false,
    isSamePlace,
    answers: [],
    n,
    q,
  })
  if (decision.kind !== 'sign') throw new RecoveryNeeded(decision.why, 'the log must not be continued as it is')
  assert(log !== null, 'what may be signed is open')
  return log
}

/** Sites of the roster in force, and their quorum. */
function votesOf(log: LogReplica | null): { n: number; q: number } {
  const n = (log === null ? null : rosterAt(log.directory, log.head.size))?.roster.sites.length ?? 1
  return { n, q: quorumOf(n) }
}

/** A note that this log signed under one of its keys, or null. Whether it was the one in force, `LogReplica.open` asks. */
export function noteHead({ origin, logKey, otherKeys }: LogReplicaParts, note: string): Head | null {
  for (const publicKey of [logKey, ...otherKeys]) {
    const head = openNote(origin, publicKey, note)
    if (head !== null) return head
  }
  return null
}

/** Checkpoint rows among which a newer one than the mark is looked for: one is written after each block. */
const NEWEST_ROWS = 1000

/** The newest checkpoint row that the log signed, or null. Whether its tree is there nobody has looked at yet. */
function newestSigned(parts: LogReplicaParts): Head | null {
  const rows = unlessDamaged(() => parts.store.checkpoints(parts.origin, null, NEWEST_ROWS)) ?? []
  // What claims to be newest is looked at first: the first that the log signed ends the search.
  const claimed = ({ note }: { note: string }) => Number(note.split('\n')[1]) || 0
  for (const { note } of rows.toSorted((a, b) => claimed(b) - claimed(a))) {
    const head = noteHead(parts, note)
    if (head !== null) return head
  }
  return null
}

function noLog(): never {
  throw new Error('bug: a replica has a live log')
}
