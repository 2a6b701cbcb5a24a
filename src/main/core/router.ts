/**
 * The API's router: who may call what, and how every outcome becomes a coded result.
 *
 * @remarks
 * Requests are validated against the contract before a handler sees them, replies before they leave. Whoever throws,
 * only a code crosses; what was asked for is never logged. Proven by `tests/main/core/api.test.ts`, which drives
 * every procedure over a real transport.
 *
 * @packageDocumentation
 */
import { implement } from '@orpc/server'
import { contract } from '../../shared/api/contract.ts'
import type { Captures } from './captures.ts'
import type { ScrubEvent, VerifyAllEvent } from '../../shared/api/schemas.ts'
import type { DevicesService } from './devices-service.ts'
import type { EventRuns } from './event-runs.ts'
import { ApiFailure } from './failure.ts'
import { answered, type Fault } from './router-failures.ts'
import type { SessionKeeper } from './session-keeper.ts'
import type { SystemNews } from './system-news.ts'
import type { VaultService } from './vault-service.ts'

/** What the router passes requests on to. */
export interface RouterParts {
  readonly news: SystemNews
  readonly session: SessionKeeper
  readonly captures: Captures
  readonly devices: DevicesService
  readonly vault: VaultService
  readonly verifyRuns: EventRuns<VerifyAllEvent, null>
  readonly scrubRuns: EventRuns<ScrubEvent, string | null>
  /** Settles when the vault has started or failed to; never rejects. */
  readonly started: Promise<void>
  about(): { version: string; notices: string }
  readonly fault: Fault
}

/** Answered while the vault is still starting: all others wait for it. */
const AT_ONCE = new Set(['system.status', 'system.events', 'system.about', 'session.current', 'devices.list'])

/** A handler whose value is wrapped into a result. */
const call =
  <Input, Value>(work: (input: Input) => Value | Promise<Value>) =>
  async ({ input }: { input: Input }) => ({ ok: true as const, value: await work(input) })

const nothing = async (done: unknown): Promise<Record<string, never>> => {
  await done
  return {}
}

/** The whole API on `parts`. */
export function createRouter(parts: RouterParts) {
  const os = implementer(parts)
  return os.router({ ...entrance(os, parts), ...bedside(os, parts), ...records(os, parts), ...disclosure(os, parts) })
}

/** The contract, with what happens around every handler. */
function implementer({ started, fault }: RouterParts) {
  return implement(contract).use(async ({ next, path }, _input, output) => {
    const name = path.join('.')
    if (!AT_ONCE.has(name)) await started
    // Outside of validation, so that a request that does not fit becomes a coded result as well.
    return output(await answered(name, async () => (await next()).output, fault))
  })
}

type Os = ReturnType<typeof implementer>

/** A handler for whoever is signed in: an answer that comes after they have left is not given. */
function signedIn({ session }: RouterParts) {
  return <Input, Value>(work: (input: Input) => Promise<Value>) =>
    call(async (input: Input) => {
      const asker = session.active
      if (asker === null) throw new ApiFailure('NOT_SIGNED_IN')
      const value = await work(input)
      if (session.active?.handle !== asker.handle) throw new ApiFailure('NOT_SIGNED_IN')
      return value
    })
}

/** Before and around signing in. */
function entrance(os: Os, parts: RouterParts) {
  const { news, session, captures, vault } = parts
  return {
    system: {
      status: os.system.status.handler(call(() => news.status)),
      events: os.system.events.handler(({ signal }) => news.listen(signal)),
      about: os.system.about.handler(call(() => parts.about())),
    },
    setup: {
      createClinic: os.setup.createClinic.handler(call((request) => vault.createClinic(request))),
      openDemo: os.setup.openDemo.handler(call(() => nothing(vault.openDemo()))),
      unlock: os.setup.unlock.handler(call(({ passphrase }) => nothing(vault.unlock(passphrase)))),
      restore: os.setup.restore.handler(call((request) => nothing(vault.restoreClinic(request)))),
      recover: os.setup.recover.handler(call((request) => nothing(vault.recover(request)))),
      checkInvitation: os.setup.checkInvitation.handler(call(({ invitation }) => vault.checkInvitation(invitation))),
      joinClinic: os.setup.joinClinic.handler(call((request) => nothing(vault.joinClinic(request)))),
      joinNetwork: os.setup.joinNetwork.handler(call((request) => vault.joinNetwork(request))),
      abandonJoining: os.setup.abandonJoining.handler(call(() => nothing(vault.abandonJoining()))),
      showRecoveryKey: os.setup.showRecoveryKey.handler(signedIn(parts)(({ pin }) => vault.showRecoveryKey(pin))),
      recoveryKeyKept: os.setup.recoveryKeyKept.handler(
        call(({ recoveryKey }) => nothing(vault.recoveryKeyKept(recoveryKey))),
      ),
      backUp: os.setup.backUp.handler(signedIn(parts)(({ folder }) => vault.backUp(folder))),
    },
    session: {
      practitioners: os.session.practitioners.handler(call(() => vault.practitioners())),
      current: os.session.current.handler(call(() => session.current)),
      signIn: os.session.signIn.handler(call(({ handle, pin }) => session.signIn(handle, pin))),
      reauthenticate: os.session.reauthenticate.handler(
        signedIn(parts)(({ pin }) => nothing(vault.reauthenticate(pin))),
      ),
      changePin: os.session.changePin.handler(signedIn(parts)((request) => nothing(vault.changePin(request)))),
      activity: os.session.activity.handler(
        call(() => {
          session.activity()
          if (session.active !== null) captures.activity()
          return {}
        }),
      ),
      lock: os.session.lock.handler(call(() => nothing(session.lock()))),
      signOut: os.session.signOut.handler(call(() => nothing(session.signOut()))),
    },
  }
}

/** Taking readings. */
function bedside(os: Os, parts: RouterParts) {
  const { captures, devices, vault } = parts
  const mine = signedIn(parts)
  return {
    capture: {
      open: os.capture.open.handler(mine(({ handle }) => captures.open(handle))),
      confirmIdentity: os.capture.confirmIdentity.handler(
        call(({ captureId, asked }) => {
          captures.confirmIdentity(captureId, asked)
          return {}
        }),
      ),
      live: os.capture.live.handler(({ input, signal }) => captures.live(input.captureId, input.connectionId, signal)),
      takeLive: os.capture.takeLive.handler(
        mine(({ captureId, connectionId }) => captures.takeLive(captureId, connectionId)),
      ),
      read: os.capture.read.handler(({ input, signal }) => captures.read(input.captureId, input.connectionId, signal)),
      measure: os.capture.measure.handler(({ input, signal }) =>
        captures.measure(input.captureId, input.connectionId, signal),
      ),
      // Once sealed it is said so, even to somebody who locked meanwhile: who is not told signs a second time.
      sign: os.capture.sign.handler(
        call(async ({ captureId, draftIds, manual, authorisation }) => ({
          rows: await captures.sign(captureId, draftIds, manual, authorisation),
        })),
      ),
      close: os.capture.close.handler(call(({ captureId }) => nothing(captures.close(captureId)))),
    },
    tray: {
      list: os.tray.list.handler(mine(() => vault.tray())),
      assign: os.tray.assign.handler(
        mine(async ({ ids, handle, reason, authorisation }) => {
          const as = parts.session.active?.handle ?? ''
          const drafts = await vault.trayDrafts(ids)
          const late = { reason, trayIds: ids }
          return nothing(vault.signReadings({ as, handle, drafts, manual: [], late, authorisation }))
        }),
      ),
      discard: os.tray.discard.handler(mine(({ ids, reason }) => nothing(vault.discardTray(ids, reason)))),
    },
    devices: {
      list: os.devices.list.handler(call(() => devices.list())),
      enrol: os.devices.enrol.handler(
        mine(({ connectionId, label, calibrationDue }) => devices.enrol(connectionId, label, calibrationDue)),
      ),
      enrolments: os.devices.enrolments.handler(mine(() => vault.deviceRegister())),
      revoke: os.devices.revoke.handler(mine(({ handle, reason }) => nothing(devices.revoke(handle, reason)))),
      setCalibration: os.devices.setCalibration.handler(
        mine(({ handle, due }) => nothing(devices.setCalibration(handle, due))),
      ),
      checks: os.devices.checks.handler(mine(() => vault.checks())),
      confirmCheck: os.devices.confirmCheck.handler(mine((request) => nothing(vault.confirmCheck(request)))),
      stateCheck: os.devices.stateCheck.handler(mine((request) => nothing(vault.stateCheck(request)))),
      history: os.devices.history.handler(mine(({ handle }) => vault.deviceHistory(handle))),
      exchange: os.devices.exchange.handler(
        mine(async ({ connectionId }) => {
          // What a device said are values.
          await vault.mustSeeClinical()
          return devices.exchange(connectionId)
        }),
      ),
    },
  }
}

/** What is on record. */
function records(os: Os, parts: RouterParts) {
  const { vault, verifyRuns, scrubRuns } = parts
  const mine = signedIn(parts)
  return {
    people: {
      list: os.people.list.handler(mine(() => vault.people())),
      enrol: os.people.enrol.handler(mine((request) => vault.enrolPractitioner(request))),
      revoke: os.people.revoke.handler(mine((request) => nothing(vault.revokePractitioner(request)))),
      renew: os.people.renew.handler(mine((request) => vault.renewPractitioner(request))),
    },
    patients: {
      search: os.patients.search.handler(
        mine(async ({ text, generation }) => ({
          generation,
          rows: await vault.searchPatients(text),
          unattributedDamage: await vault.unattributedDamage(),
        })),
      ),
      similar: os.patients.similar.handler(mine((patient) => vault.similarPatients(patient))),
      register: os.patients.register.handler(
        mine(({ distinct, ...patient }) => vault.registerPatient(patient, distinct)),
      ),
      scan: os.patients.scan.handler(mine(({ code }) => vault.scanCode(code))),
      chart: os.patients.chart.handler(mine(({ handle, generation }) => vault.chart(handle, generation))),
    },
    ledger: {
      summary: os.ledger.summary.handler(call(() => vault.ledgerSummary())),
      blocks: os.ledger.blocks.handler(call(({ origin, before, limit }) => vault.blocks(origin, before, limit))),
      entries: os.ledger.entries.handler(call(({ origin, from, limit }) => vault.entries(origin, from, limit))),
      verifyAll: os.ledger.verifyAll.handler(({ signal }) => verifyRuns.start(null, signal)),
      scrub: os.ledger.scrub.handler(({ input, signal }) => scrubRuns.start(input.file, signal)),
      incidents: os.ledger.incidents.handler(call(() => vault.incidents())),
      evidence: os.ledger.evidence.handler(call(() => vault.evidence())),
      evidenceFile: os.ledger.evidenceFile.handler(call(({ id }) => vault.evidenceFile(id))),
      importEvidence: os.ledger.importEvidence.handler(call(({ text }) => vault.importEvidence(text))),
      governance: os.ledger.governance.handler(call(() => vault.governance())),
      checkContract: os.ledger.checkContract.handler(call(({ text }) => vault.checkContract(text))),
      publishContract: os.ledger.publishContract.handler(mine(({ text }) => vault.publishContract(text))),
      approveContract: os.ledger.approveContract.handler(mine(({ hash }) => vault.approveContract(hash))),
      discardContract: os.ledger.discardContract.handler(mine(({ hash }) => vault.discardContract(hash))),
      proposeRoster: os.ledger.proposeRoster.handler(mine((change) => vault.proposeRoster(change))),
      approveProposal: os.ledger.approveProposal.handler(mine(() => vault.approveProposal())),
      importProposal: os.ledger.importProposal.handler(mine(({ text }) => vault.importProposal(text))),
      proposalFile: os.ledger.proposalFile.handler(call(() => vault.proposalFile())),
      discardProposal: os.ledger.discardProposal.handler(mine(() => vault.discardProposal())),
      proof: os.ledger.proof.handler(call(({ origin, index }) => vault.proof(origin, index))),
      receipt: os.ledger.receipt.handler(call(({ origin, index }) => vault.receipt(origin, index))),
    },
  }
}

/** What patients decide, who looked, and what leaves. */
function disclosure(os: Os, parts: RouterParts) {
  const { vault } = parts
  const mine = signedIn(parts)
  return {
    cards: {
      list: os.cards.list.handler(mine(({ handle }) => vault.cards(handle))),
      issue: os.cards.issue.handler(mine((request) => vault.issueCard(request))),
      revoke: os.cards.revoke.handler(mine((request) => nothing(vault.revokeCard(request)))),
    },
    consents: {
      sites: os.consents.sites.handler(mine(() => vault.consentSites())),
      list: os.consents.list.handler(mine(({ handle }) => vault.consents(handle))),
      grant: os.consents.grant.handler(mine((request) => vault.grantConsent(request))),
      amend: os.consents.amend.handler(mine((request) => vault.amendConsent(request))),
      revoke: os.consents.revoke.handler(mine((request) => vault.revokeConsent(request))),
    },
    access: {
      emergency: os.access.emergency.handler(mine((request) => vault.breakGlass(request))),
      endEmergency: os.access.endEmergency.handler(mine(({ handle }) => nothing(vault.endEmergency(handle)))),
      list: os.access.list.handler(mine((request) => vault.accessLog(request))),
      emergencies: os.access.emergencies.handler(mine(() => vault.emergencies())),
      review: os.access.review.handler(mine((request) => nothing(vault.reviewEmergency(request)))),
    },
    records: {
      amend: os.records.amend.handler(mine(async (request) => ({ rows: await vault.amendReading(request) }))),
      retract: os.records.retract.handler(mine((request) => nothing(vault.retractReading(request)))),
    },
    assessments: {
      settings: os.assessments.settings.handler(mine(() => vault.decisionSupport())),
      configure: os.assessments.configure.handler(mine((request) => vault.configureSupport(request))),
      draft: os.assessments.draft.handler(mine(({ handle }) => vault.assessmentDraft(handle))),
      record: os.assessments.record.handler(mine((request) => vault.recordAssessment(request))),
      setScale: os.assessments.setScale.handler(mine((request) => vault.setOxygenScale(request))),
    },
    imports: {
      preview: os.imports.preview.handler(mine((request) => vault.previewImport(request))),
      accept: os.imports.accept.handler(mine((request) => vault.acceptImport(request))),
    },
    exports: {
      preview: os.exports.preview.handler(mine((request) => vault.previewExport(request))),
      make: os.exports.make.handler(mine((request) => vault.makeExport(request))),
    },
    erasures: {
      list: os.erasures.list.handler(mine(() => vault.erasures())),
      preview: os.erasures.preview.handler(mine((target) => vault.previewErasure(target))),
      request: os.erasures.request.handler(mine((request) => vault.requestErasure(request))),
      proposals: os.erasures.proposals.handler(mine(() => vault.erasureProposals())),
      approve: os.erasures.approve.handler(mine((request) => vault.approveErasure(request))),
      withdraw: os.erasures.withdraw.handler(mine(({ id }) => nothing(vault.withdrawErasure(id)))),
    },
    network: {
      status: os.network.status.handler(mine(() => vault.networkStatus())),
      configure: os.network.configure.handler(mine((settings) => vault.configureNetwork(settings))),
      invite: os.network.invite.handler(mine((request) => vault.invite(request))),
      withdraw: os.network.withdraw.handler(mine(({ id }) => vault.withdrawInvitation(id))),
      letIn: os.network.letIn.handler(mine((request) => vault.letIn(request))),
    },
    outbox: {
      // Also while nobody can sign in.
      write: os.outbox.write.handler(call((note) => vault.writeOutbox(note))),
      list: os.outbox.list.handler(mine(() => vault.outbox())),
      settled: os.outbox.settled.handler(mine(() => vault.settledNotes())),
      settle: os.outbox.settle.handler(mine((request) => nothing(vault.settleOutbox(request)))),
    },
  }
}
