/**
 * The high-water mark: the newest checkpoint this node signed, kept where a restored database does not reach.
 *
 * @remarks
 * Two slots of one file are written in turn, so that a crash in the middle of a write leaves the mark before. Each
 * slot stands alone:
 *
 * ```
 * "CSHW" || u8 version || u8 slot || u16be length || u64be counter || u64be size || note || zeros || HMAC-SHA256 (last 32 bytes)
 * ```
 *
 * Whoever puts an old copy of the file back together with an old database is not noticed here, only by peers.
 *
 * @packageDocumentation
 */
import { createHmac } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { concatBytes, equalBytes } from '../../shared/bytes.ts'
import { assert } from '../../shared/errors.ts'
import { deriveKey } from './derive.ts'
import { guardedFiles } from './errors.ts'
import { overwriteAndSync, readFileIfAny, writeFileAtomically } from './files.ts'
import { wipe } from './sodium.ts'

/** Two pages, so that no sector of the disk belongs to both slots. */
const SLOT_SIZE = 8192
const HEADER_SIZE = 24
const MAC_SIZE = 32
const MAX_NOTE = 4096
const MAGIC = new TextEncoder().encode('CSHW\u0001')

/** The newest checkpoint that was signed. */
export interface HighWaterMark {
  /** The signed note, at most 4096 bytes of UTF-8. */
  readonly note: string
  /** Its tree size. */
  readonly size: number
}

/** Keeps the mark. */
export interface HighWater {
  /** The newest mark; `missing` before the first was written; `damaged` when neither slot authenticates. */
  read(): HighWaterMark | 'missing' | 'damaged'
  /**
   * Durable when it returns.
   *
   * @throws KeystoreError `DATA_FOLDER_READ_ONLY` or `DISK_FULL`.
   */
  write(mark: HighWaterMark): void
}

interface Slot extends HighWaterMark {
  readonly counter: number
}

/** {@link HighWater} in a file of the keystore. */
export class HighWaterFile implements HighWater {
  readonly #file: string
  readonly #nodeSecret: () => Uint8Array
  #handle: number | null = null

  /**
   * @param folder - The keystore's folder.
   * @param nodeSecret - Read at each use.
   */
  constructor(folder: string, nodeSecret: () => Uint8Array) {
    this.#file = join(folder, 'high-water')
    this.#nodeSecret = nodeSecret
  }

  read(): HighWaterMark | 'missing' | 'damaged' {
    const bytes = readFileIfAny(this.#file)
    if (bytes === null) return 'missing'
    const newest = this.#newest(bytes)
    return newest === null ? 'damaged' : { note: newest.note, size: newest.size }
  }

  write(mark: HighWaterMark): void {
    const bytes = readFileIfAny(this.#file)
    const newest = bytes === null ? null : this.#newest(bytes)
    const counter = (newest?.counter ?? 0) + 1
    const number = counter % 2
    const slot = this.#encode({ ...mark, counter }, number)
    if (newest === null) this.#writeNewFile(slot, number)
    else overwriteAndSync(this.#open(), slot, number * SLOT_SIZE)
  }

  close(): void {
    if (this.#handle !== null) closeSync(this.#handle)
    this.#handle = null
  }

  /** The first mark, or the first after damage: the file is made whole at once, with one slot in use. */
  #writeNewFile(slot: Uint8Array, number: number): void {
    this.close()
    const content = new Uint8Array(2 * SLOT_SIZE)
    content.set(slot, number * SLOT_SIZE)
    writeFileAtomically(this.#file, content)
  }

  #open(): number {
    this.#handle ??= guardedFiles('opening the high-water mark', () => openSync(this.#file, 'r+'))
    return this.#handle
  }

  #newest(bytes: Uint8Array): Slot | null {
    const slots = [0, 1].flatMap((number) => this.#decode(bytes, number) ?? [])
    return slots.sort((a, b) => b.counter - a.counter)[0] ?? null
  }

  #encode(slot: Slot, number: number): Uint8Array {
    const note = new TextEncoder().encode(slot.note)
    assert(note.length <= MAX_NOTE && Number.isSafeInteger(slot.size), 'a checkpoint fits its slot')
    const body = new Uint8Array(SLOT_SIZE - MAC_SIZE)
    const view = new DataView(body.buffer)
    body.set(MAGIC)
    view.setUint8(5, number)
    view.setUint16(6, note.length)
    view.setBigUint64(8, BigInt(slot.counter))
    view.setBigUint64(16, BigInt(slot.size))
    body.set(note, HEADER_SIZE)
    return concatBytes(body, this.#mac(body))
  }

  /** Only what authenticates is looked into. */
  #decode(file: Uint8Array, number: number): Slot | null {
    const slot = file.slice(number * SLOT_SIZE, (number + 1) * SLOT_SIZE)
    if (slot.length !== SLOT_SIZE) return null
    const body = slot.subarray(0, -MAC_SIZE)
    if (!equalBytes(slot.subarray(-MAC_SIZE), this.#mac(body)) || body[5] !== number) return null
    const view = new DataView(body.buffer)
    return {
      counter: Number(view.getBigUint64(8)),
      size: Number(view.getBigUint64(16)),
      note: new TextDecoder().decode(body.subarray(HEADER_SIZE, HEADER_SIZE + view.getUint16(6))),
    }
  }

  #mac(body: Uint8Array): Uint8Array {
    const key = deriveKey(this.#nodeSecret(), 'high-water')
    const mac = createHmac('sha256', key).update(body).digest()
    wipe(key)
    return new Uint8Array(mac)
  }
}
