import { expect, it, vi } from 'vitest'
import type { ContractEvaluator } from '../../../../src/ledger/mirror.ts'
import { openCosignatures } from '../../../../src/ledger/cosignature.ts'
import { formatNote, parseNote, parseSignature } from '../../../../src/ledger/note.ts'
import { Cosignatures } from '../../../../src/main/core/vault/cosignatures.ts'
import { Cosigning, type CosigningParts } from '../../../../src/main/core/vault/cosigning.ts'
import { StoreError } from '../../../../src/main/store/errors.ts'
import { CosignedTestLog, NOON_S, rosterOf, siteOf } from '../../../support/cosigned-log.ts'
import { verifier } from '../../../support/ledger-world.ts'
import { newStore } from '../../store/fixtures.ts'

const VALID: ContractEvaluator = () => ({ verdict: 'valid' })

/** A solo site's mirror, whose work is done when a test says so. */
function world(over: Partial<CosigningParts> = {}, sites: readonly number[] = [0]) {
  const store = newStore()
  const log = new CosignedTestLog(store, rosterOf(...sites))
  const told = { changed: 0, conflicts: [] as string[], failures: [] as unknown[], asked: [] as [number, number][] }
  const jobs: (() => void)[] = []
  const mark = { note: null as string | null }
  const open = () => {
    const conflict = (_: unknown, note: string) => told.conflicts.push(note)
    const cosignatures = new Cosignatures({
      store,
      verifier,
      nowS: () => NOON_S,
      changed: () => (told.changed += 1),
      conflict,
    })
    cosignatures.load(log)
    const cosigning = new Cosigning({
      store,
      cosignatures,
      site: 'test.local/s0',
      mirror: siteOf(0).mirror,
      verifier,
      nowS: () => NOON_S,
      isOwn: () => true,
      mark: () => mark.note,
      evaluate: (origin, from, to) => {
        told.asked.push([from, to])
        return VALID(origin, from, to)
      },
      isContested: () => false,
      later: (run) => jobs.push(run),
      conflict,
      failed: (error) => told.failures.push(error),
      ...over,
    })
    return { cosignatures, cosigning }
  }
  /** A block of the log's own writer: durable, marked, told. */
  const seal = (count: number, cosigning: Cosigning) => {
    log.grow(count)
    mark.note = log.head.note
    cosigning.follow(log)
  }
  const work = () => {
    for (const job of jobs.splice(0)) job()
  }
  const sizes = () => store.cosignatures(log.origin, 0, 100).map(({ size }) => size)
  return { store, log, told, jobs, mark, seal, work, sizes, reopened: open, ...open() }
}

it('cosigns the newest head with the mirror key, in time, and remembers it in the same step', () => {
  const { store, log, cosigning, cosignatures, seal, work, told } = world()
  seal(3, cosigning)
  expect(store.cosignatures(log.origin, 0, 10)).toEqual([])
  work()
  const [row] = store.cosignatures(log.origin, 0, 10)
  expect(row).toMatchObject({ size: 3, name: 'test.local/s0/mirror' })
  const note = formatNote(parseNote(log.head.note).text, [parseSignature(row?.line.trimEnd() ?? '')])
  const key = { name: 'test.local/s0/mirror', publicKey: siteOf(0).mirror.publicKey }
  expect(openCosignatures(note, [key], verifier).cosignatures).toEqual([{ ...key, timeS: NOON_S }])
  expect(store.mirror(log.origin)).toEqual({
    pending: log.head.note,
    stored: 3,
    mirrored: log.head.note,
    refused: null,
  })
  expect(cosignatures.portable(log, 2)).toMatchObject({ size: 3, isFinal: true })
  expect(told).toMatchObject({ changed: 1, conflicts: [], failures: [], asked: [[0, 3]] })
})

it('signs only the newest of heads that come fast, and evaluates each entry once', () => {
  const { cosigning, seal, work, jobs, sizes, told } = world()
  for (const count of [3, 1, 2]) seal(count, cosigning)
  expect(jobs).toHaveLength(1)
  work()
  expect(sizes()).toEqual([6])
  seal(4, cosigning)
  work()
  expect(sizes()).toEqual([10, 6])
  expect(told.asked).toEqual([
    [0, 6],
    [6, 10],
  ])
})

it('signs a head once, and again only when its line is gone', () => {
  const { store, log, cosigning, cosignatures, seal, work, sizes, reopened } = world()
  seal(3, cosigning)
  work()
  const [before] = store.cosignatures(log.origin, 0, 10)
  cosigning.follow(log)
  work()
  expect(sizes()).toEqual([3])
  expect(cosignatures.sizes(log.origin).size).toBe(1)
  // Somebody spoils the row: the head is still the largest that was seen, and may be cosigned afresh.
  store.putCosignatures(log.origin, [{ size: 3, name: 'test.local/s0/mirror', line: 'nothing' }])
  const again = reopened()
  expect(again.cosignatures.sizes(log.origin).size).toBe(0)
  again.cosigning.follow(log)
  work()
  expect(store.cosignatures(log.origin, 0, 10)).toEqual([before])
})

it('signs nothing that the keystore does not know as signed last', () => {
  const { log, cosigning, seal, work, sizes, mark } = world()
  seal(3, cosigning)
  work()
  log.grow(2)
  cosigning.follow(log)
  work()
  expect(sizes()).toEqual([3])
  mark.note = null
  cosigning.follow(log)
  work()
  expect(sizes()).toEqual([3])
  mark.note = log.head.note
  cosigning.follow(log)
  work()
  expect(sizes()).toEqual([5, 3])
})

it('signs nothing that the rules forbid, now or later, and waits while they cannot say', () => {
  const verdicts: ReturnType<ContractEvaluator>[] = [
    { verdict: 'valid' },
    { verdict: 'wait' },
    { verdict: 'refuse', index: 4, code: 'SIGNATURE_MISSING' },
  ]
  const { store, log, cosigning, seal, work, sizes, reopened } = world({
    evaluate: () => verdicts.shift() ?? { verdict: 'valid' },
  })
  for (let block = 0; block < 4; block++) {
    seal(2, cosigning)
    work()
  }
  expect(sizes()).toEqual([2])
  expect(store.mirror(log.origin)).toMatchObject({ refused: { index: 4, code: 'SIGNATURE_MISSING' } })
  const again = reopened()
  seal(2, again.cosigning)
  work()
  expect(sizes()).toEqual([2])
})

it('goes on with a head that was evaluated in part, without waiting, and writes nothing before that is done', () => {
  const done: number[] = []
  const { store, log, cosigning, seal, work, sizes, jobs } = world({
    evaluate: () => (done.push(done.length) < 4 ? { verdict: 'wait' } : { verdict: 'valid' }),
  })
  seal(5, cosigning)
  work()
  const begun = { pending: log.head.note, stored: 5, mirrored: null, refused: null }
  expect(store.mirror(log.origin)).toEqual(begun)
  const replace = vi.spyOn(store, 'replaceMirror')
  for (let part = 0; part < 2; part++) cosigning.goOn(log)
  expect([sizes(), jobs, replace.mock.calls]).toEqual([[], [], []])
  cosigning.goOn(log)
  expect(sizes()).toEqual([5])
  expect(replace).toHaveBeenCalledTimes(1)
})

it('signs nothing of a contested log, or when the roster gives the vote to another key', () => {
  const contested = world({ isContested: () => true })
  contested.seal(3, contested.cosigning)
  contested.work()
  expect(contested.sizes()).toEqual([])
  const replaced = world({ mirror: siteOf(1).mirror })
  replaced.seal(3, replaced.cosigning)
  replaced.work()
  expect(replaced.sizes()).toEqual([])
  const removed = world()
  removed.log.inForce(rosterOf(1), 0)
  removed.seal(3, removed.cosigning)
  removed.work()
  expect(removed.sizes()).toEqual([])
})

it('finds out when the log once signed something else, from what its mirror remembers', () => {
  const { store, log, cosigning, seal, work, sizes, told } = world()
  seal(5, cosigning)
  const other = log.forked.note(4, 1)
  store.replaceMirror(log.origin, null, { pending: other, stored: 4, mirrored: other, refused: null }, [])
  work()
  expect(sizes()).toEqual([])
  expect(told.conflicts).toEqual([other])
})

it('finds out when the log once signed more', () => {
  const { store, log, cosigning, seal, work, sizes, told } = world()
  seal(5, cosigning)
  const more = log.forked.note(9)
  store.replaceMirror(log.origin, null, { pending: more, stored: 9, mirrored: more, refused: null }, [])
  work()
  expect(sizes()).toEqual([])
  expect(told.conflicts).toEqual([more])
})

it('takes a memory that the log did not sign for none, when the keystore vouches for the log', () => {
  for (const pending of ['nonsense', new CosignedTestLog(newStore(), rosterOf(0)).forked.note(1).replace('1', '2')]) {
    const { store, log, cosigning, seal, work, sizes } = world()
    store.replaceMirror(log.origin, null, { pending, stored: 4, mirrored: pending, refused: null }, [])
    seal(5, cosigning)
    work()
    expect(sizes()).toEqual([5])
  }
})

it('stops mirroring a log of another node when its memory is damaged', () => {
  const { store, log, cosigning, seal, work, sizes, told } = world({ isOwn: () => false })
  seal(5, cosigning)
  store.replaceMirror(log.origin, null, { pending: 'nonsense', stored: 4, mirrored: null, refused: null }, [])
  work()
  expect(sizes()).toEqual([])
  expect(told.failures).toHaveLength(1)
})

it('loses the race against another step without a trace', () => {
  const { store, log, cosigning, seal, work, sizes, told } = world({
    evaluate: () => {
      // While entries are evaluated, somebody else moves the memory.
      const { note } = log.head
      store.replaceMirror(log.origin, null, { pending: note, stored: 0, mirrored: null, refused: null }, [])
      return { verdict: 'valid' }
    },
  })
  seal(3, cosigning)
  work()
  expect(sizes()).toEqual([])
  expect(told.changed).toBe(0)
})

it('tells of a failure and goes on with the next head', () => {
  const fault = { error: new StoreError('DISK_FULL', 'test') as Error | null }
  const plain = world()
  const { log, seal, work, sizes, told } = plain
  const cosigning = new Cosigning({
    store: {
      mirror: (origin) => plain.store.mirror(origin),
      replaceMirror: (...args) => {
        if (fault.error !== null) throw fault.error
        return plain.store.replaceMirror(...args)
      },
    },
    cosignatures: plain.cosignatures,
    site: 'test.local/s0',
    mirror: siteOf(0).mirror,
    verifier,
    nowS: () => NOON_S,
    isOwn: () => true,
    mark: () => log.head.note,
    evaluate: VALID,
    isContested: () => false,
    later: (run) => plain.jobs.push(run),
    conflict: () => undefined,
    failed: (error) => told.failures.push(error),
  })
  seal(3, cosigning)
  work()
  expect(told.failures).toEqual([fault.error])
  expect(sizes()).toEqual([])
  fault.error = null
  seal(1, cosigning)
  work()
  expect(sizes()).toEqual([4])
})
