/** A process of its own for faults: appends until a block fails, and says how many were acknowledged. */
import { openStore } from '../../../src/main/store/open.ts'
import { block, closing, codeOf, entry } from './blocks.ts'

const store = openStore(process.argv[2] ?? '', { mode: 'existing' })
let acknowledged = 0
const appendOne = () => {
  const next = block(store, [entry(acknowledged, { bytes: new Uint8Array(20_000) })])
  const end = closing(store, next)
  store.append(next, () => end)
  acknowledged += 1
}
const appendAll = () => {
  for (;;) appendOne()
}
const code = codeOf(appendAll)
const again = codeOf(appendOne)
process.stdout.write(JSON.stringify({ acknowledged, code, again }))
