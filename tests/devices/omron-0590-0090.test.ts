import { describe, expect, it } from 'vitest'
import { decodeMemory, omronMemoryMonitor } from '../../src/devices/omron-0590-0090.ts'
import { RECORD_BYTES } from '../../src/devices/omron-memory.ts'
import { createVirtualMemoryMonitor, encodeMemoryRecord } from '../../src/devices/virtual-omron-memory.ts'
import { createVirtualPatient, type VirtualRecord } from '../../src/devices/virtual-patient.ts'
import { codeOf, contextOf, fakeClock, watched } from '../support/device-world.ts'

const END = '02080f000000000007'
const records = createVirtualPatient(3).pressures('2026-03-04T05:06:07', 130)
const times = (list: readonly VirtualRecord[]): string[] => list.map(({ time }) => time)

const world = (first: readonly VirtualRecord[], second: readonly VirtualRecord[], places?: 60 | 100) => {
  const clock = fakeClock()
  const device = createVirtualMemoryMonitor({ clock, users: () => [first, second], ...(places ? { places } : {}) })
  return { clock, device }
}
const readingsOf = async ({ clock, device }: ReturnType<typeof world>) =>
  (await omronMemoryMonitor.read(contextOf(device.open(), clock))).measurements

/** A memory with records at the places that are named. */
const memoryWith = (places: Record<number, VirtualRecord | Uint8Array>): Uint8Array => {
  const memory = new Uint8Array(200 * RECORD_BYTES).fill(0xff)
  for (const [place, record] of Object.entries(places)) {
    memory.set(record instanceof Uint8Array ? record : encodeMemoryRecord(record), Number(place) * RECORD_BYTES)
  }
  return memory
}

describe('a memory', () => {
  it('that is a full ring is put in order from its oldest record on', async () => {
    const found = await readingsOf(world(records, records.slice(0, 25)))
    expect(found.map(({ deviceTime }) => deviceTime)).toEqual(
      times(records.slice(30)).concat(times(records.slice(0, 25))),
    )
    expect(found.map(({ userSlot }) => userSlot)).toEqual([
      ...Array<string>(100).fill('1'),
      ...Array<string>(25).fill('2'),
    ])
    expect(found.flatMap(({ flags }) => flags).includes('clock-discontinuous')).toBe(false)
  })

  it('of the smaller model ends where it stops answering, and is split at its own border', async () => {
    const found = await readingsOf(world(records.slice(0, 60), records.slice(60, 90), 60))
    expect(found.map(({ userSlot }) => userSlot)).toEqual([
      ...Array<string>(60).fill('1'),
      ...Array<string>(30).fill('2'),
    ])
    expect(found.map(({ deviceTime }) => deviceTime)).toEqual(times(records.slice(0, 90)))
  })

  it('says when it cannot be told whose a record is', () => {
    const { measurements } = decodeMemory(memoryWith({ 0: records[0]!, 70: records[1]!, 110: records[2]! }))
    expect(measurements.map(({ userSlot, flags }) => [userSlot, flags.includes('user-unknown')])).toEqual([
      ['1', false],
      [null, true],
      ['2', false],
    ])
  })

  it('takes nothing for a record that only the larger model could have there, unless all of it fits, and says so', () => {
    const settings = Uint8Array.of(1, 2, 3, 4, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9)
    const filled = Object.fromEntries(records.slice(0, 26).map((record, index) => [100 + index, record]))
    const count = (places: Parameters<typeof memoryWith>[0]) => {
      const { measurements, complete } = decodeMemory(memoryWith(places))
      return [measurements.length, complete]
    }
    expect(count(filled)).toEqual([26, true])
    expect(count({ ...filled, 126: settings })).toEqual([20, false])
    expect(count({ 0: records[0]!, 126: records[1]! })).toEqual([1, false])
  })

  it('whose times go back more than a ring can explain is flagged', async () => {
    const jumped = [records[3]!, records[0]!, records[4]!, records[1]!]
    const found = await readingsOf(world(jumped, []))
    expect(found.map(({ flags }) => flags.includes('clock-discontinuous'))).toEqual([true, true, true, true])
  })

  it('that is empty has no readings', async () => expect(await readingsOf(world([], []))).toEqual([]))
})

describe('a session', () => {
  it('asks for every block once, and ends, whatever happens', async () => {
    const { clock, device } = world(records.slice(0, 3), [])
    const { transport, sent } = watched(device.open())
    await omronMemoryMonitor.read(contextOf(transport, clock))
    expect([sent.length, sent[0], sent[1], sent.at(-2), sent.at(-1)]).toEqual([
      72,
      '020800000000100018',
      '0208010002ac28008f',
      '020801000d74280058',
      END,
    ])
    device.faults.silent = true
    const asleep = watched(device.open())
    expect(await codeOf(() => omronMemoryMonitor.read(contextOf(asleep.transport, clock)))).toBe('SILENT')
    expect(asleep.sent.at(-1)).toBe(END)
  })

  it('is cancelled between blocks', async () => {
    const { clock, device } = world(records, [])
    const signal = { aborted: false }
    const { transport, sent } = watched(device.open())
    const progress = (done: number): void => void (signal.aborted = done === 5)
    const context = { ...contextOf(transport, clock, signal), progress }
    expect(await codeOf(() => omronMemoryMonitor.read(context))).toBe('CANCELLED')
    expect([sent.length, sent.at(-1)]).toEqual([7, END])
  })
})
