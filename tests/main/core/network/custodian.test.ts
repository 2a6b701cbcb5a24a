import { expect, it } from 'vitest'
import { instantText } from '../../../../src/clinical/instant.ts'
import { equalBytes, fromHex } from '../../../../src/shared/bytes.ts'
import { PIN } from '../../../faults/support/clinic.ts'
import { clinicOf, granted, holder, takenBack, weigh, weightsIn } from '../../../support/consent-world.ts'
import { joinedTo, networkedClinic, until } from '../../../support/two-clinics.ts'

const day = (fromNow: number) => instantText(Date.now() + fromNow * 86_400_000, 0).slice(0, 10)

it('a custodian holds what it cannot read, and gets the keys, of earlier times as well, when a consent names it', async () => {
  const a = await networkedClinic()
  const b = await joinedTo(a)
  const { origin, site } = a.clinic().identity
  const { store, identity } = clinicOf(b)
  const { settings } = await a.vault.networkStatus()
  await a.vault.configureNetwork({ ...settings, custodians: [identity.site] })
  const [patient, other] = [await holder(a, 1), await holder(a, 2)]
  // Two epochs: the first ends with the consent that is taken back.
  const { consentId } = await granted(a, patient, { sites: [site], from: day(-1), until: day(100) })
  await weigh(a, patient, '70.1')
  await takenBack(a, patient, consentId)
  await weigh(a, patient, '70.2')
  await granted(a, other, { sites: [site], from: day(-1), until: day(100) })
  const [row] = await weigh(a, other, '60.1')
  const last = row?.status === 'verified' ? row.position.index : -1
  await until('the ciphertext is there', () => store.payload(origin, last) !== null)
  const keysOf = ({ handle }: { handle: string }) =>
    store.epochKeys(fromHex(handle)).filter(({ recipient }) => equalBytes(recipient, identity.sharingKey))
  expect([keysOf(patient), keysOf(other)]).toEqual([[], []])
  const physician = await b.vault.enrolPractitioner({ name: 'Petra Physician', role: 'physician', pin: PIN })
  await b.vault.signIn(physician.handle, PIN)
  await granted(a, patient, { sites: [site, identity.site].sort(), from: day(-1), until: day(100) })
  await until('both weights can be read', async () => {
    const chart = await b.vault.chart(patient.handle, 1)
    return weightsIn(chart).join() === '70.1,70.2'
  })
  expect(keysOf(other)).toEqual([])
}, 90_000)
