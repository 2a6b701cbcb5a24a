/** What must hold for every family with a memory, whatever its bytes: one table, the same faults for all. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCapture, encodeCapture, type CaptureLine } from '../../src/devices/capture-file.ts'
import { bf480Scale } from '../../src/devices/beurer-04d9-8010.ts'
import { beurerMonitor } from '../../src/devices/beurer-0c45-7406.ts'
import { contec08aMonitor } from '../../src/devices/contec08a-0483-5750.ts'
import { match, rowOfFamily } from '../../src/devices/driver-table.ts'
import type { HidTransport, MemoryDriver } from '../../src/devices/driver.ts'
import type { DeviceErrorCode } from '../../src/devices/errors.ts'
import { microlifeMonitor } from '../../src/devices/microlife-04b4-5500.ts'
import { glucoTeqMeter } from '../../src/devices/microlife-04d9-b564.ts'
import { omronMemoryMonitor } from '../../src/devices/omron-0590-0090.ts'
import { createReplay, recordingTransport } from '../../src/devices/replay.ts'
import { replayProfile } from '../../src/devices/replay-profiles.ts'
import { createVirtualBeurer } from '../../src/devices/virtual-beurer.ts'
import { createVirtualBf480 } from '../../src/devices/virtual-bf480.ts'
import { createVirtualContec08a } from '../../src/devices/virtual-contec08a.ts'
import type { VirtualClock, VirtualDevice } from '../../src/devices/virtual-device.ts'
import { createVirtualGlucoTeq, createVirtualMicrolife } from '../../src/devices/virtual-microlife.ts'
import { createVirtualMemoryMonitor } from '../../src/devices/virtual-omron-memory.ts'
import { createVirtualPatient, type VirtualRecord } from '../../src/devices/virtual-patient.ts'
import { toHex } from '../../src/shared/bytes.ts'
import { codeOf, contextOf, fakeClock, watched } from '../support/device-world.ts'
import { line } from '../support/readings-text.ts'

const records = createVirtualPatient(9).pressures('2026-03-04T05:06:07', 5)
/** The Contec08A's low pressures are not documented: a patient with high ones. */
const high = records.map((record) => ({ ...record, systolic: record.systolic + 40 }))
const minutes = (time: string): string => `${time.slice(0, 16)}:00`
const mean = ({ systolic, diastolic }: VirtualRecord): number => diastolic + Math.round((systolic - diastolic) * 0.4)
const bp = (record: VirtualRecord): string => `${record.systolic} ${record.diastolic} ${record.pulse}`
const irregular = ({ flags }: VirtualRecord): string => (flags === 1 ? ' irregular-pulse' : '')

interface Family {
  family: string
  driver: MemoryDriver
  create: (clock: VirtualClock) => VirtualDevice
  /** The readings of the virtual device, in lines. */
  expected: string[]
  /** What the probe says when something else answers behind the ids. */
  stranger: DeviceErrorCode | 'none'
  /** What the probe says when nothing answers. */
  probeOfNothing: DeviceErrorCode | 'none'
  /** Every byte that counts is under a checksum. */
  checksummed: boolean
  /** Bytes of reports in which a driver of this family may say something (the first hex digits). */
  sends: RegExp
}

const FAMILIES: Family[] = [
  {
    family: 'omron-0590-0090',
    driver: omronMemoryMonitor,
    create: (clock) => createVirtualMemoryMonitor({ clock, users: () => [records.slice(0, 3), records.slice(3)] }),
    expected: records.map((record, index) => `${index < 3 ? 1 : 2} ${record.time} ${bp(record)}${irregular(record)}`),
    stranger: 'PROTOCOL',
    probeOfNothing: 'SILENT',
    checksummed: true,
    sends: /^0208(0000000010|0100....28|0f00000000)/,
  },
  {
    family: 'beurer-0c45-7406',
    driver: beurerMonitor,
    create: (clock) => createVirtualBeurer({ clock, users: () => [records.slice(0, 3), records.slice(3)] }),
    expected: records.map(
      (record, index) => `${index < 3 ? 'A' : 'B'} ${minutes(record.time)} ${bp(record)}${irregular(record)}`,
    ),
    stranger: 'WRONG_MODEL',
    probeOfNothing: 'SILENT',
    checksummed: false,
    sends: /^(aa|a[24567]|f[67])f4f4f4f4f4f4f4|^a3..f4f4f4f4f4f4/,
  },
  {
    family: 'contec08a-0483-5750',
    driver: contec08aMonitor,
    create: (clock) => createVirtualContec08a({ clock, users: () => [high.slice(0, 3), [], high.slice(3)] }),
    expected: high.map(
      (record, index) =>
        `${index < 3 ? 1 : 3} ${minutes(record.time)} ${record.systolic} ${record.diastolic} ${mean(record)} ${record.pulse}`,
    ),
    stranger: 'WRONG_MODEL',
    probeOfNothing: 'SILENT',
    checksummed: false,
    sends: /^(40|42)8ffffefdfc|^434101(04|05|06)02/,
  },
  {
    family: 'microlife-04b4-5500',
    driver: microlifeMonitor,
    create: (clock) =>
      createVirtualMicrolife({ clock, records: () => records, deviceNow: '2026-03-04T06:00:00', slot: 2 }),
    expected: records.map((record) => `2 ${minutes(record.time)} ${bp(record)}`),
    stranger: 'WRONG_MODEL',
    probeOfNothing: 'SILENT',
    checksummed: true,
    sends: /^04121618(22|26|28)000000/,
  },
  {
    family: 'microlife-04d9-b564',
    driver: glucoTeqMeter,
    create: (clock) =>
      createVirtualGlucoTeq({
        clock,
        results: () => [
          { time: '2026-03-04T07:10:00', mgdl: 142, meal: 2 },
          { time: '2026-03-03T07:05:00', mgdl: 96, meal: 1 },
          { time: '2026-03-02T07:00:00', mgdl: 101, meal: 0 },
        ],
      }),
    expected: ['2026-03-02T07:00:00 101', '2026-03-03T07:05:00 96 before-meal', '2026-03-04T07:10:00 142 after-meal'],
    stranger: 'WRONG_MODEL',
    probeOfNothing: 'SILENT',
    checksummed: false,
    sends: /^0105000000000000/,
  },
  {
    family: 'beurer-bf480-04d9-8010',
    driver: bf480Scale,
    create: (clock) =>
      createVirtualBf480({
        clock,
        deviceNow: '2026-03-04T06:00:00',
        users: () => [
          [
            { time: '2026-03-01T07:00:00', weight: 724, shares: [213, 551, 402] },
            { time: '2026-03-02T07:10:00', weight: 719, shares: [0, 0, 0] },
          ],
          [{ time: '2026-03-02T07:15:00', weight: 1004, shares: [301, 488, 355] }],
        ],
      }),
    expected: [
      '1 2026-03-01T07:00:00 72.4 21.3 55.1 40.2',
      '1 2026-03-02T07:10:00 71.9',
      '2 2026-03-02T07:15:00 100.4 30.1 48.8 35.5',
    ],
    // Nothing asks who is there without asking for everything.
    stranger: 'none',
    probeOfNothing: 'none',
    checksummed: false,
    sends: /^1000000000000000/,
  },
]

/** Without whose it is and how far its date can be trusted. */
const bare = (text: string): string => text.replace(/^[12AB] /, '').replace(' clock-discontinuous', '')

/** A transport that passes everything on, for tests that replace a part of it. */
const passing = (transport: HidTransport): HidTransport => ({
  read: (ms) => transport.read(ms),
  write: (report) => transport.write(report),
  sendFeature: (report) => transport.sendFeature(report),
  close: () => transport.close(),
})

/** What outside bytes may end in. */
const CODED = ['none', 'SILENT', 'PROTOCOL', 'CHECKSUM', 'WRONG_MODEL']

describe.each(FAMILIES)(
  '$family',
  ({ family, driver, create, expected, stranger, probeOfNothing, checksummed, sends }) => {
    const world = () => {
      const clock = fakeClock()
      return { clock, device: create(clock) }
    }
    const linesOf = async (transport: HidTransport, clock = fakeClock()): Promise<string[]> =>
      (await driver.read(contextOf(transport, clock))).measurements.map(line)
    /** What is called complete is all of it; what is not is a part of it. */
    const mustBeRight = async (transport: HidTransport, clock: VirtualClock): Promise<void> => {
      const { measurements, complete } = await driver.read(contextOf(transport, clock))
      if (complete) expect(measurements.map(line)).toEqual(expected)
      else expect(expected).toEqual(expect.arrayContaining(measurements.map(line)))
    }
    const recorded = async (): Promise<CaptureLine[]> => {
      const { clock, device } = world()
      const lines: CaptureLine[] = []
      await linesOf(
        recordingTransport(device.open(), (one) => lines.push(one)),
        clock,
      )
      return lines
    }

    it('is read: order, time, values, flags, users', async () => {
      const { clock, device } = world()
      const transport = device.open()
      await driver.probe(contextOf(transport, clock))
      const readout = await driver.read(contextOf(transport, clock))
      expect(readout.measurements.map(line)).toEqual(expected)
      expect(readout.complete).toBe(true)
      for (const { raw, control, purpose } of readout.measurements) {
        expect(raw.length).toBeGreaterThan(0)
        expect([control, purpose]).toEqual([false, 'patient'])
      }
    })

    it('is recognised by what its virtual device says of itself', () => {
      const { device } = world()
      const info = { ...device, usagePage: null, usage: null, interface: -1 }
      expect(match(info).map((row) => row.family)).toEqual([family])
      expect(match({ ...info, productId: 0x0001 })).toEqual([])
    })

    it('gives the same record keys a second time, all different', async () => {
      const keys = async (): Promise<string[]> => {
        const { clock, device } = world()
        return (await driver.read(contextOf(device.open(), clock))).measurements.map(({ recordKey }) => recordKey)
      }
      expect(await keys()).toEqual(await keys())
      expect(new Set(await keys()).size).toBe(expected.length)
    })

    it('sends nothing but questions', async () => {
      const { clock, device } = world()
      const { transport, sent } = watched(device.open())
      await driver.probe(contextOf(transport, clock))
      await driver.read(contextOf(transport, clock))
      for (const report of sent) expect(report).toMatch(sends)
      expect(sent.length).toBeLessThan(200)
    })

    it('recorded and replayed strictly, report by report, gives the same', async () => {
      const capture = parseCapture(encodeCapture(await recorded()))
      const strict = createReplay(capture, { mode: 'strict', profile: replayProfile(family) })
      expect(await linesOf(strict)).toEqual(expected)
    })

    it('decodes from its plain reports', async () => {
      const capture = await recorded()
      const answers = capture.filter(({ direction }, index) => {
        // Records of the BM55 cannot be told from its other answers.
        const isRecord = family !== 'beurer-0c45-7406' || capture[index - 1]?.bytes[0] === 0xa3
        return direction === 'in' && isRecord
      })
      const records = rowOfFamily(family)?.records
      const found = records?.(answers.map(({ bytes }) => bytes)).map(line) ?? []
      expect(found.map(bare)).toEqual(expected.map(bare))
    })

    describe('when it goes wrong', () => {
      it('silent: says so', async () => {
        const { clock, device } = world()
        device.faults.silent = true
        expect(await codeOf(() => driver.probe(contextOf(device.open(), clock)))).toBe(probeOfNothing)
        expect(await codeOf(() => linesOf(device.open(), clock))).toBe('SILENT')
        device.faults.silent = false
        expect(await linesOf(device.open(), clock)).toEqual(expected)
      })

      it('something else behind the ids: says so', async () => {
        const { clock, device } = world()
        device.faults.wrongModel = true
        expect(await codeOf(() => driver.probe(contextOf(device.open(), clock)))).toBe(stranger)
      })

      it.each(['stalePadding', 'splitFrames', 'keepAlives'] as const)('%s: reads the same', async (fault) => {
        const { clock, device } = world()
        device.faults[fault] = true
        expect(await linesOf(device.open(), clock)).toEqual(expected)
      })

      it('refused once: asks again', async () => {
        const { clock, device } = world()
        device.faults.refusals = 1
        expect(await linesOf(device.open(), clock)).toEqual(expected)
        expect(device.faults.refusals).toBe(0)
      })

      it('one report lost: reads the same or says what is wrong, and works afterwards', async () => {
        const total = (await recorded()).filter(({ direction }) => direction === 'in').length
        const step = Math.max(1, Math.floor(total / 60))
        for (let at = 0; at < total; at += step) {
          const { clock, device } = world()
          device.faults.loseAt = at
          const code = await codeOf(() => mustBeRight(device.open(), clock))
          expect(CODED).toContain(code)
          device.faults.loseAt = null
          expect(await linesOf(device.open(), clock)).toEqual(expected)
        }
      })

      it('unplugged at any report: says so', async () => {
        const whole = await recorded()
        // What answers the end of a session comes when everything has been read.
        const last = whole.findLastIndex(
          ({ direction, bytes }) => direction === 'out' && !/^(020f|0208 ?0f|f)/.test(toHex(bytes)),
        )
        const reports = whole.slice(0, last + 2).filter(({ direction }) => direction === 'in').length
        const step = Math.max(1, Math.floor(reports / 60))
        for (let at = 0; at < reports; at += step) {
          const { clock, device } = world()
          device.faults.unplugAfter = at
          expect(await codeOf(() => linesOf(device.open(), clock))).toBe('UNPLUGGED')
        }
      })

      it('cancelled before it begins: stops', async () => {
        const { clock, device } = world()
        const code = await codeOf(() => driver.read(contextOf(device.open(), clock, { aborted: true })))
        expect(code).toBe('CANCELLED')
      })

      it('one byte changed: noticed, or there is no checksum that could', async () => {
        const total = (await recorded()).filter(({ direction }) => direction === 'in').length
        const fault = fc.record({ at: fc.nat(total - 1), byte: fc.nat(63), xor: fc.integer({ min: 1, max: 255 }) })
        await fc.assert(
          fc.asyncProperty(fault, async (spoil) => {
            const { clock, device } = world()
            device.faults.spoil = spoil
            let found: string[] | null = null
            const code = await codeOf(async () => (found = await linesOf(device.open(), clock)))
            expect(CODED).toContain(code)
            if (checksummed && found !== null) {
              // The monitor may have failed to tell whose memory it is.
              expect((found as string[]).map((text) => text.replace(/^\d /, ''))).toEqual(
                expected.map((text) => text.replace(/^\d /, '')),
              )
            }
          }),
          { numRuns: 60 },
        )
      })

      it('cut off anywhere: what was read is right, or it says what is wrong', async () => {
        const total = (await recorded()).filter(({ direction }) => direction === 'in').length
        for (let at = 0; at < total; at += Math.max(1, Math.floor(total / 60))) {
          const { clock, device } = world()
          const transport = device.open()
          let left = at
          const read = (ms: number): Promise<Uint8Array | null> => {
            if (left-- > 0) return transport.read(ms)
            clock.advance(ms)
            return Promise.resolve(null)
          }
          const code = await codeOf(() => mustBeRight({ ...passing(transport), read }, clock))
          expect(CODED).toContain(code)
        }
      })

      it('two reports that changed places: no value is another than it was', async () => {
        const right = new Set(expected.map(bare))
        const total = (await recorded()).filter(({ direction }) => direction === 'in').length
        for (let at = 0; at < total; at += Math.max(1, Math.floor(total / 60))) {
          const { clock, device } = world()
          const transport = device.open()
          let number = 0
          let held: Uint8Array | null = null
          const read = async (ms: number): Promise<Uint8Array | null> => {
            const kept = held
            held = null
            if (kept !== null) return kept
            const report = await transport.read(ms)
            if (report === null || number++ !== at) return report
            const next = await transport.read(0)
            if (next !== null) held = report
            return next ?? report
          }
          const code = await codeOf(async () => {
            const found = await linesOf({ ...passing(transport), read }, clock)
            // USB keeps the order. The dump of the BF480 has nothing that would notice.
            if (family !== 'beurer-bf480-04d9-8010') for (const text of found) expect(right).toContain(bare(text))
          })
          expect(CODED).toContain(code)
        }
      })

      it('any reports at all: readings or a coded error, and an end', async () => {
        const own = (await recorded()).filter(({ direction }) => direction === 'in').map(({ bytes }) => bytes)
        const report = fc.oneof(fc.constantFrom(...own), fc.uint8Array({ maxLength: 64 }))
        await fc.assert(
          fc.asyncProperty(fc.array(fc.array(report, { maxLength: 12 }), { maxLength: 30 }), async (bursts) => {
            let unsent = bursts.map((burst) => [...burst])
            let queue: Uint8Array[] = []
            const answer = (): Promise<void> => Promise.resolve(void queue.push(...(unsent.shift() ?? [])))
            const read = (): Promise<Uint8Array | null> => Promise.resolve(queue.shift() ?? null)
            const transport = { write: answer, sendFeature: answer, close: () => Promise.resolve(), read }
            expect(CODED).toContain(await codeOf(() => driver.probe(contextOf(transport, fakeClock()))))
            ;[unsent, queue] = [bursts.map((burst) => [...burst]), []]
            expect(CODED).toContain(await codeOf(() => driver.read(contextOf(transport, fakeClock()))))
          }),
          { numRuns: 60 },
        )
      })
    })
  },
)
