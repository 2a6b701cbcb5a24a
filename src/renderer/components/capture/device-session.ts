/**
 * What one device did during one capture: its live signal or its memory, and what of it will be signed.
 *
 * @remarks
 * State only, changed by plain functions; the capture store owns the streams. Everything here is a draft: nothing of
 * it is recorded, and nothing of it may be shown as a record. Proven by
 * `tests/renderer/components/capture/device-session.test.ts`.
 *
 * @packageDocumentation
 */
import { markRaw, reactive } from 'vue'
import type { Device, Draft, LiveEvent, ProblemCode, ReadEvent } from '../../api/types.ts'
import { groupDrafts, preselected, type DraftGroup } from './draft-groups.ts'
import { WaveRing, WAVE_RATE_HZ } from './wave-ring.ts'

/** Seconds a signal must be steady before its value may be taken. */
export const STABLE_S = 5
/** Width of the wave, in seconds. */
export const WAVE_S = 6

/** The newest numbers of a live signal. */
export interface LiveNow {
  readonly spo2: number | null
  readonly pulse: number | null
  readonly perfusionIndex: string | null
  readonly finger: boolean
  readonly stableS: number
}

/** A way in which a device gives its readings. */
export type Way = NonNullable<Device['mode']>

/** One device in one capture. */
export interface DeviceSession {
  readonly connectionId: string
  /** Which of the device's ways is used. */
  readonly mode: Way
  /** The newest state of the device; kept after it was unplugged, for the drafts it gave. */
  device: Device
  connected: boolean
  phase: 'idle' | 'running' | 'ended'
  problem: ProblemCode | null
  live: LiveNow | null
  readonly ring: WaveRing
  /** Drafts taken from the live signal, or null. Left out once, it is not taken by itself again. */
  taken: { readonly drafts: readonly Draft[]; readonly atMs: number } | null
  leftOut: boolean
  taking: boolean
  progress: { readonly done: number; readonly total: number } | null
  /** Null until the memory was read. */
  groups: readonly DraftGroup[] | null
  /** Keys of the groups that will be signed. */
  chosen: Set<string>
}

/** A session for a device that was just noticed. */
export function newSession(device: Device, mode: Way): DeviceSession {
  const session: DeviceSession = {
    connectionId: device.connectionId,
    mode,
    device,
    connected: true,
    phase: 'idle',
    problem: null,
    live: null,
    ring: markRaw(new WaveRing(WAVE_RATE_HZ * WAVE_S)),
    taken: null,
    leftOut: false,
    taking: false,
    progress: null,
    groups: null,
    chosen: new Set<string>(),
  }
  return reactive(session) as DeviceSession
}

/** Takes in one event of the live stream. */
export function receiveLive(session: DeviceSession, event: LiveEvent): void {
  if (event.kind === 'ended') {
    session.problem = event.code
    return
  }
  const { spo2, pulse, perfusionIndex, finger, stableS } = event
  if (finger) session.ring.push(event.wave)
  else session.ring.clear()
  session.live = { spo2, pulse, perfusionIndex, finger, stableS }
}

/** True when the value may be taken without anybody asking: steady, and neither taken nor left out before. */
export function isReadyToTake(session: DeviceSession): boolean {
  const isFree = session.taken === null && !session.taking && !session.leftOut
  return isFree && session.live !== null && session.live.finger && session.live.stableS >= STABLE_S
}

/**
 * Takes in one event of a memory read-out, or of a device that measures on the spot: its measurements add up.
 *
 * @param nowMs - Our clock: only a record measured minutes ago is ticked.
 */
export function receiveRead(session: DeviceSession, event: ReadEvent, nowMs: number): void {
  if (event.kind === 'progress') session.progress = { done: event.done, total: event.total }
  else if (event.kind === 'ended') session.problem = event.code
  else {
    const earlier = session.mode === 'spot' ? (session.groups ?? []).flatMap(({ drafts }) => drafts) : []
    session.groups = groupDrafts([...earlier, ...event.drafts])
    const first = preselected(session.groups, nowMs)
    session.chosen = new Set(first === null ? [] : [first])
  }
}

/** Ticks or unticks a record. What cannot be signed cannot be ticked. */
export function toggleGroup(session: DeviceSession, key: string): void {
  const group = session.groups?.find((one) => one.key === key)
  if (!group?.selectable) return
  if (!session.chosen.delete(key)) session.chosen.add(key)
}

/** Every draft of this device that would be signed now. */
export function draftsToSign(session: DeviceSession): readonly Draft[] {
  const chosen = (session.groups ?? []).filter((group) => session.chosen.has(group.key))
  return [
    ...(session.taken?.drafts ?? []),
    ...chosen.flatMap((group) => group.drafts.filter((draft) => !draft.alreadyRecorded)),
  ]
}
