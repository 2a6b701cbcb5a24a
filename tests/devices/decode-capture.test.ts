import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeCapture } from '../../src/devices/decode-capture.ts'
import { captureText, codeOf, hasCapture } from '../support/device-world.ts'

const LIVE = 'contec-28e9-028a/live.first-600-reports.hex'
const MEMORY = 'omron-0590-0028/790IT_TwoReadings.txt'

it.skipIf(!hasCapture(LIVE))('needs ../shared/data: decodes a recorded stream to its measurements', async () => {
  const decoded = await decodeCapture('contec-28e9-028a', captureText(LIVE))
  expect(decoded).toHaveLength(30)
  expect(decoded[0]).toMatchObject({ kind: 'live', sample: { spo2: 95, pulse: 81, finger: true } })
})

it.skipIf(!hasCapture(MEMORY))('needs ../shared/data: decodes a recorded session to its readings', async () => {
  const decoded = await decodeCapture('omron-0590-0028', captureText(MEMORY))
  expect(decoded.map((one) => one.kind === 'measurement' && one.measurement.deviceTime)).toEqual([
    '2008-04-21T16:10:46',
    '2008-04-21T16:18:38',
  ])
})

it('refuses an unknown family, and says when the text holds no such device', async () => {
  expect(await codeOf(() => decodeCapture('no-such', 'IN< 00'))).toBe('CAPTURE')
  expect(await codeOf(() => decodeCapture('omron-0590-0028', 'hello'))).toBe('CAPTURE')
  expect(await codeOf(() => decodeCapture('omron-0590-0028', 'OUT> 01 00\nIN< 01 00'))).toBe('SILENT')
  expect(await codeOf(() => decodeCapture('contec-28e9-028a', 'OUT> 01 00\nIN< 01 00'))).toBe('SILENT')
})

it('gives readings or a coded error, whatever the capture', async () => {
  const line = fc
    .tuple(fc.constantFrom('IN<', 'OUT>', 'FEAT>', ''), fc.uint8Array({ minLength: 1, maxLength: 64 }))
    .map(([mark, report]) => `${mark} ${Buffer.from(report).toString('hex')}`)
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('contec-28e9-028a', 'omron-0590-0028'),
      fc.array(line, { maxLength: 20 }),
      async (family, lines) => {
        await codeOf(() => decodeCapture(family, lines.join('\n')))
      },
    ),
  )
})
