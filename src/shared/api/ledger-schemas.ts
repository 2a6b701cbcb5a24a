/**
 * Blocks, entries, checks, repairs and incidents of the ledger, as they cross the API.
 *
 * @packageDocumentation
 */
import { z } from 'zod'
import { VERIFY_STEPS } from './codes.ts'
import { EntryId, Grade, Handle, Hash, Instant } from './primitives.ts'

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
  /** A registration under the handle of another log's patient, and that log; null for another kind. */
  claimed: z.object({ origin: z.string().max(200), index: z.number().int(), owner: z.string().max(200) }).nullable(),
  /** Names of the logs of the nodes that supplied what was repaired; none when nobody was needed, or a file had it. */
  nodes: z.array(z.string().max(140)).max(32),
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
