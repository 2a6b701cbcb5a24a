import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeCheckpoint, parseCheckpoint } from '../../src/ledger/checkpoint.ts'
import {
  checkEvidence,
  encodeFork,
  type Fork,
  forkOfSuspicion,
  parseFork,
  proveFork,
  type Suspects,
} from '../../src/ledger/evidence.ts'
import { nobleHasher as h, utf8 } from '../../src/ledger/hash.ts'
import { formatNote, parseNote } from '../../src/ledger/note.ts'
import { keyIdOf, parseVkey } from '../../src/ledger/vkey.ts'
import { fromHex, toBase64 } from '../../src/shared/bytes.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'
import { addCosignature, ForkedLog } from '../support/forked-log.ts'
import { testKey, verifier as v } from '../support/ledger-world.ts'
import { sharedData } from '../support/shared-data.ts'

const log = new ForkedLog()
const suspects: Suspects = { log: log.logKey, cosigners: [] }
const treeOf = (branch: number, at: number) => ({
  rootAt: (size: number) => log.root(size, branch, at),
  proveConsistency: (older: number, newer: number) => log.proof(older, newer, branch, at),
})

/** A fork of the trunk at `older` and of branch 1, which leaves it at `at`, at `newer`. */
function forkAt(older: number, newer: number, at: number): Fork {
  return proveFork(log.note(older), log.note(newer, 1, at), treeOf(1, at))
}

/** A trunk size and a size of the branch, both past the place where the branch leaves. */
const forks = fc.tuple(fc.nat({ max: 20 }), fc.integer({ min: 1, max: 12 }), fc.nat({ max: 20 })).map(([at, x, y]) => {
  return { at, older: at + x, newer: at + x + y }
})

describe('a fork', () => {
  it('convicts its log, in both forms, and survives being written and read', () => {
    fc.assert(
      fc.property(forks, ({ at, older, newer }) => {
        const fork = forkAt(older, newer, at)
        expect(fork.prefix === null).toBe(older === newer)
        expect(parseFork(encodeFork(fork))).toEqual(fork)
        expect(checkEvidence(h, v, fork, suspects)).toEqual({
          origin: log.logKey.name,
          log: log.logKey,
          cosigners: [],
        })
      }),
    )
  })

  it('convicts exactly the sites that cosigned both heads', () => {
    const [both, one, none] = [testKey('both'), testKey('one'), testKey('none')]
    const fork = forkAt(3, 7, 2)
    const older = addCosignature(addCosignature(fork.older, 'both/mirror', both), 'one/mirror', one)
    const newer = addCosignature(fork.newer, 'both/mirror', both)
    const keys = { both, one, none }
    const cosigners = Object.entries(keys).map(([name, { publicKey }]) => ({ name: `${name}/mirror`, publicKey }))
    const found = checkEvidence(h, v, { ...fork, older, newer }, { log: null, cosigners })
    expect(found.log).toBeNull()
    expect(found.cosigners.map((key) => key.name)).toEqual(['both/mirror'])
  })

  it('still convicts the log when somebody adds a broken line of a site', () => {
    const site = { name: 'x/mirror', publicKey: testKey('x').publicKey }
    const fork = forkAt(3, 7, 2)
    const { text, signatures } = parseNote(addCosignature(fork.older, site.name, testKey('x')))
    const broken = signatures.map((line, i) => (i === 1 ? { ...line, signature: line.signature.with(70, 1) } : line))
    const spoiled = {
      ...fork,
      older: formatNote(text, broken),
      newer: addCosignature(fork.newer, site.name, testKey('x')),
    }
    const found = checkEvidence(h, v, spoiled, { ...suspects, cosigners: [site] })
    expect(found).toMatchObject({ log: log.logKey, cosigners: [] })
  })

  it('does not convict another log, another key, or another incarnation', () => {
    const fork = forkAt(3, 7, 2)
    const strangers: Suspects[] = [
      { log: { ...log.logKey, name: 'test.local/forked/2' }, cosigners: [] },
      { log: { ...log.logKey, publicKey: testKey('else').publicKey }, cosigners: [] },
      { log: null, cosigners: [log.logKey] },
      { log: null, cosigners: [] },
    ]
    for (const suspect of strangers) expectCode('NOT_A_FORK', () => checkEvidence(h, v, fork, suspect))
  })

  it('is no fork when the heads are of two logs, although one site cosigned both', () => {
    const site = { name: 'x/mirror', publicKey: testKey('x').publicKey }
    const other = new ForkedLog('test.local/other/1')
    const notes = [log.note(5), other.note(5, 1)].map((note) => addCosignature(note, site.name, testKey('x')))
    const [older = '', newer = ''] = notes
    const fork = { older, newer, prefix: null }
    expectCode('NOT_A_FORK', () => checkEvidence(h, v, fork, { log: null, cosigners: [site] }))
  })

  it('convicts no log of heads that it signed under the origin of another', () => {
    const [older, newer] = [log.root(5), log.root(5, 1)].map((root) => {
      const text = encodeCheckpoint({ origin: 'test.local/other/1', size: 5, root })
      const line = { name: log.logKey.name, keyId: keyIdOf({ ...log.logKey, type: 1 }) }
      return formatNote(text, [{ ...line, signature: log.key.sign(utf8(text)) }])
    })
    const fork = { older: older ?? '', newer: newer ?? '', prefix: null }
    expectCode('NOT_A_FORK', () => checkEvidence(h, v, fork, suspects))
  })

  it('has one form: heads of one size carry no prefix', () => {
    const fork = forkAt(5, 5, 2)
    const prefix = { root: parseCheckpoint(parseNote(fork.newer).text).root, proof: [] }
    expectCode('NOT_A_FORK', () => checkEvidence(h, v, { ...fork, prefix }, suspects))
  })

  it('is found in the proof that a forked log sends, unless the size is a power of two', () => {
    fc.assert(
      fc.property(forks, ({ at, older, newer }) => {
        const suspicion = {
          kept: log.note(older),
          offered: log.note(newer, 1, at),
          proof: log.proof(older, newer, 1, at),
        }
        const fork = forkOfSuspicion(h, suspicion)
        const leftOut = Math.log2(older) % 1 === 0 && older !== newer
        expect(fork === null).toBe(leftOut)
        if (fork !== null) checkEvidence(h, v, fork, suspects)
      }),
    )
  })
})

describe('a log that only grew', () => {
  const size = fc.nat({ max: 40 })
  const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
  const known = fc.oneof(
    size.map((n) => log.root(n)),
    hash,
  )

  it('is never convicted, whatever is claimed about any two of its heads', () => {
    fc.assert(
      fc.property(size, size, fc.option(fc.tuple(known, fc.array(known, { maxLength: 8 }))), (a, b, claim) => {
        const prefix = claim === null ? null : { root: claim[0], proof: claim[1] }
        const fork = { older: log.note(a), newer: log.note(b), prefix }
        expectCode('NOT_A_FORK', () => checkEvidence(h, v, fork, suspects))
      }),
    )
  })

  it('is never convicted by its own proofs, changed in any place', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), size, fc.nat(), hash, (a, more, at, other) => {
        const proof = log.proof(a, a + more)
        const i = at % Math.max(1, proof.length)
        const paths = proof.length === 0 ? [proof] : [proof, proof.with(i, other), proof.toSpliced(i, 1)]
        for (const path of paths) {
          for (const root of [log.root(a), other]) {
            const fork = { older: log.note(a), newer: log.note(a + more), prefix: { root, proof: path } }
            expectCode('NOT_A_FORK', () => checkEvidence(h, v, fork, suspects))
          }
          const suspicion = { kept: log.note(a), offered: log.note(a + more), proof: path }
          if (more > 0) expect(forkOfSuspicion(h, suspicion)).toBeNull()
        }
      }),
    )
  })

  it('gives nothing to prove', () => {
    expectCode('NOT_A_FORK', () => proveFork(log.note(3), log.note(7), treeOf(0, 0)))
    expectCode('NOT_A_FORK', () => proveFork(log.note(3), log.note(3), treeOf(0, 0)))
    const other = new ForkedLog('test.local/other/1')
    expectCode('NOT_A_FORK', () => proveFork(log.note(3), other.note(3, 1), treeOf(0, 0)))
  })
})

describe('a fork document', () => {
  it('is laid out as the protocol says', () => {
    const { older, newer, prefix } = forkAt(3, 7, 2)
    const root = toBase64(log.root(3, 1, 2))
    const proof = log.proof(3, 7, 1, 2).map((hash) => `${toBase64(hash)}\n`)
    expect(prefix).not.toBeNull()
    expect(encodeFork({ older, newer, prefix })).toBe(
      `chartseal/fork/v1\nroot ${root}\n${proof.join('')}\n${log.note(3)}\n${log.note(7, 1, 2)}`,
    )
    const [a, b] = [log.note(5), log.note(5, 1, 2)]
    const documents = [`chartseal/fork/v1\n\n${a}\n${b}`, `chartseal/fork/v1\n\n${b}\n${a}`]
    expect(documents).toContain(encodeFork(forkAt(5, 5, 2)))
  })

  it('is refused, or convicts nobody new, after any change of one character', () => {
    const text = encodeFork(forkAt(3, 7, 2))
    fc.assert(
      fc.property(fc.nat({ max: text.length - 1 }), fc.constantFrom('', '\n', 'A', 'B', ' ', '0', '9'), (at, put) => {
        const changed = text.slice(0, at) + put + text.slice(at + 1)
        fc.pre(changed !== text)
        expectCode('NOT_A_FORK', () => checkEvidence(h, v, parseFork(changed), suspects))
      }),
    )
  })

  it('is a value or NOT_A_FORK, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('\n', 'root ', 'chartseal/fork/v1', 'A', '=', '\u2014 ') }),
        (text) => {
          expect([null, 'NOT_A_FORK']).toContain(codeOf(() => parseFork(text)))
        },
      ),
    )
    expectCode('NOT_A_FORK', () => parseFork(`chartseal/fork/v1${'\n'.repeat(200_000)}`))
  })
})

interface Vectors {
  sites: { log_vkey: string }[]
  fork_same_size: { a: string; b: string }
  fork_prefix: { a: string; b: string; claimed_prefix_root: string; consistency_3_7_in_b: string[] }
}
const path = sharedData('ledger-vectors.json')

describe.skipIf(path === null)('needs ../shared/data: forks of a log of four sites', () => {
  const vectors = (path === null ? null : JSON.parse(readFileSync(path, 'utf8'))) as Vectors
  const accused = (): Suspects => ({ log: parseVkey(vectors.sites[0]?.log_vkey ?? ''), cosigners: [] })

  it('convicts on one size', () => {
    const { a, b } = vectors.fork_same_size
    expect(checkEvidence(h, v, { older: a, newer: b, prefix: null }, accused()).log).toEqual(accused().log)
  })

  it('convicts on a prefix, and not with the root that the log did sign', () => {
    const { a, b, claimed_prefix_root: root, consistency_3_7_in_b: proof } = vectors.fork_prefix
    const prefix = { root: fromHex(root), proof: proof.map(fromHex) }
    expect(checkEvidence(h, v, { older: a, newer: b, prefix }, accused()).log).toEqual(accused().log)
    expect(forkOfSuspicion(h, { kept: a, offered: b, proof: prefix.proof })?.prefix).toEqual(prefix)
    expectCode('NOT_A_FORK', () => checkEvidence(h, v, { older: a, newer: b, prefix: null }, accused()))
  })
})
