/**
 * Devices without hardware: virtual ones, and recordings of real ones.
 *
 * @packageDocumentation
 */
import { setTimeout as delay } from 'node:timers/promises'
import { parseCapture, type Capture } from '../../devices/capture-file.ts'
import { idsOf, rowOfFamily } from '../../devices/driver-table.ts'
import { DeviceError } from '../../devices/errors.ts'
import { createReplay, type ReplayFault } from '../../devices/replay.ts'
import { replayProfile } from '../../devices/replay-profiles.ts'
import type { VirtualClock, VirtualDevice } from '../../devices/virtual-device.ts'
import type { DeviceInfo, DeviceSource } from './source.ts'

/** Real time for virtual devices. */
export const REAL_CLOCK: VirtualClock = {
  nowMs: () => performance.now(),
  sleep: async (durationMs) => {
    await delay(durationMs)
  },
}

/**
 * Virtual devices. Those that are not `present` are not listed.
 *
 * @param devices - Their number and order name them: do not change it while the source is in use.
 */
export function virtualSource(devices: readonly VirtualDevice[], name = 'virtual'): DeviceSource {
  return {
    name,
    list: () =>
      Promise.resolve(devices.flatMap((device, index) => (device.present ? [infoOf(device, `${index}`, name)] : []))),
    async open(info) {
      const device = devices[Number(info.path)]
      if (device === undefined) throw new DeviceError('NOT_CONNECTED', info.path)
      return Promise.resolve(device.open())
    },
    close: () => Promise.resolve(),
  }
}

function infoOf(
  device: Pick<VirtualDevice, 'vendorId' | 'productId' | 'product' | 'manufacturer' | 'serial' | 'usage'>,
  path: string,
  source: string,
): DeviceInfo {
  return {
    path,
    vendorId: device.vendorId,
    productId: device.productId,
    product: device.product,
    manufacturer: device.manufacturer === '' ? null : device.manufacturer,
    serial: device.serial,
    usagePage: device.usage?.page ?? null,
    usage: device.usage?.id ?? null,
    interface: -1,
    virtual: true,
    source,
  }
}

/** A recording to be replayed as a device. */
export interface ReplayDevice {
  family: string
  /** Text of the capture file. */
  text: string
  /** A recorded stream starts again when it is over. */
  loop?: boolean
  /** Milliseconds between streamed reports; 0 as fast as they are read. By default 50, as the oximeter sends them. */
  reportMs?: number
  faults?: readonly ReplayFault[]
}

const REPLAY_REPORT_MS = 50

/**
 * Recordings as devices, one each. They are listed under the ids of their family.
 *
 * @param replays - Texts are parsed here, once.
 * @throws DeviceError `CAPTURE` for an unknown family or a text that is no capture.
 */
export function replaySource(replays: readonly ReplayDevice[], name = 'replay'): DeviceSource {
  const prepared = replays.map((replay, index) => ({ replay, ...prepare(replay, index, name) }))
  return {
    name,
    list: () => Promise.resolve(prepared.map(({ info }) => info)),
    async open(info) {
      const found = prepared.find((candidate) => candidate.info.path === info.path)
      if (found === undefined) throw new DeviceError('NOT_CONNECTED', info.path)
      const { reportMs = REPLAY_REPORT_MS, loop = false, faults = [], family } = found.replay
      return Promise.resolve(
        createReplay(found.capture, {
          mode: 'by-content',
          profile: replayProfile(family),
          faults,
          loop,
          ...(reportMs === 0 ? {} : { pace: pacedBy(reportMs) }),
          idle: async (timeoutMs) => {
            await delay(timeoutMs)
          },
        }),
      )
    },
    close: () => Promise.resolve(),
  }
}

/** Waits so that reports come every `reportMs` on average, however long their handling takes. */
function pacedBy(reportMs: number): () => Promise<void> {
  let nextMs: number | null = null
  return async () => {
    const nowMs = performance.now()
    nextMs = Math.max(nextMs ?? nowMs, nowMs - 20 * reportMs)
    if (nextMs > nowMs) await delay(nextMs - nowMs)
    nextMs += reportMs
  }
}

function prepare(replay: ReplayDevice, index: number, name: string): { capture: Capture; info: DeviceInfo } {
  const row = rowOfFamily(replay.family)
  if (row === null) throw new DeviceError('CAPTURE', `no family ${replay.family}`)
  const { vendorId, productId } = idsOf(row)
  const product = row.exampleProduct ?? row.name
  const usage = row.usagePage === undefined ? {} : { usage: { page: row.usagePage, id: row.usage ?? 0 } }
  const device = { vendorId, productId, product, manufacturer: '', serial: null, ...usage }
  return { capture: parseCapture(replay.text), info: infoOf(device, `${index}`, name) }
}
