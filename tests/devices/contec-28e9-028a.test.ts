import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCapture } from '../../src/devices/capture-file.ts'
import { contecOximeter } from '../../src/devices/contec-28e9-028a.ts'
import { encodeNumbers, encodeWave, NO_PERFUSION } from '../../src/devices/contec-packets.ts'
import type { HidTransport, LiveSample } from '../../src/devices/driver.ts'
import { createReplay, type ReplayFault } from '../../src/devices/replay.ts'
import { replayProfile } from '../../src/devices/replay-profiles.ts'
import { createVirtualOximeter, type VirtualOximeterOptions } from '../../src/devices/virtual-contec.ts'
import { captureText, codeOf, contextOf, fakeClock, hasCapture, watched } from '../support/device-world.ts'

const CAPTURE = 'contec-28e9-028a/live.first-600-reports.hex'
const profile = replayProfile('contec-28e9-028a')
const STOP = '9b7f1a'

/** Samples of a stream, until it ends or `enough` says so. */
async function collect(
  transport: HidTransport,
  clock = fakeClock(),
  enough: (sample: LiveSample) => boolean = () => false,
): Promise<LiveSample[]> {
  const samples: LiveSample[] = []
  for await (const sample of contecOximeter.live(contextOf(transport, clock))) {
    samples.push(sample)
    if (enough(sample)) break
  }
  return samples
}

/** A replay of `text`; its silences take the time of `clock`. */
const replay = (text: string, clock = fakeClock(), faults: ReplayFault[] = []): HidTransport =>
  createReplay(parseCapture(text), { mode: 'by-content', profile, faults, idle: (ms) => clock.sleep(ms) })

const reportHex = (...packets: Uint8Array[]): string => {
  const report = new Uint8Array(64)
  report.set(packets.flatMap((packet) => [...packet]))
  return Buffer.from(report).toString('hex')
}

describe('the recorded stream', () => {
  it.skipIf(!hasCapture(CAPTURE))(
    'needs ../shared/data: gives the 30 rows of the vendor export, and every wave point',
    async () => {
      const clock = fakeClock()
      const { transport, sent } = watched(replay(captureText(CAPTURE), clock))
      const samples: LiveSample[] = []
      const stream = contecOximeter.live(contextOf(transport, clock))
      // The recording ends without the device having stopped.
      await expect(
        (async () => {
          for await (const sample of stream) samples.push(sample)
        })(),
      ).rejects.toMatchObject({ code: 'SILENT' })
      const rows = captureText(CAPTURE.replace('.hex', '.expected.csv')).trim().split('\n').slice(1)
      const vendor = rows.map((row) => row.split(',').slice(2).map(Number))
      expect(vendor).toHaveLength(30)
      const measured = samples.filter((sample) => sample.measured)
      expect(measured.map(({ spo2, pulse }) => [spo2, pulse])).toEqual(vendor)
      expect(measured.map(({ perfusionIndex }) => perfusionIndex)).toEqual(Array.from({ length: 30 }, () => null))
      expect(samples.reduce((sum, { wave }) => sum + wave.length, 0)).toBe(570 * 3 + 27 * 2 + 2 * 3 + 2)
      expect(sent.at(-1)).toBe(STOP)
    },
  )
})

const virtual = (options: Partial<VirtualOximeterOptions> = {}) => {
  const clock = fakeClock()
  const device = createVirtualOximeter({ clock, seed: 1, fingerMs: [0, Infinity], ...options })
  return { clock, device }
}

describe('a session', () => {
  it('never sets the clock and never deletes', async () => {
    const { clock, device } = virtual()
    const { transport, sent } = watched(device.open())
    await collect(transport, clock, ({ atMs }) => atMs > 30_000)
    for (const report of sent) expect(report).not.toMatch(/^(?:83|9d|a1)/)
  })

  it('is kept alive every five seconds, and so goes on for a minute', async () => {
    const { clock, device } = virtual()
    const { transport, sent } = watched(device.open())
    const samples = await collect(transport, clock, ({ atMs }) => atMs > 61_000)
    expect(sent.filter((report) => report === '9a1a')).toHaveLength(11)
    expect(samples.filter(({ measured }) => measured).length).toBeGreaterThanOrEqual(58)
  })

  it('ends by telling the device to stop: when the consumer leaves, when the signal aborts, when it fails', async () => {
    const left = virtual()
    const first = watched(left.device.open())
    await collect(first.transport, left.clock, () => true)
    expect(first.sent.at(-1)).toBe(STOP)

    const aborted = virtual()
    const second = watched(aborted.device.open())
    const signal = { aborted: false }
    for await (const _ of contecOximeter.live(contextOf(second.transport, aborted.clock, signal))) signal.aborted = true
    expect(second.sent.at(-1)).toBe(STOP)

    const silent = virtual()
    silent.device.faults.silent = true
    const third = watched(silent.device.open())
    expect(await codeOf(() => collect(third.transport, silent.clock))).toBe('SILENT')
    expect(third.sent.at(-1)).toBe(STOP)
  })

  it('can follow on another', async () => {
    const { clock, device } = virtual()
    for (let i = 0; i < 3; i++) {
      const transport = device.open()
      expect((await collect(transport, clock, ({ spo2 }) => spo2 !== null)).at(-1)?.finger).toBe(true)
      await transport.close()
    }
  })

  it('that was aborted before it began ends quietly', async () => {
    const { clock, device } = virtual()
    const stream = contecOximeter.live(contextOf(device.open(), clock, { aborted: true }))
    expect((await stream.next()).done).toBe(true)
  })
})

describe('numbers', () => {
  it('are none without a finger, and while the device searches', async () => {
    const { clock, device } = virtual({ fingerMs: [3000, 9000] })
    const samples = await collect(device.open(), clock, ({ atMs }) => atMs > 14_000)
    const seen = samples.map(({ finger, spo2 }) => `${finger ? 'in' : 'out'} ${spo2 === null ? 'none' : 'some'}`)
    const phases = seen.filter((phase, index) => phase !== seen[index - 1])
    expect(phases).toEqual(['out none', 'in none', 'in some', 'out none'])
  })

  it('hold between measurements, so that each sample shows the present state', async () => {
    const { clock, device } = virtual()
    const samples = await collect(device.open(), clock, ({ atMs }) => atMs > 9000)
    const between = samples.slice(samples.findIndex(({ spo2 }) => spo2 !== null)).filter(({ measured }) => !measured)
    expect(between.length).toBeGreaterThan(50)
    for (const { spo2, pulse } of between) expect([spo2, pulse]).not.toContain(null)
  })

  it('include the perfusion index once it is not the constant of models without one', async () => {
    const stream = [NO_PERFUSION, 173, 205, NO_PERFUSION].map((perfusion) =>
      reportHex(encodeWave(50, 5), encodeNumbers(97, 70, perfusion)),
    )
    const clock = fakeClock()
    const samples: LiveSample[] = []
    await codeOf(async () => {
      const live = contecOximeter.live(contextOf(replay(stream.join('\n'), clock), clock))
      for await (const sample of live) samples.push(sample)
    })
    expect(samples.map(({ perfusionIndex }) => perfusionIndex)).toEqual([null, '1.73', '2.05', '1.27'])
  })

  it('of two packets in one report are two samples', async () => {
    const text = reportHex(encodeWave(1, 1), encodeNumbers(97, 70, 100), encodeNumbers(96, 71, 100), encodeWave(2, 1))
    const clock = fakeClock()
    const samples = await collect(replay(text, clock), clock, ({ wave, measured }) => !measured && wave[0] === 2)
    expect(samples.map(({ spo2, measured, wave }) => [spo2, measured, wave])).toEqual([
      [97, true, [1]],
      [96, true, []],
      [96, false, [2]],
    ])
  })
})

describe('a damaged stream', () => {
  const GOOD = Array.from({ length: 20 }, () => reportHex(encodeWave(9, 3), encodeNumbers(98, 66, 100)))

  it('loses a damaged report and nothing else', async () => {
    const clock = fakeClock()
    // Six answers come before the stream's first report: stop, model, two unknown, user.
    const transport = replay(GOOD.join('\n'), clock, [{ at: 9, kind: 'bad-byte', byte: 3, xor: 1 }])
    const samples: LiveSample[] = []
    const live = contecOximeter.live(contextOf(transport, clock))
    const work = async () => {
      for await (const sample of live) samples.push(sample)
    }
    expect(await codeOf(work)).toBe('SILENT')
    expect(samples).toHaveLength(19)
  })

  it('is given up with the reason when one report after the other is damaged', async () => {
    const { clock, device } = virtual()
    const live = contecOximeter.live(contextOf(device.open(), clock))
    await live.next()
    device.faults.spoil = { byte: 3, xor: 0x01 }
    const work = async () => {
      while ((await live.next()).done !== true);
    }
    expect(await codeOf(work)).toBe('CHECKSUM')
  })

  it('ends when the device is unplugged', async () => {
    const { clock, device } = virtual()
    device.faults.unplugAfter = 40
    expect(await codeOf(() => collect(device.open(), clock))).toBe('UNPLUGGED')
  })

  it('is samples or a coded error, whatever the reports', async () => {
    const hostile = fc.array(
      fc.oneof(
        fc.uint8Array({ minLength: 1, maxLength: 64 }).map((report) => Buffer.from(report).toString('hex')),
        fc.constantFrom(GOOD[0]!, reportHex(Uint8Array.of(0xeb, 0x7f, 0x6a)), '00'),
      ),
      { minLength: 1, maxLength: 40 },
    )
    await fc.assert(
      fc.asyncProperty(hostile, async (reports) => {
        const clock = fakeClock()
        const code = await codeOf(() => collect(replay(reports.join('\n'), clock), clock))
        expect(['SILENT', 'PROTOCOL', 'CHECKSUM']).toContain(code)
      }),
    )
  })
})

describe('the probe', () => {
  it('reads the model and leaves the device as it was', async () => {
    const { clock, device } = virtual()
    const { transport, sent } = watched(device.open())
    expect(await contecOximeter.probe(contextOf(transport, clock))).toEqual({ model: '50E', serial: null })
    expect(sent.map((report) => report.slice(0, 4))).toEqual(['7d81', '8101'])
  })

  it('says when something else answers, or nothing', async () => {
    const { clock, device } = virtual()
    device.faults.wrongModel = true
    expect(await codeOf(() => contecOximeter.probe(contextOf(device.open(), clock)))).toBe('WRONG_MODEL')
    device.faults.silent = true
    expect(await codeOf(() => contecOximeter.probe(contextOf(device.open(), clock)))).toBe('SILENT')
  })
})
