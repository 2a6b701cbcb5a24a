import { describe, expect, it } from 'vitest'
import { type Electorate, isFinal, votesOn } from '../../src/ledger/finality.ts'
import { formatNote, parseNote } from '../../src/ledger/note.ts'
import { isSatisfied, parsePolicy } from '../../src/ledger/policy.ts'
import { encodeVkey, parseVkey } from '../../src/ledger/vkey.ts'
import { expectCode } from '../support/expect-code.ts'
import { addCosignature, ForkedLog } from '../support/forked-log.ts'
import { testKey, verifier } from '../support/ledger-world.ts'

/**
 * How policies behave elsewhere: sigsum/sigsum-go pkg/policy (BSD-2) and transparency-dev/formats witness (Apache-2.0),
 * row by row, with keys of our own as verifier keys. Where those two differ, C2SP tlog-policy decides.
 */
const cosigner = (name: string) => ({ name: `${name}.example`, type: 4 as const, publicKey: testKey(name).publicKey })
const vkey = (name: string) => encodeVkey(cosigner(name))
const logVkey = (name: string) => encodeVkey({ ...cosigner(name), type: 1 })
const witnesses = (...names: string[]) => names.map((name) => `witness ${name} ${vkey(name)}\n`).join('')

describe('two levels of groups', () => {
  // W2 has the key of a log, which is unwise and allowed; logs and witnesses may follow the quorum.
  const policy = parsePolicy(`
# example
log ${logVkey('W2')} http://log.example
  # comment
  log ${logVkey('b')}

witness W1 ${vkey('W1')} http://w1
witness W2 ${vkey('W2')}
witness W3 ${vkey('W3')} http://w3
witness W4 ${vkey('W4')} https://w4/
witness W5 ${vkey('W5')} https://w5

group G1 any W1 W2
group G2 2 W3 W4 W5
group G3 all G1 G2

quorum G3

  log ${logVkey('c')}
witness W6 ${vkey('W6')}
`)

  it('has every log and witness', () => {
    expect([policy.logs.length, policy.witnesses.length]).toEqual([3, 6])
  })

  it.each<[number[], boolean]>([
    [[], false],
    [[1], false],
    [[2], false],
    [[3], false],
    [[3, 4, 5], false],
    [[1, 2], false],
    [[1, 3], false],
    [[1, 3, 4], true],
    [[2, 3, 5], true],
  ])('of %j is %s', (signed, sufficient) => {
    expect(isSatisfied(policy, new Set(signed.map((i) => `W${i}`)))).toBe(sufficient)
  })
})

describe('one of three, or two of three others', () => {
  const groups = 'group A 1 A1 A2 A3\ngroup B 2 B1 B2 B3\ngroup G any A B\nquorum G\n'
  const policy = parsePolicy(witnesses('A1', 'A2', 'A3', 'B1', 'B2', 'B3') + groups)

  it.each<[string, boolean]>([
    ['', false],
    ['A1', true],
    ['A2', true],
    ['A3', true],
    ['A1 A3', true],
    ['A1 A3 B1', true],
    ['B1', false],
    ['B2', false],
    ['B1 B2', true],
    ['B1 B3', true],
    ['B2 B3', true],
    ['B1 B2 B3', true],
    ['A2 B1 B2 B3', true],
  ])('of %j is %s', (signed, sufficient) => {
    expect(isSatisfied(policy, new Set(signed.split(' ')))).toBe(sufficient)
  })
})

describe.each([1, 2])('%i of everything, three levels deep', (k) => {
  const groups = `group g0 ${k} w0 w1\ngroup g1 ${k} w2 w3\ngroup g2 ${k} g1 w4 w5\ngroup q ${k} g0 g2\nquorum q\n`
  const policy = parsePolicy(witnesses('w0', 'w1', 'w2', 'w3', 'w4', 'w5') + groups)

  it.each(Array.from({ length: 64 }, (_, bits) => bits))('set %i', (bits) => {
    const has = (i: number) => (bits & (1 << i)) !== 0
    const signed = [0, 1, 2, 3, 4, 5].filter(has)
    const second = [has(2) && has(3), has(4), has(5)].filter(Boolean).length >= 2
    const expected = k === 1 ? signed.length > 0 : has(0) && has(1) && second
    expect(isSatisfied(policy, new Set(signed.map((i) => `w${i}`)))).toBe(expected)
  })
})

describe('three of four known witnesses, by their signatures', () => {
  const names = ['w0', 'w1', 'w2', 'w3']
  const policy = parsePolicy(`${witnesses(...names)}group q 3 ${names.join(' ')}\nquorum q\n`)
  const voters = names.map((name) => ({ site: name, witness: name, key: cosigner(name) }))
  const electorate: Electorate = { policy, voters }
  const log = new ForkedLog()

  it.each<[string, number[], number | null, boolean]>([
    ['no cosignature', [], null, false],
    ['one', [0], null, false],
    ['two and a stranger', [0, 1, 4], null, false],
    ['three', [0, 1, 2], null, true],
    ['another three', [1, 2, 3], null, true],
    ['all and a stranger', [0, 1, 2, 3, 4], null, true],
    ['all, one broken', [0, 1, 2, 3, 4], 2, true],
    ['three and a stranger, one broken', [0, 2, 3, 4], 2, false],
  ])('%s', (_, signed, broken, sufficient) => {
    const note = signed.reduce((text, i) => addCosignature(text, `w${i}.example`, testKey(`w${i}`)), log.note(3))
    const { text, signatures } = parseNote(note)
    const lines = signatures.map((line) =>
      line.name === `w${broken}.example` ? { ...line, signature: line.signature.with(10, 0) } : line,
    )
    const votes = votesOn(formatNote(text, lines), electorate, verifier, Infinity)
    expect(
      isFinal(
        electorate,
        votes.map((vote) => vote.voter),
      ),
    ).toBe(sufficient)
  })
})

describe('thresholds by number and by word', () => {
  it.each<[string, number]>([
    ['2 w1 w2 w3 w4', 2],
    ['all w1 w2 w3', 3],
    ['any w1', 1],
  ])('%s', (rule, k) => {
    const { groups } = parsePolicy(`${witnesses('w1', 'w2', 'w3', 'w4')}group g ${rule}\nquorum g\n`)
    expect(groups[0]?.k).toBe(k)
  })

  it('with blanks and comments in every place that C2SP allows', () => {
    const text = `\n\n# c\nwitness   w1   ${vkey('w1')}   https://x/\n  witness w2   ${vkey('w2')}\n\t #c\ngroup   g  all  w1  w2\n\n\t quorum   g\n`
    expect(parsePolicy(text).groups[0]?.k).toBe(2)
  })
})

it.each<[string, string]>([
  ['nothing', ''],
  ['a form feed', '# \f\nquorum none\n'],
  ['a delete', '# \x7f\nquorum none\n'],
  ['a log twice', `log ${logVkey('a')}\n  log ${logVkey('a')}\nquorum none\n`],
  ['a comment at the end of a line', `log ${logVkey('a')} http://example.org #comment\nquorum none\n`],
  ['a key twice', `witness W1 ${vkey('c')}\nwitness W2 ${vkey('c')}\nquorum none\n`],
  // One public key under two names has two ids and is the same witness.
  [
    'a key twice, renamed',
    `witness W1 ${vkey('c')}\nwitness W2 ${encodeVkey({ ...cosigner('c'), name: 'x' })}\nquorum none\n`,
  ],
  ['a name twice', `witness W1 ${vkey('c')}\nwitness W1 ${vkey('d')}\nquorum none\n`],
  ['the name none', `witness none ${vkey('c')}\nquorum none\n`],
  ['an unknown member', `${witnesses('W1', 'W2')}group G all W1 W3 W2\nquorum G\n`],
  ['no quorum', `${witnesses('W1', 'W2')}group G all W1 W2\n`],
  ['a member twice', `${witnesses('W1', 'W2')}group G all W1 W2 W1\nquorum G\n`],
  ['a member of two groups', `${witnesses('W1', 'W2', 'W3')}group G1 all W1 W2\ngroup G2 all W3 W2\nquorum G2\n`],
  ['an unknown quorum', 'quorum unknown\n'],
  ['a negative threshold', `${witnesses('w1', 'w2')}group g1 -1 w1\nquorum g1\n`],
  ['a group called none', `${witnesses('w')}group none 1 w\nquorum w\n`],
  // A key that signs notes is no cosigner: formats takes such policies, C2SP does not.
  ['a witness with a log key', `witness w1 ${logVkey('w1')}\nquorum w1\n`],
])('refuses %s', (_, text) => {
  expectCode('BAD_POLICY', () => parsePolicy(text))
})

it('reads the one published cosigner key of these tables', () => {
  const remora = parseVkey('remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2')
  expect(
    parsePolicy(`witness w4 ${encodeVkey(remora)} https://example.com/remora\nquorum w4\n`).witnesses[0]?.key,
  ).toEqual(remora)
})
