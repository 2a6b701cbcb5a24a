/**
 * Notes that people write while nothing can be recorded: kept as sealed files until a practitioner takes them over.
 *
 * @remarks
 * They can be written in every state in which the data folder is known, without any key of this workstation: each is
 * sealed to the site's sharing key, whose public half lies beside them in the clear. Whoever can write there could put
 * another key in its place and read what is written next; opening the clinic notices that, puts the right key back and
 * says how many notes were lost to it. Anybody can seal to a public key, so a note is a claim that a person checks and
 * signs, never a record. Files: `docs/protocol.md`, "Outbox". Proven by `tests/main/core/vault/outbox.test.ts`.
 *
 * @packageDocumentation
 */
import { existsSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import type { z } from 'zod'
import { instantText, parseInstant } from '../../../clinical/instant.ts'
import { OutboxNote, SettledNote } from '../../../shared/api/record-schemas.ts'
import { equalBytes, fromHex, toHex } from '../../../shared/bytes.ts'
import { guardedFiles } from '../../keystore/errors.ts'
import { makePrivateFolder, readFileIfAny, removeFile, writeFileAtomically } from '../../keystore/files.ts'
import { EnvelopeError, type RandomBytes } from '../envelope.ts'
import { openSealedToKey, sealToKey } from '../epoch-keys.ts'
import { ApiFailure } from '../failure.ts'
import { offsetMinAt } from './local-time.ts'
import type { SharingRing } from './sharing-ring.ts'

/** Notes that wait at most. */
export const MAX_NOTES = 500
/** Bytes of one note at most, as JSON. All are padded to this, so that files do not tell how much somebody wrote. */
export const NOTE_SIZE = 4096
/** The same once somebody said what became of it. */
const SETTLED_SIZE = 8192
/** How long a settled note is kept, with what became of it. */
const KEPT_MS = 90 * 24 * 3600 * 1000

const INFO = 'chartseal/outbox/v1'
const KEY_FILE = 'sharing-key'
const ID = /^[0-9a-f]{32}$/

/** Clock and randomness of an outbox. */
export interface OutboxTools {
  readonly random: RandomBytes
  /** Wall clock, ms since 1970. */
  readonly nowMs: () => number
}

/** What opening an outbox found. */
export interface OutboxFindings {
  /** Whether no key lay there, or another one; null when it was the right one. */
  readonly isReplaced: 'none' | 'another' | null
  /** Notes that do not open: sealed to another key, or damaged. They are kept as files. */
  readonly unreadable: number
}

/** Notes in one folder. */
export class Outbox {
  readonly #folder: string
  readonly #tools: OutboxTools

  /** @param folder - Made when it is needed. */
  constructor(folder: string, tools: OutboxTools) {
    this.#folder = folder
    this.#tools = tools
  }

  /**
   * Keeps a note. Durable when the promise resolves.
   *
   * @throws ApiFailure `WRONG_STATE` before there was any clinic here, `OUTBOX_FULL`, `INVALID_REQUEST` for a note that is
   * too long; KeystoreError `DATA_FOLDER_READ_ONLY`, `DISK_FULL`.
   */
  async write(note: Omit<OutboxNote, 'id' | 'writtenAt'>): Promise<{ id: string }> {
    const publicKey = this.#publishedKey()
    if (publicKey === null) throw new ApiFailure('WRONG_STATE')
    if (this.#ids('note').length >= MAX_NOTES) throw new ApiFailure('OUTBOX_FULL')
    const { random, nowMs } = this.#tools
    const [id, now] = [toHex(random(16)), nowMs()]
    const whole = { id, writtenAt: instantText(now, offsetMinAt(now)), ...note }
    const plain = padded(whole, NOTE_SIZE)
    if (plain === null) throw new ApiFailure('INVALID_REQUEST', { detail: 'note' })
    writeFileAtomically(this.#fileOf(id, 'note'), await sealToKey(plain, publicKey, INFO, fromHex(id)))
    return { id }
  }

  /**
   * Publishes the key that notes are sealed to, where another one or none lies, and sets aside what does not open.
   *
   * @param ring - The site's keys, from the keystore.
   */
  async open(ring: SharingRing): Promise<OutboxFindings> {
    makePrivateFolder(this.#folder)
    const isReplaced = this.#comparedWith(ring)
    const { publicKey } = ring.now
    const published = this.#publishedKey()
    if (published === null || !equalBytes(published, publicKey))
      writeFileAtomically(this.#keyFile, new TextEncoder().encode(`${toHex(publicKey)}\n`))
    let unreadable = 0
    for (const id of this.#ids('note')) {
      if ((await this.#read(id, 'note', ring)) !== null) continue
      this.#rename(id, 'note', 'unreadable')
      unreadable++
    }
    await this.#forgetOld(ring)
    return { isReplaced, unreadable }
  }

  /** Notes that wait, oldest first. */
  async list(ring: SharingRing): Promise<OutboxNote[]> {
    return this.#all('note', ring)
  }

  /** Notes of the last 90 days that were settled, oldest first. */
  async settled(ring: SharingRing): Promise<SettledNote[]> {
    const notes = await this.#all('settled', ring)
    return notes.filter((note): note is SettledNote => 'settled' in note)
  }

  /**
   * One note that waits.
   *
   * @throws ApiFailure `UNKNOWN_ENTRY`.
   */
  async note(id: string, ring: SharingRing): Promise<OutboxNote> {
    const note = this.#ids('note').includes(id) ? await this.#read(id, 'note', ring) : null
    if (note === null) throw new ApiFailure('UNKNOWN_ENTRY')
    return note
  }

  /** Takes a note off the list, and keeps it with what became of it. Durable when the promise resolves. */
  async settle(note: OutboxNote, settled: SettledNote['settled'], ring: SharingRing): Promise<void> {
    const plain = padded({ ...note, settled }, SETTLED_SIZE)
    if (plain === null) throw new ApiFailure('INVALID_REQUEST', { detail: 'reason' })
    const sealed = await sealToKey(plain, ring.now.publicKey, INFO, fromHex(note.id))
    writeFileAtomically(this.#fileOf(note.id, 'settled'), sealed)
    removeFile(this.#fileOf(note.id, 'note'))
  }

  async #all(kind: 'note' | 'settled', ring: SharingRing): Promise<OutboxNote[]> {
    const notes = await Promise.all(this.#ids(kind).map((id) => this.#read(id, kind, ring)))
    return notes.filter((note) => note !== null).sort((a, b) => timeOf(a) - timeOf(b) || (a.id < b.id ? -1 : 1))
  }

  /** Null when it does not open, or is no note. */
  async #read(id: string, kind: 'note' | 'settled', ring: SharingRing): Promise<OutboxNote | null> {
    const sealed = readFileIfAny(this.#fileOf(id, kind))
    if (sealed === null) return null
    let plain: Uint8Array | null = null
    for (const { privateKey } of ring.all)
      plain ??= await openSealedToKey(sealed, privateKey, INFO, fromHex(id)).catch(unreadable)
    const note = plain === null ? null : parsed(kind === 'note' ? OutboxNote : SettledNote, plain)
    return note?.id === id ? note : null
  }

  async #forgetOld(ring: SharingRing): Promise<void> {
    const before = this.#tools.nowMs() - KEPT_MS
    for (const { id, settled } of await this.settled(ring))
      if (parseInstant(settled.at).epochMs < before) removeFile(this.#fileOf(id, 'settled'))
  }

  #ids(kind: 'note' | 'settled'): string[] {
    if (!existsSync(this.#folder)) return []
    const files = guardedFiles('listing the outbox', () => readdirSync(this.#folder))
    const ids = files.filter((file) => file.endsWith(`.${kind}`)).map((file) => file.slice(0, -kind.length - 1))
    return ids.filter((id) => ID.test(id))
  }

  #rename(id: string, from: 'note', to: 'unreadable'): void {
    guardedFiles('setting a note aside', () => {
      renameSync(this.#fileOf(id, from), this.#fileOf(id, to))
    })
  }

  /** A key that the site had before was put there by nobody else. */
  #comparedWith(ring: SharingRing): OutboxFindings['isReplaced'] {
    if (!existsSync(this.#keyFile)) return 'none'
    const published = this.#publishedKey()
    return published !== null && ring.of(published) !== null ? null : 'another'
  }

  #publishedKey(): Uint8Array | null {
    const bytes = readFileIfAny(this.#keyFile)
    const text = bytes === null ? '' : new TextDecoder().decode(bytes).trim()
    return /^[0-9a-f]{64}$/.test(text) ? fromHex(text) : null
  }

  get #keyFile(): string {
    return join(this.#folder, KEY_FILE)
  }

  #fileOf(id: string, kind: 'note' | 'settled' | 'unreadable'): string {
    return join(this.#folder, `${id}.${kind}`)
  }
}

/** JSON of a note, with spaces up to `size`; null when it is longer. */
function padded(note: OutboxNote | SettledNote, size: number): Uint8Array | null {
  const bytes = new TextEncoder().encode(JSON.stringify(note))
  if (bytes.length > size) return null
  const plain = new Uint8Array(size).fill(0x20)
  plain.set(bytes)
  return plain
}

function parsed<Schema extends z.ZodType>(schema: Schema, plain: Uint8Array): z.infer<Schema> | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(plain)
    const result = schema.safeParse(JSON.parse(text))
    return result.success ? result.data : null
  } catch {
    // Not text, or not JSON: the message would quote what it read.
    return null
  }
}

function timeOf({ writtenAt }: OutboxNote): number {
  return parseInstant(writtenAt).epochMs
}

function unreadable(error: unknown): null {
  if (error instanceof EnvelopeError) return null
  throw error
}
