/**
 * Ethernet frames in UDP datagrams (RFC 7348), as the kernel of a site hands them to the switch.
 *
 * Checksums of TCP are left to the network card, and here is none: the switch works them out.
 */

/** Bytes before the frame. */
const VXLAN_HEADER = 8
const ETHERNET_HEADER = 14
const IPV4 = 0x0800
const TCP = 6

/** Number of a site in the last byte of its address; every other address is for all. */
export function siteOf(packet: Buffer): number | 'all' {
  const isGroup = ((packet[VXLAN_HEADER] ?? 1) & 1) === 1
  return isGroup ? 'all' : (packet[VXLAN_HEADER + 5] ?? 0)
}

/** Hardware address of a site. */
export function hardwareAddress(site: number): string {
  return `02:00:00:00:00:${site.toString(16).padStart(2, '0')}`
}

/** Puts the checksum of a TCP segment in, where there is one. */
export function completeChecksum(packet: Buffer): void {
  const ip = VXLAN_HEADER + ETHERNET_HEADER
  if (packet.length < ip + 40 || packet.readUInt16BE(ip - 2) !== IPV4 || packet[ip + 9] !== TCP) return
  const tcp = ip + ((packet[ip] ?? 0) & 15) * 4
  const end = ip + packet.readUInt16BE(ip + 2)
  if (end > packet.length || tcp + 20 > end) return
  packet.writeUInt16BE(0, tcp + 16)
  let sum = TCP + (end - tcp)
  for (let at = ip + 12; at < ip + 20; at += 2) sum += packet.readUInt16BE(at)
  for (let at = tcp; at + 1 < end; at += 2) sum += packet.readUInt16BE(at)
  if ((end - tcp) % 2 === 1) sum += (packet[end - 1] ?? 0) << 8
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  packet.writeUInt16BE(~sum & 0xffff, tcp + 16)
}
