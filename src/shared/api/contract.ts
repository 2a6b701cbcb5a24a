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
    /** First run. `passphrase` is null when the operating system keeps the node secret. Replies with the recovery key to print, once. */
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
    /** Writes a backup into a folder on this computer; null for the usual place. */
    backUp: call(z.object({ folder: Path.nullable() }), z.object({ file: z.string() })),
  },
  session: {
    /** Practitioners who may sign in here. */
    practitioners: call(Nothing, z.array(s.Practitioner)),
    current: call(Nothing, s.Session.nullable()),
    signIn: call(z.object({ handle: s.Handle, pin: Pin }), s.Session),
    /** The person did something: restarts the idle clock. */
    activity: call(Nothing, Nothing),
    lock: call(Nothing, Nothing),
    signOut: call(Nothing, Nothing),
  },
  people: {
    list: call(Nothing, z.array(s.rowOf(s.Practitioner))),
    enrol: call(z.object({ name: z.string().trim().min(2).max(120), role: s.Role, pin: Pin }), s.Practitioner),
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
    register: call(s.Patient.omit({ handle: true }), s.Patient),
    chart: call(z.object({ handle: s.Handle, generation: z.number().int() }), s.Chart),
  },
  capture: {
    /** Starts a set of observations for one patient. Nothing can be signed until two identifiers are confirmed. */
    open: call(z.object({ handle: s.Handle }), z.object({ captureId: z.string(), patient: PatientRow })),
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
      }),
      z.object({ rows: z.array(s.rowOf(s.Reading)) }),
    ),
    close: call(z.object({ captureId: z.string() }), Nothing),
  },
  tray: {
    list: call(Nothing, z.array(s.TrayItem)),
    assign: call(z.object({ ids: z.array(z.string()).min(1).max(200), handle: s.Handle, reason: Reason }), Nothing),
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
    /** Erases records of a patient on this computer, for ever; what the contract asks for must have signed. */
    erase: call(s.ErasureRequest, s.ErasureReceipt),
    /** What was erased, newest first. */
    erasures: call(Nothing, z.array(s.Erasure)),
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
    publishContract: call(z.object({ text: s.ContractText }), s.Governance),
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
