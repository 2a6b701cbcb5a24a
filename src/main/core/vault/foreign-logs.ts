/**
 * What other nodes share: their logs as far as they are mirrored here, read for display.
 *
 * @remarks
 * The same steps as for records of the own site, in the log of the other: its people, its devices, its contract, its
 * consents. Keys are those that a consent handed over. Logs of other nodes of the own site are read the same way, with the
 * own keys. Proven by `tests/main/core/network/two-clinics.test.ts` and `tests/main/core/network/sister-charts.test.ts`.
 *
 * @packageDocumentation
 */
import type { EntryRef } from '../../../ledger/erasure.ts'
import type { ErasureLeaf } from '../../../ledger/erasure-confirmation.ts'
import { splitOrigin } from '../../../ledger/names.ts'
import type { ConsentStanding } from '../../../shared/api/consent-schemas.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import type { RecordReplica, RecordSources } from '../verify-record.ts'
import { ACCESS_TYPES } from './chains.ts'
import type { Clinic } from './clinic.ts'
import type { ConsentStandings } from './consent-standing.ts'
import { placeOf } from './erased-records.ts'
import { wholeErasureOf } from './erasure-entries.ts'
import { ForeignConsents, NONE } from './foreign-consents.ts'
import { ForeignErasures } from './foreign-erasures.ts'
import { ForeignKeys } from './foreign-keys.ts'
import { type ForeignLog, newestOf, type SiteContact } from './foreign-log.ts'
import { ForeignReader } from './foreign-reader.ts'
import type {
  Confirmation,
  ErasedTold,
  ForeignAccess,
  ForeignClaim,
  ForeignPart,
  ForeignPatient,
  ForeignShares,
  Workstation,
} from './foreign-shares.ts'
import { type LogReplica, unlessDamaged } from './log-replica.ts'
import type { NetworkLogs } from './network-logs.ts'
import { isRegisteredHere } from './patient-logs.ts'
import type { Sharing } from './subject-keys.ts'

export type { SiteContact } from './foreign-log.ts'

/** Charts that are told of what is new in them at most; the oldest are forgotten. */
const MAX_CHARTED = 32

/** See the module's comment. */
export class ForeignLogs implements ForeignShares {
  readonly #clinic: Clinic
  readonly #logs: NetworkLogs
  readonly #contact: (origin: string) => SiteContact
  readonly #keys: ForeignKeys
  readonly #consents: ForeignConsents
  readonly #reader: ForeignReader
  readonly #erasures: ForeignErasures
  /** What there was of the patients whose charts were shown, by handle. */
  readonly #charted = new Map<string, string>()

  /**
   * @param contact - How fresh the word of the node is that writes a log.
   */
  constructor(clinic: Clinic, logs: NetworkLogs, contact: (origin: string) => SiteContact) {
    this.#clinic = clinic
    this.#logs = logs
    this.#contact = contact
    this.#keys = new ForeignKeys(clinic, logs)
    this.#consents = new ForeignConsents(clinic, this.#keys, contact)
    this.#reader = new ForeignReader({ clinic, logs, keys: this.#keys, consents: this.#consents })
    this.#erasures = new ForeignErasures(clinic, this.#reader.open)
  }

  refresh(): void {
    this.#reader.refresh()
  }

  patients(): ForeignPatient[] {
    this.#reader.refresh()
    return [...this.#reader.open.values()].flatMap((foreign) =>
      [...foreign.registered]
        .filter((handle) => this.#keys.has(foreign.name, fromHex(handle)))
        .map((handle) => this.#patientOf(foreign, handle)),
    )
  }

  registeredAt(log: string): number | null {
    this.#reader.refresh()
    const foreign = this.#reader.open.get(log)
    if (foreign === undefined || foreign.standings === null) return null
    const { replica } = foreign.sources
    return [...foreign.registered].filter((handle) => wholeErasureOf(replica, handle) === null).length
  }

  patient(handle: string): ForeignPatient | null {
    this.#reader.refresh()
    const foreign = this.#of(handle)
    return foreign === null ? null : this.#patientOf(foreign, handle)
  }

  eraseTold(isSaid: (erasure: ErasureLeaf) => boolean): ErasedTold {
    this.#reader.refresh()
    return this.#erasures.eraseTold(isSaid)
  }

  isErased(place: EntryRef): boolean {
    return this.#erasures.isErased(place)
  }

  confirmations(erasure: EntryRef): Confirmation[] {
    this.#reader.refresh()
    return [...this.#reader.open.values()].flatMap(({ name: log, confirmed }) => {
      const atMs = confirmed.get(placeOf(erasure))
      return atMs === undefined ? [] : [{ log, atMs }]
    })
  }

  holdsId(id: Uint8Array): boolean {
    this.#reader.refresh()
    const name = toHex(id)
    // Another site's log could say any id.
    const sisters = [...this.#reader.open.values()].filter(({ standings }) => standings !== null)
    return sisters.some(({ chains }) => chains.placeOfId(name) !== null)
  }

  isEnded(publicKey: Uint8Array): boolean {
    const key = toHex(publicKey)
    return this.#sisters().some(({ directory }) => (directory.bindings.get(key)?.until ?? Infinity) !== Infinity)
  }

  /** Logs of the other nodes of the own site, as far as they were judged. */
  #sisters() {
    return [...this.#logs.mirrored].filter(({ log }) => this.#reader.isSister(log))
  }

  accesses(): ForeignAccess[] {
    this.#reader.refresh()
    return [...this.#reader.open.values()].flatMap(({ chains, site, sources, standings }) =>
      chains.accesses.map((place) => ({ place, site, isOwnSite: standings !== null, sources })),
    )
  }

  logsOf(site: string): RecordReplica[] {
    return this.#reader.logsOf(site)
  }

  /** The log of another node as it is read for display; null when it is not here. */
  log(origin: string): LogReplica | null {
    this.#reader.refresh()
    return this.#reader.open.get(splitOrigin(origin).log)?.logs.find((log) => log.origin === origin) ?? null
  }

  /** A chart was shown: from now on {@link outdated} tells when there is more for it. */
  charted(handle: string): void {
    this.#charted.delete(handle)
    this.#charted.set(handle, this.#stampOf(handle))
    const [oldest] = this.#charted.keys()
    if (this.#charted.size > MAX_CHARTED && oldest !== undefined) this.#charted.delete(oldest)
  }

  /** Patients of whom something came, or was decided, since their chart was shown. Each is told once. */
  outdated(): string[] {
    if (this.#charted.size === 0) return []
    this.#reader.refresh()
    const changed = [...this.#charted].filter(([handle, stamp]) => this.#stampOf(handle) !== stamp)
    for (const [handle] of changed) this.#charted.set(handle, this.#stampOf(handle))
    return changed.map(([handle]) => handle)
  }

  /**
   * What a chart is made of. Who looked is no part of it: two sites that look at each other's patients would call each other
   * for ever.
   */
  #stampOf(handle: string): string {
    const { store } = this.#clinic
    const parts = [this.#of(handle), ...this.parts(handle).map(({ log }) => this.#reader.open.get(log))]
    return parts
      .map((foreign) => {
        const links = foreign?.chains.of(handle).links.filter(({ type }) => !ACCESS_TYPES.has(type)) ?? []
        const present = links.map(({ log, index }) => {
          return `${index}${unlessDamaged(() => store.payload(log.origin, index)) === null ? '-' : '+'}`
        })
        const keys = foreign === null || foreign === undefined ? [] : this.#keys.rows(foreign.name, fromHex(handle))
        return `${foreign?.name ?? ''} ${present.join()} ${keys.length}`
      })
      .join('|')
  }

  async standing(handle: string): Promise<ConsentStanding> {
    const foreign = this.#of(handle)
    return foreign === null ? NONE : this.#consents.standing(foreign, handle)
  }

  #patientOf(foreign: ForeignLog, handle: string): ForeignPatient {
    const { site, sources, name, standings } = foreign
    const { head } = newestOf(foreign)
    const workstation = standings === null ? null : { log: name, heardMs: this.#contact(head.origin).heardMs }
    return { handle, site, sources, head, workstation }
  }

  /** The log that a patient is registered in: any other may name them as well. */
  #of(handle: string): ForeignLog | null {
    for (const foreign of this.#reader.open.values()) if (foreign.registered.has(handle)) return foreign
    return null
  }

  claims(): ForeignClaim[] {
    this.#reader.refresh()
    return [...this.#reader.open.values()].flatMap(({ claimed }) =>
      claimed.flatMap(({ origin, index, handle }) => {
        const owner = this.#ownerOf(handle)
        return owner === null ? [] : [{ origin, index, owner }]
      }),
    )
  }

  parts(handle: string): ForeignPart[] {
    this.#reader.refresh()
    const owner = this.#decidingOf(handle)
    if (owner === null) return []
    const erased = (subject: string) => wholeErasureOf(owner.sources.replica, subject)
    return [...this.#reader.open.values()].flatMap((foreign) => {
      const { name: log, site, chains, sources } = foreign
      const { links, gone } = chains.of(handle)
      // One that claims to have registered them says nothing about them that counts.
      const isPart =
        log !== owner.log && site === owner.site && !links.some(({ type }) => type === 'patient.registered')
      // What is damaged may be about them: a value, or the word that one of another log is wrong.
      const isSilent = links.length + gone.length === 0 && chains.unattributedDamage().length === 0
      if (!isPart || isSilent) return []
      return [{ log, sources: { ...sources, gate: owner.sources.gate, erased }, head: newestOf(foreign).head }]
    })
  }

  workstations(): Workstation[] {
    this.#reader.refresh()
    const { site, log: own } = this.#clinic.identity
    const nodes = this.#logs.roster.sites.find(({ id }) => id === site)?.nodes ?? []
    return nodes.flatMap(({ log }) => {
      if (log === own) return []
      const foreign = this.#reader.open.get(log)
      const heardMs = foreign === undefined ? 0 : this.#contact(newestOf(foreign).head.origin).heardMs
      return [{ log, heardMs }]
    })
  }

  isOpen(handle: string): boolean {
    return this.#of(handle)?.standings?.isOpen(handle) === true
  }

  measured(): { readonly log: string; readonly handle: string }[] {
    this.#reader.refresh()
    const isOwn = (handle: string) => isRegisteredHere(this.#clinic, handle)
    return [...this.#reader.open.values()].flatMap(({ name: log, standings, measured }) =>
      standings === null ? [] : [...measured].filter(isOwn).map((handle) => ({ log, handle })),
    )
  }

  decisions(handle: string): number | null {
    return this.#standingsOf(handle)?.links(handle).length ?? null
  }

  async sharing(handle: string, log = this.#clinic.identity.log): Promise<Sharing | null> {
    this.#reader.refresh()
    const { replica, identity } = this.#clinic
    const chains = log === identity.log ? replica : this.#reader.open.get(log)?.chains
    const isOfOwner = log === identity.log ? isRegisteredHere(this.#clinic, handle) : this.#of(handle)?.name === log
    const standings = isOfOwner || chains === undefined ? null : this.#standingsOf(handle)
    return standings === null ? null : standings.sharingElsewhere(handle, chains?.epochStarts(handle) ?? new Map())
  }

  /** What a patient of the own site decided, wherever they are registered; null for anybody else. */
  #standingsOf(handle: string): ConsentStandings | null {
    if (isRegisteredHere(this.#clinic, handle)) return this.#clinic.gate
    return this.#of(handle)?.standings ?? null
  }

  /** The log whose patient it is, and what decides about their records. */
  #decidingOf(handle: string): { log: string; site: string; sources: Pick<RecordSources, 'replica' | 'gate'> } | null {
    const { replica, identity, gate } = this.#clinic
    if (isRegisteredHere(this.#clinic, handle)) return { ...identity, sources: { replica, gate } }
    const foreign = this.#of(handle)
    return foreign === null ? null : { log: foreign.name, site: foreign.site, sources: foreign.sources }
  }

  /** Origin of the log that registered a patient; null when none that is here did. */
  #ownerOf(handle: string): string | null {
    const own = this.#clinic.replica.chain(handle).links.find(({ type }) => type === 'patient.registered')
    const theirs = this.#of(handle)
    const registered = theirs?.chains.of(handle).links.find(({ type }) => type === 'patient.registered')
    return own?.log.origin ?? registered?.log.origin ?? null
  }
}
