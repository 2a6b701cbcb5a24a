/** Holds the virtual devices and plugs them into this kernel's virtual USB controller. A process of its own, as devices are. */
import { setTimeout as delay } from 'node:timers/promises'
import { rowOfFamily, type DriverRow, type UsbIds } from '../../../src/devices/driver-table.ts'
import type { HidTransport } from '../../../src/devices/driver.ts'
import type { VirtualDevice } from '../../../src/devices/virtual-device.ts'
import { RIG_DEVICES } from '../rig-devices.ts'
import { nowUs, type BusOrder, type BusReply, type NumberedOrder, type SentReport } from './bus-protocol.ts'
import { reportDescriptor } from './report-descriptor.ts'
import { UsbipPort, type PortHandler } from './usbip-port.ts'

/** How often a device that is asked for a report looks whether it has one. */
const LOOK_MS = 4
/** How often the bus asks: a full-speed device each frame, one with reports of 8 bytes as a fast low-speed device. */
const FULL_SPEED_MS = 1
const LOW_SPEED_MS = 4
const LOW_SPEED_BYTES = 8
/** The number of a CP2110's report is its length. */
const COUNTING: ReadonlySet<string> = new Set(['taidoc-10c4-ea80'])
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

  constructor(row: DriverRow, virtual: VirtualDevice, ids: UsbIds) {
    this.virtual = virtual
    this.transport = virtual.open()
    const { manufacturer, product, serial } = virtual
    const { usagePage = 0xff00, usage = 1, numberedReports } = row
    const numbers = numberedReports === true ? (COUNTING.has(row.family) ? 'counting' : 'equal') : 'none'
    const shape = { ...row.reportBytes, usagePage, usage, numbers } as const
    this.port = new UsbipPort(
      {
        ...{ vendorId: ids.vendorId, productId: ids.productId, manufacturer, product, serial },
        reportDescriptor: reportDescriptor(shape),
        hasOutputEndpoint: shape.output > 0,
        interface: row.interface ?? 0,
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
      if (report === null || report === undefined) await this.change()
      else {
        this.give(report)
        await delay(report.length > LOW_SPEED_BYTES ? FULL_SPEED_MS : LOW_SPEED_MS)
      }
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
  if (order.do === 'plug') return plug(order)
  const device = devices.get(order.key)
  if (device === undefined) throw new Error(`no device ${order.key}`)
  if (order.do === 'sent') return device.sent
  if (order.do === 'unplug') device.unplug()
  if (order.do === 'unplug-after') device.unplugAfter = order.reports
  if (order.do === 'bus-fault') device.port.busFault = order.fault
  if (order.do === 'silence') device.virtual.faults.silent = order.isSilent
  return []
}

async function plug({ key, family, ids }: Extract<BusOrder, { do: 'plug' }>): Promise<SentReport[]> {
  const [row, make] = [rowOfFamily(family), RIG_DEVICES[family]]
  if (row === null || make === undefined) throw new Error(`no virtual device for ${family}`)
  const virtual = make(CLOCK)
  const device = new PluggedDevice(row, virtual, ids ?? virtual)
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
// Whoever plugged the devices in is gone.
process.on('disconnect', () => process.exit())
process.send?.({ number: 0, error: null, sent: [] } satisfies BusReply)
