import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  crc16,
  crc32,
  decodeLibreFrame,
  decompress,
  encodeLibreFrame,
  encodeMessage,
  takeMessages,
} from '../../src/devices/libre-frames.ts'
import { bytes, codeOf } from '../support/device-world.ts'

describe('checksums', () => {
  // tidepool-org/uploader, test/lib/abbott/testFreeStyleLibreProtocol.js
  it.each([
    ['34', 0x0032c637],
    ['54', 0xac9700a0],
    ['41', 0xf743b0bb],
    ['7D', 0x167d464f],
    ['81 51 01', 0x281fba26],
    ['81 51 02', 0x2a764faf],
    ['81 31 00', 0x48224ccb],
    ['81 31 06', 0x4cf1a7d9],
    ['81 60 01', 0xcaf4d6cf],
  ])('CRC-32 of %s', (hex, crc) => {
    expect(crc32(bytes(hex))).toBe(crc)
  })

  // The same project, test/lib/abbott/testFreeStyleLibreData.js: records of a real reader.
  it.each([
    ['a4 90 0c 80 53 5b 10 05 dc cd ff ff 4b 00 e0 1f 00 00', 0xf845],
    ['a1 90 0c 80 c7 50 10 05 dc cd ff ff 72 00 b3 1f 00 00', 0x00cc],
  ])('CRC-16 of %s', (hex, crc) => {
    expect(crc16(bytes(hex))).toBe(crc)
  })
})

describe('a transport frame', () => {
  const frames = fc.record({
    expected: fc.nat(255),
    number: fc.nat(255),
    data: fc.uint8Array({ minLength: 1, maxLength: 56 }),
  })

  it('comes back as it was sent', () => {
    fc.assert(
      fc.property(frames, (frame) => {
        expect(decodeLibreFrame(encodeLibreFrame(frame))).toEqual(frame)
      }),
    )
  })

  it('notices any changed byte of its data and its CRC', async () => {
    await fc.assert(
      fc.asyncProperty(frames, fc.nat(), fc.integer({ min: 1, max: 255 }), async (frame, at, xor) => {
        const encoded = encodeLibreFrame(frame)
        const index = 2 + (at % (encoded.length - 2))
        encoded[index] = (encoded[index] ?? 0) ^ xor
        expect(await codeOf(() => decodeLibreFrame(encoded))).toBe('CHECKSUM')
      }),
    )
  })

  it('without data is refused', async () => {
    expect(await codeOf(() => decodeLibreFrame(new Uint8Array(6)))).toBe('PROTOCOL')
  })
})

describe('messages', () => {
  const message = fc.record({ operation: fc.nat(127), data: fc.uint8Array({ maxLength: 400 }) })

  it('are found however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), fc.integer({ min: 1, max: 56 }), (messages, piece) => {
        const stream = Uint8Array.from(messages.flatMap((each) => [...encodeMessage(each)]))
        const found = []
        let rest: Uint8Array = new Uint8Array(0)
        for (let at = 0; at < stream.length; at += piece) {
          const taken = takeMessages(Uint8Array.of(...rest, ...stream.subarray(at, at + piece)))
          found.push(...taken.messages)
          rest = taken.rest
        }
        expect(found.map(({ operation, data }) => ({ operation, data }))).toEqual(messages)
        expect(rest).toHaveLength(0)
      }),
    )
  })

  it('with a length of more than three bytes are refused', async () => {
    expect(await codeOf(() => takeMessages(bytes('80 80 80 80')))).toBe('PROTOCOL')
    expect(await codeOf(() => takeMessages(bytes('81 82 83 84 31')))).toBe('PROTOCOL')
  })

  it('give messages or a DeviceError for any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (stream) => {
        expect(['none', 'PROTOCOL']).toContain(await codeOf(() => takeMessages(stream)))
      }),
    )
  })
})

describe('compressed records', () => {
  it('are words as they are, and zeros', () => {
    expect(decompress(bytes('06 fd 01 00 00 01 02 03 04 ff 02 00 00'))).toEqual(
      bytes('06 01 02 03 04 00 00 00 00 00 00 00 00'),
    )
  })

  it.each(['06 aa 01 00 00 00 00 00 00', '06 fd 02 00 00 01', '06 ff ff ff ff'])('%s is refused', async (hex) => {
    expect(await codeOf(() => decompress(bytes(hex)))).toBe('PROTOCOL')
  })

  it('give bytes or a DeviceError, and never many', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (data) => {
        let size = 0
        expect(['none', 'PROTOCOL']).toContain(await codeOf(() => (size = decompress(data).length)))
        expect(size).toBeLessThanOrEqual(65_536)
      }),
    )
  })
})
