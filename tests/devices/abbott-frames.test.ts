import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeFrame,
  decodeList,
  decodeTextReply,
  encodeFrame,
  encodeList,
  encodeTextReply,
  FRAME,
  fromLatin1,
  isList,
  isWholeReply,
  toLatin1,
} from '../../src/devices/abbott-frames.ts'
import { bytes, codeOf } from '../support/device-world.ts'

const line = fc.stringMatching(/^[ -~\xa0-\xff]{0,40}$/)

describe('a report', () => {
  it('is a type, a count and what counts', () => {
    const report = new Uint8Array(64).fill(0xcd)
    report.set(bytes('22 01 03'))
    expect(decodeFrame(report)).toEqual({ type: FRAME.keepAlive, payload: Uint8Array.of(3) })
  })

  it('comes back as it was sent', () => {
    fc.assert(
      fc.property(fc.nat(255), fc.uint8Array({ maxLength: 62 }), (type, payload) => {
        expect(decodeFrame(encodeFrame(type, payload))).toEqual({ type, payload })
      }),
    )
  })

  it('of another size, or with a larger count, is refused', async () => {
    expect(await codeOf(() => decodeFrame(new Uint8Array(63)))).toBe('PROTOCOL')
    expect(await codeOf(() => decodeFrame(Uint8Array.from({ length: 64 }, () => 63)))).toBe('PROTOCOL')
  })
})

describe('a text reply', () => {
  // Real replies: the InsuLinx of xclaesse/OpenGlucose, a Libre reader in the tests of tidepool-org/uploader.
  it.each([
    ['JAGT241-U6242\r\nCKSM:00000324\r\nCMD OK\r\n', 'JAGT241-U6242\r\n'],
    ['8,27,14\r\nCKSM:00000175\r\nCMD OK\r\n', '8,27,14\r\n'],
    ['DB Record Number = 226988\r\nCKSM:00000765\r\nCMD OK\r\n', 'DB Record Number = 226988\r\n'],
    ['2.1.2\r\nCKSM:00000108\r\nCMD OK\r\n', '2.1.2\r\n'],
    ['CKSM:00000000\r\nCMD OK\r\n', ''],
  ])('%j', (text, body) => {
    expect(isWholeReply(text)).toBe(true)
    expect(decodeTextReply(text)).toBe(body)
    expect(encodeTextReply(body)).toBe(text)
  })

  it('is whole at its status and not before', () => {
    const text = 'x\r\nCKSM:0000008F\r\nCMD OK\r\n'
    for (let end = 0; end < text.length; end++) expect(isWholeReply(text.slice(0, end))).toBe(false)
    expect(isWholeReply('CMD Fail!\r\n')).toBe(true)
  })

  it('that says that it failed is no answer', async () => {
    expect(await codeOf(() => decodeTextReply('CMD Fail!\r\n'))).toBe('PROTOCOL')
  })

  it('notices any changed, added or lost byte', () => {
    fc.assert(
      fc.property(line, fc.nat(), fc.integer({ min: 1, max: 255 }), (text, at, xor) => {
        const whole = toLatin1(encodeTextReply(`${text}\r\n`))
        const index = at % whole.length
        const changed = whole.slice()
        changed[index] = (changed[index] ?? 0) ^ xor
        const lost = Uint8Array.of(...whole.subarray(0, index), ...whole.subarray(index + 1))
        const added = Uint8Array.of(...whole.subarray(0, index), 0, ...whole.subarray(index))
        for (const damaged of [changed, lost, added]) {
          expect(() => decodeTextReply(fromLatin1(damaged))).toThrow(expect.objectContaining({ name: 'DeviceError' }))
        }
      }),
    )
  })
})

describe('a list', () => {
  it('comes back as it was sent', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
        const body = encodeList(lines)
        expect(isList(body)).toBe(true)
        expect(decodeList(body)).toEqual(lines)
      }),
    )
  })

  it('with another number of lines, or another sum, is refused', async () => {
    const body = encodeList(['a,b', 'c,d'])
    expect(await codeOf(() => decodeList(body.replace('2,', '3,')))).toBe('PROTOCOL')
    expect(await codeOf(() => decodeList(body.replace('a,b', 'a,c')))).toBe('CHECKSUM')
    expect(await codeOf(() => decodeList('8,27,14\r\n'))).toBe('PROTOCOL')
    expect(isList('8,27,14\r\n')).toBe(false)
  })

  it('of many lines is read in time that grows with it', () => {
    const lines = Array.from({ length: 20_000 }, (_, index) => `0,${index},8,27,14,12,47,1,0,0,0,3,0,68,0,0`)
    const startMs = performance.now()
    expect(decodeList(encodeList(lines))).toHaveLength(20_000)
    expect(performance.now() - startMs).toBeLessThan(2000)
  })
})
