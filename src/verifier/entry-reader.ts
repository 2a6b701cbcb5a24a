/**
 * What the second verifier needs from an entry.
 *
 * @remarks
 * Reads `docs/protocol.md`, "Entry", apart from the ledger's codecs. Proven by
 * `tests/verifier/verify-proof.test.ts`.
 *
 * @packageDocumentation
 */
import { type Item, readCbor } from './cbor-reader.ts'
import { bytesOf, listOf, mapWith, shape, textOf } from './shapes.ts'

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
  /** By type; not looked into. */
  readonly fields: Item
  /** Of the payload, 32 bytes; null when the entry has none. */
  readonly commitment: Uint8Array | null
  readonly signers: readonly EntrySigner[]
}

const ROLES = ['log', 'governance', 'practitioner', 'device', 'patient']

/**
 * Reads an entry.
 *
 * @param bytes - Exact bytes, untrusted.
 * @throws ProofError `BAD_CBOR` or `BAD_SHAPE`.
 */
export function readEntry(bytes: Uint8Array): ReadEntry {
  const entry = mapWith(readCbor(bytes), [1, 2, 4], [3])
  if (entry.get(1) !== 1) throw shape('format')
  const bodyBytes = bytesOf(entry.get(2))
  const body = mapWith(readCbor(bodyBytes), [1, 2, 3, 4, 5, 8], [6, 7])
  if (body.has(6) !== entry.has(3)) throw shape('placement goes with a subject')
  const signers = listOf(entry.get(4)).map(readSigner)
  if (signers.length < 1 || signers.length > 16) throw shape('signatures')
  return {
    bodyBytes,
    type: textOf(body.get(1)),
    network: bytesOf(body.get(2), 32),
    log: textOf(body.get(3)),
    fields: body.get(8) ?? new Map(),
    commitment: body.has(7) ? bytesOf(mapWith(body.get(7), [1, 2, 3, 4], []).get(1), 32) : null,
    signers,
  }
}

function readSigner(value: Item): EntrySigner {
  const [role, publicKey, signature, ...more] = listOf(value)
  if (more.length > 0 || typeof role !== 'string' || !ROLES.includes(role)) throw shape('signature')
  return { role, publicKey: bytesOf(publicKey, 32), signature: bytesOf(signature, 64) }
}
