/** A process of its own to be killed: appends small blocks for ever, and prints each size once it is durable. */
import { writeSync } from 'node:fs'
import { openStore } from '../../../src/main/store/open.ts'
import { appendNumbers, ORIGIN } from './blocks.ts'

const store = openStore(process.argv[2] ?? '', { mode: 'existing' })
for (;;) {
  const size = store.entryCount(ORIGIN)
  appendNumbers(store, size, size + 1)
  writeSync(1, `${size + 2}\n`)
}
