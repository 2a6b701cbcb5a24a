/**
 * Where this workstation's devices come from: USB, the demonstration's virtual devices, and recordings.
 *
 * @packageDocumentation
 */
import { open } from 'node:fs/promises'
import { rowOfFamily } from '../../devices/driver-table.ts'
import { createVirtualOximeter } from '../../devices/virtual-contec.ts'
import type { VirtualDevice } from '../../devices/virtual-device.ts'
import { createVirtualMonitor } from '../../devices/virtual-omron.ts'
import { seededRandom, type VirtualRecord } from '../../devices/virtual-patient.ts'
import { REAL_CLOCK, replaySource, virtualSource, type ReplayDevice } from '../devices/made-up-sources.ts'
import type { DeviceSource } from '../devices/source.ts'
import { DEMO_SERIALS } from './demo/devices.ts'

/** Largest recording that is replayed: days of an oximeter. */
const MAX_REPLAY_BYTES = 16 * 1024 * 1024
/** The virtual cuff measures by itself this often, and keeps this many readings. */
const CUFF_EVERY_MS = 5 * 60_000
const CUFF_READINGS = 3

/** Devices of the demonstration, which can be plugged in and out together. */
export interface DemoDevices {
  readonly source: DeviceSource
  setPresent(present: boolean): void
}

/**
 * One oximeter and one cuff, not plugged in yet.
 *
 * @param nowMs - Wall clock.
 */
export function demoDevices(nowMs: () => number): DemoDevices {
  const devices: VirtualDevice[] = [
    createVirtualOximeter({ clock: REAL_CLOCK, seed: 7, serial: DEMO_SERIALS.oximeter }),
    createVirtualMonitor({ clock: REAL_CLOCK, serial: DEMO_SERIALS.cuff, banks: () => [cuffReadings(nowMs()), []] }),
  ]
  const setPresent = (present: boolean): void => {
    for (const device of devices) device.present = present
  }
  setPresent(false)
  return { source: virtualSource(devices, 'demo'), setPresent }
}

/**
 * What the cuff of a resting patient has in its memory: a reading every few minutes. One time gives one reading,
 * however often the memory is read, so that what is on record already is recognised.
 */
function cuffReadings(nowMs: number): VirtualRecord[] {
  const newest = Math.floor(nowMs / CUFF_EVERY_MS)
  return Array.from({ length: CUFF_READINGS }, (_, index) => cuffReading(newest - CUFF_READINGS + 1 + index))
}

function cuffReading(slot: number): VirtualRecord {
  const random = seededRandom(slot)
  const around = (middle: number, spread: number): number => Math.round(middle + (random() - 0.5) * spread)
  const systolic = around(126, 12)
  return {
    time: localTime(slot * CUFF_EVERY_MS),
    systolic,
    diastolic: around(systolic * 0.62, 8),
    pulse: around(72, 10),
    flags: 0,
  }
}

/** As the device's display shows it: `YYYY-MM-DDTHH:mm:ss` where it stands. */
function localTime(ms: number): string {
  const offsetMs = new Date(ms).getTimezoneOffset() * 60_000
  return new Date(ms - offsetMs).toISOString().slice(0, 19)
}

/**
 * Recordings as devices. Recorded streams start again when they are over.
 *
 * @param replays - Files as the person named them.
 * @throws Error with a sentence for the person.
 */
export async function recordings(replays: readonly { family: string; file: string }[]): Promise<DeviceSource> {
  const devices: ReplayDevice[] = []
  for (const { family, file } of replays) {
    try {
      const loop = rowOfFamily(family)?.driver.live !== undefined
      const device = { family, text: await readBounded(file), loop }
      // Parsed here for the message, which names the file.
      replaySource([device])
      devices.push(device)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : 'unreadable'
      throw new Error(`cannot replay ${file} as ${family}: ${reason}`, { cause })
    }
  }
  return replaySource(devices)
}

async function readBounded(file: string): Promise<string> {
  const handle = await open(file, 'r')
  try {
    const { size } = await handle.stat()
    if (size > MAX_REPLAY_BYTES) throw new Error(`larger than ${MAX_REPLAY_BYTES / 1024 / 1024} MiB`)
    return await handle.readFile('utf8')
  } finally {
    await handle.close()
  }
}
