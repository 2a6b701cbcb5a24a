/**
 * Consents, emergencies and who looked, of a vault in memory. See `fake-vault.ts`.
 */
import { ApiFailure } from '../../src/main/core/failure.ts'
import type { Asked, Row } from '../../src/main/core/vault-service.ts'
import type { AccessRecord, ConsentRecord, EntryRef } from '../../src/shared/api/schemas.ts'
import { FakePeople, NOW } from './fake-vault-people.ts'

/** The site of everything here. */
export const SITE = 'harbour/site'

export abstract class FakeConsents extends FakePeople {
  readonly consentsHere: { handle: string; record: ConsentRecord }[] = []
  readonly accessesHere: { ref: EntryRef; record: AccessRecord }[] = []
  /** Patients whose data is open in an emergency. */
  readonly openGlass = new Set<string>()

  async consentSites() {
    await this.enter('consentSites')
    return [
      { id: SITE, isOwn: true },
      { id: 'hill/site', isOwn: false },
    ]
  }
  async consents(handle: string): Promise<Row<ConsentRecord>[]> {
    await this.enter('consents')
    return this.consentsHere.filter((one) => one.handle === handle).map(({ record }) => this.row(record))
  }
  async grantConsent({ handle, terms, words, pin }: Asked['consents']['grant']): Promise<Row<ConsentRecord>> {
    await this.enter('grantConsent')
    this.prove(pin)
    return this.#keep(handle, { consentId: this.fresh(), version: 1, kind: 'granted', terms, words, revocation: null })
  }
  async amendConsent(request: Asked['consents']['amend']): Promise<Row<ConsentRecord>> {
    await this.enter('amendConsent')
    this.prove(request.pin)
    const { handle, consentId, terms, words } = request
    const { version } = this.#standing(handle, consentId)
    return this.#keep(handle, { consentId, version: version + 1, kind: 'amended', terms, words, revocation: null })
  }
  async revokeConsent({
    handle,
    consentId,
    reason,
    card,
    pin,
  }: Asked['consents']['revoke']): Promise<Row<ConsentRecord>> {
    await this.enter('revokeConsent')
    this.prove(pin)
    const { version, terms, words } = this.#standing(handle, consentId)
    const revocation = { how: card === null ? 'spoken' : 'card', reason } as const
    return this.#keep(handle, { consentId, version: version + 1, kind: 'revoked', terms, words, revocation })
  }

  async breakGlass({ handle, reason, text, pin }: Asked['access']['emergency']) {
    await this.enter('breakGlass')
    this.prove(pin)
    this.openGlass.add(handle)
    this.#looked({ kind: 'emergency', purpose: 'emergency', subjects: [handle], reason: { code: reason, text } })
    return { until: NOW }
  }
  async endEmergency(handle: string) {
    await this.enter('endEmergency')
    this.openGlass.delete(handle)
  }
  async accessLog({ handle, limit }: Asked['access']['list']): Promise<Row<AccessRecord>[]> {
    await this.enter('accessLog')
    const all = this.accessesHere.map(({ record }) => record).toReversed()
    const about = all.filter(({ subjects }) => handle === null || subjects.includes(handle))
    return about.slice(0, limit).map((record) => this.row(record))
  }
  async emergencies(): Promise<Row<AccessRecord>[]> {
    await this.enter('emergencies')
    return this.accessesHere.map(({ record }) => this.row(record))
  }
  async reviewEmergency({ ref, outcome, remark, pin }: Asked['access']['review']) {
    await this.enter('reviewEmergency')
    this.prove(pin)
    const held = this.accessesHere.find((one) => one.ref.index === ref.index)
    if (held === undefined) throw new ApiFailure('UNKNOWN_ENTRY')
    if (held.record.review !== null) throw new ApiFailure('ALREADY_REVIEWED')
    held.record = { ...held.record, review: { outcome, remark, by: this.signedIn?.name ?? '', at: NOW } }
  }

  #standing(handle: string, consentId: string): ConsentRecord {
    const found = this.consentsHere.findLast((one) => one.handle === handle && one.record.consentId === consentId)
    if (found === undefined) throw new ApiFailure('UNKNOWN_CONSENT')
    if (found.record.kind === 'revoked') throw new ApiFailure('CONSENT_CLOSED')
    return found.record
  }

  #keep(handle: string, said: Omit<ConsentRecord, 'capacity' | 'proxy' | 'recordedBy' | 'at'>): Row<ConsentRecord> {
    const recordedBy = [this.signedIn?.name ?? '?']
    const record: ConsentRecord = { ...said, capacity: 'patient', proxy: null, recordedBy, at: NOW }
    this.consentsHere.push({ handle, record })
    return this.row(record)
  }

  #looked(told: Pick<AccessRecord, 'kind' | 'purpose' | 'subjects' | 'reason'>): void {
    const { name = '?', role = 'nurse' } = this.signedIn ?? {}
    const who = { entryId: this.fresh(), at: NOW, practitioner: name, role, site: SITE }
    const record = { ...who, ...told, review: null, finding: null }
    this.accessesHere.push({ ref: { origin: 'site/1', index: this.accessesHere.length }, record })
  }
}
