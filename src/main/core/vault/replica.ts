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
import { openCheckpoint } from '../../../ledger/checkpoint.ts'
import { emptyDirectory, nextIncarnation, type Directory } from '../../../ledger/directory.ts'
import type { EntryType } from '../../../ledger/entry-types.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { equalBytes, toHex } from '../../../shared/bytes.ts'
import { verifier } from '../../keystore/sodium.ts'
import type { HighWaterMark } from '../../keystore/high-water.ts'
import type { Store } from '../../store/store.ts'
import { Chains, type Chain, type Link, type Place } from './chains.ts'
import { RecoveryNeeded } from './errors.ts'
import type { Identity } from './identity.ts'
import { LogReplica, unlessDamaged, type Head, type LogReplicaParts } from './log-replica.ts'
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
   * @throws {@link RecoveryNeeded} when the database holds less than the mark says, or another history.
   */
  static open(
    store: Store,
    identity: Identity,
    mark: HighWaterMark | 'missing' | 'damaged',
    copies: DirectoryCopies,
  ): Replica {
    const logs: LogReplica[] = []
    const chains = new Chains(store, () => logs)
    for (const { origin, logKey, note } of identity.closed) {
      const parts = partsOf(store, identity, copies, { origin, logKey }, logs.at(-1) ?? null)
      logs.push(openLog(parts, headOf(parts, note), chains))
    }
    const parts = partsOf(store, identity, copies, identity, logs.at(-1) ?? null)
    const live = openLog(parts, newestHead(parts, mark), chains)
    logs.push(live)
    if (typeof mark === 'object') checkMark(live, parts, mark)
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
    return this.#chains.newestEpoch(subject)
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

  unattributedDamage(): Place[] {
    return this.#chains.unattributedDamage()
  }

  /** Whether an entry has this id, also one that is damaged: the database's index still knows it, as far as it goes. */
  holdsId(id: Uint8Array): boolean {
    return this.#chains.placeOfId(toHex(id)) !== null || unlessDamaged(() => this.store.indexOfEntryId(id)) !== null
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
  { network }: Pick<Identity, 'network'>,
  copies: DirectoryCopies,
  { origin, logKey }: Pick<Identity, 'origin' | 'logKey'>,
  before: LogReplica | null,
): LogReplicaParts {
  const base = baseAfter(before, { network })
  return { store, network, origin, logKey, base, copies: copies.get(origin) ?? new Map<number, Uint8Array>() }
}

function openLog(parts: LogReplicaParts, head: Head, chains: Chains): LogReplica {
  const early: Parameters<Parameters<typeof LogReplica.open>[2]>[0][] = []
  try {
    const log = LogReplica.open(parts, head, (entry) => early.push(entry))
    for (const entry of early) chains.take(log, entry)
    return log
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause
    const newest = Math.max(0, ...signedHeads(parts, null).map(({ size }) => size))
    const reason = newest < head.size ? 'rolled-back' : 'tree-damaged'
    throw new RecoveryNeeded(reason, 'the database does not hold the tree of its checkpoint', { cause })
  }
}

/** A note of ours, opened. */
function headOf({ origin, logKey }: LogReplicaParts, note: string): Head {
  try {
    return { ...openCheckpoint(note, { name: origin, publicKey: logKey }, verifier), note }
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause
    throw new RecoveryNeeded('mark-damaged', 'the keystore holds a note of another log', { cause })
  }
}

function checkMark(live: LogReplica, parts: LogReplicaParts, mark: HighWaterMark): void {
  const marked = headOf(parts, mark.note)
  if (!equalBytes(live.trusted.tree.rootAt(marked.size), marked.root))
    throw new RecoveryNeeded('other-history', 'the database holds another history than the high-water mark')
}

/** Checkpoint rows among which a newer one than the mark is looked for: one is written after each block. */
const NEWEST_ROWS = 1000

/** The newest checkpoint that the log signed and the keystore does not contradict. */
function newestHead(parts: LogReplicaParts, mark: HighWaterMark | 'missing' | 'damaged'): Head {
  if (typeof mark !== 'object') throw new RecoveryNeeded(`mark-${mark}`, `the high-water mark is ${mark}`)
  return signedHeads(parts, headOf(parts, mark.note))[0] ?? headOf(parts, mark.note)
}

/**
 * Checkpoints in the database that the log signed, above `floor`, largest first. Whether the tree is there nobody has
 * looked at yet.
 */
export function signedHeads(parts: LogReplicaParts, floor: Head | null): Head[] {
  const heads: Head[] = []
  for (const { note } of parts.store.checkpoints(parts.origin, null, NEWEST_ROWS)) {
    // Only what claims to be newer is worth a signature's time.
    if (!(Number(note.split('\n')[1]) > (floor?.size ?? 0))) continue
    try {
      // Newer than the mark: the process ended between the commit and the mark. The log signed it.
      heads.push({ ...openCheckpoint(note, { name: parts.origin, publicKey: parts.logKey }, verifier), note })
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error
    }
  }
  return heads.sort((a, b) => b.size - a.size)
}

function noLog(): never {
  throw new Error('bug: a replica has a live log')
}
