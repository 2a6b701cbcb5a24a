/**
 * Consents of patients: granted, amended and taken back, each version one entry with the signatures that the contract asks
 * for, and with the keys that follow from it in the same block.
 *
 * @remarks
 * What was shown is what is signed: the words are worked out again from the terms, and others are refused. What takes
 * something away begins a new epoch with the very entry that says so. Proven by
 * `tests/main/core/vault/consents.test.ts`.
 *
 * @packageDocumentation
 */
import { encodeConsent, type ConsentFacts } from '../../../clinical/consent.ts'
import { termsNarrow, termsProblem } from '../../../clinical/consent-terms.ts'
import { consentWords, revocationWords, type ConsentNames } from '../../../clinical/consent-words.ts'
import { instantText } from '../../../clinical/instant.ts'
import { decodePatient } from '../../../clinical/patient.ts'
import { rosterAt } from '../../../ledger/directory.ts'
import { encodeConsentFields, type ConsentCapacity } from '../../../ledger/people-fields.ts'
import type { Authorisation, ConsentRecord, ConsentTerms } from '../../../shared/api/schemas.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { assert } from '../../../shared/errors.ts'
import { keyPairFromSeed, sign, wipe } from '../../keystore/sodium.ts'
import { ApiFailure } from '../failure.ts'
import { readSettings } from '../network/network-settings.ts'
import type { Asked, Row } from '../vault-service.ts'
import { verifyRecord } from '../verify-record.ts'
import { cardSigner } from './cards.ts'
import { accessDraft, authorFor, offsetMinAt, utf8, viewerFor, type Clinic, type Viewer } from './clinic.ts'
import { dayOf, open, type ConsentVersion, type Version } from './consent-standing.ts'
import type { EntrySigner } from './entry-signer.ts'
import { practitionerName } from './names.ts'
import { requireRegisteredHere } from './patient-logs.ts'
import { presence } from './presence.ts'
import type { CurrentEpoch } from './subject-keys.ts'

/** Stands for the name where whoever records a consent may not see it. */
export const NAMELESS = 'this patient'

const TYPES = { granted: 'consent.granted', amended: 'consent.amended', revoked: 'consent.revoked' } as const

/** Who signs a version, and in what capacity. */
interface Signed {
  readonly signers: readonly EntrySigner[]
  readonly capacity: ConsentFacts['capacity']
  readonly said: ConsentCapacity
  readonly proxy: string | null
  readonly cannotSign: string | null
  readonly practitioners: ConsentFacts['practitioners']
  wipe(): void
}

/** What a version says. */
type Said = Pick<ConsentFacts, 'consentId' | 'version' | 'kind' | 'terms' | 'words' | 'revocation'>

/** Consents of an open clinic. */
export class Consents {
  readonly #clinic: Clinic
  /** One decision of a patient after the other: each is worked out from those before. */
  readonly #busy = new Map<string, Promise<unknown>>()

  constructor(clinic: Clinic) {
    this.#clinic = clinic
  }

  /** Sites that a consent may name. */
  sites(): { id: string; isOwn: boolean }[] {
    viewerFor(this.#clinic, 'clinical')
    return this.#siteIds().map((id) => ({ id, isOwn: id === this.#clinic.identity.site }))
  }

  /**
   * Every version of every consent of a patient, oldest first. What was decided is shown also to whom it shows nothing
   * else: it has to be obeyed.
   *
   * @throws ApiFailure `NOT_SIGNED_IN`, `NOT_ALLOWED`, `UNKNOWN_PATIENT`, `OTHER_WORKSTATION`.
   */
  async list(handle: string): Promise<Row<ConsentRecord>[]> {
    const viewer = viewerFor(this.#clinic, 'clinical')
    const { gate, writer } = this.#clinic
    this.#checkPatient(handle)
    const rows: Row<ConsentRecord>[] = []
    for (const link of gate.links(handle)) rows.push(await gate.row(handle, link))
    await writer.record([accessDraft(this.#clinic, viewer, { subject: handle })])
    return rows
  }

  /**
   * Records a new consent.
   *
   * @throws ApiFailure `NOT_SIGNED_IN`, `NOT_ALLOWED`, `UNKNOWN_PATIENT`, `OTHER_WORKSTATION`, `BAD_CONSENT` with the field, `BAD_CARD`,
   * `WRONG_CARD_PIN`, `CARD_LOCKED`; KeystoreError `WRONG_PIN`, `PIN_LOCKED`.
   */
  async grant(request: Asked['consents']['grant']): Promise<Row<ConsentRecord>> {
    const { handle, terms, words } = request
    authorFor(this.#clinic, 'consent.granted')
    this.#checkPatient(handle)
    const viewer = await presence(this.#clinic, request.pin)
    return this.#alone(handle, async () => {
      const consentId = toHex(this.#clinic.random(16))
      const said = { consentId, version: 1, kind: 'granted', terms, words, revocation: null } as const
      await this.#checkTerms(handle, terms, words)
      return this.#record(viewer, handle, said, request, false)
    })
  }

  /**
   * Records what takes the place of a consent.
   *
   * @throws ApiFailure as {@link grant}, `UNKNOWN_CONSENT`, `CONSENT_CLOSED`, `RECORD_NOT_VERIFIED` when nobody knows what
   * it says now.
   */
  async amend(request: Asked['consents']['amend']): Promise<Row<ConsentRecord>> {
    const { handle, consentId, terms, words } = request
    authorFor(this.#clinic, 'consent.amended')
    this.#checkPatient(handle)
    const viewer = await presence(this.#clinic, request.pin)
    return this.#alone(handle, async () => {
      const { facts } = await this.#openVersion(handle, consentId)
      await this.#checkTerms(handle, terms, words)
      const said = { consentId, version: facts.version + 1, kind: 'amended', terms, words, revocation: null } as const
      return this.#record(viewer, handle, said, request, termsNarrow(facts.terms, terms))
    })
  }

  /**
   * Takes a consent back, with the card or as the patient said it. What is recorded from then on has a new key.
   *
   * @throws ApiFailure as {@link amend}.
   */
  async revoke(request: Asked['consents']['revoke']): Promise<Row<ConsentRecord>> {
    const { handle, consentId, reason, card } = request
    authorFor(this.#clinic, 'consent.revoked')
    this.#checkPatient(handle)
    const viewer = await presence(this.#clinic, request.pin)
    return this.#alone(handle, async () => {
      const { facts } = await this.#openVersion(handle, consentId)
      const { terms } = facts
      const [names] = await this.#names(handle)
      const said = {
        ...({ consentId, version: facts.version + 1, kind: 'revoked', terms } as const),
        words: revocationWords(terms, names),
        revocation: { how: card === null ? 'spoken' : 'card', reason } as const,
      }
      const authorisation = card === null ? null : ({ how: 'card', card } as const)
      return this.#record(viewer, handle, said, { authorisation, second: null }, true)
    })
  }

  async #record(
    viewer: Viewer,
    handle: string,
    said: Said,
    by: { authorisation: Authorisation | null; second: Asked['consents']['grant']['second'] },
    takesAway: boolean,
  ): Promise<Row<ConsentRecord>> {
    const { writer, random, nowMs, gate, identity, emit, replica } = this.#clinic
    // Nobody can read what held: what is granted now stands alone.
    const isAnew = said.kind === 'granted' && !(await gate.decisions(handle)).isKnown
    const signed = await this.#signed(viewer, handle, by)
    try {
      const { consentId, version, kind, terms } = said
      const timeMs = nowMs()
      const at = instantText(timeMs, offsetMinAt(timeMs))
      const { capacity, proxy, cannotSign, practitioners } = signed
      const facts = { capacity, proxy, cannotSign, practitioners, patient: handle, site: identity.site, at }
      const asksSignature = kind !== 'revoked' && terms.asksSignature
      const fields = { consentId: fromHex(consentId), version, asksSignature, capacity: signed.said }
      const draft = {
        ...{ id: random(16), type: TYPES[kind], subject: fromHex(handle), timeMs },
        payload: utf8(encodeConsent({ ...said, ...facts, test: identity.demo })),
        fields: encodeConsentFields(fields),
        signers: signed.signers,
        epoch: () => this.#epoch(handle, { consentId, kind, terms }, takesAway),
      }
      // The look comes first: it relied on what held before.
      await writer.record([accessDraft(this.#clinic, viewer, { subject: handle }), draft])
    } finally {
      signed.wipe()
    }
    await gate.remember(handle, isAnew)
    emit({ kind: 'chart-changed', handle })
    const link = gate.links(handle).findLast(({ log }) => log === replica.live)
    assert(link !== undefined, 'what was recorded is in the chain')
    return gate.row(handle, link)
  }

  /** The epoch that a version is sealed under, with what it hands over. What takes something away begins one. */
  async #epoch(handle: string, next: Version, takesAway: boolean): Promise<CurrentEpoch> {
    const { gate, keys, replica } = this.#clinic
    const subject = fromHex(handle)
    const newest = replica.newestEpoch(handle)
    const [before, after] = [await gate.sharing(handle), await gate.sharing(handle, next)]
    const isSpent = newest !== null && ((await keys.isOver(subject, before)) || after.isSpent(newest))
    if (!takesAway && !isSpent) return keys.shared(subject, after)
    return keys.next(subject, await gate.sharing(handle, next, true))
  }

  async #signed(
    viewer: Viewer,
    handle: string,
    { authorisation, second }: { authorisation: Authorisation | null; second: Asked['consents']['grant']['second'] },
  ): Promise<Signed> {
    const other = second === null ? null : await secondSigner(this.#clinic, viewer, second)
    const practitioners = [
      { handle: viewer.handle, name: viewer.name },
      ...(other === null ? [] : [{ handle: other.handle, name: other.name }]),
    ]
    const staff = [viewer.signer, ...(other === null ? [] : [other.signer])]
    const wipeOther = () => other?.wipe()
    const nobody = { proxy: null, cannotSign: null, signers: staff, practitioners, wipe: wipeOther }
    if (authorisation === null) return { ...nobody, capacity: 'patient', said: 'spoken' }
    if (authorisation.how === 'incapable')
      return { ...nobody, capacity: 'incapable', said: 'incapable', cannotSign: authorisation.reason }
    try {
      const card = await cardSigner(this.#clinic, handle, authorisation.card)
      const { capacity, holder } = card
      // Who a guardian is stands on record, or the consent does not say who signed it.
      if (capacity === 'guardian' && holder === null) throw new ApiFailure('BAD_CARD')
      const proxy = capacity === 'guardian' ? holder : null
      const wipeAll = () => {
        wipeOther()
        card.wipe()
      }
      return { ...nobody, capacity, said: capacity, proxy, signers: [...staff, card], wipe: wipeAll }
    } catch (error) {
      wipeOther()
      throw error
    }
  }

  async #openVersion(handle: string, consentId: string): Promise<ConsentVersion> {
    const { gate } = this.#clinic
    const decisions = await gate.decisions(handle)
    const isThere = decisions.versions.some(({ facts }) => facts.consentId === consentId)
    if (!decisions.isKnown) throw new ApiFailure('RECORD_NOT_VERIFIED')
    if (!isThere) throw new ApiFailure('UNKNOWN_CONSENT')
    const version = open(decisions).find(({ facts }) => facts.consentId === consentId)
    if (version === undefined) throw new ApiFailure('CONSENT_CLOSED')
    return version
  }

  async #checkTerms(handle: string, terms: ConsentTerms, words: readonly string[]): Promise<void> {
    const problem = termsProblem(terms, this.#siteIds(), dayOf(this.#clinic.gate.dayMs()))
    if (problem !== null) throw new ApiFailure('BAD_CONSENT', { detail: problem })
    const shown = words.join('\n')
    const possible = (await this.#names(handle)).map((names) => consentWords(terms, names).join('\n'))
    if (!possible.includes(shown)) throw new ApiFailure('BAD_CONSENT', { detail: 'words' })
  }

  /** Names as the words may give them: those that people know first, and where they are hidden or none are given, none. */
  async #names(handle: string): Promise<[ConsentNames, ...ConsentNames[]]> {
    const { identity, keystore } = this.#clinic
    const ownSite = identity.site
    const others = readSettings(keystore.secrets).names ?? []
    const called = new Map([[ownSite, identity.clinic], ...others.map(({ site, name }) => [site, name] as const)])
    const first = { patient: (await this.#patientName(handle)) ?? NAMELESS, ownSite }
    const nameless = { patient: NAMELESS, ownSite }
    return [{ ...first, called }, first, { ...nameless, called }, nameless]
  }

  async #patientName(handle: string): Promise<string | null> {
    const link = this.#clinic.replica.chain(handle).links.find(({ type }) => type === 'patient.registered')
    if (link === undefined) return null
    const row = await verifyRecord(this.#clinic, {
      ...{ subject: handle, link, view: 'demographics', viewer: null },
      read: (text) => decodePatient(text).patient,
    })
    return row.status === 'rejected' ? null : `${row.record.givenName} ${row.record.familyName}`
  }

  #siteIds(): string[] {
    const { replica } = this.#clinic
    return (rosterAt(replica.directory, replica.head.size)?.roster.sites ?? []).map(({ id }) => id)
  }

  #checkPatient(handle: string): void {
    requireRegisteredHere(this.#clinic, handle)
  }

  async #alone<Value>(handle: string, body: () => Promise<Value>): Promise<Value> {
    const before = this.#busy.get(handle) ?? Promise.resolve()
    const running = before.then(body, body)
    this.#busy.set(handle, running)
    try {
      return await running
    } finally {
      if (this.#busy.get(handle) === running) this.#busy.delete(handle)
    }
  }
}

/**
 * The key of somebody else at the same workstation, who is asked for their PIN for this one entry.
 *
 * @throws ApiFailure `NOT_ALLOWED` for the same person; KeystoreError `WRONG_PIN`, `PIN_LOCKED`.
 */
async function secondSigner(clinic: Clinic, viewer: Viewer, { handle, pin }: { handle: string; pin: string }) {
  const { keystore, replica } = clinic
  if (handle === viewer.handle) throw new ApiFailure('NOT_ALLOWED')
  if (!keystore.practitioners.has(handle)) throw new ApiFailure('WRONG_PIN')
  const seed = await keystore.practitioners.unlock(handle, pin)
  const { publicKey } = keyPairFromSeed(seed)
  const binding = replica.directory.bindings.get(toHex(publicKey))
  if (binding === undefined || toHex(binding.handle) !== handle) {
    wipe(seed)
    throw new ApiFailure('RECORD_NOT_VERIFIED')
  }
  const signer: EntrySigner = { role: 'practitioner', publicKey, sign: (message) => sign(seed, message) }
  const done = () => {
    wipe(seed)
  }
  return { signer, handle, name: await practitionerName(clinic, handle), wipe: done }
}
