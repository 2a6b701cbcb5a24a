/**
 * How this replica's logs stand: cosignatures, grades, and fork proofs, put together.
 *
 * @packageDocumentation
 */
import { z } from 'zod'
import type { AllSuspects } from '../../../ledger/convict.ts'
import type { CosignerKey } from '../../../ledger/cosignature.ts'
import type { LogKey } from '../../../ledger/checkpoint.ts'
import { rosterAt } from '../../../ledger/directory.ts'
import { LEDGER_ERROR_CODES, LedgerError } from '../../../ledger/errors.ts'
import { keyOf } from '../../../ledger/log-finality.ts'
import { keysOfLog, type OpenedWith } from '../../../ledger/log-keys.ts'
import type { EntriesVerdict } from '../../../ledger/mirror.ts'
import { mirrorNameOf, type Roster } from '../../../ledger/roster.ts'
import type { WitnessedHead } from '../../../ledger/witness.ts'
import { toHex } from '../../../shared/bytes.ts'
import type { Keystore } from '../../keystore/keystore.ts'
import { verifier } from '../../keystore/sodium.ts'
import { StoreError } from '../../store/errors.ts'
import type { CosignatureRow, EvidenceRow, Store } from '../../store/store.ts'
import { compareLog, type OtherReplica } from './compare-logs.ts'
import { Cosignatures, type CosignedLog } from './cosignatures.ts'
import { type CosignedLine, Cosigning } from './cosigning.ts'
import { EvidenceLocker } from './evidence-locker.ts'
import { SECRETS, signerOf } from './genesis.ts'
import { Grades } from './grades.ts'
import { type Identity, readJson, writeJson } from './identity.ts'
import { unlessDamaged, type LogReplica } from './log-replica.ts'
import { besideKeystore, Openings } from './openings.ts'
import type { Replica } from './replica.ts'
import { seedOf } from './role-keys.ts'
import { Damage } from './scrub-damage.ts'
import { scrubMirror, type StandingCheck } from './scrub-standing.ts'

/** What the standing of a replica is worked out from. */
export interface StandingParts {
  readonly store: Store
  readonly keystore: Keystore
  readonly identity: Identity
  readonly replica: Replica
  readonly nowMs: () => number
  /** Told when grades of a log changed. */
  readonly changed: (origin: string) => void
  /** Told when a log became contested. */
  readonly contested: (origin: string) => void
  /** Told when a cosignature or a proof could not be stored. */
  readonly failed: (error: unknown) => void
}

const COPIES_SECRET = 'evidence'
const Copies = z.array(z.string())

/** Keeps one more text beside the keystore, before there is a locker. */
export async function addEvidenceCopy({ secrets }: Pick<Keystore, 'secrets'>, text: string): Promise<void> {
  const kept = Copies.parse(readJson(secrets, COPIES_SECRET) ?? [])
  if (!kept.includes(text)) await writeJson(secrets, COPIES_SECRET, [...kept, text])
}

/** Blocks that come within this time share one cosignature. */
const COSIGN_AFTER_MS = 20
/** Entries evaluated before other requests get a turn: some milliseconds, for which everything else waits. */
const SLICE = 64

/** See the module's comment. */
export class Standing implements StandingCheck {
  readonly cosignatures: Cosignatures
  readonly grades: Grades
  readonly locker: EvidenceLocker
  /** Later incarnations of other nodes' logs. */
  readonly openings: Openings
  readonly #parts: StandingParts
  /** Null on a node that does not hold the site's mirror key. */
  #cosigning: Cosigning | null
  /** Entries found valid since the start, by log. */
  readonly #evaluated = new Map<string, number>()
  readonly #openOwnMirror: () => Cosigning | null
  #isDoubted: (origin: string) => boolean = () => false
  #timer: NodeJS.Timeout | null = null
  #isRunning = false

  constructor(parts: StandingParts) {
    this.#parts = { ...parts, failed: unlessOnlyDamage(parts.failed) }
    const { nowMs } = parts
    const store = tolerant(parts.store)
    const nowS = () => Math.floor(nowMs() / 1000)
    const conflict = (log: CosignedLog, note: string): void => {
      this.locker.report(log, note)
    }
    const changed = (origin: string): void => {
      this.grades.changed(origin)
      parts.changed(origin)
    }
    this.openings = this.#openOpenings()
    this.cosignatures = new Cosignatures({ store, verifier, nowS, changed, conflict })
    this.locker = this.#openLocker()
    this.grades = new Grades({
      cosignatures: this.cosignatures,
      contest: (origin) => this.locker.contest(origin),
      isDoubted: (origin) => this.#isDoubted(origin),
    })
    for (const log of parts.replica.logs) this.cosignatures.load(log)
    this.locker.load()
    this.#openOwnMirror = () => this.#openCosigning(nowS, conflict)
    this.#cosigning = this.#openOwnMirror()
  }

  /** Says who tells whether an incarnation of another node's log follows the one before. */
  doubtWith(isDoubted: (origin: string) => boolean): void {
    this.#isDoubted = isDoubted
  }

  /** Id of the own site. */
  get site(): string {
    return this.#parts.identity.site
  }

  /** Whether this node holds the mirror key of its site. */
  get isMirror(): boolean {
    return this.#cosigning !== null
  }

  /** See `StandingCheck`, as for all below. */
  isVote(log: LogReplica, row: CosignatureRow): boolean {
    return this.cosignatures.isVote(log, row)
  }

  ownSize(log: LogReplica): number {
    const voters = this.cosignatures.epochs(log).flatMap(({ electorate }) => electorate.voters)
    const sizes = this.cosignatures.sizes(log.origin)
    return Math.max(0, ...voters.flatMap((voter) => (voter.site === this.site ? (sizes.get(keyOf(voter)) ?? 0) : 0)))
  }

  recount(log: LogReplica): void {
    this.loadVotes(log)
  }

  /** Learns which cosignatures of a log are stored. What was worked out without them counts no more. */
  loadVotes(log: CosignedLog): void {
    this.cosignatures.load(log)
    this.grades.changed(log.origin)
  }

  cosignNow(log: LogReplica): void {
    this.#cosigning?.follow(log)
    this.#cosigning?.flush()
  }

  isRefusal(log: LogReplica, { index, code }: { readonly index: number; readonly code: string }): boolean {
    if (!Number.isSafeInteger(index) || index < 0 || index >= log.head.size) return false
    const verdict = verdictOn(log, index, false)
    return verdict?.verdict === 'wait' || (verdict?.verdict === 'refuse' && verdict.code === code)
  }

  proofIn(text: string) {
    return this.locker.proofIn(text)
  }

  contradicted(log: LogReplica, note: string): void {
    this.locker.report(log, note)
  }

  /** Cosigns from now on, beginning with what was left open. */
  start(): void {
    this.#checkMirror()
    this.#isRunning = true
    for (const log of this.#parts.replica.logs) this.#cosigning?.follow(log)
    // Rows of our own that the log signed and that are not of its tree were left there by somebody.
    const checkpoints = (origin: string, before: number | null, limit: number) =>
      unlessDamaged(() => this.#parts.store.checkpoints(origin, before, limit)) ?? []
    this.compareWith({ checkpoints, cosignatures: () => [] }).catch(this.#parts.failed)
  }

  /**
   * Compares every log with what another replica says of it: cosignatures are taken over, contradictions are kept as
   * proofs.
   *
   * @param other - Untrusted.
   */
  async compareWith(other: OtherReplica): Promise<void> {
    const parts = { verifier, cosignatures: this.cosignatures, locker: this.locker }
    for (const log of this.#parts.replica.logs) await compareLog(log, other, parts)
  }

  /** See {@link Cosigning.lineUnder}; null on a node that does not cosign for its site. */
  lineUnder(log: CosignedLog, head: WitnessedHead): CosignedLine | null {
    return this.#isRunning ? (this.#cosigning?.lineUnder(log, head) ?? null) : null
  }

  /** Says that a block was committed to the live log. */
  committed(): void {
    if (this.#isRunning) this.#cosigning?.follow(this.#parts.replica.live)
  }

  /** Says that another roster is in force: the mirror may have another key, and finality other rules. */
  rosterChanged(): void {
    const { replica } = this.#parts
    this.#cosigning?.flush()
    this.#cosigning = this.#openOwnMirror()
    for (const log of replica.logs) this.grades.changed(log.origin)
    if (this.#isRunning) for (const log of replica.logs) this.#cosigning?.follow(log)
  }

  /** Cosigns what waits, and stops. */
  close(): void {
    const timer = this.#timer
    this.#isRunning = false
    this.#timer = null
    if (timer === null) return
    clearTimeout(timer)
    this.#cosigning?.flush()
  }

  /** What is missing is noticed before it is made again. */
  #checkMirror(): void {
    const { store, nowMs, replica, failed } = this.#parts
    const damage = new Damage(store, nowMs, () => undefined)
    try {
      for (const log of replica.logs) scrubMirror({ store, check: this, damage, nowMs }, log)
    } catch (error) {
      failed(error)
    }
  }

  #openOpenings(): Openings {
    const { keystore, identity, replica, failed } = this.#parts
    const roster = (version: number) =>
      replica.directory.rosters.find((one) => one.roster.version === version)?.roster ?? null
    return new Openings({ network: identity.network, verifier, roster }, besideKeystore(keystore.secrets, failed))
  }

  #openLocker(): EvidenceLocker {
    const { keystore, nowMs, contested, failed } = this.#parts
    const store = tolerant(this.#parts.store)
    const { cosignatures } = this
    return new EvidenceLocker({
      ...{ store, cosignatures, verifier, nowMs },
      suspects: (origin) => this.#suspects(origin),
      copies: Copies.parse(readJson(keystore.secrets, COPIES_SECRET) ?? []),
      saveCopies: (texts) => {
        writeJson(keystore.secrets, COPIES_SECRET, texts).catch(failed)
      },
      changed: (origin) => {
        this.grades.changed(origin)
        if (this.locker.isContested(origin)) contested(origin)
      },
    })
  }

  #openCosigning(nowS: () => number, conflict: (log: CosignedLog, note: string) => void): Cosigning | null {
    const { store, keystore, identity, replica, failed } = this.#parts
    const site = rosterAt(replica.directory, replica.head.size)?.roster.sites.find(({ id }) => id === identity.site)
    const seed = site === undefined ? null : seedOf(keystore.secrets, SECRETS.mirror, site.mirrorKey)
    if (seed === null) return null
    const signer = signerOf('log', seed)
    return new Cosigning({
      ...{ store, cosignatures: this.cosignatures, site: identity.site, verifier, nowS, conflict, failed },
      mirror: { publicKey: signer.publicKey, sign: (message) => signer.sign(message) },
      isOwn: (origin) => replica.log(origin) !== null,
      mark: (origin) => this.#markOf(origin),
      evaluate: (origin, from, to) => this.#evaluate(origin, from, to),
      isContested: (origin) => this.locker.isContested(origin),
      later: (run) => {
        this.#timer = setTimeout(() => {
          this.#timer = null
          run()
        }, COSIGN_AFTER_MS)
      },
    })
  }

  /** The newest note that the keystore knows the log to have signed. */
  #markOf(origin: string): string | null {
    const { identity, keystore } = this.#parts
    const closed = identity.closed.find((log) => log.origin === origin)
    if (closed !== undefined) return closed.note
    const mark = keystore.highWater.read()
    return typeof mark === 'object' ? mark.note : null
  }

  /** Judges entries a slice at a time: what is left is judged when the log is followed again. */
  #evaluate(origin: string, from: number, to: number): EntriesVerdict {
    const log = this.#parts.replica.log(origin)
    if (log === null) return { verdict: 'wait' }
    const start = Math.max(from, this.#evaluated.get(origin) ?? 0)
    const end = Math.min(to, start + SLICE)
    // What was just written is shown next; of a long history most is not, and all of it would stay in memory.
    const isFresh = to - from <= SLICE
    for (let index = start; index < end; index++) {
      const verdict = verdictOn(log, index, isFresh)
      if (verdict !== null) return verdict
    }
    this.#evaluated.set(origin, end)
    if (end === to) return { verdict: 'valid' }
    // Not while it is running: the head it works on is still the one to follow.
    setImmediate(() => {
      if (this.#isRunning) this.#cosigning?.goOn(log)
    })
    return { verdict: 'wait' }
  }

  #suspects(origin: string): AllSuspects | null {
    const { replica } = this.#parts
    const log = replica.log(origin)
    const directory = log?.directory ?? replica.live.directory
    const opening = log === null ? this.openings.of(origin) : ownOpening(log)
    const rosters = directory.rosters.map(({ roster }) => roster)
    const keys = [...keysOf(rosters, origin, opening), ...(log === null ? [] : [log.logKey])]
    const logKeys = keys.map((publicKey) => ({ name: origin, publicKey }))
    if (logKeys.length === 0) return null
    const cosigners = directory.rosters.flatMap(({ roster }) =>
      roster.sites.map(({ id, mirrorKey }): CosignerKey => ({ name: mirrorNameOf(id), publicKey: mirrorKey })),
    )
    return { logKeys: unique(logKeys), cosigners: unique(cosigners) }
  }
}

/** The tables of cosignatures and proofs, where what SQLite cannot read is as good as gone: it takes no entry away. */
function tolerant(store: Store) {
  return {
    checkpointCoveringIndex: (origin: string, index: number) =>
      unlessDamaged(() => store.checkpointCoveringIndex(origin, index)),
    cosignatures: (origin: string, above: number, limit: number) =>
      unlessDamaged(() => store.cosignatures(origin, above, limit)) ?? [],
    cosignaturesAt: (origin: string, size: number) => unlessDamaged(() => store.cosignaturesAt(origin, size)) ?? [],
    cosignaturesBy: (origin: string, name: string, below: number, limit: number) =>
      unlessDamaged(() => store.cosignaturesBy(origin, name, below, limit)) ?? [],
    evidence: (origin?: string) => unlessDamaged(() => store.evidence(origin)) ?? [],
    putCosignatures: (...row: Parameters<Store['putCosignatures']>) => {
      unlessDamaged(() => {
        store.putCosignatures(...row)
      })
    },
    putEvidence: (row: EvidenceRow) => {
      unlessDamaged(() => {
        store.putEvidence(row)
      })
    },
  }
}

/** Damage in these tables leaves entries sealed instead of final; it stops nobody from working. */
function unlessOnlyDamage(failed: (error: unknown) => void): (error: unknown) => void {
  return (error) => {
    const isDamage = error instanceof StoreError && error.code === 'DATABASE_DAMAGED'
    if (!isDamage) failed(error)
  }
}

/** What stands against an entry; null when nothing does. A damaged row is repaired, not refused. */
function verdictOn(log: LogReplica, index: number, isKept: boolean): EntriesVerdict | null {
  const verified = isKept ? log.verifiedEntry(index) : log.verifiedOnce(index)
  if (!('step' in verified)) return null
  const code = LEDGER_ERROR_CODES.find((known) => verified.reason.startsWith(`${known}:`))
  const isDamage = verified.step === 'present' || verified.step === 'inclusion' || code === undefined
  return isDamage ? { verdict: 'wait' } : { verdict: 'refuse', index, code }
}

/** What opened an incarnation of the own log; null for the first. */
function ownOpening({ directory }: LogReplica): OpenedWith | null {
  const last = directory.opened.at(-1)
  const rosterVersion = last === undefined ? null : (rosterAt(directory, last.from)?.roster.version ?? null)
  return last === undefined || rosterVersion === null ? null : { ...last, rosterVersion }
}

/** None for what is no origin: proofs are about whatever somebody writes. */
function keysOf(rosters: readonly Roster[], origin: string, opening: OpenedWith | null): Uint8Array[] {
  try {
    return keysOfLog(rosters, origin, opening)
  } catch (error) {
    if (error instanceof LedgerError) return []
    throw error
  }
}

function unique<Key extends LogKey | CosignerKey>(keys: readonly Key[]): Key[] {
  return [...new Map(keys.map((key) => [`${key.name} ${toHex(key.publicKey)}`, key])).values()]
}
