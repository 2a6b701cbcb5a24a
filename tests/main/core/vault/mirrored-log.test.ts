import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { signCheckpoint } from '../../../../src/ledger/checkpoint.ts'
import { emptyDirectory } from '../../../../src/ledger/directory.ts'
import { LedgerError } from '../../../../src/ledger/errors.ts'
import { encodeAccess, encodePractitionerEnrolled } from '../../../../src/ledger/fields.ts'
import { leafHash, nobleHasher } from '../../../../src/ledger/hash.ts'
import { type EntryPackage, provePackage } from '../../../../src/ledger/mirror.ts'
import { MirroredLog, type MirroredLogParts } from '../../../../src/main/core/vault/mirrored-log.ts'
import { policyEngine } from '../../../../src/main/core/policy-engine.ts'
import { openStore } from '../../../../src/main/store/open.ts'
import type { Store } from '../../../../src/main/store/store.ts'
import { handle, testKey, TestLog, verifier } from '../../../support/ledger-world.ts'
import { slowConsistency, slowPath, slowRoot } from '../../../support/slow-tree.ts'
import { newStore, temporaryFolder } from '../../store/fixtures.ts'

/** A log of another site, block by block. */
class Theirs extends TestLog {
  #sealed = 0

  /** `count` more entries, the last of them a seal. */
  block(count: number, name = ''): this {
    for (let n = 1; n < count; n++) {
      const who = `${name}${this.entries.length}`
      const fields = encodePractitionerEnrolled({ publicKey: testKey(who).publicKey, role: 'nurse' })
      const body = this.body('practitioner.enrolled', { subject: handle(who), fields })
      this.append(this.entry(body, [['governance', this.own.governance]]))
    }
    this.append(this.sealEntry(this.#sealed))
    this.#sealed = this.entries.length
    return this
  }

  leaves(size = this.entries.length): Uint8Array[] {
    return this.entries.slice(0, size).map((bytes) => leafHash(nobleHasher, bytes))
  }

  note(size = this.entries.length, key = this.own.log): string {
    const head = { origin: this.origin, size, root: slowRoot(nobleHasher, this.leaves(size)) }
    return signCheckpoint(head, { name: this.origin, publicKey: key.publicKey }, (message) => key.sign(message))
  }

  proof(older: number, newer = this.entries.length): Uint8Array[] {
    return older === 0 ? [] : slowConsistency(nobleHasher, older, this.leaves(newer))
  }

  package(index: number, size = this.entries.length): EntryPackage {
    const leaves = this.leaves(size)
    const head = { size, root: slowRoot(nobleHasher, leaves) }
    const view = { head, proveInclusion: (at: number) => slowPath(nobleHasher, at, leaves) }
    return {
      index,
      entries: this.entries.slice(index * 256, Math.min(size, index * 256 + 256)),
      proof: provePackage(view, index),
    }
  }
}

const founded = () => new Theirs().found().block(2)

function partsOf(theirs: Theirs, store: Store, over: Partial<MirroredLogParts> = {}) {
  const cosigned: number[] = []
  const parts: MirroredLogParts = {
    ...{ store, origin: theirs.origin, network: theirs.network, verifier },
    empty: emptyDirectory(theirs.network, policyEngine()),
    base: () => emptyDirectory(theirs.network, policyEngine()),
    logKeys: () => [theirs.own.log.publicKey],
    knows: () => true,
    vouched: () => Infinity,
    cosigned: () => store.cosignaturesBy(theirs.origin, 'here/mirror', Number.MAX_SAFE_INTEGER, 1)[0]?.size ?? 0,
    cosign: (_, { size }) => ({
      row: { size, name: 'here/mirror', line: `line of ${size}\n` },
      stored: () => cosigned.push(size),
    }),
    ...over,
  }
  return { parts, cosigned }
}

function world(theirs = founded(), over: Partial<MirroredLogParts> = {}) {
  const store = newStore()
  const { parts, cosigned } = partsOf(theirs, store, over)
  const reopened = () => MirroredLog.open(parts)
  return { theirs, store, cosigned, reopened, log: reopened() }
}

/** Takes the whole of what `theirs` holds. */
function takeAll(log: MirroredLog, theirs: Theirs): void {
  const before = log.state.pending?.size ?? 0
  expect(log.offer(theirs.note(), before, theirs.proof(before))).toEqual({ status: 200 })
  for (let index = Math.floor(log.state.stored / 256); log.state.stored < theirs.entries.length; index++)
    log.receive(theirs.package(index))
}

function judgeAll(log: MirroredLog): string {
  let progress = log.advance(100)
  while (progress === 'working') progress = log.advance(100)
  return progress
}

const codeOf = (run: () => unknown): unknown => {
  try {
    run()
    return null
  } catch (error) {
    return error instanceof LedgerError ? error.code : error
  }
}

describe('a log of another node', () => {
  it('is held, judged and cosigned block by block', () => {
    const { theirs, log, cosigned, store } = world()
    for (const count of [3, 300, 2]) {
      takeAll(log, theirs)
      expect(judgeAll(log)).toBe('mirrored')
      expect(log.head).toMatchObject({ size: theirs.entries.length, note: theirs.note() })
      theirs.block(count)
    }
    expect(cosigned).toEqual([8, 11, 311])
    expect(store.newestCheckpoint(theirs.origin)?.size).toBe(311)
    expect(log.directory).toEqual(directoryOf(theirs, 311))
  })

  it('gives the packages it took, with a proof under every size that it held', () => {
    const theirs = founded().block(300)
    const { log } = world(theirs)
    takeAll(log, theirs)
    expect([log.package(308, 0), log.package(308, 1)]).toEqual([theirs.package(0), theirs.package(1)])
    expect(log.package(8, 0)).toEqual(theirs.package(0, 8))
    expect([log.package(308, 2), log.package(309, 0)]).toEqual([null, null])
  })

  it('goes on after a crash between any two steps, and ends the same', () => {
    const theirs = founded().block(280)
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }), (crashes) => {
        const file = join(temporaryFolder(), 'ledger.db')
        let store = openStore(file, { mode: 'create' })
        let log = MirroredLog.open(partsOf(theirs, store).parts)
        const steps = [
          () => log.offer(theirs.note(8), 0, []),
          () => {
            log.receive(theirs.package(0, 8))
          },
          () => judgeAll(log),
          () => log.offer(theirs.note(), 8, theirs.proof(8)),
          () => {
            log.receive(theirs.package(0))
          },
        ]
        for (const [i, step] of steps.entries()) {
          step()
          if (crashes[i] !== true) continue
          store.close()
          store = openStore(file, { mode: 'existing' })
          log = MirroredLog.open(partsOf(theirs, store).parts)
        }
        log.receive(theirs.package(1))
        expect(judgeAll(log)).toBe('mirrored')
        expect([log.head.note, log.judged]).toEqual([theirs.note(), theirs.entries.length])
        store.close()
      }),
      { numRuns: 6 },
    )
  })

  it('judges what was cosigned before no second time after a restart', () => {
    const { theirs, log, reopened, cosigned } = world()
    takeAll(log, theirs)
    judgeAll(log)
    const again = reopened()
    expect([again.isPrepared, again.directory.rosters]).toEqual([false, []])
    again.prepare(100)
    expect([again.isPrepared, again.directory]).toEqual([true, log.directory])
    expect([judgeAll(again), again.judged, cosigned]).toEqual(['mirrored', 8, [8]])
  })
})

const directoryOf = (theirs: Theirs, size: number) => {
  const { log } = world(theirs)
  log.offer(theirs.note(size), 0, [])
  for (let index = 0; index * 256 < size; index++) log.receive(theirs.package(index, size))
  judgeAll(log)
  return log.directory
}

describe('a peer that lies', () => {
  it('changes nothing with a package that the accepted head does not hold', () => {
    const theirs = founded().block(300)
    const { log, store } = world(theirs)
    log.offer(theirs.note(), 0, [])
    const good = theirs.package(0)
    const row = store.mirror(theirs.origin)
    const flip = (bytes: Uint8Array, at: number) => bytes.map((byte, i) => (i === at % bytes.length ? byte ^ 1 : byte))
    const hostile = fc.oneof(
      fc.tuple(fc.nat(255), fc.nat()).map(([i, at]) => ({
        ...good,
        entries: good.entries.map((bytes, n) => (n === i ? flip(bytes, at) : bytes)),
      })),
      fc.nat(255).map((i) => ({ ...good, entries: good.entries.toSpliced(i, 1) })),
      fc.nat().map((at) => ({ ...good, proof: good.proof.map((hash) => flip(hash, at)) })),
      fc.constant({ ...good, proof: [] }),
      fc.oneof(fc.integer(), fc.double()).map((index) => ({ ...theirs.package(1), index: index === 0 ? 1 : index })),
      fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 257 }).map((entries) => ({ ...good, entries })),
    )
    fc.assert(
      fc.property(hostile, (offered) => {
        expect(() => {
          log.receive(offered)
        }).toThrow(LedgerError)
        expect(store.mirror(theirs.origin)).toEqual(row)
        expect(store.entries(theirs.origin, 0, 1)).toEqual([])
      }),
      { numRuns: 60 },
    )
    log.receive(good)
    expect(log.state.stored).toBe(256)
  })

  it('cannot make a head of another branch accepted: the one that it contradicts is given', () => {
    const { theirs, log, store } = world()
    takeAll(log, theirs)
    judgeAll(log)
    const row = store.mirror(theirs.origin)
    const bent = new Theirs().found().block(3, 'bent')
    expect(log.offer(bent.note(), 8, bent.proof(8))).toEqual({ status: 422, kept: theirs.note() })
    expect(store.mirror(theirs.origin)).toEqual(row)
  })

  it('cannot use a key that no roster lists, nor an old size', () => {
    const { theirs, log } = world()
    takeAll(log, theirs)
    theirs.block(2)
    expect(log.offer(theirs.note(10, testKey('somebody')), 8, theirs.proof(8)).status).toBe(403)
    expect(log.offer(theirs.note(), 7, theirs.proof(7))).toEqual({ status: 409, size: 8 })
    expect(log.state.pending?.size).toBe(8)
  })

  it('that writes what the rules forbid is refused with the entry and the rule, for good', () => {
    const theirs = founded()
    const forged = theirs.entry(theirs.body('practitioner.enrolled', { subject: handle('x') }), [
      ['log', theirs.own.log],
    ])
    theirs.entries.push(forged)
    theirs.append(theirs.sealEntry(8))
    const { log, cosigned, reopened } = world(theirs)
    takeAll(log, theirs)
    expect(judgeAll(log)).toBe('refused')
    expect(log.state.refused?.index).toBe(8)
    expect(reopened().state.refused).toEqual(log.state.refused)
    expect([reopened().advance(100), cosigned]).toEqual(['refused', []])
  })

  it('and put a row here that says it was judged, is found out where this site did not sign that', () => {
    const theirs = founded()
    const fields = encodeAccess({ purpose: 'care', heads: [], subjects: null })
    const body = theirs.body('access', { subject: handle('x'), fields })
    theirs.entries.push(theirs.entry(body, [['practitioner', testKey('nobody')]]))
    theirs.append(theirs.sealEntry(8))
    for (const { vouched, isFound } of [
      { vouched: 0, isFound: true },
      { vouched: 8, isFound: true },
      // What it signed it judged.
      { vouched: 10, isFound: false },
    ]) {
      const { log, store, reopened } = world(theirs, { vouched: () => vouched })
      takeAll(log, theirs)
      const row = store.mirror(theirs.origin)
      if (row === null) throw new Error('there is a row')
      store.replaceMirror(theirs.origin, row, { ...row, mirrored: row.pending }, [])
      const again = reopened()
      expect([again.prepare(100), again.state.refused?.index ?? null]).toEqual(isFound ? [false, 8] : [true, null])
      expect(again.prepare(100)).toBe(!isFound)
    }
  })
})

describe('what is damaged here', () => {
  it('is fetched again and proven again, entry by package', () => {
    const theirs = founded().block(600)
    const { log, store, reopened } = world(theirs)
    takeAll(log, theirs)
    judgeAll(log)
    log.refetchFrom(300)
    expect([log.state.stored, log.head.size]).toEqual([256, 608])
    log.receive(theirs.package(1))
    log.receive(theirs.package(2))
    expect([judgeAll(log), log.entry(300)]).toEqual(['mirrored', theirs.entries[300]])
    expect(store.mirror(theirs.origin)?.stored).toBe(608)
    expect(reopened().head.size).toBe(608)
  })

  it('leaves a mirror without memory, and that one never cosigns again', () => {
    const { theirs, log, store, reopened, cosigned } = world()
    takeAll(log, theirs)
    judgeAll(log)
    const row = store.mirror(theirs.origin)
    const nothing = { pending: null, stored: 0, mirrored: null, refused: null }
    expect(store.replaceMirror(theirs.origin, row, nothing, [])).toBe(true)
    expect(codeOf(reopened)).toBe('ROOT_MISMATCH')
    const forged = { ...nothing, pending: theirs.note(8, testKey('somebody')), mirrored: null }
    expect(store.replaceMirror(theirs.origin, nothing, forged, [])).toBe(true)
    expect(codeOf(reopened)).not.toBeNull()
    expect(cosigned).toEqual([8])
  })

  it('without a tree is fetched from the start, under the same head', () => {
    const { theirs, log, store, reopened } = world()
    takeAll(log, theirs)
    judgeAll(log)
    const blind = new Proxy(store, {
      get: (_, name: keyof Store) => (name === 'tile' ? () => null : store[name].bind(store)),
    })
    const tileless = MirroredLog.open(partsOf(theirs, blind).parts)
    expect([tileless.isEmpty, tileless.state.stored, tileless.state.mirrored?.size]).toEqual([true, 0, 8])
    const again = reopened()
    again.receive(theirs.package(0))
    expect([judgeAll(again), again.head.note]).toEqual(['mirrored', theirs.note()])
  })
})
