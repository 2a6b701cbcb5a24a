import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { safeStorage } from 'electron'

const LENGTH = 32
const HEX = /^[0-9a-f]{64}$/

/**
 * The node secret, kept by the operating system's key store: created at the first run, unwrapped at every later one.
 *
 * @remarks
 * The file below the data folder holds only what the operating system can open for this user. It is never
 * overwritten: a secret that cannot be unwrapped today (locked key ring, restored copy) may be tomorrow.
 *
 * @param dataFolder - Absolute path.
 * @param log - Told why there is none.
 * @returns 32 bytes; or null where the operating system keeps no secrets, or this folder was set up with a start
 *   passphrase, or the stored secret cannot be unwrapped: then the core asks for what it needs.
 */
export async function nodeSecret(dataFolder: string, log: (line: string) => void): Promise<Uint8Array | null> {
  const folder = join(dataFolder, 'keystore')
  const file = join(folder, 'node-secret.safe')
  // Set up by another shell, with a passphrase: a second secret would open nothing.
  if (!existsSync(file) && existsSync(join(dataFolder, 'clinic', 'keystore', 'node-secret.json'))) return null
  if (!(await canKeepSecrets())) {
    log('the operating system offers no key store; a start passphrase is used')
    return null
  }
  try {
    return existsSync(file) ? await unwrap(file) : await create(folder, file)
  } catch (error) {
    log(`the node secret cannot be had from the operating system: ${error instanceof Error ? error.message : ''}`)
    return null
  }
}

/** Electron falls back to a fixed password where Linux has no key ring, which would protect nothing. */
async function canKeepSecrets(): Promise<boolean> {
  if (process.platform === 'linux' && ['basic_text', 'unknown'].includes(safeStorage.getSelectedStorageBackend())) {
    return false
  }
  return safeStorage.isAsyncEncryptionAvailable()
}

async function unwrap(file: string): Promise<Uint8Array> {
  const { result } = await safeStorage.decryptStringAsync(readFileSync(file))
  if (!HEX.test(result)) throw new Error('the stored node secret is damaged')
  return new Uint8Array(Buffer.from(result, 'hex'))
}

async function create(folder: string, file: string): Promise<Uint8Array> {
  const secret = randomBytes(LENGTH)
  const wrapped = await safeStorage.encryptStringAsync(secret.toString('hex'))
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeDurably(file, wrapped)
  return new Uint8Array(secret)
}

/** Complete or absent after a crash: keys are made under this secret right away. */
function writeDurably(file: string, bytes: Uint8Array): void {
  const fresh = `${file}.tmp`
  const handle = openSync(fresh, 'w', 0o600)
  try {
    writeSync(handle, bytes)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  renameSync(fresh, file)
}
