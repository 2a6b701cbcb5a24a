/**
 * Corrections, scores, imports, exports and erasures of a vault in memory. See `fake-vault.ts`.
 */
import { ApiFailure } from '../../src/main/core/failure.ts'
import type { Asked, Row } from '../../src/main/core/vault-service.ts'
import type {
  Assessment,
  AssessmentDraft,
  AssessmentInput,
  DecisionSupport,
  EntryRef,
  Erasure,
  ErasurePreview,
  ErasureProposal,
  ErasureReceipt,
  Exported,
  ExportPreview,
  ExportRequest,
  ImportPreview,
  OxygenScale,
  Reading,
  ReceiptFile,
} from '../../src/shared/api/schemas.ts'
import { handleOf } from './fake-data.ts'
import { FakeConsents } from './fake-vault-consents.ts'
import { NOW } from './fake-vault-people.ts'

/** The only reading on record, and what stands in its place once it was amended. */
export const READING_REF: EntryRef = { origin: 'site/1', index: 3 }
const AMENDED_REF: EntryRef = { origin: 'site/1', index: 4 }
/** The only import that holds anything. */
export const IMPORT_TEXT = '{"resourceType":"QuestionnaireResponse"}'

const INPUTS = (
  ['respiratory-rate', 'spo2', 'oxygen', 'systolic', 'pulse', 'consciousness', 'temperature'] as const
).map((name): AssessmentInput => {
  return { name, value: null, coded: null, unit: '', points: 0, measuredAt: NOW, ref: READING_REF }
})

export abstract class FakeRecords extends FakeConsents {
  #corrected = false
  #support: DecisionSupport = { news2: { enabled: false, isUnsure: false, by: null, at: null } }
  #imported = false
  readonly proposals: ErasureProposal[] = []
  readonly erased: Erasure[] = []

  abstract receipt(origin: string | null, index: number): Promise<ReceiptFile>

  async amendReading({ ref, value, reason }: Asked['records']['amend']): Promise<Row<Reading>[]> {
    await this.enter('amendReading')
    this.#correct(ref)
    const { kind } = value
    const quantities = value.quantities.map((quantity) => ({ ...quantity, comparator: null, unit: '' }))
    const context = { flags: [], site: null, deviceTime: null, deviceClockOffsetS: null, window: null }
    const origin = {
      method: 'manual' as const,
      deviceLabel: null,
      measuredAt: NOW,
      recordedAt: NOW,
      performer: this.#name,
    }
    const reading: Reading = { kind, quantities, ...context, ...origin, setId: 'set', test: true }
    const correction = { kind: 'amended' as const, reason, by: this.#name, at: NOW, ref: AMENDED_REF }
    return [this.row({ ...reading, correction }), this.row({ ...reading, amends: ref })]
  }
  async retractReading({ ref }: Asked['records']['retract']) {
    await this.enter('retractReading')
    this.#correct(ref)
  }

  async decisionSupport() {
    await this.enter('decisionSupport')
    return this.#support
  }
  async configureSupport({ news2, pin }: Asked['assessments']['configure']) {
    await this.enter('configureSupport')
    this.prove(pin)
    return (this.#support = { news2: { enabled: news2, isUnsure: false, by: this.#name, at: NOW } })
  }
  async assessmentDraft(): Promise<AssessmentDraft> {
    await this.enter('assessmentDraft')
    if (!this.#support.news2.enabled) return { state: 'not-applicable', why: 'off' }
    return { state: 'complete', assessment: this.#score() }
  }
  async recordAssessment({ total }: Asked['assessments']['record']): Promise<Row<Assessment>> {
    await this.enter('recordAssessment')
    if (!this.#support.news2.enabled || total !== 0) throw new ApiFailure('ASSESSMENT_CHANGED')
    return this.row(this.#score())
  }
  async setOxygenScale({ scale, reason, pin }: Asked['assessments']['setScale']): Promise<OxygenScale> {
    await this.enter('setOxygenScale')
    this.prove(pin)
    return { scale, by: this.#name, at: NOW, reason }
  }

  async previewImport({ text }: Asked['imports']['preview']): Promise<ImportPreview> {
    await this.enter('previewImport')
    if (text !== IMPORT_TEXT) throw new ApiFailure('BAD_IMPORT', { detail: 'NOT_JSON' })
    const verdict = this.#imported ? 'known' : 'new'
    const said = { title: 'Diary', at: NOW, values: ['Slept: 7 h'], problem: null }
    const kind = { resource: 'QuestionnaireResponse', dataClass: 'patient-reported' } as const
    return { items: [{ ...kind, ...said, verdict }], acceptable: this.#imported ? 0 : 1 }
  }
  async acceptImport({ text }: Asked['imports']['accept']) {
    await this.enter('acceptImport')
    if (text !== IMPORT_TEXT || this.#imported) throw new ApiFailure('NOTHING_TO_IMPORT')
    this.#imported = true
    return { recorded: 1 }
  }

  async previewExport({ purpose }: ExportRequest): Promise<ExportPreview> {
    await this.enter('previewExport')
    const isCovered = purpose === 'care' || purpose === 'patient'
    return { records: isCovered ? 1 : 0, withheld: isCovered ? 0 : 1, rejected: 0, classes: ['vital-signs'] }
  }
  async makeExport({ purpose, pin }: Asked['exports']['make']): Promise<Exported> {
    await this.enter('makeExport')
    this.prove(pin)
    if (purpose === 'insurer' || purpose === 'research') throw new ApiFailure('NOTHING_TO_EXPORT')
    const { text } = await this.receipt(null, READING_REF.index)
    const files = [
      { fileName: 'chartseal-export-1.fhir.json', mediaType: 'application/fhir+json', text: '{}' },
      { fileName: 'chartseal-export-1.tlog-proofs', mediaType: 'text/plain;charset=utf-8', text },
    ]
    return { entryId: handleOf(8), ref: { origin: 'site/1', index: 5 }, files }
  }

  async erasures(): Promise<Erasure[]> {
    await this.enter('erasures')
    return this.erased
  }
  async previewErasure({ records }: Asked['erasures']['preview']): Promise<ErasurePreview> {
    await this.enter('previewErasure')
    const count = records?.length ?? 3
    const isAll = records === null
    return { records: count, keys: isAll ? 1 : 0, cards: isAll ? 1 : 0, entriesThatStay: isAll ? 9 : count, sites: [] }
  }
  async requestErasure({ pin, ...request }: Asked['erasures']['request']): Promise<ErasureProposal> {
    await this.enter('requestErasure')
    this.prove(pin)
    const proposal = { id: this.fresh(), at: NOW, ...request, requestedBy: this.#name, mayApprove: false }
    this.proposals.push(proposal)
    return proposal
  }
  async erasureProposals() {
    await this.enter('erasureProposals')
    return this.proposals.map((one) => ({ ...one, mayApprove: one.requestedBy !== this.#name }))
  }
  async approveErasure({ id, pin }: Asked['erasures']['approve']): Promise<ErasureReceipt> {
    await this.enter('approveErasure')
    this.prove(pin)
    const { handle, records, reason, authority, requestedBy } = this.#proposal(id)
    if (requestedBy === this.#name) throw new ApiFailure('NOT_ALLOWED')
    this.#drop(id)
    const place = { origin: 'site/1', index: 4, entryId: id, at: NOW, subject: handle }
    const extent = { isWhole: records === null, records: records?.length ?? 3 }
    const erasure = { ...place, reason, authority, ...extent, statement: 'signed', sites: [] }
    this.erased.unshift(erasure)
    return { ...erasure, receipt: await this.receipt(null, 3) }
  }
  async withdrawErasure(id: string) {
    await this.enter('withdrawErasure')
    this.#proposal(id)
    this.#drop(id)
  }

  get #name(): string {
    return this.signedIn?.name ?? ''
  }

  #correct({ origin, index }: EntryRef): void {
    if (origin !== READING_REF.origin || index !== READING_REF.index) throw new ApiFailure('UNKNOWN_ENTRY')
    if (this.#corrected) throw new ApiFailure('ALREADY_CORRECTED')
    this.#corrected = true
  }

  #score(): Assessment {
    const rule = { rule: 'news2', ruleVersion: 'RCP 2017', scale: 1, total: 0, band: 'low' } as const
    return { ...rule, inputs: INPUTS, at: NOW, by: this.#name }
  }

  #proposal(id: string): ErasureProposal {
    const proposal = this.proposals.find((one) => one.id === id)
    if (proposal === undefined) throw new ApiFailure('UNKNOWN_PROPOSAL')
    return proposal
  }

  #drop(id: string): void {
    this.proposals.splice(
      this.proposals.findIndex((one) => one.id === id),
      1,
    )
  }
}
