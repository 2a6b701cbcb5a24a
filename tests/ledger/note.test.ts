import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { logVerifier } from '../../src/ledger/checkpoint.ts'
import { cosignerVerifier } from '../../src/ledger/cosignature.ts'
import { utf8 } from '../../src/ledger/hash.ts'
import { formatNote, type NoteVerifier, openNote, parseNote } from '../../src/ledger/note.ts'
import { ED25519, encodeVkey, keyIdOf, parseVkey } from '../../src/ledger/vkey.ts'
import { fromHex } from '../../src/shared/bytes.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'
import { testKey, verifier } from '../support/ledger-world.ts'

// Notes and keys of golang.org/x/mod/sumdb/note (BSD-3-Clause) and of the public Go checksum database.
const PETER = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
const ENOCH = 'EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop'
const FOO = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
const SUMDB = 'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8'
const TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
const PETER_LINE =
  '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n'
const ENOCH_LINE =
  '— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n'

const known = (vkey: string): NoteVerifier => logVerifier(parseVkey(vkey), verifier)
const open = (note: string, ...vkeys: string[]) => openNote(note, vkeys.map(known))
const names = (note: string, ...vkeys: string[]) => open(note, ...vkeys).signed.map((s) => s.by.name)

describe('published notes', () => {
  it.each([
    [
      FOO,
      'This is an example message.\n',
      '— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n',
    ],
    [PETER, TEXT, PETER_LINE],
    [ENOCH, TEXT, ENOCH_LINE],
    [
      SUMDB,
      'go.sum database tree\n6476701\nmb8QLQIs0Z0yP5Cstq6guj87oXWeC9gEM8oVikmm9Wk=\n',
      '— sum.golang.org Az3grsLX85Gz+s1SiTbgkuqxgItqFq7gsMUEyVnrsa9LM7Us9S+1xbFIGu95949rj4nPRYfvimWEPWL+o3GeoWwOoAw=\n',
    ],
  ])('open under %s', (vkey, text, line) => {
    expect(open(`${text}\n${line}`, vkey).text).toBe(text)
  })

  it('are what we sign', () => {
    const peter = parseVkey(PETER)
    const key = testKey(fromHex('810a1402d5146c8d84f2443330f54080ebf98ee17d9c74f6252fc5d5c7283173'))
    const line = { name: peter.name, keyId: keyIdOf(peter), signature: key.sign(utf8(TEXT)) }
    expect(formatNote(TEXT, [line])).toBe(`${TEXT}\n${PETER_LINE}`)
  })
})

describe('lines of a note', () => {
  it('of unknown keys are ignored, of known keys count once', () => {
    expect(names(`${TEXT}\n${PETER_LINE}${ENOCH_LINE}`, PETER)).toEqual(['PeterNeumann'])
    expect(names(`${TEXT}\n${PETER_LINE}${ENOCH_LINE}${PETER_LINE}`, ENOCH, PETER)).toEqual([
      'PeterNeumann',
      'EnochRoot',
    ])
    expectCode('NOTE_UNSIGNED', () => open(`${TEXT}\n${PETER_LINE}`, ENOCH))
    expectCode('NOTE_UNSIGNED', () => open(`${TEXT}\n${PETER_LINE}`))
  })

  it('of a known key that do not verify reject the note, whatever else is good', () => {
    const bent = PETER_LINE.replace('x08go/ZJ', 'x08go/ZK')
    expectCode('NOTE_SIGNATURE', () => open(`${TEXT}\n${ENOCH_LINE}${bent}`, ENOCH, PETER))
    expectCode('NOTE_SIGNATURE', () => open(`x${TEXT}\n${PETER_LINE}`, PETER))
    // The first line of a key is the one that counts.
    expect(names(`${TEXT}\n${PETER_LINE}${bent}`, PETER)).toEqual(['PeterNeumann'])
    expectCode('NOTE_SIGNATURE', () => open(`${TEXT}\n${bent}${PETER_LINE}`, PETER))
  })

  it('are ambiguous when two known keys share name and id', () => {
    expectCode('AMBIGUOUS_KEY', () => open(`${TEXT}\n${PETER_LINE}`, PETER, PETER))
  })

  it('of a cosigner are not those of a log', () => {
    const peter = parseVkey(PETER)
    expectCode('NOTE_UNSIGNED', () => openNote(`${TEXT}\n${PETER_LINE}`, [cosignerVerifier(peter, verifier)]))
  })
})

describe('notes that must be refused', () => {
  it.each([
    ['empty', ''],
    ['no blank line', TEXT + PETER_LINE],
    ['no signature', `${TEXT}\n`],
    ['no final newline', `${TEXT}\n${PETER_LINE.slice(0, -1)}`],
    ['a control character', `\u0001${TEXT}\n${PETER_LINE}`],
    ['a tab', `\t${TEXT}\n${PETER_LINE}`],
    ['a carriage return', `${TEXT}\r\n${PETER_LINE}`],
    ['half a character', `\ud800${TEXT}\n${PETER_LINE}`],
    ['a line after the signatures', `${TEXT}\n${PETER_LINE}more\n`],
    ['a hyphen for the dash', `${TEXT}\n${PETER_LINE.replace('—', '-')}`],
    ['a name with a space', `${TEXT}\n${PETER_LINE.replace('PeterNeumann', 'Peter Neumann')}`],
    ['a name with a plus', `${TEXT}\n${PETER_LINE.replace('PeterNeumann', 'Peter+Neumann')}`],
    ['a name with a no-break space', `${TEXT}\n${PETER_LINE.replace('PeterNeumann', 'Peter\u00a0N')}`],
    ['no name', `${TEXT}\n${PETER_LINE.replace('PeterNeumann', '')}`],
    ['not base64', `${TEXT}\n${PETER_LINE.replace('x08go', 'x08g!')}`],
    ['stray bits', `${TEXT}\n${PETER_LINE.replace('JnAM=', 'JnAN=')}`],
    ['only a key id', `${TEXT}\n— PeterNeumann x08gow==\n`],
    ['101 signatures', `${TEXT}\n${PETER_LINE.repeat(101)}`],
    ['too long', `${'a'.repeat(70_000)}\n\n${PETER_LINE}`],
  ])('%s', (_, note) => {
    expectCode('BAD_NOTE', () => open(note, PETER))
  })

  it('100 signatures are not too many, and text may hold blank lines', () => {
    expect(names(`${TEXT}\n${PETER_LINE.repeat(100)}`, PETER)).toEqual(['PeterNeumann'])
    expect(parseNote(`a\n\nb\n\n${PETER_LINE}`).text).toBe('a\n\nb\n')
  })

  it('with any character changed are refused, or lose the signature', () => {
    const note = `${TEXT}\n${PETER_LINE}`
    fc.assert(
      fc.property(fc.nat({ max: note.length - 1 }), fc.string({ maxLength: 2 }), (at, put) => {
        const changed = note.slice(0, at) + put + note.slice(at + 1)
        fc.pre(changed !== note)
        expect(['BAD_NOTE', 'NOTE_SIGNATURE', 'NOTE_UNSIGNED']).toContain(codeOf(() => open(changed, PETER)))
      }),
      { numRuns: 1000 },
    )
  })
})

describe('verifier keys', () => {
  it.each([PETER, ENOCH, FOO, SUMDB, 'mirror.example.org+3fb148ef+BAAjjch9GyYz0sJsJx7ALhbdAtz2ov0unbzSl1vMp94O'])(
    '%s reads and writes',
    (vkey) => {
      expect(encodeVkey(parseVkey(vkey))).toBe(vkey)
    },
  )

  it('have the published ids', () => {
    const witness = testKey(fromHex('11' + '00'.repeat(31)))
    expect([...witness.publicKey]).toEqual([
      ...fromHex('66e0b858e462a609e66fe71370c816d8846ff103d5499a22a7fec37fdbc424a7'),
    ])
    const id = keyIdOf({ name: 'example.org/witness', type: 4, publicKey: witness.publicKey })
    expect([...id]).toEqual([...fromHex('cacf2e50')])
    expect(parseVkey(PETER).type).toBe(ED25519)
  })

  it('with any part cut out, or any character one up, are refused', () => {
    for (let i = 0; i < PETER.length; i++) {
      for (let j = i + 1; j <= PETER.length; j++)
        expectCode('BAD_VKEY', () => parseVkey(PETER.slice(0, i) + PETER.slice(j)))
      const up = String.fromCharCode(PETER.charCodeAt(i) + 1)
      expectCode('BAD_VKEY', () => parseVkey(PETER.slice(0, i) + up + PETER.slice(i + 1)))
    }
  })

  it.each([
    'PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==',
    'PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
    PETER + '\n',
    ' ' + PETER,
  ])('refuses %j', (vkey) => {
    expectCode('BAD_VKEY', () => parseVkey(vkey))
  })
})
