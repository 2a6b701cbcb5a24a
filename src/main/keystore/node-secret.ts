/**
 * The node secret: 32 bytes without which nothing in the keystore opens.
 *
 * @remarks
 * It never lies on the disk in the clear. Either the operating system keeps it and hands it in (`system`), or it is
 * random and sealed under a start passphrase (`passphrase`). The file `node-secret.json` says which, and lets a
 * wrong one be told from a right one. Its digest is no protection, it only tells a damaged file from a mistyped
 * passphrase; the scrypt parameters are authenticated by the seal.
 *
 * @packageDocumentation
 */
import { hash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { fromHex, toHex } from '../../shared/bytes.ts'
import { assert } from '../../shared/errors.ts'
import { costOf, deriveKey, derivePassword, isAcceptedCost } from './derive.ts'
import { KeystoreError } from './errors.ts'
import { readFileIfAny, writeFileAtomically } from './files.ts'
import { openSealed, seal, wipe } from './sodium.ts'

/** What opens the keystore. */
export type Unlock =
  | { readonly kind: 'passphrase'; readonly passphrase: string }
  | { readonly kind: 'system'; readonly nodeSecret: Uint8Array }

const FILE = 'node-secret.json'
const SECRET_SIZE = 32
const MIN_PASSPHRASE = 12

const Hex = z.string().regex(/^(?:[0-9a-f]{2})+$/)
const Content = z.discriminatedUnion('kind', [
  z.strictObject({
    version: z.literal(1),
    kind: z.literal('passphrase'),
    scrypt: z.strictObject({ logN: z.number(), r: z.number(), p: z.number(), salt: Hex }),
    sealed: Hex,
  }),
  z.strictObject({ version: z.literal(1), kind: z.literal('system'), sealed: Hex }),
])
type Content = z.infer<typeof Content>
const File = z.strictObject({ content: Content, digest: Hex })

/** Which kind of unlocking the keystore in `folder` needs; null when there is none. */
export function nodeSecretKind(folder: string): Unlock['kind'] | null {
  return readContent(folder)?.kind ?? null
}

/**
 * Writes `node-secret.json`.
 *
 * @param logN - Cost of scrypt.
 * @returns the node secret, to be wiped by the caller.
 * @throws {@link KeystoreError} `WEAK_PASSPHRASE`.
 */
export async function createNodeSecret(folder: string, unlock: Unlock, logN: number): Promise<Uint8Array> {
  if (unlock.kind === 'system') {
    assert(unlock.nodeSecret.length === SECRET_SIZE, 'a node secret is 32 bytes')
    writeContent(folder, { version: 1, kind: 'system', sealed: toHex(seal(checkKey(unlock.nodeSecret), EMPTY, EMPTY)) })
    return unlock.nodeSecret.slice()
  }
  if ([...unlock.passphrase.normalize('NFKC')].length < MIN_PASSPHRASE) {
    throw new KeystoreError('WEAK_PASSPHRASE', `fewer than ${MIN_PASSPHRASE} characters`)
  }
  const secret = new Uint8Array(randomBytes(SECRET_SIZE))
  const scrypt = { ...costOf(logN), salt: toHex(randomBytes(16)) }
  const key = await derivePassword(unlock.passphrase, fromHex(scrypt.salt), scrypt)
  writeContent(folder, { version: 1, kind: 'passphrase', scrypt, sealed: toHex(seal(key, secret, contextOf(scrypt))) })
  wipe(key)
  return secret
}

/**
 * Opens `node-secret.json`.
 *
 * @param floor - Least cost of scrypt that is accepted.
 * @returns the node secret, to be wiped by the caller.
 * @throws {@link KeystoreError} `WRONG_PASSPHRASE`; `KEYSTORE_DAMAGED` when the file is not one of ours, was made for
 * the other kind of unlocking, or the system's secret is not the one it was made with.
 */
export async function openNodeSecret(folder: string, unlock: Unlock, floor: number): Promise<Uint8Array> {
  const content = readContent(folder)
  if (content?.kind === 'system' && unlock.kind === 'system')
    return checkedSystemSecret(content.sealed, unlock.nodeSecret)
  if (content?.kind !== 'passphrase' || unlock.kind !== 'passphrase') {
    throw new KeystoreError('KEYSTORE_DAMAGED', 'no node secret of this kind')
  }
  if (!isAcceptedCost(content.scrypt, floor)) throw new KeystoreError('KEYSTORE_DAMAGED', 'scrypt cost out of range')
  const key = await derivePassword(unlock.passphrase, fromHex(content.scrypt.salt), content.scrypt)
  const secret = openSealed(key, fromHex(content.sealed), contextOf(content.scrypt))
  wipe(key)
  if (secret?.length !== SECRET_SIZE) throw new KeystoreError('WRONG_PASSPHRASE', 'the node secret does not open')
  return secret
}

const EMPTY = new Uint8Array(0)

function checkKey(nodeSecret: Uint8Array): Uint8Array {
  return deriveKey(nodeSecret, 'check')
}

function checkedSystemSecret(sealed: string, nodeSecret: Uint8Array): Uint8Array {
  if (openSealed(checkKey(nodeSecret), fromHex(sealed), EMPTY) === null) {
    throw new KeystoreError('KEYSTORE_DAMAGED', 'the keystore was made with another node secret')
  }
  return nodeSecret.slice()
}

function contextOf(scrypt: { logN: number; r: number; p: number; salt: string }): Uint8Array {
  const text = `chartseal/node-secret/v1\n${scrypt.logN}\n${scrypt.r}\n${scrypt.p}\n${scrypt.salt}\n`
  return new TextEncoder().encode(text)
}

function readContent(folder: string): Content | null {
  const bytes = readFileIfAny(join(folder, FILE))
  if (bytes === null) return null
  try {
    const { content, digest } = File.parse(JSON.parse(new TextDecoder().decode(bytes)))
    if (digest === digestOf(content)) return content
  } catch {
    // Neither the parser's nor the schema's message may travel: both quote what they read.
  }
  throw new KeystoreError('KEYSTORE_DAMAGED', `${FILE} is not readable`)
}

function writeContent(folder: string, content: Content): void {
  const text = JSON.stringify({ content, digest: digestOf(content) }, null, 2)
  writeFileAtomically(join(folder, FILE), new TextEncoder().encode(`${text}\n`))
}

function digestOf(content: Content): string {
  return hash('sha256', JSON.stringify(Content.parse(content))) // keys in the order of the schema
}
