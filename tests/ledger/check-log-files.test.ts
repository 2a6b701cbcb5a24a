import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeBundle } from '../../src/ledger/bundle.ts'
import {
  checkLogFiles,
  type LogFileFinding,
  type LogFiles,
  type LogFileTotals,
} from '../../src/ledger/check-log-files.ts'
import { leafHash, nobleHasher as h, utf8 } from '../../src/ledger/hash.ts'
import { allTiles, bundlePath, tilePath, tileWidth } from '../../src/ledger/tile-layout.ts'
import { TreeWriter } from '../../src/ledger/tree-writer.ts'
import { concatBytes } from '../../src/shared/bytes.ts'
import { slowRoot } from '../support/slow-tree.ts'

/** All files of a log of `size` small entries, as any writer of the format lays them out. */
function logOf(size: number, older: readonly number[] = []) {
  const entries = Array.from({ length: size }, (_, i) => utf8(`entry ${i}`))
  const leaves = entries.map((entry) => leafHash(h, entry))
  const files = new Map<string, Uint8Array>()
  for (const width of [...older, size]) {
    const { tiles } = new TreeWriter(h, 0, []).append(leaves.slice(0, width))
    const bytesOf = new Map(tiles.map((tile) => [`${tile.level}/${tile.index}`, tile.bytes]))
    for (const at of allTiles(width)) files.set(tilePath(at), bytesOf.get(`${at.level}/${at.index}`)!)
    for (let index = 0; tileWidth(width, 0, index) > 0; index++) {
      const count = tileWidth(width, 0, index)
      files.set(bundlePath(index, count), encodeBundle(entries.slice(index * 256, index * 256 + count)))
    }
  }
  return { files, head: { size, root: slowRoot(h, leaves) } }
}

function reader(files: ReadonlyMap<string, Uint8Array>): LogFiles {
  return {
    read: (path) => Promise.resolve(files.get(path) ?? null),
    partials: (path) =>
      Promise.resolve(
        [...files.keys()].filter((p) => p.startsWith(`${path}.p/`)).map((p) => Number(p.split('/').at(-1))),
      ),
  }
}

async function check(log: { files: ReadonlyMap<string, Uint8Array>; head: { size: number; root: Uint8Array } }) {
  const findings: LogFileFinding[] = []
  const run = checkLogFiles(h, log.head, reader(log.files))
  let totals: LogFileTotals | null = null
  for (let step = await run.next(); ; step = await run.next()) {
    if (step.done === true) totals = step.value
    else findings.push(step.value)
    if (totals !== null) return { findings, totals }
  }
}

const pathsOf = ({ findings }: { findings: LogFileFinding[] }) => [...new Set(findings.map(({ path }) => path))]
const SIZES = [0, 1, 2, 255, 256, 257, 511, 512, 513, 1000]

describe('a sound log', () => {
  it.each(SIZES)('of %i entries has nothing wrong', async (size) => {
    const log = logOf(size)
    expect(await check(log)).toEqual({ findings: [], totals: { entries: size, files: log.files.size } })
  })

  it('of three levels has nothing wrong', { timeout: 60_000 }, async () => {
    const log = logOf(65_536 + 300)
    expect((await check(log)).findings).toEqual([])
  })

  it('may keep the partial files of smaller trees, or only the full ones', async () => {
    expect((await check(logOf(600, [1, 3, 200, 256, 300, 512, 599]))).findings).toEqual([])
    const larger = logOf(512)
    const smaller = logOf(300)
    expect((await check({ files: larger.files, head: smaller.head })).findings).toEqual([
      { path: tilePath({ level: 1, index: 0, width: 1 }), problem: 'MISSING', detail: '' },
    ])
  })
})

describe('one changed file', () => {
  it.each([3, 256, 300, 513])('is the one that is named, in a log of %i entries', async (size) => {
    const log = logOf(
      size,
      [1, 2, 255, 257].filter((older) => older < size),
    )
    for (const [path, bytes] of log.files) {
      for (const at of [0, 1, Math.floor(bytes.length / 2), bytes.length - 1]) {
        const bent = bytes.slice()
        bent[at]! ^= 1
        const found = await check({ ...log, files: new Map(log.files).set(path, bent) })
        expect({ path, at, named: pathsOf(found) }).toEqual({ path, at, named: [path] })
      }
      for (const other of [bytes.slice(0, -1), Uint8Array.of(...bytes, 0), new Uint8Array()]) {
        const found = await check({ ...log, files: new Map(log.files).set(path, other) })
        expect({ path, named: pathsOf(found) }).toEqual({ path, named: [path] })
      }
    }
  })

  it.each([3, 300])('that is gone is named, in a log of %i entries', async (size) => {
    const log = logOf(size)
    for (const path of log.files.keys()) {
      const files = new Map(log.files)
      files.delete(path)
      expect((await check({ ...log, files })).findings).toEqual([{ path, problem: 'MISSING', detail: '' }])
    }
  })
})

it('names each of several changed files', async () => {
  const log = logOf(700)
  const paths = [...log.files.keys()]
  await fc.assert(
    fc.asyncProperty(
      fc.subarray(
        paths.filter((path) => path.startsWith('tile/entries')),
        { minLength: 1 },
      ),
      async (hit) => {
        const files = new Map(log.files)
        for (const path of hit)
          files.set(
            path,
            files.get(path)!.map((byte, i) => (i === 5 ? byte ^ 4 : byte)),
          )
        expect(pathsOf(await check({ ...log, files })).sort()).toEqual([...hit].sort())
      },
    ),
    { numRuns: 20 },
  )
})

it('notices entries and tiles that were changed together', async () => {
  const log = logOf(300)
  const forged = logOf(300)
  const bent = utf8('entry X')
  const entries = Array.from({ length: 300 }, (_, i) => (i === 7 ? bent : utf8(`entry ${i}`)))
  const leaves = entries.map((entry) => leafHash(h, entry))
  forged.files.set(bundlePath(0, 256), encodeBundle(entries.slice(0, 256)))
  forged.files.set(tilePath({ level: 0, index: 0, width: 256 }), concatBytes(...leaves.slice(0, 256)))
  expect(pathsOf(await check({ ...log, files: forged.files }))).toContain('checkpoint')
  forged.files.set(tilePath({ level: 1, index: 0, width: 1 }), slowRoot(h, leaves.slice(0, 256)))
  expect((await check({ ...log, files: forged.files })).findings).toMatchObject([
    { path: 'checkpoint', problem: 'ROOT_MISMATCH' },
  ])
})

it('says what it could not check when entries and tile are both gone', async () => {
  const log = logOf(600)
  log.files.delete(bundlePath(1, 256))
  log.files.delete(tilePath({ level: 0, index: 1, width: 256 }))
  expect((await check(log)).findings.map(({ problem }) => problem)).toEqual(['MISSING', 'MISSING', 'NOT_CHECKED'])
})
