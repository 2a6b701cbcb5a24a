/** A process of its own that gives up its rights, and then tries to open, to create and to lock. */
import { dirname, join } from 'node:path'
import { acquireFolderLock } from '../../../src/main/store/folder-lock.ts'
import { openStore } from '../../../src/main/store/open.ts'
import { codeOf } from './blocks.ts'

const [writable = '', old = '', fresh = ''] = process.argv.slice(2)
openStore(join(writable, 'ledger.db'), { mode: 'create' }).close() // loads what this account could not load later
if (process.getuid?.() === 0) {
  process.setgid?.(65534)
  process.setuid?.(65534)
}
const codes = [
  codeOf(() => openStore(old, { mode: 'existing' })),
  codeOf(() => openStore(fresh, { mode: 'create' })),
  codeOf(() => acquireFolderLock(dirname(old))),
]
process.stdout.write(JSON.stringify(codes))
