/**
 * What the second verifier needs from an entry and from the first roster.
 *
 * @remarks
 * Reads `docs/protocol.md`, "Entry" and "Roster", apart from the ledger's codecs. Proven by
 * `tests/verifier/verify-proof.test.ts`.
 *
 * @packageDocumentation
 */
import { type Item, readCbor } from './cbor-reader.ts'
import { ProofError } from './proof-error.ts'

/** One signature on an entry. */
export interface EntrySigner {
  readonly role: string
  readonly publicKey: Uint8Array
  readonly signature: Uint8Array
}

/** The parts of an entry that a proof speaks about. */
export interface ReadEntry {
  readonly bodyBytes: Uint8Array
  readonly type: string
  readonly network: Uint8Array
  readonly log: string
  readonly signers: readonly EntrySigner[]
}

/** The keys in the first roster that a proof can lean on. */
export interface ReadRoster {
  readonly governanceKeys: readonly Uint8Array[]
  readonly logs: readonly { readonly log: string; readonly logKey: Uint8Array }[]
}

const ROLES = ['log', 'governance', 'practitioner', 'device', 'patient']

/**
 * Reads an entry.
 *
 * @param bytes - Exact bytes, untrusted.
 * @throws {@link ProofError} `BAD_CBOR` or `BAD_SHAPE`.
 */
export function readEntry(bytes: Uint8Array): ReadEntry {
  const entry = mapWith(readCbor(bytes), [1, 2, 4], [3])
  if (entry.get(1) !== 1) throw shape('format')
  const bodyBytes = bytesOf(entry.get(2))
  const body = mapWith(readCbor(bodyBytes), [1, 2, 3, 4, 5, 8], [6, 7])
  if (body.has(6) !== entry.has(3)) throw shape('placement goes with a subject')
  const signers = listOf(entry.get(4)).map(readSigner)
  if (signers.length < 1 || signers.length > 16) throw shape('signatures')
  return { bodyBytes, type: textOf(body.get(1)), network: bytesOf(body.get(2), 32), log: textOf(body.get(3)), signers }
}

/**
 * Reads the first roster.
 *
 * @param document - Exact bytes, untrusted.
 * @throws {@link ProofError} `BAD_CBOR` or `BAD_SHAPE`.
 */
export function readRoster(document: Uint8Array): ReadRoster {
  const roster = mapWith(readCbor(document), [1, 2, 3, 5], [])
  if (roster.get(1) !== 1) throw shape('not the first version')
  const sites = listOf(roster.get(2)).map((site) => mapWith(site, [1, 2, 3, 4, 5, 6], []))
  return {
    governanceKeys: sites.map((site) => bytesOf(site.get(2), 32)),
    logs: sites.flatMap((site) => listOf(site.get(6)).map(readNode)),
  }
}

function readNode(value: Item): { log: string; logKey: Uint8Array } {
  const node = mapWith(value, [1, 2, 3], [])
  return { log: textOf(node.get(1)), logKey: bytesOf(node.get(2), 32) }
}

function readSigner(value: Item): EntrySigner {
  const [role, publicKey, signature, ...more] = listOf(value)
  if (more.length > 0 || typeof role !== 'string' || !ROLES.includes(role)) throw shape('signature')
  return { role, publicKey: bytesOf(publicKey, 32), signature: bytesOf(signature, 64) }
}

/** A map with all of `required`, perhaps `optional`, and nothing else. */
function mapWith(value: Item, required: readonly number[], optional: readonly number[]): ReadonlyMap<number, Item> {
  if (!(value instanceof Map)) throw shape('not a map')
  const map = value as ReadonlyMap<number, Item>
  const known = [...required, ...optional]
  if (!required.every((key) => map.has(key)) || ![...map.keys()].every((key) => known.includes(key))) {
    throw shape('keys')
  }
  return map
}

function bytesOf(value: Item | undefined, length?: number): Uint8Array {
  if (!(value instanceof Uint8Array) || (length !== undefined && value.length !== length)) throw shape('byte string')
  return value
}

function textOf(value: Item | undefined): string {
  if (typeof value !== 'string') throw shape('text')
  return value
}

function listOf(value: Item | undefined): readonly Item[] {
  if (!Array.isArray(value)) throw shape('list')
  return value as readonly Item[]
}

function shape(why: string): ProofError {
  return new ProofError('BAD_SHAPE', why)
}
