import { beforeAll, describe, expect, it } from 'vitest'
import { instantText } from '../../../../src/clinical/instant.ts'
import { MAX_CLOCK_AHEAD_S } from '../../../../src/ledger/finality.ts'
import { ForeignLogs, type SiteContact } from '../../../../src/main/core/vault/foreign-logs.ts'
import { NetworkLogs } from '../../../../src/main/core/vault/network-logs.ts'
import { forWholeFile, type OpenVault, PIN } from '../../../faults/support/clinic.ts'
import { clinicOf, granted, holder, type Holder, weigh, type World } from '../../../support/consent-world.ts'
import { joinedTo, networkedClinic, until } from '../../../support/two-clinics.ts'

const MINUTE_MS = 60_000
const AHEAD_MS = 1000 * MAX_CLOCK_AHEAD_S
const day = (fromNow: number) => instantText(Date.now() + fromNow * 86_400_000, 0).slice(0, 10)

/** The usual limits: 15 minutes while connected, 72 hours while not. */
let usual: Holder
/** One minute, and five. */
let strict: Holder
/** Both consents at once. */
let both: Holder
let a: World
let b: OpenVault

beforeAll(async () => {
  await forWholeFile(async () => {
    a = await networkedClinic()
    b = await joinedTo(a)
  })
  const sites = [a.clinic().identity.site, clinicOf(b).identity.site].toSorted()
  const terms = { sites, from: day(-1), until: day(100) }
  const short = { ...terms, freshness: { onlineMin: 1, offlineMin: 5 } }
  usual = await holder(a, 1)
  await granted(a, usual, terms)
  strict = await holder(a, 2)
  await granted(a, strict, short)
  both = await holder(a, 3)
  await granted(a, both, { ...terms, classes: ['demographics'] })
  await granted(a, both, { ...short, classes: ['demographics', 'body-measures'] })
  for (const patient of [usual, strict, both]) await weigh(a, patient, '70.1')
  const { handle } = await b.vault.enrolPractitioner({ name: 'Petra Physician', role: 'physician', pin: PIN })
  await b.vault.signIn(handle, PIN)
  const everything = a.clinic().replica.live.head.size
  const { origin } = a.clinic().identity
  await until('everything has arrived', async () => {
    const { logs } = await b.vault.networkStatus()
    const isThere = logs.some((log) => log.origin === origin && log.verified >= everything)
    return isThere && (await b.vault.searchPatients('')).filter(({ status }) => status === 'verified').length === 3
  })
}, 120_000)

/** What the second clinic makes of a consent when it heard so long ago, by a clock that stands still. */
async function after(ageMs: number | null, isConnected: boolean, { handle }: Holder) {
  const clinic = clinicOf(b)
  const nowMs = Date.now()
  const contact: SiteContact = { isConnected, heardMs: ageMs === null ? 0 : nowMs - ageMs }
  const shares = new ForeignLogs({ ...clinic, nowMs: () => nowMs }, new NetworkLogs(clinic), () => contact)
  const gate = await shares.patient(handle)?.sources.gate?.gate(handle)
  const { state, classes } = await shares.standing(handle)
  return { state, classes, shows: gate?.circumstances('body-measures', nowMs).consent }
}

const COVERS = { state: 'covers', shows: true }
const UNKNOWN = { state: 'unknown', classes: [], shows: false }

describe('a consent of another site', () => {
  it.each([
    ['connected, at the limit of 15 minutes', true, 15 * MINUTE_MS, true],
    ['connected, a moment later', true, 15 * MINUTE_MS + 1, false],
    ['not connected, after 15 minutes', false, 15 * MINUTE_MS + 1, true],
    ['not connected, at the limit of 72 hours', false, 72 * 60 * MINUTE_MS, true],
    ['not connected, a moment later', false, 72 * 60 * MINUTE_MS + 1, false],
    ['connected again after 72 hours, and nothing heard yet', true, 72 * 60 * MINUTE_MS, false],
    ['heard at this moment', true, 0, true],
    ['heard as far ahead as clocks may differ', true, -AHEAD_MS, true],
    ['heard later than that: the clock was put back', true, -AHEAD_MS - 1, false],
    ['the same while not connected', false, -AHEAD_MS - 1, false],
    ['never heard', true, null, false],
    ['never heard, and not connected', false, null, false],
  ] as const)('%s', async (_what, isConnected, ageMs, counts) => {
    expect(await after(ageMs, isConnected, usual)).toMatchObject(counts ? COVERS : UNKNOWN)
  })

  it('counts for as long as it says itself', async () => {
    expect(await after(MINUTE_MS, true, strict)).toMatchObject(COVERS)
    expect(await after(MINUTE_MS + 1, true, strict)).toMatchObject(UNKNOWN)
    expect(await after(5 * MINUTE_MS, false, strict)).toMatchObject(COVERS)
    expect(await after(5 * MINUTE_MS + 1, false, strict)).toMatchObject(UNKNOWN)
  })

  it('that has run out of its time leaves what others of the patient allow', async () => {
    expect(await after(MINUTE_MS, true, both)).toMatchObject({ state: 'partly', shows: true })
    const left = { state: 'partly', classes: ['demographics'], shows: false }
    expect(await after(MINUTE_MS + 1, true, both)).toMatchObject(left)
    expect(await after(15 * MINUTE_MS + 1, true, both)).toMatchObject(UNKNOWN)
  })
})
