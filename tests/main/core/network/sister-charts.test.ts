import { afterEach, describe, expect, it, vi } from 'vitest'
import { PatientIndex } from '../../../../src/main/core/vault/patient-index.ts'
import { codeOf, patientNumber, PIN, startVault, type OpenVault } from '../../../faults/support/clinic.ts'
import { clinicOf, granted, grantOf, takenBack, verified, weigh, weightsIn } from '../../../support/consent-world.ts'
import { until } from '../../../support/two-clinics.ts'
import { day, twoWorkstations } from '../../../support/two-workstations.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

/** Two workstations of one clinic, and the chart of the one patient at the second. */
async function twoCharts() {
  const world = await twoWorkstations()
  const { b, patient, shows } = world
  const chart = (open: OpenVault = b) => open.vault.chart(patient.handle, 1)
  return { ...world, chart, shows: (weights: string, open: OpenVault = b) => shows(open, weights) }
}

describe('a patient of another workstation of the clinic', { timeout: 180_000 }, () => {
  it('is found and charted as the own one, and the chart says whose it is and when that was heard', async () => {
    const { a, b, patient, folder, chart, shows } = await twoCharts()
    const [row] = await b.vault.searchPatients(patient.familyName)
    const { site, log } = a.clinic().identity
    expect(row === undefined ? null : verified(row)).toMatchObject({ handle: patient.handle, site, workstation: log })
    await weigh(a, patient, '70.2')
    await until('what is recorded there comes, and is final', async () => {
      const { readings } = await chart()
      return (
        (await shows('70.1,70.2')) &&
        readings.every((one) => one.status === 'verified' && one.position.grade.name === 'final')
      )
    })
    const seen = await chart()
    expect(seen).toMatchObject({ workstation: { log }, consent: { state: 'none' }, unattributedDamage: 0 })
    expect(Date.now() - Date.parse(seen.workstation?.heardAt ?? '1970-01-01')).toBeLessThan(60_000)
    // Who looked there is named here, and by name: it is one clinic.
    const looks = async () =>
      (await a.vault.accessLog({ handle: patient.handle, before: null, limit: 50 })).flatMap((one) =>
        one.status === 'verified' ? [one.record] : [],
      )
    await until('that somebody looked there has come', async () => (await looks()).some((one) => one.site === site))
    const nurse = (await a.vault.practitioners()).find(({ handle }) => handle === a.team.nurse)
    expect((await looks()).every(({ practitioner }) => practitioner === nurse?.name)).toBe(true)
    // Without the other disk it is all still there; only what is not heard is not known.
    await a.vault.close()
    await b.vault.close()
    const again = await startVault(folder)
    await again.vault.signIn(a.team.nurse, PIN)
    expect(await shows('70.1,70.2', again)).toBe(true)
    expect((await chart(again)).workstation).toEqual({ log, heardAt: null })
  })

  it('is not registered a second time, and what is theirs alone to decide is recorded where they are registered', async () => {
    const { a, b, patient } = await twoCharts()
    const { familyName, givenName, birthDate, gender, identifier } = patient
    const same = { familyName, givenName, birthDate, gender, identifier }
    expect(await codeOf(() => b.vault.registerPatient(same))).toBe('DUPLICATE_PATIENT')
    const alike = { ...same, identifier: 'MRN-OTHER', birthDate: '1901-02-03', familyName: `${familyName}e` }
    const similar = await b.vault.similarPatients({ ...alike, birthDate })
    expect(similar.map((row) => (row.status === 'verified' ? row.record.handle : row.step))).toEqual([patient.handle])
    const scanned = await b.vault.scanCode(identifier)
    expect(scanned === null ? null : verified(scanned).handle).toBe(patient.handle)
    const card = { handle: patient.handle, capacity: 'patient', holder: null, cardPin: '73915', pin: PIN } as const
    expect(await codeOf(() => b.vault.issueCard(card))).toBe('OTHER_WORKSTATION')
    const consent = grantOf({ ...a, vault: b.vault }, patient)
    expect(await codeOf(() => b.vault.grantConsent(consent))).toBe('OTHER_WORKSTATION')
    const { links } = clinicOf(b).replica.chain(patient.handle)
    expect(links.filter(({ type }) => type !== 'access')).toEqual([])
  })

  it('is verified once in a sign-in, and again when something came', async () => {
    const { a, b, patient } = await twoCharts()
    const verifiedNow = vi.spyOn(PatientIndex.prototype, 'take')
    const alike = async () => {
      verifiedNow.mockClear()
      await b.vault.similarPatients({ ...patientNumber(7), familyName: 'Nobody', givenName: 'Alike' })
      return verifiedNow.mock.calls.flatMap(([findings]) => findings.map(({ handle }) => handle))
    }
    // The search of the world that stands here came before anybody was compared.
    expect((await alike()).length).toBeLessThanOrEqual(1)
    expect(await alike()).toEqual([])
    const other = await a.vault.registerPatient(patientNumber(8))
    const isKnown = async () =>
      (await codeOf(() => b.vault.patient(other.handle))) === null &&
      (await b.vault.patient(other.handle)).status === 'verified'
    await until('they have come', isKnown)
    expect(await alike()).toEqual([other.handle])
    expect(await alike()).toEqual([])
    expect(await codeOf(() => b.vault.registerPatient(patientNumber(8)))).toBe('DUPLICATE_PATIENT')
    await b.vault.signIn(b.team.nurse, PIN)
    expect((await alike()).sort()).toEqual([patient.handle, other.handle].sort())
  })

  it('is closed here as soon as their decision is heard', async () => {
    const { a, b, patient, chart } = await twoCharts()
    const found = async () =>
      (await b.vault.searchPatients('')).map((row) => (row.status === 'verified' ? row.record.familyName : row.step))
    expect(await found()).toEqual([patient.familyName])
    const terms = { from: day(-1), until: day(100) }
    const { consentId } = await granted(a, patient, terms)
    await until('the consent holds there', async () => (await chart()).consent.state === 'covers')
    await takenBack(a, patient, consentId)
    await until('the chart is closed', async () => (await chart()).consent.state === 'refused')
    const closed = await chart()
    expect(weightsIn(closed)).toEqual(['access'])
    expect(JSON.stringify(closed)).not.toMatch(/70\.1|Family1/)
    // Who they are was verified before, in the same sign-in.
    expect(await found()).toEqual(['access'])
    expect(clinicOf(b).identity.site).toBe(a.clinic().identity.site)
  })
})
