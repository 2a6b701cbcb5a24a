/**
 * What nodes say to each other.
 *
 * @remarks
 * A request carries a number, 1 or more, that the asking side chooses; answers carry it back. Everything in a decoded
 * message has the right form and is otherwise untrusted. Layout and order: `docs/protocol.md`, "Wire". Encoded by
 * `codec.ts`.
 *
 * @packageDocumentation
 */

/** What a node does for its site, in its hello. */
export type NodeRole =
  | 'node' // holds entries; is not asked for cosignatures
  | 'mirror' // holds every entry, and cosigns for its site
  | 'witness' // sees heads and proofs, never entries; its cosignature is no vote

/** First message in each direction. */
export interface Hello {
  readonly kind: 'hello'
  readonly version: number
  /** Network id, 32 bytes. */
  readonly network: Uint8Array
  /** Newest that the node knows; 0 for none. */
  readonly rosterVersion: number
  /** Newest that the node knows; 0 for none. */
  readonly contractVersion: number
  readonly site: string
  /** Name of the log without its incarnation. */
  readonly log: string
  /** Random for each installation, 16 bytes: two of them for one log are a copy. */
  readonly instance: Uint8Array
  readonly role: NodeRole
}

/** How far a log is known. A hint: only signatures count. */
export interface HaveLog {
  readonly origin: string
  /** Size of the largest head whose entries are held; for a witness, of the largest that it accepted. */
  readonly size: number
  /** Size up to which it is known to be final. */
  readonly final: number
  /** Size of the largest head under which a cosignature is known. */
  readonly cosigned: number
  /** Cosignatures under that head. */
  readonly votes: number
  /** Tells sets of cosigners apart: see `votes.ts`. */
  readonly mark: number
}

/** A sealed payload, and what opens it. */
export interface PayloadRow {
  /** Of the entry. */
  readonly index: number
  readonly ciphertext: Uint8Array
  readonly wrappedKey: Uint8Array
  readonly salt: Uint8Array
}

/** A subject's epoch key, sealed to one recipient. */
export interface SealedKeyRow {
  /** Subject handle, 16 bytes. */
  readonly subject: Uint8Array
  readonly epoch: number
  /** X25519, 32 bytes. */
  readonly recipient: Uint8Array
  readonly sealed: Uint8Array
}

/** Asks for packages `[from, to)` of 256 entries, as a tree of `size` has them. */
export interface WantEntries {
  readonly kind: 'want-entries'
  readonly req: number
  readonly origin: string
  readonly size: number
  readonly from: number
  readonly to: number
  /** Most bytes of entries in the whole answer. */
  readonly maxBytes: number
  /** Entries at the beginning of package `from` that are held and need not come again, 0 to 255. */
  readonly skip: number
}

/** A part of the answer to {@link WantEntries}. Parts come in order of package and offset. */
export interface Entries {
  readonly kind: 'entries'
  readonly req: number
  readonly package: number
  /** Place of the first entry here inside its package. */
  readonly offset: number
  readonly entries: readonly Uint8Array[]
  /** Proof of the package, with its last part; else null. */
  readonly proof: readonly Uint8Array[] | null
  /** True for the last part of the answer, which ends a package. */
  readonly last: boolean
}

/** Asks a mirror or witness to cosign a head. */
export interface WantCosignature {
  readonly kind: 'want-cosignature'
  readonly req: number
  /** Where `proof` starts: the size that the asking side thinks was accepted last; 0 when it does not know. */
  readonly oldSize: number
  readonly proof: readonly Uint8Array[]
  readonly note: string
}

/**
 * What becomes of a request to cosign. 200 lines in `text`; 403 not signed by the log; 404 unknown log; 406 entry `at` is
 * forbidden, `text` names the rule; 409 a larger head, of size `at`, was accepted; 422 contradicts what is held; 503 not
 * now, or not here.
 */
export type CosignStatus = 200 | 403 | 404 | 406 | 409 | 422 | 503

/** Answer to {@link WantCosignature}. */
export interface Cosigned {
  readonly kind: 'cosigned'
  readonly req: number
  readonly status: CosignStatus
  readonly at: number
  readonly text: string
}

/** Asks for payloads of the entries `[from, to)`. */
export interface WantPayloads {
  readonly kind: 'want-payloads'
  readonly req: number
  readonly origin: string
  readonly from: number
  readonly to: number
}

/** A part of the answer to {@link WantPayloads}. */
export interface Payloads {
  readonly kind: 'payloads'
  readonly req: number
  readonly last: boolean
  readonly rows: readonly PayloadRow[]
  readonly keys: readonly SealedKeyRow[]
}

/** Rosters and contracts with their approvals, oldest first, and open proposals. */
export interface Governance {
  readonly kind: 'governance'
  /** Fields of `roster` entries. */
  readonly rosters: readonly Uint8Array[]
  /** Fields of `contract` entries. */
  readonly contracts: readonly Uint8Array[]
  /** Texts of roster proposals. */
  readonly proposals: readonly string[]
}

/** Asks for the proof that one head continues another. */
export interface WantConsistency {
  readonly kind: 'want-consistency'
  readonly req: number
  readonly origin: string
  readonly older: number
  readonly newer: number
}

/** Why a request is not answered. */
export type RefusalCode =
  | 'NOT_HELD' // the log, the size or the range is not held here
  | 'NOT_FOR_YOU' // held, and not given to this site
  | 'TOO_LARGE' // the first package alone is larger than was asked for
  | 'BUSY' // not now

/** Any message. */
export type Message =
  | Hello
  | { readonly kind: 'have'; readonly logs: readonly HaveLog[] }
  | { readonly kind: 'heads'; readonly notes: readonly string[] }
  | { readonly kind: 'announce'; readonly note: string }
  | WantEntries
  | Entries
  | WantCosignature
  | Cosigned
  | WantPayloads
  | Payloads
  | { readonly kind: 'evidence'; readonly text: string }
  | { readonly kind: 'want-monitor'; readonly req: number; readonly origin: string }
  | { readonly kind: 'monitored'; readonly req: number; readonly note: string | null }
  | Governance
  | { readonly kind: 'join-request'; readonly req: number; readonly body: Uint8Array }
  | { readonly kind: 'join-answer'; readonly req: number; readonly body: Uint8Array }
  | WantConsistency
  | { readonly kind: 'consistency'; readonly req: number; readonly proof: readonly Uint8Array[] }
  | { readonly kind: 'error'; readonly req: number; readonly code: RefusalCode }
  | { readonly kind: 'clone'; readonly instance: Uint8Array }
  /** The entry that opened a later incarnation of a log. */
  | { readonly kind: 'opened'; readonly entry: Uint8Array }
  | { readonly kind: 'bye' }

/** Name of a message. */
export type MessageKind = Message['kind']

/** The message of one kind. */
export type MessageOf<Kind extends MessageKind> = Extract<Message, { readonly kind: Kind }>
