import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { libreReader } from '../../src/devices/abbott-libre.ts'
import { freestyleRecords } from '../../src/devices/abbott-1a61.ts'
import { decodeFrame, encodeFrame, FRAME } from '../../src/devices/abbott-frames.ts'
import type { HidTransport } from '../../src/devices/driver.ts'
import { encodeLibreFrame, takeMessages } from '../../src/devices/libre-frames.ts'
import { createVirtualLibre, type VirtualLibreOptions } from '../../src/devices/virtual-abbott.ts'
import { glucoseResults } from '../../src/devices/virtual-glucose.ts'
import { bytes, codeOf, contextOf, fakeClock, watched } from '../support/device-world.ts'
import { expectUsable, readTexts, readUnder, type MakeDevice } from '../support/meter-faults.ts'

const driver = libreReader('FreeStyle Libre')
const HISTORY = glucoseResults(4, '2026-03-04T05:00:00', 20)
const STRIPS = glucoseResults(5, '2026-03-04T05:07:00', 6)
const TEXTS = [
  ...HISTORY.map(({ time, mgdl }) => ({ time, text: `sensor-glucose ${mgdl} ${time}` })),
  ...STRIPS.map(({ time, mgdl }) => ({ time, text: `glucose ${mgdl} ${time}` })),
]
  .toSorted((a, b) => a.time.localeCompare(b.time))
  .map(({ text }) => text)

const options = (clock: VirtualLibreOptions['clock']): VirtualLibreOptions => ({
  clock,
  deviceNow: '2026-03-04T05:10:11',
  serial: 'JCMV123-T4567',
  history: () => HISTORY,
  strips: () => STRIPS,
})
const make: MakeDevice = (clock) => createVirtualLibre(options(clock))
const virtual = (change: Partial<VirtualLibreOptions> = {}) => {
  const clock = fakeClock()
  return { clock, device: createVirtualLibre({ ...options(clock), ...change }) }
}

describe('a session', () => {
  it('gives identity, clock, and both tables as one log', async () => {
    const { clock, device } = virtual()
    expect(await driver.probe(contextOf(device.open(), clock))).toEqual({
      model: 'FreeStyle Libre',
      serial: 'JCMV123-T4567',
    })
    expect(await driver.read?.(contextOf(device.open(), clock))).toMatchObject({
      deviceNow: '2026-03-04T05:10:11',
      complete: true,
    })
    expect(await readTexts(driver, device, clock)).toEqual(TEXTS)
  })

  it('reads compressed tables, which another program has asked for', async () => {
    const { clock, device } = virtual({ compressed: true })
    expect(await readTexts(driver, device, clock)).toEqual(TEXTS)
  })

  it('of a reader that has lost its clock says so', async () => {
    const { clock, device } = virtual({ deviceNow: null })
    expect(await driver.read?.(contextOf(device.open(), clock))).toMatchObject({ deviceNow: null })
  })

  it('in which another table comes than was asked for is refused', async () => {
    const { clock, device } = virtual()
    // The question is changed on its way, with a checksum that fits.
    const { transport } = watched(device.open())
    const changed: HidTransport = {
      ...transport,
      write: async (report) => {
        const { type, payload } = decodeFrame(report)
        const isTable = type === FRAME.binary && payload[6] === 0x81 && payload[7] === 0x31
        const swapped = encodeLibreFrame({
          expected: payload[0] ?? 0,
          number: payload[1] ?? 0,
          data: Uint8Array.of(0x81, 0x31, 0x06),
        })
        await transport.write(isTable ? encodeFrame(FRAME.binary, swapped) : report)
      },
    }
    expect(await codeOf(async () => driver.read?.(contextOf(changed, clock)))).toBe('PROTOCOL')
  })

  it('of more frames than numbers goes around', async () => {
    const many = glucoseResults(6, '2026-03-04T05:00:00', 900)
    const { clock, device } = virtual({ history: () => many, strips: () => [] })
    expect(await readTexts(driver, device, clock)).toHaveLength(900)
  })

  it('of an empty reader gives nothing', async () => {
    const { clock, device } = virtual({ history: () => [], strips: () => [] })
    expect(await readTexts(driver, device, clock)).toEqual([])
  })

  it('sends nothing but questions and acknowledgements', async () => {
    const { clock, device } = virtual()
    const { transport, sent } = watched(device.open())
    await driver.read?.(contextOf(transport, clock))
    const frames = sent.map((hex) => decodeFrame(bytes(hex)))
    const asked = frames
      .filter(({ type }) => type === FRAME.binary)
      .flatMap(({ payload }) => takeMessages(payload.slice(6)).messages.map(({ operation }) => operation))
    expect(new Set(asked)).toEqual(new Set([0x41, 0x51, 0x31, 0x7d]))
    const rest = frames.filter(({ type }) => type !== FRAME.binary).map(({ type }) => type)
    expect(new Set(rest)).toEqual(new Set([FRAME.initA, FRAME.serial, FRAME.version, FRAME.hello, FRAME.ack]))
  })
})

describe('a fault', () => {
  it.each([
    ['that keeps it asleep', { silent: true }, 'SILENT'],
    ['that makes it another device', { wrongModel: true }, 'WRONG_MODEL'],
    ['that unplugs it in the middle', { unplugAfter: 10 }, 'UNPLUGGED'],
    ['that loses a frame', { loseAt: 8 }, 'none'],
    ['that damages a frame', { spoil: { byte: 12, xor: 1, at: 8 } }, 'none'],
    ['that damages every frame', { spoil: { byte: 12, xor: 1 } }, 'CHECKSUM'],
    ['that makes it refuse', { refusals: 1 }, 'PROTOCOL'],
    ['that sends keep-alives', { keepAlives: true }, 'none'],
    ['that splits its frames', { splitFrames: true }, 'none'],
    ['that leaves old bytes behind', { stalePadding: true }, 'none'],
    ['that another program holds it', { open: 'BUSY' }, 'BUSY'],
  ] as const)('%s', async (_, faults, code) => {
    const outcome = await readUnder(driver, make, faults)
    expect(outcome.code).toBe(code)
    expect(outcome.tookMs).toBeLessThan(40_000)
    await expectUsable(driver, outcome, TEXTS)
  })

  it('of the line never changes a value', async () => {
    const faults = fc.record({ at: fc.nat(60), byte: fc.nat(63), xor: fc.integer({ min: 1, max: 255 }) })
    await fc.assert(
      fc.asyncProperty(faults, async (spoil) => {
        const clock = fakeClock()
        const device = make(clock)
        device.faults.spoil = spoil
        let texts = TEXTS
        const code = await codeOf(async () => (texts = await readTexts(driver, device, clock)))
        if (code === 'none') expect(texts).toEqual(TEXTS)
        else expect(['PROTOCOL', 'CHECKSUM', 'SILENT', 'WRONG_MODEL']).toContain(code)
      }),
      { numRuns: 100 },
    )
  })
})

describe('anything that answers', () => {
  it('gives readings or a DeviceError, in bounded time', async () => {
    const greeting = [
      encodeFrame(FRAME.initAReply, Uint8Array.of(1)),
      encodeFrame(FRAME.serialReply, Uint8Array.of(0)),
      encodeFrame(FRAME.versionReply, Uint8Array.of(0)),
      encodeFrame(FRAME.helloReply, Uint8Array.of(1)),
    ]
    const report = fc
      .tuple(fc.constantFrom(FRAME.binaryReply, FRAME.ackReply, FRAME.keepAlive), fc.uint8Array({ maxLength: 62 }))
      .map(([type, payload]) => encodeFrame(type, payload))
    await fc.assert(
      fc.asyncProperty(fc.array(report, { maxLength: 30 }), async (reports) => {
        const queue = [...greeting, ...reports]
        let reads = 0
        const transport: HidTransport = {
          write: async () => undefined,
          sendFeature: async () => undefined,
          close: async () => undefined,
          read: async () => ((reads += 1), queue.shift() ?? null),
        }
        const code = await codeOf(async () => driver.read?.(contextOf(transport, fakeClock())))
        expect(['PROTOCOL', 'CHECKSUM', 'SILENT', 'WRONG_MODEL']).toContain(code)
        expect(reads).toBeLessThan(500)
      }),
      { numRuns: 60 },
    )
  })
})

it('real records are read as they are published', () => {
  // tidepool-org/uploader, test/lib/abbott/testFreeStyleLibreData.js; newest first there.
  const published = [
    '06 a4 90 0c 80 53 5b 10 05 dc cd ff ff 4b 00 e0 1f 00 00 45 f8',
    '06 a3 90 0c 80 cf 57 10 05 dc cd ff ff 50 00 d1 1f 00 00 08 da',
    '06 a2 90 0c 80 4b 54 10 05 dc cd ff ff 5e 00 c2 1f 00 00 32 47',
    '06 a1 90 0c 80 c7 50 10 05 dc cd ff ff 72 00 b3 1f 00 00 cc 00',
  ]
  const values = freestyleRecords(published.map(bytes)).map(({ quantities }) => quantities[0]?.value)
  expect(values).toEqual(['114', '94', '80', '75'])
})
