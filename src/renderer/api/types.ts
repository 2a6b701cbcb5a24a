/**
 * The window's view of the contract: the types of `src/shared/api`, with records of verified rows marked
 * `Verified`. Types only, so that the window does not carry the schema library.
 */
import type { ContractRouterClient } from '@orpc/contract'
import type { Contract } from '../../shared/api/contract.ts'
import type { ApiCode } from '../../shared/api/codes.ts'
import type {
  AccessRecord,
  Assessment,
  ConsentRecord,
  DeviceRecord,
  Patient,
  PatientCard,
  PatientReport,
  PractitionerRecord,
  Reading,
  RejectedRow,
} from '../../shared/api/schemas.ts'
import type { Verified } from '../../shared/verified.ts'

export type {
  AccessRecord,
  Assessment,
  AssessmentDraft,
  AssessmentInput,
  Authorisation,
  CardProof,
  ConsentRecord,
  ConsentStanding,
  ConsentTerms,
  ContractCheck,
  ContractProposal,
  Correction,
  DataClass,
  DecisionSupport,
  Device,
  DeviceCheck,
  DeviceEnrolment,
  DeviceRecord,
  Draft,
  EmergencyReason,
  EntryRef,
  Erasure,
  ErasurePreview,
  ErasureProposal,
  ErasureReceipt,
  ErasureSite,
  ExchangeFile,
  Exported,
  ExportFile,
  ExportPreview,
  ExportPurpose,
  ExportRequest,
  Evidence,
  EvidenceFile,
  Governance,
  Grade,
  ImportItem,
  ImportPreview,
  InvitationFacts,
  Incident,
  LedgerBlock,
  LedgerEntry,
  LedgerSummary,
  LiveEvent,
  ManualValue,
  NetworkInvitation,
  NetworkLog,
  NetworkNode,
  NetworkSettings,
  NetworkStatus,
  NetworkSummary,
  OutboxNote,
  OxygenScale,
  Patient,
  PatientCard,
  PatientReport,
  Practitioner,
  PractitionerRecord,
  PrintedCard,
  Proof,
  ProposalFile,
  ProposedChange,
  Purpose,
  ReceiptFile,
  Quantity,
  ReadEvent,
  Reading,
  ReadingKind,
  RejectedRow,
  ReviewOutcome,
  Role,
  RosterProposal,
  ScrubEvent,
  SecondSigner,
  SettledNote,
  Session,
  SystemEvent,
  SystemStatus,
  TrayItem,
  VerifyAllEvent,
} from '../../shared/api/schemas.ts'
export type { ApiCode, VerifyStep } from '../../shared/api/codes.ts'

/** Why a call failed: a code of the core, or `OFFLINE` when the core was not reached. */
export type ProblemCode = ApiCode | 'OFFLINE'

/** A failed call. */
export interface Problem {
  readonly ok: false
  readonly code: ProblemCode
  readonly retryAfterS?: number | undefined
  readonly detail?: string | undefined
  readonly advice?: string | undefined
}

/** A call's value, or why there is none. */
export type Outcome<Value> = { readonly ok: true; readonly value: Value } | Problem

/** `Wire` with the record of every verified row marked {@link Verified}. */
export type Branded<Wire> = Wire extends { status: 'verified'; record: infer Content }
  ? { readonly [Key in keyof Wire]: Key extends 'record' ? Verified<Content> : Wire[Key] }
  : Wire extends readonly (infer Item)[]
    ? Branded<Item>[]
    : Wire extends AsyncIterator<unknown>
      ? Wire
      : Wire extends object
        ? { [Key in keyof Wire]: Branded<Wire[Key]> }
        : Wire

/** A procedure as the window calls it. */
export type Call<Request, Reply> = (request: Request, options?: { signal?: AbortSignal }) => Promise<Branded<Reply>>

type BrandedClient<Client> = {
  [Key in keyof Client]: Client[Key] extends (...rest: infer Rest) => Promise<infer Reply>
    ? Call<Rest[0], Reply>
    : BrandedClient<Client[Key]>
}

/** The contract as the window calls it. */
export type ApiClient = BrandedClient<ContractRouterClient<Contract>>

/** The value inside a reply of type `Reply`. */
export type ValueOf<Reply> = Extract<Reply, { ok: true }> extends { value: infer Value } ? Value : never

/** A row that passed verification, with content that may be shown. */
export interface VerifiedRow<Content> {
  readonly status: 'verified'
  readonly position: Position
  readonly record: Verified<Content>
}

/** A row of a chart, list or reply. */
export type Row<Content> = VerifiedRow<Content> | RejectedRow
export type PatientRow = Row<Patient>
export type ReadingRow = Row<Reading>
export type PractitionerRow = Row<PractitionerRecord>
export type CardRow = Row<PatientCard>
export type ConsentRow = Row<ConsentRecord>
export type DeviceRecordRow = Row<DeviceRecord>
export type AccessRow = Row<AccessRecord>
export type AssessmentRow = Row<Assessment>
export type ReportRow = Row<PatientReport>

/** Where a record stands in the ledger. */
export type Position = Extract<
  ValueOf<Awaited<ReturnType<ApiClient['patients']['search']>>>['rows'][number],
  { status: 'verified' }
>['position']

/** A verified chart, as `patients.chart` replies. */
export type Chart = ValueOf<Awaited<ReturnType<ApiClient['patients']['chart']>>>
