import { expect, it } from 'vitest'
import { NAMELESS } from '../../../../src/main/core/vault/consents.ts'
import { consentWords } from '../../../../src/clinical/consent-words.ts'
import { codeOf } from '../../../faults/support/clinic.ts'
import {
  CARD_PIN,
  consentWorld,
  DAY_MS,
  granted,
  grantOf,
  holder,
  PIN,
  takenBack,
  termsOf,
  verified,
  weigh,
  weightsIn,
  wordsOf,
} from '../../../support/consent-world.ts'

async function withHolder() {
  const world = await consentWorld()
  return { world, vault: world.vault, team: world.team, patient: await holder(world, 1) }
}

it('shows everything to the own site until the patient decides something', async () => {
  const { world, vault, patient } = await withHolder()
  await weigh(world, patient, '70.1')
  const chart = await vault.chart(patient.handle, 1)
  expect(weightsIn(chart)).toEqual(['70.1'])
  expect(chart.consent).toMatchObject({ state: 'none', until: null, asksSignature: false, emergencyUntil: null })
})

it('records a consent that card and practitioner sign, with the words that were shown', async () => {
  const { world, vault, patient } = await withHolder()
  const consent = await granted(world, patient)
  expect(consent).toMatchObject({
    ...{ version: 1, kind: 'granted', capacity: 'patient', proxy: null, recordedBy: ['Nora Nurse'], revocation: null },
    ...{ terms: termsOf(world), words: wordsOf(world, patient, termsOf(world)) },
  })
  expect((await vault.consents(patient.handle)).map(verified)).toEqual([consent])
  expect((await vault.chart(patient.handle, 1)).consent).toMatchObject({ state: 'covers', until: '2027-03-02' })
})

it('shows nothing from the moment on in which a consent is taken back, and what comes after is recorded all the same', async () => {
  const { world, vault, patient } = await withHolder()
  await weigh(world, patient, '70.1')
  const { consentId } = await granted(world, patient)
  expect(weightsIn(await vault.chart(patient.handle, 1))).toEqual(['70.1'])
  expect(await takenBack(world, patient, consentId)).toMatchObject({
    ...{ version: 2, kind: 'revoked', revocation: { how: 'spoken', reason: 'changed their mind' } },
  })
  const [row] = await weigh(world, patient, '71.2')
  expect(row).toMatchObject({ status: 'rejected', step: 'access', subject: patient.handle })
  const chart = await vault.chart(patient.handle, 2)
  expect(weightsIn(chart)).toEqual(['access', 'access'])
  expect(chart.patient).toMatchObject({ status: 'rejected', step: 'access', subject: patient.handle })
  expect(chart.consent).toMatchObject({ state: 'refused', classes: [], until: null })
  expect(JSON.stringify(chart)).not.toMatch(/70\.1|71\.2|Family1/)
  const list = await vault.searchPatients('')
  expect(list).toMatchObject([{ status: 'rejected', step: 'access', subject: patient.handle }])
  expect((await vault.consents(patient.handle)).map(verified)).toHaveLength(2)
})

it('shows the kinds of data that are named, and no other', async () => {
  const { world, vault, patient } = await withHolder()
  await weigh(world, patient, '70.1')
  await granted(world, patient, { classes: ['demographics', 'vital-signs'] })
  const chart = await vault.chart(patient.handle, 1)
  expect(chart.consent).toMatchObject({ state: 'partly', classes: ['demographics', 'vital-signs'] })
  expect(chart.patient.status).toBe('verified')
  expect(weightsIn(chart)).toEqual(['access'])
})

it('shows nothing for care when the consent is for something else, for another time, or says nothing of older data', async () => {
  const { world, vault, patient } = await withHolder()
  await weigh(world, patient, '70.1')
  const { consentId } = await granted(world, patient, { purposes: ['research'] })
  expect((await vault.chart(patient.handle, 1)).consent.state).toBe('refused')
  const amend = async (change: Parameters<typeof termsOf>[1]) => {
    const request = grantOf(world, patient, change)
    return verified(await vault.amendConsent({ ...request, consentId }))
  }
  await amend({ from: '2026-03-04', until: '2026-04-02' })
  expect((await vault.chart(patient.handle, 1)).consent.state).toBe('refused')
  world.clock.nowMs += 2 * DAY_MS
  expect((await vault.chart(patient.handle, 1)).consent).toMatchObject({ state: 'covers', until: '2026-04-02' })
  await amend({ from: '2026-03-04', until: '2026-04-02', history: false })
  const chart = await vault.chart(patient.handle, 1)
  expect(chart.patient.status).toBe('verified')
  expect(weightsIn(chart)).toEqual(['access'])
  await weigh(world, patient, '72.5')
  expect(weightsIn(await vault.chart(patient.handle, 1))).toEqual(['access', '72.5'])
  world.clock.nowMs += 30 * DAY_MS
  expect((await vault.chart(patient.handle, 1)).consent.state).toBe('refused')
})

it('does not believe a clock that is before the newest seal', async () => {
  const { world, vault, patient } = await withHolder()
  await granted(world, patient, { until: '2026-03-10' })
  world.clock.nowMs += 9 * DAY_MS
  expect((await vault.chart(patient.handle, 1)).consent.state).toBe('refused')
  world.clock.nowMs -= 8 * DAY_MS
  expect((await vault.chart(patient.handle, 1)).consent.state).toBe('refused')
})

it('takes no terms that cannot be, and no other words than the terms give', async () => {
  const { world, vault, patient } = await withHolder()
  const ask = (change: Parameters<typeof termsOf>[1]) => () => vault.grantConsent(grantOf(world, patient, change))
  for (const change of [{ sites: ['nowhere'] }, { until: '2026-03-02' }, { until: '2036-03-03' }])
    expect(await codeOf(ask(change))).toBe('BAD_CONSENT')
  const request = grantOf(world, patient)
  expect(await codeOf(() => vault.grantConsent({ ...request, words: ['I agree.'] }))).toBe('BAD_CONSENT')
  expect(await codeOf(() => vault.grantConsent({ ...request, terms: { ...request.terms, history: false } }))).toBe(
    'BAD_CONSENT',
  )
  expect(await vault.consents(patient.handle)).toEqual([])
})

it('takes the words without a name from whoever may not see the name', async () => {
  const { world, vault, patient } = await withHolder()
  const { consentId } = await granted(world, patient)
  await takenBack(world, patient, consentId)
  const request = grantOf(world, patient)
  const words = consentWords(request.terms, { patient: NAMELESS, ownSite: world.clinic().identity.site })
  expect(verified(await vault.grantConsent({ ...request, words })).words).toEqual(words)
  expect((await vault.chart(patient.handle, 1)).patient.status).toBe('verified')
})

it('needs the card, the PIN of who records it, and for a patient who cannot sign two physicians', async () => {
  const { world, vault, team, patient } = await withHolder()
  const request = grantOf(world, patient)
  expect(await codeOf(() => vault.grantConsent({ ...request, pin: '000000' }))).toBe('WRONG_PIN')
  const wrong = { how: 'card', card: { ...patient.card, pin: '0000' } } as const
  expect(await codeOf(() => vault.grantConsent({ ...request, authorisation: wrong }))).toBe('WRONG_CARD_PIN')
  const other = await holder(world, 2)
  const theirs = { how: 'card', card: other.card } as const
  expect(await codeOf(() => vault.grantConsent({ ...request, authorisation: theirs }))).toBe('BAD_CARD')
  const incapable = { ...request, authorisation: { how: 'incapable', reason: 'unconscious' } } as const
  expect(await codeOf(() => vault.grantConsent(incapable))).toBe('NOT_ALLOWED')
  await vault.signIn(team.physician, PIN)
  expect(await codeOf(() => vault.grantConsent(incapable))).toBe('NOT_ALLOWED')
  const withNurse = { ...incapable, second: { handle: team.nurse, pin: PIN } }
  expect(await codeOf(() => vault.grantConsent(withNurse))).toBe('NOT_ALLOWED')
  const twice = { ...incapable, second: { handle: team.physician, pin: PIN } }
  expect(await codeOf(() => vault.grantConsent(twice))).toBe('NOT_ALLOWED')
  const record = verified(await vault.grantConsent({ ...incapable, second: { handle: team.other, pin: PIN } }))
  expect(record).toMatchObject({ capacity: 'incapable', recordedBy: ['Phil Physician', 'Olga Other'] })
})

it('takes a guardian’s card, and names the guardian', async () => {
  const { world, vault, patient } = await withHolder()
  const { text } = await vault.issueCard({
    ...{ handle: patient.handle, capacity: 'guardian', holder: 'Grace Guardian', cardPin: CARD_PIN, pin: PIN },
  })
  const card = { text, pin: CARD_PIN }
  const record = verified(
    await vault.grantConsent({ ...grantOf(world, patient), authorisation: { how: 'card', card } }),
  )
  expect(record).toMatchObject({ capacity: 'guardian', proxy: 'Grace Guardian' })
  const back = { handle: patient.handle, consentId: record.consentId, reason: 'no longer wanted', card, pin: PIN }
  expect(verified(await vault.revokeConsent(back))).toMatchObject({ revocation: { how: 'card' }, capacity: 'guardian' })
})

it('goes on from the newest version of a consent, and from no closed or unknown one', async () => {
  const { world, vault, patient } = await withHolder()
  const { consentId } = await granted(world, patient)
  const request = { ...grantOf(world, patient, { until: '2026-09-01' }), consentId }
  expect(verified(await vault.amendConsent(request))).toMatchObject({ version: 2, kind: 'amended' })
  const unknown = { ...request, consentId: 'ab'.repeat(16) }
  expect(await codeOf(() => vault.amendConsent(unknown))).toBe('UNKNOWN_CONSENT')
  const other = await holder(world, 2)
  expect(await codeOf(() => takenBack(world, other, consentId))).toBe('UNKNOWN_CONSENT')
  await takenBack(world, patient, consentId)
  expect(await codeOf(() => vault.amendConsent(request))).toBe('CONSENT_CLOSED')
  expect(await codeOf(() => takenBack(world, patient, consentId))).toBe('CONSENT_CLOSED')
})

it('is for physicians and nurses', async () => {
  const { world, vault, team, patient } = await withHolder()
  const { consentId } = await granted(world, patient)
  for (const who of [team.it, team.auditor]) {
    await vault.signIn(who, PIN)
    expect(await codeOf(() => vault.consents(patient.handle))).toBe('NOT_ALLOWED')
    expect(await codeOf(() => vault.grantConsent(grantOf(world, patient)))).toBe('NOT_ALLOWED')
    expect(await codeOf(() => takenBack(world, patient, consentId))).toBe('NOT_ALLOWED')
  }
  await vault.signOut()
  expect(await codeOf(() => vault.consents(patient.handle))).toBe('NOT_SIGNED_IN')
})

it('keeps every version when several are recorded at once', async () => {
  const { world, vault, patient } = await withHolder()
  await Promise.all([1, 2, 3].map(() => granted(world, patient)))
  const [first] = (await vault.consents(patient.handle)).map(verified)
  const consentId = first?.consentId ?? ''
  const dates = ['2026-09-01', '2026-10-01', '2026-11-01']
  await Promise.all(dates.map((until) => vault.amendConsent({ ...grantOf(world, patient, { until }), consentId })))
  const all = (await vault.consents(patient.handle)).map(verified).filter((each) => each.consentId === consentId)
  expect(all.map(({ version, terms }) => [version, terms.until])).toEqual([
    [1, '2027-03-02'],
    ...dates.map((date, i) => [i + 2, date]),
  ])
})
