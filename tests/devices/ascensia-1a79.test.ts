import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contourMeter, contourRecords } from '../../src/devices/ascensia-1a79.ts'
import {
  CONTROL,
  decodeContourReport,
  encodeContourFrame,
  encodeContourReports,
} from '../../src/devices/ascensia-frames.ts'
import { parseCapture, type CaptureLine } from '../../src/devices/capture-file.ts'
import type { HidTransport } from '../../src/devices/driver.ts'
import { createReplay } from '../../src/devices/replay.ts'
import { replayProfile } from '../../src/devices/replay-profiles.ts'
import { contourRecord, createVirtualContour, type VirtualContourOptions } from '../../src/devices/virtual-ascensia.ts'
import { glucoseResults } from '../../src/devices/virtual-glucose.ts'
import { bytes, captureText, codeOf, contextOf, fakeClock, hasCapture, watched } from '../support/device-world.ts'
import { expectUsable, readTexts, readUnder, type MakeDevice } from '../support/meter-faults.ts'

const latin1 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'))
const profile = replayProfile('ascensia-1a79')

/** Real header and results (healer, Contour Next USB), put together to a session with numbers and sums of its own. */
const HEADER =
  'H|\\^&||7EyQm2|Bayer7410^01.10\\01.05\\10.03^7428-4293200^00000|A=1^C=03^G=en,en\\de\\fr\\it\\nl\\es\\pt\\sl\\hr\\da' +
  '\\no\\fi\\sv\\el^I=0200^R=0^S=01^U=303^V=20600^X=054070054054180154154254054154^Y=360126099054120054252099^Z=1|2' +
  '|||||P|1|20190621125555'
const TEXTS_SENT = [
  HEADER,
  'P|1',
  'R|1|^^^Glucose|102|mg/dL^P||M0/T1||201402052135',
  'R|2|^^^Glucose|106|mg/dL^P||F/M0/T1||201907111026',
  'L|1||N',
]
const framesOf = (texts: readonly string[]): Uint8Array[] =>
  texts.map((text, index) => encodeContourFrame({ number: (index + 1) % 8, text, isLast: index === texts.length - 1 }))
const sessionOf = (texts: readonly string[], frames = framesOf(texts)): CaptureLine[] => {
  const sent = (control: number): CaptureLine[] =>
    encodeContourReports(Uint8Array.of(control)).map((report) => ({ direction: 'out', bytes: report }))
  const received = (data: Uint8Array): CaptureLine[] =>
    encodeContourReports(data).map((report) => ({ direction: 'in', bytes: report }))
  const [head = new Uint8Array(0)] = frames
  return [
    ...sent(CONTROL.eot),
    ...received(Uint8Array.of(CONTROL.eot, ...head, CONTROL.enq)),
    ...frames.flatMap((frame) => [...sent(CONTROL.ack), ...received(frame)]),
    ...sent(CONTROL.ack),
    ...received(Uint8Array.of(CONTROL.eot)),
  ]
}

describe('a session put together from real records', () => {
  it.each(['strict', 'by-content'] as const)('is followed (%s)', async (mode) => {
    const { transport, sent } = watched(createReplay(sessionOf(TEXTS_SENT), { mode, profile }))
    const readout = await contourMeter.read?.(contextOf(transport, fakeClock()))
    expect(readout).toMatchObject({ deviceNow: '2019-06-21T12:55:55', complete: true })
    expect(
      readout?.measurements.map(({ deviceTime, quantities, flags }) => [
        deviceTime,
        quantities[0]?.value,
        quantities[0]?.ucum,
        ...flags,
      ]),
    ).toEqual([
      ['2014-02-05T21:35:00', '102', 'mg/dL', 'mark-m0', 'mark-t1'],
      ['2019-07-11T10:26:00', '106', 'mg/dL', 'fasting', 'mark-m0', 'mark-t1'],
    ])
    expect(sent.map((hex) => hex.slice(0, 10))).toEqual(['4142430104', ...Array<string>(6).fill('4142430106')])
  })

  const readOf = async (lines: readonly CaptureLine[], mode: 'strict' | 'by-content' = 'strict') => {
    const { transport, sent } = watched(createReplay(lines, { mode, profile }))
    let values: (string | null | undefined)[] = []
    const code = await codeOf(async () => {
      const readout = await contourMeter.read?.(contextOf(transport, fakeClock()))
      values = readout?.measurements.map(({ quantities }) => quantities[0]?.value) ?? []
    })
    return { code, values, sent }
  }
  const [head, patient, first, second, end] = framesOf(TEXTS_SENT)

  it('that ends before its end record gives nothing, and is not asked for more', async () => {
    expect(await readOf(sessionOf(TEXTS_SENT.slice(0, -1)), 'by-content')).toMatchObject({ code: 'PROTOCOL' })
    const frames = [head, patient, first].flatMap((frame) => frame ?? [])
    const { code, sent } = await readOf(sessionOf([], frames))
    expect(code).toBe('PROTOCOL')
    expect(sent.filter((hex) => hex.startsWith('4142430115'))).toEqual([])
  })

  it('in which a frame comes twice counts it once', async () => {
    const frames = [head, patient, first, first, second, end].flatMap((frame) => frame ?? [])
    expect(await readOf(sessionOf([], frames))).toMatchObject({ code: 'none', values: ['102', '106'] })
  })

  it('in which a frame is left out is refused', async () => {
    const frames = [head, patient, second, end].flatMap((frame) => frame ?? [])
    expect(await readOf(sessionOf([], frames))).toMatchObject({ code: 'PROTOCOL' })
  })

  it('in which results have changed places eight frames apart is refused', async () => {
    const many = Array.from({ length: 12 }, (_, index) =>
      contourRecord({ time: '2020-01-02T03:04:00', mgdl: 100 + index }, index + 1),
    )
    const swapped = many.with(1, many[9] ?? '').with(9, many[1] ?? '')
    const header = HEADER.replace('|2|||||P', '|12|||||P')
    expect(await readOf(sessionOf([header, ...many, 'L|1||N']))).toMatchObject({ code: 'none' })
    expect(await readOf(sessionOf([header, ...swapped, 'L|1||N']))).toMatchObject({ code: 'PROTOCOL' })
  })

  it('in which the meter asks whether we are there goes on', async () => {
    const frames = [head, patient, Uint8Array.of(CONTROL.enq), first, second, end].flatMap((frame) => frame ?? [])
    expect(await readOf(sessionOf([], frames))).toMatchObject({ code: 'none', values: ['102', '106'] })
  })

  it('whose header comes in two versions is refused', async () => {
    const lines = sessionOf(TEXTS_SENT)
    const other = sessionOf([HEADER.replace('V=20600', 'V=26000'), ...TEXTS_SENT.slice(1)])
    // Up to the first ACK from one, from there on from the other.
    const at = lines.findIndex((line, index) => index > 0 && line.direction === 'out')
    const mixed = [...lines.slice(0, at), ...other.slice(at)]
    const transport = createReplay(mixed, { mode: 'strict', profile })
    expect(await codeOf(async () => contourMeter.read?.(contextOf(transport, fakeClock())))).toBe('PROTOCOL')
  })

  it('is said to be incomplete when the header counts more', async () => {
    const more = sessionOf([HEADER.replace('|2|||||P', '|226|||||P'), ...TEXTS_SENT.slice(1)])
    const transport = createReplay(more, { mode: 'by-content', profile })
    expect(await contourMeter.read?.(contextOf(transport, fakeClock()))).toMatchObject({ complete: false })
  })
})

describe('plain records', () => {
  it.skipIf(!hasCapture('contour-1a79.hex'))(
    'needs ../shared/data: the reports of a real Contour USB are a header',
    async () => {
      const lines = parseCapture(captureText('contour-1a79.hex')).map((line) => line.bytes)
      expect(contourRecords(lines)).toEqual([])
      // The header is real: its checksum is verified on the way.
      const spoilt = lines.map((line, index) => (index === 1 ? line.with(20, 0x20) : line))
      expect(await codeOf(() => contourRecords(spoilt))).toBe('CHECKSUM')
    },
  )

  it('are frames as they are, with the scale of the header', () => {
    const frame = latin1('\x021R|67|^^^Glucose|7.9|mmol/L^P||B||201011281949\r\x1704\r\n')
    expect(contourRecords([frame])).toMatchObject([
      { quantities: [{ value: '7.9', ucum: 'mmol/L' }], flags: ['before-meal'] },
    ])
    const all = TEXTS_SENT.map((text, index) =>
      encodeContourFrame({
        number: (index + 1) % 8,
        text: text.replace('|106|', '|600|').replace('F/M0', '>'),
        isLast: false,
      }),
    )
    expect(contourRecords(all).at(-1)?.quantities).toMatchObject([{ value: '600', comparator: '>' }])
  })

  it('are whole or refused', async () => {
    expect(await codeOf(() => contourRecords([bytes('02 31 52')]))).toBe('PROTOCOL')
    expect(await codeOf(() => contourRecords([bytes('99')]))).toBe('PROTOCOL')
  })
})

const RESULTS = glucoseResults(8, '2026-03-04T05:06:00', 12)
const TEXTS = RESULTS.map(({ time, mgdl }) => `glucose ${mgdl} ${time} mark-m0 mark-t1`)
const options = (clock: VirtualContourOptions['clock']): VirtualContourOptions => ({
  clock,
  deviceNow: '2026-03-04T05:10:11',
  records: () => RESULTS.map((result, index) => contourRecord(result, index + 1)),
})
const make: MakeDevice = (clock) => createVirtualContour(options(clock))
const virtual = (change: Partial<VirtualContourOptions> = {}) => {
  const clock = fakeClock()
  return { clock, device: createVirtualContour({ ...options(clock), ...change }) }
}

describe('a session', () => {
  it('gives identity, clock and results', async () => {
    const { clock, device } = virtual()
    const transport = device.open()
    expect(await contourMeter.probe(contextOf(transport, clock))).toEqual({
      model: 'Bayer7410',
      serial: '7428-4293200',
    })
    // On the same open device: the transfer that the probe began is begun anew.
    const readout = await contourMeter.read?.(contextOf(transport, clock))
    expect(readout).toMatchObject({ deviceNow: '2026-03-04T05:10:11', complete: true })
    expect(readout?.measurements).toHaveLength(12)
    expect(await readTexts(contourMeter, device, clock)).toEqual(TEXTS)
  })

  it('of an empty meter gives nothing', async () => {
    const { clock, device } = virtual({ records: () => [] })
    expect(await contourMeter.read?.(contextOf(device.open(), clock))).toMatchObject({
      measurements: [],
      complete: true,
    })
  })

  it('counts results along', async () => {
    const { clock, device } = virtual()
    const steps: string[] = []
    const context = { ...contextOf(device.open(), clock), progress: (d: number, t: number) => steps.push(`${d}/${t}`) }
    await contourMeter.read?.(context)
    expect(steps.at(0)).toBe('0/12')
    expect(steps.at(-1)).toBe('12/12')
  })

  it('gives the same keys when the oldest result is gone', async () => {
    const keysOf = async (from: number) => {
      const { clock, device } = virtual({
        records: () => RESULTS.slice(from).map((result, index) => contourRecord(result, index + 1)),
      })
      return (await contourMeter.read?.(contextOf(device.open(), clock)))?.measurements.map(
        ({ recordKey }) => recordKey,
      )
    }
    expect(await keysOf(1)).toEqual((await keysOf(0))?.slice(1))
  })

  it('sends nothing but EOT, ACK and NAK', async () => {
    const { clock, device } = virtual()
    device.faults.spoil = { byte: 30, xor: 1, at: 9 }
    const { transport, sent } = watched(device.open())
    await contourMeter.read?.(contextOf(transport, clock))
    const controls = sent.map((hex) => [...decodeContourReport(bytes(hex))])
    expect(new Set(controls.flat())).toEqual(new Set([CONTROL.eot, CONTROL.ack, CONTROL.nak]))
    expect(controls.every((each) => each.length === 1)).toBe(true)
  })
})

describe('a fault', () => {
  it.each([
    ['that keeps it asleep', { silent: true }, 'SILENT'],
    ['that makes it another device', { wrongModel: true }, 'WRONG_MODEL'],
    ['that unplugs it in the middle', { unplugAfter: 10 }, 'UNPLUGGED'],
    ['that loses a report of the header', { loseAt: 2 }, 'none'],
    ['that loses a report of a result', { loseAt: 10 }, 'none'],
    ['that damages the header', { spoil: { byte: 20, xor: 1, at: 1 } }, 'none'],
    ['that damages a frame', { spoil: { byte: 20, xor: 1, at: 10 } }, 'none'],
    ['that damages every frame', { spoil: { byte: 20, xor: 1 } }, 'CHECKSUM'],
    ['that makes it say NAK', { refusals: 1 }, 'none'],
    ['that makes it say NAK for ever', { refusals: 1000 }, 'PROTOCOL'],
    ['that sends empty reports', { keepAlives: true }, 'none'],
    ['that splits its frames', { splitFrames: true }, 'none'],
    ['that leaves old bytes behind', { stalePadding: true }, 'none'],
    ['that another program holds it', { open: 'BUSY' }, 'BUSY'],
  ] as const)('%s', async (_, faults, code) => {
    const outcome = await readUnder(contourMeter, make, faults)
    expect(outcome.code).toBe(code)
    expect(outcome.tookMs).toBeLessThan(40_000)
    await expectUsable(contourMeter, outcome, TEXTS)
  })

  it('of the line never changes a value', async () => {
    const faults = fc.record({ at: fc.nat(30), byte: fc.nat(63), xor: fc.integer({ min: 1, max: 255 }) })
    await fc.assert(
      fc.asyncProperty(faults, fc.boolean(), async (spoil, splitFrames) => {
        const clock = fakeClock()
        const device = make(clock)
        Object.assign(device.faults, { spoil, splitFrames })
        let texts = TEXTS
        const code = await codeOf(async () => (texts = await readTexts(contourMeter, device, clock)))
        if (code === 'none') expect(texts).toEqual(TEXTS)
        else expect(['PROTOCOL', 'CHECKSUM', 'SILENT', 'WRONG_MODEL']).toContain(code)
      }),
      { numRuns: 150 },
    )
  })

  it('of giving up ends at once', async () => {
    const { clock, device } = virtual()
    const context = contextOf(device.open(), clock, { aborted: true })
    expect(await codeOf(async () => contourMeter.read?.(context))).toBe('CANCELLED')
  })
})

describe('anything that answers', () => {
  it('gives readings or a DeviceError, in bounded time', async () => {
    const answer = fc.oneof(
      fc.constantFrom(...Object.values(CONTROL)).map((control) => Uint8Array.of(control)),
      fc.constantFrom(...sessionOf(TEXTS_SENT).map((line) => decodeContourReport(line.bytes))),
      fc.uint8Array({ minLength: 1, maxLength: 60 }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(answer, { maxLength: 40 }), fc.boolean(), async (answers, forever) => {
        const reports = answers.flatMap((each) => encodeContourReports(each))
        let reads = 0
        const transport: HidTransport = {
          write: async () => undefined,
          sendFeature: async () => undefined,
          close: async () => undefined,
          read: async () => reports[forever ? reads++ % Math.max(1, reports.length) : reads++] ?? null,
        }
        const code = await codeOf(async () => contourMeter.read?.(contextOf(transport, fakeClock())))
        expect(['PROTOCOL', 'CHECKSUM', 'SILENT', 'WRONG_MODEL', 'none']).toContain(code)
        expect(reads).toBeLessThan(20_000)
      }),
      { numRuns: 100 },
    )
  })
})
