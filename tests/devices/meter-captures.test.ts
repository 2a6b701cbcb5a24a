import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeCapture } from '../../src/devices/decode-capture.ts'
import { bytes, captureText, codeOf, hasCapture } from '../support/device-world.ts'
import { sharedData } from '../support/shared-data.ts'

/** The published captures and vectors of the meters, through what `chartseal decode` uses. */
interface Vector {
  family: string
  name: string
  frame_hex?: string
  data?: string
  request?: string
  reply?: string[]
  exchange?: { out: string; in: string[] }[]
  expect: { mgdl?: number; records?: { t: string; mgdl?: number }[] }
}
const VECTORS = sharedData('device-captures/vectors.json')
const vectorsOf = (family: string): Vector[] =>
  (JSON.parse(readFileSync(VECTORS ?? '', 'utf8')) as { vectors: Vector[] }).vectors.filter(
    (each) => each.family === family,
  )

const shown = async (family: string, text: string): Promise<string[]> =>
  (await decodeCapture(family, text)).map((one) => {
    if (one.kind !== 'measurement') return one.kind
    const { deviceTime, quantities } = one.measurement
    return `${deviceTime ?? '-'} ${quantities.map(({ value, ucum }) => `${value ?? '-'} ${ucum}`).join(' ')}`
  })

describe('vectors', () => {
  it.skipIf(VECTORS === null)('need ../shared/data: a whole Contour session', async () => {
    const { exchange = [], expect: wanted } = vectorsOf('ascensia-1a79').find((each) => each.exchange) ?? { expect: {} }
    const text = exchange.flatMap((each) => [`OUT> ${each.out}`, ...each.in.map((hex) => `IN< ${hex}`)]).join('\n')
    expect(await shown('ascensia-1a79', text)).toEqual(wanted.records?.map(({ t, mgdl }) => `${t}:00 ${mgdl} mg/dL`))
  })

  it.skipIf(VECTORS === null)('need ../shared/data: single frames of a Contour', async () => {
    const frames = vectorsOf('ascensia-1a79').flatMap((each) => each.frame_hex ?? [])
    expect(frames.length).toBeGreaterThan(5)
    expect((await Promise.all(frames.map((hex) => shown('ascensia-1a79', hex)))).flat()).toEqual([
      '2010-11-28T19:49:00 7.9 mmol/L',
      '2014-02-05T21:35:00 102 mg/dL',
      '2019-07-11T10:26:00 106 mg/dL',
    ])
  })

  it.skipIf(VECTORS === null)(
    'need ../shared/data: a log of a Precision Neo, with its request and without',
    async () => {
      const { request = '', reply = [] } = vectorsOf('abbott-1a61').find((each) => each.request) ?? {}
      const wanted = ['2017-07-18T14:36:00 0.1 mmol/L', '2017-07-18T18:33:00 0.3 mmol/L']
      expect(await shown('abbott-1a61', reply.join('\n'))).toEqual(wanted)
      const text = [`OUT> ${request}`, ...reply.map((hex) => `IN< ${hex}`)].join('\n')
      expect(await shown('abbott-1a61', text)).toEqual(wanted)
    },
  )

  it.skipIf(VECTORS === null)('need ../shared/data: records of a Libre reader, oldest first', async () => {
    const records = vectorsOf('abbott-1a61').filter((each) => each.data)
    expect(records).toHaveLength(4)
    const text = records.map((each) => each.data).join('\n')
    const wanted = records.map((each) => `- ${each.expect.mgdl} mg/dL`).toReversed()
    expect(await shown('abbott-1a61', text)).toEqual(wanted)
    expect(await shown('abbott-1a61-libre', text)).toEqual(wanted)
  })
})

describe('captures', () => {
  const session = 'freestyle-insulinx-1a61-3450/session.hex'
  it.skipIf(!hasCapture(session))(
    'need ../shared/data: damage anywhere in a log is noticed, and said where',
    async () => {
      const lines = captureText(session).split('\n')
      const from = lines.findIndex((line) => line.includes('24 72 65 73 75 6c 74 3f'))
      const records = lines.flatMap((line, index) =>
        index > from + 1 && index < from + 240 && line.startsWith('IN<  60') ? [index] : [],
      )
      expect(records.length).toBeGreaterThan(230)
      for (const index of records.filter((_, position) => position % 24 === 0)) {
        const damaged = lines.with(index, (lines[index] ?? '').replace('2c', '2d'))
        expect(await codeOf(() => decodeCapture('abbott-1a61', damaged.join('\n')))).toBe('CHECKSUM')
      }
    },
  )

  it.skipIf(!hasCapture(session))('need ../shared/data: a changed byte is noticed, or changes nothing', async () => {
    const lines = captureText(session).split('\n')
    const wanted = await shown('abbott-1a61', lines.join('\n'))
    const received = lines.flatMap((line, index) => (line.startsWith('IN<') ? [index] : []))
    const places = fc.record({
      line: fc.constantFrom(...received),
      byte: fc.nat(63),
      xor: fc.integer({ min: 1, max: 255 }),
    })
    await fc.assert(
      fc.asyncProperty(places, async ({ line, byte, xor }) => {
        const report = bytes((lines[line] ?? '').slice(3))
        report[byte] = (report[byte] ?? 0) ^ xor
        const damaged = lines.with(line, `IN< ${Buffer.from(report).toString('hex')}`).join('\n')
        let found = wanted
        await codeOf(async () => (found = await shown('abbott-1a61', damaged)))
        expect(found).toEqual(wanted)
      }),
      { numRuns: 100 },
    )
  })

  it.skipIf(!hasCapture('contour-1a79.hex'))(
    'need ../shared/data: the header of a Contour USB holds no reading',
    async () => {
      expect(await shown('ascensia-1a79', captureText('contour-1a79.hex'))).toEqual([])
    },
  )
})
