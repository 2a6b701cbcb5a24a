import { expect, it } from 'vitest'
import { FOREIGN_FROM } from '../../../../src/main/core/vault/subject-keys.ts'
import { equalBytes, fromHex } from '../../../../src/shared/bytes.ts'
import { codeOf, PIN } from '../../../faults/support/clinic.ts'
import { clinicOf, granted, takenBack, weigh, weightsIn } from '../../../support/consent-world.ts'
import { joinedTo, until } from '../../../support/two-clinics.ts'
import { day, twoWorkstations } from '../../../support/two-workstations.ts'

it('what two workstations recorded goes to a clinic that the patient names, until they take it back', async () => {
  const { a, b, patient, shows } = await twoWorkstations()
  const { handle } = patient
  await a.vault.signIn(a.team.it, PIN)
  const x = await joinedTo(a)
  const { handle: physician } = await x.vault.enrolPractitioner({
    name: 'Petra Physician',
    role: 'physician',
    pin: PIN,
  })
  await x.vault.signIn(physician, PIN)
  await a.vault.signIn(a.team.nurse, PIN)
  await weigh(b, patient, '71.0')
  await until('the first shows it', () => shows(a, '70.1,71.0'))
  const site = { a: a.clinic().identity.site, x: clinicOf(x).identity.site }
  const terms = { sites: [site.a, site.x].toSorted(), from: day(-1), until: day(100) }
  const { consentId } = await granted(a, patient, terms)
  await until('the other clinic shows both logs', () => shows(x, '70.1,71.0'), 90_000)
  await until(
    'the second workstation has heard',
    async () => (await b.vault.chart(handle, 1)).consent.state === 'covers',
  )
  await weigh(b, patient, '71.5')
  await until('the other clinic shows what came since', () => shows(x, '70.1,71.0,71.5'), 90_000)
  // For the other clinic it stays somebody else's patient.
  expect(await codeOf(() => weigh(x, patient, '72.0'))).toBe('UNKNOWN_PATIENT')

  await takenBack(a, patient, consentId)
  await until('that was heard', async () => (await b.vault.chart(handle, 1)).consent.state === 'refused')
  const kept = await granted(a, patient, { ...terms, sites: [site.a] })
  await until('what holds was heard', async () => (await b.vault.chart(handle, 1)).consent.state === 'covers')
  await weigh(b, patient, '72.0')
  await until('the first shows it', () => shows(a, '70.1,71.0,71.5,72.0'))
  expect(kept.terms.sites).toEqual([site.a])
  const newest = b.clinic().replica.newestEpoch(handle) ?? 0
  expect(newest).toBe(FOREIGN_FROM * (1 + (a.clinic().replica.newestEpoch(handle) ?? 0)))
  const theirs = clinicOf(x).identity.sharingKey
  // Whichever of the two handed over first: the other has no reason to any more.
  const given = [a, b].flatMap((open) => {
    const rows = open.clinic().store.epochKeys(fromHex(handle))
    return rows.filter(({ recipient, epoch }) => equalBytes(recipient, theirs) && epoch >= FOREIGN_FROM)
  })
  expect(given.map(({ epoch }) => epoch)).not.toContain(newest)
  expect(given.length).toBeGreaterThan(0)
  await until(
    'the other clinic has heard',
    async () => (await x.vault.chart(handle, 1)).consent.state === 'refused',
    90_000,
  )
  expect(weightsIn(await x.vault.chart(handle, 1)).every((step) => step === 'access')).toBe(true)
  const link = b
    .clinic()
    .replica.chain(handle)
    .links.findLast(({ type }) => type === 'reading')
  expect(link === undefined ? null : clinicOf(x).store.payload(link.log.origin, link.index)).toBeNull()
}, 240_000)
