/**
 * Every request that an open clinic answers, passed on to the part that does the work.
 *
 * @packageDocumentation
 */
import type { Measurement } from '../../../devices/measurement.ts'
import type { DeviceOrigin, EnrolledDevice, ReadContext, VaultEvent, VaultService } from '../vault-service.ts'
import type { Accesses } from './accesses.ts'
import type { Cards } from './cards.ts'
import type { Amendments } from './amendments.ts'
import type { Assessments } from './assessments.ts'
import { asksPatient } from './authorisation.ts'
import { type Clinic, viewerFor } from './clinic.ts'
import type { Consents } from './consents.ts'
import type { DeviceChecks } from './device-checks.ts'
import type { Enrolments } from './enrolments.ts'
import type { Emergencies } from './emergencies.ts'
import type { Erasures } from './erasure.ts'
import type { ErasureProposals } from './erasure-proposals.ts'
import type { EvidenceViews } from './evidence-views.ts'
import type { NetworkService } from '../network/network-service.ts'
import type { Exports } from './exports.ts'
import type { Governance } from './governance.ts'
import type { Imports } from './imports.ts'
import type { KeptCopies } from './kept-copies.ts'
import type { LedgerViews } from './ledger-views.ts'
import type { Notices } from './notices.ts'
import type { OutboxViews } from './outbox-views.ts'
import type { Patients } from './patients.ts'
import type { People } from './people.ts'
import { presence } from './presence.ts'
import type { Readings } from './readings.ts'
import type { Reviews } from './reviews.ts'
import type { Tray } from './tray.ts'
import type { Upkeep } from './upkeep.ts'

/** An open clinic with the parts that work on it. */
export interface Open {
  readonly clinic: Clinic
  readonly people: People
  readonly patients: Patients
  readonly cards: Cards
  readonly copies: KeptCopies
  readonly outbox: OutboxViews
  readonly notices: Notices
  readonly readings: Readings
  readonly enrolments: Enrolments
  readonly deviceChecks: DeviceChecks
  readonly tray: Tray
  readonly ledger: LedgerViews
  readonly upkeep: Upkeep
  readonly amendments: Amendments
  readonly assessments: Assessments
  readonly accesses: Accesses
  readonly reviews: Reviews
  readonly consents: Consents
  readonly emergencies: Emergencies
  readonly imports: Imports
  readonly exports: Exports
  readonly erasures: Erasures
  readonly erasureProposals: ErasureProposals
  readonly evidence: EvidenceViews
  readonly governance: Governance
  readonly network: NetworkService
}

/** What the vault does once a clinic is open. */
export abstract class VaultRequests {
  protected readonly emit: (event: VaultEvent) => void

  protected constructor(emit: (event: VaultEvent) => void) {
    this.emit = emit
  }

  /** The parts of the clinic; throws ApiFailure `WRONG_STATE` or `STATE_UNKNOWN`. */
  protected abstract ready(): Open

  /** The same, or null. */
  protected abstract opened(): Open | null

  practitioners = () => this.ready().people.signInNames()
  people = () => this.ready().people.list()
  signIn = async (handle: string, pin: string) => {
    const { people, clinic } = this.ready()
    const practitioner = await people.signIn(handle, pin)
    // What somebody opened in an emergency is nobody else's.
    clinic.glass.endOthers(handle)
    return practitioner
  }
  reauthenticate = async (pin: string) => {
    await presence(this.ready().clinic, pin)
  }
  changePin = (request: Parameters<VaultService['changePin']>[0]) => this.ready().people.changePin(request)
  revokePractitioner = (request: Parameters<VaultService['revokePractitioner']>[0]) =>
    this.ready().people.revoke(request)
  renewPractitioner = (request: Parameters<VaultService['renewPractitioner']>[0]) => this.ready().people.renew(request)
  enrolPractitioner = (request: Parameters<VaultService['enrolPractitioner']>[0]) => this.ready().people.enrol(request)
  unattributedDamage = async () => Promise.resolve(this.ready().clinic.replica.unattributedDamage().length)
  searchPatients = (text: string) => this.ready().patients.search(text)
  similarPatients = (patient: Parameters<VaultService['similarPatients']>[0]) => this.ready().patients.similar(patient)
  registerPatient = (...[patient, distinct]: Parameters<VaultService['registerPatient']>) =>
    this.ready().patients.register(patient, distinct)
  scanCode = (code: string) => this.ready().patients.scan(code)
  chart = (handle: string, generation: number) => this.ready().patients.chart(handle, generation)
  patient = (handle: string) => this.ready().patients.one(handle)
  mustSeeClinical = async () => {
    await Promise.resolve()
    viewerFor(this.ready().clinic, 'clinical')
  }
  cards = (handle: string) => this.ready().cards.list(handle)
  issueCard = (request: Parameters<VaultService['issueCard']>[0]) => this.ready().cards.issue(request)
  revokeCard = (request: Parameters<VaultService['revokeCard']>[0]) => this.ready().cards.revoke(request)
  outbox = () => this.ready().outbox.list()
  settledNotes = () => this.ready().outbox.settled()
  settleOutbox = (request: Parameters<VaultService['settleOutbox']>[0]) => this.ready().outbox.settle(request)
  enrolments = () => this.ready().enrolments.list()
  enrolDevice = (origin: DeviceOrigin, label: string, calibrationDue: string | null = null) =>
    this.ready().enrolments.enrol(origin, label, calibrationDue)
  deviceRegister = () => this.ready().enrolments.register()
  revokeDevice = (handle: string, reason: string) => this.ready().enrolments.revoke(handle, reason)
  setCalibration = (handle: string, due: string | null) => this.ready().enrolments.setCalibration(handle, due)

  signOut(isLock = false): Promise<void> {
    const open = this.opened()
    open?.people.signOut()
    if (!isLock) open?.clinic.glass.endOthers(null)
    return Promise.resolve()
  }

  draftsOf = async (
    origin: DeviceOrigin,
    enrolled: EnrolledDevice | null,
    measurements: readonly Measurement[],
    context: ReadContext,
  ) => Promise.resolve(this.ready().readings.draftsOf(origin, enrolled, measurements, context))

  async signReadings(request: Parameters<VaultService['signReadings']>[0]) {
    const { readings, tray, clinic } = this.ready()
    const rows = await readings.sign(request)
    if (request.late !== null) clinic.emit({ kind: 'tray', count: tray.count() })
    return rows
  }

  putTray = async (...[reason, drafts]: Parameters<VaultService['putTray']>) => {
    await Promise.resolve()
    this.ready().tray.put(reason, drafts)
  }
  tray = async () => Promise.resolve(this.ready().tray.list())
  putChecks = async (...[reason, drafts]: Parameters<VaultService['putChecks']>) => {
    await Promise.resolve()
    this.ready().tray.put(reason, drafts)
  }
  checks = async () => Promise.resolve(this.ready().tray.checks())
  confirmCheck = ({ id, result, note }: Parameters<VaultService['confirmCheck']>[0]) =>
    this.ready().deviceChecks.confirm(id, result, note)
  stateCheck = (request: Parameters<VaultService['stateCheck']>[0]) => this.ready().deviceChecks.state(request)
  deviceHistory = (handle: string) => this.ready().deviceChecks.history(handle)
  trayDrafts = async (ids: readonly string[]) => Promise.resolve(this.ready().tray.drafts(ids))
  trayCount = async () => Promise.resolve(this.opened()?.tray.count() ?? 0)
  discardTray = async (ids: readonly string[], reason: string) => {
    await Promise.resolve()
    this.ready().tray.discard(ids, reason)
  }

  ledgerSummary = async () => Promise.resolve(this.ready().ledger.summary())
  blocks = async (origin: string | null, before: number | null, limit: number) =>
    Promise.resolve(this.ready().ledger.blocks(origin, before, limit))
  entries = async (origin: string | null, from: number, limit: number) =>
    Promise.resolve(this.ready().ledger.entries(origin, from, limit))
  proof = async (origin: string | null, index: number) => Promise.resolve(this.ready().ledger.proof(origin, index))
  receipt = async (origin: string | null, index: number) => Promise.resolve(this.ready().ledger.receipt(origin, index))
  verifyAll = (run: number) =>
    this.ready().ledger.verifyAll(run, (event) => {
      this.emit({ kind: 'verify-all', run, event })
    })
  cancelVerifyAll = async (run: number) => {
    await Promise.resolve()
    this.opened()?.ledger.cancel(run)
  }

  scrub = (run: number, file: string | null) =>
    this.ready().upkeep.run(run, file, (event) => {
      this.emit({ kind: 'scrub', run, event })
    })
  cancelScrub = async (run: number) => {
    await Promise.resolve()
    this.opened()?.upkeep.cancel(run)
  }
  asksSignature = async (handle: string) => asksPatient(this.ready().clinic, handle)
  amendReading = (request: Parameters<VaultService['amendReading']>[0]) => this.ready().amendments.amend(request)
  retractReading = (request: Parameters<VaultService['retractReading']>[0]) => this.ready().amendments.retract(request)
  consentSites = async () => Promise.resolve(this.ready().consents.sites())
  consents = (handle: string) => this.ready().consents.list(handle)
  grantConsent = (request: Parameters<VaultService['grantConsent']>[0]) => this.ready().consents.grant(request)
  amendConsent = (request: Parameters<VaultService['amendConsent']>[0]) => this.ready().consents.amend(request)
  revokeConsent = (request: Parameters<VaultService['revokeConsent']>[0]) => this.ready().consents.revoke(request)
  accessLog = (request: Parameters<VaultService['accessLog']>[0]) => this.ready().accesses.list(request)
  emergencies = () => this.ready().accesses.emergencies()
  reviewEmergency = (request: Parameters<VaultService['reviewEmergency']>[0]) => this.ready().reviews.review(request)
  breakGlass = (request: Parameters<VaultService['breakGlass']>[0]) => this.ready().emergencies.break(request)
  endEmergency = async (handle: string) => {
    await Promise.resolve()
    this.ready().emergencies.end(handle)
  }
  decisionSupport = () => this.ready().assessments.settings()
  configureSupport = (request: Parameters<VaultService['configureSupport']>[0]) =>
    this.ready().assessments.configure(request)
  assessmentDraft = (handle: string) => this.ready().assessments.draft(handle)
  recordAssessment = (request: Parameters<VaultService['recordAssessment']>[0]) =>
    this.ready().assessments.record(request)
  setOxygenScale = (request: Parameters<VaultService['setOxygenScale']>[0]) =>
    this.ready().assessments.setScale(request)
  previewImport = (request: Parameters<VaultService['previewImport']>[0]) => this.ready().imports.preview(request)
  acceptImport = (request: Parameters<VaultService['acceptImport']>[0]) => this.ready().imports.accept(request)
  previewExport = (request: Parameters<VaultService['previewExport']>[0]) => this.ready().exports.preview(request)
  makeExport = (request: Parameters<VaultService['makeExport']>[0]) => this.ready().exports.make(request)
  erasures = async () => Promise.resolve(this.ready().erasures.list())
  previewErasure = async (target: Parameters<VaultService['previewErasure']>[0]) =>
    Promise.resolve(this.ready().erasureProposals.preview(target))
  requestErasure = (request: Parameters<VaultService['requestErasure']>[0]) =>
    this.ready().erasureProposals.request(request)
  erasureProposals = () => this.ready().erasureProposals.list()
  approveErasure = (request: Parameters<VaultService['approveErasure']>[0]) =>
    this.ready().erasureProposals.approve(request)
  withdrawErasure = async (id: string) => {
    await Promise.resolve()
    this.ready().erasureProposals.withdraw(id)
  }
  incidents = async () => Promise.resolve(this.ready().upkeep.incidents())
  evidence = async () => Promise.resolve(this.ready().evidence.list())
  evidenceFile = async (id: string) => Promise.resolve(this.ready().evidence.file(id))
  importEvidence = async (text: string) => Promise.resolve(this.ready().evidence.import(text))
  governance = async () => Promise.resolve(this.ready().governance.view())
  checkContract = async (text: string) => Promise.resolve(this.ready().governance.checkContract(text))
  publishContract = (text: string) => this.told((governance) => governance.publishContract(text))
  approveContract = (hash: string) => this.told((governance) => governance.approveContract(hash))
  discardContract = (hash: string) => this.told((governance) => governance.discardContract(hash))
  proposeRoster = (change: Parameters<VaultService['proposeRoster']>[0]) =>
    this.told((governance) => governance.propose(change))
  approveProposal = () => this.told((governance) => governance.approve())
  importProposal = (text: string) => this.told((governance) => governance.import(text))
  networkStatus = () => this.ready().network.page.status()
  configureNetwork = (settings: Parameters<VaultService['configureNetwork']>[0]) =>
    this.ready().network.page.configure(settings)
  setReach = (settings: Parameters<VaultService['setReach']>[0]) => this.ready().network.setReach(settings)
  invite = (request: Parameters<VaultService['invite']>[0]) => this.ready().network.page.invite(request)
  withdrawInvitation = (id: string) => this.ready().network.page.withdraw(id)
  letIn = (request: Parameters<VaultService['letIn']>[0]) => this.ready().network.page.letIn(request)

  /** Decides something about the network, and tells other sites. */
  protected async told<Value>(decide: (governance: Governance) => Promise<Value>): Promise<Value> {
    const { governance, network } = this.ready()
    const value = await decide(governance)
    network.governanceChanged()
    return value
  }
  proposalFile = async () => Promise.resolve(this.ready().governance.file())
  discardProposal = () => this.ready().governance.discard()
}
