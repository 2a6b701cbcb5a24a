import { readFileSync } from 'node:fs'
import type { DriverContext, HidTransport } from '../../src/devices/driver.ts'
import { DeviceError, type DeviceErrorCode } from '../../src/devices/errors.ts'
import type { VirtualClock } from '../../src/devices/virtual-device.ts'
import { sharedData } from './shared-data.ts'

/** Time that passes only by being slept through, in no time. */
export function fakeClock(): VirtualClock & { advance(ms: number): void } {
  let now = 1000
  return {
    nowMs: () => now,
    async sleep(ms) {
      now += ms
    },
    advance(ms) {
      now += ms
    },
  }
}

/** What a driver works with, over `transport`. */
export function contextOf(transport: HidTransport, clock: VirtualClock, signal = { aborted: false }): DriverContext {
  return { transport, signal, nowMs: () => clock.nowMs(), progress: () => undefined }
}

/** `transport`, with everything that was sent in hex. */
export function watched(transport: HidTransport): { transport: HidTransport; sent: string[] } {
  const sent: string[] = []
  const write = async (report: Uint8Array): Promise<void> => {
    sent.push(Buffer.from(report).toString('hex'))
    await transport.write(report)
  }
  return {
    sent,
    transport: {
      write,
      read: (ms) => transport.read(ms),
      sendFeature: (r) => transport.sendFeature(r),
      close: () => transport.close(),
    },
  }
}

/** The code of the DeviceError that `work` ends with; 'none' when it does not fail. Anything else is thrown. */
export async function codeOf(work: () => unknown): Promise<DeviceErrorCode | 'none'> {
  try {
    await work()
    return 'none'
  } catch (error) {
    if (error instanceof DeviceError) return error.code
    throw error
  }
}

/** Bytes of hex with blanks. */
export function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
}

const FOLDER = 'device-captures'

/** Is the captured session there? */
export function hasCapture(file: string): boolean {
  return sharedData(`${FOLDER}/${file}`) !== null
}

/** Text of a captured session. */
export function captureText(file: string): string {
  return readFileSync(sharedData(`${FOLDER}/${file}`) ?? '', 'utf8')
}
