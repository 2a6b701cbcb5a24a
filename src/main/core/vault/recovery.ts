/**
 * Recovery: from a database and a keystore that do not fit each other to a node that may sign again.
 *
 * @remarks
 * A node never goes on with a log whose end it is not sure of. When everything it signed is here, or could be fetched
 * from another copy, it goes on. Otherwise it closes the log where its entries end and opens the next incarnation under a
 * new key, which says where the old one ended and what of it is lost. That is safe whatever the reason was, and needs
 * nobody else. Proven by `tests/main/core/vault/recovery.test.ts`.
 *
 * @packageDocumentation
 */
import { contractAt, rosterAt, sharingKeysOf } from '../../../ledger/directory.ts'
import { encodeIncident, encodeNodeOpened, entriesLost } from '../../../ledger/fields.ts'
import { originOf, splitOrigin } from '../../../ledger/names.ts'
import type { Roster, RosterSite } from '../../../ledger/roster.ts'
import type { RecoveryReason, RecoveryStatus } from '../../../shared/api/schemas.ts'
import { equalBytes } from '../../../shared/bytes.ts'
import { keyPairFromSeed, wipe } from '../../keystore/sodium.ts'
import type { StoreReader } from '../../store/store.ts'
import type { RandomBytes } from '../envelope.ts'
import { sharingPublicKeyOf } from '../epoch-keys.ts'
import { ApiFailure } from '../failure.ts'
import { identityOf, readCopies, type ClinicFiles } from './clinic-files.ts'
import { localInstant } from './local-time.ts'
import { writeFirstBlock, type PlainEntry } from './first-block.ts'
import { SECRETS, signerOf } from './genesis.ts'
import { writeIdentity, type Identity } from './identity.ts'
import { openNote, unlessDamaged, type Head, type LogReplica } from './log-replica.ts'
import { contradictsMark, keepOtherHistory } from './other-history.ts'
import { parseRecoveryKey } from './recovery-key.ts'
import { governs, seedOf } from './role-keys.ts'
import { logSecretOf } from './site-secrets.ts'
import { openSurvivors, type Survivor } from './survivors.ts'

/** What a recovery is given from outside. */
export interface RecoveryTools {
  readonly random: RandomBytes
  readonly nowMs: () => number
}

/**
 * Reasons after which the same log may go on, when everything that the mark says was signed is here. After any other it
 * may go on somewhere else as well, or nobody knows what was signed last.
 */
const MAY_CONTINUE: ReadonlySet<RecoveryReason> = new Set(['rolled-back', 'tree-damaged'])

/** Rows moved to quarantine at a time. */
const CHUNK = 1000

/** A node that may not sign. */
export class Recovery {
  readonly #files: ClinicFiles
  readonly #identity: Identity
  readonly #reason: RecoveryReason
  readonly #tools: RecoveryTools
  /** Newest note of the live log that the keystore, or a backup of it, knows. */
  readonly #mark: string | null

  /** @param mark - Newest note known from elsewhere than the keystore; null to ask the keystore. */
  constructor(files: ClinicFiles, reason: RecoveryReason, tools: RecoveryTools, mark: string | null = null) {
    this.#files = files
    this.#identity = identityOf(files)
    this.#reason = reason
    this.#tools = tools
    const kept = files.keystore.highWater.read()
    this.#mark = mark ?? (typeof kept === 'object' ? kept.note : this.#identity.openedWith)
  }

  /** What the window shows. Changes nothing. */
  status(): RecoveryStatus {
    const live = this.#survivors(null, null).at(-1)
    const newest = live?.log?.blockOf(live.log.head.size - 1)
    return {
      reason: this.#reason,
      origin: this.#identity.origin,
      // Without a mark nobody knows what was signed beyond what is here.
      signed: this.#reason.startsWith('mark-') ? null : (live?.signed?.size ?? null),
      held: live?.log?.head.size ?? 0,
      heldUntil: newest === undefined || 'step' in newest ? null : localInstant(newest.sealedAtMs),
      isFurther: !governs(this.#files),
    }
  }

  /** The newest roster that is here and proven; null when there is none. */
  roster(): Roster | null {
    const log = this.#survivors(null, null).findLast((survivor) => survivor.log !== null)?.log ?? null
    return (log === null ? null : rosterAt(log.directory, log.head.size))?.roster ?? null
  }

  /** Every sharing key that a proven roster lists for this site, the newest first. */
  sharingKeys(): Uint8Array[] {
    const log = this.#survivors(null, null).findLast((survivor) => survivor.log !== null)?.log ?? null
    return log === null ? [] : sharingKeysOf(log.directory, this.#identity.site)
  }

  /** This site in that roster. */
  ownSite(): RosterSite | null {
    return this.roster()?.sites.find(({ id }) => id === this.#identity.site) ?? null
  }

  /**
   * Makes sure that whoever asks has the printed recovery key.
   *
   * @throws ApiFailure `BAD_RECOVERY_KEY`.
   */
  authorize(recoveryKey: string): void {
    const { privateKey, networkStart } = parseRecoveryKey(recoveryKey)
    const { network, recoveryKey: publicKey } = this.#identity
    const fits = equalBytes(sharingPublicKeyOf(privateKey), publicKey)
    wipe(privateKey)
    if (!fits || !equalBytes(network.subarray(0, networkStart.length), networkStart))
      throw new ApiFailure('BAD_RECOVERY_KEY')
  }

  /**
   * Recovers. When it resolves, the files can be opened like those of any clinic.
   *
   * @param copy - Another copy of the replica, or null. Untrusted.
   * @throws ApiFailure `BAD_BACKUP` when no roster is here and none in the copy: then nothing can be trusted.
   */
  async run(copy: StoreReader | null): Promise<void> {
    this.#addMissingLogs()
    const survivors = this.#survivors(copy, this.#tools.nowMs())
    const came = copy === null ? [] : survivors.map(({ origin }) => origin)
    const fetched = [...new Set([...(this.#identity.fetched ?? []), ...came])]
    for (const survivor of survivors) await keepOtherHistory(this.#files, survivor, this.#tools.nowMs())
    const goesOn = this.#toContinue(survivors.at(-1), copy !== null)
    if (goesOn !== null) {
      await writeIdentity(this.#files.keystore.secrets, { ...this.#identity, fetched })
      this.#files.keystore.highWater.write({ note: goesOn.note, size: goesOn.size })
      return
    }
    await this.#openNext(survivors, copy, fetched)
  }

  /**
   * The head to go on from, when it holds everything that the keystore says was signed. What only a copy knows to be signed
   * beyond that was signed by somebody else with our key.
   */
  #toContinue(live: Survivor | undefined, isCopied: boolean): Head | null {
    const { log = null, mark = null } = live ?? {}
    const isMarked = typeof this.#files.keystore.highWater.read() === 'object'
    if (live === undefined || log === null || mark === null || !isMarked || !MAY_CONTINUE.has(this.#reason)) return null
    const isAll = isCopied ? log.head.size === mark.size : log.head.size >= mark.size
    return isAll && !contradictsMark(live) ? log.head : null
  }

  /** Without its row in the table of logs nothing of a log is found. In their order, so that they get their old numbers. */
  #addMissingLogs(): void {
    const { store } = this.#files
    const here = new Set(store.logs().map(({ origin }) => origin))
    for (const { origin, logKey } of [...this.#identity.closed, this.#identity])
      if (!here.has(origin)) store.addLog(origin, logKey)
  }

  #survivors(copy: StoreReader | null, nowMs: number | null): Survivor[] {
    const copies = readCopies(this.#files.keystore)
    return openSurvivors(this.#files.store, this.#identity, { mark: this.#mark, copies, copy, nowMs })
  }

  /** Closes what is left and opens the next incarnation. */
  async #openNext(survivors: readonly Survivor[], copy: StoreReader | null, fetched: readonly string[]): Promise<void> {
    const { keystore, store } = this.#files
    const held = survivors.flatMap(({ log, origin, logKey }) => (log === null ? [] : [{ log, origin, logKey }]))
    const base = held.at(-1)?.log
    const ended = survivors.at(-1)
    if (base === undefined || ended === undefined) throw new ApiFailure('BAD_BACKUP')
    const roster = rosterAt(base.directory, base.head.size)?.roster
    const site = roster?.sites.find(({ id }) => id === this.#identity.site)
    const governance = site === undefined ? null : seedOf(keystore.secrets, SECRETS.governance, site.governanceKey)
    if (governance === null) throw new ApiFailure(governs(this.#files) ? 'KEYSTORE_DAMAGED' : 'COORDINATOR_ONLY')
    const seed = this.#tools.random(32)
    const logKey = keyPairFromSeed(seed).publicKey
    const origin = this.#nextOrigin(copy)
    await keystore.secrets.put(logSecretOf(origin), seed)
    // Rows of a log that is not there any more would count as those of the next one.
    store.addLog(origin, logKey)
    while (store.removeBeyond(origin, 0, this.#tools.nowMs(), CHUNK) > 0);
    const mark = writeFirstBlock(store, {
      identity: { ...this.#identity, origin, logKey },
      entries: this.#firstEntries({ origin, logKey, base, ended, survivors, seed, governance }),
      log: signerOf('log', seed),
      rosterVersion: roster?.version ?? 1,
      contractHash: contractAt(base.directory, base.head.size)?.hash ?? new Uint8Array(32),
      random: this.#tools.random,
      nowMs: this.#tools.nowMs(),
    })
    wipe(seed, governance)
    // From here on this is the node's log: a crash before it leaves an incarnation that nobody uses.
    await writeIdentity(keystore.secrets, {
      ...this.#identity,
      origin,
      logKey,
      closed: held.map(({ log, origin: closed, logKey: key }) => ({
        origin: closed,
        logKey: key,
        note: log.head.note,
      })),
      openedWith: mark.note,
      fetched: [...fetched],
    })
    keystore.highWater.write(mark)
  }

  /**
   * The first that nobody has begun. One that a crash left half opened is never used, nor one that a copy knows: its first
   * note may have been signed. Rows are anybody's, so they can pass numbers over and not use them up.
   */
  #nextOrigin(copy: StoreReader | null): string {
    const { log, origin } = this.#identity
    const { store, keystore } = this.#files
    const rows = [...store.logs(), ...(copy === null ? [] : (unlessDamaged(() => copy.logs()) ?? []))]
    const begun = new Set(rows.map((row) => row.origin))
    const secrets = new Set(keystore.secrets.names())
    let { incarnation } = splitOrigin(origin)
    for (;;) {
      const next = originOf(log, ++incarnation)
      if (!begun.has(next) && !secrets.has(logSecretOf(next))) return next
    }
  }

  #firstEntries(next: NextIncarnation): PlainEntry[] {
    const { origin, logKey, base, ended, survivors, seed, governance } = next
    const log = signerOf('log', seed)
    const { size, root, note } = base.head
    // What the log signed last, also when fewer of its entries are left: nobody can put another end to it later.
    const signed = ended.origin === base.origin ? (ended.signed?.note ?? note) : note
    // Only where the roster that is left has the key of it: a key that came later cannot be checked from here.
    const newest = openNote(base.origin, base.logKey, signed) === null ? note : signed
    const opened = encodeNodeOpened({
      incarnation: splitOrigin(origin).incarnation,
      instance: this.#tools.random(16),
      previous: { origin: base.origin, size, root, note: newest },
      logKey,
      rosterVersion: rosterAt(base.directory, size)?.roster.version ?? 1,
    })
    return [
      { type: 'node.opened', fields: opened, signers: [signerOf('governance', governance), log] },
      ...survivors.flatMap(lostEntries).map((fields): PlainEntry => ({ type: 'incident', fields, signers: [log] })),
    ]
  }
}

interface NextIncarnation {
  readonly origin: string
  readonly logKey: Uint8Array
  /** The newest log of which entries are left. */
  readonly base: LogReplica
  /** The log that this one follows. */
  readonly ended: Survivor
  readonly survivors: readonly Survivor[]
  readonly seed: Uint8Array
  readonly governance: Uint8Array
}

/** What an incident says of the entries that a log signed and that are not here. */
function lostEntries({ origin, log, signed }: Survivor) {
  const held = log?.head.size ?? 0
  if (signed === null || signed.size <= held) return []
  return [encodeIncident(entriesLost({ origin, ranges: [[held, signed.size]] }))]
}
