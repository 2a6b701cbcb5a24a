/**
 * What sessions need from the node they run in: its ledger, its links, a clock, and chance.
 *
 * @remarks
 * All of it is called synchronously and in the thread of the store. The store verifies: nothing that a session passes on
 * may change it before it was checked against the roster, a signed head or an entry. A method that is given bytes of a
 * peer throws a `LedgerError` when they are not what they claim. What it cannot read or store just now it says with another
 * `CodedError`, and is asked again later; `self`, `standings` and `standing` never throw one. Any other error is a bug.
 *
 * @packageDocumentation
 */
import type { EntryPackage, Progress, Refusal } from '../ledger/mirror.ts'
import type { TreeHead } from '../ledger/tree-size.ts'
import type { Governance, NodeRole, PayloadRow, SealedKeyRow } from './messages.ts'

/** Milliseconds that only go forward. Not a time of day. */
export interface Clock {
  nowMs(): number
}

/** Chance that need not be secret: jitter, and whom to tell first. */
export interface Random {
  /** Evenly distributed in `[0, 1)`. */
  next(): number
}

/** One stream to an authenticated peer. */
export interface Wire {
  /**
   * Sends one message, 1 to 262,144 bytes.
   *
   * @returns False when the stream is full: it was taken, and the node calls {@link SyncNode.drained} when there is room.
   */
  send(message: Uint8Array): boolean
  /** Ends the stream after what was sent. Called at most once; nothing is sent after it. */
  close(): void
}

/** Whose stream it is, as the transport authenticated it. */
export type PeerIdentity =
  | {
      readonly kind: 'node'
      /** From the roster, for the transport key. */
      readonly site: string
      readonly log: string
    }
  | {
      /** Sees heads and proofs: it is given no entry and no payload, and has no vote. */
      readonly kind: 'witness'
      readonly site: string
      /** Its name. It writes no log. */
      readonly log: string
    }
  | {
      /** Holds the one-time key of an open invitation. */
      readonly kind: 'guest'
      /** Ed25519, 32 bytes. */
      readonly transportKey: Uint8Array
    }

/** Who this node is. Read anew for each hello. */
export interface SelfIdentity {
  /** Network id, 32 bytes. */
  readonly network: Uint8Array
  readonly rosterVersion: number
  readonly contractVersion: number
  readonly site: string
  readonly log: string
  /** 16 bytes. */
  readonly instance: Uint8Array
  readonly role: NodeRole
}

/** How far this node has a log. */
export interface LogStanding {
  readonly origin: string
  /** True for the log that this node writes. */
  readonly isOwn: boolean
  /** Size of the largest head accepted, 0 for none. For the own log, of its newest checkpoint. */
  readonly pending: number
  /** Entries `[0, stored)` are held and proven. Equal to `pending` for a witness and for the own log. */
  readonly stored: number
  /** Size of the largest head whose every entry is held and valid. For a witness, of the largest that it cosigned. */
  readonly mirrored: number
  /** Size up to which the log is final, as far as it is held. */
  readonly final: number
  /** Size of the largest head held under which a cosignature is known, 0 for none. */
  readonly cosigned: number
  /** Cosignatures under that head. */
  readonly votes: number
  readonly refused: Refusal | null
  /** True when nothing more is taken: a fork proof is known, or a roster froze the log at what is held. */
  readonly isFrozen: boolean
}

/** A head with a log signature that verified under the roster. */
export interface SignedHead extends TreeHead {
  readonly origin: string
  readonly note: string
}

/** A roster or a contract that is in force, or was. */
export interface GovernedDocument {
  readonly type: 'roster' | 'contract'
  readonly version: number
  /** Exact encoding of the fields of its entry, approvals included. */
  readonly fields: Uint8Array
}

/** See `SyncStore.governanceAfter`. */
export interface GovernanceAfter {
  readonly documents: readonly GovernedDocument[]
  /** Texts. */
  readonly proposals: readonly string[]
}

/** What became of a head. */
export type OfferAnswer =
  | { readonly status: 200 }
  /** Another size is pending. */
  | { readonly status: 409; readonly size: number }
  /** It contradicts what is held. The store kept what it can prove, and evidence if there is any. */
  | { readonly status: 422 }
  | { readonly status: 403 | 404 }

/** What became of cosignatures. */
export type VotesAnswer =
  | 'stored'
  | 'known' // nothing new among them
  | 'ahead' // of a head that is not held yet
  | 'unsealed' // of a size that is no checkpoint of this log, as far as is known
  | 'conflict' // of another branch: evidence was looked for

/** How far judging came; `working` when it stopped to let others run, and is to be asked again. */
export type AdvanceProgress = Progress | 'working'

/** The ledger of this node, as the sessions see it. */
export interface SyncStore {
  self(): SelfIdentity

  /** Every log of the network that a head may be accepted of: those of the roster, incarnations that were heard of. */
  standings(): Iterable<LogStanding>
  /** Null for an origin that no roster lists. A listed log of which nothing is held yet has zeros. */
  standing(origin: string): LogStanding | null

  /**
   * Checks the signature of the log, and nothing else.
   *
   * @param note - Untrusted.
   * @throws {@link LedgerError} when it is no checkpoint, or not signed by the log.
   */
  checkHead(note: string): SignedHead
  /**
   * Accepts a head: `offerHead` of the mirror, stored durably when the status is 200. For a witness it is the whole
   * judgement. Never called for the own log.
   *
   * @param oldSize - Where the proof starts.
   * @param proof - Untrusted.
   */
  offerHead(head: SignedHead, oldSize: number, proof: readonly Uint8Array[]): OfferAnswer
  /**
   * Takes a package of the pending head: `receivePackage` of the mirror, stored durably in one short transaction.
   *
   * @throws {@link LedgerError} when it does not prove to be in the pending tree; nothing was stored.
   */
  storePackage(origin: string, offered: EntryPackage): void
  /**
   * Judges stored entries and moves the mirrored head: `advance` of the mirror. When it reaches the pending head and
   * the node cosigns for its site, the cosignature is made and stored with it. Bounded: a long log takes many calls.
   */
  advance(origin: string): AdvanceProgress
  /** The lines of the own site under the mirrored head, with a fresh time; null when this node does not cosign. */
  ownLines(origin: string): string | null

  /** The signed checkpoint of a size, with every cosignature known; null when there is none. */
  note(origin: string, size: number): string | null
  /**
   * Sizes worth showing to a node of a site, ascending, at most two: `catchUp` of finality for that site's vote. For a
   * site without a vote the newest alone. Only of what is held in full, or accepted by a witness.
   */
  offersFor(origin: string, site: string): readonly number[]
  /**
   * Takes cosignatures. Lines that do not verify are not kept and spoil nothing.
   *
   * @param head - Checked by {@link checkHead}; its note has the lines.
   */
  addVotes(head: SignedHead): VotesAnswer

  /** Proof between two sizes of what is held; null when it is not held. A witness that keeps no tree has none. */
  consistency(origin: string, older: number, newer: number): readonly Uint8Array[] | null
  /** A package of the tree of `size`, with its proof; null when it is not held, or the node shows no entries. */
  entryPackage(origin: string, size: number, index: number): EntryPackage | null

  /**
   * The first entry in `[from, stored)` whose payload this node should hold and does not; null for none.
   *
   * @param peer - Null for anybody. A peer that would not be allowed to send it need not be asked.
   */
  missingPayload(origin: string, from: number, peer: PeerIdentity | null): number | null
  /** Payloads and keys that may be sent to a peer, out of a range. Null when nothing of the log may be. */
  payloadsFor(peer: PeerIdentity, origin: string, from: number, to: number): PayloadsOut | null
  /**
   * Keeps payloads whose ciphertext is the one that a proven entry binds, and keys sealed to somebody here. Others are
   * dropped.
   *
   * @returns False when one of them was not what its entry says.
   */
  storePayloads(origin: string, rows: readonly PayloadRow[], keys: readonly SealedKeyRow[]): boolean

  /** Fork proofs to show to everybody. */
  evidence(): readonly string[]
  /**
   * Checks and keeps a fork proof.
   *
   * @returns True when it is new.
   * @throws {@link LedgerError} when it convicts nobody.
   */
  addEvidence(text: string): boolean

  /** Newest note of a log that this site cosigned, for the node that writes the log; null for none. */
  monitor(origin: string): string | null
  /** What another site says about the own log: verified by the store, and used at the start. */
  monitored(peer: PeerIdentity, origin: string, note: string | null): void
  /** Origins of the own log that a peer is to be asked about; empty when it has answered. */
  monitorQuestions(peer: PeerIdentity): readonly string[]

  /**
   * Documents that follow the versions a peer knows, in an order in which they can be recorded, and open proposals; at most
   * 64 of each.
   */
  governanceAfter(rosterVersion: number, contractVersion: number): GovernanceAfter
  /**
   * Takes governed documents. Each counts only with its approvals.
   *
   * @returns True when anything was new, and is worth telling others.
   * @throws {@link LedgerError} for one that is not valid here.
   */
  addGovernance(governance: Omit<Governance, 'kind'>): boolean

  /** Exact bytes of the entries that opened later incarnations of logs, each before those that follow it. */
  openings(): readonly Uint8Array[]
  /**
   * Takes the entry that opened a later incarnation: from now on heads of it may be shown.
   *
   * @returns Its origin when anything about it is new, and is worth telling others; else null.
   * @throws {@link LedgerError} when it opens nothing.
   */
  addOpening(entry: Uint8Array): string | null

  /** Answers somebody who holds an open invitation; null when it is not for them. Both bodies are opaque here. */
  join(transportKey: Uint8Array, body: Uint8Array): Uint8Array | null
  /** Answers a node of the own site about what only its nodes share; null for any other. Both bodies are opaque here. */
  siteRequest(peer: Extract<PeerIdentity, { kind: 'node' }>, body: Uint8Array): Uint8Array | null

  /**
   * Two installations write the own log at once, or a site says so.
   *
   * @param reporter - Id of the site that saw them; null when the copy itself spoke to this node.
   */
  cloned(reporter: string | null): void
  /** Two installations of another node were seen here, each alive after the other. */
  seenTwice(log: string): void
}

/** Payloads that go out. */
export interface PayloadsOut {
  readonly rows: readonly PayloadRow[]
  readonly keys: readonly SealedKeyRow[]
}
