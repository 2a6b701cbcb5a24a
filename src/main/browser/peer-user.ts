import { readFileSync } from 'node:fs'

/** `127.0.0.1` as the kernel prints it: four bytes, least significant first. */
const LOOPBACK = '0100007F'
/** Columns of a line of /proc/net/tcp. */
const LOCAL = 1
const REMOTE = 2
const USER = 7

/**
 * Whether the other end of a loopback connection belongs to another user of this machine.
 *
 * @remarks
 * A launch address stands on the browser's command line, which every local user can read, so on Linux the kernel is
 * asked who connected. Elsewhere the answer is no: Windows shows command lines to their user alone, and macOS has no
 * such table.
 *
 * @param remotePort - Port of the other end.
 * @param ownPort - Port of this server.
 * @param table - Reads the kernel's table; another one in tests.
 */
export function isForeignUser(remotePort: number, ownPort: number, table: () => string = readTable): boolean {
  const own = process.getuid?.()
  const user = own === undefined ? null : userOf(table(), remotePort, ownPort)
  // Root can read everything anyway.
  return user !== null && user !== own && user !== 0
}

function userOf(table: string, remotePort: number, ownPort: number): number | null {
  const local = `${LOOPBACK}:${hex(remotePort)}`
  const remote = `${LOOPBACK}:${hex(ownPort)}`
  for (const line of table.split('\n')) {
    const columns = line.trim().split(/\s+/)
    if (columns[LOCAL] === local && columns[REMOTE] === remote) return Number(columns[USER])
  }
  return null
}

function hex(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0')
}

function readTable(): string {
  try {
    return readFileSync('/proc/net/tcp', 'utf8')
  } catch {
    return ''
  }
}
