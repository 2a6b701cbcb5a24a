/**
 * Writes a log as a C2SP tlog-tiles directory, from the database alone.
 *
 * @remarks
 * Only what hashes into the log's newest checkpoint is written, and the checkpoint last: a directory that is not
 * complete is not a log. Whether the key is the right one is for whoever checks the directory. Proven by
 * `tests/main/cli/export-log.test.ts`.
 *
 * @packageDocumentation
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { encodeBundle } from '../../../ledger/bundle.ts'
import { openCheckpoint } from '../../../ledger/checkpoint.ts'
import { leafHash } from '../../../ledger/hash.ts'
import {
  allTiles,
  bundlePath,
  type TileCoordinates,
  tilePath,
  TileTree,
  tileWidth,
  TILE_WIDTH,
} from '../../../ledger/tiles.ts'
import { ED25519, encodeVkey } from '../../../ledger/vkey.ts'
import { equalBytes } from '../../../shared/bytes.ts'
import { CodedError } from '../../../shared/errors.ts'
import { verifier } from '../../keystore/sodium.ts'
import type { ReplicaFile } from '../../store/open-read-only.ts'
import type { StoreReader } from '../../store/store.ts'
import { nodeHasher as h } from '../hasher.ts'

/** Why a log is not exported. */
export type ExportErrorCode =
  | 'UNKNOWN_LOG' // the database has no log of that origin
  | 'NOTHING_SEALED' // it has no checkpoint
  | 'FOLDER_NOT_EMPTY'
  | 'LOG_DAMAGED' // an entry or a tile is missing, or not that of the signed tree

/** The log cannot be exported. */
export class ExportError extends CodedError<ExportErrorCode> {}

/** What was written. */
export interface ExportedLog {
  readonly origin: string
  readonly size: number
  /** C2SP verifier key, as the database has it. */
  readonly key: string
  readonly files: number
}

/**
 * Exports a log.
 *
 * @param file - Open, untrusted.
 * @param origin - Of the log.
 * @param folder - Absolute; made when it is not there, and otherwise empty.
 * @throws {@link ExportError}, or `LedgerError` for a checkpoint or a tile that does not hold.
 */
export function exportLog(file: ReplicaFile, origin: string, folder: string): ExportedLog {
  const log = file.reader.logs().find((row) => row.origin === origin)
  if (log === undefined) throw new ExportError('UNKNOWN_LOG', logsOf(file.reader))
  const newest = file.reader.newestCheckpoint(origin)
  if (newest === null) throw new ExportError('NOTHING_SEALED', origin)
  const head = openCheckpoint(newest.note, { name: origin, publicKey: log.logKey }, verifier)
  const tree = new TileTree(h, head, { tile: (level, index) => file.reader.tile(origin, level, index) })
  const out = new NewFolder(folder)
  for (let index = 0; tileWidth(head.size, 0, index) > 0; index++) {
    const width = tileWidth(head.size, 0, index)
    out.write(bundlePath(index, width), encodeBundle(provenEntries(file.reader, tree, origin, index, width)))
  }
  for (const at of allTiles(head.size)) out.write(tilePath(at), provenTile(file.reader, origin, at))
  out.write(
    'checkpoint',
    newest.note +
      file
        .cosignatures(origin)
        .filter((row) => row.size === head.size)
        .map(lineOf)
        .join(''),
  )
  return {
    origin,
    size: head.size,
    key: encodeVkey({ name: origin, type: ED25519, publicKey: log.logKey }),
    files: out.files,
  }
}

function logsOf(reader: StoreReader): string {
  return `the database has ${reader
    .logs()
    .map((row) => row.origin)
    .join(', ')}`
}

function lineOf({ line }: { line: string }): string {
  return `${line.trimEnd()}\n`
}

/** Entries of a bundle, each compared with its leaf in the signed tree. */
function provenEntries(
  reader: StoreReader,
  tree: TileTree,
  origin: string,
  index: number,
  width: number,
): Uint8Array[] {
  const first = index * TILE_WIDTH
  const rows = reader.entries(origin, first, width)
  return Array.from({ length: width }, (_, i) => {
    const row = rows[i]
    if (row?.index !== first + i || !equalBytes(leafHash(h, row.bytes), tree.leafAt(first + i))) {
      throw new ExportError('LOG_DAMAGED', `entry ${first + i} is missing or not that of the signed tree`)
    }
    return row.bytes
  })
}

/** A tile. It was authenticated when the leaves below it were, in the same view of the database. */
function provenTile(reader: StoreReader, origin: string, { level, index, width }: TileCoordinates) {
  const bytes = reader.tile(origin, level, index)?.subarray(0, width * 32)
  if (bytes?.length !== width * 32) throw new ExportError('LOG_DAMAGED', `tile ${level}/${index} is missing`)
  return bytes
}

/** A folder that was empty. Nothing in it is ever overwritten. */
class NewFolder {
  files = 0
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
    mkdirSync(folder, { recursive: true })
    if (readdirSync(folder).length > 0) throw new ExportError('FOLDER_NOT_EMPTY', folder)
  }

  write(path: string, content: Uint8Array | string): void {
    const target = join(this.#folder, path)
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, content, { flag: 'wx' })
    this.files += 1
  }
}
