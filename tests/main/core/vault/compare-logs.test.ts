import { expect, it } from 'vitest'
import { compareLog, type OtherReplica } from '../../../../src/main/core/vault/compare-logs.ts'
import type { CheckpointRow, CosignatureRow } from '../../../../src/main/store/store.ts'
import { CosignedTestLog, rosterOf } from '../../../support/cosigned-log.ts'
import { testKey, verifier } from '../../../support/ledger-world.ts'
import { signCheckpoint } from '../../../../src/ledger/checkpoint.ts'
import { newStore } from '../../store/fixtures.ts'

/** Our log of six blocks of two entries, and what a comparison with `rows` reports. */
async function compared(
  rowsOf: (log: CosignedTestLog) => readonly string[],
  lines: readonly CosignatureRow[] = [],
): Promise<{ log: CosignedTestLog; reported: string[]; offered: string[]; pages: number }> {
  const log = new CosignedTestLog(newStore(), rosterOf(0))
  for (let block = 0; block < 6; block++) log.grow(2)
  const notes = rowsOf(log)
  const rows = notes.map((note, i): CheckpointRow => ({ block: notes.length - i, size: 0, note }))
  let pages = 0
  const other: OtherReplica = {
    checkpoints: (_, before, limit) => {
      pages += 1
      return rows.filter(({ block }) => block < (before ?? Infinity)).slice(0, limit)
    },
    cosignatures: () => Promise.resolve(lines),
  }
  const reported: string[] = []
  const offered: string[] = []
  await compareLog(log, other, {
    verifier,
    cosignatures: { add: (_, note) => (offered.push(note), 'stored') },
    locker: { report: (_, note) => (reported.push(note), []) },
  })
  return { log, reported, offered, pages }
}

it('finds nothing in a replica that agrees, is behind or is ahead, and stops at the first that fits', async () => {
  const { reported } = await compared(({ forked }) => [12, 10, 8].map((size) => forked.note(size)))
  expect(reported).toEqual([])
  const ahead = await compared(({ forked }) => [40, 30, 12].map((size) => forked.note(size)))
  expect(ahead.reported).toEqual([])
  const long = await compared(({ forked }) => Array.from({ length: 300 }, () => forked.note(12)))
  expect(long).toMatchObject({ reported: [], pages: 1 })
})

it('reports the smallest checkpoint that the log signed for another tree', async () => {
  const { log, reported } = await compared(({ forked }) => [
    forked.note(20, 1, 5),
    forked.note(11, 1, 5),
    forked.note(9, 1, 5),
    forked.note(6, 1, 5),
    forked.note(4),
    forked.note(3, 1, 1),
  ])
  expect(reported).toEqual([log.forked.note(6, 1, 5)])
})

it('finds it behind rows that are no checkpoints, or signed by a stranger', async () => {
  const { log, reported } = await compared(({ forked }) => {
    const stranger = testKey('stranger')
    const forged = signCheckpoint(
      { origin: forked.logKey.name, size: 2, root: new Uint8Array(32) },
      { name: forked.logKey.name, publicKey: stranger.publicKey },
      (m) => stranger.sign(m),
    )
    return ['nonsense', forged, forked.note(8, 1, 5), forged, 'x\n\n\u2014 y z\n']
  })
  expect(reported).toEqual([log.forked.note(8, 1, 5)])
})

it('offers lines under the roots that our own tree has', async () => {
  const line = (note: string) => `${note.trimEnd().split('\n').at(-1) ?? ''}\n`
  const own = new CosignedTestLog(newStore(), rosterOf(0))
  const lines = [
    { size: 8, name: 'a', line: line(own.cosigned(8, [0])) },
    { size: 99, name: 'a', line: line(own.cosigned(8, [0])) },
    { size: -1, name: 'a', line: line(own.cosigned(8, [0])) },
    { size: 4, name: 'a', line: 'nonsense' },
  ]
  const { log, offered } = await compared(({ forked }) => [forked.note(12)], lines)
  expect(offered).toHaveLength(1)
  expect(offered[0]).toContain(log.forked.note(8).split('\n\n')[0])
})
