import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BRIDGE,
  decodeBridgeReport,
  encodeAnswer,
  encodeBridgeReport,
  encodeRequest,
  takePacket,
  WEIGHT_REQUEST,
} from '../../src/devices/taidoc-packets.ts'
import { bytes, codeOf } from '../support/device-world.ts'

const packets = fc.record({ command: fc.nat(255), data: fc.uint8Array({ minLength: 4, maxLength: 4 }) })

describe('requests', () => {
  // glucometerutils test_td42xx.py, advmeds-bluetooth-lib
  it.each([
    [0x24, '51 24 00 00 00 00 a3 18'],
    [0x25, '51 25 00 00 00 00 a3 19'],
    [0x26, '51 26 00 00 00 00 a3 1a'],
    [0x49, '51 49 00 00 00 00 a3 3d'],
  ])('%i as published', (command, hex) => {
    expect(encodeRequest(command)).toEqual(bytes(hex))
  })

  it('set the bridge to 19200 baud, eight bits, and switch it on', () => {
    expect(BRIDGE.configure).toEqual(bytes('50 00 00 4b 00 00 00 03 00'))
    expect(BRIDGE.enable).toEqual(bytes('41 01'))
    expect(WEIGHT_REQUEST).toEqual(bytes('51 71 02 00 00 a3 67'))
  })
})

describe('a report of the bridge', () => {
  it('is numbered with how many bytes it carries', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 63 }), (data) => {
        const report = encodeBridgeReport(data)
        expect(report[0]).toBe(data.length)
        expect(decodeBridgeReport(report)).toEqual(data)
        // Some systems put a 0 in front, some fill it up.
        expect(decodeBridgeReport(Uint8Array.of(0, ...report))).toEqual(data)
        expect(decodeBridgeReport(Uint8Array.of(...report, 0, 0, 0))).toEqual(data)
      }),
    )
  })

  it.each(['', '00', '00 00', '40 01', '02 51', '3f 00'])('%j is none', async (hex) => {
    expect(await codeOf(() => decodeBridgeReport(bytes(hex)))).toBe('PROTOCOL')
  })
})

describe('a packet', () => {
  it('of constructed bytes', () => {
    expect(takePacket(bytes('51 26 68 00 00 40 a5 c4'))).toEqual({
      packet: { command: 0x26, data: bytes('68 00 00 40') },
      rest: new Uint8Array(0),
    })
  })

  it('is found behind noise, and leaves what follows', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0x52, max: 255 })), packets, fc.uint8Array(), (noise, sent, after) => {
        const { packet, rest } = takePacket(
          Uint8Array.of(...noise, ...encodeAnswer(sent.command, ...sent.data), ...after),
        )
        expect(packet).toEqual(sent)
        expect(rest).toEqual(after)
      }),
    )
  })

  it('is waited for while it is not all there', () => {
    fc.assert(
      fc.property(packets, fc.nat(7), ({ command, data }, length) => {
        const begun = encodeAnswer(command, ...data).subarray(0, length)
        expect(takePacket(begun).packet).toBeNull()
      }),
    )
  })

  it('with any changed byte is never another packet', async () => {
    await fc.assert(
      fc.asyncProperty(packets, fc.nat(7), fc.integer({ min: 1, max: 255 }), async ({ command, data }, at, xor) => {
        const changed = encodeAnswer(command, ...data)
        changed[at] = (changed[at] ?? 0) ^ xor
        let found: unknown = null
        const code = await codeOf(() => (found = takePacket(changed).packet))
        expect(code === 'CHECKSUM' || found === null).toBe(true)
      }),
    )
  })

  it('of ours is no answer', () => {
    expect(takePacket(encodeRequest(0x24)).packet).toBeNull()
  })
})
