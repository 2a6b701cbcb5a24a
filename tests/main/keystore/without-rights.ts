/** A process of its own that gives up its rights, fills a keystore, makes it read-only, and tries to use it. */
import { chmodSync, chownSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createKeystore } from '../../../src/main/keystore/keystore.ts'
import { CHEAP, codeOf, HANDLE, SEED, SYSTEM } from './values.ts'

const [folder = ''] = process.argv.slice(2)
if (process.getuid?.() === 0) {
  chownSync(dirname(folder), 65534, 65534)
  process.setgid?.(65534)
  process.setuid?.(65534)
}
const keystore = await createKeystore(folder, SYSTEM, CHEAP)
await keystore.practitioners.add(HANDLE, '2580', SEED)
await keystore.secrets.put('a', new Uint8Array([7]))
const folders = [join(folder, 'practitioners'), join(folder, 'secrets'), folder, dirname(folder)]
for (const each of folders) chmodSync(each, 0o500)
const codes = {
  unlock: await codeOf(() => keystore.practitioners.unlock(HANDLE, '2580')),
  put: await codeOf(() => keystore.secrets.put('b', new Uint8Array(1))),
  mark: await codeOf(() => {
    keystore.highWater.write({ note: 'note', size: 1 })
  }),
  create: await codeOf(() => createKeystore(`${folder}-2`, SYSTEM, CHEAP)),
  get: [...(keystore.secrets.get('a') ?? [])],
}
for (const each of folders.reverse()) chmodSync(each, 0o700)
process.stdout.write(JSON.stringify(codes))
