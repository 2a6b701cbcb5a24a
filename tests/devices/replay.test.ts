import { describe, expect, it } from 'vitest'
import { parseCapture } from '../../src/devices/capture-file.ts'
import type { HidTransport } from '../../src/devices/driver.ts'
import { createReplay, type ReplayOptions } from '../../src/devices/replay.ts'
import { replayProfile } from '../../src/devices/replay-profiles.ts'
import { bytes, codeOf } from '../support/device-world.ts'

const SESSION = `
FEAT> 01 01
OUT> 05 56 45 52 30 30 00 A4
IN< 02 4E 4F 00 4D 37 30 38
OUT> 05 56 45 52 30 30 00 20
IN< 03 4F 4B 00 4D 37 30 38
OUT> 07 47 44 43 00 00 00 00
OUT> 01 00 44 43 00 00 00 00
IN< 01 13 49 00 00 11 00 02
`
const replay = (options: Partial<ReplayOptions> = {}, text = SESSION): HidTransport =>
  createReplay(parseCapture(text), { mode: 'strict', profile: replayProfile('omron-0590-0028'), ...options })

const version = bytes('0556455230300000')
const count = [bytes('0747444300000000'), bytes('0100000000000000')]

describe('a strict replay', () => {
  it('goes through the session, whatever is left over behind the counted bytes', async () => {
    const transport = replay()
    await transport.sendFeature(bytes('0101'))
    expect(await transport.read(1)).toBeNull()
    await transport.write(version)
    expect(await transport.read(1)).toEqual(bytes('024e4f004d373038'))
    await transport.write(version)
    expect(await transport.read(1)).toEqual(bytes('034f4b004d373038'))
    for (const report of count) await transport.write(report)
    expect(await transport.read(1)).toEqual(bytes('0113490000110002'))
    expect(await transport.read(1)).toBeNull()
    expect(await codeOf(() => transport.write(version))).toBe('CAPTURE')
  })

  it('refuses another report, another order, and a report before the answer was read', async () => {
    expect(await codeOf(() => replay().sendFeature(bytes('0102')))).toBe('CAPTURE')
    expect(await codeOf(() => replay().write(version))).toBe('CAPTURE')
    const transport = replay()
    await transport.sendFeature(bytes('0101'))
    await transport.write(version)
    expect(await codeOf(() => transport.write(version))).toBe('CAPTURE')
  })
})

describe('a replay by content', () => {
  it('answers in any order, each command in its own, and the last answer again', async () => {
    const transport = replay({ mode: 'by-content' })
    const first: (number | undefined)[] = []
    for (const reports of [count, [version], [version], [version], count]) {
      for (const report of reports) await transport.write(report)
      first.push((await transport.read(1))?.[0])
    }
    expect(first).toEqual([1, 2, 3, 3, 1])
  })

  it('that is asked once only has no answer a second time', async () => {
    const transport = replay({ mode: 'by-content', once: true })
    const first: (number | undefined)[] = []
    for (let i = 0; i < 3; i++) {
      await transport.write(version)
      first.push((await transport.read(1))?.[0])
    }
    expect(first).toEqual([2, 3, undefined])
  })

  it('answers what was asked by a feature report', async () => {
    const transport = replay({ mode: 'by-content' }, 'FEAT> 01 02\nIN< 03 AA BB CC 00 00 00 00\nOUT> 01 07\nIN< 01 08')
    await transport.sendFeature(bytes('0103'))
    expect(await transport.read(1)).toBeNull()
    await transport.sendFeature(bytes('0102'))
    expect(await transport.read(1)).toEqual(bytes('03aabbcc00000000'))
    expect(await transport.read(1)).toBeNull()
  })

  it('is silent when the command is not in the recording', async () => {
    const transport = replay({ mode: 'by-content' })
    await transport.write(bytes('0550524630300000'))
    expect(await transport.read(1)).toBeNull()
    await transport.write(version)
    expect(await transport.read(1)).not.toBeNull()
  })
})

describe('a recording of input reports only', () => {
  const STREAM = 'eb7f6a\neb00062704 1c\n'
  const start = bytes('9b011c')
  const contec = (loop = false): HidTransport =>
    replay({ mode: 'by-content', profile: replayProfile('contec-28e9-028a'), loop }, STREAM)

  it('runs from the start command to the stop command', async () => {
    const transport = contec()
    expect(await transport.read(1)).toBeNull()
    await transport.write(start)
    expect([await transport.read(1), await transport.read(1), await transport.read(1)].map((r) => r?.length)).toEqual([
      3,
      6,
      undefined,
    ])
    await transport.write(start)
    await transport.write(bytes('9b7f1a'))
    expect((await transport.read(1))?.subarray(0, 3)).toEqual(bytes('eb7f6a'))
    expect(await transport.read(1)).toBeNull()
  })

  it('answers the documented start conversation, whether commands are padded or not', async () => {
    const transport = contec()
    await transport.write(bytes(`8101${'00'.repeat(62)}`))
    expect((await transport.read(1))?.subarray(0, 10)).toEqual(bytes('f135304520202020203b'))
  })

  it('starts again when it may', async () => {
    const transport = contec(true)
    await transport.write(start)
    for (let i = 0; i < 10; i++) expect((await transport.read(1))?.length).toBe(i % 2 === 0 ? 3 : 6)
  })
})

describe('faults', () => {
  const answered = async (options: Partial<ReplayOptions>) => {
    const transport = replay({ mode: 'by-content', ...options })
    await transport.write(version)
    return transport.read(1)
  }

  it('lose, spoil and cut', async () => {
    expect(await answered({ faults: [{ at: 0, kind: 'timeout' }] })).toBeNull()
    expect(await answered({ faults: [{ at: 0, kind: 'stale-padding' }] })).toEqual(bytes('024e4fa5a5a5a5a5'))
    expect(await answered({ faults: [{ at: 0, kind: 'bad-byte', byte: 1, xor: 1 }] })).toEqual(
      bytes('024f4f004d373038'),
    )
    expect(await codeOf(() => answered({ faults: [{ at: 0, kind: 'unplug' }] }))).toBe('UNPLUGGED')
  })

  it('come at their report only', async () => {
    expect(await answered({ faults: [{ at: 1, kind: 'unplug' }] })).toEqual(bytes('024e4f004d373038'))
  })

  it('leave nothing usable behind an unplugging or a closing', async () => {
    const transport = replay()
    await transport.close()
    for (const work of [
      () => transport.read(1),
      () => transport.write(version),
      () => transport.sendFeature(version),
    ]) {
      expect(await codeOf(work)).toBe('UNPLUGGED')
    }
  })
})

it('has a profile for each family and none for others', async () => {
  expect(await codeOf(() => replayProfile('constructor'))).toBe('CAPTURE')
})
