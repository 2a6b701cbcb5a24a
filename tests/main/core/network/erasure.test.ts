import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { instantText } from '../../../../src/clinical/instant.ts'
import { fromHex, toHex } from '../../../../src/shared/bytes.ts'
import { PIN } from '../../../faults/support/clinic.ts'
import { clinicOf, granted, holder, weigh, weightsIn } from '../../../support/consent-world.ts'
import { joinedTo, networkedClinic, until } from '../../../support/two-clinics.ts'

const day = (fromNow: number) => instantText(Date.now() + fromNow * 86_400_000, 0).slice(0, 10)

it('what a clinic erases goes from the disks of those whom it was shared with, and nothing else goes', async () => {
  const a = await networkedClinic()
  const b = await joinedTo(a)
  const site = { a: a.clinic().identity.site, b: clinicOf(b).identity.site }
  const physician = await b.vault.enrolPractitioner({ name: 'Petra Physician', role: 'physician', pin: PIN })
  await b.vault.signIn(physician.handle, PIN)
  const terms = { sites: [site.a, site.b].sort(), from: day(-1), until: day(100) }
  const [erased, kept] = [await holder(a, 1), await holder(a, 2)]
  for (const patient of [erased, kept]) {
    await granted(a, patient, terms)
    await weigh(a, patient, '70.1')
  }
  const weights = async ({ handle }: { handle: string }) => weightsIn(await b.vault.chart(handle, 1)).join()
  await until('both weights arrive', async () => {
    const rows = await b.vault.searchPatients('')
    return (
      rows.filter(({ status }) => status === 'verified').length === 2 &&
      (await weights(erased)) === '70.1' &&
      (await weights(kept)) === '70.1'
    )
  })
  const { store } = clinicOf(b)
  const { origin } = a.clinic().identity
  const keysOf = ({ handle }: { handle: string }) => store.epochKeys(fromHex(handle)).map(({ sealed }) => sealed)
  const keys = keysOf(erased).map(toHex)
  const ciphertexts = a
    .clinic()
    .replica.chain(erased.handle)
    .links.flatMap(({ index }) => store.payload(origin, index) ?? [])
    .map(({ ciphertext }) => toHex(ciphertext.subarray(0, 24)))
  expect([keys.length > 0, ciphertexts.length > 2]).toEqual([true, true])

  await a.vault.signIn(a.team.physician, PIN)
  const reason = { reason: 'patient-request', authority: 'gdpr-17' } as const
  const { id } = await a.vault.requestErasure({ handle: erased.handle, records: null, ...reason, pin: PIN })
  await a.vault.signIn(a.team.it, PIN)
  await a.vault.approveErasure({ id, pin: PIN })
  const held = () =>
    a
      .clinic()
      .replica.chain(erased.handle)
      .links.filter(({ index }) => store.payload(origin, index) !== null)
  await until('it is gone at the other clinic', () => held().length === 0 && keysOf(erased).length === 0)
  await until('its bytes are gone from the files', () => {
    const files = ['ledger.db', 'ledger.db-wal'].map((name) => {
      try {
        return readFileSync(join(b.folder, 'clinic', name)).toString('hex')
      } catch {
        return ''
      }
    })
    return ![...keys, ...ciphertexts].some((bytes) => files.some((file) => file.includes(bytes)))
  })
  expect((await b.vault.searchPatients('')).filter(({ status }) => status === 'verified')).toHaveLength(1)
  expect(await weights(kept)).toBe('70.1')
})
