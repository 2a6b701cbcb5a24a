/**
 * One call for each procedure of the contract, as somebody who works in the prepared clinic would make it: what is
 * refused is refused for want of permission, and not because the request makes no sense.
 */
import { readFileSync } from 'node:fs'
import { resourceFile } from '../../src/main/core/resource-file.ts'
import type { AssessmentDraft, ExportRequest } from '../../src/shared/api/schemas.ts'
import { weight } from '../faults/support/clinic.ts'
import { grantOf, PIN, type World } from './consent-world.ts'
import { first } from './core-world.ts'
import { DIARY } from './patient-files.ts'
import { PLANTED, type MatrixWorld } from './permission-world.ts'

const NOWHERE = 'ee'.repeat(16)
const HASH = '0'.repeat(64)
const CONTRACT = readFileSync(resourceFile('contracts', 'default-v1.cedar'), 'utf8')

/** A node that keeps to itself. */
const REACH = { port: null, discovery: false, relay: false, announce: [], peers: [], custodians: [] }

type Call = (world: MatrixWorld) => Promise<unknown>

/** The capture of this asker, opened when it is first needed; of who may open none, one that is not there. */
async function captureOf({ client, patient }: MatrixWorld): Promise<string> {
  const reply = await client.capture.open({ handle: patient.handle })
  return reply.ok ? reply.value.captureId : NOWHERE
}

/** A capture in which the patient was identified. */
async function identified(world: MatrixWorld): Promise<string> {
  const captureId = await captureOf(world)
  await world.client.capture.confirmIdentity({ captureId, asked: ['name', 'birth-date'] })
  return captureId
}

/** A stream up to the event that fits, or its end. */
async function until<Event extends { kind: string }>(
  stream: Promise<AsyncIterable<Event>>,
  fits: (event: Event) => boolean,
): Promise<unknown> {
  const event = await first(await stream, (one) => one.kind === 'ended' || fits(one))
  return 'code' in event && event.code !== null ? { ok: false, code: event.code } : { ok: true, value: event }
}

const measured = (event: { kind: string; stableS?: number }) => event.kind === 'samples' && (event.stableS ?? 0) >= 5

async function live(world: MatrixWorld, captureId: string): Promise<unknown> {
  return until(world.client.capture.live({ captureId, connectionId: world.spo2 }), measured)
}

/** What a grant asks, with the words that the window would show. */
function termsFor({ vault, patient, team, site }: MatrixWorld) {
  const clinic = (() => ({ identity: { site } })) as unknown as World['clinic']
  const world: World = { vault, team, clinic, folder: '', events: [], clock: { nowMs: 0 } }
  return grantOf(world, patient)
}

const patientNew = (n: number) => ({
  ...{ familyName: `Otherwise${String(n)}`, givenName: 'Neu', birthDate: '2001-02-03', gender: 'male' as const },
  identifier: `MRN-9000${String(n)}`,
})
const exportOf = ({ patient }: MatrixWorld): ExportRequest => ({
  ...{ handle: patient.handle, purpose: 'care', recipient: 'Hospital', format: 'bundle', from: null, until: null },
})
const scoreOf = async ({ client, patient }: MatrixWorld) => {
  const draft = await client.assessments.draft({ handle: patient.handle })
  const none = { total: 0, inputs: Array.from({ length: 7 }, () => ({ origin: NOWHERE, index: 0 })) }
  return draft.ok ? (scoreIn(draft.value) ?? none) : none
}
const scoreIn = (draft: AssessmentDraft) =>
  draft.state === 'complete'
    ? { total: draft.assessment.total, inputs: draft.assessment.inputs.map(({ ref }) => ref) }
    : null
/** Of the erasures that wait, the one that this asker did not ask for. */
const proposalOf = ({ asker, proposals }: MatrixWorld, n: 0 | 1) =>
  asker === 'it' ? proposals.byPhysician[n] : proposals.byIt[n]

/** By name of the procedure. */
export const CALLS: Readonly<Record<string, Call>> = {
  'system.status': ({ client }) => client.system.status({}),
  'system.events': ({ client }) => until(client.system.events({}), () => true),
  'system.about': ({ client }) => client.system.about({}),
  'setup.createClinic': ({ client }) =>
    client.setup.createClinic({
      ...{ clinicName: 'Second clinic', passphrase: null, administrator: { name: 'Somebody', pin: PIN } },
    }),
  'setup.openDemo': ({ client }) => client.setup.openDemo({}),
  'setup.unlock': ({ client }) => client.setup.unlock({ passphrase: 'correct horse battery' }),
  'setup.restore': ({ client }) => client.setup.restore({ file: '/tmp/x.backup', recoveryKey: 'A', passphrase: null }),
  'setup.recover': ({ client }) => client.setup.recover({ recoveryKey: 'A', file: null }),
  'setup.checkInvitation': ({ client }) =>
    client.setup.checkInvitation({ invitation: 'chartseal invitation that is none' }),
  'setup.joinNetwork': ({ client }) =>
    client.setup.joinNetwork({
      ...{ clinicName: 'Second clinic', passphrase: null, administrator: { name: 'Somebody', pin: PIN } },
      invitation: 'chartseal invitation that is none',
    }),
  'setup.joinClinic': ({ client }) =>
    client.setup.joinClinic({ passphrase: null, invitation: 'chartseal invitation that is none' }),
  'setup.abandonJoining': ({ client }) => client.setup.abandonJoining({}),
  'setup.showRecoveryKey': ({ client }) => client.setup.showRecoveryKey({ pin: PIN }),
  'setup.recoveryKeyKept': ({ client }) => client.setup.recoveryKeyKept({ recoveryKey: 'A' }),
  'setup.backUp': ({ client }) => client.setup.backUp({ folder: null }),
  'session.practitioners': ({ client }) => client.session.practitioners({}),
  'session.current': ({ client }) => client.session.current({}),
  'session.signIn': ({ client, team, asker }) =>
    client.session.signIn({ handle: asker === 'nobody' || asker === 'locked' ? team.nurse : team[asker], pin: PIN }),
  'session.reauthenticate': ({ client }) => client.session.reauthenticate({ pin: PIN }),
  'session.changePin': ({ client }) => client.session.changePin({ oldPin: PIN, newPin: '8264' }),
  'session.activity': ({ client }) => client.session.activity({}),
  'session.lock': ({ client }) => client.session.lock({}),
  'session.signOut': ({ client }) => client.session.signOut({}),
  'people.list': ({ client }) => client.people.list({}),
  'people.enrol': ({ client }) => client.people.enrol({ name: 'Newly Enrolled', role: 'nurse', pin: '7391' }),
  'people.revoke': ({ client, colleague }) =>
    client.people.revoke({ handle: colleague, reason: 'left the clinic', pin: PIN }),
  'people.renew': ({ client, colleague }) => client.people.renew({ handle: colleague, newPin: '7391', pin: PIN }),
  'patients.search': ({ client }) => client.patients.search({ text: '', generation: 1 }),
  'patients.similar': ({ client, patient }) => {
    // What is asked is no answer: somebody whose number and name were misheard.
    const { birthDate, gender } = patient
    return client.patients.similar({
      ...{ familyName: 'Zwiebelturn', givenName: 'Ludmila-Xanthe', birthDate, gender, identifier: 'MRN-77003149' },
    })
  },
  'patients.register': ({ client }) => client.patients.register({ ...patientNew(1), distinct: true }),
  'patients.scan': ({ client, patient }) => client.patients.scan({ code: patient.identifier }),
  'patients.chart': ({ client, patient }) => client.patients.chart({ handle: patient.handle, generation: 1 }),
  'cards.list': ({ client, patient }) => client.cards.list({ handle: patient.handle }),
  'cards.issue': ({ client, patient }) =>
    client.cards.issue({ handle: patient.handle, capacity: 'patient', holder: null, cardPin: '6402', pin: PIN }),
  'cards.revoke': ({ client, patient, cards }) =>
    client.cards.revoke({ handle: patient.handle, cardId: cards.spare, reason: 'lost', pin: PIN }),
  'consents.sites': ({ client }) => client.consents.sites({}),
  'consents.list': ({ client, patient }) => client.consents.list({ handle: patient.handle }),
  'consents.grant': (world) => world.client.consents.grant(termsFor(world)),
  'consents.amend': (world) =>
    world.client.consents.amend({ ...termsFor(world), consentId: world.consentId ?? NOWHERE }),
  'consents.revoke': ({ client, patient, consentId }) =>
    client.consents.revoke({
      ...{ handle: patient.handle, consentId: consentId ?? NOWHERE, reason: 'not any more', card: null, pin: PIN },
    }),
  'access.emergency': ({ client, patient }) =>
    client.access.emergency({
      ...{ handle: patient.handle, reason: 'life-threat', text: 'found on the floor', pin: PIN },
    }),
  'access.endEmergency': ({ client, patient }) => client.access.endEmergency({ handle: patient.handle }),
  'access.list': ({ client, patient }) => client.access.list({ handle: patient.handle, before: null, limit: 50 }),
  'access.emergencies': ({ client }) => client.access.emergencies({}),
  'access.review': ({ client, emergency }) =>
    client.access.review({ ref: emergency, outcome: 'justified', remark: null, pin: PIN }),
  'records.amend': ({ client, patient, weights }) =>
    client.records.amend({
      ...{ handle: patient.handle, ref: weights[1], value: weight('71.5'), reason: 'typed wrong' },
    }),
  'records.retract': ({ client, patient, weights }) =>
    client.records.retract({ handle: patient.handle, ref: weights[2], reason: 'wrong patient' }),
  'assessments.settings': ({ client }) => client.assessments.settings({}),
  'assessments.configure': ({ client }) => client.assessments.configure({ news2: true, pin: PIN }),
  'assessments.draft': ({ client, patient }) => client.assessments.draft({ handle: patient.handle }),
  'assessments.record': async (world) =>
    world.client.assessments.record({ handle: world.patient.handle, ...(await scoreOf(world)) }),
  'assessments.setScale': ({ client, patient }) =>
    client.assessments.setScale({ handle: patient.handle, scale: 2, reason: 'hypercapnia', pin: PIN }),
  'imports.preview': ({ client, patient }) =>
    client.imports.preview({ handle: patient.handle, text: JSON.stringify(diary()) }),
  'imports.accept': ({ client, patient }) =>
    client.imports.accept({ handle: patient.handle, text: JSON.stringify(diary()), card: null }),
  'exports.preview': (world) => world.client.exports.preview(exportOf(world)),
  'exports.make': (world) => world.client.exports.make({ ...exportOf(world), pin: PIN }),
  'erasures.list': ({ client }) => client.erasures.list({}),
  'erasures.preview': ({ client, patient }) => client.erasures.preview({ handle: patient.handle, records: null }),
  'erasures.request': ({ client, patient }) =>
    client.erasures.request({
      ...{ handle: patient.handle, records: null, reason: 'patient-request', authority: 'gdpr-17', pin: PIN },
    }),
  'erasures.proposals': ({ client }) => client.erasures.proposals({}),
  'erasures.approve': (world) => world.client.erasures.approve({ id: proposalOf(world, 0), pin: PIN }),
  'erasures.withdraw': (world) => world.client.erasures.withdraw({ id: proposalOf(world, 1) }),
  'network.status': ({ client }) => client.network.status({}),
  'network.configure': ({ client }) => client.network.configure(REACH),
  'network.invite': ({ client }) => client.network.invite({ days: 3, pin: PIN }),
  'network.withdraw': ({ client }) => client.network.withdraw({ id: NOWHERE }),
  'network.letIn': ({ client }) => client.network.letIn({ id: NOWHERE, code: 'ABCD-EFGH-JKLM', pin: PIN }),
  'outbox.write': ({ client }) =>
    client.outbox.write({ writer: 'Nora', patient: 'Bed 5', note: 'by hand', values: [] }),
  'outbox.list': ({ client }) => client.outbox.list({}),
  'outbox.settled': ({ client }) => client.outbox.settled({}),
  'outbox.settle': ({ client, noteId }) => client.outbox.settle({ id: noteId, reason: 'entered by hand' }),
  'capture.open': ({ client, patient }) => client.capture.open({ handle: patient.handle }),
  'capture.confirmIdentity': async (world) =>
    world.client.capture.confirmIdentity({ captureId: await captureOf(world), asked: ['name', 'birth-date'] }),
  'capture.live': async (world) => live(world, await captureOf(world)),
  'capture.takeLive': async (world) => {
    const captureId = await captureOf(world)
    await live(world, captureId)
    return world.client.capture.takeLive({ captureId, connectionId: world.spo2 })
  },
  'capture.read': async (world) =>
    until(
      world.client.capture.read({ captureId: await captureOf(world), connectionId: world.cuff }),
      (event) => event.kind === 'drafts',
    ),
  'capture.measure': async (world) =>
    until(world.client.capture.measure({ captureId: await captureOf(world), connectionId: world.cuff }), () => false),
  'capture.sign': async (world) =>
    world.client.capture.sign({
      ...{ captureId: await identified(world), draftIds: [], manual: [weight(PLANTED.body[3])] },
    }),
  'capture.close': async (world) => world.client.capture.close({ captureId: await captureOf(world) }),
  'tray.list': ({ client }) => client.tray.list({}),
  'tray.assign': ({ client, patient, trayIds }) =>
    client.tray.assign({ ids: [trayIds[0]], handle: patient.handle, reason: 'found later' }),
  'tray.discard': ({ client, trayIds }) => client.tray.discard({ ids: [trayIds[1]], reason: 'finger of a visitor' }),
  'devices.list': ({ client }) => client.devices.list({}),
  'devices.enrol': ({ client, cuff }) => client.devices.enrol({ connectionId: cuff, label: 'Cuff ward 3' }),
  'devices.enrolments': ({ client }) => client.devices.enrolments({}),
  'devices.revoke': ({ client, device }) => client.devices.revoke({ handle: device, reason: 'fell into the sink' }),
  'devices.setCalibration': ({ client, device }) => client.devices.setCalibration({ handle: device, due: null }),
  'devices.checks': ({ client }) => client.devices.checks({}),
  'devices.confirmCheck': ({ client, checkId }) =>
    client.devices.confirmCheck({ id: checkId, result: 'passed', note: null }),
  'devices.stateCheck': ({ client, device }) =>
    client.devices.stateCheck({ handle: device, kind: 'clock', result: 'passed', note: null }),
  'devices.history': ({ client, device }) => client.devices.history({ handle: device }),
  'devices.exchange': ({ client, cuff }) => client.devices.exchange({ connectionId: cuff }),
  'ledger.summary': ({ client }) => client.ledger.summary({}),
  'ledger.blocks': ({ client }) => client.ledger.blocks({ origin: null, before: null, limit: 50 }),
  'ledger.entries': ({ client }) => client.ledger.entries({ origin: null, from: 0, limit: 500 }),
  'ledger.verifyAll': ({ client }) => until(client.ledger.verifyAll({}), ({ kind }) => kind === 'done'),
  'ledger.scrub': ({ client }) => until(client.ledger.scrub({ file: null }), ({ kind }) => kind === 'done'),
  'ledger.incidents': ({ client }) => client.ledger.incidents({}),
  'ledger.evidence': ({ client }) => client.ledger.evidence({}),
  'ledger.evidenceFile': ({ client }) => client.ledger.evidenceFile({ id: HASH }),
  'ledger.importEvidence': ({ client }) => client.ledger.importEvidence({ text: 'chartseal/fork/v1\nnone' }),
  'ledger.governance': ({ client }) => client.ledger.governance({}),
  'ledger.checkContract': ({ client }) => client.ledger.checkContract({ text: changedContract() }),
  'ledger.publishContract': ({ client }) => client.ledger.publishContract({ text: changedContract() }),
  'ledger.approveContract': ({ client }) => client.ledger.approveContract({ hash: HASH }),
  'ledger.discardContract': ({ client }) => client.ledger.discardContract({ hash: HASH }),
  'ledger.proposeRoster': ({ client }) => client.ledger.proposeRoster({ kind: 'mirror-key' }),
  'ledger.approveProposal': ({ client }) => client.ledger.approveProposal({}),
  'ledger.importProposal': ({ client }) => client.ledger.importProposal({ text: 'chartseal/roster-proposal/v1\nnone' }),
  'ledger.proposalFile': ({ client }) => client.ledger.proposalFile({}),
  'ledger.discardProposal': ({ client }) => client.ledger.discardProposal({}),
  'ledger.proof': ({ client, weights }) => client.ledger.proof(weights[0]),
  'ledger.receipt': ({ client, weights }) => client.ledger.receipt(weights[0]),
}

/** More than one person may let it be recorded: it stays the same file. */
function diary() {
  return { ...DIARY, authored: '2026-02-20T07:30:00+01:00' }
}

/** The same rules with another word of advice. */
function changedContract(): string {
  return CONTRACT.replace('@advice("This is for IT.")', '@advice("IT does this.")')
}
