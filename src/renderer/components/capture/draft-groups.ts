/**
 * Which records of a device's memory belong together, and which one is offered first.
 *
 * @remarks
 * A cuff stores pressure and pulse of one measurement as one record, and the core makes two drafts of it. They are
 * chosen or left together. Only the newest record is ticked, and only when it was measured minutes ago: everything
 * older may belong to somebody else. Proven by `tests/renderer/components/capture/draft-groups.test.ts`.
 *
 * @packageDocumentation
 */
import type { Draft } from '../../api/types.ts'

/** A record counts as this patient's for so long after it was measured, in milliseconds. */
export const RECENT_MS = 10 * 60_000
/** Device clocks without seconds may run ahead of ours by up to this, in milliseconds. */
export const AHEAD_MS = 2 * 60_000

/** Drafts of one measurement. */
export interface DraftGroup {
  /** Stable inside one read-out. */
  readonly key: string
  readonly drafts: readonly Draft[]
  /** When it was measured by our clock, as far as that is known, in milliseconds since 1970. */
  readonly measuredMs: number
  /** False when it cannot be chosen: it is in the ledger, its date is doubtful, or the device is not enrolled. */
  readonly selectable: boolean
  readonly alreadyRecorded: boolean
  readonly unauthenticated: boolean
}

/**
 * When a draft was measured by our clock: the device's own time less its known offset, else what the core says.
 *
 * @param draft - As the core sent it. A device time that is no date falls back to `measuredAt`.
 * @returns Milliseconds since 1970.
 */
export function measuredMs(draft: Draft): number {
  const own = draft.deviceTime === null ? Number.NaN : new Date(draft.deviceTime).getTime()
  const offsetMs = (draft.deviceClockOffsetS ?? 0) * 1000
  return Number.isNaN(own) ? new Date(draft.measuredAt).getTime() : own - offsetMs
}

/** Drafts as one group for each measurement, newest first. */
export function groupDrafts(drafts: readonly Draft[]): DraftGroup[] {
  const byKey = new Map<string, Draft[]>()
  for (const draft of drafts) {
    const key = `${draft.deviceTime ?? ''}|${draft.measuredAt}|${draft.site ?? ''}`
    const group = byKey.get(key)
    // The same kind twice at one time is two measurements: a clock without seconds cannot tell them apart.
    if (group?.some((other) => other.kind === draft.kind)) byKey.set(`${key}|${draft.draftId}`, [draft])
    else if (group) group.push(draft)
    else byKey.set(key, [draft])
  }
  return [...byKey].map(toGroup).sort((a, b) => b.measuredMs - a.measuredMs)
}

/** Nobody knows when it was measured: the core does not sign it. */
function isUndated({ flags }: Draft): boolean {
  return flags.includes('clock-discontinuous') || flags.includes('device-time-invalid')
}

function toGroup([key, drafts]: [string, Draft[]]): DraftGroup {
  const alreadyRecorded = drafts.every((draft) => draft.alreadyRecorded)
  const unauthenticated = drafts.some((draft) => draft.method === 'unauthenticated-device')
  return {
    key,
    drafts,
    measuredMs: Math.max(...drafts.map(measuredMs)),
    selectable: !alreadyRecorded && !unauthenticated && !drafts.some(isUndated),
    alreadyRecorded,
    unauthenticated,
  }
}

/**
 * The key of the record that is ticked by itself, or null when none may be.
 *
 * @param groups - From {@link groupDrafts}.
 * @param nowMs - Our clock, milliseconds since 1970.
 */
export function preselected(groups: readonly DraftGroup[], nowMs: number): string | null {
  const newest = groups[0]
  if (!newest?.selectable) return null
  // A clock without seconds: nobody can say which of the two is the newer one.
  if (groups[1]?.measuredMs === newest.measuredMs) return null
  const ageMs = nowMs - newest.measuredMs
  return ageMs >= -AHEAD_MS && ageMs <= RECENT_MS ? newest.key : null
}
