import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cosign } from '../../../../src/ledger/cosignature.ts'
import { encodeFork, proveFork } from '../../../../src/ledger/evidence.ts'
import { utf8 } from '../../../../src/ledger/hash.ts'
import { formatNote, parseNote } from '../../../../src/ledger/note.ts'
import { Cosignatures } from '../../../../src/main/core/vault/cosignatures.ts'
import { EvidenceLocker } from '../../../../src/main/core/vault/evidence-locker.ts'
import { LedgerError } from '../../../../src/ledger/errors.ts'
import { runs } from '../../../support/budget.ts'
import { CosignedTestLog, NOON_S, rosterOf, siteOf } from '../../../support/cosigned-log.ts'
import { expectCode } from '../../../support/expect-code.ts'
import { addCosignature, ForkedLog } from '../../../support/forked-log.ts'
import { verifier } from '../../../support/ledger-world.ts'
import { newStore } from '../../store/fixtures.ts'

function world() {
  const store = newStore()
  const log = new CosignedTestLog(store, rosterOf(0, 1, 2, 3))
  const told: string[] = []
  let copies: readonly string[] = []
  const open = (over: { copies?: readonly string[] } = {}) => {
    const locker = (): EvidenceLocker => opened
    const cosignatures = new Cosignatures({
      store,
      verifier,
      nowS: () => NOON_S,
      changed: () => undefined,
      conflict: (about, note) => locker().report(about, note),
    })
    cosignatures.load(log)
    const opened = new EvidenceLocker({
      store,
      cosignatures,
      verifier,
      nowMs: () => NOON_S * 1000,
      suspects: (origin) => {
        const cosigners = [0, 1, 2, 3].map((n) => ({
          name: `test.local/s${n}/mirror`,
          publicKey: siteOf(n).mirror.publicKey,
        }))
        return origin === log.origin ? { logKeys: [log.forked.logKey], cosigners } : null
      },
      copies: over.copies ?? copies,
      saveCopies: (texts) => (copies = texts),
      changed: (origin) => told.push(origin),
    })
    opened.load()
    return { locker: opened, cosignatures }
  }
  return { store, log, told, copies: () => copies, reopened: open, ...open() }
}

const branch = (log: ForkedLog, at = 1) => ({
  rootAt: (size: number) => log.root(size, 1, at),
  proveConsistency: (older: number, newer: number) => log.proof(older, newer, 1, at),
})
/** A proof that the log signed a head of `size` of another branch. */
const forkOf = ({ forked }: CosignedTestLog, older: number, newer: number) =>
  encodeFork(proveFork(forked.note(older), forked.note(newer, 1, 1), branch(forked)))

describe('checkpoints that do not fit', () => {
  it('of no larger tree make a proof at once, and freeze the log', () => {
    const { log, locker, told } = world()
    log.grow(4)
    log.grow(4)
    expect(locker.report(log, log.forked.note(5, 1, 2))).toMatchObject([{ older: { size: 5 }, newer: { size: 8 } }])
    expect(locker.contest(log.origin)).toEqual({ from: 5, convicted: new Set() })
    expect(told).toEqual([log.origin])
  })
})

describe('a larger one', () => {
  it('makes a proof only with the tree behind it', () => {
    const { log, locker } = world()
    log.grow(4)
    const note = log.forked.note(7, 1, 2)
    expect(locker.report(log, note)).toEqual([])
    expect(locker.report(log, note, branch(log.forked, 2))).toMatchObject([{ older: { size: 4 }, newer: { size: 7 } }])
    expect(locker.isContested(log.origin)).toBe(true)
  })

  it('that continues the log makes none', () => {
    const { log, locker } = world()
    log.grow(4)
    expect(locker.report(log, log.forked.note(7), branch(log.forked, 99))).toEqual([])
    expect(locker.report(log, log.forked.note(4))).toEqual([])
    expect(locker.isContested(log.origin)).toBe(false)
  })
})

describe('whoever signed both', () => {
  it('is convicted through cosignatures that come from elsewhere', () => {
    const { log, locker, cosignatures } = world()
    log.grow(4)
    log.grow(4)
    cosignatures.add(log, log.cosigned(8, [0, 1]))
    const twice = addCosignature(log.forked.note(8, 1), 'test.local/s1/mirror', siteOf(1).mirror)
    expect(cosignatures.add(log, twice)).toBe('conflict')
    const [proof] = locker.list()
    expect(proof?.logKeys).toHaveLength(1)
    expect(proof?.cosigners.map(({ name }) => name)).toEqual(['test.local/s1/mirror'])
    expect(locker.contest(log.origin)?.from).toBe(8)
  })

  it('contests no log that signed neither, and takes no place from a proof that does', () => {
    const { log, locker, store, copies } = world()
    log.grow(4)
    /** Two heads of a size that a site made up: the log never signed them. */
    const madeUp = (size: number) => {
      const note = (fill: number) => {
        const { text } = parseNote(log.forked.noteOf(size, new Uint8Array(32).fill(fill)))
        const name = 'test.local/s1/mirror'
        const { mirror } = siteOf(1)
        const line = cosign(text, { name, publicKey: mirror.publicKey }, NOON_S, (m) => mirror.sign(m))
        return formatNote(text, [line])
      }
      return encodeFork({ older: note(1), newer: note(2), prefix: null })
    }
    for (let size = 60; size > 0; size--) locker.add(madeUp(size))
    expect([locker.isContested(log.origin), locker.contest(log.origin), copies()]).toEqual([false, null, []])
    expect(store.evidence(log.origin)).toHaveLength(32)
    expect(locker.add(forkOf(log, 5, 7)).isNew).toBe(true)
    expect(locker.contest(log.origin)).toEqual({ from: 5, convicted: new Set() })
  })

  it('is nobody when the other checkpoint is signed by a stranger', () => {
    const { log, locker } = world()
    log.grow(4)
    const stranger = new ForkedLog('test.local/other/1')
    expect(locker.report(log, stranger.note(4, 1))).toEqual([])
    expect(locker.report(log, 'nothing')).toEqual([])
    expectCode('NOT_A_FORK', () =>
      locker.add(encodeFork(proveFork(stranger.note(3), stranger.note(3, 1), branch(stranger)))),
    )
  })
})

describe('proofs', () => {
  it('are kept once, and again only when they say more', () => {
    const { store, log, locker, told } = world()
    const text = forkOf(log, 5, 7)
    expect(locker.add(text)).toMatchObject({ isNew: true, proof: { older: { size: 5 } } })
    expect(locker.add(text).isNew).toBe(false)
    expect(locker.add(forkOf(log, 6, 7)).isNew).toBe(false)
    expect(locker.add(forkOf(log, 3, 7)).isNew).toBe(true)
    expect(store.evidence(log.origin)).toHaveLength(2)
    expect(told).toHaveLength(2)
  })

  it('are bounded however long a log goes on forking', () => {
    const { store, log, locker } = world()
    for (let older = 60; older > 1; older--) locker.add(forkOf(log, older, 61))
    expect(store.evidence(log.origin)).toHaveLength(32)
    expect(locker.isContested(log.origin)).toBe(true)
  })

  it('come back after a start, also when their rows are gone', () => {
    const first = world()
    first.locker.add(forkOf(first.log, 5, 7))
    expect(first.reopened().locker.contest(first.log.origin)).toEqual(first.locker.contest(first.log.origin))
    const second = world()
    const again = second.reopened({ copies: first.copies() })
    expect(again.locker.list().map(({ text }) => text)).toEqual(first.locker.list().map(({ text }) => text))
    expect(second.store.evidence()).toHaveLength(1)
  })

  it('that somebody made up or changed in the table contest nothing', () => {
    const { store, log, reopened } = world()
    const honest = encodeFork({
      older: log.forked.note(3),
      newer: log.forked.note(7),
      prefix: { root: log.forked.root(3), proof: log.forked.proof(3, 7) },
    })
    for (const [n, text] of [honest, 'nonsense', forkOf(log, 3, 7).replace('root ', 'root A')].entries())
      store.putEvidence({ id: new Uint8Array(32).fill(n), origin: log.origin, text, receivedAtMs: 1 })
    const { locker } = reopened()
    expect(locker.list()).toEqual([])
    expect(locker.isContested(log.origin)).toBe(false)
  })

  it('count under their own log, whatever their row says', () => {
    const { store, log, reopened } = world()
    store.putEvidence({ id: utf8('x'.repeat(32)), origin: 'another', text: forkOf(log, 3, 7), receivedAtMs: 1 })
    const { locker } = reopened()
    expect(locker.isContested('another')).toBe(false)
    expect(locker.isContested(log.origin)).toBe(true)
  })
})

it('answers any text with a proof or a coded error, and keeps nothing that convicts nobody', () => {
  const { store, log, locker } = world()
  const text = forkOf(log, 3, 7)
  const someText = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.tuple(fc.nat(text.length), fc.nat(20), fc.string({ maxLength: 5 })).map(([at, cut, put]) => {
      return text.slice(0, at) + put + text.slice(at + cut)
    }),
  )
  fc.assert(
    fc.property(someText, (candidate) => {
      try {
        expect(locker.add(candidate).proof.text).toBe(text)
      } catch (error) {
        expect(error).toBeInstanceOf(LedgerError)
      }
    }),
    { numRuns: runs(300, 5000) },
  )
  expect(store.evidence().every((row) => row.text === text)).toBe(true)
})
