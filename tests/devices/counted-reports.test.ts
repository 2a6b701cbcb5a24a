import fc from 'fast-check'
import { expect, it } from 'vitest'
import { answersOf, askCounted, decodeCounted, encodeCounted } from '../../src/devices/counted-reports.ts'
import { DeviceError } from '../../src/devices/errors.ts'
import { concatBytes } from '../../src/shared/bytes.ts'
import { bytes, codeOf, contextOf, fakeClock } from '../support/device-world.ts'

const WAIT = { firstMs: 100, quietMs: 10, limit: 20 }

const answering = (reports: readonly Uint8Array[]) => {
  const queue: Uint8Array[] = []
  const nothing = (): Promise<void> => Promise.resolve()
  const write = (): Promise<void> => Promise.resolve(void queue.push(...reports))
  return { write, sendFeature: nothing, close: nothing, read: () => Promise.resolve(queue.shift() ?? null) }
}

it('cuts by the count, whatever the bridge puts into its upper half and leaves behind it', () => {
  expect(decodeCounted(bytes('04 12 16 18 26 00 00 00'))).toEqual(bytes('12 16 18 26'))
  expect(decodeCounted(bytes('f2 30 31 a5 a5 a5 a5 a5'))).toEqual(bytes('30 31'))
})

it.each(['', '08 00 00 00 00 00 00 00', '0f 00 00 00 00 00 00 00', '02 30 31'])('refuses the report %j', (hex) => {
  expect(() => decodeCounted(bytes(hex))).toThrow(expect.objectContaining({ code: 'PROTOCOL' }))
})

it('tells the answers of a run apart by their first byte', () => {
  const [first, second] = [bytes('06 31 32 33 34 35 36 37 38'), bytes('06 39')]
  expect(
    answersOf(
      [first, second].flatMap((answer) => encodeCounted(answer)),
      6,
    ),
  ).toEqual([first, second])
  expect(answersOf([], 6)).toEqual([])
})

it('puts together again what was cut', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), (message) => {
      expect(concatBytes(...encodeCounted(message).map((report) => decodeCounted(report)))).toEqual(message)
    }),
  )
})

it('takes an answer to be over when the line is quiet', async () => {
  const context = contextOf(answering(encodeCounted(bytes('01 02 03 04 05 06 07 08 09'))), fakeClock())
  expect(await askCounted(context, bytes('05'), WAIT)).toEqual(bytes('01 02 03 04 05 06 07 08 09'))
})

it('drops what came before the question', async () => {
  const transport = answering(encodeCounted(bytes('01 02')))
  await transport.write()
  expect(await askCounted(contextOf(transport, fakeClock()), bytes('05'), WAIT)).toEqual(bytes('01 02'))
})

it('gives up on an answer that never ends, also of empty reports', async () => {
  for (const report of [bytes('07 00 00 00 00 00 00 00'), bytes('00 00 00 00 00 00 00 00')]) {
    let asked = false
    const write = (): Promise<void> => Promise.resolve(void (asked = true))
    const endless = { ...answering([]), write, read: () => Promise.resolve(asked ? report : null) }
    expect(await codeOf(() => askCounted(contextOf(endless, fakeClock()), bytes('05'), WAIT))).toBe('PROTOCOL')
  }
})

it('is an answer or a coded error, whatever comes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 30 }), async (reports) => {
      try {
        const answer = await askCounted(contextOf(answering(reports), fakeClock()), bytes('05'), WAIT)
        expect(answer.length).toBeGreaterThan(0)
        expect(answer.length).toBeLessThanOrEqual(WAIT.limit)
      } catch (error) {
        expect(error).toBeInstanceOf(DeviceError)
      }
    }),
  )
})
