import { describe, expect, it } from 'vitest'
import { contestOf, convict, type ConvictedFork, isWorthKeeping } from '../../src/ledger/convict.ts'
import { encodeFork, parseFork, proveFork } from '../../src/ledger/evidence.ts'
import { nobleHasher as h } from '../../src/ledger/hash.ts'
import { formatNote, parseNote } from '../../src/ledger/note.ts'
import { toHex } from '../../src/shared/bytes.ts'
import { siteOf } from '../support/cosigned-log.ts'
import { expectCode } from '../support/expect-code.ts'
import { addCosignature, ForkedLog } from '../support/forked-log.ts'
import { testKey, verifier as v } from '../support/ledger-world.ts'

const log = new ForkedLog()
const cosignerOf = (n: number) => ({ name: `test.local/s${n}/mirror`, publicKey: siteOf(n).mirror.publicKey })
const suspectsOf = (origin: string) =>
  origin === log.logKey.name ? { logKeys: [log.logKey], cosigners: [0, 1, 2].map(cosignerOf) } : null

/** Heads of two branches that part at entry `at`, cosigned by these sites. */
function fork(older: number, newer: number, sites: readonly number[] = [], at = 1): string {
  const sign = (note: string) =>
    sites.reduce((text, n) => addCosignature(text, `test.local/s${n}/mirror`, siteOf(n).mirror), note)
  const tree = { rootAt: (size: number) => log.root(size, 1, at), proveConsistency: prove(at) }
  return encodeFork(proveFork(sign(log.note(older)), sign(log.note(newer, 1, at)), tree))
}
const prove = (at: number) => (older: number, newer: number) => log.proof(older, newer, 1, at)

const judged = (text: string) => convict(h, v, text, suspectsOf)

describe('a fork proof', () => {
  it('convicts the log and every cosigner of both heads', () => {
    const proof = judged(fork(4, 7, [0, 2]))
    expect(proof).toMatchObject({ origin: log.logKey.name, older: { size: 4 }, newer: { size: 7 } })
    expect(proof.logKeys).toEqual([log.logKey])
    expect(proof.cosigners.map(({ name }) => name)).toEqual(['test.local/s0/mirror', 'test.local/s2/mirror'])
  })

  it('convicts cosigners also where the log is of another key', () => {
    const strangers = () => ({ logKeys: [], cosigners: [cosignerOf(0)] })
    expect(convict(h, v, fork(4, 7, [0]), strangers)).toMatchObject({ logKeys: [], cosigners: [cosignerOf(0)] })
    const rotated = { name: log.logKey.name, publicKey: testKey('older key').publicKey }
    const both = () => ({ logKeys: [rotated, log.logKey], cosigners: [] })
    expect(convict(h, v, fork(4, 7), both).logKeys).toEqual([log.logKey])
  })

  it('is kept as one text, whatever else is under its notes', () => {
    const clean = judged(fork(4, 7, [0, 2])).text
    const parsed = parseFork(fork(4, 7, [2, 0]))
    const cluttered = (note: string) => {
      const { text, signatures } = parseNote(addCosignature(note, 'stranger', testKey('stranger')))
      return formatNote(text, [...signatures, ...signatures].reverse())
    }
    const again = judged(encodeFork({ ...parsed, older: cluttered(parsed.older), newer: cluttered(parsed.newer) }))
    expect(again.text).toBe(clean)
    expect(judged(clean).text).toBe(clean)
    expect(clean).not.toContain('stranger')
  })

  it('convicts nobody who is not a suspect, and says why', () => {
    expectCode('NOT_A_FORK', () => convict(h, v, fork(4, 7), () => null))
    expectCode('NOT_A_FORK', () => convict(h, v, fork(4, 7), () => ({ logKeys: [], cosigners: [cosignerOf(1)] })))
    const other = { name: log.logKey.name, publicKey: testKey('somebody').publicKey }
    expectCode('NOT_A_FORK', () => convict(h, v, fork(4, 7), () => ({ logKeys: [other], cosigners: [] })))
    expectCode('NOT_A_FORK', () => judged('chartseal/fork/v1'))
  })
})

describe('proofs about one log', () => {
  const keep = (...texts: string[]) => {
    const known: ConvictedFork[] = []
    for (const text of texts) {
      const proof = judged(text)
      if (known.length === 0 || isWorthKeeping(proof, known)) known.push(proof)
    }
    return known
  }

  it('are kept while they add somebody or something', () => {
    expect(keep(fork(4, 7), fork(5, 7), fork(4, 9), fork(6, 6))).toHaveLength(1)
    expect(keep(fork(4, 7), fork(3, 7))).toHaveLength(2)
    expect(keep(fork(4, 7), fork(5, 7, [1]), fork(6, 7, [1]), fork(6, 7, [1, 0]))).toHaveLength(3)
  })

  it('say together from where on, and whose votes', () => {
    expect(contestOf([])).toBeNull()
    expect(contestOf(keep(fork(5, 7, [0]), fork(3, 7), fork(6, 8, [2])))).toEqual({
      from: 3,
      convicted: new Set([0, 2].map((n) => toHex(cosignerOf(n).publicKey))),
    })
  })
})
