import { afterEach, describe, expect, it } from 'vitest'
import { encodeCapture } from '../../../src/devices/capture-file.ts'
import { decodeCapture } from '../../../src/devices/decode-capture.ts'
import type { HidTransport } from '../../../src/devices/driver.ts'
import { DeviceError, type DeviceErrorCode } from '../../../src/devices/errors.ts'
import { createVirtualOximeter } from '../../../src/devices/virtual-contec.ts'
import type { VirtualDevice, VirtualFaults } from '../../../src/devices/virtual-device.ts'
import { createVirtualMonitor } from '../../../src/devices/virtual-omron.ts'
import { createVirtualPatient } from '../../../src/devices/virtual-patient.ts'
import { createHub, type Hub, type HubDevice } from '../../../src/main/devices/hub.ts'
import type { HubSample } from '../../../src/main/devices/live-session.ts'
import { replaySource, virtualSource } from '../../../src/main/devices/made-up-sources.ts'
import type { DeviceSource } from '../../../src/main/devices/source.ts'
import { Device } from '../../../src/shared/api/schemas.ts'
import { captureText, codeOf, fakeClock, hasCapture } from '../../support/device-world.ts'

const never = { aborted: false }
const records = createVirtualPatient(2).pressures('2026-05-06T07:08:09', 3)
const hubs: Hub[] = []
afterEach(async () => {
  await Promise.all(hubs.splice(0).map((hub) => hub.close()))
})

/** A hub over an oximeter and a monitor that live in time of their own, and how often each was opened and closed. */
async function world(options: { pollMs?: number; extra?: DeviceSource[] } = {}) {
  const clock = fakeClock()
  // Sleeping lets others run, so that a stream does not starve the test.
  const kind = {
    ...clock,
    sleep: async (ms: number) => (await clock.sleep(ms), new Promise<void>((done) => setImmediate(done))),
  }
  const oximeter = createVirtualOximeter({ clock: kind, seed: 2, fingerMs: [1000, Infinity] })
  const monitor = createVirtualMonitor({ clock: kind, banks: () => [records] })
  const open = { now: 0, most: 0, ever: 0 }
  const source = counted(virtualSource([oximeter, monitor]), open)
  const hub = createHub({
    sources: [source, ...(options.extra ?? [])],
    nowMs: () => 1_700_000_000_000,
    monotonicMs: () => clock.nowMs(),
    pollMs: options.pollMs ?? 1_000_000,
  })
  hubs.push(hub)
  await hub.start()
  const id = (family: string): string => hub.devices().find((device) => device.family === family)!.connectionId
  return { hub, clock, oximeter, monitor, open, spo2: id('contec-28e9-028a'), bp: id('omron-0590-0028') }
}

function counted(source: DeviceSource, open: { now: number; most: number; ever: number }): DeviceSource {
  return {
    ...source,
    async open(info, bytes) {
      const transport = await source.open(info, bytes)
      open.now += 1
      open.ever += 1
      open.most = Math.max(open.most, open.now)
      let isClosed = false
      const close = async (): Promise<void> => {
        if (!isClosed) open.now -= 1
        isClosed = true
        await transport.close()
      }
      return {
        read: (ms) => transport.read(ms),
        write: (report) => transport.write(report),
        sendFeature: (report) => transport.sendFeature(report),
        close,
      }
    },
  }
}

const stateOf = (hub: Hub, id: string): string => {
  const { status, problem } = hub.devices().find(({ connectionId }) => connectionId === id) ?? {}
  return problem === null ? `${status}` : `${status} ${problem}`
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((done) => setImmediate(done))
}

async function streamTo(hub: Hub, id: string, enough: (sample: HubSample) => boolean): Promise<HubSample[]> {
  const samples: HubSample[] = []
  for await (const sample of hub.live(id, { signal: never })) {
    samples.push(sample)
    if (enough(sample)) break
  }
  return samples
}

const settled = (sample: HubSample): boolean => sample.stableS >= 5

describe('the list', () => {
  it('describes known families as the API wants them, and nothing else', async () => {
    const keyboard = { vendorId: 1, productId: 2, product: 'Keyboard' }
    const other = { ...createVirtualOximeter({ clock: fakeClock(), seed: 1 }), ...keyboard }
    const { hub } = await world({ extra: [virtualSource([other], 'other')] })
    expect(hub.devices().map(({ family }) => family)).toEqual(['contec-28e9-028a', 'omron-0590-0028'])
    for (const device of hub.devices()) expect(() => Device.parse({ ...device, enrolment: null })).not.toThrow()
  })

  it('notices plugging and unplugging by polling, and tells once for each', async () => {
    const { hub, monitor, bp } = await world({ pollMs: 1 })
    const seen: string[] = []
    hub.onChange(() =>
      seen.push(
        hub
          .devices()
          .map(({ family }) => family?.slice(0, 5))
          .join(' '),
      ),
    )
    monitor.present = false
    await until(() => seen.length > 0)
    monitor.present = true
    await until(() => seen.length > 1)
    expect(seen).toEqual(['conte', 'conte omron'])
    expect(hub.devices()[1]?.connectionId).toBe(bp)
  })

  it('says nothing after its listener was taken off, nor after closing', async () => {
    const { hub, monitor } = await world()
    let told = 0
    const off = hub.onChange(() => (told += 1))
    off()
    hub.onChange(() => (told += 1))
    await hub.close()
    monitor.present = false
    await hub.rescan()
    expect(told).toBe(0)
  })

  it('names each path of each source differently', async () => {
    const device = (): VirtualDevice => createVirtualMonitor({ clock: fakeClock(), banks: () => [[]] })
    const { hub } = await world({ extra: [virtualSource([device(), device()], 'more')] })
    expect(new Set(hub.devices().map(({ connectionId }) => connectionId)).size).toBe(4)
  })
})

describe('a source that fails', () => {
  const broken = (state: { code: DeviceErrorCode | null }): DeviceSource => ({
    name: 'broken',
    list: async () => {
      if (state.code !== null) throw new DeviceError(state.code, 'no library')
      return []
    },
    open: async () => Promise.reject(new DeviceError('UNPLUGGED', 'none')),
    close: async () => Promise.resolve(),
  })

  it('is reported, hides no other, and is forgotten once it works', async () => {
    const state: { code: DeviceErrorCode | null } = { code: 'STACK_MISSING' }
    const { hub } = await world({ extra: [broken(state)] })
    expect(hub.stackProblem()).toBe('DEVICE_STACK_MISSING')
    expect(hub.devices()).toHaveLength(2)
    let told = 0
    hub.onChange(() => (told += 1))
    state.code = null
    await hub.rescan()
    expect([hub.stackProblem(), told]).toEqual([null, 1])
  })
})

describe('a memory', () => {
  it('is read, with progress, and the device is closed again', async () => {
    const { hub, bp, open } = await world()
    const progress: string[] = []
    const states: string[] = []
    hub.onChange(() => states.push(stateOf(hub, bp)))
    const options = { signal: never, progress: (done: number, total: number) => progress.push(`${done}/${total}`) }
    const { measurements, readAtMs, complete } = await hub.readMemory(bp, options)
    expect(measurements.map(({ deviceTime }) => deviceTime)).toEqual(records.map(({ time }) => time))
    expect([readAtMs, complete]).toEqual([1_700_000_000_000, true])
    expect(progress).toEqual(['1/3', '2/3', '3/3'])
    expect(states).toEqual(['connecting', 'measuring', 'ready'])
    expect(open).toEqual({ now: 0, most: 1, ever: 1 })
  })

  it('is one exchange at a time', async () => {
    const { hub, bp, open } = await world()
    const first = hub.readMemory(bp, { signal: never })
    expect(await codeOf(() => hub.readMemory(bp, { signal: never }))).toBe('BUSY')
    expect((await first).measurements).toHaveLength(3)
    expect(await codeOf(() => hub.readMemory(bp, { signal: never }))).toBe('none')
    expect(open).toEqual({ now: 0, most: 1, ever: 2 })
  })

  it('is free for the next exchange when its end is told', async () => {
    const { hub, bp } = await world()
    const next = new Promise<string>((resolve) => {
      const off = hub.onChange(() => {
        if (stateOf(hub, bp) !== 'ready') return
        off()
        resolve(codeOf(() => hub.readMemory(bp, { signal: never })))
      })
    })
    await hub.readMemory(bp, { signal: never })
    expect(await next).toBe('none')
  })

  it('does not wait for another device', async () => {
    const { hub, bp, spo2 } = await world()
    const [{ measurements }, samples] = await Promise.all([
      hub.readMemory(bp, { signal: never }),
      streamTo(hub, spo2, settled),
    ])
    expect([measurements.length, samples.at(-1)?.stableS]).toEqual([3, 5])
  })

  it('can be given up, and read again', async () => {
    const { hub, bp, open } = await world()
    const signal = { aborted: false }
    const progress = (): void => void (signal.aborted = true)
    expect(await codeOf(() => hub.readMemory(bp, { signal, progress }))).toBe('CANCELLED')
    expect([stateOf(hub, bp), open.now]).toEqual(['ready', 0])
    expect((await hub.readMemory(bp, { signal: never })).measurements).toHaveLength(3)
  })

  it('has no stream, and measures nothing by itself; an oximeter has both', async () => {
    const { hub, bp, spo2 } = await world()
    expect(await codeOf(() => streamTo(hub, bp, () => true))).toBe('PROTOCOL')
    expect(await codeOf(() => hub.measure(bp, { signal: never }, () => undefined))).toBe('PROTOCOL')
    expect((await hub.readMemory(spo2, { signal: never })).measurements).toEqual([])
    expect(hub.devices().map(({ mode, memory }) => [mode, memory])).toEqual([
      ['live', true],
      ['memory', true],
    ])
  })

  it('leaves its exchange for whoever is asked for help, without names, and it decodes again', async () => {
    const { hub, bp, spo2 } = await world()
    expect(hub.exchange(bp).capture).toEqual([])
    const { measurements } = await hub.readMemory(bp, { signal: never })
    const { family, capture } = hub.exchange(bp)
    const again = await decodeCapture(family, encodeCapture(capture))
    expect(again.map((one) => one.kind === 'measurement' && one.measurement.recordKey)).toEqual(
      measurements.map(({ recordKey }) => recordKey),
    )
    await streamTo(hub, spo2, ({ measured }) => measured)
    const said = encodeCapture(hub.exchange(spo2).capture)
    expect(said).toContain('IN< FE 03 20 20 20 20 20 20 20')
    expect(said).not.toContain('75 73 65 72')
  })
})

describe('trouble with a device', () => {
  it.each([
    [
      'permission',
      'PERMISSION',
      (faults: VirtualFaults) => {
        faults.open = 'PERMISSION'
      },
    ],
    [
      'taken by another program',
      'BUSY',
      (faults: VirtualFaults) => {
        faults.open = 'BUSY'
      },
    ],
    [
      'asleep',
      'SILENT',
      (faults: VirtualFaults) => {
        faults.silent = true
      },
    ],
    [
      'garbled',
      'PROTOCOL',
      (faults: VirtualFaults) => {
        faults.spoil = { byte: 0, xor: 0x40 }
      },
    ],
  ] as const)('%s: %s is shown with it, and gone once it works', async (_, code, breakIt) => {
    const { hub, monitor, bp, open } = await world()
    breakIt(monitor.faults)
    expect(await codeOf(() => hub.readMemory(bp, { signal: never }))).toBe(code)
    expect([stateOf(hub, bp), open.now]).toEqual([`needs-attention DEVICE_${code}`, 0])
    Object.assign(monitor.faults, { open: null, silent: false, spoil: null })
    expect((await hub.readMemory(bp, { signal: never })).measurements).toHaveLength(3)
    expect(stateOf(hub, bp)).toBe('ready')
  })

  it('a wrong model is not asked again until it is plugged in anew', async () => {
    const { hub, monitor, bp, open } = await world()
    monitor.faults.wrongModel = true
    expect(await codeOf(() => hub.readMemory(bp, { signal: never }))).toBe('WRONG_MODEL')
    expect(await codeOf(() => hub.readMemory(bp, { signal: never }))).toBe('WRONG_MODEL')
    expect([stateOf(hub, bp), open.ever]).toEqual(['unsupported DEVICE_WRONG_MODEL', 1])
    monitor.present = false
    await hub.rescan()
    Object.assign(monitor, { present: true })
    monitor.faults.wrongModel = false
    await hub.rescan()
    expect((await hub.readMemory(bp, { signal: never })).measurements).toHaveLength(3)
  })

  it('unplugged in the middle: it goes from the list, and works when it is back', async () => {
    const { hub, monitor, bp, open } = await world()
    monitor.faults.unplugAfter = 9
    expect(await codeOf(() => hub.readMemory(bp, { signal: never }))).toBe('UNPLUGGED')
    await hub.rescan()
    expect(hub.devices().map(({ connectionId }) => connectionId)).not.toContain(bp)
    expect(await codeOf(() => hub.readMemory(bp, { signal: never }))).toBe('NOT_CONNECTED')
    monitor.faults.unplugAfter = null
    monitor.present = true
    await hub.rescan()
    expect((await hub.readMemory(bp, { signal: never })).measurements).toHaveLength(3)
    expect(open.now).toBe(0)
  })

  it('unplugged while streaming: the stream ends with the reason', async () => {
    const { hub, oximeter, spo2, open } = await world()
    oximeter.faults.unplugAfter = 60
    expect(await codeOf(() => streamTo(hub, spo2, settled))).toBe('UNPLUGGED')
    await hub.rescan()
    expect([hub.devices().length, open.now]).toEqual([1, 0])
  })

  it('gone and back between two listings: it is probed anew', async () => {
    const clock = fakeClock()
    const monitor = createVirtualMonitor({ clock, banks: () => [records] })
    const inner = virtualSource([monitor])
    let probes = 0
    const source: DeviceSource = {
      ...inner,
      async open(info, bytes) {
        const transport = await inner.open(info, bytes)
        const write = async (report: Uint8Array): Promise<void> => {
          // Only the probe asks for the serial number.
          if (Buffer.from(report.subarray(1, 4)).toString() === 'SRL') probes += 1
          await transport.write(report)
        }
        return {
          read: (ms) => transport.read(ms),
          sendFeature: (r) => transport.sendFeature(r),
          close: () => transport.close(),
          write,
        }
      },
    }
    const hub = createHub({ sources: [source], nowMs: () => 0, monotonicMs: () => clock.nowMs() })
    hubs.push(hub)
    await hub.start()
    const id = hub.devices()[0]!.connectionId
    const read = async (): Promise<number> => (await hub.readMemory(id, { signal: never })).measurements.length
    expect([await read(), await read(), probes]).toEqual([3, 3, 1])
    monitor.faults.open = 'UNPLUGGED'
    expect(await codeOf(read)).toBe('UNPLUGGED')
    monitor.faults.open = null
    expect([await read(), probes]).toEqual([3, 2])
  })

  it('a device that was never there', async () => {
    const { hub } = await world()
    expect(await codeOf(() => hub.readMemory('virtual:0', { signal: never }))).toBe('NOT_CONNECTED')
    expect(await codeOf(() => streamTo(hub, 'virtual:0', () => true))).toBe('NOT_CONNECTED')
    expect(await codeOf(() => hub.stableWindow('virtual:0'))).toBe('NOT_CONNECTED')
  })
})

describe('a stream', () => {
  it('counts time from its start and ends when the consumer leaves', async () => {
    const { hub, spo2, open, clock } = await world()
    clock.advance(123_456)
    const samples = await streamTo(hub, spo2, settled)
    expect(samples[0]!.atMs).toBeLessThan(1000)
    expect(samples.at(-1)!.atMs).toBeGreaterThan(6000)
    expect([stateOf(hub, spo2), open.now]).toEqual(['ready', 0])
  })

  it('ends quietly when the signal aborts', async () => {
    const { hub, spo2, open } = await world()
    const signal = { aborted: false }
    for await (const sample of hub.live(spo2, { signal })) signal.aborted = sample.measured
    expect([stateOf(hub, spo2), open.now]).toEqual(['ready', 0])
  })

  it('gives its stable window while it runs, and says what is missing before', async () => {
    const { hub, spo2 } = await world()
    expect(await codeOf(() => hub.stableWindow(spo2))).toBe('NOT_CONNECTED')
    const codes = new Set<string>()
    for await (const sample of hub.live(spo2, { signal: never })) {
      codes.add(await codeOf(() => hub.stableWindow(spo2)))
      if (!settled(sample)) continue
      const window = hub.stableWindow(spo2)
      expect(window.seconds).toBeGreaterThanOrEqual(5)
      expect(Number(window.spo2.value)).toBeGreaterThan(90)
      break
    }
    expect([...codes]).toEqual(['NO_FINGER', 'NOT_SETTLED', 'none'])
    expect(await codeOf(() => hub.stableWindow(spo2))).toBe('NOT_CONNECTED')
  })

  it('goes on while nobody takes its samples', async () => {
    const { hub, spo2, clock } = await world()
    const stream = hub.live(spo2, { signal: never })
    await stream.next()
    const before = clock.nowMs()
    await until(() => clock.nowMs() - before > 20_000)
    expect(hub.stableWindow(spo2).seconds).toBeGreaterThan(10)
    await stream.return(undefined)
  })

  it('is refused while another runs', async () => {
    const { hub, spo2 } = await world()
    const first = hub.live(spo2, { signal: never })
    await first.next()
    expect(await codeOf(() => streamTo(hub, spo2, () => true))).toBe('BUSY')
    expect((await first.next()).done).toBe(false)
    await first.return(undefined)
    expect((await streamTo(hub, spo2, settled)).length).toBeGreaterThan(10)
  })

  it('ends when the hub closes, even if its consumer never comes back', async () => {
    const { hub, spo2, open } = await world()
    const stream = hub.live(spo2, { signal: never })
    await stream.next()
    await hub.close()
    expect(open.now).toBe(0)
    let left = 0
    while ((await stream.next()).done !== true) left += 1
    expect(left).toBeLessThan(600)
    expect(await codeOf(() => streamTo(hub, spo2, () => true))).toBe('NOT_CONNECTED')
  })
})

describe('listing', () => {
  it('never overlaps', async () => {
    const list = { running: 0, most: 0, count: 0, waiting: [] as (() => void)[] }
    const slow: DeviceSource = {
      name: 'slow',
      async list() {
        list.most = Math.max(list.most, ++list.running)
        list.count += 1
        await new Promise<void>((done) => list.waiting.push(done))
        list.running -= 1
        return []
      },
      open: async (): Promise<HidTransport> => Promise.reject(new DeviceError('UNPLUGGED', 'none')),
      close: async () => Promise.resolve(),
    }
    const hub = createHub({ sources: [slow], nowMs: () => 0, pollMs: 1 })
    hubs.push(hub)
    const release = setInterval(() => list.waiting.shift()?.(), 1)
    await hub.start()
    await Promise.all([hub.rescan(), hub.rescan(), hub.rescan()])
    await until(() => list.count > 8)
    expect(list.most).toBe(1)
    await hub.close()
    clearInterval(release)
  })

  it('that was asked for knows what was plugged in before the asking', async () => {
    const monitor = createVirtualMonitor({ clock: fakeClock(), banks: () => [records] })
    const inner = virtualSource([monitor])
    const waiting: (() => void)[] = []
    const slow: DeviceSource = {
      ...inner,
      list: async () => {
        const found = await inner.list()
        await new Promise<void>((done) => waiting.push(done))
        return found
      },
    }
    monitor.present = false
    const hub = createHub({ sources: [slow], nowMs: () => 0 })
    hubs.push(hub)
    const release = setInterval(() => waiting.shift()?.(), 1)
    const started = hub.start()
    await until(() => waiting.length > 0)
    monitor.present = true
    await hub.rescan()
    expect(hub.devices()).toHaveLength(1)
    await started
    clearInterval(release)
  })

  it('keeps a device that its driver hides while it is open', async () => {
    const clock = fakeClock()
    const monitor = createVirtualMonitor({ clock, banks: () => [records] })
    const inner = virtualSource([monitor])
    let isOpen = false
    const hiding: DeviceSource = {
      ...inner,
      list: async () => (isOpen ? [] : inner.list()),
      open: async (info, bytes) => ((isOpen = true), inner.open(info, bytes)),
    }
    const hub = createHub({ sources: [hiding], nowMs: () => 0, monotonicMs: () => clock.nowMs() })
    hubs.push(hub)
    await hub.start()
    const [device] = hub.devices() as [HubDevice]
    const reading = hub.readMemory(device.connectionId, { signal: never })
    await hub.rescan()
    expect(hub.devices()).toHaveLength(1)
    expect((await reading).measurements).toHaveLength(3)
  })
})

const LIVE = 'contec-28e9-028a/live.first-600-reports.hex'
const MEMORY = 'omron-0590-0028/1_2_07_TwoReadings.txt'
it.skipIf(!hasCapture(LIVE) || !hasCapture(MEMORY))(
  'needs ../shared/data: replays real sessions to the values of the vendor export',
  async () => {
    const source = replaySource([
      { family: 'contec-28e9-028a', text: captureText(LIVE), reportMs: 0 },
      { family: 'omron-0590-0028', text: captureText(MEMORY) },
    ])
    const hub = createHub({ sources: [source], nowMs: () => 0 })
    hubs.push(hub)
    await hub.start()
    const [oximeter, monitor] = hub.devices() as [HubDevice, HubDevice]
    const samples = await streamTo(hub, oximeter.connectionId, (sample) => sample.measured && sample.stableS === 10)
    const shown = samples.filter(({ measured }) => measured).map(({ spo2, pulse }) => `${spo2} ${pulse}`)
    expect(shown).toEqual(['95 81', '95 81', '95 80', '95 80', '95 79', '95 79', '95 77', '95 77', '95 77', '95 78'])
    const { measurements } = await hub.readMemory(monitor.connectionId, { signal: never })
    expect(measurements.map(({ quantities }) => quantities.map(({ value }) => value).join(' '))).toEqual([
      '123 78 87',
      '120 73 67',
    ])
  },
)

it('after the computer slept, exchanges have ended and every device is asked anew who it is', async () => {
  const clock = fakeClock()
  const kind = {
    ...clock,
    sleep: async (ms: number) => (await clock.sleep(ms), new Promise<void>((done) => setImmediate(done))),
  }
  const device = createVirtualOximeter({ clock: kind, seed: 2 })
  let wallMs = 0
  const hub = createHub({
    sources: [virtualSource([device])],
    nowMs: () => wallMs,
    monotonicMs: () => clock.nowMs(),
    pollMs: 1,
  })
  hubs.push(hub)
  await hub.start()
  const [id = ''] = hub.devices().map(({ connectionId }) => connectionId)
  const samples: HubSample[] = []
  for await (const sample of hub.live(id, { signal: never })) {
    samples.push(sample)
    if (samples.length === 20) wallMs += 3_600_000
  }
  expect(samples.length).toBeGreaterThanOrEqual(20)
  // What woke up at the port is another product now.
  device.faults.wrongModel = true
  expect(await codeOf(() => hub.readMemory(id, { signal: never }))).toBe('WRONG_MODEL')
})
