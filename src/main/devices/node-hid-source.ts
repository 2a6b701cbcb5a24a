/**
 * Devices of the operating system, through node-hid. The only file that knows node-hid.
 *
 * @remarks
 * node-hid loads its native part at the first call, not when it is imported, and that is where a missing libusb or
 * libudev shows. Its errors are texts of hidapi and of the operating system; what we make of them is in
 * `hid-errors.ts`. Reading uses `read(timeout)` only: a `data` listener beside it would end the process.
 *
 * @packageDocumentation
 */
import type { Device, HIDAsync } from 'node-hid'
import type { HidTransport } from '../../devices/driver.ts'
import { DeviceError } from '../../devices/errors.ts'
import { exchangeError, listError, openError } from './hid-errors.ts'
import type { DeviceInfo, DeviceSource, ReportFormat } from './source.ts'

/** The part of node-hid that we use. */
export interface NodeHid {
  devicesAsync(): Promise<Device[]>
  HIDAsync: { open(path: string, options?: { nonExclusive?: boolean }): Promise<HIDAsync> }
}

const NAME = 'hid'

/**
 * The operating system's devices. Never rejects: when HID cannot work here, `list` says so.
 *
 * @param load - Loads node-hid; tests hand in their own.
 */
export async function nodeHidSource(load: () => Promise<NodeHid> = loadNodeHid): Promise<DeviceSource> {
  const loaded = await load().catch((cause: unknown) => new DeviceError('STACK_MISSING', 'node-hid', { cause }))
  const hid = (): NodeHid => {
    if (loaded instanceof DeviceError) throw loaded
    return loaded
  }
  return {
    name: NAME,
    async list() {
      const api = hid()
      const devices = await api.devicesAsync().catch((cause: unknown) => {
        throw listError(cause)
      })
      return devices.flatMap((device) => infoOf(device))
    },
    async open(info, format) {
      const api = hid()
      const device = await api.HIDAsync.open(info.path, { nonExclusive: false }).catch((cause: unknown) => {
        throw openError(cause)
      })
      return new NodeHidTransport(device, format)
    },
    close: () => Promise.resolve(),
  }
}

async function loadNodeHid(): Promise<NodeHid> {
  const module = await import('node-hid')
  return module.default
}

function infoOf(device: Device): DeviceInfo[] {
  // Without a path it cannot be opened.
  if (device.path === undefined) return []
  const text = (value: string | undefined): string | null => (value === undefined || value === '' ? null : value)
  return [
    {
      path: device.path,
      vendorId: device.vendorId,
      productId: device.productId,
      product: text(device.product),
      manufacturer: text(device.manufacturer),
      serial: text(device.serialNumber),
      usagePage: device.usagePage ?? null,
      usage: device.usage ?? null,
      interface: device.interface,
      virtual: false,
      source: NAME,
    },
  ]
}

/** An open device. Where reports carry no id, a 0 stands in its place when writing. */
class NodeHidTransport implements HidTransport {
  private readonly device: HIDAsync
  private readonly format: ReportFormat
  private working: Promise<unknown> = Promise.resolve()
  private closing: Promise<void> | null = null

  constructor(device: HIDAsync, format: ReportFormat) {
    this.device = device
    this.format = format
    // Without a listener an error event would end the process; the failing call reports it anyway.
    device.on('error', () => undefined)
  }

  async write(report: Uint8Array): Promise<void> {
    await this.run(() => this.device.write(this.framed(report, this.format.reportBytes.output)))
  }

  async sendFeature(report: Uint8Array): Promise<void> {
    await this.run(() => this.device.sendFeatureReport(this.framed(report, 0)))
  }

  /** As hidapi takes it: the id first. */
  private framed(report: Uint8Array, minBytes: number): Buffer {
    if (this.format.numberedReports === true) return Buffer.from(report)
    const framed = Buffer.alloc(1 + Math.max(minBytes, report.length))
    framed.set(report, 1)
    return framed
  }

  async read(timeoutMs: number): Promise<Uint8Array | null> {
    const report = await this.run(() => this.device.read(timeoutMs))
    return report === undefined || report.length === 0 ? null : Uint8Array.from(report)
  }

  close(): Promise<void> {
    this.closing ??= this.release()
    return this.closing
  }

  /** Closing while a call is in the native part has crashed processes: wait for it. */
  private async release(): Promise<void> {
    await this.working.catch(() => undefined)
    await this.device.close().catch(() => undefined)
  }

  private async run<Value>(call: () => Promise<Value>): Promise<Value> {
    if (this.closing !== null) throw new DeviceError('UNPLUGGED', 'closed')
    const working = call()
    this.working = working
    try {
      return await working
    } catch (cause) {
      throw exchangeError(cause)
    }
  }
}
