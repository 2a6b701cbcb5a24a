import { describe, expect, it } from 'vitest'
import {
  draftsToSign,
  isReadyToTake,
  newSession,
  receiveLive,
  receiveRead,
  STABLE_S,
  toggleGroup,
} from '../../../../src/renderer/components/capture/device-session.ts'
import type { Device, LiveEvent } from '../../../../src/shared/api/schemas.ts'
import { FakeCore } from '../../../support/fake-api.ts'
import { cuffDraft } from '../../../support/fake-data.ts'

const NOW = new Date('2026-03-03T14:05:00').getTime()
const [oximeter, cuff] = new FakeCore({ now: NOW }).devices as [Device, Device]

function sample(over: Partial<Extract<LiveEvent, { kind: 'samples' }>> = {}): LiveEvent {
  return {
    kind: 'samples',
    atMs: 0,
    wave: [1, 2, 3],
    spo2: 97,
    pulse: 72,
    perfusionIndex: null,
    finger: true,
    stableS: 0,
    ...over,
  }
}

describe('a live device', () => {
  it('is ready to be taken once steady, and only once by itself', () => {
    const session = newSession(oximeter, 'live')
    expect(isReadyToTake(session)).toBe(false)
    receiveLive(session, sample({ stableS: STABLE_S - 1 }))
    expect(isReadyToTake(session)).toBe(false)
    receiveLive(session, sample({ stableS: STABLE_S }))
    expect(isReadyToTake(session)).toBe(true)
    session.leftOut = true
    expect(isReadyToTake(session)).toBe(false)
    session.leftOut = false
    session.taken = { drafts: [], atMs: NOW }
    expect(isReadyToTake(session)).toBe(false)
  })

  it('is never taken without a finger, and forgets the wave when it is removed', () => {
    const session = newSession(oximeter, 'live')
    receiveLive(session, sample())
    expect(session.ring.length).toBe(3)
    receiveLive(session, sample({ finger: false, spo2: null, pulse: null, stableS: STABLE_S, wave: [] }))
    expect(session.ring.length).toBe(0)
    expect(isReadyToTake(session)).toBe(false)
  })

  it('has nothing to sign while nothing was taken: live numbers are not drafts', () => {
    const session = newSession(oximeter, 'live')
    receiveLive(session, sample({ stableS: 9 }))
    expect(draftsToSign(session)).toEqual([])
  })

  it('keeps the reason of its end', () => {
    const session = newSession(oximeter, 'live')
    receiveLive(session, { kind: 'ended', code: 'DEVICE_UNPLUGGED' })
    expect(session.problem).toBe('DEVICE_UNPLUGGED')
  })
})

describe('a device with a memory', () => {
  const drafts = [cuffDraft(1, NOW, 3), cuffDraft(2, NOW, 70), { ...cuffDraft(3, NOW, 90), alreadyRecorded: true }]
  const read = () => {
    const session = newSession(cuff, 'memory')
    receiveRead(session, { kind: 'progress', done: 1, total: 3 }, NOW)
    receiveRead(session, { kind: 'drafts', drafts }, NOW)
    return session
  }

  it('ticks the newest record and lets the nurse tick others', () => {
    const session = read()
    expect(draftsToSign(session)).toEqual([drafts[0]])
    const [, older] = session.groups ?? []
    toggleGroup(session, older?.key ?? '')
    expect(draftsToSign(session)).toEqual([drafts[0], drafts[1]])
    toggleGroup(session, older?.key ?? '')
    expect(draftsToSign(session)).toEqual([drafts[0]])
  })

  it('does not let anybody tick what is recorded already', () => {
    const session = read()
    toggleGroup(session, session.groups?.[2]?.key ?? '')
    expect(draftsToSign(session)).toEqual([drafts[0]])
  })
})
