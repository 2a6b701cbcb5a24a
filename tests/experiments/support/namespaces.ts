/**
 * A network of its own for each site: a namespace of the kernel, joined to all others by a switch that can be told what to lose.
 *
 * A site sees one Ethernet to all others (`10.77.0.x`). It is a VXLAN whose other end is a process of ours, so packets are lost, late
 * and slow below TCP, on any kernel that has VXLAN, whether it has netem or not. Namespaces live as long as a process in them:
 * whatever happens to the experiment, nothing is left behind.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'
import { assert } from '../../../src/shared/errors.ts'
import { type Carried, GOOD_LINE, type Line } from './lines.ts'
import type { Place } from './site.ts'
import type { FromSwitch, ToSwitch } from './switch-process.ts'
import { hardwareAddress } from './vxlan.ts'

const SWITCH = join(import.meta.dirname, 'switch-process.ts')
const VXLAN_PORT = 4789
/** So that a packet with everything around it fits into one of the wire. */
const MTU = 1400

/** Why there can be no namespaces here; null when there can. */
export function whyNoNamespaces(): string | null {
  if (process.platform !== 'linux') return 'network namespaces are a thing of Linux'
  if (process.getuid?.() !== 0) return 'only root may make network namespaces'
  const device = 'ip link add x type vxlan id 7 local 10.255.1.2 remote 10.255.1.1 dstport 4789'
  try {
    execFileSync('unshare', ['--net', ...device.split(' ')], { stdio: 'pipe' })
    execFileSync('nsenter', ['--version'], { stdio: 'pipe' })
    return null
  } catch (error) {
    const said = error instanceof Error ? (error.message.split('\n').at(0) ?? '') : ''
    return `unshare, nsenter and ip with VXLAN are needed: ${said}`
  }
}

/** A process that does nothing, in a namespace of its own. It ends with its standard input. */
async function holder(): Promise<ChildProcess> {
  const child = spawn('unshare', ['--net', 'sh', '-c', 'echo there; exec cat'], { stdio: ['pipe', 'pipe', 'ignore'] })
  await new Promise<void>((there, failed) => {
    child.stdout.once('data', () => there())
    child.once('exit', () => failed(new Error('no namespace')))
    child.once('error', failed)
  })
  return child
}

function inside({ pid }: ChildProcess, command: string): void {
  execFileSync('nsenter', [`--net=/proc/${pid}/ns/net`, ...command.split(' ')], { stdio: 'pipe' })
}

/** See the file's comment. Sites are numbered from 1. */
export class Namespaces {
  readonly #hub: ChildProcess
  readonly #sites: readonly ChildProcess[]
  readonly #switch: ChildProcess
  #counted: (total: Carried) => void = () => undefined

  private constructor(hub: ChildProcess, sites: readonly ChildProcess[], wires: ChildProcess) {
    this.#hub = hub
    this.#sites = sites
    this.#switch = wires
    wires.on('message', (message: FromSwitch) => {
      if (message.on === 'count') this.#counted(message.total)
    })
  }

  /** Namespaces for `count` sites; `seed` decides which packets chance takes. */
  static async make(count: number, seed: number): Promise<Namespaces> {
    const hub = await holder()
    const sites: ChildProcess[] = []
    for (let site = 1; site <= count; site++) {
      const child = await holder()
      sites.push(child)
      connect(hub, child, site)
    }
    const args = [`--net=/proc/${hub.pid}/ns/net`, process.execPath, SWITCH, String(count), String(seed)]
    const wires = spawn('nsenter', args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    await new Promise<void>((ready, failed) => {
      wires.once('message', () => ready())
      wires.once('exit', () => failed(new Error('the switch has ended')))
    })
    return new Namespaces(hub, sites, wires)
  }

  /** Where a site runs. */
  place(site: number): Place {
    const pid = this.#sites[site - 1]?.pid
    assert(pid !== undefined, 'there is such a site')
    return { host: `10.77.0.${site}`, wrapper: ['nsenter', `--net=/proc/${pid}/ns/net`] }
  }

  /** Sets what becomes of packets in one direction. */
  set(from: number, to: number, line: Partial<Line>): void {
    this.#tell({ do: 'set', from, to, line: { ...GOOD_LINE, ...line } })
  }

  /** Sets every direction between every two of `groups`, and makes all within a group good. */
  setBetween(groups: readonly (readonly number[])[], line: Partial<Line>): void {
    const groupOf = (site: number) => groups.findIndex((group) => group.includes(site))
    const all = groups.flat()
    for (const from of all)
      for (const to of all) if (from !== to) this.set(from, to, groupOf(from) === groupOf(to) ? {} : line)
  }

  /** What was carried until now. */
  count(): Promise<Carried> {
    return new Promise((counted) => {
      this.#counted = counted
      this.#tell({ do: 'count' })
    })
  }

  async end(): Promise<void> {
    const all = [this.#switch, this.#hub, ...this.#sites]
    const exits = all.map((child) => new Promise<void>((gone) => child.once('exit', () => gone())))
    for (const child of all) child.kill('SIGKILL')
    await Promise.all(exits)
  }

  #tell(message: ToSwitch): void {
    this.#switch.send(message)
  }
}

function connect(hub: ChildProcess, child: ChildProcess, site: number): void {
  inside(hub, `ip link add to${site} type veth peer name wire netns ${child.pid}`)
  inside(hub, `ip addr add 10.255.${site}.1/24 dev to${site}`)
  inside(hub, `ip link set to${site} up`)
  const tunnel = `id 7 local 10.255.${site}.2 remote 10.255.${site}.1 dstport ${VXLAN_PORT} nolearning`
  for (const command of [
    'ip link set lo up',
    `ip addr add 10.255.${site}.2/24 dev wire`,
    'ip link set wire up',
    `ip link add lan address ${hardwareAddress(site)} mtu ${MTU} type vxlan ${tunnel}`,
    // A packet that is larger than the wire would be cut by a network card, and here is none.
    'ip link set lan gso_max_segs 1',
    `ip addr add 10.77.0.${site}/24 dev lan`,
    'ip link set lan up',
  ])
    inside(child, command)
}
