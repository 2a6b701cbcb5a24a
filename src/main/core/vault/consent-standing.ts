/**
 * What patients decided, and what follows from it: which kinds of data this site's people may see, and with which other
 * sites keys are shared.
 *
 * @remarks
 * Worked out from verified consents alone. How many versions of consents each patient has is remembered beside the
 * keystore: when fewer can be proven, one of them is damaged, nobody knows what it said, and nothing is open but by
 * breaking the glass, until it is repaired or the patient decides anew: then nothing from before counts any more. A day counts by the workstation's clock, which is never believed to be before the latest seal.
 * Proven by `tests/main/core/vault/consent-standing.test.ts`.
 *
 * @packageDocumentation
 */
import { consentRecordOf, decodeConsent, type ConsentFacts } from '../../../clinical/consent.ts'
import { termsCover } from '../../../clinical/consent-terms.ts'
import { instantText } from '../../../clinical/instant.ts'
import type { Withdrawal } from '../../../ledger/consent-order.ts'
import { rosterAt } from '../../../ledger/directory.ts'
import type { EntryType } from '../../../ledger/entry-types.ts'
import { asksPatientAt } from '../../../ledger/patient-state.ts'
import { decodeConsentFields } from '../../../ledger/people-fields.ts'
import type { VerifiedEntry } from '../../../ledger/verify-entry.ts'
import {
  DATA_CLASSES,
  type ConsentStanding,
  type ConsentTerms,
  type DataClass,
} from '../../../shared/api/consent-schemas.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import type { KeyClass } from '../class-keys.ts'
import type { Row } from '../vault-service.ts'
import {
  ContentMismatch,
  verifyRecord,
  type RecordReplica,
  type RecordSources,
  type SubjectGate,
} from '../verify-record.ts'
import type { Link } from './chains.ts'
import type { ConsentMarks } from './consent-marks.ts'
import type { Replica } from './replica.ts'
import { erasuresOf } from './erasure-entries.ts'
import { offsetMinAt } from './local-time.ts'
import { FOREIGN_FROM, UNSHARED, type Handover, type Sharing } from './subject-keys.ts'

/** Every version of a consent. */
const CONSENT_TYPES: ReadonlySet<EntryType> = new Set(['consent.granted', 'consent.amended', 'consent.revoked'])

/** One version of a consent, verified, and where it stands. */
export interface ConsentVersion {
  readonly link: Link
  readonly facts: ConsentFacts
  /** Epoch under which the version itself is sealed: what it opens for others begins here. */
  readonly epoch: number
}

/** All versions of a patient's consents, in their order. */
export interface Decisions {
  readonly versions: readonly ConsentVersion[]
  /** False when one cannot be proven or read: nobody knows what holds. */
  readonly isKnown: boolean
}

const UNDECIDED: Decisions = { versions: [], isKnown: true }

/** What of a version decides about keys: also of one that is about to follow. */
export type Version = Pick<ConsentFacts, 'consentId' | 'kind' | 'terms'>

/** The logs that patients' decisions stand in: those of this node, or of another node of the site. */
export type StandingReplica = RecordReplica &
  Pick<Replica, 'directory' | 'head' | 'latestSealMs' | 'newestEpoch' | 'epochStarts' | 'subjectsWith'>

/** What standings are worked out from. */
export interface StandingSources extends Omit<RecordSources, 'gate' | 'replica'> {
  readonly replica: StandingReplica
  readonly marks: ConsentMarks
  /** Id of the own site. */
  readonly site: string
  readonly nowMs: () => number
  /** The emergency of whoever is signed in that is open for a patient: when it ends by the wall clock, or null. */
  readonly emergencyUntilMs: (handle: string) => number | null
}

/** See the module's comment. */
export class ConsentStandings {
  readonly #sources: StandingSources
  readonly #known = new WeakMap<Link, { count: number; erasures: number; decisions: Decisions }>()

  constructor(sources: StandingSources) {
    this.#sources = sources
  }

  /** What is remembered of every patient, whichever log they decided in. */
  get marks(): ConsentMarks {
    return this.#sources.marks
  }

  /** How many versions of a patient's consents count, as far as anybody remembers. */
  #count(handle: string): number {
    return Math.max(this.#counting(handle).length, this.marks.of(handle)?.count ?? 0)
  }

  #linksOf(handle: string): readonly Link[] {
    return this.#sources.replica.chain(handle).links.filter(({ type }) => CONSENT_TYPES.has(type))
  }

  /** Those that count: all, or those since the patient decided anew. */
  #counting(handle: string): readonly Link[] {
    const links = this.#linksOf(handle)
    const since = this.marks.of(handle)?.since
    if (since === undefined) return links
    const first = links.findIndex(({ leaf }) => toHex(leaf) === since)
    return first < 0 ? [] : links.slice(first)
  }

  /** Every version, verified. */
  async decisions(handle: string): Promise<Decisions> {
    const links = this.#counting(handle)
    const erasures = erasuresOf(this.#sources.replica, handle).length
    const newest = links.at(-1)
    const count = this.#count(handle)
    if (newest === undefined) return count === 0 ? UNDECIDED : { versions: [], isKnown: false }
    const known = this.#known.get(newest)
    if (known?.count === count && known.erasures === erasures) return known.decisions
    const decisions = await this.#read(handle, links, count)
    // What could not be read may be repaired.
    if (decisions.isKnown) this.#known.set(newest, { count, erasures, decisions })
    return decisions
  }

  async #read(handle: string, links: readonly Link[], count: number): Promise<Decisions> {
    const versions: ConsentVersion[] = []
    let isKnown = links.length >= count
    for (const link of links) {
      const { row, version } = await this.#version(handle, link)
      if (version !== null) versions.push(version)
      // Of a patient who was erased altogether nothing is left that a consent could be about.
      else if (!(row.status === 'rejected' && row.step === 'erased' && this.#isErasedWhole(handle))) isKnown = false
    }
    return { versions, isKnown: isKnown && isComplete(versions) }
  }

  #isErasedWhole(handle: string): boolean {
    return erasuresOf(this.#sources.replica, handle).some(({ erasure }) => erasure.records === null)
  }

  /** One version as a row for whoever may see it: what everybody at work here has to know to obey it. */
  async row(handle: string, link: Link): Promise<Row<ReturnType<typeof consentRecordOf>>> {
    const { row } = await this.#version(handle, link)
    return row.status === 'verified' ? { ...row, record: consentRecordOf(row.record) } : row
  }

  async #version(handle: string, link: Link): Promise<{ row: Row<ConsentFacts>; version: ConsentVersion | null }> {
    let epoch = 0
    const row = await verifyRecord<ConsentFacts>(
      { ...this.#sources, gate: null },
      {
        ...{ subject: handle, link, view: 'clinical', viewer: null },
        read: (text, entry) => {
          epoch = entry.entry.body.payload?.epoch ?? 0
          return readConsent(text, entry, this.#sources.site)
        },
      },
    )
    return { row, version: row.status === 'verified' ? { link, facts: row.record, epoch } : null }
  }

  /** Links of every version, those included that cannot be read. */
  links(handle: string): readonly Link[] {
    return this.#linksOf(handle)
  }

  /** The moment whose day counts: by our clock, and never before the latest seal. */
  dayMs(): number {
    const { replica, nowMs } = this.#sources
    return Math.max(nowMs(), replica.latestSealMs)
  }

  /** Whether this site's people may see a patient's data, and why. */
  async standing(handle: string): Promise<ConsentStanding> {
    const { site, replica, emergencyUntilMs } = this.#sources
    const decisions = await this.decisions(handle)
    const today = dayOf(this.dayMs())
    const covering = open(decisions).filter(({ facts }) =>
      DATA_CLASSES.some((one) => covers(facts.terms, site, one, today)),
    )
    const classes = DATA_CLASSES.filter((one) => covering.some(({ facts }) => covers(facts.terms, site, one, today)))
    const endsMs = emergencyUntilMs(handle)
    const shared = {
      asksSignature: asksPatientAt(replica.directory.patients, fromHex(handle), replica.head.size),
      emergencyUntil: endsMs === null ? null : instantText(endsMs, offsetMinAt(endsMs)),
    }
    if (!decisions.isKnown) return { state: 'unknown', classes: [], until: null, ...shared }
    if (decisions.versions.length === 0) return { state: 'none', classes: [...DATA_CLASSES], until: null, ...shared }
    const until =
      covering
        .map(({ facts }) => facts.terms.until)
        .sort()
        .at(-1) ?? null
    const state = classes.length === 0 ? 'refused' : classes.length < DATA_CLASSES.length ? 'partly' : 'covers'
    return { state, classes, until, ...shared }
  }

  /** What decides row by row, for whoever is signed in now. */
  async gate(handle: string): Promise<SubjectGate> {
    const { site, emergencyUntilMs } = this.#sources
    const decisions = await this.decisions(handle)
    const today = dayOf(this.dayMs())
    const terms = decisions.isKnown ? open(decisions).map(({ facts }) => facts.terms) : []
    const isDecided = !decisions.isKnown || decisions.versions.length > 0
    return {
      circumstances: (keyClass, recordedAtMs) => {
        const emergency = emergencyUntilMs(handle) !== null
        if (!isDecided) return { emergency, consent: null }
        const recordedOn = dayOf(recordedAtMs)
        const isCovered = (one: DataClass) => terms.some((each) => covers(each, site, one, today, recordedOn))
        const named = DATA_CLASSES.find((one) => one === keyClass)
        if (named !== undefined) return { emergency, consent: isCovered(named) }
        // What stays at the site is of no kind that a patient can name: it takes a consent to all of them.
        const consent = keyClass === null ? DATA_CLASSES.some(isCovered) : DATA_CLASSES.every(isCovered)
        return { emergency, consent }
      },
    }
  }

  /**
   * Whether anything of a patient may be shown for care, by what was worked out last: false where that has not been done.
   * For saying so in the entry that records a look.
   */
  isOpen(handle: string): boolean {
    if (this.#count(handle) === 0) return true
    const newest = this.#counting(handle).at(-1)
    const known = newest === undefined ? undefined : this.#known.get(newest)
    if (known === undefined) return false
    return known.decisions.versions.length === 0 || this.#isCovered(open(known.decisions))
  }

  /** Whether consents let the own site's people see anything today. */
  #isCovered(consents: readonly ConsentVersion[]): boolean {
    const today = dayOf(this.dayMs())
    const { site } = this.#sources
    return consents.some(({ facts }) => DATA_CLASSES.some((one) => covers(facts.terms, site, one, today)))
  }

  /** The times in which nothing let the own site's people see a patient's data, as far as entries say: not by the clock. */
  async withdrawals(handle: string): Promise<Withdrawal[]> {
    const { site } = this.#sources
    const { versions } = await this.decisions(handle)
    const gaps: Withdrawal[] = []
    let isCovered = true
    for (const [i, { link }] of versions.entries()) {
      const standing = open({ versions: versions.slice(0, i + 1), isKnown: true })
      const covered = standing.some(
        ({ facts: { terms } }) => terms.sites.includes(site) && terms.purposes.includes('care'),
      )
      const place = { origin: link.log.origin, index: link.index }
      const last = gaps.at(-1)
      if (isCovered && !covered) gaps.push({ from: place, until: null, knew: [] })
      else if (!isCovered && covered && last !== undefined) gaps[gaps.length - 1] = { ...last, until: place }
      isCovered = covered
    }
    return gaps
  }

  /**
   * With whom a patient's keys are shared, by the consents in force, or by those that `next` would leave in force.
   *
   * @param begins - An epoch begins with `next`.
   */
  async sharing(handle: string, next: Version | null = null, begins = false): Promise<Sharing> {
    if (next === null && this.#count(handle) === 0) return UNSHARED
    const { site, replica } = this.#sources
    const { versions, isKnown } = await this.decisions(handle)
    const today = dayOf(this.dayMs())
    const newest = replica.newestEpoch(handle) ?? 0
    const all: readonly Said[] =
      next === null ? versions : [...versions, { facts: next, epoch: begins ? newest + 1 : newest }]
    const consents = [...Map.groupBy(all, ({ facts }) => facts.consentId).values()]
    const shared = consents.filter((each) => each.some(({ facts }) => isShared(facts.terms, site)))
    const starts = replica.epochStarts(handle)
    // An epoch that no entry names yet begins now.
    const dayIn = (epoch: number) => dayOf(starts.get(epoch) ?? this.dayMs())
    return {
      of: (epoch) => (isKnown ? this.#handovers(shared, { today, epoch, began: dayIn(epoch) }) : []),
      // A version that nobody can read may be the end of one that somebody holds keys for.
      isSpent: (epoch) => !isKnown || shared.some((each) => isSpent(each, today, dayIn(epoch))),
    }
  }

  /**
   * The same for what another log of the site says about a patient of this one. Each of its epochs belongs to one of this
   * log, in which it began: who was shut out of that is shut out of those.
   *
   * @param starts - When the epochs of that log began, by the clock of the first author.
   */
  async sharingElsewhere(handle: string, starts: ReadonlyMap<number, number>): Promise<Sharing> {
    const { site, replica } = this.#sources
    const from = FOREIGN_FROM * (1 + (replica.newestEpoch(handle) ?? 0))
    if (this.#count(handle) === 0) return { ...UNSHARED, isSpent: (epoch) => epoch < from, from }
    const { versions, isKnown } = await this.decisions(handle)
    const today = dayOf(this.dayMs())
    const consents = [...Map.groupBy(versions, ({ facts }) => facts.consentId).values()]
    const shared = consents.filter((each) => each.some(({ facts }) => isShared(facts.terms, site)))
    const dayIn = (epoch: number) => dayOf(starts.get(epoch) ?? this.dayMs())
    return {
      from,
      of: (epoch) => (isKnown ? this.#handovers(shared, { today, epoch: NO_EPOCH, began: dayIn(epoch) }) : []),
      isSpent: (epoch) => epoch < from || !isKnown || shared.some((each) => isSpent(each, today, dayIn(epoch))),
    }
  }

  #handovers(consents: readonly (readonly Said[])[], at: EpochAt): Handover[] {
    const { site, replica } = this.#sources
    const sites = rosterAt(replica.directory, replica.head.size)?.roster.sites ?? []
    return sites.flatMap(({ id, sharingKey }) => {
      if (id === site) return []
      const classes = new Set(consents.flatMap((versions) => classesFor(versions, id, at)))
      return classes.size === 0 ? [] : [{ recipient: sharingKey, classes: [...classes].sort() }]
    })
  }

  /**
   * Remembers how many versions there are, so that none can go unnoticed. To be called after one was recorded.
   *
   * @param isAnew - It was granted while nobody knew what held.
   */
  async remember(handle: string, isAnew = false): Promise<void> {
    const newest = this.#linksOf(handle).at(-1)
    const { count = 0, since } = this.marks.of(handle) ?? {}
    const anew = isAnew && newest !== undefined ? toHex(newest.leaf) : since
    if (anew === since && count >= this.#counting(handle).length) return
    this.#mark(handle, anew)
    await this.marks.keep()
  }

  /** The same for every patient: what was recorded just before a crash, or in an earlier incarnation. */
  async rememberAll(): Promise<void> {
    const late = this.#sources.replica
      .subjectsWith('consent.granted')
      .filter((handle) => this.#counting(handle).length > (this.marks.of(handle)?.count ?? 0))
    for (const handle of late) this.#mark(handle, this.marks.of(handle)?.since)
    if (late.length > 0) await this.marks.keep()
  }

  #mark(handle: string, since: string | undefined): void {
    if (since !== undefined) this.marks.set(handle, { count: 1, since })
    this.marks.set(handle, { count: this.#counting(handle).length, ...(since === undefined ? {} : { since }) })
  }
}

/** The day of a moment where this workstation is, `YYYY-MM-DD`. */
export function dayOf(ms: number): string {
  return instantText(ms, offsetMinAt(ms)).slice(0, 10)
}

/** The newest version of each consent that was not taken back. */
export function open({ versions }: Decisions): ConsentVersion[] {
  const newest = new Map(versions.map((version) => [version.facts.consentId, version]))
  return [...newest.values()].filter(({ facts }) => facts.kind !== 'revoked')
}

/** Whether terms let the site's people see a kind of data for care. Who somebody is belongs to no day. */
export function covers(
  terms: ConsentTerms,
  site: string,
  dataClass: DataClass,
  on: string,
  day: string | null = null,
): boolean {
  const recordedOn = dataClass === 'demographics' ? null : day
  return termsCover(terms, { site, purpose: 'care', dataClass, on, recordedOn })
}

/** Versions of one consent, as far as keys go. */
interface Said {
  readonly facts: Version
  /** Under which it is sealed. */
  readonly epoch: number
}

/** Of a log in which no version of a consent is sealed. */
const NO_EPOCH = -1

/** An epoch, the day on which it began, and the day on which the question is asked. */
interface EpochAt {
  readonly epoch: number
  readonly began: string
  readonly today: string
}

/** The keys that one consent gives a site of an epoch. A version gives what it names while later ones name it as well. */
function classesFor(versions: readonly Said[], site: string, { epoch, began, today }: EpochAt): KeyClass[] {
  const last = versions.at(-1)?.facts
  if (last === undefined || last.kind === 'revoked') return []
  if (today < last.terms.from || today >= last.terms.until || !last.terms.sites.includes(site)) return []
  const named = versions.flatMap(({ facts: { terms } }) => {
    if (!terms.sites.includes(site)) return []
    const isOld = !terms.history && began < terms.from
    return terms.classes.filter((one) => last.terms.classes.includes(one) && (!isOld || one === 'demographics'))
  })
  const holdsVersion = versions.some((version) => version.epoch === epoch)
  return holdsVersion ? [...named, `consent/${last.consentId}`] : named
}

/** Whether what is recorded now must not be sealed under an epoch that began on a day, because of one consent. */
function isSpent(versions: readonly Said[], today: string, began: string): boolean {
  const last = versions.at(-1)?.facts
  if (last === undefined || last.kind === 'revoked') return false
  const { from, until, history } = last.terms
  // Somebody holds keys from the time before it ran out; or may not have those from before it began.
  const isOver = until <= today && began < until
  const isFresh = !history && from <= today && today < until && began < from
  return isOver || isFresh
}

function isShared({ sites }: ConsentTerms, own: string): boolean {
  return sites.some((site) => site !== own)
}

/** Versions of each consent count up from 1: what is missing was lost. */
function isComplete(versions: readonly ConsentVersion[]): boolean {
  return [...Map.groupBy(versions, ({ facts }) => facts.consentId).values()].every((each) =>
    each.every(({ facts }, i) => facts.version === i + 1),
  )
}

const KIND_OF: Partial<Record<EntryType, ConsentFacts['kind']>> = {
  'consent.granted': 'granted',
  'consent.amended': 'amended',
  'consent.revoked': 'revoked',
}

/** The consent in a verified plaintext, when it says the same as its entry. */
export function readConsent(text: string, { entry, signers }: VerifiedEntry, site: string): ConsentFacts {
  const facts = decodeConsent(text)
  const { body } = entry
  const fields = decodeConsentFields(body.fields)
  const isSpoken = facts.revocation?.how === 'spoken'
  const practitioners = signers.flatMap(({ role, handle }) =>
    role === 'practitioner' && handle !== null ? [toHex(handle)] : [],
  )
  const same: Record<string, boolean> = {
    'another patient': facts.patient === toHex(body.subject ?? new Uint8Array()),
    'another consent': facts.consentId === toHex(fields.consentId) && facts.version === fields.version,
    'another kind of decision': facts.kind === KIND_OF[body.type],
    'another site': facts.site === site,
    'another capacity': fields.capacity === (isSpoken ? 'spoken' : facts.capacity),
    'other people':
      facts.practitioners
        .map(({ handle }) => handle)
        .sort()
        .join() === practitioners.sort().join(),
    'another demand': fields.asksSignature === (facts.kind !== 'revoked' && facts.terms.asksSignature),
  }
  const wrong = Object.entries(same).find(([, is]) => !is)
  if (wrong !== undefined) throw new ContentMismatch(`the consent names ${wrong[0]}`)
  return facts
}
