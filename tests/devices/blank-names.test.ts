import { expect, it } from 'vitest'
import { decodeBf480Memory } from '../../src/devices/beurer-04d9-8010.ts'
import { withoutNames } from '../../src/devices/blank-names.ts'
import type { CaptureLine } from '../../src/devices/capture-file.ts'
import { decodeAutoHead } from '../../src/devices/contec-memory.ts'
import { takePacket, withChecksum7 } from '../../src/devices/contec-packets.ts'
import { concatBytes } from '../../src/shared/bytes.ts'
import { bytes } from '../support/device-world.ts'

const input = (report: Uint8Array): CaptureLine => ({ direction: 'in', bytes: report })
const padded = (report: Uint8Array) => concatBytes(report, new Uint8Array(64 - report.length))

it('Contec: the user’s name goes, and the answers still hold', () => {
  const name = withChecksum7(Uint8Array.of(0xfe, 0x03, ...bytes('534d495448 2020')))
  const head = bytes('EC 40 01 01 15 05 0F 0C 06 2A 39 51 00 00 75 73 65 72 00 00 5C')
  const [blankName, blankHead, other] = withoutNames('contec-28e9-028a', [
    input(padded(name)),
    input(padded(head)),
    input(bytes('f070')),
  ])
  expect(takePacket(blankName!.bytes, 0, 10).slice(2, 9)).toEqual(new Uint8Array(7).fill(0x20))
  expect(decodeAutoHead(takePacket(blankHead!.bytes, 0, 21))).toMatchObject({
    start: '2021-05-15T12:06:42',
    count: 10_425,
  })
  expect(takePacket(blankHead!.bytes, 0, 21).slice(13, 20)).toEqual(new Uint8Array(7).fill(0x20))
  expect(other!.bytes).toEqual(bytes('f070'))
})

it('BF480: height, birth date and sex of every user go, and nothing else', () => {
  const memory = Uint8Array.from({ length: 8192 }, (_, at) =>
    at >= 7936 && at < 8016 && at % 8 === 0 ? 1 + (at - 7936) / 8 : 0,
  )
  for (let user = 0; user < 10; user++) memory.set([180, 0xaa, 0xbb, 2], 7936 + user * 8 + 1)
  memory.set([0xbe, 0xf5], 8160)
  const reports = Array.from({ length: 1024 }, (_, at) => input(memory.slice(at * 8, at * 8 + 8)))
  const blank = withoutNames('beurer-bf480-04d9-8010', [{ direction: 'out', bytes: bytes('10') }, ...reports])
  const dump = concatBytes(...blank.slice(1).map((line) => line.bytes))
  const expected = memory.slice()
  for (let user = 0; user < 10; user++) expected.fill(0, 7936 + user * 8 + 1, 7936 + user * 8 + 5)
  expect(dump).toEqual(expected)
  expect(() => decodeBf480Memory(dump)).not.toThrow()
})
