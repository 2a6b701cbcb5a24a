/**
 * Takes the missing end of one of our logs from another copy of the replica.
 *
 * @remarks
 * Nothing of the copy is trusted: a block is taken when its entries hash to a checkpoint that the log signed, and a
 * payload when it is the ciphertext that its entry binds. Each block is one durable transaction, so that a crash leaves
 * whole blocks and the import can be repeated. Proven by `tests/main/core/vault/recovery.test.ts`.
 *
 * @packageDocumentation
 */
import { decodeEntry } from '../../../ledger/entry.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { decodeSeal } from '../../../ledger/fields.ts'
import { leafHash } from '../../../ledger/hash.ts'
import type { TileReader } from '../../../ledger/tiles.ts'
import { TreeWriter } from '../../../ledger/tree-writer.ts'
import { equalBytes, toHex } from '../../../shared/bytes.ts'
import type { CheckpointRow, NewEntry, NewEpochKey, Store, StoreReader, StoredPayload } from '../../store/store.ts'
import { checkCiphertext, EnvelopeError } from '../envelope.ts'
import { nodeHasher as h } from '../hasher.ts'
import { keyRow, type KeyPlace } from './key-rows.ts'
import { openNote, unlessDamaged, type Head } from './log-replica.ts'

/** Where an import goes on from, and where to. */
export interface LogImport {
  readonly origin: string
  /** Keys that the log had, its newest first. */
  readonly logKeys: readonly [Uint8Array, ...Uint8Array[]]
  /** The head that is here and proven; null when nothing is. */
  readonly from: Head | null
  /** Its tree. */
  readonly tiles: TileReader
}

/** Blocks looked at in one go. */
const PAGE = 256

/**
 * Imports blocks after `from`, as far as the copy goes.
 *
 * @param store - Holds nothing of the log beyond `from`.
 * @param copy - Untrusted.
 * @returns The new head, or null when nothing could be taken.
 */
export function importLog(store: Store, copy: StoreReader, { origin, logKeys, from, tiles }: LogImport): Head | null {
  if (from === null) store.addLog(origin, logKeys[0])
  const tree = from === null ? new TreeWriter(h, 0, []) : TreeWriter.resume(h, from, tiles)
  let head = from
  for (const row of rowsAfter(copy, origin, head?.size ?? 0)) {
    // A row that the log did not sign is somebody's invention: it must neither end the import nor size a block.
    const opened = openUnder(origin, logKeys, row)
    if (opened?.size !== row.size || row.size <= (head?.size ?? 0)) continue
    const block = readBlock(copy, origin, head?.size ?? 0, row)
    if (block === null) break
    const { size, root, tiles: changed } = tree.append(block.map(({ bytes }) => leafHash(h, bytes)))
    const number = equalBytes(root, opened.root) ? blockNumber(block) : null
    if (number === null) break
    const epochKeys = keysOf(store, copy, block)
    store.append(
      { origin, firstIndex: head?.size ?? 0, previousNote: null, knownDamage: true, entries: block, epochKeys },
      () => ({ tiles: changed, block: number, size, note: row.note }),
    )
    head = opened
  }
  return head === from ? null : head
}

function openUnder(origin: string, keys: readonly Uint8Array[], { note }: CheckpointRow): Head | null {
  for (const key of keys) {
    const head = openNote(origin, key, note)
    if (head !== null) return head
  }
  return null
}

/** What the seal of a proven block says: the copy's own number is anybody's. */
function blockNumber(block: readonly NewEntry[]): number | null {
  const seal = block.at(-1)
  return seal?.type === 'seal' ? decodeSeal(decodeEntry(seal.bytes).body.fields).block : null
}

/** Checkpoint rows above `size`, smallest first. */
function rowsAfter(copy: StoreReader, origin: string, size: number): CheckpointRow[] {
  const rows: CheckpointRow[] = []
  for (let before: number | null = null; ;) {
    const bound: number | null = before
    const page: CheckpointRow[] = unlessDamaged(() => copy.checkpoints(origin, bound, PAGE)) ?? []
    rows.push(...page.filter((row) => row.size > size))
    const last = page.at(-1)
    if (last === undefined || last.size <= size || (before !== null && last.block >= before)) break
    before = last.block
  }
  return rows.sort((a, b) => a.size - b.size)
}

/** The entries of a block, or null when one of them is not there or not an entry. */
function readBlock(copy: StoreReader, origin: string, first: number, { size }: CheckpointRow): NewEntry[] | null {
  const entries: NewEntry[] = []
  for (let index = first; index < size; index++) {
    const bytes = unlessDamaged(() => copy.entry(origin, index))
    const entry = bytes === null ? null : entryOf(copy, origin, index, bytes)
    if (entry === null) return null
    entries.push(entry)
  }
  return entries
}

function entryOf(copy: StoreReader, origin: string, index: number, bytes: Uint8Array): NewEntry | null {
  try {
    const { body, placement } = decodeEntry(bytes)
    const subject =
      body.subject === null || placement === null ? null : { handle: body.subject, seq: placement.subjectSeq }
    const stored = body.payload === null ? null : unlessDamaged(() => copy.payload(origin, index))
    const payload = body.payload === null || stored === null ? null : boundPayload(stored, body.payload)
    return { id: body.id, bytes, type: body.type, subject, payload }
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}

/** A payload that is not the one bound is left out: its entry will be named as having none. */
function boundPayload(stored: StoredPayload, binding: Parameters<typeof checkCiphertext>[1]): StoredPayload | null {
  try {
    checkCiphertext(stored.ciphertext, binding)
    return stored
  } catch (error) {
    if (error instanceof EnvelopeError) return null
    throw error
  }
}

/** Epoch keys of the block's subjects that are not here yet. Whether they open is seen when they are used. */
function keysOf(store: Store, copy: StoreReader, block: readonly NewEntry[]): NewEpochKey[] {
  const subjects = new Map(block.flatMap(({ subject }) => (subject === null ? [] : [[toHex(subject.handle), subject]])))
  return [...subjects.values()].flatMap(({ handle }) => {
    const here = unlessDamaged(() => store.epochKeys(handle)) ?? []
    const has = (key: KeyPlace) => keyRow(here, key) !== undefined
    return (unlessDamaged(() => copy.epochKeys(handle)) ?? [])
      .filter((key) => !has(key))
      .map((key) => ({ subject: handle, ...key }))
  })
}
