/**
 * Proofs, receipts and erasures, as they cross the API.
 *
 * @packageDocumentation
 */
import { z } from 'zod'
import { LedgerBlock } from './ledger-schemas.ts'
import { EntryId, Grade, Handle, Hash, hexOf, hexUpTo, Instant } from './primitives.ts'
import { EntryRef } from './record-schemas.ts'

/** A site that is to confirm an erasure. */
export const ErasureSite = z.object({
  site: z.string().max(200),
  /** The other nodes of the own site. */
  isOwn: z.boolean(),
  /** Every node of it said that nothing is left there; not all did; or it left the network before they did. */
  state: z.enum(['confirmed', 'open', 'left']),
  /** When the last node said so, by its own clock; null unless confirmed. */
  at: Instant.nullable(),
  /** Nodes that are asked, and those that confirmed. */
  nodes: z.number().int(),
  confirmed: z.number().int(),
})
export type ErasureSite = z.infer<typeof ErasureSite>

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
  /** Sites that are asked whether it is gone there, by id. */
  sites: z.array(ErasureSite),
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
