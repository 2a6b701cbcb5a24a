/** A witness to be killed: takes one head after the other of a log, and prints each size once its line has been made. */
import { writeSync } from 'node:fs'
import { ForkedLog } from '../../support/forked-log.ts'
import { reopened, syncStoreOf } from '../../support/witness-world.ts'

const [, , folder = '', origin = ''] = process.argv
const { store } = syncStoreOf(await reopened(folder))
const log = new ForkedLog(origin)
for (let size = 1; ; size++) {
  const { status } = store.offerHead(store.checkHead(log.note(size)), size - 1, log.proof(size - 1, size))
  if (status === 200 && store.ownLines(origin) !== null) writeSync(1, `${size}\n`)
}
