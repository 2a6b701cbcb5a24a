/**
 * Signing seeds of practitioners and of patients' cards, each sealed under a PIN combined with the keystore's pepper,
 * and for a card also with the share that is printed on it.
 *
 * @remarks
 * A PIN alone could be guessed from a copied file; the pepper is not in the file, and lies in the keystore under the node
 * secret. It goes along when a clinic is restored on another computer, so that everybody's PIN goes on working there.
 * What is left is guessing through this program, and that is counted: an attempt is written down as failed before it is
 * made, so that killing the process does not give it back. The whole file is under a MAC, counters included; putting an
 * older copy of it back resets them, and needs write access to the keystore.
 * The share of a card is 32 random bytes that are kept nowhere here: a file tells whether a share is its own, and only to
 * who has the pepper. So nobody uses up the attempts of a card that they do not hold, and nobody opens it without it.
 * Proven by `tests/main/keystore/practitioners.test.ts` and `tests/main/keystore/cards.test.ts`.
 *
 * @packageDocumentation
 */
import { createHmac, hash, randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { concatBytes, equalBytes, fromHex, toHex } from '../../shared/bytes.ts'
import { assert } from '../../shared/errors.ts'
import { costOf, deriveKey, derivePassword, isAcceptedCost, type ScryptCost } from './derive.ts'
import { KeystoreError } from './errors.ts'
import { makePrivateFolder, readFileIfAny, removeFile, writeFileAtomically } from './files.ts'
import { afterFailure, isWeakPin, NO_ATTEMPTS, waitMs } from './pin-policy.ts'
import { openSealed, seal, wipe } from './sodium.ts'

const ID = /^[0-9a-f]{32}$/
const Hex = z.string().regex(/^(?:[0-9a-f]{2})+$/)
const Content = z.strictObject({
  version: z.literal(1),
  scrypt: z.strictObject({ logN: z.number(), r: z.number(), p: z.number(), salt: Hex }),
  sealed: Hex,
  /** HMAC of the share, where there is one. */
  share: Hex.nullable(),
  failures: z.number().int().nonnegative(),
  lockedUntilMs: z.number().int().nonnegative(),
})
type Content = z.infer<typeof Content>
const File = z.strictObject({ content: Content, mac: Hex })

/** What is common to sealed seeds. An id is 16 bytes in lower-case hex. */
interface PinFiles {
  has(id: string): boolean
  /** Removes a seed for good. Durable when it returns; nothing happens when there is none. */
  remove(id: string): void
  /** Every file as it is, by id: sealed under PIN and pepper. For a backup. */
  files(): ReadonlyMap<string, Uint8Array>
  /**
   * What tells one seed under one PIN from another, 16 bytes, by id: counted attempts make no other version. A file that
   * does not authenticate has none: it is as good as not there.
   */
  versions(): ReadonlyMap<string, Uint8Array>
  /**
   * Puts a file of {@link PinFiles.files} back, after whoever types a PIN at the moment.
   *
   * @throws KeystoreError `KEYSTORE_DAMAGED` when it was changed or belongs to another pepper.
   */
  putFile(id: string, file: Uint8Array): Promise<void>
}

/** Seeds of practitioners, by handle. */
export interface Practitioners extends PinFiles {
  /** @throws KeystoreError `WEAK_PIN`. */
  add(handle: string, pin: string, seed: Uint8Array): Promise<void>
  /**
   * Makes ready to replace a seed, or to add one, under a PIN that somebody forgot.
   *
   * @returns What does it: once the ledger says that the new key is theirs.
   * @throws KeystoreError `WEAK_PIN`.
   */
  prepare(handle: string, pin: string, seed: Uint8Array): Promise<() => Promise<void>>
  /**
   * The seed, to be wiped by the caller.
   *
   * @throws KeystoreError `WRONG_PIN`; after five in a row `PIN_LOCKED` for 30 s, doubled by each further one up to
   * 15 min; `KEYSTORE_DAMAGED` when the file is missing or was changed; `DATA_FOLDER_READ_ONLY` or `DISK_FULL` when
   * the attempt cannot be written down.
   */
  unlock(handle: string, pin: string): Promise<Uint8Array>
  /** @throws KeystoreError as {@link Practitioners.unlock} for the old PIN, and `WEAK_PIN` for the new one. */
  changePin(handle: string, oldPin: string, newPin: string): Promise<void>
}

/** The other halves of patients' cards, by card id. */
export interface Cards extends PinFiles {
  /**
   * @param share - What is printed on the card, 32 random bytes.
   * @throws KeystoreError `WEAK_PIN`.
   */
  add(cardId: string, pin: string, share: Uint8Array, seed: Uint8Array): Promise<void>
  /**
   * The seed, to be wiped by the caller.
   *
   * @throws KeystoreError `WRONG_SHARE`, which is not counted; else as {@link Practitioners.unlock}.
   */
  unlock(cardId: string, pin: string, share: Uint8Array): Promise<Uint8Array>
}

/** What opens sealed seeds. */
export interface PinFilesSetup {
  /** The keystore's folder. */
  readonly folder: string
  /** 32 bytes; read at each use, so that wiping the node secret closes them. */
  readonly pepper: () => Uint8Array
  /** Cost of scrypt for new PINs, and the least that is accepted. */
  readonly logN: number
  /** Wall clock, ms since 1970. */
  readonly now: () => number
}

/** Opens the practitioners of a keystore. */
export function openPractitioners(setup: PinFilesSetup): Practitioners {
  const { shared, put, unlock, inTurn } = openPinFiles({ ...setup, kind: 'practitioner' })
  return {
    ...shared,
    add: (handle, pin, seed) =>
      inTurn(async () => {
        assert(!shared.has(handle), 'a practitioner is added once')
        const commit = await put(handle, { pin, share: null }, seed)
        commit()
      }),
    prepare: async (handle, pin, seed) => {
      const commit = await put(handle, { pin, share: null }, seed)
      // In turn: an attempt with the old PIN ends by writing the old file back.
      return () =>
        inTurn(async () => {
          await Promise.resolve()
          commit()
        })
    },
    unlock: (handle, pin) => inTurn(() => unlock(handle, { pin, share: null })),
    changePin: (handle, oldPin, newPin) =>
      inTurn(async () => {
        requireStrong(newPin)
        const seed = await unlock(handle, { pin: oldPin, share: null })
        const commit = await put(handle, { pin: newPin, share: null }, seed)
        wipe(seed)
        commit()
      }),
  }
}

/** Opens the cards of a keystore. */
export function openCards(setup: PinFilesSetup): Cards {
  const { shared, put, unlock, inTurn } = openPinFiles({ ...setup, kind: 'card' })
  return {
    ...shared,
    add: (cardId, pin, share, seed) =>
      inTurn(async () => {
        assert(!shared.has(cardId), 'a card is added once')
        const commit = await put(cardId, { pin, share }, seed)
        commit()
      }),
    unlock: (cardId, pin, share) => inTurn(() => unlock(cardId, { pin, share })),
  }
}

/** Whose seeds they are: part of the name of the folder, and of every key. */
interface Setup extends PinFilesSetup {
  readonly kind: 'practitioner' | 'card'
}

/** What somebody must bring. */
interface Factors {
  readonly pin: string
  /** 32 bytes; null where none is asked for. */
  readonly share: Uint8Array | null
}

function openPinFiles(setup: Setup) {
  const folder = join(setup.folder, `${setup.kind}s`)
  const fileOf = (id: string) => {
    assert(ID.test(id), 'an id is 16 bytes in hex')
    return join(folder, `${id}.json`)
  }
  const read = (id: string) => parseFile(setup, id, readFileIfAny(fileOf(id)))
  const write = (id: string, content: Content) => {
    makePrivateFolder(folder)
    writeFileAtomically(fileOf(id), encodeFile(setup, id, content))
  }
  const put = async (id: string, factors: Factors, seed: Uint8Array) => {
    requireStrong(factors.pin)
    const content = await sealSeed(setup, id, factors, seed)
    return () => {
      write(id, content)
    }
  }
  const unlock = async (id: string, factors: Factors) => {
    const content = read(id)
    requireShare(setup, id, factors, content)
    const pending = chargeAttempt(content, setup.now(), (charged) => {
      write(id, charged)
    })
    const seed = await openSeed(setup, id, factors, pending)
    if (seed === null) throw new KeystoreError('WRONG_PIN', 'the seed does not open')
    write(id, { ...pending, ...NO_ATTEMPTS })
    return seed
  }
  const inTurn = oneAtATime()
  const shared: PinFiles = {
    has: (id) => existsSync(fileOf(id)),
    remove: (id) => {
      if (existsSync(fileOf(id))) removeFile(fileOf(id))
    },
    files: () => new Map(idsIn(folder).map((id) => [id, readFileIfAny(fileOf(id)) ?? new Uint8Array()])),
    versions: () =>
      new Map(
        idsIn(folder).flatMap((id) => {
          const version = unlessDamaged(() => versionOf(read(id)))
          return version === null ? [] : [[id, version]]
        }),
      ),
    putFile: (id, file) =>
      // An attempt with the old PIN ends by writing the old file back.
      inTurn(async () => {
        await Promise.resolve()
        parseFile(setup, id, file)
        makePrivateFolder(folder)
        writeFileAtomically(fileOf(id), file)
      }),
  }
  return { shared, put, unlock, inTurn }
}

/** Null for a file that is damaged, or was removed meanwhile. Any other failure passes on. */
function unlessDamaged<Value>(read: () => Value): Value | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof KeystoreError && error.code === 'KEYSTORE_DAMAGED') return null
    throw error
  }
}

function versionOf({ scrypt, sealed }: Content): Uint8Array {
  return new Uint8Array(hash('sha256', `${scrypt.salt} ${sealed}`, 'buffer')).slice(0, 16)
}

function idsIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder).flatMap((name) => /^([0-9a-f]{32})\.json$/.exec(name)?.[1] ?? [])
}

/** Attempts made at the same time would all see the same count. */
function oneAtATime(): <Value>(body: () => Promise<Value>) => Promise<Value> {
  let last: Promise<unknown> = Promise.resolve()
  return (body) => {
    const mine = last.then(body, body)
    last = mine.catch(() => undefined)
    return mine
  }
}

function requireStrong(pin: string): void {
  if (isWeakPin(pin)) throw new KeystoreError('WEAK_PIN', 'too short or too regular')
}

/** Refuses an attempt that comes too early, and writes down any other as failed. */
function chargeAttempt(content: Content, nowMs: number, write: (content: Content) => void): Content {
  const wait = waitMs(content, nowMs)
  if (wait > 0) {
    const lockedUntilMs = nowMs + wait
    if (lockedUntilMs < content.lockedUntilMs) write({ ...content, lockedUntilMs })
    throw new KeystoreError('PIN_LOCKED', 'too many wrong PINs', { retryAfterS: Math.ceil(wait / 1000) })
  }
  const charged = { ...content, ...afterFailure(content, nowMs) }
  write(charged)
  return charged
}

async function sealSeed(setup: Setup, id: string, factors: Factors, seed: Uint8Array): Promise<Content> {
  const scrypt = { ...costOf(setup.logN), salt: toHex(randomBytes(16)) }
  const key = await sealingKey(setup, id, factors, scrypt)
  const sealed = toHex(seal(key, seed, contextOf(setup, id)))
  wipe(key)
  return { version: 1, scrypt, sealed, share: shareMac(setup, id, factors.share), ...NO_ATTEMPTS }
}

async function openSeed(setup: Setup, id: string, factors: Factors, content: Content): Promise<Uint8Array | null> {
  if (!isAcceptedCost(content.scrypt, setup.logN))
    throw new KeystoreError('KEYSTORE_DAMAGED', 'scrypt cost out of range')
  const key = await sealingKey(setup, id, factors, content.scrypt)
  const seed = openSealed(key, fromHex(content.sealed), contextOf(setup, id))
  wipe(key)
  return seed
}

/** HKDF(scrypt(PIN) || pepper || share): useless with one of them missing. */
async function sealingKey(
  setup: Setup,
  id: string,
  { pin, share }: Factors,
  scrypt: ScryptCost & { salt: string },
): Promise<Uint8Array> {
  const stretched = await derivePassword(pin, fromHex(scrypt.salt), scrypt)
  const all = concatBytes(stretched, setup.pepper(), share ?? NO_SHARE)
  const key = deriveKey(all, `${setup.kind}\n${id}`)
  wipe(stretched, all)
  return key
}

const NO_SHARE = new Uint8Array(0)

/** The share of another card opens nothing, and costs this one no attempt. */
function requireShare(setup: Setup, id: string, { share }: Factors, content: Content): void {
  if (content.share !== shareMac(setup, id, share)) throw new KeystoreError('WRONG_SHARE', 'the share of another card')
}

function shareMac(setup: Setup, id: string, share: Uint8Array | null): string | null {
  return share === null ? null : hmac(setup, `${setup.kind}-share\n${id}`, share)
}

function contextOf({ kind }: Setup, id: string): Uint8Array {
  return new TextEncoder().encode(`chartseal/${kind}/v1\n${id}\n`)
}

function parseFile(setup: Setup, id: string, bytes: Uint8Array | null): Content {
  if (bytes === null) throw new KeystoreError('KEYSTORE_DAMAGED', `the file of a ${setup.kind} is missing`)
  try {
    const { content, mac } = File.parse(JSON.parse(new TextDecoder().decode(bytes)))
    if (equalBytes(fromHex(mac), macOf(setup, id, content))) return content
  } catch {
    // Neither the parser's nor the schema's message may travel: both quote what they read.
  }
  throw new KeystoreError('KEYSTORE_DAMAGED', `the file of a ${setup.kind} does not authenticate`)
}

function encodeFile(setup: Setup, id: string, content: Content): Uint8Array {
  const text = JSON.stringify({ content, mac: toHex(macOf(setup, id, content)) }, null, 2)
  return new TextEncoder().encode(`${text}\n`)
}

function macOf(setup: Setup, id: string, content: Content): Uint8Array {
  return fromHex(hmac(setup, `${setup.kind}-file\n${id}`, new TextEncoder().encode(canonical(content))))
}

/** HMAC-SHA256 under a key of the pepper for one purpose, in hex. */
function hmac(setup: Setup, purpose: string, message: Uint8Array): string {
  const key = deriveKey(setup.pepper(), purpose)
  const mac = createHmac('sha256', key).update(message).digest('hex')
  wipe(key)
  return mac
}

/** Keys in the order of the schema, whoever wrote the object. */
function canonical(content: Content): string {
  return JSON.stringify(Content.parse(content))
}
