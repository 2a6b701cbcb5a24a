/**
 * What the API thread asks of the vault thread: everything that touches keys, the ledger or the database.
 *
 * @remarks
 * The vault decides who may do what, by the practitioner whose key it holds and the contract in force; the API thread
 * only passes requests on. Failures are `ApiFailure`s.
 *
 * @packageDocumentation
 */
import type { Measurement } from '../../devices/measurement.ts'
import type { ApiCode } from '../../shared/api/codes.ts'
import type { InferContractRouterInputs } from '@orpc/contract'
import type { Contract } from '../../shared/api/contract.ts'
import type * as api from '../../shared/api/schemas.ts'
import type { z } from 'zod'

/** What a window sends with each call. */
export type Asked = InferContractRouterInputs<Contract>

/** A verified or rejected record of `Content`. */
export type Row<Content> =
  | {
      readonly status: 'verified'
      readonly position: Extract<z.infer<ReturnType<typeof api.rowOf>>, { status: 'verified' }>['position']
      readonly record: Content
    }
  | api.RejectedRow

/** How the vault is started. */
export interface VaultOptions {
  /** Absolute. */
  readonly dataFolder: string
  /** The demonstration clinic is made when there is none. */
  readonly demo: boolean
  /** 32 bytes from the operating system's keystore, or null. */
  readonly nodeSecret: Uint8Array | null
  /** 32 bytes that stand for this computer, or null where it has no such mark: a data folder of another is noticed. */
  readonly machineId?: Uint8Array | null
  /** Cost of scrypt, for tests; the production costs when left out. */
  readonly scryptLogN?: number
}

/** Where the vault stands. */
export interface VaultState {
  readonly state: z.infer<typeof api.SystemState>
  readonly problem: ApiCode | null
  readonly recovery: api.RecoveryStatus | null
  readonly joining: api.JoiningStatus | null
  /** Nobody showed yet that they have the recovery key. */
  readonly recoveryKeyWaits: boolean
  readonly clinic: string | null
  readonly demo: boolean
  readonly systemKeystore: boolean
  readonly demoPins: { handle: string; pin: string }[]
  readonly notices: readonly api.SystemNotice[]
}

/** Which device something came from, as the hub knows it. */
export interface DeviceOrigin {
  readonly family: string
  readonly name: string
  readonly serial: string | null
  readonly port: string
  readonly vendorId: number
  readonly productId: number
  readonly manufacturer: string | null
  readonly kinds: readonly api.ReadingKind[]
  readonly virtual: boolean
}

/** A device that this site enrolled. */
export interface EnrolledDevice {
  readonly handle: string
  readonly label: string
  readonly family: string
  readonly serial: string | null
  readonly port: string | null
  /** From this day on its calibration is due (`YYYY-MM-DD`); absent when nobody said. */
  readonly calibrationDue?: string
}

/** A draft and what must be kept with it when it is signed. */
export interface HeldDraft {
  readonly draft: api.Draft
  /** Exact bytes of the device record. */
  readonly raw: Uint8Array
  /** Handle of the enrolled device; null when it was not enrolled. */
  readonly device: string | null
}

/** When and how something was read from a device. */
export interface ReadContext {
  /** Clock of the workstation, ms since 1970. */
  readonly readAtMs: number
  /** The device's own clock at that moment, local, or null when it has none or cannot be asked. */
  readonly deviceNow: string | null
  /** Live streams only. */
  readonly window: api.Draft['window']
  /** Measured just now and not kept by the device: never the same as another, however alike the numbers. */
  readonly onTheSpot?: true
}

/** What the vault says unasked. */
export type VaultEvent =
  | { readonly kind: 'state'; readonly state: VaultState }
  | { readonly kind: 'chart-changed'; readonly handle: string }
  | { readonly kind: 'ledger'; readonly size: number }
  /** Another node's log has more here than before. */
  | { readonly kind: 'foreign-log'; readonly origin: string }
  /** Entries `[0, size)` of a log are final. */
  | { readonly kind: 'finality'; readonly origin: string; readonly size: number }
  | { readonly kind: 'tray'; readonly count: number }
  | { readonly kind: 'network'; readonly network: api.NetworkSummary }
  | { readonly kind: 'enrolments' }
  /** A practitioner's key is no longer valid: whoever works under it is signed out. */
  | { readonly kind: 'key-ended'; readonly handle: string }
  | { readonly kind: 'verify-all'; readonly run: number; readonly event: api.VerifyAllEvent }
  | { readonly kind: 'scrub'; readonly run: number; readonly event: api.ScrubEvent }

/** What somebody who watches a node from outside is told. */
export interface NetworkHealth {
  readonly sites: number
  /** Other sites that are connected now. */
  readonly connected: number
  readonly isQuorumThere: boolean
  /** Why it does not listen: a code. */
  readonly problem: string | null
  /** Entries that are known to exist and are not verified here. */
  readonly behind: number
  /** Entries that are not final yet. */
  readonly notFinal: number
  /** Logs of which nothing more is taken. */
  readonly stopped: readonly string[]
}

/** How a node stands, for whoever watches it from outside. */
export interface VaultHealth {
  readonly state: VaultState['state']
  readonly problem: ApiCode | null
  /** Null while no clinic is open. */
  readonly network: NetworkHealth | null
}

/** The vault. */
export interface VaultService {
  start(options: VaultOptions): Promise<VaultState>
  close(): Promise<void>
  createClinic(request: {
    clinicName: string
    passphrase: string | null
    administrator: { name: string; pin: string }
  }): Promise<{ recoveryKey: string }>
  openDemo(): Promise<void>
  /** Opens a clinic from a copy of its database. `file` is a path on this computer. */
  restoreClinic(request: { file: string; recoveryKey: string; passphrase: string | null }): Promise<void>
  /** Leaves `recovery-needed`; `file` is the path of another copy of the replica to take missing entries from. */
  recover(request: { recoveryKey: string; file: string | null }): Promise<void>
  /** Writes a backup; `folder` null for the usual place. Replies with the path of the file. */
  /** The recovery key while nobody showed to have it, for IT; null afterwards. */
  showRecoveryKey(pin: string): Promise<{ recoveryKey: string | null }>
  /** Forgets the recovery key that waits: whoever gives it back has it. */
  recoveryKeyKept(text: string): Promise<void>
  /** The recovery key that waits, for a node without people; null for none. */
  unprintedRecoveryKey(): Promise<string | null>
  backUp(folder: string | null): Promise<{ file: string }>
  unlock(passphrase: string): Promise<void>

  practitioners(): Promise<api.Practitioner[]>
  signIn(handle: string, pin: string): Promise<api.Practitioner>
  /** Wipes the key. `isLock`: the same person is expected back, and what they opened in an emergency stays open for them. */
  signOut(isLock?: boolean): Promise<void>
  reauthenticate(pin: string): Promise<void>
  changePin(request: Asked['session']['changePin']): Promise<void>
  people(): Promise<Row<api.PractitionerRecord>[]>
  revokePractitioner(request: Asked['people']['revoke']): Promise<void>
  renewPractitioner(request: Asked['people']['renew']): Promise<api.Practitioner>
  enrolPractitioner(request: { name: string; role: api.Role; pin: string }): Promise<api.Practitioner>

  searchPatients(text: string): Promise<Row<api.Patient>[]>
  /** How many damaged entries cannot be attributed: any of them may have been a patient's. */
  unattributedDamage(): Promise<number>
  similarPatients(patient: Asked['patients']['similar']): Promise<Row<api.Patient>[]>
  registerPatient(patient: Omit<api.Patient, 'handle'>, distinct?: boolean): Promise<api.Patient>
  /** Who a scanned code belongs to; null when nobody is known by it. */
  scanCode(code: string): Promise<Row<api.Patient> | null>
  cards(handle: string): Promise<Row<api.PatientCard>[]>
  issueCard(request: Asked['cards']['issue']): Promise<api.PrintedCard>
  revokeCard(request: Asked['cards']['revoke']): Promise<void>

  consentSites(): Promise<{ id: string; isOwn: boolean }[]>
  consents(handle: string): Promise<Row<api.ConsentRecord>[]>
  grantConsent(request: Asked['consents']['grant']): Promise<Row<api.ConsentRecord>>
  amendConsent(request: Asked['consents']['amend']): Promise<Row<api.ConsentRecord>>
  revokeConsent(request: Asked['consents']['revoke']): Promise<Row<api.ConsentRecord>>
  /** Whether readings of a patient need the patient's signature. */
  asksSignature(handle: string): Promise<boolean>

  breakGlass(request: Asked['access']['emergency']): Promise<{ until: string }>
  endEmergency(handle: string): Promise<void>
  accessLog(request: Asked['access']['list']): Promise<Row<api.AccessRecord>[]>
  emergencies(): Promise<Row<api.AccessRecord>[]>
  reviewEmergency(request: Asked['access']['review']): Promise<void>

  amendReading(request: Asked['records']['amend']): Promise<Row<api.Reading>[]>
  retractReading(request: Asked['records']['retract']): Promise<void>

  decisionSupport(): Promise<api.DecisionSupport>
  configureSupport(request: Asked['assessments']['configure']): Promise<api.DecisionSupport>
  assessmentDraft(handle: string): Promise<api.AssessmentDraft>
  recordAssessment(request: Asked['assessments']['record']): Promise<Row<api.Assessment>>
  setOxygenScale(request: Asked['assessments']['setScale']): Promise<api.OxygenScale>

  previewImport(request: Asked['imports']['preview']): Promise<api.ImportPreview>
  acceptImport(request: Asked['imports']['accept']): Promise<{ recorded: number }>
  previewExport(request: api.ExportRequest): Promise<api.ExportPreview>
  makeExport(request: Asked['exports']['make']): Promise<api.Exported>

  previewErasure(target: Asked['erasures']['preview']): Promise<api.ErasurePreview>
  requestErasure(request: Asked['erasures']['request']): Promise<api.ErasureProposal>
  erasureProposals(): Promise<api.ErasureProposal[]>
  approveErasure(request: Asked['erasures']['approve']): Promise<api.ErasureReceipt>
  withdrawErasure(id: string): Promise<void>

  /** Reads an invitation, while nothing is here yet. */
  checkInvitation(text: string): Promise<api.InvitationFacts>
  joinNetwork(request: Asked['setup']['joinNetwork']): Promise<{ recoveryKey: string }>
  /** A further node of the clinic that invites. */
  joinClinic(request: Asked['setup']['joinClinic']): Promise<void>
  /**
   * As the invitation says, for a node without people: nobody ever signs in there. Its recovery key waits, unless the
   * clinic that invites has one.
   */
  joinWithoutPeople(request: { clinicName: string; passphrase: string | null; invitation: string }): Promise<void>
  /** How a node without people reaches others and is reached. */
  setReach(settings: Partial<Omit<api.NetworkSettings, 'custodians'>>): Promise<void>
  health(): Promise<VaultHealth>
  abandonJoining(): Promise<void>
  networkStatus(): Promise<api.NetworkStatus>
  configureNetwork(settings: api.NetworkSettings): Promise<api.NetworkStatus>
  invite(request: Asked['network']['invite']): Promise<{ id: string; text: string; expiresAt: string }>
  withdrawInvitation(id: string): Promise<api.NetworkStatus>
  letIn(request: Asked['network']['letIn']): Promise<api.NetworkStatus>

  /** Works in every state in which the data folder is known. */
  writeOutbox(note: Asked['outbox']['write']): Promise<{ id: string }>
  outbox(): Promise<api.OutboxNote[]>
  settledNotes(): Promise<api.SettledNote[]>
  settleOutbox(request: Asked['outbox']['settle']): Promise<void>
  chart(handle: string, generation: number): Promise<api.Chart>
  /** Nothing, for whoever may see clinical values. Throws `NOT_SIGNED_IN`, `NOT_ALLOWED`. */
  mustSeeClinical(): Promise<void>
  /** One patient's demographics, for a capture; records the access. */
  patient(handle: string): Promise<Row<api.Patient>>

  enrolments(): Promise<EnrolledDevice[]>
  /** `calibrationDue`: from this day on, null or absent when nobody said. */
  enrolDevice(origin: DeviceOrigin, label: string, calibrationDue?: string | null): Promise<EnrolledDevice>
  /** Every device that was ever enrolled, for whoever is signed in. */
  deviceRegister(): Promise<api.DeviceEnrolment[]>
  /** From now on what this device sends is unauthenticated. Throws `DEVICE_NOT_ENROLLED`. */
  revokeDevice(handle: string, reason: string): Promise<void>
  setCalibration(handle: string, due: string | null): Promise<void>
  /** Drafts of what was read: ids, times, and whether each is in the ledger already. `enrolled` null: unauthenticated. */
  draftsOf(
    origin: DeviceOrigin,
    enrolled: EnrolledDevice | null,
    measurements: readonly Measurement[],
    context: ReadContext,
  ): Promise<HeldDraft[]>
  /** Signs and seals; replies with the rows as verified from the ledger. `late` names why tray items are assigned. */
  signReadings(request: {
    /** Handle of the practitioner who asks: nobody else's key signs it, whoever signed in meanwhile. */
    as: string
    handle: string
    drafts: readonly HeldDraft[]
    manual: readonly api.ManualValue[]
    late: { reason: string; trayIds: readonly string[] } | null
    /** The patient's side, where consent asks for it; null or absent when nobody was asked. */
    authorisation?: api.Authorisation | null
  }): Promise<Row<api.Reading>[]>

  /** Keeps drafts that have no patient. Items already there, or already in the ledger, are left out. */
  putTray(reason: api.TrayItem['reason'], drafts: readonly HeldDraft[]): Promise<void>
  tray(): Promise<api.TrayItem[]>
  /** Keeps what was measured on nobody. What is kept already is kept once. */
  putChecks(reason: api.DeviceCheck['reason'], drafts: readonly HeldDraft[]): Promise<void>
  /** Newest first. */
  checks(): Promise<api.DeviceCheck[]>
  /** Records one of them about its device. Throws `UNKNOWN_TRAY_ITEM`, `DEVICE_NOT_ENROLLED`, `ALREADY_RECORDED`. */
  confirmCheck(request: { id: string; result: 'passed' | 'failed'; note: string | null }): Promise<void>
  stateCheck(request: {
    handle: string
    kind: 'clock' | 'battery'
    result: 'passed' | 'failed'
    note: string | null
  }): Promise<void>
  /** Newest first. */
  deviceHistory(handle: string): Promise<Row<api.DeviceRecord>[]>
  /** The held drafts of tray items. Throws `UNKNOWN_TRAY_ITEM`. */
  trayDrafts(ids: readonly string[]): Promise<HeldDraft[]>
  trayCount(): Promise<number>
  discardTray(ids: readonly string[], reason: string): Promise<void>

  ledgerSummary(): Promise<api.LedgerSummary>
  blocks(origin: string | null, before: number | null, limit: number): Promise<api.LedgerBlock[]>
  entries(origin: string | null, from: number, limit: number): Promise<api.LedgerEntry[]>
  proof(origin: string | null, index: number): Promise<api.Proof>
  receipt(origin: string | null, index: number): Promise<api.ReceiptFile>
  /** Runs in the background and reports as `verify-all` events; ends with `done`. */
  verifyAll(run: number): Promise<void>
  cancelVerifyAll(run: number): Promise<void>
  /** Checks and repairs every row, reports as `scrub` events, ends with `done`. `file`: a second replica, or null. */
  scrub(run: number, file: string | null): Promise<void>
  cancelScrub(run: number): Promise<void>
  incidents(): Promise<api.Incident[]>
  /** Newest first. */
  erasures(): Promise<api.Erasure[]>
  evidence(): Promise<api.Evidence[]>
  evidenceFile(id: string): Promise<api.EvidenceFile>
  importEvidence(text: string): Promise<api.Evidence>

  governance(): Promise<api.Governance>
  /** Reads a contract and says what it would change. Records nothing. */
  checkContract(text: string): Promise<api.ContractCheck>
  publishContract(text: string): Promise<api.Governance>
  approveContract(hash: string): Promise<api.Governance>
  discardContract(hash: string): Promise<api.Governance>
  /** Proposes a change, approves it for this site, and records it when nobody else is needed. */
  proposeRoster(change: api.ProposedChange): Promise<api.Governance>
  approveProposal(): Promise<api.Governance>
  importProposal(text: string): Promise<api.Governance>
  proposalFile(): Promise<api.ProposalFile>
  discardProposal(): Promise<api.Governance>
}
