import { EventEmitter } from 'node:events'
import type { Device, HIDAsync } from 'node-hid'
import type { ReportFormat } from '../../../src/main/devices/source.ts'
import { describe, expect, it } from 'vitest'
import { nodeHidSource, type NodeHid } from '../../../src/main/devices/node-hid-source.ts'
import { codeOf } from '../../support/device-world.ts'

const LISTED: Device = {
  vendorId: 0x28e9,
  productId: 0x028a,
  path: '/dev/hidraw3',
  serialNumber: '',
  manufacturer: '',
  product: 'Pulse Oximeter',
  release: 256,
  interface: 0,
  usagePage: 0xff00,
  usage: 1,
}

/** Stands in for an open device of node-hid: what reached it, and what it answers. */
class FakeHid extends EventEmitter {
  readonly calls: string[] = []
  answers: (Buffer | Error | undefined)[] = []
  pending: ((report: undefined) => void) | null = null

  async write(data: number[] | Buffer): Promise<number> {
    this.calls.push(
      `write ${data.length} ${Buffer.from(data)
        .toString('hex')
        .replace(/(00)+$/, '')}`,
    )
    return data.length
  }

  async sendFeatureReport(data: number[] | Buffer): Promise<number> {
    this.calls.push(`feature ${Buffer.from(data).toString('hex')}`)
    return data.length
  }

  async read(timeoutMs?: number): Promise<Buffer | undefined> {
    this.calls.push(`read ${timeoutMs ?? -1}`)
    if (timeoutMs === 9999) return new Promise((resolve) => (this.pending = resolve))
    const answer = this.answers.shift()
    if (answer instanceof Error) throw answer
    return answer
  }

  async close(): Promise<void> {
    this.calls.push('close')
  }
}

const PLAIN: ReportFormat = { reportBytes: { input: 64, output: 64, feature: 0 } }

async function opened(hid = new FakeHid(), format = PLAIN) {
  const api: NodeHid = {
    devicesAsync: async () => [LISTED, { ...LISTED, path: undefined }],
    HIDAsync: { open: async () => hid as unknown as HIDAsync },
  }
  const source = await nodeHidSource(async () => api)
  const infos = await source.list()
  return { hid, infos, transport: await source.open(infos[0]!, format) }
}

describe('the list', () => {
  it('has what can be opened, with empty texts as none', async () => {
    expect((await opened()).infos).toEqual([
      {
        path: '/dev/hidraw3',
        vendorId: 0x28e9,
        productId: 0x028a,
        product: 'Pulse Oximeter',
        manufacturer: null,
        serial: null,
        usagePage: 0xff00,
        usage: 1,
        interface: 0,
        virtual: false,
        source: 'hid',
      },
    ])
  })

  it.each([
    ['cannot be loaded', async () => Promise.reject(new Error('not found'))],
    [
      'lacks its libraries',
      async () => ({
        devicesAsync: async () => Promise.reject(new Error('libusb-1.0.so.0: cannot open shared object file')),
        HIDAsync: { open: async () => Promise.reject(new Error('unused')) },
      }),
    ],
  ])('says so when node-hid %s, and the program goes on', async (_, load) => {
    const source = await nodeHidSource(load)
    expect(await codeOf(() => source.list())).toBe('STACK_MISSING')
    await source.close()
  })
})

describe('an open device', () => {
  it('gets a report id of 0 and full length, and gives reports without it', async () => {
    const { hid, transport } = await opened()
    hid.answers = [Buffer.from([0xf1, 0x35]), undefined, Buffer.alloc(0)]
    await transport.write(Uint8Array.of(0x81, 0x01))
    await transport.sendFeature(Uint8Array.of(0x74, 0xbc))
    expect(await transport.read(20)).toEqual(Uint8Array.of(0xf1, 0x35))
    expect([await transport.read(20), await transport.read(20)]).toEqual([null, null])
    expect(hid.calls.slice(0, 2)).toEqual(['write 65 008101', 'feature 0074bc'])
  })

  it('with numbered reports gets them as the driver made them', async () => {
    const { hid, transport } = await opened(new FakeHid(), { ...PLAIN, numberedReports: true })
    await transport.write(Uint8Array.of(0x04, 0x51, 0x24))
    await transport.sendFeature(Uint8Array.of(0x41, 0x01))
    expect(hid.calls).toEqual(['write 3 045124', 'feature 4101'])
  })

  it('gives coded errors, and survives an error event', async () => {
    const { hid, transport } = await opened()
    hid.answers = [new Error('could not read from HID device: hid_read_timeout: unexpected poll error')]
    hid.emit('error', 'could not read from HID device')
    expect(await codeOf(() => transport.read(20))).toBe('UNPLUGGED')
  })

  it('is closed once, after the read that is under way, and then is gone', async () => {
    const { hid, transport } = await opened()
    const reading = transport.read(9999)
    const closing = Promise.all([transport.close(), transport.close()])
    expect(hid.calls).not.toContain('close')
    hid.pending?.(undefined)
    expect(await reading).toBeNull()
    await closing
    expect(hid.calls.filter((call) => call === 'close')).toHaveLength(1)
    expect(await codeOf(() => transport.read(20))).toBe('UNPLUGGED')
    expect(await codeOf(() => transport.write(Uint8Array.of(1)))).toBe('UNPLUGGED')
  })
})

describe('opening', () => {
  it.each([
    ['Permission denied', 'PERMISSION'],
    ['No such file or directory', 'UNPLUGGED'],
  ])('%s: %s', async (text, code) => {
    const api: NodeHid = {
      devicesAsync: async () => [LISTED],
      HIDAsync: { open: async () => Promise.reject(new Error(text)) },
    }
    const source = await nodeHidSource(async () => api)
    const [info] = await source.list()
    expect(await codeOf(() => source.open(info!, PLAIN))).toBe(code)
  })
})

it('lists with the real node-hid, or says that its libraries are missing', async () => {
  const source = await nodeHidSource()
  const code = await codeOf(async () => {
    for (const info of await source.list()) expect(info.path).not.toBe('')
  })
  expect(['none', 'STACK_MISSING']).toContain(code)
})
