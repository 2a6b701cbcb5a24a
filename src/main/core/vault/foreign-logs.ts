/**
 * What other nodes share: their logs as far as they are mirrored here, read for display.
 *
 * @remarks
 * The same steps as for records of the own site, in the log of the other: its people, its devices, its contract, its
 * consents. Keys are those that a consent handed over. A consent of another site counts while that site's word is fresh:
 * a revocation may have been recorded there that has not arrived. Logs of other nodes of the own site are read the same way,
 * with the own keys, and consents there count as in the own log. Proven by `tests/main/core/network/two-clinics.test.ts`
 * and `tests/main/core/network/sister-charts.test.ts`.
 *
 * @packageDocumentation
 */
import { type Directory, nextIncarnation } from '../../../ledger/directory.ts'
import type { EntryRef } from '../../../ledger/erasure.ts'
import { type ErasureLeaf, readErasureConfirmed } from '../../../ledger/erasure-confirmation.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { MAX_CLOCK_AHEAD_S } from '../../../ledger/finality.ts'
import { splitOrigin } from '../../../ledger/names.ts'
import { parseNote } from '../../../ledger/note.ts'
import { isOwnHandle } from '../../../ledger/patient-handle.ts'
import { consentsAt } from '../../../ledger/patient-state.ts'
import { decodeConsentFields } from '../../../ledger/people-fields.ts'
import type { ConsentTerms } from '../../../shared/api/consent-schemas.ts'
import { DATA_CLASSES, type ConsentStanding } from '../../../shared/api/consent-schemas.ts'
import { instantText } from '../../../clinical/instant.ts'
import { equalBytes, fromHex, toHex } from '../../../shared/bytes.ts'
import { assert } from '../../../shared/errors.ts'
import { orNull } from '../../../sync/attempt.ts'
import type { StoredEpochKey } from '../../store/store.ts'
import { type ClassKeys, EpochClassKeys, heldClassKeys, openClassKeys } from '../class-keys.ts'
import { EnvelopeError } from '../envelope.ts'
import { openEpochKey, type SharingKeyPair } from '../epoch-keys.ts'
import { nodeHasher } from '../hasher.ts'
import { verifyRecord, type RecordSources, type SubjectGate } from '../verify-record.ts'
import { ACCESS_TYPES, Chains, type Link } from './chains.ts'
import { offsetMinAt, type Clinic } from './clinic.ts'
import { ConsentStandings, covers, dayOf, readConsent } from './consent-standing.ts'
import { erasedOf, placeOf } from './erased-records.ts'
import type {
  Confirmation,
  ErasedTold,
  ForeignAccess,
  ForeignClaim,
  ForeignPatient,
  ForeignShares,
} from './foreign-shares.ts'
import { keyRow, mayBeOf, UNPLACED } from './key-rows.ts'
import { LogReplica, unlessDamaged, type Head, type TakenEntry } from './log-replica.ts'
import type { NetworkLogs } from './network-logs.ts'
import { FOREIGN_FROM } from './subject-keys.ts'

/** Longest log that is read for display: what is known of each entry is kept in memory. */
const MAX_ENTRIES = 200_000
const MINUTE_MS = 60_000
/** Charts that are told of what is new in them at most; the oldest are forgotten. */
const MAX_CHARTED = 32

/** How fresh the word of another site's node is. */
export interface SiteContact {
  /** A node of the site is connected now. */
  readonly isConnected: boolean
  /** When all that it recorded was known here, or somebody cosigned what is; by our clock, ms since 1970. */
  readonly heardMs: number
}

/** What is shared by one log of another node, with its earlier incarnations. */
interface ForeignLog {
  /** Of the log, without incarnation. */
  readonly name: string
  /** Incarnations, oldest first: one at least. */
  readonly logs: LogReplica[]
  readonly chains: Chains
  /** Patients that the log registers under handles of its own, lower-case hex. */
  readonly registered: Set<string>
  /** Registrations under handles that are not its own: by whom they were registered first may be seen later. */
  readonly claimed: Claimed[]
  readonly site: string
  readonly sources: RecordSources
  /** When the log confirmed erasures of this node, by their place; ms since 1970 by its clock. */
  readonly confirmed: Map<string, number>
  /** What patients decided, where the log is of the own site; null for another's. */
  readonly standings: ConsentStandings | null
}

/** A registration under a handle that is bound to another log. */
interface Claimed {
  /** Where it stands. */
  readonly origin: string
  readonly index: number
  readonly handle: string
}

/** What a log erased of one patient. */
interface Told {
  readonly handle: string
  /** Records that may be held here. */
  readonly places: readonly EntryRef[]
  readonly keys: { readonly subject: Uint8Array; readonly epochs: readonly number[]; readonly logs: readonly string[] }
  /** The entries that say so. */
  readonly erasures: readonly ErasureLeaf[]
  /** Nothing of the log is damaged here: there may be no record of the patient that is not known. */
  readonly isWhole: boolean
}

/** Of one log: more of them say nothing more about it. */
const MAX_CLAIMED = 256

/** See the module's comment. */
export class ForeignLogs implements ForeignShares {
  readonly #clinic: Clinic
  readonly #logs: NetworkLogs
  readonly #pair: SharingKeyPair
  readonly #contact: (origin: string) => SiteContact
  /** By the name of the log. */
  readonly #open = new Map<string, ForeignLog>()
  /** What there was of the patients whose charts were shown, by handle. */
  readonly #charted = new Map<string, string>()
  /** What was deleted and may still stand in a file. */
  #marks: Uint8Array[] = []

  /**
   * @param pair - The own site's sharing key.
   * @param contact - How fresh the word of the node is that writes a log.
   */
  constructor(clinic: Clinic, logs: NetworkLogs, pair: SharingKeyPair, contact: (origin: string) => SiteContact) {
    this.#clinic = clinic
    this.#logs = logs
    this.#pair = pair
    this.#contact = contact
  }

  patients(): ForeignPatient[] {
    this.#refresh()
    return [...this.#open.values()].flatMap((foreign) =>
      [...foreign.registered]
        .filter((handle) => this.#hasKeys(foreign, handle))
        .map((handle) => this.#patientOf(foreign, handle)),
    )
  }

  patient(handle: string): ForeignPatient | null {
    this.#refresh()
    const foreign = this.#of(handle)
    return foreign === null ? null : this.#patientOf(foreign, handle)
  }

  eraseTold(isSaid: (erasure: ErasureLeaf) => boolean): ErasedTold {
    this.#refresh()
    const { store } = this.#clinic
    const changed: string[] = []
    const unsaid: Told[] = []
    for (const told of this.#told()) {
      const isNew = told.erasures.some((erasure) => !isSaid(erasure))
      const isGone = this.#isLeft(told) !== true
      // Confirmed is only what was also deleted from quarantine, in which nobody looks.
      if (isGone && !isNew) continue
      const { handle, places, keys } = told
      this.#marks.push(...store.eraseRecords({ records: places, keys }).marks)
      if (!isGone) changed.push(handle)
      if (isNew) unsaid.push(told)
    }
    // Also without marks: a crash may have come between the deletion and this.
    const isComplete = (this.#marks.length === 0 && unsaid.length === 0) || store.forgetErased(this.#marks)
    if (!isComplete) return { changed, isComplete, gone: [] }
    this.#marks = []
    // What cannot be read is not known to be gone.
    const gone = unsaid.filter((told) => told.isWhole && this.#isLeft(told) === false)
    return { changed, isComplete, gone: gone.flatMap(({ erasures }) => erasures) }
  }

  confirmations(erasure: EntryRef): Confirmation[] {
    this.#refresh()
    return [...this.#open.values()].flatMap(({ name: log, confirmed }) => {
      const atMs = confirmed.get(placeOf(erasure))
      return atMs === undefined ? [] : [{ log, atMs }]
    })
  }

  /** What the logs of others erase of the patients that they registered. */
  *#told(): Generator<Told> {
    const { store } = this.#clinic
    for (const foreign of this.#open.values()) {
      for (const handle of foreign.chains.subjectsWith('record.erased')) {
        // Of a patient whom another log registered, a log may erase nothing. Neither what this site wrote about theirs.
        if (this.#of(handle) !== foreign) continue
        const { name, logs, chains } = foreign
        const replica = { chain: (of: string) => chains.of(of) }
        const { subject, places, epochs: named, erasures } = erasedOf({ replica, store }, handle, FOREIGN_FROM - 1)
        // What this site wrote itself has later epochs: whatever the log says of those, it does not speak for them.
        const epochs = named.filter((epoch) => epoch < FOREIGN_FROM)
        yield {
          ...{ handle, places, keys: { subject, epochs, logs: [name, UNPLACED] } },
          erasures: erasures.flatMap(({ by }) => leafOf(logs, by)),
          isWhole: logs.every(({ damaged }) => damaged.size === 0),
        }
      }
    }
  }

  /** Whether anything that was erased is held; null where that cannot be read. */
  #isLeft({ places, keys: { subject, epochs, logs } }: Told): boolean | null {
    const { store } = this.#clinic
    const isErased = ({ epoch, log }: StoredEpochKey) => epochs.includes(epoch) && logs.includes(log)
    return unlessDamaged(
      () =>
        store.epochKeys(subject).some(isErased) ||
        places.some(({ origin, index }) => store.payload(origin, index) !== null),
    )
  }

  isEnded(publicKey: Uint8Array): boolean {
    const key = toHex(publicKey)
    return this.#sisters().some(({ directory }) => (directory.bindings.get(key)?.until ?? Infinity) !== Infinity)
  }

  /** Logs of the other nodes of the own site, as far as they were judged. */
  #sisters() {
    return [...this.#logs.mirrored].filter(({ log }) => this.#isSister(log))
  }

  accesses(): ForeignAccess[] {
    this.#refresh()
    return [...this.#open.values()].flatMap(({ chains, site, sources, standings }) =>
      chains.accesses.map((place) => ({ place, site, isOwnSite: standings !== null, sources })),
    )
  }

  /** The log of another node as it is read for display; null when it is not here. */
  log(origin: string): LogReplica | null {
    this.#refresh()
    return this.#open.get(splitOrigin(origin).log)?.logs.find((log) => log.origin === origin) ?? null
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
    this.#refresh()
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
    const foreign = this.#of(handle)
    const links = foreign?.chains.of(handle).links.filter(({ type }) => !ACCESS_TYPES.has(type)) ?? []
    const present = links.map(({ log, index }) => {
      return `${index}${unlessDamaged(() => store.payload(log.origin, index)) === null ? '-' : '+'}`
    })
    return `${present.join()} ${foreign === null ? 0 : this.#rows(foreign, fromHex(handle)).length}`
  }

  async standing(handle: string): Promise<ConsentStanding> {
    const foreign = this.#of(handle)
    const none: ConsentStanding = {
      ...{ state: 'refused', classes: [], until: null, asksSignature: false, emergencyUntil: null },
    }
    if (foreign === null) return none
    if (foreign.standings !== null) {
      await foreign.standings.remember(handle)
      return foreign.standings.standing(handle)
    }
    const endsMs = this.#clinic.glass.of(this.#clinic.viewer?.handle ?? null, handle)?.untilMs ?? null
    const emergencyUntil = endsMs === null ? null : instantText(endsMs, offsetMinAt(endsMs))
    const terms = await this.#terms(foreign, handle)
    const { site } = this.#clinic.identity
    const today = dayOf(this.#clinic.gate.dayMs())
    const fresh = terms.filter((each) => this.#isFresh(newestOf(foreign).origin, each))
    if (terms.length > 0 && fresh.length === 0) return { ...none, state: 'unknown', emergencyUntil }
    const classes = DATA_CLASSES.filter((one) => fresh.some((each) => covers(each, site, one, today)))
    const until =
      fresh
        .map((each) => each.until)
        .sort()
        .at(-1) ?? null
    const state = classes.length === 0 ? 'refused' : classes.length < DATA_CLASSES.length ? 'partly' : 'covers'
    return { ...none, state, classes, until, emergencyUntil }
  }

  #patientOf(foreign: ForeignLog, handle: string): ForeignPatient {
    const { site, sources, name, standings } = foreign
    const { head } = newestOf(foreign)
    const workstation = standings === null ? null : { log: name, heardMs: this.#contact(head.origin).heardMs }
    return { handle, site, sources, head, workstation }
  }

  /** The log that a patient is registered in: any other may name them as well. */
  #of(handle: string): ForeignLog | null {
    for (const foreign of this.#open.values()) if (foreign.registered.has(handle)) return foreign
    return null
  }

  claims(): ForeignClaim[] {
    this.#refresh()
    return [...this.#open.values()].flatMap(({ claimed }) =>
      claimed.flatMap(({ origin, index, handle }) => {
        const owner = this.#ownerOf(handle)
        return owner === null ? [] : [{ origin, index, owner }]
      }),
    )
  }

  /** Origin of the log that registered a patient; null when none that is here did. */
  #ownerOf(handle: string): string | null {
    const own = this.#clinic.replica.chain(handle).links.find(({ type }) => type === 'patient.registered')
    const theirs = this.#of(handle)
    const registered = theirs?.chains.of(handle).links.find(({ type }) => type === 'patient.registered')
    return own?.log.origin ?? registered?.log.origin ?? null
  }

  /** Reads what came since: logs that are mirrored further than they were read. */
  #refresh(): void {
    for (const name of new Set([...this.#logs.mirrored].map(({ log }) => log))) {
      const heads = this.#headsOf(name)
      if (heads.length === 0) continue
      if (!this.#isSister(name) && heads.reduce((sum, { size }) => sum + size, 0) > MAX_ENTRIES) {
        // What was read of it grows old: a consent in it may have been taken back since.
        this.#open.delete(name)
        continue
      }
      try {
        this.#follow(name, heads)
      } catch (error) {
        // Damage here is fetched again; until then nothing of the log is shown.
        if (!(error instanceof LedgerError)) throw error
        this.#open.delete(name)
      }
    }
  }

  /** Of a node of the own site: its patients are this clinic's, and are read like those of the own log, however many. */
  #isSister(name: string): boolean {
    return this.#logs.siteOf(name)?.id === this.#clinic.identity.site
  }

  /** What was judged of each incarnation of a log, oldest first, up to the first of which nothing was. */
  #headsOf(name: string): Head[] {
    const heads: Head[] = []
    for (const { state, isEmpty } of this.#logs.incarnations(name)) {
      if (state.mirrored === null || isEmpty) break
      heads.push({ ...state.mirrored, text: parseNote(state.mirrored.note).text })
    }
    return heads
  }

  /** Reads on. Entries are taken in by age: when an earlier incarnation grew, or came back, all are read again. */
  #follow(name: string, heads: readonly Head[]): void {
    const known = this.#open.get(name)
    const isSame = known?.logs.slice(0, -1).every(({ head }, i) => head.size === heads[i]?.size) === true
    const newest = known === undefined ? undefined : heads[known.logs.length - 1]
    if (known === undefined || newest === undefined || !isSame) {
      this.#read(name, heads)
      return
    }
    if (newest.size !== newestOf(known).head.size && heads.length > known.logs.length) this.#read(name, heads)
    else {
      if (newest.size !== newestOf(known).head.size) this.#readOn(known, newest)
      this.#readAll(known, heads.slice(known.logs.length))
    }
  }

  #read(name: string, heads: readonly Head[]): void {
    const { store } = this.#clinic
    this.#open.delete(name)
    const site = this.#logs.siteOf(name)?.id
    if (site === undefined) return
    const logs: LogReplica[] = []
    const chains = new Chains(store, () => logs)
    const replica = {
      ...{ store, logs },
      identity: {
        get origin() {
          return logs.at(-1)?.origin ?? ''
        },
      },
      chain: (subject: string) => chains.of(subject),
      contract: () => this.#clinic.replica.contract(),
    }
    const foreign: ForeignLog = {
      ...{ name, logs, chains, site, registered: new Set<string>(), claimed: [], confirmed: new Map<string, number>() },
      standings: this.#isSister(name) ? this.#standingsOf(name, replica, chains) : null,
      sources: this.#sources(name, replica, site, (handle) => this.#gate(foreign, handle)),
    }
    this.#readAll(foreign, heads)
    if (logs.length > 0) this.#open.set(name, foreign)
  }

  /**
   * What patients of the own site decided at another of its nodes: as for those of this one. Its word does not age, as
   * that of another clinic does: whoever shows it says when it was heard.
   */
  #standingsOf(name: string, replica: RecordSources['replica'], chains: Chains): ConsentStandings {
    const { keystore, grades, identity, nowMs, glass } = this.#clinic
    const newest = () => replica.logs.at(-1) ?? nothingRead()
    const { site } = identity
    return new ConsentStandings({
      ...{ keystore, grades, site, nowMs },
      keys: { of: (subject, epoch) => this.#keysOf(name, site, subject, epoch) },
      emergencyUntilMs: (handle) => glass.of(this.#clinic.viewer?.handle ?? null, handle)?.untilMs ?? null,
      replica: {
        ...replica,
        get directory() {
          return newest().directory
        },
        get head() {
          return newest().head
        },
        get latestSealMs() {
          return chains.latestSealMs
        },
        newestEpoch: (subject) => [...chains.epochStarts(subject).keys()].at(-1) ?? null,
        epochStarts: (subject) => chains.epochStarts(subject),
        subjectsWith: (type) => chains.subjectsWith(type),
      },
    })
  }

  /** Reads incarnations that were not read yet, up to one that cannot be read now. */
  #readAll(foreign: ForeignLog, heads: readonly Head[]): void {
    for (const head of heads) if (!this.#readNext(foreign, head)) return
  }

  #readNext(foreign: ForeignLog, head: Head): boolean {
    const { logs } = foreign
    const { identity, store } = this.#clinic
    const { origin } = head
    const keys = this.#logs.keysOf(origin)
    const logKey = keys.at(-1)
    const base = this.#baseOf(origin, logs)
    if (logKey === undefined || base === null) return false
    const parts = {
      ...{ store, network: identity.network, origin, logKey, otherKeys: keys.slice(0, -1), copies: new Map() },
      ...{ base, isMirrored: true as const },
    }
    logs.push(
      LogReplica.open(parts, head, (entry, log) => {
        take(foreign, this.#clinic.replica, log, entry)
      }),
    )
    foreign.chains.readHints()
    return true
  }

  /** What is in force before an incarnation, from those before it that were read. */
  #baseOf(origin: string, before: readonly LogReplica[]): Directory | null {
    const opening = this.#clinic.standing.openings.of(origin)
    if (opening === null) return this.#logs.emptyDirectory()
    const previous = before.find((log) => log.origin === opening.previous.origin)
    if (previous === undefined || previous.head.size < opening.previous.size) return null
    return nextIncarnation(previous.directory, opening.previous.size)
  }

  #readOn(foreign: ForeignLog, head: Head): void {
    const { store } = this.#clinic
    const log = newestOf(foreign)
    const from = log.head.size
    const rows = unlessDamaged(() => store.entries(log.origin, from, head.size - from)) ?? []
    if (rows.length !== head.size - from) throw new LedgerError('TILE_DAMAGED', 'entries are missing')
    const tree = this.#logs.mirror(log.origin)?.trusted.tree
    assert(tree !== undefined, 'what is read on is mirrored')
    const entries = rows.map(({ index, bytes }) => ({ index, bytes, leaf: tree.leafAt(index) }))
    log.committed(head, store.newestCheckpoint(log.origin)?.block ?? 0, entries, (entry) => {
      take(foreign, this.#clinic.replica, log, entry)
    })
  }

  #sources(
    name: string,
    replica: RecordSources['replica'],
    site: string,
    gate: (handle: string) => Promise<SubjectGate>,
  ): RecordSources {
    const { grades } = this.#clinic
    const keys = { of: (subject: Uint8Array, epoch: number) => this.#keysOf(name, site, subject, epoch) }
    return { replica, grades, keys, gate: { gate } }
  }

  /** Keys for the records of a log, as far as they are here. */
  #rows({ name }: ForeignLog, subject: Uint8Array): StoredEpochKey[] {
    const rows = unlessDamaged(() => this.#clinic.store.epochKeys(subject)) ?? []
    return rows.filter((row) => mayBeOf(row, name))
  }

  #hasKeys(foreign: ForeignLog, handle: string): boolean {
    return this.#rows(foreign, fromHex(handle)).some(({ recipient }) => equalBytes(recipient, this.#pair.publicKey))
  }

  async #keysOf(log: string, site: string, subject: Uint8Array, epoch: number): Promise<ClassKeys> {
    const sender = this.#logs.roster.sites.find(({ id }) => id === site)?.sharingKey
    const rows = unlessDamaged(() => this.#clinic.store.epochKeys(subject)) ?? []
    const row = keyRow(rows, { epoch, recipient: this.#pair.publicKey, log })
    if (row === undefined || sender === undefined)
      throw new EnvelopeError('KEY_MISSING', `no key of epoch ${epoch} was handed over`)
    const context = { subject, epoch, sender }
    // A node of the own site seals the whole key to the site; another clinic hands over what a consent names.
    if (equalBytes(sender, this.#pair.publicKey))
      return new EpochClassKeys(await openEpochKey(row.sealed, this.#pair, context))
    return heldClassKeys(await openClassKeys(row.sealed, this.#pair, context))
  }

  /** What decides row by row: the consents in the same log that name this site. */
  async #gate(foreign: ForeignLog, handle: string): Promise<SubjectGate> {
    if (foreign.standings !== null) {
      // That there was a decision is not forgotten when its entry is damaged later.
      await foreign.standings.remember(handle)
      return foreign.standings.gate(handle)
    }
    const { glass, viewer, gate, identity } = this.#clinic
    const terms = await this.#terms(foreign, handle)
    const usable = terms.filter((each) => this.#isFresh(newestOf(foreign).origin, each))
    const today = dayOf(gate.dayMs())
    return {
      circumstances: (keyClass, recordedAtMs) => {
        const emergency = glass.of(viewer?.handle ?? null, handle) !== null
        const on = dayOf(recordedAtMs)
        const named = DATA_CLASSES.find((one) => one === keyClass)
        const isCovered = (one: (typeof DATA_CLASSES)[number]) =>
          usable.some((each) => covers(each, identity.site, one, today, on))
        const consent = named === undefined ? DATA_CLASSES.some(isCovered) : isCovered(named)
        return { emergency, consent: keyClass === null || named !== undefined ? consent : false }
      },
    }
  }

  /** Terms of the open consents that this site can read: those that name it. Which are open stands in the clear. */
  async #terms(foreign: ForeignLog, handle: string): Promise<ConsentTerms[]> {
    const { chains, site, sources } = foreign
    const log = newestOf(foreign)
    const terms: ConsentTerms[] = []
    for (const { consentId, version, isOpen } of consentsAt(log.directory.patients, fromHex(handle), log.head.size)) {
      if (!isOpen || this.#isOvertaken(foreign, handle, toHex(consentId))) continue
      const link = chains.of(handle).links.find((one) => isVersion(one, toHex(consentId), version))
      if (link === undefined) continue
      const row = await verifyRecord(
        { ...sources, gate: null },
        {
          ...{ subject: handle, link, view: 'clinical', viewer: null },
          read: (text, entry) => readConsent(text, entry, site),
        },
      )
      if (row.status === 'verified') terms.push(row.record.terms)
    }
    return terms
  }

  /**
   * True when something was decided about a consent in a part of the log that its node lost and went on without: it may have
   * been taken back there, and what a patient took back is not given again by a disk that broke.
   */
  #isOvertaken({ chains }: ForeignLog, handle: string, consentId: string): boolean {
    const { openings } = this.#clinic.standing
    return chains.of(handle).links.some(({ log, index, type }) => {
      const next = type.startsWith('consent.') ? openings.after(log.origin) : null
      if (next === null || index < next.previous.size) return false
      const verified = log.verifiedEntry(index)
      return 'step' in verified || toHex(decodeConsentFields(verified.entry.body.fields).consentId) === consentId
    })
  }

  /**
   * D8: a grant counts while the newest word of the site that owns it is young enough. Where the clock was put back since,
   * nobody knows how old it is.
   */
  #isFresh(origin: string, { freshness }: ConsentTerms): boolean {
    const { isConnected, heardMs } = this.#contact(origin)
    const limitMin = isConnected ? freshness.onlineMin : freshness.offlineMin
    const ageMs = this.#clinic.nowMs() - heardMs
    return ageMs >= -1000 * MAX_CLOCK_AHEAD_S && ageMs <= limitMin * MINUTE_MS
  }
}

/** Takes in a proven entry of another node's log. */
function take(foreign: ForeignLog, own: Clinic['replica'], log: LogReplica, taken: TakenEntry): void {
  const { chains, registered, claimed } = foreign
  chains.take(log, taken)
  takeConfirmed(foreign, own, taken)
  const { type, subject } = taken.entry.body
  if (type !== 'patient.registered' || subject === null) return
  const handle = toHex(subject)
  if (isOwnHandle(nodeHasher, log.log, taken.entry)) registered.add(handle)
  else if (claimed.length < MAX_CLAIMED) claimed.push({ origin: log.origin, index: taken.index, handle })
}

/** Of what a log confirms, that counts which is an entry of this node: there are no more of those than it wrote. */
function takeConfirmed({ confirmed }: ForeignLog, own: Clinic['replica'], { entry }: TakenEntry): void {
  for (const erasure of orNull(() => readErasureConfirmed(entry)) ?? []) {
    const place = placeOf(erasure)
    const log = own.log(erasure.origin)
    if (log === null || erasure.index >= log.head.size || confirmed.has(place)) continue
    const leaf = orNull(() => log.leafAt(erasure.index))
    if (leaf !== null && equalBytes(leaf, erasure.leaf)) confirmed.set(place, entry.body.time)
  }
}

/** The entry with its leaf; none where that cannot be read. */
function leafOf(logs: readonly LogReplica[], { origin, index }: EntryRef): ErasureLeaf[] {
  const leaf = orNull(() => logs.find((log) => log.origin === origin)?.leafAt(index) ?? null)
  return leaf === null ? [] : [{ origin, index, leaf }]
}

/** The newest incarnation that was read. */
function newestOf({ logs }: ForeignLog): LogReplica {
  const newest = logs.at(-1)
  assert(newest !== undefined, 'what is open was read')
  return newest
}

function nothingRead(): never {
  throw new Error('bug: nothing is asked of a log before it was read')
}

function isVersion(link: Link, consentId: string, version: number): boolean {
  if (link.type !== 'consent.granted' && link.type !== 'consent.amended') return false
  const verified = link.log.verifiedEntry(link.index)
  if ('step' in verified) return false
  const fields = decodeConsentFields(verified.entry.body.fields)
  return toHex(fields.consentId) === consentId && fields.version === version
}
