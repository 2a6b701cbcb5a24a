/**
 * The order in which a block becomes durable.
 *
 * @remarks
 * One transaction: compare with the newest checkpoint, insert the entries, read them back, hash and sign what was
 * read, insert tiles and checkpoint, commit. A crash at any point before the commit frame is on disk leaves the log
 * as it was, and no note that was signed on the way has left the process; a crash after it leaves the whole block.
 * Reading back means that a bit that flipped on its way into the database is signed as it stands there, or not at
 * all: never a root over bytes which nobody has.
 *
 * @packageDocumentation
 */
import { assert } from '../../shared/errors.ts'
import { StoreError } from './errors.ts'
import type { BlockClosing, NewBlock, NewEntry } from './store.ts'
import type { EntryTable } from './tables/entries.ts'
import type { IndexTables } from './tables/indexes.ts'
import type { PayloadTables } from './tables/payloads.ts'
import type { QueueTables } from './tables/queues.ts'
import type { TreeTables } from './tables/tree.ts'

/** The tables a block touches. */
export interface BlockTables {
  readonly entries: EntryTable
  readonly indexes: IndexTables
  readonly payloads: PayloadTables
  readonly tree: TreeTables
  readonly queues: QueueTables
}

/**
 * Appends a block. Must run inside a write transaction, which an error rolls back.
 *
 * @param log - Number of the block's log.
 * @throws {@link StoreError} `STATE_UNKNOWN` or `DUPLICATE_ENTRY`; see {@link StoreWriter.append}.
 */
export function appendBlock(
  tables: BlockTables,
  log: number,
  block: NewBlock,
  close: (readBack: Uint8Array[]) => BlockClosing,
): void {
  assert(block.entries.length > 0, 'a block has at least its seal')
  compareWithNewest(tables, log, block)
  block.entries.forEach((entry, i) => {
    insertEntry(tables, log, block.firstIndex + i, entry)
  })
  for (const key of block.epochKeys) tables.payloads.insertEpochKey(key)
  for (const key of block.handedOver ?? []) tables.payloads.putEpochKey(key)
  const closing = close(readBack(tables, log, block))
  assert(closing.size === block.firstIndex + block.entries.length, 'a checkpoint covers exactly the entries so far')
  for (const tile of closing.tiles) tables.tree.putTile(log, tile)
  // Rows beyond a head that was proven without them are made up, and would stand in the way of every block.
  if (block.knownDamage === true) tables.tree.dropCheckpointsBeyond(log, block.firstIndex, closing.block)
  tables.tree.insertCheckpoint(log, closing)
  tables.queues.deleteTray(block.trayDone ?? [])
}

/** Someone else wrote, or the caller missed a write: either way it would sign a second tree of the same size. */
function compareWithNewest(tables: BlockTables, log: number, block: NewBlock): void {
  const next = tables.entries.count(log)
  if (block.knownDamage === true) {
    // The caller proved its head without the rows of checkpoints. An entry beyond it is another writer's.
    if (next > block.firstIndex) throw new StoreError('STATE_UNKNOWN', `there is an entry ${next - 1}`)
    return
  }
  const newest = tables.tree.newest(log)
  if ((newest?.note ?? null) !== block.previousNote) {
    throw new StoreError('STATE_UNKNOWN', 'the newest checkpoint is not the one the writer knows')
  }
  if (next !== block.firstIndex || (newest?.size ?? 0) !== block.firstIndex) {
    throw new StoreError('STATE_UNKNOWN', `next index is ${next}, the writer says ${block.firstIndex}`)
  }
}

function insertEntry(tables: BlockTables, log: number, index: number, entry: NewEntry): void {
  if (!tables.indexes.insert(log, { index, id: entry.id, type: entry.type, subject: entry.subject })) {
    throw new StoreError('DUPLICATE_ENTRY', `entry ${index} has the id of a stored one`)
  }
  tables.entries.insert(log, index, entry.bytes)
  if (entry.payload !== null) tables.payloads.insertPayload(log, index, entry.payload)
}

function readBack(tables: BlockTables, log: number, block: NewBlock): Uint8Array[] {
  const rows = tables.entries.page(log, block.firstIndex, block.entries.length)
  assert(rows.length === block.entries.length, 'what was inserted can be read in the same transaction')
  return rows.map((row) => row.bytes)
}
