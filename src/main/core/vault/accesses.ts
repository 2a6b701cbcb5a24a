/**
 * Who looked: every access, export and emergency on record, verified like everything else.
 *
 * @remarks
 * It says who and when and about whom by handle, never what was seen. The words of an emergency and of its review are for
 * those who may see clinical data, and not decrypted for others. Proven by `tests/main/core/vault/accesses.test.ts`.
 *
 * @packageDocumentation
 */
import { decodeAudit } from '../../../clinical/audit-event.ts'
import { instantText, parseInstant } from '../../../clinical/instant.ts'
import { findingOf, type AccessFinding } from '../../../ledger/consent-order.ts'
import { decideView } from '../../../ledger/contract.ts'
import { rosterAt, siteOfLog } from '../../../ledger/directory.ts'
import { decodeEntry, type Entry } from '../../../ledger/entry.ts'
import type { EntryRef } from '../../../ledger/erasure.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { decodeAccess } from '../../../ledger/fields.ts'
import type { LogHead } from '../../../ledger/heads.ts'
import { decodeEmergencyFields, decodeEndorsementFields, decodeExportFields } from '../../../ledger/record-fields.ts'
import type { VerifiedEntry } from '../../../ledger/verify-entry.ts'
import { ReviewOutcome, type AccessRecord } from '../../../shared/api/consent-schemas.ts'
import { toHex } from '../../../shared/bytes.ts'
import type { Asked, Row } from '../vault-service.ts'
import { ContentMismatch, type RecordSources, verifyRecord, verifyStatement } from '../verify-record.ts'
import { ACCESS_TYPES, type AccessPlace, type Link, type Place } from './chains.ts'
import { accessDraft, offsetMinAt, viewerFor, type Clinic, type Viewer } from './clinic.ts'
import type { ForeignAccess } from './foreign-shares.ts'
import { practitionerName } from './names.ts'

/** Entries looked at before other requests get a turn. */
const SLICE = 64
/** Emergencies that are listed at a time. */
const MAX_EMERGENCIES = 500

/** Hex digits of a handle that stand for a name that is not known here. */
const SHORT_HANDLE = 8

/** Somebody looked. */
interface Look extends Omit<ForeignAccess, 'site'> {
  /** Id of the site whose log says so; null for the own one. */
  readonly site: string | null
}

/** What an access entry says. */
interface Told {
  readonly kind: AccessRecord['kind']
  readonly purpose: string
  readonly subjects: readonly string[]
  readonly heads: readonly LogHead[]
  readonly emergency: EntryRef | null
}

/** Who looked, in an open clinic. */
export class Accesses {
  readonly #clinic: Clinic

  constructor(clinic: Clinic) {
    this.#clinic = clinic
  }

  /**
   * Who looked at a patient, or at anybody: newest first.
   *
   * @throws ApiFailure `NOT_SIGNED_IN`, `NOT_ALLOWED`.
   */
  async list({ handle, before, limit }: Asked['access']['list']): Promise<Row<AccessRecord>[]> {
    const viewer = viewerFor(this.#clinic, 'access-log')
    const isWordy = this.#maySeeWords(viewer)
    const beforeMs = before === null ? Infinity : parseInstant(before).epochMs
    const rows = await this.#newest(handle, limit, beforeMs, (place) =>
      this.#row(place, viewer, isWordy && handle !== null),
    )
    // Whoever reads the words of emergencies sees something of the patient.
    if (handle !== null && isWordy && rows.length > 0)
      await this.#clinic.writer.record([accessDraft(this.#clinic, viewer, { subject: handle })])
    return rows
  }

  /**
   * Every emergency, those without a review first, each newest first.
   *
   * @throws ApiFailure `NOT_SIGNED_IN`, `NOT_ALLOWED`.
   */
  async emergencies(): Promise<Row<AccessRecord>[]> {
    const viewer = viewerFor(this.#clinic, 'access-log')
    const isWordy = this.#maySeeWords(viewer)
    const rows: Row<AccessRecord>[] = []
    const all = this.#clinic.replica.accesses.filter(({ type }) => type === 'access.emergency')
    for (const place of all.slice(-MAX_EMERGENCIES).reverse())
      rows.push(await this.#row(this.#own(place), viewer, isWordy))
    const shown = rows.flatMap((row) => (row.status === 'verified' ? row.record.subjects : []))
    if (isWordy && shown.length > 0)
      await this.#clinic.writer.record(
        [...new Set(shown)].map((subject) => accessDraft(this.#clinic, viewer, { subject })),
      )
    const isReviewed = (row: Row<AccessRecord>) => row.status === 'verified' && row.record.review !== null
    return [...rows.filter((row) => !isReviewed(row)), ...rows.filter(isReviewed)]
  }

  /** The newest rows that are older than a moment. A row without a time stands where its entry does. */
  async #newest(
    handle: string | null,
    limit: number,
    beforeMs: number,
    rowOf: (look: Look) => Promise<Row<AccessRecord>>,
  ): Promise<Row<AccessRecord>[]> {
    const rows: Row<AccessRecord>[] = []
    let lastMs = Infinity
    let seen = 0
    for (const look of this.#newestFirst(handle)) {
      if (rows.length >= limit) break
      if (++seen % SLICE === 0) await new Promise((resume) => setImmediate(resume))
      lastMs = timeOf(look.place) ?? lastMs
      if (lastMs < beforeMs || (beforeMs === Infinity && lastMs === Infinity)) rows.push(await rowOf(look))
    }
    return rows
  }

  /** Looks of this site's people at anybody, and of other sites' people at patients of this one. */
  *#newestFirst(handle: string | null): Generator<Look> {
    const { accesses } = this.#clinic.replica
    const abroad = this.#lookedAbroad(handle)
    const foreign = abroad.next()
    let next = foreign.done === true ? null : foreign.value
    for (let i = accesses.length - 1; i >= 0; i--) {
      const place = accesses[i]
      if (place === undefined || (handle !== null && !isAbout(place, handle))) continue
      const ownMs = next === null ? null : timeOf(place)
      while (next !== null && ownMs !== null && (timeOf(next.place) ?? 0) > ownMs) {
        yield next
        const after = abroad.next()
        next = after.done === true ? null : after.value
      }
      yield this.#own(place)
    }
    if (next !== null) yield next
    yield* abroad
  }

  /** Looks of other sites' people at patients of this one, newest first. */
  *#lookedAbroad(handle: string | null): Generator<Look> {
    const { foreign, replica } = this.#clinic
    const isOurs = (subject: string) => replica.chain(subject).links.some(({ type }) => type === 'patient.registered')
    const isMeant = (place: AccessPlace) =>
      handle === null ? subjectsOf(place).some(isOurs) : isAbout(place, handle) && isOurs(handle)
    const looks = (foreign?.accesses() ?? []).filter(({ place }) => isMeant(place))
    const timed = looks.map((look) => ({ look, timeMs: timeOf(look.place) ?? 0 }))
    for (const { look } of timed.sort((a, b) => b.timeMs - a.timeMs)) yield look
  }

  #own(place: AccessPlace): Look {
    return { place, site: null, isOwnSite: true, sources: this.#clinic }
  }

  #maySeeWords({ role }: Viewer): boolean {
    const inForce = this.#clinic.replica.contract()
    return inForce !== null && decideView(inForce.contract, 'clinical', role).allowed
  }

  #row(look: Look, viewer: Viewer, isWordy: boolean): Promise<Row<AccessRecord>> {
    return verifyStatement(look.sources, {
      ...{ place: look.place, view: 'access-log', viewer: viewer.role },
      read: (entry) => this.#record(look, entry, isWordy),
    })
  }

  async #record({ place, ...from }: Look, verified: VerifiedEntry, isWordy: boolean): Promise<AccessRecord> {
    const { body } = verified.entry
    const told = toldIn(verified.entry)
    const by = verified.signers.find(({ role }) => role === 'practitioner')
    if (by === undefined || by.practitionerRole === null || by.handle === null)
      throw new ContentMismatch('nobody says that they looked')
    const { kind, purpose, subjects } = told
    return {
      ...{ entryId: toHex(body.id), at: instantText(body.time, offsetMinAt(body.time)), kind, purpose },
      ...{ practitioner: await nameOf(from, toHex(by.handle)), role: by.practitionerRole },
      site: from.site ?? this.#siteOf(place),
      subjects: [...subjects],
      reason: kind === 'emergency' ? await this.#reason(place, verified, isWordy) : null,
      review: kind === 'emergency' ? await this.#review({ place, ...from }, subjects[0] ?? '', isWordy) : null,
      finding: await this.#finding(place, told),
    }
  }

  #siteOf({ log }: Place): string {
    const roster = rosterAt(log.directory, log.head.size)?.roster
    return (roster === undefined ? null : siteOfLog(roster, log.log)?.id) ?? this.#clinic.identity.site
  }

  async #reason(place: Place, { entry }: VerifiedEntry, isWordy: boolean): Promise<AccessRecord['reason']> {
    const { reason: code } = decodeEmergencyFields(entry.body.fields)
    return { code, text: isWordy ? await this.#words(place, entry.body.subject, code) : null }
  }

  /** The review of an emergency: the first, whatever came after. */
  async #review({ place, ...from }: Look, subject: string, isWordy: boolean): Promise<AccessRecord['review']> {
    const review = reviewOf(from.sources, subject, { origin: place.log.origin, index: place.index })
    if (review === null) return null
    const { link, verified, outcome } = review
    const { time, payload } = verified.entry.body
    const by = verified.signers.find(({ role }) => role === 'practitioner')?.handle ?? null
    const hasWords = isWordy && payload !== null
    return {
      outcome,
      remark: hasWords ? await this.#words(link, verified.entry.body.subject, outcome) : null,
      by: by === null ? '?' : await nameOf(from, toHex(by)),
      at: instantText(time, offsetMinAt(time)),
    }
  }

  /** What somebody wrote to explain an entry; null where it cannot be shown. */
  async #words({ log, index }: Place, subject: Uint8Array | null, detail: string): Promise<string | null> {
    const handle = toHex(subject ?? new Uint8Array())
    const link = this.#clinic.replica.chain(handle).links.find((one) => one.log === log && one.index === index)
    if (link === undefined) return null
    const row = await verifyRecord(this.#clinic, {
      ...{ subject: handle, link, view: 'access-log', viewer: null },
      read: (text) => {
        const event = decodeAudit(text)
        if (event.patient !== handle || event.detail !== detail)
          throw new ContentMismatch('the words are about something else')
        return event
      },
    })
    return row.status === 'verified' ? row.record.words : null
  }

  /** Whether consent had been taken back, by what the access cites. */
  async #finding(
    { log, index }: Place,
    { kind, purpose, subjects, heads, emergency }: Told,
  ): Promise<AccessFinding | null> {
    // Nothing was shown, or it was shown because of an emergency, or the patient took their own copy.
    if (kind === 'emergency' || purpose !== 'care') return null
    const access = { origin: log.origin, index, heads, isEmergency: emergency !== null }
    let found: AccessFinding | null = null
    for (const subject of subjects) {
      const finding = findingOf(access, await this.#clinic.gate.withdrawals(subject))
      if (finding === 'violation') return finding
      found ??= finding
    }
    return found
  }
}

/** The first review of an emergency, or null. */
export function reviewOf(
  { replica }: Pick<RecordSources, 'replica'>,
  subject: string,
  { origin, index }: EntryRef,
): { link: Link; verified: VerifiedEntry; outcome: ReviewOutcome } | null {
  for (const link of replica.chain(subject).links) {
    if (link.type !== 'endorsement') continue
    const verified = link.log.verifiedEntry(link.index)
    if ('step' in verified) continue
    const { kind, target, value } = decodeEndorsementFields(verified.entry.body.fields)
    const { data: outcome } = ReviewOutcome.safeParse(value)
    if (kind !== 'review' || outcome === undefined || target?.origin !== origin || target.index !== index) continue
    return { link, verified, outcome }
  }
  return null
}

function toldIn({ body: { type, subject, fields } }: Entry): Told {
  const subjects = subject === null ? [] : [toHex(subject)]
  if (type === 'access.emergency')
    return {
      kind: 'emergency',
      purpose: 'emergency',
      subjects,
      heads: decodeEmergencyFields(fields).heads,
      emergency: null,
    }
  if (type === 'export') {
    const { purpose, heads } = decodeExportFields(fields)
    return { kind: 'export', purpose, subjects, heads, emergency: null }
  }
  const { purpose, heads, subjects: several, emergency = null } = decodeAccess(fields)
  const isView = subject !== null
  return {
    kind: isView ? 'view' : 'list',
    purpose,
    subjects: isView ? subjects : (several ?? []).map(toHex),
    heads,
    emergency,
  }
}

/** The entry of a place, as far as it can be read: it is verified only when it is shown. */
function entryAt({ log, index }: Place): Entry | null {
  try {
    const bytes = log.provenBytes(index)
    return bytes instanceof Uint8Array ? decodeEntry(bytes) : null
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}

function timeOf(place: Place): number | null {
  return entryAt(place)?.body.time ?? null
}

function isAbout(place: AccessPlace, handle: string): boolean {
  return subjectsOf(place).includes(handle)
}

/** Handles of the patients that somebody looked at. */
function subjectsOf(place: AccessPlace): readonly string[] {
  const entry = entryAt(place)
  return entry === null || !ACCESS_TYPES.has(entry.body.type) ? [] : toldIn(entry).subjects
}

/** The name of whoever looked. Names of other sites are sealed for those sites: they can tell whose handle it is. */
async function nameOf({ sources, isOwnSite }: Omit<Look, 'place'>, handle: string): Promise<string> {
  return isOwnSite ? practitionerName(sources, handle) : handle.slice(0, SHORT_HANDLE)
}
