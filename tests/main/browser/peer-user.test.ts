import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { isForeignUser } from '../../../src/main/browser/peer-user.ts'

const own = process.getuid?.() ?? -1
const line = (local: string, remote: string, user: number) =>
  `   3: ${local} ${remote} 01 00000000:00000000 00:00000000 00000000  ${user}        0 123 1 0 20 0 0 10 -1\n`
const table = (user: number) => () =>
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n' +
  // The server's own end, and connections of others with one port in common.
  line('0100007F:1FBB', '0100007F:9C40', own) +
  line('0100007F:9C40', '0100007F:0050', 4242) +
  line('0200007F:9C40', '0100007F:1FBB', 4242) +
  line('0100007F:9C40', '0100007F:1FBB', user)

describe.skipIf(own === -1)('isForeignUser', () => {
  it('tells users apart by the kernel table', () => {
    expect(isForeignUser(40000, 8123, table(own))).toBe(false)
    expect(isForeignUser(40000, 8123, table(own + 1))).toBe(true)
    expect(isForeignUser(40000, 8123, table(0))).toBe(false)
  })

  it('does not guess when the connection is not listed', () => {
    expect(isForeignUser(40001, 8123, table(own + 1))).toBe(false)
    expect(isForeignUser(40000, 8123, () => '')).toBe(false)
  })

  it.skipIf(process.platform !== 'linux')('finds a real connection of this user', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
    const client = connect(port, '127.0.0.1')
    const socket = await accepted
    expect(isForeignUser(socket.remotePort!, socket.localPort!)).toBe(false)
    client.destroy()
    server.close()
  })
})
