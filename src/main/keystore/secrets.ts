/**
 * Small named secrets, one file each, sealed under a key derived from the node secret and the name.
 *
 * @packageDocumentation
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { assert } from '../../shared/errors.ts'
import { deriveKey } from './derive.ts'
import { KeystoreError } from './errors.ts'
import { makePrivateFolder, readFileIfAny, removeFile, writeFileAtomically } from './files.ts'
import { openSealed, seal, wipe } from './sodium.ts'

const NAME = /^[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?$/

/** Whether a name that comes from outside may name a secret. */
export function isSecretName(name: string): boolean {
  return NAME.test(name)
}

/** Named secrets. */
export interface Secrets {
  /**
   * The secret, to be wiped by the caller; null when none was stored.
   *
   * @throws KeystoreError `KEYSTORE_DAMAGED` when the file was changed, or belongs to another name or node.
   */
  get(name: string): Uint8Array | null
  /** Stores or replaces a secret. Durable when the promise resolves. */
  put(name: string, secret: Uint8Array): Promise<void>
  /** Removes a secret for good. Durable when it returns; nothing happens when there is none. */
  remove(name: string): void
  /** Names of everything stored, in order. */
  names(): string[]
  /** Writes a file in the clear beside them: what may be known, and is trusted for lying where only the node writes. */
  publish(name: string, text: string): void
}

/**
 * Opens the secrets of a keystore.
 *
 * @param folder - The keystore's folder.
 * @param nodeSecret - Read at each use, so that wiping it closes the secrets.
 */
export function openSecrets(folder: string, nodeSecret: () => Uint8Array): Secrets {
  const secretsFolder = join(folder, 'secrets')
  const fileOf = (name: string) => {
    assert(NAME.test(name), 'names of secrets are ours, and are file names')
    return join(secretsFolder, `${name}.sealed`)
  }
  return {
    get: (name) => {
      const sealed = readFileIfAny(fileOf(name))
      return sealed === null ? null : openSecret(nodeSecret(), name, sealed)
    },
    put: async (name, secret) => {
      const key = keyOf(nodeSecret(), name)
      const sealed = seal(key, secret, contextOf(name))
      wipe(key)
      makePrivateFolder(secretsFolder)
      writeFileAtomically(fileOf(name), sealed)
      return Promise.resolve()
    },
    remove: (name) => {
      if (existsSync(fileOf(name))) removeFile(fileOf(name))
    },
    names: () => namesIn(secretsFolder),
    publish: (name, text) => {
      assert(NAME.test(name), 'names of files are ours')
      writeFileAtomically(join(folder, name), new TextEncoder().encode(text))
    },
  }
}

function namesIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  const names = readdirSync(folder).flatMap((file) => /^(.+)\.sealed$/.exec(file)?.[1] ?? [])
  return names.filter((name) => NAME.test(name)).sort()
}

function openSecret(nodeSecret: Uint8Array, name: string, sealed: Uint8Array): Uint8Array {
  const key = keyOf(nodeSecret, name)
  const secret = openSealed(key, sealed, contextOf(name))
  wipe(key)
  if (secret === null) throw new KeystoreError('KEYSTORE_DAMAGED', `secret ${name} does not open`)
  return secret
}

function keyOf(nodeSecret: Uint8Array, name: string): Uint8Array {
  return deriveKey(nodeSecret, `secret\n${name}`)
}

function contextOf(name: string): Uint8Array {
  return new TextEncoder().encode(`chartseal/secret/v1\n${name}\n`)
}
