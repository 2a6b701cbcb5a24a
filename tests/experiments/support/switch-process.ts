/**
 * The wires between the sites of an experiment: every packet of theirs goes through this process, in a namespace of its own.
 *
 * Arguments: how many sites there are, and what chance begins with.
 */
import { createSocket, type Socket } from 'node:dgram'
import { assert } from '../../../src/shared/errors.ts'
import { type Carried, type Line, Lines, seeded } from './lines.ts'
import { completeChecksum, siteOf } from './vxlan.ts'

/** What an experiment says. */
export type ToSwitch =
  { readonly do: 'set'; readonly from: number; readonly to: number; readonly line: Line } | { readonly do: 'count' }
/** What it hears. */
export type FromSwitch = { readonly on: 'ready' } | { readonly on: 'count'; readonly total: Carried }

/** Of RFC 7348. */
const VXLAN_PORT = 4789
const BUFFER_BYTES = 4 * 1024 * 1024

const [count = '0', seed = '1'] = process.argv.slice(2)
const lines = new Lines(seeded(Number(seed)))
const sites = Array.from({ length: Number(count) }, (_, n) => n + 1)
const sockets = new Map<number, Socket>()

function passOn(from: number, packet: Buffer): void {
  const to = siteOf(packet)
  completeChecksum(packet)
  for (const site of to === 'all' ? sites.filter((one) => one !== from) : [to]) {
    const nowMs = performance.now()
    const arrivesMs = lines.arrival(from, site, packet.length, nowMs)
    if (arrivesMs === null) continue
    const send = () => sockets.get(site)?.send(packet, VXLAN_PORT, `10.255.${site}.2`)
    if (arrivesMs - nowMs < 1) send()
    else setTimeout(send, arrivesMs - nowMs)
  }
}

const tell = (message: FromSwitch) => process.send?.(message)
assert(process.send !== undefined, 'this file is started by an experiment')
process.on('message', (message: ToSwitch) => {
  if (message.do === 'set') lines.set(message.from, message.to, message.line)
  else tell({ on: 'count', total: lines.total() })
})
process.once('disconnect', () => process.exit(0))

for (const site of sites) {
  const socket = createSocket({ type: 'udp4', recvBufferSize: BUFFER_BYTES })
  socket.on('message', (packet) => passOn(site, packet))
  // A site that is just being taken down is no reason to cut the others.
  socket.on('error', () => undefined)
  await new Promise<void>((bound) => socket.bind(VXLAN_PORT, `10.255.${site}.1`, bound))
  sockets.set(site, socket)
}
tell({ on: 'ready' })
