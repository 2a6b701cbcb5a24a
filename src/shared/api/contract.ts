/**
 * The one API between a window and the core. Nothing else crosses.
 *
 * @remarks
 * Each call replies with a result: the value or a coded failure. Streams are event iterators that end themselves.
 * Patient data appears only inside rows (`rowOf`). Proven by `tests/main/core/api.test.ts`, which drives every
 * procedure over a real transport.
 *
 * @packageDocumentation
 */
import { eventIterator, oc } from '@orpc/contract'
import { z } from 'zod'
import * as s from './schemas.ts'

const Nothing = z.object({})
const PatientRow = s.rowOf(s.Patient)
const Reason = z.string().trim().min(3).max(200)
const CheckResult = z.enum(['passed', 'failed'])
/** A remark; null for none. */
const Note = z.string().trim().min(1).max(200).nullable()
const Pin = z.string().min(4).max(64)
/** An absolute path on the computer that the core runs on. */
const Path = z
  .string()
  .trim()
  .min(2)
  .max(1000)
  .regex(/^(?:\/|[A-Za-z]:[\\/]|\\\\)[^\u0000]*$/)
/** Text of an invitation, as it was pasted or scanned. */
const Invitation = z.string().min(20).max(3000)
/** Which log of the site; null for the one that is being written. */
const Origin = z.string().max(200).nullable()

/** A call: request in, result out. */
const call = <Request extends z.ZodType, Value extends z.ZodType>(request: Request, value: Value) =>
  oc.input(request).output(s.resultOf(value))

/** A stream of events. */
const stream = <Request extends z.ZodType, Event extends z.ZodType>(request: Request, event: Event) =>
  oc.input(request).output(eventIterator(event))

export const contract = {
  system: {
    status: call(Nothing, s.SystemStatus),
    /** Sends the present state of everything first, then changes. */
    events: stream(Nothing, s.SystemEvent),
    /** Names of licences and versions for the About page. */
    about: call(Nothing, z.object({ version: z.string(), notices: z.string() })),
  },
  setup: {
    /** First run. `passphrase` is null when the operating system keeps the node secret. Replies with the recovery key to print. */
    createClinic: call(
      z.object({
        clinicName: z.string().trim().min(2).max(80),
        passphrase: z.string().max(200).nullable(),
        administrator: z.object({ name: z.string().trim().min(2).max(120), pin: Pin }),
      }),
      z.object({ recoveryKey: z.string() }),
    ),
    openDemo: call(Nothing, Nothing),
    unlock: call(z.object({ passphrase: z.string().max(200) }), Nothing),
    /** First run, with the printed recovery key and a copy of the database on this computer. */
    restore: call(
      z.object({ file: Path, recoveryKey: z.string().max(200), passphrase: z.string().max(200).nullable() }),
      Nothing,
    ),
    /** Leaves `recovery-needed`, with another copy of the database where there is one. */
    recover: call(z.object({ recoveryKey: z.string().max(200), file: Path.nullable() }), Nothing),
    /** First run: who gave an invitation, and for what. Nothing is made, and nobody is called. */
    checkInvitation: call(z.object({ invitation: Invitation }), s.InvitationFacts),
    /** First run, with an invitation of a clinic that is to share its ledger. Replies with the recovery key to print. */
    joinNetwork: call(
      z.object({
        clinicName: z.string().trim().min(2).max(80),
        passphrase: z.string().max(200).nullable(),
        administrator: z.object({ name: z.string().trim().min(2).max(120), pin: Pin }),
        invitation: Invitation,
      }),
      z.object({ recoveryKey: z.string() }),
    ),
    /** First run, with an invitation of the clinic that this computer is to work for. */
    joinClinic: call(z.object({ passphrase: z.string().max(200).nullable(), invitation: Invitation }), Nothing),
    /** Leaves `joining`: nothing of it stays. */
    abandonJoining: call(Nothing, Nothing),
    /** The recovery key for IT to print, while nobody showed to have it; null afterwards. */
    showRecoveryKey: call(z.object({ pin: Pin }), z.object({ recoveryKey: z.string().nullable() })),
    /** Whoever gives the recovery key back has it: it is kept no longer. */
    recoveryKeyKept: call(z.object({ recoveryKey: z.string().max(200) }), Nothing),
    /** Writes a backup into a folder on this computer; null for the usual place. */
    backUp: call(z.object({ folder: Path.nullable() }), z.object({ file: z.string() })),
  },
  session: {
    /** Practitioners who may sign in here. */
    practitioners: call(Nothing, z.array(s.Practitioner)),
    current: call(Nothing, s.Session.nullable()),
    signIn: call(z.object({ handle: s.Handle, pin: Pin }), s.Session),
    /** Proves presence again. What is signed within the next minutes needs no other proof. */
    reauthenticate: call(z.object({ pin: Pin }), Nothing),
    /** Of whoever is signed in. */
    changePin: call(z.object({ oldPin: Pin, newPin: Pin }), Nothing),
    /** The person did something: restarts the idle clock. */
    activity: call(Nothing, Nothing),
    lock: call(Nothing, Nothing),
    signOut: call(Nothing, Nothing),
  },
  people: {
    list: call(Nothing, z.array(s.rowOf(s.PractitionerRecord))),
    enrol: call(z.object({ name: z.string().trim().min(2).max(120), role: s.Role, pin: Pin }), s.Practitioner),
    /** From now on this practitioner signs nothing. */
    revoke: call(z.object({ handle: s.Handle, reason: Reason, pin: Pin }), Nothing),
    /**
     * A new key under a new PIN, for somebody who forgot theirs or was revoked. `name` only where the enrolment does not
     * verify any more: nobody knows it then.
     */
    renew: call(
      z.object({
        handle: s.Handle,
        name: z.string().trim().min(2).max(120).nullable().default(null),
        newPin: Pin,
        pin: Pin,
      }),
      s.Practitioner,
    ),
  },
  patients: {
    /** Every patient when `text` is empty. Matches names, identifier and birth date. Records one access entry for the view. */
    search: call(
      z.object({ text: z.string().max(100), generation: z.number().int() }),
      z.object({
        generation: z.number().int(),
        rows: z.array(PatientRow),
        /** Damaged entries nobody can attribute: a patient may be missing. */ unattributedDamage: z
          .number()
          .int()
          .nonnegative(),
      }),
    ),
    /** Patients who might be the same person. Records one access entry. */
    similar: call(s.Patient.omit({ handle: true }), z.array(PatientRow)),
    /** `distinct`: somebody looked at those who might be the same, and says that this is another person. */
    register: call(s.Patient.omit({ handle: true }).extend({ distinct: z.boolean().default(false) }), s.Patient),
    /** Who a wristband or a card belongs to: identifier, GS1 element string, or the text of a card. Null for nobody known. */
    scan: call(z.object({ code: z.string().trim().min(1).max(400) }), PatientRow.nullable()),
    chart: call(z.object({ handle: s.Handle, generation: z.number().int() }), s.Chart),
  },
  cards: {
    list: call(z.object({ handle: s.Handle }), z.array(s.rowOf(s.PatientCard))),
    /** Makes a card, under a PIN that the patient or the guardian chooses. What is printed is told once. */
    issue: call(
      z.object({
        handle: s.Handle,
        capacity: z.enum(['patient', 'guardian']),
        holder: z.string().trim().min(2).max(120).nullable(),
        cardPin: Pin,
        pin: Pin,
      }),
      s.PrintedCard,
    ),
    revoke: call(z.object({ handle: s.Handle, cardId: s.EntryId, reason: Reason, pin: Pin }), Nothing),
  },
  consents: {
    /** Sites that a consent may name. */
    sites: call(Nothing, z.array(z.object({ id: z.string().max(200), isOwn: z.boolean() }))),
    /** Every version of every consent of a patient, oldest first. */
    list: call(z.object({ handle: s.Handle }), z.array(s.rowOf(s.ConsentRecord))),
    grant: call(
      z.object({
        handle: s.Handle,
        terms: s.ConsentTerms,
        words: z.array(z.string().max(2000)).min(1).max(40),
        authorisation: s.Authorisation,
        second: s.SecondSigner.nullable(),
        pin: Pin,
      }),
      s.rowOf(s.ConsentRecord),
    ),
    amend: call(
      z.object({
        handle: s.Handle,
        consentId: s.EntryId,
        terms: s.ConsentTerms,
        words: z.array(z.string().max(2000)).min(1).max(40),
        authorisation: s.Authorisation,
        second: s.SecondSigner.nullable(),
        pin: Pin,
      }),
      s.rowOf(s.ConsentRecord),
    ),
    /** With the card, or as the patient said it: taking back must be as easy as giving. */
    revoke: call(
      z.object({
        handle: s.Handle,
        consentId: s.EntryId,
        reason: Reason,
        card: s.CardProof.nullable(),
        pin: Pin,
      }),
      s.rowOf(s.ConsentRecord),
    ),
  },
  access: {
    /** Opens one patient's data for an hour although no consent covers it. Recorded before anything is shown. */
    emergency: call(
      z.object({ handle: s.Handle, reason: s.EmergencyReason, text: z.string().trim().min(10).max(500), pin: Pin }),
      z.object({ until: s.Instant }),
    ),
    endEmergency: call(z.object({ handle: s.Handle }), Nothing),
    /** Who looked: at one patient, or at anybody. Newest first, below `before` when given. */
    list: call(
      z.object({
        handle: s.Handle.nullable(),
        before: s.Instant.nullable(),
        limit: z.number().int().min(1).max(200),
      }),
      z.array(s.rowOf(s.AccessRecord)),
    ),
    /** Emergencies, those without a review first. */
    emergencies: call(Nothing, z.array(s.rowOf(s.AccessRecord))),
    review: call(
      z.object({
        ref: s.EntryRef,
        outcome: s.ReviewOutcome,
        remark: z.string().trim().min(3).max(500).nullable(),
        pin: Pin,
      }),
      Nothing,
    ),
  },
  records: {
    /** Takes the place of a reading; the old one stays, struck through. */
    amend: call(
      z.object({
        handle: s.Handle,
        ref: s.EntryRef,
        value: s.ManualValue,
        reason: Reason,
        /** The patient's side, where consent asks for it. */
        authorisation: s.Authorisation.nullable().default(null),
      }),
      z.object({ rows: z.array(s.rowOf(s.Reading)) }),
    ),
    /** Says that a reading should not be there: wrong patient, wrong value. */
    retract: call(z.object({ handle: s.Handle, ref: s.EntryRef, reason: Reason }), Nothing),
  },
  assessments: {
    settings: call(Nothing, s.DecisionSupport),
    /** The clinic's responsible physician switches a module on or off, and signs that. */
    configure: call(z.object({ news2: z.boolean(), pin: Pin }), s.DecisionSupport),
    /** What the newest set of observations gives; nothing is recorded but the access. */
    draft: call(z.object({ handle: s.Handle }), s.AssessmentDraft),
    /** Records the same, if it still gives the same total from the same entries. */
    record: call(
      z.object({ handle: s.Handle, total: z.number().int(), inputs: z.array(s.EntryRef).length(7) }),
      s.rowOf(s.Assessment),
    ),
    setScale: call(
      z.object({ handle: s.Handle, scale: z.union([z.literal(1), z.literal(2)]), reason: Reason, pin: Pin }),
      s.OxygenScale,
    ),
  },
  imports: {
    preview: call(z.object({ handle: s.Handle, text: s.ImportText }), s.ImportPreview),
    /** Records what is new in it. */
    accept: call(
      z.object({ handle: s.Handle, text: s.ImportText, card: s.CardProof.nullable() }),
      z.object({ recorded: z.number().int().nonnegative() }),
    ),
  },
  exports: {
    preview: call(s.ExportRequest, s.ExportPreview),
    make: call(
      s.ExportRequest.extend({
        pin: Pin,
        /** With it the patient's own copy holds everything, also what the patient keeps closed here. */
        card: s.CardProof.nullable().default(null),
      }),
      s.Exported,
    ),
  },
  erasures: {
    /** What was erased, newest first. */
    list: call(Nothing, z.array(s.Erasure)),
    preview: call(s.ErasureTarget, s.ErasurePreview),
    /** The first signature. Nothing is erased yet. */
    request: call(
      s.ErasureTarget.extend({ reason: s.ErasureCode, authority: s.ErasureCode, pin: Pin }),
      s.ErasureProposal,
    ),
    proposals: call(Nothing, z.array(s.ErasureProposal)),
    /** The second signature, by somebody else: erases on this computer, for ever. */
    approve: call(z.object({ id: s.EntryId, pin: Pin }), s.ErasureReceipt),
    withdraw: call(z.object({ id: s.EntryId }), Nothing),
  },
  network: {
    status: call(Nothing, s.NetworkStatus),
    configure: call(s.NetworkSettings, s.NetworkStatus),
    /** Makes an invitation for another clinic, or for a workstation of this one. Its text is told once. */
    invite: call(
      z.object({
        days: z.number().int().min(1).max(30),
        kind: z.enum(['site', 'workstation']).optional(),
        /** What people here call the clinic, as soon as it is in. Shown here only. */
        name: s.SiteLabel.optional(),
        pin: Pin,
      }),
      z.object({ id: s.EntryId, text: z.string().max(700), expiresAt: s.Instant }),
    ),
    withdraw: call(z.object({ id: s.EntryId }), s.NetworkStatus),
    /** Lets a workstation in that asked with an invitation, under the code that it shows. */
    letIn: call(z.object({ id: s.EntryId, code: z.string().trim().min(4).max(40), pin: Pin }), s.NetworkStatus),
  },
  outbox: {
    /** Keeps what somebody wrote down while nothing can be recorded. Needs nobody signed in, and no key. */
    write: call(s.OutboxNote.omit({ id: true, writtenAt: true }), z.object({ id: s.EntryId })),
    /** Notes that wait, oldest first. */
    list: call(Nothing, z.array(s.OutboxNote)),
    /** What became of others in the last 90 days. */
    settled: call(Nothing, z.array(s.SettledNote)),
    /** Taken over by hand, or not needed: leaves the list. */
    settle: call(z.object({ id: s.EntryId, reason: Reason }), Nothing),
  },
  capture: {
    /** Starts a set of observations for one patient. Nothing can be signed until two identifiers are confirmed. */
    open: call(
      z.object({ handle: s.Handle }),
      z.object({ captureId: z.string(), patient: PatientRow, asksSignature: z.boolean() }),
    ),
    /** The person says which identifiers the patient was asked for. */
    confirmIdentity: call(
      z.object({
        captureId: z.string(),
        asked: z
          .array(z.enum(['name', 'birth-date', 'identifier']))
          .min(2)
          .max(3),
      }),
      Nothing,
    ),
    /** Live samples while somebody listens. The driver is stopped when the iterator is closed. */
    live: stream(z.object({ captureId: z.string(), connectionId: z.string() }), s.LiveEvent),
    /** Reduces the present stable window to drafts (SpO2 and pulse). */
    takeLive: call(z.object({ captureId: z.string(), connectionId: z.string() }), z.array(s.Draft)),
    /** Reads a device's memory into drafts. */
    read: stream(z.object({ captureId: z.string(), connectionId: z.string() }), s.ReadEvent),
    /** Drafts of each measurement as a device finishes it, while somebody listens. */
    measure: stream(z.object({ captureId: z.string(), connectionId: z.string() }), s.ReadEvent),
    /** Signs, seals and verifies what was chosen. What was read and not chosen goes to the tray when the capture closes. */
    sign: call(
      z.object({
        captureId: z.string(),
        draftIds: z.array(z.string()).max(200),
        manual: z.array(s.ManualValue).max(20),
        /** The patient's side, where consent asks for it. */
        authorisation: s.Authorisation.nullable().default(null),
      }),
      z.object({ rows: z.array(s.rowOf(s.Reading)) }),
    ),
    close: call(z.object({ captureId: z.string() }), Nothing),
  },
  tray: {
    list: call(Nothing, z.array(s.TrayItem)),
    assign: call(
      z.object({
        ids: z.array(z.string()).min(1).max(200),
        handle: s.Handle,
        reason: Reason,
        /** The patient's side, where consent asks for it. */
        authorisation: s.Authorisation.nullable().default(null),
      }),
      Nothing,
    ),
    discard: call(z.object({ ids: z.array(z.string()).min(1).max(500), reason: Reason }), Nothing),
  },
  devices: {
    list: call(Nothing, z.array(s.Device)),
    enrol: call(
      z.object({
        connectionId: z.string(),
        label: z.string().trim().min(2).max(60),
        /** From this day on its calibration is due. */
        calibrationDue: s.DateOnly.nullable().default(null),
      }),
      s.Device,
    ),
    /** Every device that this site ever enrolled. */
    enrolments: call(Nothing, z.array(s.DeviceEnrolment)),
    /** From now on what this device sends is unauthenticated. */
    revoke: call(z.object({ handle: s.Handle, reason: Reason }), Nothing),
    /** Says from which day on the calibration of a device is due; null for never. */
    setCalibration: call(z.object({ handle: s.Handle, due: s.DateOnly.nullable() }), Nothing),
    /** Control solution, rooms and refrigerators: newest first. None of it belongs to a patient. */
    checks: call(Nothing, z.array(s.DeviceCheck)),
    /** Records one of them as a statement about its device. */
    confirmCheck: call(z.object({ id: s.EntryId, result: CheckResult, note: Note }), Nothing),
    /** Records what somebody found out about a device's clock or battery. */
    stateCheck: call(
      z.object({ handle: s.Handle, kind: z.enum(['clock', 'battery']), result: CheckResult, note: Note }),
      Nothing,
    ),
    /** Everything on record about a device, newest first. */
    history: call(z.object({ handle: s.Handle }), z.array(s.rowOf(s.DeviceRecord))),
    /** The newest exchange with a device as a capture file, for support. */
    exchange: call(z.object({ connectionId: z.string() }), s.ExchangeFile),
  },
  ledger: {
    summary: call(Nothing, s.LedgerSummary),
    /** Newest first, below `before` when given. */
    blocks: call(
      z.object({ origin: Origin, before: z.number().int().nullable(), limit: z.number().int().min(1).max(200) }),
      z.array(s.LedgerBlock),
    ),
    entries: call(
      z.object({ origin: Origin, from: z.number().int().min(0), limit: z.number().int().min(1).max(500) }),
      z.array(s.LedgerEntry),
    ),
    verifyAll: stream(Nothing, s.VerifyAllEvent),
    /** Checks every row and repairs what can be; from a second replica on this computer when IT names one. */
    scrub: stream(z.object({ file: Path.nullable() }), s.ScrubEvent),
    /** What went wrong and was recorded, newest first. */
    incidents: call(Nothing, z.array(s.Incident)),
    /** Proofs that somebody signed two versions of a log. */
    evidence: call(Nothing, z.array(s.Evidence)),
    evidenceFile: call(z.object({ id: s.Hash }), s.EvidenceFile),
    /** Takes a proof from a file. One about the log of this node ends that log. */
    importEvidence: call(z.object({ text: z.string().min(1).max(140_000) }), s.Evidence),
    /** Who is in the network, by which rules it works, and what waits for approval. */
    governance: call(Nothing, s.Governance),
    /** Says what a contract would change. */
    checkContract: call(z.object({ text: s.ContractText }), s.ContractCheck),
    /** Approves a text for this site. It is in force when enough sites approved it. */
    publishContract: call(z.object({ text: s.ContractText }), s.Governance),
    approveContract: call(z.object({ hash: s.Hash }), s.Governance),
    discardContract: call(z.object({ hash: s.Hash }), s.Governance),
    /** Proposes a roster, approves it for this site, and records it when nobody else is needed. */
    proposeRoster: call(s.ProposedChange, s.Governance),
    approveProposal: call(Nothing, s.Governance),
    /** Takes a proposal from a file. One that is complete is recorded. */
    importProposal: call(z.object({ text: z.string().min(1).max(140_000) }), s.Governance),
    proposalFile: call(Nothing, s.ProposalFile),
    discardProposal: call(Nothing, s.Governance),
    proof: call(z.object({ origin: Origin, index: z.number().int().min(0) }), s.Proof),
    /** The same proof for somebody without Chartseal's database. */
    receipt: call(z.object({ origin: Origin, index: z.number().int().min(0) }), s.ReceiptFile),
  },
}

/** The contract's type: the router implements it, the client is derived from it. */
export type Contract = typeof contract
