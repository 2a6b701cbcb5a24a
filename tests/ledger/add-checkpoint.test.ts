import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { encodeAddCheckpoint, MAX_ADD_CHECKPOINT_LENGTH, parseAddCheckpoint } from '../../src/ledger/add-checkpoint.ts'
import { fromHex } from '../../src/shared/bytes.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'
import { ForkedLog } from '../support/forked-log.ts'
import { sharedData } from '../support/shared-data.ts'

const note = new ForkedLog().note(7)
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
const ZERO = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='

it('writes and reads every request', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.array(hash, { maxLength: 63 }), (oldSize, proof) => {
      expect(parseAddCheckpoint(encodeAddCheckpoint({ oldSize, proof, note }))).toMatchObject({ oldSize, proof, note })
    }),
  )
})

it.each([
  '',
  note,
  `old 3\n${note}`,
  `old\n\n${note}`,
  `old 03\n\n${note}`,
  `old -3\n\n${note}`,
  `old  3\n\n${note}`,
  `old 3 \n\n${note}`,
  `old 0x3\n\n${note}`,
  `old 9007199254740992\n\n${note}`,
  `old 18446744073709551615\n\n${note}`,
  `old 3\nAAAA\n\n${note}`,
  `old 3\n${ZERO.slice(0, -1)}\n\n${note}`,
  `old 3\n${ZERO.replace('A=', 'B=')}\n\n${note}`,
  `old 3\n${`${ZERO}\n`.repeat(64)}\n${note}`,
])('refuses %#', (body) => {
  expectCode('BAD_FIELD', () => parseAddCheckpoint(body))
})

it.each(['old 3\n\nnot a note\n', `old 3\n\n${note.trimEnd()}`])('refuses the note of %#', (body) => {
  expectCode('BAD_NOTE', () => parseAddCheckpoint(body))
})

it('is a request or a coded error, whatever the text', () => {
  const piece = fc.constantFrom('old ', '3', '0', '\n', `${ZERO}\n`, note, '\u2014 a ', '\u0000', '\ud800')
  fc.assert(
    fc.property(fc.string({ unit: piece, maxLength: 12 }), (body) => {
      expect([null, 'BAD_FIELD', 'BAD_NOTE']).toContain(codeOf(() => parseAddCheckpoint(body)))
    }),
  )
  expectCode('TOO_LARGE', () => parseAddCheckpoint('old 3\n'.padEnd(MAX_ADD_CHECKPOINT_LENGTH + 1, 'A')))
})

const path = sharedData('ledger-vectors.json')

it.skipIf(path === null)('needs ../shared/data: is the published request, to the byte', () => {
  const v = JSON.parse(readFileSync(path ?? '', 'utf8')) as Record<
    'add_checkpoint_request' | 'checkpoint_7',
    string
  > & {
    consistency_3_7: string[]
  }
  const request = { oldSize: 3, proof: v.consistency_3_7.map(fromHex), note: v.checkpoint_7 }
  expect(encodeAddCheckpoint(request)).toBe(v.add_checkpoint_request)
  expect(parseAddCheckpoint(v.add_checkpoint_request)).toMatchObject(request)
})
