import { expect, it } from 'vitest'
import { encodeCheckpoint } from '../../src/ledger/checkpoint.ts'
import { cosign, cosignedMessage, openCosignatures } from '../../src/ledger/cosignature.ts'
import { leafHash, nobleHasher as h, utf8 } from '../../src/ledger/hash.ts'
import { formatNote, formatSignature } from '../../src/ledger/note.ts'
import { TreeWriter } from '../../src/ledger/tree-writer.ts'
import { parseVkey } from '../../src/ledger/vkey.ts'
import { expectCode } from '../support/expect-code.ts'
import { testKey, verifier } from '../support/ledger-world.ts'

// FiloSottile/sunlight, cmd/skylight/testdata (ISC): a mirror's cosignature on a log of 300 records.
const MIRROR = 'mirror.example.org+3fb148ef+BAAjjch9GyYz0sJsJx7ALhbdAtz2ov0unbzSl1vMp94O'
const LINE =
  '— mirror.example.org P7FI7wAAAABpVGeAjA1S4pJm6MbcXjX7UUImu4azZtrfcVW2uyr/LXIYlwEJzXC0N0EiZkbqfLdXt/4gVEEuGmxJjAfXKMCISpsJAg==\n'
const TIME_S = 1767139200

const records = Array.from({ length: 300 }, (_, i) => leafHash(h, utf8(`record ${i}`)))
const { size, root } = new TreeWriter(h, 0, []).append(records)
const text = encodeCheckpoint({ origin: 'rome2026h1.example.org', size, root })
const seed = h.sha256(utf8('skylight test mirror key'))

it('is the published line, to the byte', () => {
  expect(new TextDecoder().decode(cosignedMessage(text, TIME_S))).toBe(
    'cosignature/v1\ntime 1767139200\nrome2026h1.example.org\n300\ngw31yQrqZZCcEOPrzX+bpy3nJ6QgngTKn8G1m0i62uU=\n',
  )
  expect(formatSignature(cosign(text, parseVkey(MIRROR), TIME_S, testKey(seed).sign))).toBe(LINE)
  const { cosignatures } = openCosignatures(`${text}\n${LINE}`, [parseVkey(MIRROR)], verifier)
  expect(cosignatures).toEqual([{ name: 'mirror.example.org', publicKey: parseVkey(MIRROR).publicKey, timeS: TIME_S }])
})

it('binds its time, its checkpoint and its key', () => {
  const key = testKey('mirror')
  const cosigner = { name: 'm', publicKey: key.publicKey }
  const line = cosign(text, cosigner, TIME_S, key.sign)
  const open = (t: string, l: typeof line) => openCosignatures(formatNote(t, [l]), [cosigner], verifier)
  expect(open(text, line).cosignatures).toHaveLength(1)
  expectCode('NOTE_SIGNATURE', () => open(text.replace('300', '301'), line))
  expectCode('NOTE_SIGNATURE', () => open(text, { ...line, signature: line.signature.with(7, 1) }))
  expectCode('NOTE_SIGNATURE', () => open(text, { ...line, signature: line.signature.slice(8) }))
  expectCode('NOTE_UNSIGNED', () => open(text, { ...line, name: 'n' }))
  expectCode('NOTE_UNSIGNED', () => open(text, { ...line, keyId: line.keyId.with(0, 1) }))
})

it('refuses a time past 2^53, even when it is signed', () => {
  const key = testKey('mirror')
  const cosigner = { name: 'm', publicKey: key.publicKey }
  const line = cosign(text, cosigner, 0, key.sign)
  const signature = new Uint8Array(72).fill(0xff, 0, 8)
  signature.set(key.sign(utf8(`cosignature/v1\ntime 18446744073709551615\n${text}`)), 8)
  const note = formatNote(text, [{ ...line, signature }])
  expectCode('NOTE_SIGNATURE', () => openCosignatures(note, [cosigner], verifier))
})
