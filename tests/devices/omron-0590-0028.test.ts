import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeCapture, parseCapture, type CaptureLine } from '../../src/devices/capture-file.ts'
import type { HidTransport } from '../../src/devices/driver.ts'
import { omronMonitor } from '../../src/devices/omron-0590-0028.ts'
import { createReplay, recordingTransport, type ReplayFault } from '../../src/devices/replay.ts'
import { replayProfile } from '../../src/devices/replay-profiles.ts'
import { createVirtualMonitor } from '../../src/devices/virtual-omron.ts'
import { createVirtualPatient, type VirtualRecord } from '../../src/devices/virtual-patient.ts'
import { captureText, codeOf, contextOf, fakeClock, hasCapture, watched } from '../support/device-world.ts'

const profile = replayProfile('omron-0590-0028')
const END = '05454e44ffff0000'

const replay = (text: string, faults: ReplayFault[] = []): HidTransport =>
  createReplay(parseCapture(text), { mode: 'by-content', profile, faults })

const rowsOf = async (transport: HidTransport): Promise<string[]> => {
  const { measurements } = await omronMonitor.read(contextOf(transport, fakeClock()))
  return measurements.map(({ deviceTime, quantities, flags }) =>
    [deviceTime, ...quantities.map(({ value }) => value), ...flags].join(' '),
  )
}

const SESSIONS = {
  '1_2_07_TwoReadings': ['2007-01-01T00:06:38 123 78 87', '2007-01-02T00:08:38 120 73 67'],
  '790IT_TwoReadings': ['2008-04-21T16:10:46 129 78 77', '2008-04-21T16:18:38 119 79 79'],
  '790IT_Cleared': [],
}

describe("the vendor program's sessions", () => {
  for (const [name, rows] of Object.entries(SESSIONS)) {
    const file = `omron-0590-0028/${name}.txt`
    it.skipIf(!hasCapture(file))(`needs ../shared/data: ${name}`, async () => {
      expect(await rowsOf(replay(captureText(file)))).toEqual(rows)
    })
  }

  const first = 'omron-0590-0028/1_2_07_TwoReadings.txt'
  it.skipIf(!hasCapture(first))('needs ../shared/data: equal the vendor export', async () => {
    const csv = captureText('omron-0590-0028/vendor-export-2009-04-21.csv').trim().split('\n').slice(3)
    const vendor = csv.map((row) => row.split(',').slice(2, 5).join(' '))
    expect(vendor).toHaveLength(2)
    expect((await rowsOf(replay(captureText(first)))).map((row) => row.split(' ').slice(1).join(' '))).toEqual(vendor)
  })

  it.skipIf(!hasCapture(first))(
    'needs ../shared/data: give the same whatever is left over behind the counted bytes',
    async () => {
      const reports = parseCapture(captureText(first)).filter(({ direction }) => direction === 'in').length
      for (let at = 0; at < Math.min(reports, 30); at++) {
        expect(await rowsOf(replay(captureText(first), [{ at, kind: 'stale-padding' }]))).toEqual(
          SESSIONS['1_2_07_TwoReadings'],
        )
      }
    },
  )
})

const records: VirtualRecord[] = createVirtualPatient(5).pressures('2026-03-04T05:06:07', 6)
const virtual = (banks: VirtualRecord[][] = [records], singleUser = false) => {
  const clock = fakeClock()
  return { clock, device: createVirtualMonitor({ clock, banks: () => banks, singleUser }) }
}

describe('a session', () => {
  it('reads both users, oldest first, and counts along', async () => {
    const { clock, device } = virtual([records.slice(0, 4), records.slice(4)])
    const progress: string[] = []
    const context = {
      ...contextOf(device.open(), clock),
      progress: (d: number, t: number) => progress.push(`${d}/${t}`),
    }
    const { measurements, complete, deviceNow } = await omronMonitor.read(context)
    expect(measurements.map(({ deviceTime }) => deviceTime)).toEqual(records.map(({ time }) => time))
    expect(measurements.map(({ flags }) => flags.includes('user-b'))).toEqual([false, false, false, false, true, true])
    expect(progress).toEqual(['1/4', '2/4', '3/4', '4/4', '5/6', '6/6'])
    expect([complete, deviceNow]).toEqual([true, null])
  })

  it('of a model with one user gives that one, and says that there may be more', async () => {
    const { clock, device } = virtual([records], true)
    const { measurements, complete } = await omronMonitor.read(contextOf(device.open(), clock))
    expect([measurements.length, complete]).toEqual([6, false])
  })

  it('asks again at once when the device says NO', async () => {
    const { clock, device } = virtual()
    const startMs = clock.nowMs()
    const { transport, sent } = watched(device.open())
    await omronMonitor.read(contextOf(transport, clock))
    expect(sent.filter((report) => report.startsWith('07474d45'))).toHaveLength(2 * records.length)
    // One wait for a quiet line at the end, and none for an answer.
    expect(clock.nowMs() - startMs).toBeLessThan(500)
  })

  it('gives the same record keys a second time', async () => {
    const keys = async () => {
      const { clock, device } = virtual()
      const { measurements } = await omronMonitor.read(contextOf(device.open(), clock))
      return measurements.map(({ recordKey }) => recordKey)
    }
    expect(await keys()).toEqual(await keys())
    expect(new Set(await keys()).size).toBe(6)
  })

  it('reads an empty memory', async () => {
    const { clock, device } = virtual([[], []])
    expect(await omronMonitor.read(contextOf(device.open(), clock))).toMatchObject({ measurements: [], complete: true })
  })

  it('sends nothing but questions, and the end', async () => {
    const { clock, device } = virtual()
    const { transport, sent } = watched(device.open())
    await omronMonitor.probe(contextOf(transport, clock))
    await omronMonitor.read(contextOf(transport, clock))
    const commands = sent
      .filter((report) => !/^0[1-7](?:00)*(?:0[0-9])?(?:00)*$/.test(report))
      .map((hex) => hex.slice(2, 8))
    const ascii = new Set(commands.map((hex) => Buffer.from(hex, 'hex').toString('latin1')))
    expect([...ascii].toSorted()).toEqual(['END', 'GDC', 'GME', 'PRF', 'SRL', 'VER'])
    expect(sent.at(-1)).toBe(END)
  })

  it('recorded and replayed strictly, byte by byte, gives the same', async () => {
    const { clock, device } = virtual([records.slice(0, 2)])
    const lines: CaptureLine[] = []
    const recording = recordingTransport(device.open(), (line) => lines.push(line))
    const first = await omronMonitor.read(contextOf(recording, clock))
    const again = createReplay(parseCapture(encodeCapture(lines)), { mode: 'strict', profile })
    expect(await omronMonitor.read(contextOf(again, clock))).toEqual(first)
  })
})

describe('a session that goes wrong', () => {
  it.each([
    ['silent', 'SILENT'],
    ['wrongModel', 'WRONG_MODEL'],
  ] as const)('%s: %s, and the session is ended', async (fault, code) => {
    for (const work of [omronMonitor.probe, omronMonitor.read]) {
      const { clock, device } = virtual()
      device.faults[fault] = true
      const { transport, sent } = watched(device.open())
      expect(await codeOf(() => work(contextOf(transport, clock)))).toBe(code)
      expect(sent.at(-1)).toBe(END)
    }
  })

  it('is cancelled between reports, and ended', async () => {
    const { clock, device } = virtual()
    const { transport, sent } = watched(device.open())
    const signal = { aborted: false }
    const progress = (): void => void (signal.aborted = true)
    expect(await codeOf(() => omronMonitor.read({ ...contextOf(transport, clock, signal), progress }))).toBe(
      'CANCELLED',
    )
    expect(sent.at(-1)).toBe(END)
  })

  it('is unplugged at any report', async () => {
    const whole = virtual()
    const lines: CaptureLine[] = []
    await omronMonitor.read(
      contextOf(
        recordingTransport(whole.device.open(), (line) => lines.push(line)),
        whole.clock,
      ),
    )
    const reports = lines.filter(({ direction }) => direction === 'in').length
    // The last two answer the end of the session: by then everything has been read.
    for (let at = 0; at < reports - 2; at++) {
      const { clock, device } = virtual()
      device.faults.unplugAfter = at
      expect(await codeOf(() => omronMonitor.read(contextOf(device.open(), clock)))).toBe('UNPLUGGED')
    }
  })

  it('asks again after one damaged or lost report, and gets the same or says what is wrong', async () => {
    const clean = virtual([records.slice(0, 2)])
    const lines: CaptureLine[] = []
    const recording = recordingTransport(clean.device.open(), (line) => lines.push(line))
    const { measurements } = await omronMonitor.read(contextOf(recording, clean.clock))
    const text = encodeCapture(lines)
    const fault = fc.record({
      at: fc.nat(lines.length),
      kind: fc.constantFrom('timeout', 'bad-byte' as const),
      byte: fc.nat(7),
      xor: fc.integer({ min: 1, max: 255 }),
    })
    let recovered = 0
    await fc.assert(
      fc.asyncProperty(fault, async (one) => {
        const code = await codeOf(async () => {
          const found = await omronMonitor.read(contextOf(replay(text, [one]), fakeClock()))
          // A count of user B that was lost on the way is told by `complete`.
          if (found.complete) recovered += 1
          expect(found.measurements).toEqual(measurements)
        })
        expect(['none', 'SILENT', 'PROTOCOL', 'CHECKSUM', 'WRONG_MODEL']).toContain(code)
      }),
    )
    expect(recovered).toBeGreaterThan(50)
  })

  it('gives up with the reason when a record is damaged each time it is asked for', async () => {
    const { clock, device } = virtual([records.slice(0, 1)])
    const lines: CaptureLine[] = []
    await omronMonitor.read(
      contextOf(
        recordingTransport(device.open(), (line) => lines.push(line)),
        clock,
      ),
    )
    const systolic = records[0]!.systolic
    const damaged = lines.map(({ direction, bytes }) => {
      const isSecondPart = direction === 'in' && bytes[0] === 7 && bytes[5] === systolic
      return { direction, bytes: isSecondPart ? bytes.with(5, systolic ^ 0x08) : bytes }
    })
    expect(encodeCapture(damaged)).not.toBe(encodeCapture(lines))
    const { transport, sent } = watched(replay(encodeCapture(damaged)))
    expect(await codeOf(() => omronMonitor.read(contextOf(transport, fakeClock())))).toBe('CHECKSUM')
    expect(sent.filter((report) => report === '07474d4500000000')).toHaveLength(6 - 1)
  })

  it('is readings or a coded error, whatever the device answers', async () => {
    const chunk = fc
      .tuple(fc.nat(9), fc.uint8Array({ minLength: 7, maxLength: 7 }))
      .map(([count, tail]) => Uint8Array.of(count, ...tail))
    const report = fc.oneof(
      chunk,
      fc.constantFrom(
        Uint8Array.of(2, 0x4f, 0x4b, 0, 0, 0, 0, 0),
        Uint8Array.of(7, 0x4f, 0x4b, 0, 0x4d, 0, 0, 0),
        Uint8Array.of(2, 0x4e, 0x4f, 0, 0, 0, 0, 0),
      ),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(report, { maxLength: 60 }), async (reports) => {
        const queue = [...reports]
        const nothing = async (): Promise<void> => Promise.resolve()
        const transport = {
          write: nothing,
          sendFeature: nothing,
          close: nothing,
          read: async () => queue.shift() ?? null,
        }
        const code = await codeOf(() => omronMonitor.read(contextOf(transport, fakeClock())))
        expect(['none', 'SILENT', 'PROTOCOL', 'CHECKSUM', 'WRONG_MODEL']).toContain(code)
      }),
    )
  })
})
