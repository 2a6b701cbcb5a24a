import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
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

describe('plain records', () => {
  const record = '07 01 01 00 06 26 00 00 7b 4e 57 00 00 45'

  it('of a cuff, as published', async () => {
    const [one] = await decodeCapture('omron-0590-0028', record)
    expect(one).toMatchObject({ kind: 'measurement', measurement: { deviceTime: '2007-01-01T00:06:38' } })
  })

  it('with a changed byte are refused, with their place', async () => {
    await expect(decodeCapture('omron-0590-0028', `${record}\n${record.replace('7b', '7a')}`)).rejects.toMatchObject({
      code: 'CHECKSUM',
      message: expect.stringMatching(/^offset 42 \(line 2\): /),
    })
  })
})

it('a download without its last bytes is refused', async () => {
  const packet = 'ed 04 01 00 00 03 00 00 76 72 33 33 33 33 33 33 33 33 33 33 33 33 32 22 11 00 11 11 11 59'
  expect(await decodeCapture('contec-28e9-028a', packet)).toMatchObject([{ kind: 'series' }])
  expect(await codeOf(() => decodeCapture('contec-28e9-028a', packet.slice(0, -3)))).toBe('PROTOCOL')
})
