import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CONTROL,
  decodeContourFrame,
  decodeContourReport,
  encodeContourFrame,
  encodeContourReports,
  frameLength,
} from '../../src/devices/ascensia-frames.ts'
import { codeOf } from '../support/device-world.ts'

const latin1 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'))

/** Real frames: hilljb/glucodump, healer (Contour Next USB). */
const FRAMES = [
  '\x021R|67|^^^Glucose|7.9|mmol/L^P||B||201011281949\r\x1704\r\n',
  '\x021H|\\^&||-7880|Bayer7150^1.05\\0.00^7150-SAM2193|||||||P|1|200305121635\r\x17AE\r\n',
  '\x022P|1\r\x1753\r\n',
  '\x024R|2|^^^Glucose|102|mg/dL^P||M0/T1||201402052135\r\x1726\r\n',
  '\x024R|234|^^^Glucose|106|mg/dL^P||F/M0/T1||201907111026\r\x170B\r\n',
  '\x025R|3|^^^Glucose|93|mg/dL^P||A/M0/T1||201505261150\r\x1774\r\n',
  '\x025L|1||N\r\x0384\r\n',
]

describe('a real frame', () => {
  it.each(FRAMES)('%j', (text) => {
    const bytes = latin1(text)
    const frame = decodeContourFrame(bytes)
    expect(frame).toEqual({ number: Number(text[1]), text: text.slice(2, -6), isLast: text.includes('\x03') })
    expect(encodeContourFrame(frame)).toEqual(bytes)
    expect(frameLength(latin1(`${text}\x05`))).toBe(bytes.length)
  })

  it.each(FRAMES)('%j is not there before its last byte', (text) => {
    for (let end = 1; end < text.length; end++) expect(frameLength(latin1(text.slice(0, end)))).toBeNull()
  })

  it('notices any changed byte', async () => {
    const whole = latin1(FRAMES[0] ?? '')
    for (let at = 0; at < whole.length; at++) {
      for (let xor = 1; xor < 256; xor++) {
        const changed = whole.slice()
        changed[at] = (changed[at] ?? 0) ^ xor
        expect(['PROTOCOL', 'CHECKSUM']).toContain(await codeOf(() => decodeContourFrame(changed)))
      }
    }
  })
})

describe('a report', () => {
  it('carries up to sixty bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 400 }), (bytes) => {
        const reports = encodeContourReports(bytes)
        expect(reports).toHaveLength(Math.ceil(bytes.length / 60))
        expect(Uint8Array.from(reports.flatMap((report) => [...decodeContourReport(report)]))).toEqual(bytes)
      }),
    )
  })

  it('of another mark, count or size is refused', async () => {
    const report = encodeContourReports(Uint8Array.of(CONTROL.eot))[0] ?? new Uint8Array(0)
    for (const changed of [report.with(0, 0x42), report.with(2, 0), report.with(3, 61), report.slice(0, 63)]) {
      expect(await codeOf(() => decodeContourReport(changed))).toBe('PROTOCOL')
    }
  })
})

describe('anything else', () => {
  it('within a frame is refused', async () => {
    expect(await codeOf(() => frameLength(latin1('\x021R|\x022')))).toBe('PROTOCOL')
    expect(await codeOf(() => frameLength(latin1(`\x02${'x'.repeat(1100)}`)))).toBe('PROTOCOL')
  })

  it('gives a frame or a DeviceError', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), async (bytes) => {
        expect(['PROTOCOL', 'CHECKSUM', 'none']).toContain(await codeOf(() => decodeContourFrame(bytes)))
        expect(['PROTOCOL', 'none']).toContain(await codeOf(() => frameLength(Uint8Array.of(CONTROL.stx, ...bytes))))
      }),
    )
  })
})
