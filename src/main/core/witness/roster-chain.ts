/**
 * The rosters that a witness knows, from the first one on, and the later incarnations that follow from them: whose heads
 * it takes, and whom it talks with.
 *
 * @remarks
 * A witness has no log to record them in. They are kept as they came and checked again from the network id at every start.
 * Proven by `tests/main/core/witness/witness-memory.test.ts`.
 *
 * @packageDocumentation
 */
import { type LogKey, openCheckpoint } from '../../../ledger/checkpoint.ts'
import { encodeCbor } from '../../../ledger/cbor.ts'
import type { AllSuspects } from '../../../ledger/convict.ts'
import { encodeRosterFields } from '../../../ledger/fields.ts'
import type { SignedRoster } from '../../../ledger/governance.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { keysFrom, keysOfLog } from '../../../ledger/log-keys.ts'
import { type CheckedRoster, checkNextRoster } from '../../../ledger/next-roster.ts'
import { decodeRoster, mirrorNameOf, type Roster, type RosterWitness } from '../../../ledger/roster.ts'
import type { WitnessedHead } from '../../../ledger/witness.ts'
import { orNull } from '../../../sync/attempt.ts'
import { equalBytes } from '../../../shared/bytes.ts'
import { assert } from '../../../shared/errors.ts'
import { verifier } from '../../keystore/sodium.ts'
import type { WitnessRosterRow } from '../../store/witness-database.ts'
import { rosterIn } from '../governed-fields.ts'
import { type OpeningKeeper, Openings } from '../vault/openings.ts'

/** See the module's comment. */
export class RosterChain {
  readonly #network: Uint8Array
  readonly #checked: CheckedRoster[] = []
  readonly #fields: Uint8Array[] = []
  readonly #openings: Openings

  /**
   * @param network - Network id, 32 bytes, trusted.
   * @param fields - Of roster entries, versions 1, 2 and so on. Untrusted.
   * @param keeper - Keeps what opened later incarnations, before a head of theirs is taken.
   * @throws {@link LedgerError} when they are no chain from the network id.
   */
  constructor(network: Uint8Array, fields: readonly Uint8Array[], keeper: OpeningKeeper) {
    this.#network = network
    for (const one of fields) this.#append(rosterIn(one))
    const roster = (version: number) => this.#checked[version - 1]?.roster ?? null
    this.#openings = new Openings({ network, verifier, roster }, keeper)
  }

  /** The roster in force. */
  get roster(): Roster {
    const newest = this.#checked.at(-1)
    assert(newest !== undefined, 'a witness knows the first roster')
    return newest.roster
  }

  /**
   * Takes rosters that follow. What is known already, or follows nothing known, is left out.
   *
   * @param fields - Untrusted.
   * @returns What is new, to be stored.
   * @throws {@link LedgerError} for the next version without the approvals that it needs.
   */
  take(fields: readonly Uint8Array[]): WitnessRosterRow[] {
    return fields.flatMap((one) => {
      const signed = rosterIn(one)
      return this.#isNext(signed) ? [this.#append(signed)] : []
    })
  }

  /**
   * Takes the entry that opened a later incarnation.
   *
   * @param bytes - Untrusted.
   * @returns Its origin when anything about it is new, else null.
   * @throws {@link LedgerError} when it opens nothing; StoreError when it could not be kept.
   */
  takeOpening(bytes: Uint8Array): string | null {
    return this.#openings.add(bytes)
  }

  /** Looks again at openings that waited for a roster. */
  openWaiting(): void {
    for (const bytes of this.#openings.takeWaiting()) orNull(() => this.#openings.add(bytes))
  }

  /** True when two different entries open an incarnation: nobody can say which of them its site meant. */
  isOpenedTwice(origin: string): boolean {
    return this.#openings.isTwice(origin)
  }

  /** Later incarnations that are known. */
  get opened(): readonly string[] {
    return this.#openings.origins
  }

  /** Fields of the rosters after `version`, oldest first. */
  after(version: number): readonly Uint8Array[] {
    return this.#fields.slice(version)
  }

  /**
   * The keys of a log, see {@link keysOfLog}; none for a log that nobody listed or opened.
   *
   * @param after - The newest head that is known: what comes after it is signed by the key that signed it, or a later one.
   */
  logKeys(origin: string, after: WitnessedHead | null = null): LogKey[] {
    const rosters = this.#checked.map(({ roster }) => roster)
    const keys = keysOfLog(rosters, origin, this.#openings.of(origin))
    const named = (publicKey: Uint8Array): LogKey => ({ name: origin, publicKey })
    const present = after === null ? null : keys.findLast((key) => isSignedBy(after.note, named(key)))
    return keysFrom(keys, present ?? null).map(named)
  }

  /** Whose signatures are looked for on contradicting heads: the log's, and those of every mirror there was. */
  suspects(origin: string): AllSuspects | null {
    const logKeys = this.logKeys(origin)
    if (logKeys.length === 0) return null
    const sites = this.#checked.flatMap(({ roster }) => roster.sites)
    const all = sites.map(({ id, mirrorKey }) => ({ name: mirrorNameOf(id), publicKey: mirrorKey }))
    const isLast = (key: Uint8Array, i: number) => !all.slice(i + 1).some((later) => equalBytes(later.publicKey, key))
    return { logKeys, cosigners: all.filter(({ publicKey }, i) => isLast(publicKey, i)) }
  }

  /** How a witness is listed now; null when it is not any more. */
  witness(name: string): RosterWitness | null {
    return this.roster.sites.flatMap((site) => site.witnesses).find((one) => one.name === name) ?? null
  }

  /** Size that a roster says a log ends at; `Infinity` for all others. */
  frozenAt(origin: string): number {
    return this.roster.frozen.find((head) => head.origin === origin)?.size ?? Infinity
  }

  #isNext({ document }: SignedRoster): boolean {
    return decodeRoster(document).version === this.#checked.length + 1
  }

  #append(signed: SignedRoster): WitnessRosterRow {
    const checked = checkNextRoster(verifier, this.#network, this.#checked.at(-1) ?? null, signed)
    const fields = encodeCbor(encodeRosterFields(signed))
    this.#checked.push(checked)
    this.#fields.push(fields)
    return { version: checked.roster.version, fields }
  }
}

function isSignedBy(note: string, key: LogKey): boolean {
  try {
    openCheckpoint(note, key, verifier)
    return true
  } catch (error) {
    if (error instanceof LedgerError) return false
    throw error
  }
}
