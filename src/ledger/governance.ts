/**
 * What sites decide together, as documents that carry their own signatures: rosters and contracts.
 *
 * @remarks
 * An approval signs the document and the network, not the entry that records it. So one signed document can be carried
 * by hand, recorded by every log, and put in a receipt. Who has to approve what is for `next-roster.ts`. Layout:
 * `docs/protocol.md`, "Governed documents". Proven by `tests/ledger/governance.test.ts`.
 *
 * @packageDocumentation
 */
import { concatBytes, toHex } from '../shared/bytes.ts'
import { type CborValue, encodeCbor, mapOf } from './cbor.ts'
import { LedgerError } from './errors.ts'
import { badField, readTuple } from './fields-reader.ts'
import { utf8 } from './hash.ts'
import { quorumOf } from './quorum.ts'
import type { Roster } from './roster.ts'
import { KEY_SIZE, SIGNATURE_SIZE, type SignatureVerifier, verifies } from './signatures.ts'

/** Most approvals of one document. */
export const MAX_APPROVALS = 64

/** One key's signature over a governed document. */
export interface Approval {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/** A roster document and the approvals it came with. */
export interface SignedRoster {
  /** Exact bytes. */
  readonly document: Uint8Array
  /** 1 to 64. */
  readonly approvals: readonly Approval[]
}

/** What an approval of a contract is over. */
export interface ContractText {
  /** 1, then one more each. */
  readonly version: number
  /** Which evaluator the document is written for. */
  readonly language: string
  /** Exact bytes; the contract hash is their SHA-256. */
  readonly document: Uint8Array
}

/**
 * What a site signs to approve a roster.
 *
 * @param network - Network id, 32 bytes. Of version 1 it is the hash of the document itself.
 * @param document - Exact bytes.
 */
export function rosterMessage(network: Uint8Array, document: Uint8Array): Uint8Array {
  return concatBytes(utf8('chartseal/roster/v1\n'), network, document)
}

/**
 * What a site signs to approve a contract.
 *
 * @param network - Network id, 32 bytes.
 */
export function contractMessage(network: Uint8Array, { version, language, document }: ContractText): Uint8Array {
  const text = mapOf([
    [1, version],
    [2, language],
    [3, document],
  ])
  return concatBytes(utf8('chartseal/contract/v1\n'), network, encodeCbor(text))
}

/** Approvals as a CBOR value, sorted: one set has one encoding. */
export function encodeApprovals(approvals: readonly Approval[]): CborValue {
  return sortedApprovals(approvals).map(({ publicKey, signature }) => [publicKey, signature])
}

/** Approvals in the order of their keys. */
export function sortedApprovals(approvals: readonly Approval[]): Approval[] {
  return approvals.toSorted((a, b) => (toHex(a.publicKey) < toHex(b.publicKey) ? -1 : 1))
}

/**
 * Reads {@link encodeApprovals}.
 *
 * @param items - Untrusted.
 * @throws {@link LedgerError} `BAD_FIELD`.
 */
export function decodeApprovals(items: readonly CborValue[]): Approval[] {
  const approvals = items.map((item) =>
    readTuple(item, 'approval', (f) => ({ publicKey: f.bytes(0, KEY_SIZE), signature: f.bytes(1, SIGNATURE_SIZE) })),
  )
  for (const [i, { publicKey }] of approvals.entries()) {
    const before = approvals[i - 1]
    if (before !== undefined && toHex(before.publicKey) >= toHex(publicKey)) {
      throw badField('approvals', i, 'not in strictly ascending order of key')
    }
  }
  return approvals
}

/**
 * Checks that every approval is real, and gives the keys that approved as lower-case hex.
 *
 * @param v - The one verifier.
 * @param message - {@link rosterMessage} or {@link contractMessage}.
 * @param approvals - Untrusted.
 * @throws {@link LedgerError} `SIGNATURE_INVALID`.
 */
export function approvingKeys(
  v: SignatureVerifier,
  message: Uint8Array,
  approvals: readonly Approval[],
): ReadonlySet<string> {
  for (const { publicKey, signature } of approvals) {
    if (!verifies(v, signature, message, publicKey)) {
      throw new LedgerError('SIGNATURE_INVALID', 'an approval does not verify')
    }
  }
  return new Set(approvals.map(({ publicKey }) => toHex(publicKey)))
}

/**
 * Checks that a quorum of the sites of `roster` approved, each with the governance key it has there.
 *
 * @param keys - From {@link approvingKeys}.
 * @throws {@link LedgerError} `QUORUM_MISSING`.
 */
export function checkQuorum(roster: Roster, keys: ReadonlySet<string>): void {
  const count = roster.sites.filter((site) => keys.has(toHex(site.governanceKey))).length
  if (count < quorumOf(roster.sites.length)) throw new LedgerError('QUORUM_MISSING', `${count} sites approved`)
}

/**
 * Checks that a quorum of the sites of `roster` approved a contract, and nobody else.
 *
 * @param roster - In force where the contract is recorded.
 * @param network - Network id, 32 bytes.
 * @param approvals - Untrusted.
 * @throws {@link LedgerError} `SIGNATURE_INVALID`, `UNKNOWN_SIGNER` or `QUORUM_MISSING`.
 */
export function checkContractApprovals(
  v: SignatureVerifier,
  network: Uint8Array,
  roster: Roster,
  contract: ContractText & { readonly approvals: readonly Approval[] },
): void {
  const keys = approvingKeys(v, contractMessage(network, contract), contract.approvals)
  checkKnown(keys, new Set(roster.sites.map((site) => toHex(site.governanceKey))))
  checkQuorum(roster, keys)
}

/**
 * Refuses approvals by keys that have no say.
 *
 * @throws {@link LedgerError} `UNKNOWN_SIGNER`.
 */
export function checkKnown(keys: ReadonlySet<string>, known: ReadonlySet<string>): void {
  for (const key of keys) if (!known.has(key)) throw new LedgerError('UNKNOWN_SIGNER', 'approved by an unknown key')
}
