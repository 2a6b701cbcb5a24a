import { expect, it, vi } from 'vitest'
import { decodeAccess } from '../../../../src/ledger/fields.ts'
import type { EntryRef } from '../../../../src/ledger/erasure.ts'
import { codeOf, weight } from '../../../faults/support/clinic.ts'
import {
  consentWorld,
  granted,
  holder,
  PIN,
  takenBack,
  verified,
  weigh,
  weightsIn,
  type World,
} from '../../../support/consent-world.ts'

const WORDS = 'Found unconscious at the tram stop'

/** A patient who took everything back; the physician is signed in. */
async function closedChart(world?: World) {
  const w = world ?? (await consentWorld())
  const patient = await holder(w, 1)
  await weigh(w, patient, '70.1')
  const { consentId } = await granted(w, patient)
  await takenBack(w, patient, consentId)
  await w.vault.signIn(w.team.physician, PIN)
  const ask = { handle: patient.handle, reason: 'unconscious', text: WORDS, pin: PIN } as const
  return { world: w, vault: w.vault, team: w.team, patient, ask }
}

/** The newest access entry about a patient. */
function lastAccess(world: World, handle: string) {
  const { links } = world.clinic().replica.chain(handle)
  const link = links.findLast(({ type }) => type === 'access')
  const entry = link?.log.verifiedEntry(link.index)
  if (link === undefined || entry === undefined || 'step' in entry) throw new Error('there is an access entry')
  return { index: link.index, ...decodeAccess(entry.entry.body.fields) }
}

it('opens one patient for whoever asks, is on record first, and is cited by every look', async () => {
  const { world, vault, team, patient, ask } = await closedChart()
  expect(weightsIn(await vault.chart(patient.handle, 1))).toEqual(['access'])
  expect(lastAccess(world, patient.handle)).toMatchObject({ purpose: 'refused' })
  const { until } = await vault.breakGlass(ask)
  const chart = await vault.chart(patient.handle, 2)
  expect(weightsIn(chart)).toEqual(['70.1'])
  expect(chart.patient.status).toBe('verified')
  expect(chart.consent).toMatchObject({ state: 'refused', emergencyUntil: until })
  const cited = lastAccess(world, patient.handle)
  expect(cited.purpose).toBe('care')
  const { links } = world.clinic().replica.chain(patient.handle)
  const entry = links.find(({ type }) => type === 'access.emergency')
  expect(cited.emergency).toEqual({ origin: world.clinic().identity.origin, index: entry?.index })
  expect(cited.index).toBeGreaterThan(entry?.index ?? Infinity)
  // Nobody else, and nobody after them.
  await vault.signIn(team.other, PIN)
  expect(weightsIn(await vault.chart(patient.handle, 3))).toEqual(['access'])
  await vault.signIn(team.physician, PIN)
  expect(weightsIn(await vault.chart(patient.handle, 4))).toEqual(['access'])
})

it('opens no other patient', async () => {
  const { world, vault, ask } = await closedChart()
  await vault.signIn(world.team.nurse, PIN)
  const other = await holder(world, 2)
  await weigh(world, other, '55.5')
  const { consentId } = await granted(world, other)
  await takenBack(world, other, consentId)
  await vault.breakGlass(ask)
  expect(weightsIn(await vault.chart(other.handle, 1))).toEqual(['access'])
})

it('stays open through a lock of the same person, and ends at sign-out, by hand, and after an hour', async () => {
  const { world, vault, team, patient, ask } = await closedChart()
  const shown = async () => weightsIn(await vault.chart(patient.handle, 1))[0]
  await vault.breakGlass(ask)
  await vault.signOut(true)
  expect(await codeOf(shown)).toBe('NOT_SIGNED_IN')
  await vault.signIn(team.physician, PIN)
  expect(await shown()).toBe('70.1')
  await vault.signOut()
  await vault.signIn(team.physician, PIN)
  expect(await shown()).toBe('access')
  await vault.breakGlass(ask)
  await vault.endEmergency(patient.handle)
  expect(await shown()).toBe('access')
  const told = world.events.filter((event) => event.kind === 'chart-changed').length
  const now = performance.now()
  const clock = vi.spyOn(performance, 'now').mockReturnValue(now)
  await vault.breakGlass(ask)
  clock.mockReturnValue(now + 60 * 60_000 - 1)
  expect(await shown()).toBe('70.1')
  clock.mockReturnValue(now + 60 * 60_000)
  expect(await shown()).toBe('access')
  clock.mockRestore()
  expect(world.events.filter((event) => event.kind === 'chart-changed').length).toBeGreaterThan(told)
})

it('ends after an hour in which the computer slept', async () => {
  const { world, vault, patient, ask } = await closedChart()
  await vault.breakGlass(ask)
  // The clock that nobody sets stands still meanwhile.
  const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now())
  world.clock.nowMs += 60 * 60_000
  expect(weightsIn(await vault.chart(patient.handle, 1))).toEqual(['access'])
  expect((await vault.chart(patient.handle, 2)).consent.emergencyUntil).toBeNull()
  clock.mockRestore()
})

it('opens nothing for a wrong PIN, for IT, for an auditor, or for nobody at all', async () => {
  const { vault, team, patient, ask } = await closedChart()
  expect(await codeOf(() => vault.breakGlass({ ...ask, pin: '000000' }))).toBe('WRONG_PIN')
  expect(weightsIn(await vault.chart(patient.handle, 1))).toEqual(['access'])
  for (const who of [team.it, team.auditor]) {
    await vault.signIn(who, PIN)
    expect(await codeOf(() => vault.breakGlass(ask))).toBe('NOT_ALLOWED')
  }
  await vault.signOut()
  expect(await codeOf(() => vault.breakGlass(ask))).toBe('NOT_SIGNED_IN')
  await vault.signIn(team.physician, PIN)
  expect(await codeOf(() => vault.breakGlass({ ...ask, handle: 'ab'.repeat(16) }))).toBe('UNKNOWN_PATIENT')
  expect(await codeOf(() => vault.breakGlass({ ...ask, handle: team.nurse }))).toBe('UNKNOWN_PATIENT')
})

it('is read-only where consent says so: what is recorded meanwhile is shown as long as it is open', async () => {
  const { world, vault, patient, ask } = await closedChart()
  await vault.breakGlass(ask)
  const [row] = await weigh(world, patient, '71.5')
  expect(row === undefined ? null : verified(row).quantities[0]?.value).toBe('71.5')
  await vault.endEmergency(patient.handle)
  expect(weightsIn(await vault.chart(patient.handle, 1))).toEqual(['access', 'access'])
})

it('changes nothing of what it shows, and lets nothing out: only one’s own mistake is corrected', async () => {
  const { world, vault, patient, ask } = await closedChart()
  await vault.breakGlass(ask)
  const { handle } = patient
  const rows = async () =>
    (await vault.chart(handle, 1)).readings.map((row) => {
      if (row.status !== 'verified') throw new Error(row.step)
      const { origin, index } = row.position
      return { ...row.record, ref: { origin, index } }
    })
  const asked = { handle, reason: 'typed wrong' }
  const amend = (ref: EntryRef) => vault.amendReading({ ...asked, ref, value: weight('81.0') })
  const [theirs] = await rows()
  expect(theirs?.performer).toBe('Nora Nurse')
  expect(await codeOf(() => amend(theirs!.ref))).toBe('RECORD_NOT_VERIFIED')
  expect(await codeOf(() => vault.retractReading({ ...asked, ref: theirs!.ref }))).toBe('RECORD_NOT_VERIFIED')
  expect((await vault.chart(handle, 1)).own).toEqual([])
  const request = { handle, recipient: 'St Anne’s Hospital', format: 'csv', from: null, until: null } as const
  for (const purpose of ['care', 'patient'] as const) {
    expect(await vault.previewExport({ ...request, purpose })).toMatchObject({ records: 0, withheld: 1 })
    expect(await codeOf(() => vault.makeExport({ ...request, purpose, pin: PIN }))).toBe('NOTHING_TO_EXPORT')
  }
  const scale = { handle, scale: 2, reason: 'hypercapnic', pin: PIN } as const
  expect(await codeOf(() => vault.setOxygenScale(scale))).toBe('CONSENT_NEEDED')
  expect(await codeOf(() => vault.previewImport({ handle, text: '{}' }))).toBe('CONSENT_NEEDED')
  await weigh(world, patient, '17.5')
  const own = (await rows()).at(-1)
  expect(own?.performer).toBe('Phil Physician')
  expect((await vault.chart(handle, 1)).own).toEqual([own?.ref])
  await amend(own!.ref)
  expect((await rows()).map(({ correction }) => correction?.kind ?? null)).toEqual([null, 'amended', null])
  const newest = (await rows()).at(-1)
  await vault.retractReading({ ...asked, ref: newest!.ref })
  expect((await rows()).map(({ correction }) => correction?.kind ?? null)).toEqual([
    ...[null, 'amended', 'entered-in-error'],
  ])
  await vault.endEmergency(handle)
  expect((await vault.chart(handle, 1)).own).toEqual([])
})

it('is listed for whoever answers for it, words for those who may see them, and reviewed once by somebody else', async () => {
  const { world, vault, team, patient, ask } = await closedChart()
  await vault.breakGlass(ask)
  await vault.chart(patient.handle, 1)
  const [own] = (await vault.emergencies()).map(verified)
  expect(own).toMatchObject({
    ...{ practitioner: 'Phil Physician', role: 'physician', kind: 'emergency', subjects: [patient.handle] },
    ...{ reason: { code: 'unconscious', text: WORDS }, review: null, finding: null },
  })
  const ref = refOf(world, patient.handle)
  const review = { ref, outcome: 'justified', remark: 'The patient could not be asked.', pin: PIN } as const
  expect(await codeOf(() => vault.reviewEmergency(review))).toBe('OWN_EMERGENCY')
  await vault.signIn(team.nurse, PIN)
  expect(await codeOf(() => vault.reviewEmergency(review))).toBe('NOT_ALLOWED')
  await vault.signIn(team.it, PIN)
  expect(await codeOf(() => vault.emergencies())).toBe('NOT_ALLOWED')
  expect(await codeOf(() => vault.reviewEmergency(review))).toBe('NOT_ALLOWED')
  await vault.signIn(team.auditor, PIN)
  const listed = await vault.emergencies()
  expect(JSON.stringify(listed)).not.toContain(WORDS)
  expect(verified(listed[0] ?? missing())).toMatchObject({ reason: { code: 'unconscious', text: null }, review: null })
  expect(await codeOf(() => vault.reviewEmergency({ ...review, pin: '000000' }))).toBe('WRONG_PIN')
  expect(await codeOf(() => vault.reviewEmergency({ ...review, ref: { ...ref, index: 0 } }))).toBe('UNKNOWN_ENTRY')
  expect(await codeOf(() => vault.reviewEmergency({ ...review, ref: { ...ref, index: 99_999 } }))).toBe('UNKNOWN_ENTRY')
  const both = await Promise.allSettled([vault.reviewEmergency(review), vault.reviewEmergency(review)])
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  expect(await codeOf(() => vault.reviewEmergency(review))).toBe('ALREADY_REVIEWED')
  await vault.signIn(team.other, PIN)
  const [done] = (await vault.emergencies()).map(verified)
  expect(done?.review).toMatchObject({ outcome: 'justified', by: 'Otto Auditor', remark: review.remark })
})

it('lists who waits for a review first', async () => {
  const { world, vault, team, patient, ask } = await closedChart()
  await vault.breakGlass(ask)
  const first = refOf(world, patient.handle)
  await vault.breakGlass({ ...ask, reason: 'life-threat' })
  await vault.signIn(team.auditor, PIN)
  const review = { outcome: 'follow-up', remark: null, pin: PIN } as const
  const newest = refOf(world, patient.handle)
  await vault.reviewEmergency({ ...review, ref: newest })
  const rows = await vault.emergencies()
  expect(rows.map((row) => (row.status === 'verified' ? row.position.index : null))).toEqual([
    first.index,
    newest.index,
  ])
  expect(rows.map((row) => verified(row).review?.outcome ?? null)).toEqual([null, 'follow-up'])
})

function refOf(world: World, handle: string) {
  const link = world
    .clinic()
    .replica.chain(handle)
    .links.findLast(({ type }) => type === 'access.emergency')
  return { origin: world.clinic().identity.origin, index: link?.index ?? -1 }
}

function missing(): never {
  throw new Error('there is a row')
}
