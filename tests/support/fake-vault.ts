/**
 * A vault in memory: no keys, no ledger, no files. Keeps what it is given, and says what it was asked.
 */
import { createHash } from 'node:crypto'
import type {
  DeviceOrigin,
  EnrolledDevice,
  HeldDraft,
  ReadContext,
  Row,
  VaultEvent,
  VaultService,
  VaultState,
} from '../../src/main/core/vault-service.ts'
import { ApiFailure } from '../../src/main/core/failure.ts'
import type { Measurement } from '../../src/devices/measurement.ts'
import type {
  Chart,
  ContractCheck,
  ContractProposal,
  Governance,
  Patient,
  Evidence,
  Incident,
  Proof,
  ProposedChange,
  ReceiptFile,
  Reading,
  RejectedRow,
  TrayItem,
  DeviceCheck,
  DeviceRecord,
} from '../../src/shared/api/schemas.ts'
import { GRADE, NOW, PIN } from './fake-vault-people.ts'
import { FakeNetwork } from './fake-vault-network.ts'
import { handleOf, hashOf, PATIENTS, PRACTITIONERS } from './fake-data.ts'
import { GOVERNANCE, nextContract, nextRoster, WAITING, WAITING_CONTRACT } from './fake-governance.ts'

const BLOCK = {
  block: 0,
  firstIndex: 0,
  count: 4,
  size: 4,
  root: hashOf(1),
  hash: hashOf(2),
  previousHash: null,
  sealedAt: NOW,
  grade: GRADE,
  problem: null,
}

const EVIDENCE: Evidence = {
  id: hashOf(8),
  origin: 'site/1',
  isOwn: true,
  byLog: true,
  sites: [],
  olderSize: 3,
  newerSize: 4,
  receivedAt: NOW,
}

/** What a patient whose record does not verify looks like. */
export const REJECTED: RejectedRow = {
  status: 'rejected',
  step: 'signatures',
  reason: 'does not verify',
  origin: 'site/1',
  index: 7,
  entryId: null,
  seq: null,
}

/** A state in which the application works. */
export const READY: VaultState = {
  notices: [],
  joining: null,
  state: 'ready',
  problem: null,
  recovery: null,
  clinic: 'Harbour Street Clinic',
  demo: false,
  systemKeystore: false,
  demoPins: [],
  recoveryKeyWaits: false,
}

export { PIN }

/** The vault; tests may change its fields at any time. */
export class FakeVault extends FakeNetwork implements VaultService {
  emit: (event: VaultEvent) => void = () => undefined
  state: VaultState = READY
  devices: EnrolledDevice[] = []
  /** Ids of drafts that are in the ledger. */
  readonly recorded = new Set<string>()
  /** The log of checks. */
  readonly kept: DeviceCheck[] = []
  /** What was said about devices. */
  readonly stated: { handle: string; record: DeviceRecord }[] = []
  readonly items = new Map<string, { item: TrayItem; held: HeldDraft }>()
  /** What was signed, in order. */
  readonly signings: { handle: string; kinds: string[]; late: string | null }[] = []
  readonly cancelled: number[] = []
  /** Verification of everything stops before its end, until it is cancelled. */
  endlessVerification = false

  async start() {
    await this.enter('start')
    return this.state
  }
  async close() {
    await this.enter('close')
  }
  async createClinic() {
    await this.enter('createClinic')
    this.#reach({ ...READY, clinic: 'New clinic' })
    return { recoveryKey: 'AAAA-BBBB' }
  }
  async openDemo() {
    await this.enter('openDemo')
    this.#reach({ ...READY, demo: true, demoPins: [{ handle: PRACTITIONERS[0]!.handle, pin: PIN }] })
  }
  async restoreClinic({ recoveryKey }: { recoveryKey: string }) {
    await this.enter('restoreClinic')
    if (recoveryKey !== 'AAAA-BBBB') throw new ApiFailure('BAD_RECOVERY_KEY')
    this.#reach({ ...READY, clinic: 'Restored clinic' })
  }
  async recover({ recoveryKey }: { recoveryKey: string }) {
    await this.enter('recover')
    if (recoveryKey !== 'AAAA-BBBB') throw new ApiFailure('BAD_RECOVERY_KEY')
    this.#reach(READY)
  }
  async showRecoveryKey() {
    await this.enter('showRecoveryKey')
    return { recoveryKey: 'AAAA-BBBB' }
  }
  async recoveryKeyKept(text: string) {
    await this.enter('recoveryKeyKept')
    if (text !== 'AAAA-BBBB') throw new ApiFailure('BAD_RECOVERY_KEY')
  }
  async unprintedRecoveryKey() {
    await this.enter('unprintedRecoveryKey')
    return null
  }
  async backUp(folder: string | null) {
    await this.enter('backUp')
    return { file: `${folder ?? '/data/backups'}/chartseal-1.backup` }
  }
  async unlock(passphrase: string) {
    await this.enter('unlock')
    if (passphrase !== 'correct horse battery') throw new ApiFailure('WRONG_PASSPHRASE')
    this.#reach(READY)
  }

  async unattributedDamage() {
    return Promise.resolve(0)
  }

  async searchPatients(text: string) {
    await this.enter('searchPatients')
    return PATIENTS.filter(({ familyName }) => familyName.includes(text)).map((patient) => this.row(patient))
  }
  async chart(handle: string, generation: number): Promise<Chart> {
    await this.enter('chart')
    const head = { origin: 'site/1', size: 4, root: hashOf(1) }
    const patient = this.#patient(handle)
    const nothing = { readings: [], assessments: [], reports: [], own: [], chainLength: 1, unattributedDamage: 0 }
    const consent = { state: 'none' as const, classes: [], until: null, asksSignature: false, emergencyUntil: null }
    const oxygenScale = { scale: 1 as const, by: null, at: null, reason: null }
    return { handle, generation, patient, ...nothing, consent, oxygenScale, checkedAt: NOW, head }
  }
  async asksSignature() {
    return Promise.resolve(false)
  }
  async patient(handle: string): Promise<Row<Patient>> {
    await this.enter('patient')
    return this.#patient(handle)
  }

  async enrolments() {
    await this.enter('enrolments')
    return [...this.devices]
  }
  async enrolDevice(origin: DeviceOrigin, label: string, calibrationDue: string | null = null) {
    await this.enter('enrolDevice')
    if (this.signedIn?.role !== 'it') throw new ApiFailure('NOT_ALLOWED')
    const port = origin.serial === null ? origin.port : null
    const due = calibrationDue === null ? {} : { calibrationDue }
    const device = { handle: this.fresh(), label, family: origin.family, serial: origin.serial, port, ...due }
    this.devices.push(device)
    this.emit({ kind: 'enrolments' })
    return device
  }
  async deviceRegister() {
    await this.enter('deviceRegister')
    return this.devices.map(({ calibrationDue = null, ...device }) => ({
      ...device,
      name: 'A device',
      kinds: ['spo2' as const],
      calibrationDue,
      revoked: null,
    }))
  }
  async revokeDevice(handle: string) {
    await this.enter('revokeDevice')
    if (this.signedIn?.role !== 'it') throw new ApiFailure('NOT_ALLOWED')
    if (!this.devices.some((device) => device.handle === handle)) throw new ApiFailure('DEVICE_NOT_ENROLLED')
    this.devices = this.devices.filter((device) => device.handle !== handle)
    this.emit({ kind: 'enrolments' })
  }
  async setCalibration(handle: string, due: string | null) {
    await this.enter('setCalibration')
    const device = this.devices.find((one) => one.handle === handle)
    if (device === undefined) throw new ApiFailure('DEVICE_NOT_ENROLLED')
    const { calibrationDue: _, ...rest } = device
    this.devices = this.devices.map((one) =>
      one === device ? { ...rest, ...(due === null ? {} : { calibrationDue: due }) } : one,
    )
    this.emit({ kind: 'enrolments' })
  }
  async draftsOf(
    origin: DeviceOrigin,
    enrolled: EnrolledDevice | null,
    measurements: readonly Measurement[],
    context: ReadContext,
  ): Promise<HeldDraft[]> {
    await this.enter('draftsOf')
    return measurements.map((measurement) => this.#held(origin, enrolled, measurement, context))
  }
  async signReadings(request: Parameters<VaultService['signReadings']>[0]): Promise<Row<Reading>[]> {
    await this.enter('signReadings')
    const { handle, drafts, manual, late } = request
    if (this.signedIn === null) throw new ApiFailure('NOT_SIGNED_IN')
    for (const { draft } of drafts) this.recorded.add(draft.draftId)
    for (const id of late?.trayIds ?? []) this.items.delete(id)
    const kinds = [...drafts.map(({ draft }) => draft.kind), ...manual.map(({ kind }) => kind)]
    this.signings.push({ handle, kinds, late: late?.reason ?? null })
    this.emit({ kind: 'chart-changed', handle })
    const performer = this.signedIn.name
    return drafts.map(({ draft: { draftId: _, alreadyRecorded: __, ...context } }) =>
      this.row({ ...context, setId: 'set', recordedAt: NOW, performer, test: true }),
    )
  }

  async putTray(reason: TrayItem['reason'], drafts: readonly HeldDraft[]) {
    await this.enter('putTray')
    for (const held of drafts) {
      const id = held.draft.draftId
      if (!this.recorded.has(id) && !this.items.has(id))
        this.items.set(id, { held, item: { id, receivedAt: NOW, reason, draft: held.draft } })
    }
    this.emit({ kind: 'tray', count: this.items.size })
  }
  async putChecks(reason: DeviceCheck['reason'], drafts: readonly HeldDraft[]) {
    await this.enter('putChecks')
    for (const { draft, device } of drafts)
      this.kept.push({ id: draft.draftId, receivedAt: NOW, reason, draft, device, recorded: false })
  }
  async checks() {
    await this.enter('checks')
    return this.kept
  }
  async confirmCheck({ id }: { id: string }) {
    await this.enter('confirmCheck')
    const check = this.kept.find((one) => one.id === id)
    if (check === undefined) throw new ApiFailure('UNKNOWN_TRAY_ITEM')
    if (check.recorded) throw new ApiFailure('ALREADY_RECORDED')
    check.recorded = true
  }
  async stateCheck({ handle, kind, result, note }: Parameters<VaultService['stateCheck']>[0]) {
    await this.enter('stateCheck')
    const by = this.signedIn?.name ?? ''
    this.stated.push({ handle, record: { kind, at: NOW, by, result, due: null, quantities: [], note } })
  }
  async deviceHistory(handle: string) {
    await this.enter('deviceHistory')
    return this.stated.filter((one) => one.handle === handle).map(({ record }) => this.row(record))
  }
  async mustSeeClinical() {
    await this.enter('mustSeeClinical')
  }
  async tray() {
    await this.enter('tray')
    return [...this.items.values()].map(({ item }) => item)
  }
  async trayDrafts(ids: readonly string[]) {
    await this.enter('trayDrafts')
    return ids.map((id) => {
      const one = this.items.get(id)
      if (one === undefined) throw new ApiFailure('UNKNOWN_TRAY_ITEM')
      return one.held
    })
  }
  async trayCount() {
    await this.enter('trayCount')
    return this.items.size
  }
  async discardTray(ids: readonly string[]) {
    await this.enter('discardTray')
    for (const id of ids) if (!this.items.delete(id)) throw new ApiFailure('UNKNOWN_TRAY_ITEM')
  }

  async ledgerSummary() {
    await this.enter('ledgerSummary')
    const sites = {
      sites: 1,
      faultySitesTolerated: 0,
      quorum: 1,
      policy: 'solo',
      policyMode: 'solo' as const,
      final: 4,
    }
    const head = {
      network: hashOf(3),
      origin: 'site/1',
      size: 4,
      root: hashOf(1),
      blocks: 1,
      sealedAt: NOW,
      closed: [],
    }
    return { ...head, ...sites, highWaterMark: 'equal' as const }
  }
  async blocks(_origin: string | null, before: number | null) {
    await this.enter('blocks')
    return before === null ? [BLOCK] : []
  }
  async entries(_origin: string | null, from: number) {
    await this.enter('entries')
    return [
      {
        index: from,
        entryId: handleOf(from),
        type: 'reading',
        at: NOW,
        signedBy: ['device'],
        subject: null,
        problem: null,
      },
    ]
  }
  async proof(_origin: string | null, index: number): Promise<Proof> {
    await this.enter('proof')
    if (index >= 4) throw new ApiFailure('UNKNOWN_ENTRY')
    const ids = {
      networkId: hashOf(3),
      rosters: ['a0'],
      opened: null,
      seal: 'a0',
      sealPath: [],
      origin: 'site/1',
      logKey: hashOf(4),
      index,
      size: 4,
    }
    const tree = { entry: 'a1', leaf: hashOf(5), path: [hashOf(6)], checkpoint: 'site/1\n4\n', block: BLOCK }
    return { ...ids, ...tree, grade: GRADE, type: 'seal', at: NOW, subject: null, payload: null, signatures: [] }
  }
  async receipt(_origin: string | null, index: number): Promise<ReceiptFile> {
    await this.enter('receipt')
    if (index >= 4) throw new ApiFailure('UNKNOWN_ENTRY')
    return { fileName: `site-1-${index}.tlog-proof`, text: 'c2sp.org/tlog-proof@v1\n' }
  }
  async verifyAll(run: number) {
    await this.enter('verifyAll')
    const tell = (event: Extract<VaultEvent, { kind: 'verify-all' }>['event']): void =>
      this.emit({ kind: 'verify-all', run, event })
    tell({ kind: 'progress', done: 2, total: 4 })
    if (this.endlessVerification) return
    tell({ kind: 'finding', origin: 'site/1', index: 3, step: 'inclusion', reason: 'leaf differs' })
    tell({ kind: 'done', checked: 4, findings: 1, ms: 12 })
  }
  async cancelVerifyAll(run: number) {
    await this.enter('cancelVerifyAll')
    this.cancelled.push(run)
  }
  async scrub(run: number, file: string | null) {
    await this.enter('scrub')
    const tell = (event: Extract<VaultEvent, { kind: 'scrub' }>['event']): void =>
      this.emit({ kind: 'scrub', run, event })
    tell({ kind: 'progress', done: 2, total: 4 })
    if (this.endlessVerification) return
    const outcome = file === null ? 'open' : 'repaired'
    tell({ kind: 'finding', what: 'entry', origin: 'site/1', index: 3, outcome, reason: 'it is missing' })
    const counts = { open: file === null ? 1 : 0, repaired: file === null ? 0 : 1, removed: 0 }
    tell({ kind: 'done', checked: 4, ...counts, isWhole: true, ms: 12 })
  }
  async cancelScrub(run: number) {
    await this.enter('cancelScrub')
    this.cancelled.push(run)
  }
  async incidents(): Promise<Incident[]> {
    await this.enter('incidents')
    const ranges = [{ from: 3, to: 4 }]
    const rows = [{ origin: 'site/1', kind: 'entry' as const, outcome: 'repaired' as const, count: 1, ranges }]
    return [
      {
        origin: 'site/1',
        index: 3,
        entryId: handleOf(9),
        at: NOW,
        kind: 'rows.repaired',
        claimed: null,
        nodes: [],
        rows,
      },
    ]
  }

  async evidence(): Promise<Evidence[]> {
    await this.enter('evidence')
    return [EVIDENCE]
  }
  async evidenceFile(id: string) {
    await this.enter('evidenceFile')
    if (id !== EVIDENCE.id) throw new ApiFailure('UNKNOWN_ENTRY')
    return { fileName: 'site-1.fork', text: 'chartseal/fork/v1\n' }
  }
  async importEvidence(text: string): Promise<Evidence> {
    await this.enter('importEvidence')
    if (!text.startsWith('chartseal/fork/v1\n')) throw new ApiFailure('NOT_EVIDENCE')
    return EVIDENCE
  }

  #governance: Governance = { ...GOVERNANCE, proposal: WAITING, contractProposals: [WAITING_CONTRACT] }
  async governance(): Promise<Governance> {
    await this.enter('governance')
    return this.#governance
  }
  async checkContract(text: string): Promise<ContractCheck> {
    await this.enter('checkContract')
    if (!text.includes('permit')) throw new ApiFailure('BAD_CONTRACT', { detail: 'no rule' })
    return { version: 2, hash: hashOf(71), added: ['new-rule'], removed: [], changed: [] }
  }
  async publishContract(text: string): Promise<Governance> {
    await this.enter('publishContract')
    await this.checkContract(text)
    return (this.#governance = nextContract(this.#governance, text))
  }
  async approveContract(hash: string): Promise<Governance> {
    await this.enter('approveContract')
    const waiting = this.#contractOf(hash)
    return (this.#governance = nextContract(this.#governance, waiting.text))
  }
  async discardContract(hash: string): Promise<Governance> {
    await this.enter('discardContract')
    this.#contractOf(hash)
    return (this.#governance = { ...this.#governance, contractProposals: [] })
  }
  #contractOf(hash: string): ContractProposal {
    const waiting = this.#governance.contractProposals.find((one) => one.hash === hash)
    if (waiting === undefined) throw new ApiFailure('NO_PROPOSAL')
    return waiting
  }
  async proposeRoster(change: ProposedChange): Promise<Governance> {
    await this.enter('proposeRoster')
    if (change.kind !== 'ceremony' && this.#governance.proposal !== null) throw new ApiFailure('RIVAL_PROPOSAL')
    return (this.#governance = nextRoster(this.#governance, change))
  }
  async approveProposal(): Promise<Governance> {
    await this.enter('approveProposal')
    const { proposal } = this.#governance
    if (proposal === null) throw new ApiFailure('NO_PROPOSAL')
    return (this.#governance = { ...this.#governance, proposal: { ...proposal, isApproved: true, votesMissing: 0 } })
  }
  async importProposal(text: string): Promise<Governance> {
    await this.enter('importProposal')
    if (!text.startsWith('chartseal/roster-proposal/v1\n')) throw new ApiFailure('BAD_PROPOSAL')
    return (this.#governance = { ...this.#governance, proposal: WAITING })
  }
  async proposalFile() {
    await this.enter('proposalFile')
    if (this.#governance.proposal === null) throw new ApiFailure('NO_PROPOSAL')
    return { fileName: 'roster-2.roster', text: 'chartseal/roster-proposal/v1\n' }
  }
  async discardProposal(): Promise<Governance> {
    await this.enter('discardProposal')
    return (this.#governance = { ...this.#governance, proposal: null })
  }

  protected override joining(inviter: string | null): void {
    const joining =
      inviter === null ? null : { inviter, state: 'asked' as const, problem: null, expiresAt: NOW, code: null }
    this.#reach({ ...READY, state: joining === null ? 'first-run' : 'joining', joining })
  }

  #reach(state: VaultState): void {
    this.state = state
    this.emit({ kind: 'state', state })
  }

  #patient(handle: string): Row<Patient> {
    const patient = PATIENTS.find((one) => one.handle === handle)
    if (patient === undefined) throw new ApiFailure('UNKNOWN_PATIENT')
    // The last of them has a damaged record.
    return patient === PATIENTS.at(-1) ? REJECTED : this.row(patient)
  }

  #held(origin: DeviceOrigin, enrolled: EnrolledDevice | null, of: Measurement, context: ReadContext): HeldDraft {
    const draftId = createHash('sha256').update(`${origin.port}|${of.recordKey}`).digest('hex').slice(0, 32)
    const draft = {
      draftId,
      kind: of.kind,
      quantities: of.quantities,
      measuredAt: new Date(context.readAtMs).toISOString(),
      method: enrolled === null ? ('unauthenticated-device' as const) : ('device' as const),
      deviceLabel: enrolled?.label ?? null,
      flags: of.flags,
      site: null,
      deviceTime: of.deviceTime,
      deviceClockOffsetS: null,
      window: context.window,
      alreadyRecorded: this.recorded.has(draftId),
    }
    return { draft, raw: of.raw, device: enrolled?.handle ?? null }
  }
}
