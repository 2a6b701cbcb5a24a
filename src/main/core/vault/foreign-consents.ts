/**
 * What patients of other nodes' logs decided, as far as their word counts here.
 *
 * @remarks
 * A consent of another site counts while that site's word is fresh: a revocation may have been recorded there that has not
 * arrived. Consents in logs of other nodes of the own site count as those in the own log. Proven by
 * `tests/main/core/vault/foreign-logs.test.ts`.
 *
 * @packageDocumentation
 */
import { MAX_CLOCK_AHEAD_S } from '../../../ledger/finality.ts'
import { consentsAt } from '../../../ledger/patient-state.ts'
import { decodeConsentFields } from '../../../ledger/people-fields.ts'
import type { ConsentTerms } from '../../../shared/api/consent-schemas.ts'
import { DATA_CLASSES, type ConsentStanding } from '../../../shared/api/consent-schemas.ts'
import { instantText } from '../../../clinical/instant.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { type RecordSources, type SubjectGate, verifyRecord } from '../verify-record.ts'
import type { Chains } from './chains.ts'
import { offsetMinAt, type Clinic } from './clinic.ts'
import { ConsentStandings, covers, dayOf, readConsent } from './consent-standing.ts'
import type { ForeignKeys } from './foreign-keys.ts'
import { type ForeignLog, isVersion, newestOf, type SiteContact } from './foreign-log.ts'

const MINUTE_MS = 60_000

/** See the module's comment. */
export class ForeignConsents {
  readonly #clinic: Clinic
  readonly #keys: ForeignKeys
  readonly #contact: (origin: string) => SiteContact

  /** @param contact - How fresh the word of the node is that writes a log. */
  constructor(clinic: Clinic, keys: ForeignKeys, contact: (origin: string) => SiteContact) {
    this.#clinic = clinic
    this.#keys = keys
    this.#contact = contact
  }

  /** Whether this site's people may see a patient of a log, and why. */
  async standing(foreign: ForeignLog, handle: string): Promise<ConsentStanding> {
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
    if (terms.length > 0 && fresh.length === 0) return { ...NONE, state: 'unknown', emergencyUntil }
    const classes = DATA_CLASSES.filter((one) => fresh.some((each) => covers(each, site, one, today)))
    const until =
      fresh
        .map((each) => each.until)
        .sort()
        .at(-1) ?? null
    const state = classes.length === 0 ? 'refused' : classes.length < DATA_CLASSES.length ? 'partly' : 'covers'
    return { ...NONE, state, classes, until, emergencyUntil }
  }

  /**
   * What patients of the own site decided at another of its nodes: as for those of this one. Its word does not age, as
   * that of another clinic does: whoever shows it says when it was heard.
   */
  standingsOf(name: string, replica: RecordSources['replica'], chains: Chains): ConsentStandings {
    const { grades, identity, nowMs, glass } = this.#clinic
    const { marks } = this.#clinic.gate
    const newest = () => newestOf(replica)
    const { site } = identity
    return new ConsentStandings({
      ...{ marks, grades, site, nowMs },
      keys: { of: (subject, epoch) => this.#keys.of(name, site, subject, epoch) },
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

  /** What decides row by row: the consents in the same log that name this site. */
  async gate(foreign: ForeignLog, handle: string): Promise<SubjectGate> {
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

/** Nothing may be seen. */
export const NONE: ConsentStanding = {
  ...{ state: 'refused', classes: [], until: null, asksSignature: false, emergencyUntil: null },
}
