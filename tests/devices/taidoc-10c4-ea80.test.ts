import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeCapture, parseCapture, type CaptureLine } from '../../src/devices/capture-file.ts'
import type { HidTransport } from '../../src/devices/driver.ts'
import { createReplay, recordingTransport } from '../../src/devices/replay.ts'
import { replayProfile } from '../../src/devices/replay-profiles.ts'
import { taidocInstrument, taidocRecords } from '../../src/devices/taidoc-10c4-ea80.ts'
import { encodeAnswer, encodeBridgeReport } from '../../src/devices/taidoc-packets.ts'
import { glucoseResults } from '../../src/devices/virtual-glucose.ts'
import { createVirtualPatient } from '../../src/devices/virtual-patient.ts'
import {
  createVirtualTaidoc,
  type VirtualTaidocOptions,
  type VirtualTaidocRecord,
} from '../../src/devices/virtual-taidoc.ts'
import { bytes, codeOf, contextOf, fakeClock, watched } from '../support/device-world.ts'
import { expectUsable, readTexts, readUnder, type MakeDevice } from '../support/meter-faults.ts'

const RESULTS = glucoseResults(9, '2026-03-04T05:06:00', 8)
const TEXTS = RESULTS.map(({ time, mgdl }) => `glucose ${mgdl} ${time} before-meal`)
const GLUCOSE = RESULTS.map(({ time, mgdl }): VirtualTaidocRecord => ({
  time,
  value: [mgdl & 0xff, mgdl >> 8, 0, 0x40],
}))
const PRESSURES = createVirtualPatient(4)
  .pressures('2026-03-04T05:06:00', 5)
  .map((record) => ({ ...record, time: `${record.time.slice(0, 16)}:00` }))

const options = (clock: VirtualTaidocOptions['clock']): VirtualTaidocOptions => ({
  clock,
  model: '4277',
  deviceNow: '2026-03-04T05:10:00',
  records: () => GLUCOSE,
})
const make: MakeDevice = (clock) => createVirtualTaidoc(options(clock))
const virtual = (change: Partial<VirtualTaidocOptions> = {}) => {
  const clock = fakeClock()
  return { clock, device: createVirtualTaidoc({ ...options(clock), ...change }) }
}

describe('a session', () => {
  it('gives identity, clock and memory, oldest first', async () => {
    const { clock, device } = virtual()
    expect(await taidocInstrument.probe(contextOf(device.open(), clock))).toEqual({
      model: 'TD-4277',
      serial: '0123456789ABCDEF',
    })
    expect(await taidocInstrument.read?.(contextOf(device.open(), clock))).toMatchObject({
      deviceNow: '2026-03-04T05:10:00',
      complete: true,
    })
    expect(await readTexts(taidocInstrument, device, clock)).toEqual(TEXTS)
  })

  it('of an instrument without serial number says so', async () => {
    const { clock, device } = virtual({ serial: '0000000000000000' })
    expect(await taidocInstrument.probe(contextOf(device.open(), clock))).toMatchObject({ serial: null })
  })

  it('of an empty memory gives nothing', async () => {
    const { clock, device } = virtual({ records: () => [] })
    expect(await readTexts(taidocInstrument, device, clock)).toEqual([])
  })

  it('of more than 256 records asks for each by its number', async () => {
    const many = glucoseResults(2, '2026-03-04T05:00:00', 300).map(({ time, mgdl }): VirtualTaidocRecord => ({
      time,
      value: [mgdl & 0xff, mgdl >> 8, 0, 0],
    }))
    const { clock, device } = virtual({ records: () => many })
    const texts = await readTexts(taidocInstrument, device, clock)
    expect(texts.map((text) => text.split(' ')[2])).toEqual(many.map(({ time }) => time))
  })

  it('of a pressure monitor gives pressures', async () => {
    const records = PRESSURES.map(({ time, systolic, diastolic, pulse }): VirtualTaidocRecord => ({
      time,
      value: [systolic & 0xff, systolic >> 8, diastolic, pulse],
    }))
    const { clock, device } = virtual({ model: '3128', records: () => records })
    expect(await readTexts(taidocInstrument, device, clock)).toEqual(
      PRESSURES.map(
        ({ time, systolic, diastolic, pulse }) =>
          `blood-pressure ${systolic} ${diastolic} ${pulse} ${time} experimental-decoder`,
      ),
    )
  })

  it('of a thermometer gives temperatures', async () => {
    const { clock, device } = virtual({
      model: '1261',
      records: () => [{ time: '2026-03-04T05:06:00', value: [0x70, 0x01, 0, 0] }],
    })
    expect(await readTexts(taidocInstrument, device, clock)).toEqual([
      'temperature 36.8 2026-03-04T05:06:00 experimental-decoder',
    ])
  })

  it('of a scale gives its last weight, without a time', async () => {
    const { clock, device } = virtual({ model: '2555', records: () => [{ time: '', value: [0x02, 0xd4] }] })
    expect(await readTexts(taidocInstrument, device, clock)).toEqual([
      'weight 72.4  device-time-invalid experimental-decoder',
    ])
  })

  it('of an oximeter gives what it says twice, each time as another reading', async () => {
    const { clock, device } = virtual({ model: '8255', records: () => [{ time: '', value: [97, 0, 0, 72] }] })
    const keysOf = async () => {
      const readout = await taidocInstrument.read?.(contextOf(device.open(), clock))
      expect(readout?.measurements).toMatchObject([
        {
          kind: 'spo2',
          quantities: [{ value: '97' }, { value: '72' }],
          deviceTime: null,
          flags: ['experimental-decoder'],
        },
      ])
      return readout?.measurements.map(({ recordKey }) => recordKey)
    }
    expect(await keysOf()).not.toEqual(await keysOf())
  })

  it('of an oximeter without a finger in it ends in time', async () => {
    const { clock, device } = virtual({ model: '8255', records: () => [{ time: '', value: [0, 0, 0, 0] }] })
    const startMs = clock.nowMs()
    expect(await codeOf(async () => taidocInstrument.read?.(contextOf(device.open(), clock)))).toBe('NO_FINGER')
    expect(clock.nowMs() - startMs).toBeLessThan(15_000)
  })

  it('in which a record comes is refused: time and value may be of two', async () => {
    const { clock, device } = virtual()
    const inner = device.open()
    let counts = 0
    const transport: HidTransport = {
      ...watched(inner).transport,
      async read(ms) {
        const report = await inner.read(ms)
        if (report?.[2] === 0x2b && ++counts === 2)
          return encodeBridgeReport(encodeAnswer(0x2b, GLUCOSE.length + 1, 0, 0, 0))
        return report
      },
    }
    expect(await codeOf(async () => taidocInstrument.read?.(contextOf(transport, clock)))).toBe('PROTOCOL')
  })

  it('sends nothing but questions, and sets the bridge', async () => {
    const { clock, device } = virtual()
    const lines: CaptureLine[] = []
    const transport = recordingTransport(device.open(), (line) => lines.push(line))
    await taidocInstrument.probe(contextOf(transport, clock))
    await taidocInstrument.read?.(contextOf(transport, clock))
    const out = lines.filter(({ direction }) => direction === 'out').map((line) => line.bytes[2])
    expect(new Set(out)).toEqual(new Set([0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x2b]))
    const features = lines.filter(({ direction }) => direction === 'feature').map((line) => line.bytes)
    expect(features.slice(0, 2)).toEqual([bytes('50 00 00 4b 00 00 00 03 00'), bytes('41 01')])
  })

  it('can be recorded and read again', async () => {
    const { clock, device } = virtual()
    const lines: CaptureLine[] = []
    await taidocInstrument.read?.(
      contextOf(
        recordingTransport(device.open(), (line) => lines.push(line)),
        clock,
      ),
    )
    const capture = parseCapture(encodeCapture(lines))
    for (const mode of ['strict', 'by-content'] as const) {
      const transport = createReplay(capture, { mode, profile: replayProfile('taidoc-10c4-ea80') })
      const readout = await taidocInstrument.read?.(contextOf(transport, fakeClock()))
      expect(readout?.measurements).toHaveLength(GLUCOSE.length)
    }
  })
})

describe('plain records', () => {
  const MODEL = '51 24 77 42 00 00 a5 d3'

  it('are packets or reports, with the model first', () => {
    const time = encodeAnswer(0x25, ...bytes('21 24 0e 15'))
    const lines = [bytes(MODEL), encodeBridgeReport(time), bytes('51 26 68 00 00 40 a5 c4')]
    expect(taidocRecords(lines)).toMatchObject([
      { kind: 'glucose', quantities: [{ value: '104' }], deviceTime: '2018-01-01T21:14:00', flags: ['before-meal'] },
    ])
  })

  it.each([
    ['51 24 28 31 00 00 a5 73', '51 26 7b 00 4e 42 a5 27', 'blood-pressure', ['123', '78', '66']],
    ['51 24 61 12 00 00 a5 8d', '51 26 70 01 00 00 a5 8d', 'temperature', ['36.8']],
  ])('of other instruments: %s %s', (model, value, kind, values) => {
    const [reading] = taidocRecords([bytes(model), bytes(value)])
    expect(reading?.kind).toBe(kind)
    expect(reading?.quantities.map((quantity) => quantity.value)).toEqual(values)
  })

  it('without a model are refused: the same bytes could be anything', async () => {
    expect(await codeOf(() => taidocRecords([bytes('51 26 68 00 00 40 a5 c4')]))).toBe('PROTOCOL')
  })

  it('give readings or a DeviceError', async () => {
    const line = fc.oneof(
      fc.uint8Array({ maxLength: 70 }),
      fc.uint8Array({ minLength: 4, maxLength: 4 }).map((data) => encodeAnswer(0x26, ...data)),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.boolean(), async (lines, known) => {
        const all = known ? [bytes(MODEL), ...lines] : lines
        expect(['PROTOCOL', 'CHECKSUM', 'WRONG_MODEL', 'none']).toContain(await codeOf(() => taidocRecords(all)))
      }),
    )
  })
})

describe('a fault', () => {
  it.each([
    ['that keeps it asleep', { silent: true }, 'SILENT'],
    ['that makes it another instrument', { wrongModel: true }, 'WRONG_MODEL'],
    ['that unplugs it in the middle', { unplugAfter: 6 }, 'UNPLUGGED'],
    ['that loses a report', { loseAt: 5 }, 'none'],
    ['that damages a packet', { spoil: { byte: 4, xor: 1, at: 5 } }, 'none'],
    ['that damages every packet', { spoil: { byte: 4, xor: 1 } }, 'CHECKSUM'],
    ['that makes it begin to listen late', { refusals: 3 }, 'none'],
    ['that makes it never listen', { refusals: 1000 }, 'PROTOCOL'],
    ['that puts noise on the line', { keepAlives: true }, 'none'],
    ['that sends byte by byte', { splitFrames: true }, 'none'],
    ['that fills up its reports', { stalePadding: true }, 'none'],
    ['that another program holds it', { open: 'BUSY' }, 'BUSY'],
  ] as const)('%s', async (_, faults, code) => {
    const outcome = await readUnder(taidocInstrument, make, faults)
    expect(outcome.code).toBe(code)
    expect(outcome.tookMs).toBeLessThan(40_000)
    await expectUsable(taidocInstrument, outcome, TEXTS)
  })

  it('of a multimeter behind the same bridge is another model, or silence', async () => {
    const clock = fakeClock()
    const answers = [bytes('0e 12 41 30 30 30 30 30 30 31 3b 30 30 30 0d')]
    const transport: HidTransport = {
      write: async () => undefined,
      sendFeature: async () => undefined,
      close: async () => undefined,
      read: async () => answers.shift() ?? null,
    }
    expect(await codeOf(() => taidocInstrument.probe(contextOf(transport, clock)))).toBe('SILENT')
  })

  it('of the line never changes a value', async () => {
    const faults = fc.record({ at: fc.nat(24), byte: fc.nat(8), xor: fc.integer({ min: 1, max: 255 }) })
    await fc.assert(
      fc.asyncProperty(faults, fc.boolean(), async (spoil, splitFrames) => {
        const clock = fakeClock()
        const device = make(clock)
        Object.assign(device.faults, { spoil: splitFrames ? { ...spoil, byte: spoil.byte % 2 } : spoil, splitFrames })
        let texts = TEXTS
        const code = await codeOf(async () => (texts = await readTexts(taidocInstrument, device, clock)))
        if (code === 'none') expect(texts).toEqual(TEXTS)
        else expect(['PROTOCOL', 'CHECKSUM', 'SILENT', 'WRONG_MODEL']).toContain(code)
      }),
      { numRuns: 150 },
    )
  })

  it('of giving up ends at once', async () => {
    const { clock, device } = virtual()
    const context = contextOf(device.open(), clock, { aborted: true })
    expect(await codeOf(async () => taidocInstrument.read?.(context))).toBe('CANCELLED')
  })
})

describe('anything that answers', () => {
  it('gives readings or a DeviceError, in bounded time', async () => {
    const packet = fc
      .tuple(
        fc.constantFrom(0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x2b, 0x49, 0x54),
        fc.uint8Array({ minLength: 4, maxLength: 4 }),
      )
      .map(([command, data]) => encodeBridgeReport(encodeAnswer(command, ...data)))
    const model = fc.constant(encodeBridgeReport(encodeAnswer(0x24, 0x77, 0x42, 0, 0)))
    const report = fc.oneof(packet, model, fc.uint8Array({ maxLength: 64 }))
    await fc.assert(
      fc.asyncProperty(fc.array(report, { minLength: 1, maxLength: 40 }), fc.boolean(), async (reports, forever) => {
        let reads = 0
        const transport: HidTransport = {
          write: async () => undefined,
          sendFeature: async () => undefined,
          close: async () => undefined,
          read: async () => reports[forever ? reads++ % reports.length : reads++] ?? null,
        }
        const code = await codeOf(async () => taidocInstrument.read?.(contextOf(transport, fakeClock())))
        expect(['PROTOCOL', 'CHECKSUM', 'SILENT', 'WRONG_MODEL', 'NO_FINGER', 'none']).toContain(code)
        expect(reads).toBeLessThan(2_000_000)
      }),
      { numRuns: 60 },
    )
  })
})
