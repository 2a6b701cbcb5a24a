import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { STALL, UsbFunction, type ReportHandler, type UsbIdentity } from './usb-function.ts'

/** What the bus does with an output report instead of delivering it. */
export type BusFault = 'stall' | 'error' | 'hang'

const CONTROLLER = '/sys/devices/platform/vhci_hcd.0'
const FULL_SPEED = 2
const HEAD_BYTES = 48
const SUBMIT = 1
const UNLINK = 2
const SUBMITTED = 3
const UNLINKED = 4
const EPIPE = -32
const EPROTO = -71
const ECONNRESET = -104

interface Waiting {
  sequence: number
  /** Never answered. */
  isHung: boolean
}

/** The firmware behind the port: asked for an input report whenever the host waits for one. */
export interface PortHandler extends ReportHandler {
  /** The host now waits for an input report, or an output report has come. */
  poke(): void
}

/**
 * A USB device on a port of this kernel's own virtual host controller: one end of a loopback connection is given to
 * the kernel, the other one speaks USB/IP. For the kernel it is a USB device as any other. Needs root.
 */
export class UsbipPort {
  busFault: BusFault | null = null
  private readonly usb: UsbFunction
  private readonly handler: PortHandler
  private held = Buffer.alloc(0)
  private waiting: Waiting[] = []
  private ends: { kernel: Socket; device: Socket; port: number } | null = null

  constructor(identity: UsbIdentity, handler: PortHandler) {
    this.usb = new UsbFunction(identity, handler)
    this.handler = handler
  }

  async plug(): Promise<void> {
    const listener = createServer({ noDelay: true }).listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const accepted = once(listener, 'connection') as Promise<[Socket]>
    const kernel = connect({ port: (listener.address() as AddressInfo).port, host: '127.0.0.1', noDelay: true })
    await once(kernel, 'connect')
    const [device] = await accepted
    listener.close()
    // From here on the kernel reads this end.
    const { fd } = stopReading(kernel)
    device.on('data', (bytes) => this.take(bytes))
    device.on('error', () => undefined)
    const port = freePort()
    writeFileSync(`${CONTROLLER}/attach`, `${port} ${fd} ${0x10000 + port} ${FULL_SPEED}`)
    this.ends = { kernel, device, port }
  }

  unplug(): void {
    if (this.ends === null) return
    const { kernel, device, port } = this.ends
    this.ends = null
    this.waiting = []
    writeFileSync(`${CONTROLLER}/detach`, `${port}`)
    kernel.destroy()
    device.destroy()
  }

  /** Does the host wait for an input report? */
  isAsked(): boolean {
    return this.ends !== null && this.waiting.some(({ isHung }) => !isHung)
  }

  /** Answers the longest waiting request for an input report. */
  input(report: Uint8Array): void {
    const index = this.waiting.findIndex(({ isHung }) => !isHung)
    const [asked] = index < 0 ? [] : this.waiting.splice(index, 1)
    if (asked !== undefined) this.submitted(asked.sequence, 0, report.length, report)
  }

  private take(bytes: Uint8Array): void {
    this.held = Buffer.concat([this.held, bytes])
    for (let length = this.packetLength(); length !== null; length = this.packetLength()) {
      const packet = this.held.subarray(0, length)
      this.held = this.held.subarray(length)
      this.handle(packet)
    }
  }

  /** Length of the packet that `held` begins with, once it is there. */
  private packetLength(): number | null {
    if (this.held.length < HEAD_BYTES) return null
    const isSubmit = this.held.readUInt32BE(0) === SUBMIT
    const length = HEAD_BYTES + (isSubmit && !isInward(this.held) ? this.held.readUInt32BE(24) : 0)
    return this.held.length < length ? null : length
  }

  private handle(packet: Buffer): void {
    const sequence = packet.readUInt32BE(4)
    const endpoint = packet.readUInt32BE(16)
    if (packet.readUInt32BE(0) === UNLINK) this.unlink(sequence, packet.readUInt32BE(20))
    else if (endpoint === 0) void this.control(packet, sequence)
    else if (isInward(packet)) this.asked(sequence, endpoint)
    else this.output(sequence, packet.subarray(HEAD_BYTES))
  }

  private asked(sequence: number, endpoint: number): void {
    // Nothing ever comes from the keyboards.
    this.waiting.push({ sequence, isHung: endpoint !== this.usb.endpoint })
    this.handler.poke()
  }

  private unlink(sequence: number, target: number): void {
    const index = this.waiting.findIndex((one) => one.sequence === target)
    if (index >= 0) this.waiting.splice(index, 1)
    this.send(UNLINKED, sequence, [index >= 0 ? ECONNRESET : 0])
  }

  private output(sequence: number, report: Buffer): void {
    if (this.busFault === 'hang') this.waiting.push({ sequence, isHung: true })
    else if (this.busFault === 'stall') this.submitted(sequence, EPIPE, 0)
    else if (this.busFault === 'error') this.submitted(sequence, EPROTO, 0)
    else {
      this.submitted(sequence, 0, report.length)
      this.handler.output(report)
    }
  }

  private async control(packet: Buffer, sequence: number): Promise<void> {
    const setup = {
      type: packet.readUInt8(40),
      request: packet.readUInt8(41),
      value: packet.readUInt16LE(42),
      index: packet.readUInt16LE(44),
      length: packet.readUInt16LE(46),
    }
    const sent = packet.subarray(HEAD_BYTES)
    const answer = await this.usb.control(setup, sent)
    if (answer === STALL) this.submitted(sequence, EPIPE, 0)
    else if (isInward(packet)) this.submitted(sequence, 0, answer.length, answer)
    else this.submitted(sequence, 0, sent.length)
  }

  private submitted(sequence: number, status: number, length: number, bytes: Uint8Array = new Uint8Array()): void {
    this.send(SUBMITTED, sequence, [status, length, 0, -1, 0], bytes)
  }

  private send(command: number, sequence: number, words: number[], bytes: Uint8Array = new Uint8Array()): void {
    const head = Buffer.alloc(HEAD_BYTES)
    head.writeUInt32BE(command, 0)
    head.writeUInt32BE(sequence, 4)
    for (const [index, word] of words.entries()) head.writeInt32BE(word, 20 + 4 * index)
    this.ends?.device.write(Buffer.concat([head, bytes]))
  }
}

const isInward = (packet: Buffer): boolean => packet.readUInt32BE(12) === 1

/** Node has no public way to a socket's descriptor, nor to hand the socket to somebody else. */
function stopReading(socket: Socket): { fd: number } {
  const { _handle: handle } = socket as unknown as { _handle: { fd: number; readStop(): void } }
  handle.readStop()
  return handle
}

/** The first full-speed port of the controllers that nothing is on. Ports are counted through all of them. */
function freePort(): number {
  const files = readdirSync(CONTROLLER).filter((name) => name.startsWith('status'))
  for (const file of files.sort()) {
    const [, port] = /^hs\s+(\d+)\s+004/m.exec(readFileSync(join(CONTROLLER, file), 'utf8')) ?? []
    if (port !== undefined) return Number(port)
  }
  throw new Error('all ports of the virtual controllers are taken')
}
