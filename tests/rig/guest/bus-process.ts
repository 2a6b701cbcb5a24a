/** Holds the virtual devices and plugs them into this kernel's virtual USB controller. A process of its own, as devices are. */
import { setTimeout as delay } from 'node:timers/promises'
import { rowOfFamily, type DriverRow } from '../../../src/devices/driver-table.ts'
import type { HidTransport } from '../../../src/devices/driver.ts'
import type { VirtualDevice } from '../../../src/devices/virtual-device.ts'
import { RIG_DEVICES } from '../rig-devices.ts'
import { nowUs, type BusOrder, type BusReply, type NumberedOrder, type SentReport } from './bus-protocol.ts'
import { reportDescriptor } from './report-descriptor.ts'
import { UsbipPort, type PortHandler } from './usbip-port.ts'

/** How often a device that is asked for a report looks whether it has one. */
const LOOK_MS = 4
/** Enough for the longest stream that is measured. */
const SENT_LIMIT = 20_000
const CLOCK = {
  nowMs: () => performance.now(),
  sleep: async (ms: number) => {
    await delay(ms)
  },
}

class PluggedDevice implements PortHandler {
  readonly sent: SentReport[] = []
  readonly virtual: VirtualDevice
  readonly port: UsbipPort
  unplugAfter: number | null = null
  private readonly transport: HidTransport
  private wake: () => void = () => undefined
  private isPlugged = true
  private writing: Promise<unknown> = Promise.resolve()

  constructor(row: DriverRow, virtual: VirtualDevice) {
    this.virtual = virtual
    this.transport = virtual.open()
    const { vendorId, productId, manufacturer, product, serial } = virtual
    const { input, output, feature } = row.reportBytes
    const { usagePage = 0xff00, usage = 1 } = row
    this.port = new UsbipPort(
      {
        ...{ vendorId, productId, manufacturer, product, serial },
        reportDescriptor: reportDescriptor({ usagePage, usage, input, output, feature, isNumbered: false }),
        hasOutputEndpoint: output > 0,
      },
      this,
    )
  }

  async plug(): Promise<void> {
    await this.port.plug()
    void this.pump()
  }

  unplug(): void {
    this.isPlugged = false
    this.port.unplug()
    this.wake()
  }

  poke(): void {
    this.wake()
  }

  output(report: Uint8Array): void {
    this.later(() => this.transport.write(Uint8Array.from(report)))
  }

  feature(report: Uint8Array): void {
    this.later(() => this.transport.sendFeature(Uint8Array.from(report)))
  }

  getFeature(): Promise<Uint8Array | null> {
    return Promise.resolve(null)
  }

  private later(work: () => Promise<void>): void {
    this.writing = this.writing.then(work).then(
      () => this.wake(),
      () => this.unplug(),
    )
  }

  /** Gives the kernel a report whenever it asks for one and there is one. */
  private async pump(): Promise<void> {
    while (this.isPlugged) {
      const report = this.port.isAsked() ? await this.transport.read(0).catch(() => this.unplug()) : null
      if (report !== null && report !== undefined) this.give(report)
      else await this.change()
    }
  }

  private give(report: Uint8Array): void {
    if (this.sent.length < SENT_LIMIT) this.sent.push({ atUs: nowUs(), hex: Buffer.from(report).toString('hex') })
    this.port.input(report)
    if (this.unplugAfter === null) return
    this.unplugAfter -= 1
    if (this.unplugAfter <= 0) this.unplug()
  }

  private async change(): Promise<void> {
    const woken = new Promise<void>((resolve) => (this.wake = resolve))
    await (this.port.isAsked() ? Promise.race([woken, delay(LOOK_MS)]) : woken)
  }
}

const devices = new Map<string, PluggedDevice>()

async function obey(order: BusOrder): Promise<SentReport[]> {
  if (order.do === 'plug') return plug(order.key, order.family)
  const device = devices.get(order.key)
  if (device === undefined) throw new Error(`no device ${order.key}`)
  if (order.do === 'sent') return device.sent
  if (order.do === 'unplug') device.unplug()
  if (order.do === 'unplug-after') device.unplugAfter = order.reports
  if (order.do === 'bus-fault') device.port.busFault = order.fault
  if (order.do === 'silence') device.virtual.faults.silent = order.isSilent
  return []
}

async function plug(key: string, family: string): Promise<SentReport[]> {
  const [row, make] = [rowOfFamily(family), RIG_DEVICES[family]]
  if (row === null || make === undefined) throw new Error(`no virtual device for ${family}`)
  const device = new PluggedDevice(row, make(CLOCK))
  devices.set(key, device)
  await device.plug()
  return []
}

process.on('message', (message) => {
  const { number, order } = message as NumberedOrder
  const reply = (error: string | null, sent: SentReport[]): void =>
    void process.send?.({ number, error, sent } satisfies BusReply)
  obey(order).then(
    (sent) => reply(null, sent),
    (error: unknown) => reply(String(error), []),
  )
})
process.send?.({ number: 0, error: null, sent: [] } satisfies BusReply)
