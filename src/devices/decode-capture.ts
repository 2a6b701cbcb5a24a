/**
 * Turns a captured exchange into what the device said, by running the real driver over it.
 *
 * @remarks
 * Proven by `tests/devices/decode-capture.test.ts` on the real captures.
 *
 * @packageDocumentation
 */
import { parseCapture } from './capture-file.ts'
import { rowOfFamily } from './driver-table.ts'
import type { LiveSample } from './driver.ts'
import { DeviceError } from './errors.ts'
import type { Measurement } from './measurement.ts'
import { createReplay } from './replay.ts'
import { replayProfile } from './replay-profiles.ts'

/** What is in a capture: readings of a memory, or the measurements of a stream (one a second). */
export type Decoded = { kind: 'measurement'; measurement: Measurement } | { kind: 'live'; sample: LiveSample }

/**
 * Decodes a capture.
 *
 * @param family - Name of the device family. Untrusted.
 * @param text - The capture file. Untrusted.
 * @returns Everything in it, in the driver's order.
 * @throws {@link DeviceError} `CAPTURE`, or what the driver finds wrong.
 */
export async function decodeCapture(family: string, text: string): Promise<Decoded[]> {
  const row = rowOfFamily(family)
  if (row === null) throw new DeviceError('CAPTURE', 'no such family')
  const transport = createReplay(parseCapture(text), { mode: 'by-content', profile: replayProfile(family) })
  // A replay takes no time: a count of looks at the clock makes its silences end.
  let nowMs = 0
  const context = { transport, signal: { aborted: false }, nowMs: () => (nowMs += 1), progress: () => undefined }
  const { read, live } = row.driver
  if (live === undefined) {
    const measurements = (await read?.(context))?.measurements ?? []
    return measurements.map((measurement) => ({ kind: 'measurement', measurement }))
  }
  const decoded: Decoded[] = []
  try {
    for await (const sample of live(context)) if (sample.measured) decoded.push({ kind: 'live', sample })
  } catch (error) {
    // The end of a recording looks like a device that fell silent.
    if (!(error instanceof DeviceError) || error.code !== 'SILENT' || decoded.length === 0) throw error
  }
  return decoded
}
