import { describe, expect, it } from 'vitest'
import {
  groupDrafts,
  measuredMs,
  preselected,
  RECENT_MS,
} from '../../../../src/renderer/components/capture/draft-groups.ts'
import type { Draft } from '../../../../src/shared/api/schemas.ts'

const NOW = new Date('2026-03-03T14:05:00').getTime()
let next = 0

function draft(minutesAgo: number, over: Partial<Draft> = {}): Draft {
  const at = new Date(NOW - minutesAgo * 60_000)
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
  return {
    draftId: (++next).toString(16).padStart(32, '0'),
    kind: 'blood-pressure',
    quantities: [{ name: 'systolic', value: '128', comparator: null, ucum: 'mm[Hg]', unit: 'mmHg', coded: null }],
    measuredAt: at.toISOString(),
    method: 'device',
    deviceLabel: 'Cuff 2',
    flags: [],
    site: null,
    deviceTime: local,
    deviceClockOffsetS: 0,
    window: null,
    alreadyRecorded: false,
    ...over,
  }
}

describe('groupDrafts', () => {
  it('keeps pressure and pulse of one measurement together, newest first', () => {
    const groups = groupDrafts([
      draft(90),
      draft(90, { kind: 'heart-rate' }),
      draft(2),
      draft(2, { kind: 'heart-rate' }),
    ])
    expect(groups.map((group) => group.drafts.map((one) => one.kind))).toEqual([
      ['blood-pressure', 'heart-rate'],
      ['blood-pressure', 'heart-rate'],
    ])
    expect(groups.map((group) => Math.round((NOW - group.measuredMs) / 60_000))).toEqual([2, 90])
  })

  it('never merges two measurements that a clock without seconds gives the same time', () => {
    expect(groupDrafts([draft(2), draft(2)])).toHaveLength(2)
  })

  it('offers nothing that is recorded already or came from a device that is not enrolled', () => {
    const groups = groupDrafts([draft(1, { alreadyRecorded: true }), draft(3, { method: 'unauthenticated-device' })])
    expect(groups.map((group) => group.selectable)).toEqual([false, false])
  })
})

describe('preselected', () => {
  it('ticks the newest record when it is minutes old', () => {
    const groups = groupDrafts([draft(30), draft(2)])
    expect(preselected(groups, NOW)).toBe(groups[0]?.key)
  })

  it.each([
    ['older than ten minutes', [draft(RECENT_MS / 60_000 + 1)]],
    ['from the future', [draft(-30)]],
    ['recorded already', [draft(1, { alreadyRecorded: true })]],
    ['not from an enrolled device', [draft(1, { method: 'unauthenticated-device' })]],
    ['one of two of the same minute', [draft(1), draft(1)]],
  ])('ticks nothing that is %s', (_, drafts) => {
    expect(preselected(groupDrafts(drafts), NOW)).toBeNull()
  })

  it('ticks nothing in an empty memory', () => {
    expect(preselected([], NOW)).toBeNull()
  })

  it('allows for a device clock that is an hour ahead', () => {
    const groups = groupDrafts([draft(-58, { deviceClockOffsetS: 3600 })])
    expect(preselected(groups, NOW)).toBe(groups[0]?.key)
  })
})

describe('measuredMs', () => {
  it('falls back to the core when the device time is no date', () => {
    expect(measuredMs(draft(4, { deviceTime: '2026-99-99T00:00' }))).toBe(NOW - 4 * 60_000)
  })
})
