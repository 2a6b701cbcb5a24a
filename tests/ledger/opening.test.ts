import fc from 'fast-check'
import { expect, it } from 'vitest'
import { LedgerError } from '../../src/ledger/errors.ts'
import { readOpening } from '../../src/ledger/opening.ts'
import { testKey, TestLog } from '../support/ledger-world.ts'
import { openingOf, type OpeningChange, rulesOf } from '../support/openings.ts'

const log = new TestLog().found()
const key = testKey('log of the second incarnation')
const [governance, stranger] = [log.own.governance, testKey('a stranger')]

function codeOf(bytes: Uint8Array): unknown {
  try {
    readOpening(rulesOf(log), bytes)
    return null
  } catch (error) {
    return error instanceof LedgerError ? error.code : error
  }
}

it('says which key signs the incarnation, and where it continues', () => {
  const opening = readOpening(rulesOf(log), openingOf(log))
  expect(opening).toMatchObject({
    ...{ origin: `${log.log}/2`, logKey: key.publicKey, governanceKey: governance.publicKey },
    ...{ rosterVersion: 1, listed: log.own.log.publicKey, previous: { origin: log.origin, size: 7 } },
  })
})

it.each<[string, OpeningChange, string]>([
  ['of another network', { network: new Uint8Array(32).fill(5) }, 'WRONG_NETWORK'],
  ['after itself', { previous: { origin: `${log.log}/2` } }, 'OPENING_NOT_NEXT'],
  ['after a later one', { previous: { origin: `${log.log}/3` } }, 'OPENING_NOT_NEXT'],
  ['after another log', { previous: { origin: 'test.local/other/n1/1' } }, 'OPENING_NOT_NEXT'],
  ['with a note that is none', { previous: { note: 'x' } }, 'BAD_NOTE'],
  ['with a note that is no checkpoint', { previous: { note: 'x\n\n— x AAAAAAA=\n' } }, 'BAD_CHECKPOINT'],
  ['with a note of a smaller head', { previous: { size: 8 } }, 'OPENING_NOT_NEXT'],
  ['with a note of another root', { previous: { root: new Uint8Array(32).fill(8) } }, 'OPENING_NOT_NEXT'],
  ['under a roster that is not known', { rosterVersion: 2 }, 'NO_ROSTER'],
  ['by the new key alone', { authors: [['log', key]] }, 'UNKNOWN_SIGNER'],
  ['by the site alone', { authors: [['governance', governance]] }, 'UNKNOWN_SIGNER'],
  [
    'by another key',
    {
      authors: [
        ['governance', governance],
        ['log', stranger],
      ],
    },
    'UNKNOWN_SIGNER',
  ],
  [
    'by somebody else',
    {
      authors: [
        ['governance', stranger],
        ['log', key],
      ],
    },
    'UNKNOWN_SIGNER',
  ],
  [
    'by the old log key',
    {
      authors: [
        ['log', log.own.log],
        ['log', key],
      ],
    },
    'UNKNOWN_SIGNER',
  ],
  ['with a key of small order', { logKey: { ...key, publicKey: new Uint8Array(32).fill(0) } }, 'BAD_KEY'],
])('%s opens nothing', (_, change, code) => {
  const bytes = ((): Uint8Array | null => {
    try {
      return openingOf(log, change)
    } catch {
      return null
    }
  })()
  // What cannot even be written down is no opening either.
  if (bytes !== null) expect(codeOf(bytes)).toBe(code)
  else expect(code).toBe('UNKNOWN_SIGNER')
})

it('whatever byte is changed, nothing is opened', () => {
  const good = openingOf(log)
  fc.assert(
    fc.property(fc.nat({ max: good.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, by) => {
      const bent = Uint8Array.from(good, (byte, i) => (i === at ? byte ^ by : byte))
      expect(codeOf(bent)).not.toBeNull()
    }),
  )
  for (const bytes of [new Uint8Array(), log.rosterEntry(), good.subarray(1)]) expect(codeOf(bytes)).not.toBeNull()
})
