import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { blockHash, checkSeal, sizeAfter } from '../../src/ledger/block.ts'
import { encodeCheckpoint, parseCheckpoint, signCheckpoint } from '../../src/ledger/checkpoint.ts'
import { decodeEntry } from '../../src/ledger/entry.ts'
import { checkEvidence, forkOfSuspicion } from '../../src/ledger/evidence.ts'
import { decodeSeal, encodeSeal, type Seal } from '../../src/ledger/fields.ts'
import { electorateOf, votesOn } from '../../src/ledger/finality.ts'
import { leafHash, nobleHasher as h } from '../../src/ledger/hash.ts'
import { emptyMirror, offerHead } from '../../src/ledger/mirror.ts'
import { parseNote } from '../../src/ledger/note.ts'
import {
  addCheckpoint,
  judge,
  type Verdict,
  type WitnessedHead,
  type WitnessRules,
  type WitnessSigner,
} from '../../src/ledger/witness.ts'
import { concatBytes } from '../../src/shared/bytes.ts'
import { addCosignature, ForkedLog } from '../support/forked-log.ts'
import { testKey, TestLog, testRoster, testSite, verifier as v } from '../support/ledger-world.ts'
import { MemoryWitness } from '../support/memory-witness.ts'
import { slowConsistency, slowRoot } from '../support/slow-tree.ts'

const world = new TestLog().found()
const logKey = { name: world.origin, publicKey: world.own.log.publicKey }
const rules: WitnessRules = { hasher: h, verifier: v, logKeys: (origin) => (origin === logKey.name ? [logKey] : []) }

/** A sealed block on top of `before`: any entries, then a seal that links to `previous`, the text of a checkpoint. */
function withBlock(before: readonly Uint8Array[], block: number, previous: string | null, count: number): Uint8Array[] {
  const entries = Array.from({ length: count }, (_, i) => Uint8Array.of(1, block, i))
  const fields = encodeSeal(sealOf(before.length, block, previous, count))
  return [...before, ...entries, world.entry(world.body('seal', { fields }), [['log', world.own.log]])]
}

function sealOf(firstIndex: number, block: number, previous: string | null, count: number): Seal {
  const previousBlockHash = previous === null ? null : blockHash(h, previous)
  return { block, previousBlockHash, firstIndex, count, rosterVersion: 1, contractHash: new Uint8Array(32) }
}

const leavesOf = (entries: readonly Uint8Array[]) => entries.map((entry) => leafHash(h, entry))
const headOf = (entries: readonly Uint8Array[]) => {
  return { origin: logKey.name, size: entries.length, root: slowRoot(h, leavesOf(entries)) }
}
const textOf = (entries: readonly Uint8Array[]) => encodeCheckpoint(headOf(entries))
const noteOf = (entries: readonly Uint8Array[]) => signCheckpoint(headOf(entries), logKey, (m) => world.own.log.sign(m))
const trusted = (entries: readonly Uint8Array[]): WitnessedHead => ({ ...headOf(entries), note: noteOf(entries) })

function offer(known: WitnessedHead, entries: readonly Uint8Array[], proof: readonly Uint8Array[]): Verdict {
  const note = noteOf(entries)
  return judge(rules, known, { oldSize: known.size, proof, note, checkpoint: parseCheckpoint(parseNote(note).text) })
}

describe('CVE-2022-36111: a chain of hashes that convinces beside the tree', () => {
  const genesis = withBlock([], 0, null, 4)
  const link = textOf(genesis)
  const changed = fc.nat({ max: genesis.length - 1 })

  /** History with one entry replaced, and new blocks whose every link and seal is right. */
  function rewritten(at: number, blocks: number): Uint8Array[] {
    let entries = genesis.with(at, concatBytes(genesis[at] ?? new Uint8Array(), Uint8Array.of(0)))
    let previous = link
    for (let block = 1; block <= blocks; block++) {
      entries = withBlock(entries, block, previous, 2)
      previous = textOf(entries)
    }
    return entries
  }

  it('a block whose links are right and whose tree is not consistent is refused, whatever proof comes with it', () => {
    fc.assert(
      fc.property(changed, fc.integer({ min: 1, max: 4 }), (at, blocks) => {
        const forged = rewritten(at, blocks)
        const first = decodeSeal(decodeEntry(forged[genesis.length + 2] ?? new Uint8Array()).body.fields)
        checkSeal(first, sealOf(genesis.length, 1, link, 2))
        expect(sizeAfter(first)).toBe(genesis.length + 3)
        const honest = withBlock(genesis, 1, link, forged.length - genesis.length - 1)
        const proofs = [forged, honest].map((entries) => slowConsistency(h, genesis.length, leavesOf(entries)))
        for (const proof of [...proofs, [], [headOf(genesis).root]]) {
          expect(offer(trusted(genesis), forged, proof).status).toBe(422)
        }
      }),
    )
  })

  it('the same block on the true tree is accepted: it was the tree that was refused, not the block', () => {
    const grown = withBlock(genesis, 1, link, 2)
    const proof = slowConsistency(h, genesis.length, leavesOf(grown))
    expect(offer(trusted(genesis), grown, proof).status).toBe(200)
  })

  it('a mirror refuses it too, and what the log sent convicts it', () => {
    const forged = rewritten(1, 2)
    const proof = slowConsistency(h, genesis.length, leavesOf(forged))
    const state = { ...emptyMirror(logKey.name), pending: trusted(genesis) }
    const note = noteOf(forged)
    const checkpoint = parseCheckpoint(parseNote(note).text)
    const answer = offerHead(rules, state, { oldSize: genesis.length, proof, note, checkpoint })
    if (answer.status !== 422 || answer.suspicion === null) throw new Error(`status ${answer.status}`)
    const fork = forkOfSuspicion(h, answer.suspicion)
    if (fork === null) throw new Error('a log that forked names the root it starts from')
    expect(checkEvidence(h, v, fork, { log: logKey, cosigners: [] }).log).toEqual(logKey)
  })
})

describe('CVE-2022-39199: trusted state under a name that the server chooses', () => {
  const log = new ForkedLog()
  const key = testKey('witness')
  const signer: WitnessSigner = {
    key: { name: 'test.local/w/mirror', publicKey: key.publicKey },
    nowS: 1_767_225_660,
    sign: (message) => key.sign(message),
  }
  const listed: WitnessRules = { ...rules, logKeys: (origin) => (origin === log.logKey.name ? [log.logKey] : []) }
  const post = (store: MemoryWitness, note: string) => addCheckpoint(listed, store, `old 0\n\n${note}`, signer).status
  const grown = () => {
    const store = new MemoryWitness()
    expect(post(store, log.note(5))).toBe(200)
    return store
  }

  it('another origin is another log, unknown and without state: nothing can be started over', () => {
    const store = grown()
    const renamed = new ForkedLog('test.local/forked/2')
    Object.assign(renamed, { key: log.key, logKey: { ...renamed.logKey, publicKey: log.key.publicKey } })
    expect(post(store, renamed.note(5, 1))).toBe(404)
    expect([...store.heads.keys()]).toEqual([log.logKey.name])
  })

  it('the same origin under another key or another key name is refused, and the state stays', () => {
    const store = grown()
    const before = store.read(log.logKey.name)
    const other = Object.assign(new ForkedLog(), { key: testKey('another server') })
    expect(post(store, other.note(5, 1))).toBe(403)
    expect(post(store, log.note(5, 1).replace(/\u2014 \S+ /, '\u2014 fresh-server-id '))).toBe(403)
    expect(store.read(log.logKey.name)).toBe(before)
  })

  it('a server that says it is new is told what is known of it', () => {
    expect(post(grown(), log.note(5, 1))).toBe(409)
  })

  it('a log key counts for its own origin alone', () => {
    const other = new ForkedLog('test.local/other/1')
    const two: WitnessRules = {
      ...rules,
      logKeys: (origin) => [log.logKey, other.logKey].filter(({ name }) => name === origin),
    }
    const text = encodeCheckpoint({ origin: log.logKey.name, size: 5, root: log.root(5, 1) })
    const line = other.note(5).slice(other.note(5).indexOf('\n\n') + 2)
    expect(addCheckpoint(two, grown(), `old 0\n\n${text}\n${line}`, signer).status).toBe(403)
  })
})

describe('lines that nobody verified', () => {
  const log = new ForkedLog()
  const sites = ['a', 'b'].map((id) => testSite(`test.local/${id}`))
  const electorate = electorateOf(testRoster(sites.map(({ site }) => site)))
  const forged = addCosignature(log.note(5), 'test.local/a/mirror', testKey('forger'))
  // The forger's key under the id of the true one: the line looks like a's in every way but the signature.
  const real = addCosignature(log.note(5), 'test.local/a/mirror', sites[0]?.mirror ?? testKey('none'))
  const spoiled = real.replace(/.{8}==\n$/, 'AAAAAAAA==\n')

  it('are not kept by a witness', () => {
    const store = new MemoryWitness()
    const listed: WitnessRules = { ...rules, logKeys: () => [log.logKey] }
    const key = testKey('w')
    const signer = {
      key: { name: 'w/mirror', publicKey: key.publicKey },
      nowS: 0,
      sign: (m: Uint8Array) => key.sign(m),
    }
    for (const note of [forged, spoiled, real]) {
      const again = store.heads.size === 0 ? 0 : 5
      expect(addCheckpoint(listed, store, `old ${again}\n\n${note}`, signer).status).toBe(200)
      expect(store.read(log.logKey.name)?.note).toBe(log.note(5))
    }
  })

  it('are no votes, and do not keep a good line out', () => {
    expect(spoiled).not.toBe(real)
    expect(votesOn(forged, electorate, v, Infinity)).toEqual([])
    expect(votesOn(spoiled, electorate, v, Infinity)).toEqual([])
    const both = spoiled + real.slice(real.lastIndexOf('\u2014'))
    expect(votesOn(both, electorate, v, Infinity).map((vote) => vote.voter.site)).toEqual(['test.local/a'])
  })
})
