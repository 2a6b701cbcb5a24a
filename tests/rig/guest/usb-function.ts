/** What a USB device says about itself. */
export interface UsbIdentity {
  vendorId: number
  productId: number
  manufacturer: string
  product: string
  /** Null for a device without. */
  serial: string | null
  reportDescriptor: Buffer
  /** Without one, output reports come as control requests. */
  hasOutputEndpoint: boolean
  /** Number of the interface that reports are of; those before it are keyboards on which nobody types. */
  interface: number
}

/** What the device does with reports, in the form in which the bus carries them. */
export interface ReportHandler {
  output(report: Uint8Array): void
  feature(report: Uint8Array): void
  /** The answer to a GET_REPORT for a feature report, or null for a stall. */
  getFeature(number: number, length: number): Promise<Uint8Array | null>
}

/** A control request as the bus carries it. */
export interface SetupPacket {
  type: number
  request: number
  value: number
  index: number
  length: number
}

/** The device has no such thing. */
export const STALL = Symbol('stall')

const INTERVAL_MS = 1
const PACKET_BYTES = 64
const FEATURE_REPORT = 3
/** HID 1.11, appendix B.1, with modifier keys only. */
const KEYBOARD = Buffer.from([
  ...[0x05, 0x01, 0x09, 0x06, 0xa1, 0x01, 0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7],
  ...[0x15, 0x00, 0x25, 0x01, 0x75, 0x01, 0x95, 0x08, 0x81, 0x02, 0xc0],
])

/** Answers the control requests of a HID device: USB 2.0 chapter 9, HID 1.11 section 7. */
export class UsbFunction {
  private readonly identity: UsbIdentity
  private readonly handler: ReportHandler

  constructor(identity: UsbIdentity, handler: ReportHandler) {
    this.identity = identity
    this.handler = handler
  }

  /** Number of the endpoint of the reports, in both directions. */
  get endpoint(): number {
    return this.identity.interface + 1
  }

  /** Bytes for the host, none for a request that sends some, or a stall. */
  async control(setup: SetupPacket, sent: Uint8Array): Promise<Buffer | typeof STALL> {
    const answer = await this.answer(setup, sent)
    return answer === STALL ? STALL : answer.subarray(0, setup.length)
  }

  private async answer(
    { type, request, value, index: at, length }: SetupPacket,
    sent: Uint8Array,
  ): Promise<Buffer | typeof STALL> {
    const [kind, index] = [value >> 8, value & 0xff]
    const isFeature = kind === FEATURE_REPORT
    switch (`${type.toString(16)} ${request}`) {
      case '80 6':
        return this.descriptor(kind, index)
      case '81 6':
        return this.hidDescriptor(kind, at)
      case '80 0':
      case '81 0':
      case '82 0':
        return Buffer.alloc(2)
      case 'a1 1':
        return isFeature ? this.feature(index, length) : STALL
      case '21 9':
        if (isFeature) this.handler.feature(sent)
        else this.handler.output(sent)
        return Buffer.alloc(0)
      // Clearing and setting features, address, configuration and interface; SET_IDLE.
      case '0 1':
      case '0 3':
      case '2 1':
      case '0 9':
      case '1 11':
      case '21 10':
        return Buffer.alloc(0)
      default:
        return STALL
    }
  }

  private descriptor(kind: number, index: number): Buffer | typeof STALL {
    if (kind === 1) return this.deviceDescriptor()
    if (kind === 2) return this.configuration()
    return kind === 3 ? this.string(index) : STALL
  }

  private hidDescriptor(kind: number, interfaceNumber: number): Buffer | typeof STALL {
    if (kind === 0x22) return this.reportsOf(interfaceNumber)
    return kind === 0x21 ? this.hidHead(interfaceNumber) : STALL
  }

  private reportsOf(interfaceNumber: number): Buffer {
    return interfaceNumber === this.identity.interface ? this.identity.reportDescriptor : KEYBOARD
  }

  private async feature(number: number, length: number): Promise<Buffer | typeof STALL> {
    const answer = await this.handler.getFeature(number, length)
    return answer === null ? STALL : Buffer.from(answer)
  }

  private deviceDescriptor(): Buffer {
    const { vendorId, productId, serial } = this.identity
    const strings = [1, 2, serial === null ? 0 : 3]
    return Buffer.from([18, 1, 0x00, 0x02, 0, 0, 0, 64, ...le16(vendorId), ...le16(productId), 0, 1, ...strings, 1])
  }

  private hidHead(interfaceNumber: number): Buffer {
    return Buffer.from([9, 0x21, 0x11, 0x01, 0, 1, 0x22, ...le16(this.reportsOf(interfaceNumber).length)])
  }

  private configuration(): Buffer {
    const count = this.endpoint
    const body = Array.from({ length: count }, (_, index) => this.interfaceDescriptor(index)).flat()
    return Buffer.from([9, 2, ...le16(9 + body.length), count, 1, 0, 0x80, 50, ...body])
  }

  private interfaceDescriptor(index: number): number[] {
    const hasOutput = index === this.identity.interface && this.identity.hasOutputEndpoint
    const endpoints = [0x81 + index, ...(hasOutput ? [0x01 + index] : [])]
    return [
      ...[9, 4, index, 0, endpoints.length, 3, 0, 0, 0],
      ...this.hidHead(index),
      ...endpoints.flatMap((endpoint) => [7, 5, endpoint, 3, ...le16(PACKET_BYTES), INTERVAL_MS]),
    ]
  }

  private string(index: number): Buffer | typeof STALL {
    if (index === 0) return Buffer.from([4, 3, 9, 4])
    const { manufacturer, product, serial } = this.identity
    const text = [manufacturer, product, serial][index - 1]
    if (text === undefined || text === null) return STALL
    const units = Buffer.from(text, 'utf16le')
    return Buffer.concat([Buffer.from([2 + units.length, 3]), units])
  }
}

const le16 = (value: number): [number, number] => [value & 0xff, value >> 8]
