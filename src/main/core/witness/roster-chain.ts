/**
 * The rosters that a witness knows, from the first one on: whose heads it takes, and whom it talks with.
 *
 * @remarks
 * A witness has no log to record them in. They are kept as they came and checked again from the network id at every start.
 * Proven by `tests/main/core/witness/witness-memory.test.ts`.
 *
 * @packageDocumentation
 */
import type { LogKey } from '../../../ledger/checkpoint.ts'
import { encodeCbor } from '../../../ledger/cbor.ts'
import type { AllSuspects } from '../../../ledger/convict.ts'
import { encodeRosterFields } from '../../../ledger/fields.ts'
import type { SignedRoster } from '../../../ledger/governance.ts'
import { splitOrigin } from '../../../ledger/names.ts'
import { type CheckedRoster, checkNextRoster } from '../../../ledger/next-roster.ts'
import { decodeRoster, mirrorNameOf, type Roster, type RosterWitness } from '../../../ledger/roster.ts'
import { equalBytes } from '../../../shared/bytes.ts'
import { assert } from '../../../shared/errors.ts'
import { verifier } from '../../keystore/sodium.ts'
import type { WitnessRosterRow } from '../../store/witness-database.ts'
import { rosterIn } from '../governed-fields.ts'

/** See the module's comment. */
export class RosterChain {
  readonly #network: Uint8Array
  readonly #checked: CheckedRoster[] = []
  readonly #fields: Uint8Array[] = []

  /**
   * @param network - Network id, 32 bytes, trusted.
   * @param fields - Of roster entries, versions 1, 2 and so on. Untrusted.
   * @throws {@link LedgerError} when they are no chain from the network id.
   */
  constructor(network: Uint8Array, fields: readonly Uint8Array[]) {
    this.#network = network
    for (const one of fields) this.#append(rosterIn(one))
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

  /** Fields of the rosters after `version`, oldest first. */
  after(version: number): readonly Uint8Array[] {
    return this.#fields.slice(version)
  }

  /** Every key that a roster ever listed for the log of an origin; none for a log that nobody listed. */
  logKeys(origin: string): LogKey[] {
    const { log } = splitOrigin(origin)
    const nodes = this.#checked.flatMap(({ roster }) => roster.sites.flatMap((site) => site.nodes))
    const keys = nodes.filter((node) => node.log === log).map(({ logKey }) => logKey)
    const distinct = keys.filter((key, i) => !keys.slice(i + 1).some((later) => equalBytes(later, key)))
    return distinct.map((publicKey) => ({ name: origin, publicKey }))
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
