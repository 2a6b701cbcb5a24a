/**
 * A whole API thread around a vault in memory: real hub, virtual devices in time of their own, real router.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { createORPCClient } from '@orpc/client'
import { RPCLink } from '@orpc/client/message-port'
import type { ContractRouterClient } from '@orpc/contract'
import { RPCHandler } from '@orpc/server/message-port'
import { onTestFinished } from 'vitest'
import { createVirtualOximeter } from '../../src/devices/virtual-contec.ts'
import { createVirtualMonitor } from '../../src/devices/virtual-omron.ts'
import { createVirtualPatient, type VirtualRecord } from '../../src/devices/virtual-patient.ts'
import { ApiFailure } from '../../src/main/core/failure.ts'
import type { EnrolledDevice } from '../../src/main/core/vault-service.ts'
import type { VaultListeners } from '../../src/main/core/vault-thread.ts'
import { startWorkstation, type Workstation } from '../../src/main/core/workstation.ts'
import { connect, serve } from '../../src/main/core/worker-port.ts'
import type { VaultService } from '../../src/main/core/vault-service.ts'
import { connectionIdOf, createHub } from '../../src/main/devices/hub.ts'
import { virtualSource } from '../../src/main/devices/made-up-sources.ts'
import type { DeviceSource } from '../../src/main/devices/source.ts'
import type { Contract } from '../../src/shared/api/contract.ts'
import { fakeClock } from './device-world.ts'
import { handleOf } from './fake-data.ts'
import { FakeVault } from './fake-vault.ts'

/** A window's client. */
export type Client = ContractRouterClient<Contract>

/** The virtual devices' enrolments. */
export const ENROLLED: readonly EnrolledDevice[] = [
  { handle: handleOf(0xd1), label: 'Oximeter 1', family: 'contec-28e9-028a', serial: 'OXI-1', port: null },
  { handle: handleOf(0xd2), label: 'Cuff 1', family: 'omron-0590-0028', serial: 'CUFF-1', port: null },
]

/** An oximeter and a cuff through the real hub; a minute of theirs takes no time. */
export function deviceWorld(extra: readonly DeviceSource[] = []) {
  const clock = fakeClock()
  // Sleeping lets others run, so that a stream does not starve the test.
  const kind = {
    ...clock,
    sleep: async (ms: number) => (await clock.sleep(ms), new Promise<void>((done) => setImmediate(done))),
  }
  const memory: { records: VirtualRecord[] } = { records: createVirtualPatient(2).pressures('2026-05-06T07:08:09', 3) }
  const oximeter = createVirtualOximeter({ clock: kind, seed: 2, serial: 'OXI-1', fingerMs: [1000, Infinity] })
  const cuff = createVirtualMonitor({ clock: kind, serial: 'CUFF-1', banks: () => [memory.records] })
  const hub = createHub({
    sources: [virtualSource([oximeter, cuff]), ...extra],
    nowMs: () => 1_700_000_000_000,
    monotonicMs: () => clock.nowMs(),
    pollMs: 1_000_000,
  })
  const [spo2, bp] = ['0', '1'].map((path) => connectionIdOf({ source: 'virtual', path })) as [string, string]
  return { hub, oximeter, cuff, memory, spo2, bp }
}

/** How a world starts. */
export interface WorldOptions {
  readonly enrolled?: readonly EnrolledDevice[]
  readonly idleLimitS?: number
  /** Changes the vault before it starts. */
  readonly before?: (vault: FakeVault) => unknown
}

/** A running core, and what tests look at. Closed when the test is over. */
export async function coreWorld(options: WorldOptions = {}) {
  const devices = deviceWorld()
  const vault = new FakeVault()
  vault.devices = [...(options.enrolled ?? ENROLLED)]
  options.before?.(vault)
  const thread = vaultThread(vault)
  const logged: string[] = []
  const now = { ms: 1_700_000_000_000 }
  const core = startWorkstation({
    connectVault: thread.connect,
    vaultOptions: { dataFolder: '/data', demo: false, nodeSecret: null },
    hub: devices.hub,
    idleLimitS: options.idleLimitS ?? 180,
    installation: { version: '1.2.3', shell: 'headless', dataFolder: '/data' },
    notices: () => 'notices',
    now: () => ({ monotonicMs: now.ms, wallMs: now.ms }),
    stateChanged: () => undefined,
    log: (line) => logged.push(line),
  })
  onTestFinished(() => core.close())
  return { ...devices, devices, vault, core, logged, now, thread, client: window(core) }
}

/** The fake vault behind a real port, as the worker thread has it. */
function vaultThread(vault: FakeVault) {
  const { port1, port2 } = new MessageChannel()
  const ended = { count: 0 }
  vault.emit = serve(port1, vault, () => undefined)
  let kill: (error: Error) => void = () => undefined
  return {
    ended,
    /** The thread ends by itself. */
    crash: (error: Error) => kill(error),
    connect: (listeners: VaultListeners) => {
      const { remote, fail } = connect<VaultService>(port2, (event) => listeners.event(event as never))
      kill = (error) => (fail(new ApiFailure('STATE_UNKNOWN')), listeners.gone(error))
      const end = async (): Promise<void> => {
        ended.count += 1
        port1.close()
      }
      return { vault: remote, end }
    },
  }
}

/** Connects a window over a message port. */
export function window(core: Pick<Workstation, 'router'>): Client {
  const { client, close } = windowPort(core)
  onTestFinished(close)
  return client
}

/** The same, and the way to close the window. */
export function windowPort(core: Pick<Workstation, 'router'>): { client: Client; close: () => void } {
  const { port1, port2 } = new MessageChannel()
  new RPCHandler(core.router).upgrade(port1, { context: {} })
  const client = clientOver(port2)
  port1.start()
  return { client, close: () => port2.close() }
}

/** A client at the window's end of a port. */
export function clientOver(port: MessagePort): Client {
  const client: Client = createORPCClient(new RPCLink({ port: port }))
  port.start()
  return client
}

/** Awaits a call that must succeed. */
export async function value<Value>(reply: Promise<{ ok: true; value: Value } | { ok: false; code: string }>) {
  const result = await reply
  if (!result.ok) throw new Error(`failed with ${result.code}`)
  return result.value
}

/** Awaits a call, and gives its code; 'ok' when it succeeded. */
export async function code(reply: Promise<{ ok: true } | { ok: false; code: string }>): Promise<string> {
  const result = await reply
  return result.ok ? 'ok' : result.code
}

/** All events of a stream that ends. */
export async function all<Event>(stream: Promise<AsyncIterable<Event>>): Promise<Event[]> {
  const events: Event[] = []
  for await (const event of await stream) events.push(event)
  return events
}

/** The first event that fits; the stream is given up after it. */
export async function first<Event>(
  stream: AsyncIterable<Event>,
  fits: (event: Event) => boolean = () => true,
): Promise<Event> {
  for await (const event of stream) if (fits(event)) return event
  throw new Error('the stream ended before')
}

/** Waits for a condition, letting everything else run. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((done) => setImmediate(done))
}
