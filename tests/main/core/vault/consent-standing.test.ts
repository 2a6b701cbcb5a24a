import { expect, it } from 'vitest'
import { damage } from '../../../faults/support/scrubbing.ts'
import { codeOf, startVault } from '../../../faults/support/clinic.ts'
import {
  clinicOf,
  consentWorld,
  granted,
  grantOf,
  holder,
  PIN,
  takenBack,
  verified,
  weigh,
  weightsIn,
  type Holder,
  type World,
} from '../../../support/consent-world.ts'

async function decided(change: Parameters<typeof granted>[2] = {}) {
  const world = await consentWorld()
  const patient = await holder(world, 1)
  await weigh(world, patient, '70.1')
  const consent = await granted(world, patient, change)
  return { world, patient, consent }
}

/** The same clinic after a restart, with the nurse signed in. */
async function again(world: World, meanwhile: () => void = () => undefined) {
  await world.vault.close()
  meanwhile()
  const open = await startVault(world.folder, { nowMs: () => (world.clock.nowMs += 1000) })
  await open.vault.signIn(world.team.nurse, PIN)
  return open
}

/** Where the newest entry of a type stands. */
function placeOf(world: World, { handle }: Holder, type: string): number {
  return (
    world
      .clinic()
      .replica.chain(handle)
      .links.findLast((link) => link.type === type)?.index ?? -1
  )
}

it('is the same after a restart', async () => {
  const { world, patient, consent } = await decided()
  await takenBack(world, patient, consent.consentId)
  const { vault } = await again(world)
  const chart = await vault.chart(patient.handle, 1)
  expect(chart.consent.state).toBe('refused')
  expect(weightsIn(chart)).toEqual(['access'])
})

it.each([
  ['an amendment that narrows', 'consent.amended', 'entry'],
  ['the grant', 'consent.granted', 'entry'],
  ['what an amendment says', 'consent.amended', 'payload'],
] as const)('is unknown, and shows nothing but in an emergency, when %s is gone', async (_what, type, table) => {
  const { world, patient, consent } = await decided()
  const request = { ...grantOf(world, patient, { classes: ['demographics'] }), consentId: consent.consentId }
  verified(await world.vault.amendConsent(request))
  const index = placeOf(world, patient, type)
  const open = await again(world, () => {
    damage(world.folder, (db) => db.prepare(`DELETE FROM ${table} WHERE idx = ?`).run(index))
  })
  const chart = await open.vault.chart(patient.handle, 1)
  expect(chart.consent).toMatchObject({ state: 'unknown', classes: [], until: null })
  expect(weightsIn(chart).every((shown) => shown !== '70.1')).toBe(true)
  expect(JSON.stringify(chart)).not.toMatch(/70\.1|Family1/)
  // Nobody can amend what nobody can read. What is recorded is recorded all the same.
  expect(await codeOf(() => open.vault.amendConsent(request))).toBe('RECORD_NOT_VERIFIED')
  await open.vault.breakGlass({
    handle: patient.handle,
    reason: 'consent-unavailable',
    text: 'a damaged disk',
    pin: PIN,
  })
  expect(weightsIn(await open.vault.chart(patient.handle, 2))).toContain('70.1')
})

it('is known again when the patient decides anew, and nothing from before counts', async () => {
  const { world, patient, consent } = await decided()
  const request = { ...grantOf(world, patient, { classes: ['demographics'] }), consentId: consent.consentId }
  verified(await world.vault.amendConsent(request))
  const index = placeOf(world, patient, 'consent.amended')
  const open = await again(world, () => {
    damage(world.folder, (db) => db.prepare('DELETE FROM entry WHERE idx = ?').run(index))
  })
  const fresh = { ...world, ...open, clinic: () => clinicOf(open) }
  await granted(fresh, patient, { classes: ['demographics', 'vital-signs'] })
  const now = (await open.vault.chart(patient.handle, 1)).consent
  expect(now).toMatchObject({ state: 'partly', classes: ['demographics', 'vital-signs'] })
  expect(await codeOf(() => takenBack(fresh, patient, consent.consentId))).toBe('UNKNOWN_CONSENT')
  const later = await again(fresh)
  const chart = await later.vault.chart(patient.handle, 1)
  expect(chart.consent).toEqual(now)
  expect(chart.patient.status).toBe('verified')
  expect(weightsIn(chart)).not.toContain('70.1')
})

it('is known when the entry that takes a consent back is gone: it is kept beside the keystore', async () => {
  const { world, patient, consent } = await decided()
  await takenBack(world, patient, consent.consentId)
  const index = placeOf(world, patient, 'consent.revoked')
  const open = await again(world, () => {
    damage(world.folder, (db) => db.prepare('DELETE FROM entry WHERE idx = ?').run(index))
  })
  expect((await open.vault.chart(patient.handle, 1)).consent.state).toBe('refused')
})

it('stays unknown when whoever writes the database takes away every trace of a decision', async () => {
  const { world, patient } = await decided({ classes: ['demographics'] })
  const index = placeOf(world, patient, 'consent.granted')
  const open = await again(world, () => {
    damage(world.folder, (db) => {
      db.prepare('DELETE FROM entry WHERE idx >= ?').run(index)
      db.prepare('DELETE FROM payload WHERE idx >= ?').run(index)
      db.prepare('DELETE FROM subject_entry WHERE idx >= ?').run(index)
    })
  })
  const chart = await open.vault.chart(patient.handle, 1)
  expect(chart.consent.state).toBe('unknown')
  expect(weightsIn(chart).filter((shown) => shown === '70.1')).toEqual([])
})

it('says nothing of others: damage elsewhere closes no chart', async () => {
  const { world, patient } = await decided()
  const other = await holder(world, 2)
  await weigh(world, other, '55.5')
  const index = placeOf(world, patient, 'consent.granted')
  const open = await again(world, () => {
    damage(world.folder, (db) => db.prepare('DELETE FROM entry WHERE idx = ?').run(index))
  })
  expect(weightsIn(await open.vault.chart(other.handle, 1))).toEqual(['55.5'])
})

it('counts for whoever asks, row by row, and nobody is asked twice', async () => {
  const { world, patient } = await decided({ classes: ['vital-signs'] })
  const { gate } = clinicOf(world)
  const { circumstances } = await gate.gate(patient.handle)
  const now = world.clock.nowMs
  expect(circumstances('vital-signs', now)).toEqual({ emergency: false, consent: true })
  expect(circumstances('laboratory', now)).toEqual({ emergency: false, consent: false })
  // Before it is opened, the most that may be seen; what stays at the site takes a consent to everything.
  expect(circumstances(null, now)).toEqual({ emergency: false, consent: true })
  expect(circumstances('site', now)).toEqual({ emergency: false, consent: false })
  expect(await gate.decisions(patient.handle)).toBe(await gate.decisions(patient.handle))
  expect((await gate.gate('00'.repeat(16))).circumstances('laboratory', now).consent).toBeNull()
})

it('lets one consent give what another takes, and counts the longest', async () => {
  const { world, patient, consent } = await decided({ classes: ['demographics', 'body-measures'] })
  await granted(world, patient, { classes: ['laboratory', 'vital-signs'], until: '2026-06-01' })
  const { vault } = world
  expect((await vault.chart(patient.handle, 1)).consent).toMatchObject({
    ...{ state: 'partly', until: '2027-03-02' },
    classes: ['demographics', 'vital-signs', 'body-measures', 'laboratory'],
  })
  await takenBack(world, patient, consent.consentId)
  expect((await vault.chart(patient.handle, 1)).consent).toMatchObject({
    ...{ state: 'partly', until: '2026-06-01', classes: ['vital-signs', 'laboratory'] },
  })
})

it('asks for the patient’s signature while a consent does', async () => {
  const { world, patient, consent } = await decided({ asksSignature: true })
  const { vault } = world
  expect((await vault.chart(patient.handle, 1)).consent.asksSignature).toBe(true)
  expect(await vault.asksSignature(patient.handle)).toBe(true)
  expect(await codeOf(() => weigh(world, patient, '71.1'))).toBe('PATIENT_SIGNATURE_NEEDED')
  await takenBack(world, patient, consent.consentId)
  expect(await vault.asksSignature(patient.handle)).toBe(false)
})
