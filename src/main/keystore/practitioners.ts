/**
 * Signing seeds of practitioners, each sealed under a PIN combined with the keystore's pepper.
 *
 * @remarks
 * A PIN alone could be guessed from a copied file; the pepper is not in the file, and lies in the keystore under the node
 * secret. It goes along when a clinic is restored on another computer, so that everybody's PIN goes on working there.
 * What is left is guessing through this program, and that is counted: an attempt is written down as failed before it is made, so that
 * killing the process does not give it back. The whole file is under a MAC, counters included; putting an older
 * copy of it back resets them, and needs write access to the keystore.
 *
 * @packageDocumentation
 */
import { createHmac, randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { concatBytes, equalBytes, fromHex, toHex } from '../../shared/bytes.ts'
import { assert } from '../../shared/errors.ts'
import { costOf, deriveKey, derivePassword, isAcceptedCost, type ScryptCost } from './derive.ts'
import { KeystoreError } from './errors.ts'
import { makePrivateFolder, readFileIfAny, writeFileAtomically } from './files.ts'
import { afterFailure, isWeakPin, NO_ATTEMPTS, waitMs } from './pin-policy.ts'
import { openSealed, seal, wipe } from './sodium.ts'

const HANDLE = /^[0-9a-f]{32}$/
const Hex = z.string().regex(/^(?:[0-9a-f]{2})+$/)
const Content = z.strictObject({
  version: z.literal(1),
  scrypt: z.strictObject({ logN: z.number(), r: z.number(), p: z.number(), salt: Hex }),
  sealed: Hex,
  failures: z.number().int().nonnegative(),
  lockedUntilMs: z.number().int().nonnegative(),
})
type Content = z.infer<typeof Content>
const File = z.strictObject({ content: Content, mac: Hex })

/** Seeds of practitioners. A handle is 16 bytes in lower-case hex. */
export interface Practitioners {
  has(handle: string): boolean
  /** @throws KeystoreError `WEAK_PIN`. */
  add(handle: string, pin: string, seed: Uint8Array): Promise<void>
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
  /** Every file as it is, by handle: sealed under PIN and pepper. For a backup. */
  files(): ReadonlyMap<string, Uint8Array>
  /**
   * Puts a file of {@link Practitioners.files} back.
   *
   * @throws KeystoreError `KEYSTORE_DAMAGED` when it was changed or belongs to another pepper.
   */
  putFile(handle: string, file: Uint8Array): void
}

/** What {@link openPractitioners} needs. */
export interface PractitionersSetup {
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
export function openPractitioners(setup: PractitionersSetup): Practitioners {
  const folder = join(setup.folder, 'practitioners')
  const fileOf = (handle: string) => {
    assert(HANDLE.test(handle), 'a handle is 16 bytes in hex')
    return join(folder, `${handle}.json`)
  }
  const read = (handle: string) => parseFile(setup, handle, readFileIfAny(fileOf(handle)))
  const write = (handle: string, content: Content) => {
    makePrivateFolder(folder)
    writeFileAtomically(fileOf(handle), encodeFile(setup, handle, content))
  }
  const store = async (handle: string, pin: string, seed: Uint8Array) => {
    write(handle, await sealSeed(setup, handle, pin, seed))
  }
  const unlock = async (handle: string, pin: string) => {
    const content = read(handle)
    const pending = chargeAttempt(content, setup.now(), (charged) => {
      write(handle, charged)
    })
    const seed = await openSeed(setup, handle, pin, pending)
    if (seed === null) throw new KeystoreError('WRONG_PIN', 'the seed does not open')
    write(handle, { ...pending, ...NO_ATTEMPTS })
    return seed
  }
  const changePin = async (handle: string, oldPin: string, newPin: string) => {
    requireStrong(newPin)
    const seed = await unlock(handle, oldPin)
    await store(handle, newPin, seed)
    wipe(seed)
  }
  const inTurn = oneAtATime()
  return {
    has: (handle) => existsSync(fileOf(handle)),
    add: (handle, pin, seed) =>
      inTurn(async () => {
        assert(!existsSync(fileOf(handle)), 'a practitioner is added once')
        requireStrong(pin)
        await store(handle, pin, seed)
      }),
    unlock: (handle, pin) => inTurn(() => unlock(handle, pin)),
    changePin: (handle, oldPin, newPin) => inTurn(() => changePin(handle, oldPin, newPin)),
    files: () =>
      new Map(handlesIn(folder).map((handle) => [handle, readFileIfAny(fileOf(handle)) ?? new Uint8Array()])),
    putFile: (handle, file) => {
      parseFile(setup, handle, file)
      makePrivateFolder(folder)
      writeFileAtomically(fileOf(handle), file)
    },
  }
}

function handlesIn(folder: string): string[] {
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

async function sealSeed(setup: PractitionersSetup, handle: string, pin: string, seed: Uint8Array): Promise<Content> {
  const scrypt = { ...costOf(setup.logN), salt: toHex(randomBytes(16)) }
  const key = await sealingKey(setup, handle, pin, scrypt)
  const sealed = toHex(seal(key, seed, contextOf(handle)))
  wipe(key)
  return { version: 1, scrypt, sealed, ...NO_ATTEMPTS }
}

async function openSeed(
  setup: PractitionersSetup,
  handle: string,
  pin: string,
  content: Content,
): Promise<Uint8Array | null> {
  if (!isAcceptedCost(content.scrypt, setup.logN))
    throw new KeystoreError('KEYSTORE_DAMAGED', 'scrypt cost out of range')
  const key = await sealingKey(setup, handle, pin, content.scrypt)
  const seed = openSealed(key, fromHex(content.sealed), contextOf(handle))
  wipe(key)
  return seed
}

/** HKDF(scrypt(PIN) || pepper): useless with only one of the two. */
async function sealingKey(
  setup: PractitionersSetup,
  handle: string,
  pin: string,
  scrypt: ScryptCost & { salt: string },
): Promise<Uint8Array> {
  const stretched = await derivePassword(pin, fromHex(scrypt.salt), scrypt)
  const both = concatBytes(stretched, setup.pepper())
  const key = deriveKey(both, `practitioner\n${handle}`)
  wipe(stretched, both)
  return key
}

function contextOf(handle: string): Uint8Array {
  return new TextEncoder().encode(`chartseal/practitioner/v1\n${handle}\n`)
}

function parseFile(setup: PractitionersSetup, handle: string, bytes: Uint8Array | null): Content {
  if (bytes === null) throw new KeystoreError('KEYSTORE_DAMAGED', 'the file of a practitioner is missing')
  try {
    const { content, mac } = File.parse(JSON.parse(new TextDecoder().decode(bytes)))
    if (equalBytes(fromHex(mac), macOf(setup, handle, content))) return content
  } catch {
    // Neither the parser's nor the schema's message may travel: both quote what they read.
  }
  throw new KeystoreError('KEYSTORE_DAMAGED', 'the file of a practitioner does not authenticate')
}

function encodeFile(setup: PractitionersSetup, handle: string, content: Content): Uint8Array {
  const text = JSON.stringify({ content, mac: toHex(macOf(setup, handle, content)) }, null, 2)
  return new TextEncoder().encode(`${text}\n`)
}

function macOf(setup: PractitionersSetup, handle: string, content: Content): Uint8Array {
  const key = deriveKey(setup.pepper(), `practitioner-file\n${handle}`)
  const mac = createHmac('sha256', key).update(canonical(content)).digest()
  wipe(key)
  return new Uint8Array(mac)
}

/** Keys in the order of the schema, whoever wrote the object. */
function canonical(content: Content): string {
  return JSON.stringify(Content.parse(content))
}
