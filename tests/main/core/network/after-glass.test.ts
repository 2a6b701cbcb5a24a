import { expect, it } from 'vitest'
import { instantText } from '../../../../src/clinical/instant.ts'
import { PIN } from '../../../faults/support/clinic.ts'
import { clinicOf, granted, holder, takenBack, weigh, weightsIn } from '../../../support/consent-world.ts'
import { joinedTo, networkedClinic, until } from '../../../support/two-clinics.ts'

const day = (fromNow: number) => instantText(Date.now() + fromNow * 86_400_000, 0).slice(0, 10)

it('what a site records about a patient of another takes no place of keys that come later', async () => {
  const a = await networkedClinic()
  const b = await joinedTo(a)
  const site = { a: a.clinic().identity.site, b: clinicOf(b).identity.site }
  const { settings } = await a.vault.networkStatus()
  // A custodian has what it may not read.
  await a.vault.configureNetwork({ ...settings, custodians: [site.b] })
  const physician = await b.vault.enrolPractitioner({ name: 'Petra Physician', role: 'physician', pin: PIN })
  await b.vault.signIn(physician.handle, PIN)
  const patient = await holder(a, 1)
  const [from, to] = [day(-1), day(100)]
  await granted(a, patient, { sites: [site.a], from, until: to })
  const { consentId } = await granted(a, patient, { sites: [site.b], from, until: to })
  await weigh(a, patient, '70.1')
  const weights = async () => weightsIn(await b.vault.chart(patient.handle, 1)).join()
  await until('the weight arrives', async () => {
    const [row] = await b.vault.searchPatients('')
    return row?.status === 'verified' && (await weights()) === '70.1'
  })
  await takenBack(a, patient, consentId)
  await weigh(a, patient, '70.2')
  await until('nothing is shown any more', async () => (await weights()) === 'access,access')
  const words = { reason: 'unconscious', text: 'Found unconscious in the hall' } as const
  await b.vault.breakGlass({ handle: patient.handle, ...words, pin: PIN })
  expect(await weights()).toBe('70.1,access')
  // The patient agrees again: what was recorded meanwhile is handed over, under the epoch that followed the first.
  await granted(a, patient, { sites: [site.b], from, until: to, history: true })
  await until('everything is shown', async () => (await weights()) === '70.1,70.2')
})
