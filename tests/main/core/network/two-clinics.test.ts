import { describe, expect, it } from 'vitest'
import { instantText } from '../../../../src/clinical/instant.ts'
import { codeOf, PIN } from '../../../faults/support/clinic.ts'
import { clinicOf, granted, holder, takenBack, verified, weigh, weightsIn } from '../../../support/consent-world.ts'
import { isAllFinal, joinedTo, networkedClinic, until } from '../../../support/two-clinics.ts'

const day = (fromNow: number) => instantText(Date.now() + fromNow * 86_400_000, 0).slice(0, 10)

describe('two clinics', () => {
  it('share one ledger: logs are mirrored, cosigned and final on both sides', async () => {
    const a = await networkedClinic()
    const b = await joinedTo(a)
    await until('everything is final on both sides', async () => (await isAllFinal(a, 2)) && (await isAllFinal(b, 2)))
    expect((await a.vault.networkStatus()).quorum).toMatchObject({ sites: 2, needed: 2, reachable: 2, isThere: true })
    expect((await a.vault.networkStatus()).invitations).toMatchObject([{ state: 'used' }])
    expect((await a.vault.networkStatus()).copies.logs).toBe(1)
    const site = clinicOf(b).identity.site
    await until('it is called as its invitation says', async () => {
      const { names } = (await a.vault.networkStatus()).settings
      return names?.some((one) => one.site === site && one.name === 'Hill Road') === true
    })
  })

  it('show each other what patients consent to, and no more once that is taken back', async () => {
    const a = await networkedClinic()
    const b = await joinedTo(a)
    const site = { a: a.clinic().identity.site, b: clinicOf(b).identity.site }
    const physician = await b.vault.enrolPractitioner({ name: 'Petra Physician', role: 'physician', pin: PIN })
    await b.vault.signIn(physician.handle, PIN)
    const patient = await holder(a, 1)
    await weigh(a, patient, '70.1')
    expect(await b.vault.searchPatients('')).toEqual([])
    const terms = { sites: [site.a, site.b].sort(), from: day(-1), until: day(100) }
    const { consentId } = await granted(a, patient, terms)
    await weigh(a, patient, '70.2')
    const chart = () => b.vault.chart(patient.handle, 1)
    await until('both weights arrive', async () => {
      const [row] = await b.vault.searchPatients('')
      return row?.status === 'verified' && weightsIn(await chart()).join() === '70.1,70.2'
    })
    const seen = await chart()
    expect(seen).toMatchObject({ site: site.a, consent: { state: 'covers' } })
    expect(verified(seen.patient)).toMatchObject({ familyName: patient.familyName, site: site.a })
    await until('they are final there', async () => {
      const { readings } = await chart()
      return readings.every((row) => row.status === 'verified' && row.position.grade.name === 'final')
    })
    await takenBack(a, patient, consentId)
    await weigh(a, patient, '70.3')
    await until('nothing is shown any more', async () => (await chart()).consent.state === 'refused')
    const after = await chart()
    expect(weightsIn(after).every((shown) => shown === 'access')).toBe(true)
    expect(JSON.stringify(after)).not.toMatch(/70\.[123]|Family1/)
    // Broken glass opens what was handed over before, and nothing that came later.
    const glass = {
      handle: patient.handle,
      reason: 'unconscious',
      text: 'Found unconscious in the hall',
      pin: PIN,
    } as const
    await b.vault.breakGlass(glass)
    await until('the rest has arrived', async () => weightsIn(await chart()).length === 3)
    expect(weightsIn(await chart())).toEqual(['70.1', '70.2', 'access'])
    expect(await codeOf(() => b.vault.patient(patient.handle))).toBe('UNKNOWN_PATIENT')
    // The patient's own clinic sees that another one looked, which one, why, and whether it knew of the refusal.
    const looks = async () =>
      (await a.vault.accessLog({ handle: patient.handle, before: null, limit: 50 })).flatMap((row) =>
        row.status === 'verified' && row.record.site === site.b ? [row.record] : [],
      )
    await until('their emergency has come', async () => (await looks()).some(({ kind }) => kind === 'emergency'))
    const abroad = await looks()
    expect(abroad.find(({ kind }) => kind === 'emergency')).toMatchObject({
      practitioner: expect.stringMatching(/^[0-9a-f]{8}$/) as string,
      reason: { code: 'unconscious', text: null },
      subjects: [patient.handle],
    })
    expect(abroad.some(({ kind, purpose }) => kind === 'view' && purpose === 'care')).toBe(true)
    // Whoever opened it after the refusal saw nothing, or broke the glass: no violation.
    expect(abroad.some(({ kind, purpose }) => kind === 'view' && purpose === 'refused')).toBe(true)
    expect(abroad.every(({ finding }) => finding !== 'violation')).toBe(true)
    const times = (await a.vault.accessLog({ handle: null, before: null, limit: 100 })).flatMap((row) =>
      row.status === 'verified' ? [Date.parse(row.record.at)] : [],
    )
    expect(times).toEqual(times.toSorted((x, y) => y - x))
  })
})
