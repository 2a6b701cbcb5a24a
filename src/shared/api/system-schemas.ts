/**
 * Where the installation stands, and what a window must hear without asking.
 *
 * @packageDocumentation
 */
import { z } from 'zod'
import { API_CODES } from './codes.ts'
import { Device } from './device-schemas.ts'
import { JoiningStatus, NetworkSummary } from './network-schemas.ts'
import { Session } from './people-schemas.ts'
import { Handle, Instant } from './primitives.ts'

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
  /** A further machine of a clinic: without the clinic's key it can go on in the same log, and open no other. */
  isFurther: z.boolean(),
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
  /** Nobody showed yet that they have the recovery key: IT prints it. */
  recoveryKeyWaits: z.boolean(),
  /** True when the operating system keeps the node secret, so that no start passphrase exists. */
  systemKeystore: z.boolean(),
  dataFolder: z.string(),
  /** Each kind once. */
  notices: z.array(SystemNotice),
  /** Demonstration sign-ins, shown on the sign-in screen of the demo clinic only. */
  demoPins: z.array(z.object({ handle: Handle, pin: z.string() })),
})
export type SystemStatus = z.infer<typeof SystemStatus>

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
