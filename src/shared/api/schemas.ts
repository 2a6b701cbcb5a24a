/**
 * What crosses the API, as schemas: every request and every reply is validated against these on entry.
 *
 * @remarks
 * Bytes travel as lower-case hex. Measured values travel as decimal text with the digits of the device, never as
 * numbers. Times are ISO 8601 with offset. Records arrive as {@link Row}s: verified with content, or rejected with
 * the failed step and no content.
 *
 * @packageDocumentation
 */
import { z } from 'zod'
import { API_CODES, PROVEN, VERIFY_STEPS } from './codes.ts'
import {
  Decimal,
  DateOnly,
  EntryId,
  Grade,
  Handle,
  Hash,
  hexOf,
  hexUpTo,
  Instant,
  Role,
  rowOf,
  words,
} from './primitives.ts'

import { ConsentStanding } from './consent-schemas.ts'
import { JoiningStatus, NetworkSummary } from './network-schemas.ts'
import { Assessment, Correction, EntryRef, OxygenScale, PatientReport } from './record-schemas.ts'

export * from './primitives.ts'
export * from './consent-schemas.ts'
export * from './record-schemas.ts'
export * from './network-schemas.ts'

export const Patient = z.object({
  handle: Handle,
  familyName: words(100),
  givenName: words(100),
  birthDate: DateOnly,
  gender: z.enum(['female', 'male', 'other', 'unknown']),
  /** Medical record number, the second identifier. */
  identifier: words(40),
  /** Another site, whose record it is and which shares it; absent for the own. */
  site: z.string().max(200).optional(),
})
export type Patient = z.infer<typeof Patient>

export const Practitioner = z.object({ handle: Handle, name: words(120), role: Role })
export type Practitioner = z.infer<typeof Practitioner>

/** A practitioner as on record; a revoked one signs nothing any more. */
export const PractitionerRecord = Practitioner.extend({
  enrolledAt: Instant,
  revoked: z.object({ at: Instant, reason: z.string().max(200) }).nullable(),
})
export type PractitionerRecord = z.infer<typeof PractitionerRecord>

export const READING_KINDS = [
  'blood-pressure',
  'heart-rate',
  'spo2',
  'temperature',
  'respiratory-rate',
  'consciousness',
  'oxygen',
  'weight',
  'body-composition',
  'glucose',
  'sensor-glucose',
  'ketone',
  'environment',
] as const
export const ReadingKind = z.enum(READING_KINDS)
export type ReadingKind = z.infer<typeof ReadingKind>

/** One measured quantity of a reading. */
export const Quantity = z.object({
  /** Which quantity: `systolic`, `diastolic`, `mean`, `pulse`, `spo2`, … (keys of the clinical code table). */
  name: z.string().max(40),
  /** Digits as measured; null when the value is coded (consciousness, air) or off scale without a limit. */
  value: Decimal.nullable(),
  /** The device showed HI or LO: the value is its limit, not a measurement; null when nobody knows the limit. */
  comparator: z.enum(['<', '>']).nullable(),
  /** UCUM code, and the unit as shown. Empty for coded values. */
  ucum: z.string().max(20),
  unit: z.string().max(20),
  /** Coded value (`alert`, `confusion`, `voice`, `pain`, `unresponsive`, `air`, `oxygen`), else null. */
  coded: z.string().max(40).nullable(),
})
export type Quantity = z.infer<typeof Quantity>

/** How the value came: from an enrolled device, typed by hand, or from a device that was not enrolled. */
export const Method = z.enum(['device', 'manual', 'unauthenticated-device', 'patient-reported'])
export type Method = z.infer<typeof Method>

/** What a device and its driver say about one measurement. Shared by drafts and recorded readings. */
const MeasurementContext = z.object({
  kind: ReadingKind,
  quantities: z.array(Quantity).min(1).max(6),
  /** When it was measured, by our clock where the device has none. */
  measuredAt: Instant,
  method: Method,
  deviceLabel: z.string().max(100).nullable(),
  /** Status bits and remarks, as codes: `irregular-pulse`, `movement`, `off-scale`, `confirmed-unusual`, … */
  flags: z.array(z.string().max(40)).max(16),
  /** Where and how, as codes or short text: `right-upper-arm`, `tympanic`, … */
  site: z.string().max(40).nullable(),
  /** The device's own clock at the measurement (local, no zone), and how far it was off ours when read. */
  deviceTime: z.string().max(30).nullable(),
  deviceClockOffsetS: z.number().int().nullable(),
  /** Live streams: the stable window that was reduced to this value. */
  window: z.object({ seconds: z.number().int(), min: Decimal, max: Decimal }).nullable(),
})

/** A recorded reading. */
export const Reading = MeasurementContext.extend({
  /** Readings signed together. */
  setId: z.string().max(40),
  recordedAt: Instant,
  performer: z.string().max(120),
  /** Why it was given to this patient from the tray; absent when it was signed at the bedside. */
  assignedBecause: z.string().min(1).max(200).optional(),
  /** Demonstration or test data. */
  test: z.boolean(),
  /** What became of it; absent while it stands. */
  correction: Correction.optional(),
  /** The entry that it takes the place of. */
  amends: EntryRef.optional(),
  /** How the patient's side signed it, where consent asks for that: absent when nobody was asked. */
  authorised: z.enum(['patient', 'guardian', 'incapable']).optional(),
  /** Why the patient could not sign; goes with `incapable`. */
  unsignedBecause: z.string().min(1).max(200).optional(),
})
export type Reading = z.infer<typeof Reading>

/** A value read from a device and not signed yet. Never shown as a record. */
export const Draft = MeasurementContext.extend({
  draftId: hexOf(16),
  /** The same device record is already in the ledger. */
  alreadyRecorded: z.boolean(),
})
export type Draft = z.infer<typeof Draft>

/** One value typed by hand. */
export const ManualValue = z.object({
  kind: ReadingKind,
  quantities: z
    .array(
      z.object({
        name: z.string().max(40),
        value: Decimal.nullable(),
        ucum: z.string().max(20),
        coded: z.string().max(40).nullable(),
      }),
    )
    .min(1)
    .max(4),
  site: z.string().max(40).nullable(),
  /** The person confirmed an unusual value. */
  confirmed: z.boolean(),
})
export type ManualValue = z.infer<typeof ManualValue>

export const DeviceStatus = z.enum(['connecting', 'ready', 'measuring', 'needs-attention', 'unsupported'])

export const Device = z.object({
  /** Stable while plugged in. */
  connectionId: z.string().max(120),
  /** Driver family such as `contec-28e9-028a`; null when unsupported. */
  family: z.string().max(60).nullable(),
  name: z.string().max(100),
  proven: z.enum(PROVEN).nullable(),
  /** How it gives its readings: a stream, one by one as they are measured, or out of its memory. */
  mode: z.enum(['live', 'spot', 'memory']).nullable(),
  /** It keeps readings that can be asked for. */
  memory: z.boolean(),
  kinds: z.array(ReadingKind),
  serial: z.string().max(80).nullable(),
  port: z.string().max(120),
  virtual: z.boolean(),
  status: DeviceStatus,
  problem: z.enum(API_CODES).nullable(),
  /** Handle and asset label when enrolled at this site; null when not. */
  enrolment: z
    .object({
      handle: Handle,
      label: words(60),
      /** From this day on its calibration is due; absent when nobody said. */
      calibrationDue: DateOnly.optional(),
    })
    .nullable(),
})
export type Device = z.infer<typeof Device>

/** What may be on record about a device. */
export const DEVICE_RECORD_KINDS = ['calibration', 'control', 'room', 'clock', 'battery', 'revoked'] as const
export type DeviceRecordKind = (typeof DEVICE_RECORD_KINDS)[number]

/** A device that this site has enrolled, plugged in or not, revoked or not. */
export const DeviceEnrolment = z.object({
  handle: Handle,
  label: words(60),
  name: words(100),
  family: z.string().max(60),
  serial: z.string().max(80).nullable(),
  port: z.string().max(120).nullable(),
  kinds: z.array(ReadingKind),
  calibrationDue: DateOnly.nullable(),
  /** Why its readings are no longer authenticated; `reason` is null when the record of it cannot be read. */
  revoked: z.object({ reason: z.string().max(200).nullable() }).nullable(),
})
export type DeviceEnrolment = z.infer<typeof DeviceEnrolment>

/** Something on record about a device. */
export const DeviceRecord = z.object({
  kind: z.enum(DEVICE_RECORD_KINDS),
  at: Instant,
  /** Who recorded it. */
  by: z.string().max(120),
  result: z.enum(['passed', 'failed']).nullable(),
  /** Calibration: from which day on it is due, null for never. */
  due: DateOnly.nullable(),
  quantities: z.array(Quantity).max(6),
  note: z.string().max(200).nullable(),
})
export type DeviceRecord = z.infer<typeof DeviceRecord>

/** Something that happened on a live stream. Samples come about ten times a second. */
export const LiveEvent = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('samples'),
    /** Milliseconds since the stream started, of the last sample. */
    atMs: z.number().nonnegative(),
    /** Plethysmogram since the last event, 0..127. */
    wave: z.array(z.number().int().min(0).max(127)).max(256),
    spo2: z.number().int().min(0).max(100).nullable(),
    pulse: z.number().int().min(0).max(300).nullable(),
    /** Perfusion index as the device gave it. */
    perfusionIndex: Decimal.nullable(),
    finger: z.boolean(),
    /** Seconds of the current stable window; a draft can be taken from 5 on. */
    stableS: z.number().int().nonnegative(),
  }),
  z.object({ kind: z.literal('ended'), code: z.enum(API_CODES).nullable() }),
])
export type LiveEvent = z.infer<typeof LiveEvent>

/** What a device said that belongs to no patient: a test of the meter, or the temperature of a room or refrigerator. */
export const DeviceCheck = z.object({
  id: hexOf(16),
  receivedAt: Instant,
  reason: z.enum(['control', 'room']),
  draft: Draft,
  /** The enrolled device that it came from; null when that is not enrolled, and it cannot be recorded. */
  device: Handle.nullable(),
  /** Somebody confirmed it, and it is in the ledger. */
  recorded: z.boolean(),
})
export type DeviceCheck = z.infer<typeof DeviceCheck>

/** A recorded exchange with a device, without names of persons. */
export const ExchangeFile = z.object({
  fileName: z.string().regex(/^[a-z0-9.-]{1,120}\.hex$/),
  text: z.string().max(6_000_000),
})
export type ExchangeFile = z.infer<typeof ExchangeFile>

/** Progress of a read-out, then its values. */
export const ReadEvent = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('progress'), done: z.number().int(), total: z.number().int() }),
  z.object({ kind: z.literal('drafts'), drafts: z.array(Draft).max(500) }),
  z.object({ kind: z.literal('ended'), code: z.enum(API_CODES).nullable() }),
])
export type ReadEvent = z.infer<typeof ReadEvent>

export const TrayItem = z.object({
  id: hexOf(16),
  receivedAt: Instant,
  reason: z.enum(['no-patient', 'not-enrolled', 'not-signed']),
  draft: Draft,
})
export type TrayItem = z.infer<typeof TrayItem>

/** Where the installation stands. Exactly one screen belongs to each. */
export const SystemState = z.enum([
  'first-run', // nothing here yet: create a clinic, join one, or open the demo
  'joining', // keys are made; other sites are still to take this one into their network
  'passphrase-needed', // the keystore waits for the start passphrase
  'starting', // opening and checking the ledger
  'ready',
  'read-only', // disk full or read-only folder: no values can be shown, because access cannot be recorded
  'recovery-needed', // database and keystore do not fit each other; `recovery` says why
  'failed', // cannot start; `problem` says why
])
/** Why nothing may be signed before a recovery. */
export const RecoveryReason = z.enum([
  'rolled-back', // the database holds less than this node signed
  'other-history', // the database holds something else than this node signed
  'tree-damaged', // the database does not hold the tree of its newest checkpoint
  'mark-missing', // the keystore does not say what was signed last
  'mark-damaged',
  'moved', // the data folder comes from another computer
  'copied', // another installation writes the same log at the same time
  'restored', // the clinic was restored from a backup or a replica
  'forked', // a proof exists that this log has two versions
  'peers-inconsistent', // other sites cosigned what contradicts this node's log
  'peers-ahead', // other sites hold more of this log than this node does
])
export type RecoveryReason = z.infer<typeof RecoveryReason>

/** What a recovery starts from. */
export const RecoveryStatus = z.object({
  reason: RecoveryReason,
  origin: z.string().max(200),
  /** Entries that this node signed, as far as the keystore knows; null when it does not. */
  signed: z.number().int().nonnegative().nullable(),
  /** Entries that are here and proven. */
  held: z.number().int().nonnegative(),
  /** When the newest block that is here was sealed. */
  heldUntil: Instant.nullable(),
})
export type RecoveryStatus = z.infer<typeof RecoveryStatus>

/**
 * What somebody should know and do something about, while work goes on: the clock is before the newest seal, or jumped; notes
 * of the outbox do not open; nobody else is reached.
 */
export const SystemNotice = z.object({
  kind: z.enum(['clock-behind', 'clock-jumped', 'outbox-unreadable', 'no-peers']),
  since: Instant,
})
export type SystemNotice = z.infer<typeof SystemNotice>

export const SystemStatus = z.object({
  state: SystemState,
  problem: z.enum(API_CODES).nullable(),
  /** Present exactly in state `recovery-needed`. */
  recovery: RecoveryStatus.nullable(),
  /** Present exactly in state `joining`. */
  joining: JoiningStatus.nullable(),
  version: z.string(),
  shell: z.enum(['electron', 'browser', 'headless']),
  demo: z.boolean(),
  clinic: z.string().nullable(),
  /** True when the operating system keeps the node secret, so that no start passphrase exists. */
  systemKeystore: z.boolean(),
  dataFolder: z.string(),
  /** Each kind once. */
  notices: z.array(SystemNotice),
  /** Demonstration sign-ins, shown on the sign-in screen of the demo clinic only. */
  demoPins: z.array(z.object({ handle: Handle, pin: z.string() })),
})
export type SystemStatus = z.infer<typeof SystemStatus>

export const Session = z.object({
  practitioner: Practitioner,
  locked: z.boolean(),
  /** Seconds without activity after which the session locks, and how long before that a warning shows. */
  idleLimitS: z.number().int(),
  warnS: z.number().int(),
})
export type Session = z.infer<typeof Session>

/** What a window must hear without asking. */
export const SystemEvent = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('status'), status: SystemStatus }),
  z.object({ kind: z.literal('session'), session: Session.nullable() }),
  z.object({ kind: z.literal('devices'), devices: z.array(Device) }),
  z.object({ kind: z.literal('tray'), count: z.number().int() }),
  z.object({ kind: z.literal('chart-changed'), handle: Handle }),
  z.object({ kind: z.literal('ledger'), size: z.number().int() }),
  /** Entries `[0, size)` of a log are final. */
  z.object({ kind: z.literal('finality'), origin: z.string().max(200), size: z.number().int().nonnegative() }),
  /** Other sites came or went. */
  z.object({ kind: z.literal('network'), network: NetworkSummary }),
  /** Bring the window to the front: somebody started Chartseal a second time. */
  z.object({ kind: z.literal('focus') }),
])
export type SystemEvent = z.infer<typeof SystemEvent>

/** What was checked to show a chart, and when. */
export const Chart = z.object({
  handle: Handle,
  /** Another site that shares it; absent for the own. */
  site: z.string().max(200).optional(),
  /** Echo of the request: the window drops answers to questions it no longer asks. */
  generation: z.number().int(),
  patient: rowOf(Patient),
  readings: z.array(rowOf(Reading)),
  assessments: z.array(rowOf(Assessment)),
  reports: z.array(rowOf(PatientReport)),
  consent: ConsentStanding,
  oxygenScale: OxygenScale,
  /** Entries of this patient in the ledger (the length of the subject chain) and how many are readings. */
  chainLength: z.number().int(),
  /** Damaged entries of this ledger that cannot be attributed to a patient: this chart may be incomplete when not 0. */
  unattributedDamage: z.number().int().nonnegative(),
  checkedAt: Instant,
  head: z.object({ origin: z.string(), size: z.number().int(), root: Hash }),
})
export type Chart = z.infer<typeof Chart>

export const LedgerSummary = z.object({
  network: Hash,
  origin: z.string(),
  size: z.number().int(),
  root: Hash,
  blocks: z.number().int(),
  /** Earlier incarnations of the log, oldest first. */
  closed: z.array(z.object({ origin: z.string().max(200), size: z.number().int() })),
  sites: z.number().int(),
  faultySitesTolerated: z.number().int(),
  quorum: z.number().int(),
  policy: z.string(),
  /** What kind of policy it is. */
  policyMode: z.enum(['solo', 'quorum', 'unanimous', 'crash-only', 'groups']),
  /** Entries `[0, final)` are final. */
  final: z.number().int().nonnegative(),
  /** Newest block's seal time. */
  sealedAt: Instant.nullable(),
  highWaterMark: z.enum(['equal', 'behind', 'missing']),
})
export type LedgerSummary = z.infer<typeof LedgerSummary>

export const LedgerBlock = z.object({
  block: z.number().int(),
  firstIndex: z.number().int(),
  count: z.number().int(),
  size: z.number().int(),
  root: Hash,
  hash: Hash,
  previousHash: Hash.nullable(),
  sealedAt: Instant,
  grade: Grade,
  problem: z.enum(VERIFY_STEPS).nullable(),
})
export type LedgerBlock = z.infer<typeof LedgerBlock>

export const LedgerEntry = z.object({
  index: z.number().int(),
  entryId: EntryId.nullable(),
  type: z.string().nullable(),
  at: Instant.nullable(),
  /** Roles that signed. */
  signedBy: z.array(z.string()),
  subject: Handle.nullable(),
  problem: z.enum(VERIFY_STEPS).nullable(),
})
export type LedgerEntry = z.infer<typeof LedgerEntry>

export const VerifyAllEvent = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('progress'), done: z.number().int(), total: z.number().int() }),
  z.object({
    kind: z.literal('finding'),
    origin: z.string().max(200),
    index: z.number().int().nullable(),
    step: z.enum(VERIFY_STEPS),
    reason: z.string(),
  }),
  z.object({ kind: z.literal('done'), checked: z.number().int(), findings: z.number().int(), ms: z.number() }),
])
export type VerifyAllEvent = z.infer<typeof VerifyAllEvent>

/** Tables of the replica in which rows are found damaged. */
export const DamagedKind = z.enum([
  'entry',
  'payload',
  'tile',
  'checkpoint',
  'epoch-key', // sealed to this site
  'recovery-copy', // an epoch key sealed to the printed recovery key
  'index', // the index tables as a whole
  'cosignature',
  'mirror', // what the site's mirror remembers of a log
  'evidence', // a fork proof
])
export type DamagedKind = z.infer<typeof DamagedKind>
/** What became of a damaged row: `open` is not repaired yet, `removed` was made up by somebody. */
export const DamageOutcome = z.enum(['open', 'repaired', 'removed'])
export type DamageOutcome = z.infer<typeof DamageOutcome>

export const ScrubEvent = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('progress'), done: z.number().int(), total: z.number().int() }),
  z.object({
    kind: z.literal('finding'),
    what: DamagedKind,
    origin: z.string().max(200),
    /** Of the entry, tile, block or epoch. */
    index: z.number().int(),
    outcome: DamageOutcome,
    reason: z.string().max(300),
  }),
  z.object({
    kind: z.literal('done'),
    checked: z.number().int(),
    open: z.number().int(),
    repaired: z.number().int(),
    removed: z.number().int(),
    /** False when it was stopped: the next one goes on from there. */
    isWhole: z.boolean(),
    ms: z.number(),
  }),
])
export type ScrubEvent = z.infer<typeof ScrubEvent>

/** Something that went wrong and was recorded. */
export const Incident = z.object({
  origin: z.string().max(200),
  index: z.number().int(),
  entryId: EntryId,
  at: Instant,
  /** Such as `rows.repaired`. */
  kind: z.string().max(64),
  /** Damaged rows that it is about, if it is about any. */
  rows: z.array(
    z.object({
      origin: z.string().max(200),
      kind: DamagedKind,
      outcome: DamageOutcome,
      count: z.number().int(),
      /** Half-open. */
      ranges: z.array(z.object({ from: z.number().int(), to: z.number().int() })),
    }),
  ),
})
export type Incident = z.infer<typeof Incident>

/** A proof that somebody signed two versions of one log. */
export const Evidence = z.object({
  id: Hash,
  origin: z.string().max(200),
  /** About a log of this node. */
  isOwn: z.boolean(),
  /** The log itself signed both versions. */
  byLog: z.boolean(),
  /** Sites that cosigned both. */
  sites: z.array(z.string().max(200)),
  /** Sizes of the two heads. */
  olderSize: z.number().int().nonnegative(),
  newerSize: z.number().int().nonnegative(),
  receivedAt: Instant,
})
export type Evidence = z.infer<typeof Evidence>

/** The same as a file that travels, checked by `chartseal evidence check`. */
export const EvidenceFile = z.object({
  fileName: z.string().regex(/^[a-z0-9.-]{1,200}\.fork$/),
  text: z.string().max(140_000),
})
export type EvidenceFile = z.infer<typeof EvidenceFile>

/** SHA-256 of a public key, its first 16 bytes. */
const Fingerprint = z.string().regex(/^[0-9a-f]{32}$/)
const SiteName = z.string().max(200)
const Version = z.object({
  version: z.number().int().positive(),
  hash: Hash,
  /** Entry of the live log that recorded it; null when an earlier incarnation did. */
  index: z.number().int().nonnegative().nullable(),
})

/** Longest text of a contract. */
export const ContractText = z.string().min(1).max(60_000)

export const RosterSite = z.object({
  id: SiteName,
  isOwn: z.boolean(),
  governanceKey: Fingerprint,
  mirrorKey: Fingerprint,
  sharingKey: Fingerprint,
  recoveryKey: Fingerprint,
  nodes: z.array(
    z.object({
      log: SiteName,
      isOwn: z.boolean(),
      isCoordinator: z.boolean(),
      logKey: Fingerprint,
      transportKey: Fingerprint,
    }),
  ),
  /** Nodes of the site that see hashes alone. */
  witnesses: z.array(z.object({ name: SiteName, witnessKey: Fingerprint, transportKey: Fingerprint })),
})

/** The one thing that a roster changes. */
export const RosterChange = z.object({
  kind: z.enum(['founded', 'site-added', 'site-removed', 'site-changed', 'policy-changed', 'coordinator-changed']),
  /** Of the kinds about one site. */
  site: SiteName.nullable(),
  parts: z.array(
    z.object({
      kind: z.enum([
        'governance-key',
        'sharing-key',
        'recovery-key',
        'mirror-key',
        'node-added',
        'node-removed',
        'witness-added',
        'witness-removed',
        'log-key',
        'transport-key',
      ]),
      log: SiteName.nullable(),
    }),
  ),
  /** Where logs end that leave with it. */
  frozen: z.array(z.object({ origin: z.string().max(200), size: z.number().int().nonnegative() })),
  /** Policy or coordinator, of the kinds about them. */
  before: z.string().nullable(),
  after: z.string().nullable(),
})
export type RosterChange = z.infer<typeof RosterChange>

/** A roster that waits for approvals. */
export const RosterProposal = z.object({
  version: z.number().int().positive(),
  /** 0, or which attempt of a recovery ceremony. */
  attempt: z.number().int().nonnegative(),
  hash: Hash,
  change: RosterChange,
  /** Keys that must still approve. */
  missingKeys: z.array(Fingerprint),
  /** Sites that must still approve, whichever they are. */
  votesMissing: z.number().int().nonnegative(),
  isApproved: z.boolean(),
  /** False when this site approved something else for the same version. */
  mayApprove: z.boolean(),
})
export type RosterProposal = z.infer<typeof RosterProposal>

/** What sites decided together: who they are, and by which rules they work. */
export const Governance = z.object({
  roster: Version.extend({
    sites: z.array(RosterSite),
    policy: z.string(),
    policyMode: z.enum(['solo', 'quorum', 'unanimous', 'crash-only', 'groups']),
    /** Sites that must approve what comes next. */
    quorum: z.number().int().positive(),
    frozen: z.array(z.object({ origin: z.string().max(200), size: z.number().int().nonnegative() })),
    history: z.array(Version),
  }),
  contract: Version.extend({
    text: ContractText,
    rules: z.array(z.object({ id: z.string(), effect: z.enum(['permit', 'forbid']), advice: z.string() })),
    history: z.array(Version),
  }),
  proposal: RosterProposal.nullable(),
  mayPublish: z.boolean(),
  mayPropose: z.boolean(),
})
export type Governance = z.infer<typeof Governance>

/** What a contract would change. */
export const ContractCheck = z.object({
  version: z.number().int().positive(),
  hash: Hash,
  /** Ids of rules. */
  added: z.array(z.string()),
  removed: z.array(z.string()),
  changed: z.array(z.string()),
})
export type ContractCheck = z.infer<typeof ContractCheck>

/** A change that this site proposes. */
export const ProposedChange = z.discriminatedUnion('kind', [
  z.object({ kind: z.enum(['log-key', 'mirror-key', 'governance-key']) }),
  z.object({ kind: z.literal('policy'), policy: z.enum(['quorum', 'unanimous', 'crash-only']) }),
  z.object({ kind: z.literal('custom-policy'), text: z.string().min(1).max(32_768) }),
  /** The change that waits, once more: a recovery ceremony, approved by every site that stays. */
  z.object({ kind: z.literal('ceremony') }),
])
export type ProposedChange = z.infer<typeof ProposedChange>

/** A proposal as a file that goes from site to site. */
export const ProposalFile = z.object({
  fileName: z.string().regex(/^[a-z0-9.-]{1,200}\.roster$/),
  text: z.string().max(140_000),
})
export type ProposalFile = z.infer<typeof ProposalFile>

export const Erasure = EntryRef.extend({
  entryId: EntryId,
  at: Instant,
  subject: Handle,
  reason: z.string().max(64),
  authority: z.string().max(64),
  /** Everything about the subject up to there. */
  isWhole: z.boolean(),
  /** How many records fell under it. */
  records: z.number().int(),
  /** Signed by the log once every byte is gone; null until then. */
  statement: z.string().max(2000).nullable(),
  /** Sites that held a key of it and have not said that it is gone there. */
  open: z.array(z.string().max(200)),
})
export type Erasure = z.infer<typeof Erasure>

/** Everything needed to check one entry again without trusting the core. */
export const Proof = z.object({
  networkId: Hash,
  /** Fields of the roster entries, from the first, whose document hashes to the network id, to the one of the seal. */
  rosters: z.array(hexUpTo(65536)).min(1).max(512),
  /** Exact bytes of the entry that opened the incarnation; null for the first. */
  opened: hexUpTo(65536).nullable(),
  origin: z.string(),
  logKey: hexOf(32),
  index: z.number().int(),
  size: z.number().int(),
  /** Exact bytes of the entry. */
  entry: hexUpTo(65536),
  leaf: Hash,
  /** Sibling hashes from the leaf upward. */
  path: z.array(Hash).max(63),
  /** The checkpoint as a signed note. */
  checkpoint: z.string().max(16384),
  /** Exact bytes of the last entry under the checkpoint, and its sibling hashes. */
  seal: hexUpTo(65536),
  sealPath: z.array(Hash).max(63),
  block: LedgerBlock.nullable(),
  grade: Grade,
  type: z.string(),
  at: Instant,
  subject: z.object({ handle: Handle, seq: z.number().int(), previousLeaf: Hash.nullable() }).nullable(),
  payload: z.object({ commitment: Hash, ciphertextHash: Hash, sealedBytes: z.number().int() }).nullable(),
  signatures: z.array(z.object({ role: z.string(), publicKey: hexOf(32), signature: hexOf(64), signer: z.string() })),
})
export type Proof = z.infer<typeof Proof>

/** A proof as a file that travels: C2SP tlog-proof, checked by `chartseal verify`. */
export const ReceiptFile = z.object({
  /** Without a path, and without anything that names a person. */
  fileName: z.string().regex(/^[a-z0-9.-]{1,200}\.tlog-proof$/),
  text: z.string().max(1_200_000),
})
export type ReceiptFile = z.infer<typeof ReceiptFile>

/** An erasure with the proof of its entry. */
export const ErasureReceipt = Erasure.extend({ receipt: ReceiptFile })
export type ErasureReceipt = z.infer<typeof ErasureReceipt>
