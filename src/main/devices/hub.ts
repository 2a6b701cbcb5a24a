/**
 * All devices of this machine: which there are, what state they are in, and one exchange at a time with each.
 *
 * @remarks
 * The hub polls its sources and compares: node-hid has no plug events. A device is believed to be what it claims
 * once its driver's probe has been answered; until it is unplugged that is remembered. Whatever an exchange ends
 * with, the driver has told the device to stop and the device is closed before the next one can start. Proven by
 * `tests/main/devices/hub.test.ts`.
 *
 * @packageDocumentation
 */
import { createHash } from 'node:crypto'
import { match } from '../../devices/driver-table.ts'
import { withoutNames } from '../../devices/blank-names.ts'
import type { Capture } from '../../devices/capture-file.ts'
import { waysOf, type LiveDriver, type MemoryReadout } from '../../devices/driver.ts'
import { apiCodeOf, DeviceError } from '../../devices/errors.ts'
import type { Measurement } from '../../devices/measurement.ts'
import { take, type StableWindow } from '../../devices/stable-window.ts'
import type { ApiCode } from '../../shared/api/codes.ts'
import type { Device } from '../../shared/api/schemas.ts'
import { Exchanges, type Slot } from './exchanges.ts'
import { LiveSession, type HubSample } from './live-session.ts'
import type { DeviceInfo, DeviceSource } from './source.ts'

/** A plugged-in device, without what the ledger knows about it. */
export type HubDevice = Omit<Device, 'enrolment'>

/** A device's newest exchange, for whoever is asked for help. */
export interface RecordedExchange {
  family: string
  /** Without names of persons. */
  capture: Capture
}

/** A read-out and when it was made. */
export interface HubReadout extends MemoryReadout {
  /** Clock of the hub when the device's own clock was read. */
  readAtMs: number
}

/** How an exchange can be given up. */
export interface ExchangeOptions {
  signal: { readonly aborted: boolean }
}

/** How a read-out can be given up and watched. */
export interface ReadOptions extends ExchangeOptions {
  /** Called with records read of records to read. */
  progress?: (done: number, total: number) => void
}

/** The machine's devices. */
export interface Hub {
  /** Lists for the first time, then polls. */
  start(): Promise<void>
  /** Devices of known families, in the order of their sources. */
  devices(): HubDevice[]
  /** Why real devices cannot work on this machine, or null. */
  stackProblem(): ApiCode | null
  /** Calls `listener` after each change of `devices()` or `stackProblem()`. Returns the way to stop that. */
  onChange(listener: () => void): () => void
  /** Lists now. Resolves when the state is up to date. */
  rescan(): Promise<void>
  /**
   * Reads a device's memory.
   *
   * @throws DeviceError any code but the oximeter's own.
   */
  readMemory(connectionId: string, options: ReadOptions): Promise<HubReadout>
  /**
   * Hands over each measurement as a device finishes it, until the signal aborts, which ends it quietly.
   *
   * @throws DeviceError any code of opening, probing and measuring.
   */
  measure(
    connectionId: string,
    options: ExchangeOptions,
    take: (measurement: Measurement, readAtMs: number) => void,
  ): Promise<void>
  /**
   * What was said in the newest exchange with a device; nothing before the first.
   *
   * @throws DeviceError `NOT_CONNECTED`.
   */
  exchange(connectionId: string): RecordedExchange
  /**
   * Streams until the consumer stops or the signal aborts, which ends the iterator quietly.
   *
   * @throws DeviceError while iterating: any code of opening, probing and streaming.
   */
  live(connectionId: string, options: ExchangeOptions): AsyncGenerator<HubSample, void, undefined>
  /**
   * The present value of a running stream.
   *
   * @throws DeviceError `NOT_CONNECTED` without a running stream, `NO_FINGER`, `NOT_SETTLED`.
   */
  stableWindow(connectionId: string): StableWindow
  /** Ends all exchanges, waits for their ends, and closes the sources. */
  close(): Promise<void>
}

/** What a hub is made of. */
export interface HubOptions {
  sources: readonly DeviceSource[]
  /** Wall clock, milliseconds since 1970. */
  nowMs: () => number
  /** Clock for time-outs; by default the process's own. */
  monotonicMs?: () => number
  /** Between the end of one listing and the start of the next. */
  pollMs?: number
}

/** The name of a connection: the same while the device is plugged in, and short whatever the system's path is. */
export function connectionIdOf(info: Pick<DeviceInfo, 'source' | 'path'>): string {
  return `${info.source}:${createHash('sha256').update(info.path).digest('hex').slice(0, 16)}`
}

/** A hub; call `start`. */
export function createHub(options: HubOptions): Hub {
  return new PollingHub(options)
}

/** A poll that comes this late says that the computer slept. */
const SLEPT_MS = 30_000

class PollingHub implements Hub {
  private readonly options: HubOptions
  private readonly listeners = new Set<() => void>()
  private readonly exchanges: Exchanges
  private slots: Slot[] = []
  private problem: ApiCode | null = null
  private scanning: Promise<void> | null = null
  private timer: NodeJS.Timeout | null = null
  private closed = false

  constructor(options: HubOptions) {
    this.options = options
    this.exchanges = new Exchanges(
      options.monotonicMs ?? (() => performance.now()),
      () => this.changed(),
      () => void this.rescan(),
    )
  }

  async start(): Promise<void> {
    await this.rescan()
    this.pollLater()
  }

  devices(): HubDevice[] {
    return this.slots.map((slot) => describe(slot))
  }

  stackProblem(): ApiCode | null {
    return this.problem
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  async rescan(): Promise<void> {
    // A listing that is under way may have missed what the caller knows of: wait for it, then list again.
    while (this.scanning !== null) await this.scanning
    if (this.closed) return
    this.scanning = this.scan().finally(() => (this.scanning = null))
    await this.scanning
  }

  async readMemory(connectionId: string, options: ReadOptions): Promise<HubReadout> {
    const slot = this.slotOf(connectionId)
    const { read } = slot.row.driver
    if (read === undefined) throw new DeviceError('PROTOCOL', 'this device has no memory we read')
    return this.exchanges.run(slot, options, async (context) => {
      const readout = await read(context)
      return { ...readout, readAtMs: this.options.nowMs() }
    })
  }

  async measure(
    connectionId: string,
    options: ExchangeOptions,
    take: (measurement: Measurement, readAtMs: number) => void,
  ): Promise<void> {
    const slot = this.slotOf(connectionId)
    const { spot } = slot.row.driver
    if (spot === undefined) throw new DeviceError('PROTOCOL', 'this device does not measure by itself')
    await this.exchanges.run(slot, options, async (context) => {
      for await (const measurement of spot(context)) {
        take(measurement, this.options.nowMs())
        if (context.signal.aborted) return
      }
    })
  }

  exchange(connectionId: string): RecordedExchange {
    const { row, exchange } = this.slotOf(connectionId)
    return { family: row.family, capture: withoutNames(row.family, exchange) }
  }

  async *live(connectionId: string, { signal }: ExchangeOptions): AsyncGenerator<HubSample, void, undefined> {
    const slot = this.slotOf(connectionId)
    const { live } = slot.row.driver
    if (live === undefined) throw new DeviceError('PROTOCOL', 'this device does not stream')
    const consumer = { gone: false }
    const session = this.startSession(slot, live, () => signal.aborted || consumer.gone)
    try {
      for (let sample = await session.next(); sample !== null; sample = await session.next()) yield sample
    } finally {
      consumer.gone = true
      await session.over
    }
  }

  stableWindow(connectionId: string): StableWindow {
    const { session } = this.slotOf(connectionId)
    if (session === null) throw new DeviceError('NOT_CONNECTED', 'no stream is running')
    const state = session.state()
    if (!state.finger) throw new DeviceError('NO_FINGER', 'no finger is in')
    const window = take(state)
    if (window === null) throw new DeviceError('NOT_SETTLED', `${state.seconds.length} s are not enough`)
    return window
  }

  async close(): Promise<void> {
    this.closed = true
    if (this.timer !== null) clearTimeout(this.timer)
    await this.scanning
    await this.exchanges.close()
    await Promise.all(this.options.sources.map((source) => source.close()))
    this.listeners.clear()
  }

  private slotOf(connectionId: string): Slot {
    const slot = this.slots.find(({ id }) => id === connectionId)
    if (slot === undefined || this.closed) throw new DeviceError('NOT_CONNECTED', connectionId)
    return slot
  }

  private pollLater(): void {
    if (this.closed) return
    const pollMs = this.options.pollMs ?? 2000
    const startMs = this.options.nowMs()
    this.timer = setTimeout(() => {
      const slept = this.options.nowMs() - startMs > pollMs + SLEPT_MS
      void (slept ? this.wake() : this.rescan()).finally(() => this.pollLater())
    }, pollMs)
    // Polling alone does not keep the process alive.
    this.timer.unref()
  }

  /** The computer slept: what stands at a port now may be another device than before. */
  private async wake(): Promise<void> {
    await this.exchanges.interrupt()
    for (const slot of this.slots) slot.identity = null
    await this.rescan()
  }

  private async scan(): Promise<void> {
    const listings = await Promise.all(this.options.sources.map((source) => this.listOf(source)))
    if (this.closed) return
    const before = JSON.stringify([this.devices(), this.problem])
    this.slots = listings.flatMap(({ slots }) => slots)
    this.problem = listings.find(({ problem }) => problem !== null)?.problem ?? null
    if (JSON.stringify([this.devices(), this.problem]) !== before) this.changed()
  }

  /** A source's slots: those known stay, with what is known of them. */
  private async listOf(source: DeviceSource): Promise<{ slots: Slot[]; problem: ApiCode | null }> {
    try {
      const infos = await source.list()
      const found = infos.flatMap((info) => this.slotFor(info, source))
      return { slots: [...found, ...this.unlistedInUse(source, found)], problem: null }
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error
      return { slots: this.slots.filter((slot) => slot.source === source), problem: apiCodeOf(error.code) }
    }
  }

  /** Some drivers hide a device from the list while it is open: its own exchange notices when it is really gone. */
  private unlistedInUse(source: DeviceSource, found: readonly Slot[]): Slot[] {
    return this.slots.filter(
      (slot) => slot.source === source && this.exchanges.isRunning(slot) && !found.includes(slot),
    )
  }

  private slotFor(info: DeviceInfo, source: DeviceSource): Slot[] {
    const rows = match(info)
    const [row] = rows
    if (row === undefined) return []
    const id = connectionIdOf(info)
    const known = this.slots.find((slot) => slot.id === id && isSame(slot.info, info))
    const fresh = { identity: null, status: 'ready', problem: null, session: null } as const
    return [known ?? { id, info, rows, row, source, ...fresh, exchange: [] }]
  }

  private startSession(slot: Slot, live: LiveDriver['live'], isUnwanted: () => boolean): LiveSession {
    const signal = {
      get aborted() {
        return isUnwanted()
      },
    }
    const session: LiveSession = new LiveSession(async (push) => {
      try {
        await this.exchanges.run(slot, { signal }, async (context) => {
          slot.session = session
          const startMs = context.nowMs()
          for await (const sample of live(context)) push({ ...sample, atMs: sample.atMs - startMs })
        })
      } catch (error) {
        // Whoever gave up while the device was still being asked who it is need not hear of it.
        if (!(error instanceof DeviceError) || error.code !== 'CANCELLED') throw error
      }
    })
    return session
  }

  private changed(): void {
    for (const listener of this.listeners) listener()
  }
}

/** What a listing says of a device that was not unplugged in between. */
function isSame(a: DeviceInfo, b: DeviceInfo): boolean {
  return a.vendorId === b.vendorId && a.productId === b.productId && a.product === b.product && a.serial === b.serial
}

function describe({ id, info, row, identity, status, problem }: Slot): HubDevice {
  return {
    connectionId: id,
    family: row.family,
    name: row.name,
    proven: row.proven,
    mode: waysOf(row.driver)[0] ?? null,
    memory: row.driver.read !== undefined,
    kinds: [...row.kinds],
    serial: (identity?.serial ?? info.serial)?.slice(0, 80) ?? null,
    port: info.path.slice(0, 120),
    virtual: info.virtual,
    status,
    problem,
  }
}
