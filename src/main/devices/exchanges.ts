/**
 * Exchanges with devices: open, believe, work, release; one at a time for each connection.
 *
 * @remarks
 * Whatever an exchange ends with, its driver has told the device to stop, and the device is closed, before anybody
 * hears of the end.
 *
 * @packageDocumentation
 */
import type { CaptureLine } from '../../devices/capture-file.ts'
import type { DriverRow } from '../../devices/driver-table.ts'
import type { DeviceIdentity, DriverContext, HidTransport } from '../../devices/driver.ts'
import { apiCodeOf, DeviceError, type DeviceErrorCode } from '../../devices/errors.ts'
import { recordingTransport } from '../../devices/replay.ts'
import type { ApiCode } from '../../shared/api/codes.ts'
import type { Device } from '../../shared/api/schemas.ts'
import type { LiveSession } from './live-session.ts'
import type { DeviceInfo, DeviceSource } from './source.ts'

/** A plugged-in device and what we know of it. */
export interface Slot {
  readonly id: string
  readonly info: DeviceInfo
  /** Families that it may be of, the likelier first. */
  readonly rows: readonly DriverRow[]
  /** The family that answered the probe, until then the likeliest. */
  row: DriverRow
  readonly source: DeviceSource
  /** Who answered the probe; null until it was answered. */
  identity: DeviceIdentity | null
  status: Device['status']
  problem: ApiCode | null
  /** The running stream. */
  session: LiveSession | null
  /** The reports of the newest exchange, from its start, up to {@link RECORD_LIMIT}. */
  exchange: CaptureLine[]
}

/** A quarter of an hour of an oximeter, or any memory: enough to see what went wrong. */
const RECORD_LIMIT = 20_000

/** What an exchange is given by who asked for it. */
export interface ExchangeCaller {
  signal: { readonly aborted: boolean }
  progress?: ((done: number, total: number) => void) | undefined
}

/** Codes that tell of the moment, not of the device. */
const NOT_ITS_FAULT: readonly DeviceErrorCode[] = ['CANCELLED', 'NO_FINGER', 'NOT_SETTLED', 'UNPLUGGED']

/** How a device answers the probe of a family that it is not of. */
const MAY_BE_ANOTHER: readonly DeviceErrorCode[] = ['WRONG_MODEL', 'SILENT', 'PROTOCOL', 'CHECKSUM']

/** All running exchanges of a hub. */
export class Exchanges {
  /** By connection; each settles when the device is released. */
  private readonly running = new Map<string, Promise<undefined>>()
  private readonly nowMs: () => number
  private readonly onChange: () => void
  private readonly onUnplugged: () => void
  private closed = false
  private interrupted = false

  /**
   * @param nowMs - Clock for time-outs, never going back.
   * @param onChange - Called after a slot's status or problem has changed.
   * @param onUnplugged - Called when an exchange found its device gone.
   */
  constructor(nowMs: () => number, onChange: () => void, onUnplugged: () => void) {
    this.nowMs = nowMs
    this.onChange = onChange
    this.onUnplugged = onUnplugged
  }

  /** Is there an exchange with this device? */
  isRunning(slot: Slot): boolean {
    return this.running.has(slot.id)
  }

  /** Asks all exchanges to end, and waits for them. */
  async close(): Promise<void> {
    this.closed = true
    await Promise.all(this.running.values())
  }

  /** Ends all exchanges, and waits for them. Others may begin. */
  async interrupt(): Promise<void> {
    this.interrupted = true
    await Promise.all(this.running.values())
    this.interrupted = false
  }

  /**
   * Opens the device, makes sure who it is, does `work`, and releases the device.
   *
   * @throws DeviceError `BUSY` while another exchange runs, `WRONG_MODEL`, and what opening, probing and work throw.
   */
  async run<Value>(
    slot: Slot,
    caller: ExchangeCaller,
    work: (context: DriverContext) => Promise<Value>,
  ): Promise<Value> {
    if (slot.status === 'unsupported') throw new DeviceError('WRONG_MODEL', slot.id)
    if (this.isRunning(slot)) throw new DeviceError('BUSY', slot.id)
    const released = Promise.withResolvers<undefined>()
    this.running.set(slot.id, released.promise)
    slot.exchange = []
    this.setStatus(slot, 'connecting', slot.problem)
    const release = (): void => {
      slot.session = null
      this.running.delete(slot.id)
      released.resolve(undefined)
    }
    try {
      const value = await this.opened(slot, caller, work)
      release()
      this.setStatus(slot, 'ready', null)
      return value
    } catch (error) {
      release()
      this.noteFailure(slot, error)
      throw error
    }
  }

  private async opened<Value>(
    slot: Slot,
    { signal, progress = () => undefined }: ExchangeCaller,
    work: (context: DriverContext) => Promise<Value>,
  ): Promise<Value> {
    const isStopped = (): boolean => this.closed || this.interrupted
    const either = {
      get aborted() {
        return signal.aborted || isStopped()
      },
    }
    const common = { signal: either, nowMs: this.nowMs, progress }
    if (slot.identity === null && slot.rows.length > 1) await this.tellApart(slot, common)
    return this.withTransport(slot, slot.row, async (transport) => {
      const context = { ...common, transport }
      slot.identity ??= await slot.row.driver.probe(context)
      this.setStatus(slot, 'measuring', null)
      return work(context)
    })
  }

  /** Probes a device that may be of several families until one of them knows it. */
  private async tellApart(slot: Slot, common: Omit<DriverContext, 'transport'>): Promise<void> {
    let failure: DeviceError | null = null
    for (const row of slot.rows) {
      try {
        slot.identity = await this.withTransport(slot, row, (transport) => row.driver.probe({ ...common, transport }))
        slot.row = row
        return
      } catch (error) {
        if (!(error instanceof DeviceError) || !MAY_BE_ANOTHER.includes(error.code)) throw error
        failure ??= error
      }
    }
    throw failure ?? new DeviceError('WRONG_MODEL', slot.id)
  }

  private async withTransport<Value>(
    { source, info, exchange }: Slot,
    row: DriverRow,
    use: (transport: HidTransport) => Promise<Value>,
  ): Promise<Value> {
    const opened = await source.open(info, row)
    const transport = recordingTransport(opened, (line) => {
      if (exchange.length < RECORD_LIMIT) exchange.push(line)
    })
    try {
      return await use(transport)
    } finally {
      await transport.close()
    }
  }

  private noteFailure(slot: Slot, error: unknown): void {
    const code = error instanceof DeviceError ? error.code : null
    // What comes back to this port may be another device.
    if (code === 'UNPLUGGED') slot.identity = null
    if (code === 'WRONG_MODEL') this.setStatus(slot, 'unsupported', apiCodeOf(code))
    else if (code === null || NOT_ITS_FAULT.includes(code)) this.setStatus(slot, 'ready', null)
    else this.setStatus(slot, 'needs-attention', apiCodeOf(code))
    if (code === 'UNPLUGGED') this.onUnplugged()
  }

  private setStatus(slot: Slot, status: Slot['status'], problem: ApiCode | null): void {
    if (slot.status === status && slot.problem === problem) return
    slot.status = status
    slot.problem = problem
    this.onChange()
  }
}
