import { computed, shallowReactive, watch } from 'vue'
import { call, follow } from '../../api/call.ts'
import type { Device } from '../../api/types.ts'
import { useSystemStore } from '../../stores/system.ts'
import {
  isReadyToTake,
  newSession,
  receiveLive,
  receiveRead,
  toggleGroup,
  type DeviceSession,
  type Way,
} from './device-session.ts'

/**
 * The streams of one capture: every enrolled device that is plugged in delivers by itself, as soon as the patient is
 * confirmed and whenever another is plugged in.
 *
 * @param captureId - The capture that may read devices now, or null while the patient is not confirmed. A stream that
 *   runs already keeps running while this is null (the session is locked, the measurement goes on).
 */
export function useDeviceFeeds(captureId: () => string | null) {
  const system = useSystemStore()
  const byId = shallowReactive(new Map<string, DeviceSession>())
  const streams = new Map<string, AbortController>()
  const sessions = computed(() => [...byId.values()])

  /** Brings the sessions in line with what is plugged in, and starts what can start. */
  function update(): void {
    if (captureId() === null) return
    const present = new Map(system.devices.map((device) => [device.connectionId, device]))
    for (const session of [...byId.values()]) if (!present.has(session.connectionId)) unplug(session)
    for (const device of present.values()) plug(device)
  }

  function plug(device: Device): void {
    if (device.mode === null || device.enrolment === null || device.status === 'unsupported') return
    const session = byId.get(device.connectionId) ?? newSession(device, device.mode)
    byId.set(device.connectionId, session)
    const isBack = !session.connected
    session.device = device
    session.connected = true
    if (session.phase === 'idle' || isBack) void run(session)
  }

  /** Uses a device that is not enrolled: its readings cannot be signed here, they go to the tray. */
  function readForTray(device: Device, way: 'memory' | 'spot'): void {
    const isAble = way === 'memory' ? device.memory : device.mode === 'spot'
    if (!isAble || byId.has(device.connectionId)) return
    const session = newSession(device, way)
    byId.set(device.connectionId, session)
    void run(session)
  }

  /** Uses another way of a device that has several. Offered only while nothing of it would be signed. */
  function switchTo(way: Way, before: DeviceSession): void {
    const session = newSession(before.device, way)
    byId.set(session.connectionId, session)
    void run(session)
  }

  /** A device that is gone keeps its card while there is something of it to sign. */
  function unplug(session: DeviceSession): void {
    session.connected = false
    session.live = null
    if (session.taken === null && session.chosen.size === 0) {
      streams.get(session.connectionId)?.abort()
      byId.delete(session.connectionId)
    }
  }

  /** Starts the device's stream, or starts it again. */
  async function run(session: DeviceSession): Promise<void> {
    const id = captureId()
    if (id === null) return
    const { connectionId } = session
    streams.get(connectionId)?.abort()
    const mine = new AbortController()
    streams.set(connectionId, mine)
    session.phase = 'running'
    session.problem = null
    session.progress = null
    const request = { captureId: id, connectionId }
    const broken =
      session.mode === 'live'
        ? await follow(
            (client, options) => client.capture.live(request, options),
            (event) => {
              receiveLive(session, event)
              if (isReadyToTake(session)) void take(session)
            },
            mine.signal,
          )
        : await follow(
            (client, options) =>
              session.mode === 'spot'
                ? client.capture.measure(request, options)
                : client.capture.read(request, options),
            (event) => {
              receiveRead(session, event, Date.now())
            },
            mine.signal,
          )
    if (mine.signal.aborted) return
    session.phase = 'ended'
    session.live = null
    if (broken !== null) session.problem = broken.code
  }

  /** Takes the present stable window of a live signal. */
  async function take(session: DeviceSession): Promise<void> {
    const id = captureId()
    if (id === null || session.taking) return
    session.taking = true
    const reply = await call((client) => client.capture.takeLive({ captureId: id, connectionId: session.connectionId }))
    session.taking = false
    if (captureId() !== id || byId.get(session.connectionId) !== session) return
    if (reply.ok) {
      session.taken = { drafts: reply.value, atMs: Date.now() }
      session.leftOut = false
    } else if (reply.code !== 'DEVICE_NOT_SETTLED') session.problem = reply.code
  }

  /** Takes the value out of what will be signed; it is not taken by itself again. */
  function leaveOut(session: DeviceSession): void {
    session.taken = null
    session.leftOut = true
  }

  /** Ends every stream and forgets what was not signed: the core moves that to the tray. */
  function stop(): void {
    for (const stream of streams.values()) stream.abort()
    streams.clear()
    byId.clear()
  }

  watch(() => system.devices, update)

  return { sessions, update, run, readForTray, switchTo, take, leaveOut, toggle: toggleGroup, stop }
}
