import { describe, expect, it } from 'vitest'
import { encodeCapture, parseCapture, type CaptureLine } from '../../src/devices/capture-file.ts'
import { contecOximeter } from '../../src/devices/contec-28e9-028a.ts'
import { downloadCommand, MEMORY } from '../../src/devices/contec-memory.ts'
import { CONTEC } from '../../src/devices/contec-link.ts'
import { withChecksum7 } from '../../src/devices/contec-packets.ts'
import { createReplay } from '../../src/devices/replay.ts'
import { replayProfile } from '../../src/devices/replay-profiles.ts'
import { createVirtualOximeter } from '../../src/devices/virtual-contec.ts'
import { encodeAutoSeries, type VirtualStretch } from '../../src/devices/virtual-contec-memory.ts'
import { noFaults, type VirtualFaults } from '../../src/devices/virtual-device.ts'
import { bytes, captureText, codeOf, contextOf, fakeClock, hasCapture, watched } from '../support/device-world.ts'

const profile = replayProfile('contec-28e9-028a')

const STRETCH: VirtualStretch = {
  start: '2026-03-04T22:10:00',
  user: 1,
  spo2: Array.from({ length: 400 }, (_, second) => (second < 3 ? null : 91 + (second % 8))),
  pulse: Array.from({ length: 400 }, (_, second) => (second < 3 ? null : 60 + (second % 21))),
}
const LATER = { ...STRETCH, start: '2026-03-05T22:10:00', spo2: STRETCH.spo2.toReversed() }

function oximeter(records: readonly VirtualStretch[], faults: Partial<VirtualFaults> = {}) {
  const clock = fakeClock()
  const device = createVirtualOximeter({ clock, seed: 3, records })
  device.faults = { ...noFaults(), ...faults }
  return { clock, device }
}

const read = (records: readonly VirtualStretch[], faults: Partial<VirtualFaults> = {}) => {
  const { clock, device } = oximeter(records, faults)
  return contecOximeter.read(contextOf(device.open(), clock))
}

describe('a session made of the published parts', () => {
  const answer = (out: Uint8Array, ...ins: (Uint8Array | string)[]): CaptureLine[] => [
    { direction: 'out', bytes: out },
    ...ins.map((one): CaptureLine => ({ direction: 'in', bytes: typeof one === 'string' ? bytes(one) : one })),
  ]
  const session = (...parts: CaptureLine[][]) =>
    encodeCapture([
      ...answer(CONTEC.stopAll, 'f070'),
      ...answer(CONTEC.model, 'f135304520202020203b'),
      ...parts.flat(),
      ...answer(CONTEC.stopAll, 'f070'),
    ])
  const halfOf = (file: string) => parseCapture(captureText(file)).map(({ bytes: report }) => report)

  it.skipIf(!hasCapture('contec-28e9-028a/auto-spo2.hex'))(
    'needs ../shared/data: Auto gives the stretch with the vendor’s values, and asks only what is documented',
    async () => {
      const head = { kind: 'auto', index: 1 } as const
      const text = session(
        answer(MEMORY.stored, 'ef00014000000030'),
        answer(MEMORY.autoHead, 'ec40010115050f0c062a3951000075736572 00005c'),
        answer(downloadCommand(head, 'spo2'), ...halfOf('contec-28e9-028a/auto-spo2.hex')),
        answer(
          downloadCommand(head, 'pulse'),
          ...encodeAutoSeries(
            'pulse',
            Array.from({ length: 10_425 }, () => 70),
          ),
        ),
      )
      const { transport, sent } = watched(createReplay(parseCapture(text), { mode: 'strict', profile }))
      const { measurements, series, complete } = await contecOximeter.read(contextOf(transport, fakeClock()))
      expect(complete).toBe(true)
      expect(series?.[0]?.values).toHaveLength(10_425)
      expect(measurements).toMatchObject([
        {
          kind: 'spo2',
          quantities: [{ value: '93' }],
          window: { seconds: 10_425, min: '90', max: '98' },
          deviceTime: '2021-05-15T12:06:42',
          userSlot: '1',
        },
        { kind: 'heart-rate', quantities: [{ value: '70' }], window: { seconds: 10_425, min: '70', max: '70' } },
      ])
      // No clock is set and nothing is deleted.
      expect(sent.some((hex) => hex.startsWith('83') || hex.startsWith('9d7f') || hex.startsWith('a1'))).toBe(false)
    },
  )

  /** The pulse half was not published: one in which nothing could be measured. */
  const artifacts = Array.from({ length: 76 }, (_, number) =>
    withChecksum7(Uint8Array.of(0xd2, number, 0, ...Array.from({ length: 16 }, () => 0x7f))),
  )

  it.skipIf(!hasCapture('contec-28e9-028a/manual-spo2.hex'))(
    'needs ../shared/data: Manual stops at the count, though the packets hold two values more',
    async () => {
      const head = { kind: 'manual', index: 0 } as const
      const text = session(
        answer(MEMORY.stored, 'ef00010000000070'),
        answer(MEMORY.manualHead, 'd000190705103b17000002100069'),
        answer(downloadCommand(head, 'spo2'), ...halfOf('contec-28e9-028a/manual-spo2.hex')),
        answer(downloadCommand(head, 'pulse'), ...artifacts),
      )
      const transport = createReplay(parseCapture(text), { mode: 'strict', profile })
      const { measurements, series } = await contecOximeter.read(contextOf(transport, fakeClock()))
      expect(series?.map(({ values }) => values.length)).toEqual([2050, 2050])
      expect(measurements.map(({ kind, window }) => [kind, window?.seconds])).toEqual([['spo2', 2050]])
    },
  )
})

describe('a memory', () => {
  it('gives each stretch once, oldest first, with the medians and ranges of its seconds', async () => {
    const { measurements, series } = await read([STRETCH, LATER])
    expect(series?.map(({ quantity, start, values }) => [quantity, start, values])).toEqual([
      ['spo2', STRETCH.start, STRETCH.spo2],
      ['pulse', STRETCH.start, STRETCH.pulse],
      ['spo2', LATER.start, LATER.spo2],
      ['pulse', LATER.start, LATER.pulse],
    ])
    expect(measurements.map(({ kind, deviceTime, window }) => [kind, deviceTime, window])).toEqual([
      ['spo2', STRETCH.start, { seconds: 400, min: '91', max: '98' }],
      ['heart-rate', STRETCH.start, { seconds: 400, min: '60', max: '80' }],
      ['spo2', LATER.start, { seconds: 400, min: '91', max: '98' }],
      ['heart-rate', LATER.start, { seconds: 400, min: '60', max: '80' }],
    ])
    expect(measurements[0]?.flags).toEqual(['recorded-series', 'artifacts'])
    expect(new Set(measurements.map(({ recordKey }) => recordKey)).size).toBe(4)
  })

  it('read twice has the same keys', async () => {
    const keys = async () => (await read([STRETCH, LATER])).measurements.map(({ recordKey }) => recordKey)
    expect(await keys()).toEqual(await keys())
  })

  it('marks stretches whose clock was set back in between', async () => {
    const { measurements } = await read([LATER, STRETCH])
    expect(measurements.map(({ flags }) => flags.includes('clock-discontinuous'))).toEqual([true, true, false, false])
  })

  it('that is empty gives nothing', async () => {
    expect((await read([])).measurements).toEqual([])
  })

  it('of a stretch without any value gives no reading', async () => {
    const nothing = Array.from({ length: 30 }, () => null)
    expect((await read([{ ...STRETCH, spo2: nothing, pulse: nothing }])).measurements).toEqual([])
  })

  it('tells how far it is', async () => {
    const { clock, device } = oximeter([STRETCH])
    const seen: [number, number][] = []
    await contecOximeter.read({
      ...contextOf(device.open(), clock),
      progress: (done, total) => seen.push([done, total]),
    })
    expect(seen.at(-1)).toEqual([800, 800])
    expect(seen.map(([done]) => done)).toEqual(seen.map(([done]) => done).toSorted((a, b) => a - b))
  })

  it('given up in the middle ends the conversation', async () => {
    const { clock, device } = oximeter([STRETCH])
    const signal = { aborted: false }
    const { transport, sent } = watched(device.open())
    const work = contecOximeter.read({
      ...contextOf(transport, clock, signal),
      progress: () => (signal.aborted = true),
    })
    expect(await codeOf(() => work)).toBe('CANCELLED')
    expect(sent.at(-1)).toBe(Buffer.from(CONTEC.stopAll).toString('hex'))
  })
})

describe('faults', () => {
  it.each([
    ['packets cut into small reports', { splitFrames: true }, 'none'],
    ['one report lost: asked for again', { loseAt: 12 }, 'none'],
    ['one damaged report: asked for again', { spoil: { byte: 9, xor: 0x15, at: 12 } }, 'none'],
    ['every report damaged', { spoil: { byte: 9, xor: 0x15 } }, 'CHECKSUM'],
    ['switched off', { silent: true }, 'SILENT'],
    ['another product behind the ids', { wrongModel: true }, 'WRONG_MODEL'],
    ['unplugged in the middle', { unplugAfter: 12 }, 'UNPLUGGED'],
  ] as const)('%s: %s', async (_, faults, code) => {
    const { clock, device } = oximeter([STRETCH], faults)
    expect(await codeOf(() => contecOximeter.read(contextOf(device.open(), clock)))).toBe(code)
    device.faults = noFaults()
    device.present = true
    expect((await contecOximeter.read(contextOf(device.open(), clock))).measurements).toHaveLength(2)
  })
})
